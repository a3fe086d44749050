import type { Job } from '../../domain/entity.ts';
import { currentLifetime, dayMs, evidence, isAlive, isRecent, type Picture } from './derive-picture.ts';
import type {
  ClaimFact,
  ItemFact,
  OperationFact,
  OperationLogFact,
  PullRequestFact,
  RequestFact,
} from './facts.ts';
import { type Found, findFamily } from './find-facts.ts';
import { auditSources, logSources } from './locate.ts';

/** What jobs are made of, joined once. */
export interface Joined {
  readonly picture: Picture;
  readonly operations: ReadonlyMap<string, Found<OperationFact>>;
  readonly told: ReadonlyMap<string, Found<OperationLogFact>>;
  /** By issue: progress told by a file that does not hold the operation's beginning. */
  readonly items: ReadonlyMap<string, Found<ItemFact>>;
  /** Row that what `items` tells without a number is about. */
  readonly unnamedOwner: number | undefined;
  readonly claims: ReadonlyMap<string, Found<ClaimFact>>;
  readonly pullRequests: ReadonlyMap<string, Found<PullRequestFact>>;
  /** Newest row of all: the loop is one thread, so only this one can be at work. */
  readonly newestId: number;
}

/** When an operation on each issue last began, by the database or by the log. */
function beginnings(joined: Joined): Map<string, number> {
  const newest = new Map<string, number>();
  const note = (issue: string | undefined, at: number | undefined): void => {
    if (issue !== undefined && at !== undefined) newest.set(issue, Math.max(newest.get(issue) ?? 0, at));
  };
  for (const { value } of joined.operations.values()) note(value.issue, value.startedAt);
  for (const { value } of joined.told.values()) note(value.issue, value.at);
  return newest;
}

/** Issues in the daemon's memory that wait for their turn. */
export function queuedJobs(joined: Joined): Job[] {
  const { picture } = joined;
  const lifetime = currentLifetime(picture);
  if (!lifetime) return [];
  const begun = beginnings(joined);
  const jobs: Job[] = [];
  for (const [issue, found] of joined.claims) {
    const { at, offset, title } = found.value;
    if (at < lifetime.startedAt || (begun.get(issue) ?? 0) >= Math.floor(at / 1000) * 1000) continue;
    const alive = isAlive(picture);
    jobs.push({
      type: 'job',
      system: picture.context.located.system,
      id: `issue-${issue}`,
      title: `#${issue}${title === undefined ? '' : ` ${title}`}`,
      observedAt: found.file.readAt,
      evidence: evidence(found, { offset, at, text: 'claimed' }),
      status: alive ? 'queued' : 'unknown',
      nativeStatus: alive ? 'pending' : 'lost with the daemon',
      createdAt: at,
      updatedAt: at,
      logKeys: [`issue-${issue}`],
      cautions: [
        alive
          ? 'the queue is kept in memory: it is lost with the daemon'
          : 'the next daemon claims it again while it is open and labelled',
      ],
      data: { issue },
    });
  }
  return jobs;
}

/** `process-issue N` queues in a process that then ends: the daemon never hears of it. */
export function lostRequests(joined: Joined): Job[] {
  const { picture } = joined;
  const { facts } = picture.context;
  const requests = findFamily<RequestFact>(facts, logSources, 'request:', (fact) => fact.at);
  const titles = findFamily<string>(facts, auditSources(facts), 'title:', () => 0);
  const begun = beginnings(joined);
  const jobs: Job[] = [];
  for (const [issue, found] of requests) {
    const { at, offset } = found.value;
    const title = titles.get(issue)?.value;
    const takenUp = Math.max(begun.get(issue) ?? 0, joined.claims.get(issue)?.value.at ?? 0) >= at;
    if (takenUp || !isRecent(picture, at, dayMs)) continue;
    jobs.push({
      type: 'job',
      system: picture.context.located.system,
      id: `request-${issue}`,
      title: `#${issue}${title === undefined ? '' : ` ${title}`} (process-issue)`,
      observedAt: found.file.readAt,
      evidence: evidence(found, { offset, at, text: `Manually triggered processing for issue #${issue}` }),
      status: 'unknown',
      nativeStatus: 'swallowed',
      createdAt: at,
      updatedAt: at,
      attention: {
        rank: 7,
        label: 'LOST',
        why: 'process-issue said queued; it queued in its own memory and ended',
        since: at,
        onExpiry: 'never runs',
        group: 'lost-requests',
        playbook: 'not-processing',
      },
      logKeys: [`issue-${issue}`],
      cautions: ['no command reaches the daemon: give the issue a label it claims by'],
      data: { issue },
    });
  }
  return jobs;
}

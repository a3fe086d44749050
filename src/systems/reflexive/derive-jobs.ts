import type { Evidence, Job } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { durationText } from '../../lib/time-text.ts';
import { evidence, type Picture } from './derive-picture.ts';
import { type Joined, lostRequests, queuedJobs } from './derive-queue.ts';
import type { ClaimFact, ItemFact, OperationFact, OperationLogFact, PullRequestFact } from './facts.ts';
import { type Found, findFamily } from './find-facts.ts';
import { endedItem, unnamedItem } from './fold-life.ts';
import { type JobState, stateOf } from './job-state.ts';
import { logSources } from './locate.ts';

/** Operations of `analytics.db`, items claimed and not begun, and requests that reached nobody. */
export function deriveJobs(picture: Picture): Job[] {
  const { facts } = picture.context;
  const operations = findFamily<OperationFact>(facts, ['analytics.db'], 'op:', (row) => row.id);
  let newestId = 0;
  for (const { value } of operations.values()) newestId = Math.max(newestId, value.id);
  const parts = {
    picture,
    operations,
    newestId,
    told: findFamily<OperationLogFact>(
      facts,
      logSources,
      'op:',
      (fact) => fact.completedAt ?? fact.stageAt ?? fact.at,
    ),
    items: findFamily<ItemFact>(facts, logSources, 'item:', (fact) => fact.at),
    claims: findFamily<ClaimFact>(facts, logSources, 'claim:', (fact) => fact.at),
    pullRequests: findFamily<PullRequestFact>(facts, ['audit.log', ...logSources], 'pr:', (fact) => fact.at),
  };
  const joined: Joined = { ...parts, unnamedOwner: unnamedOwner(parts) };
  const jobs: Job[] = [];
  for (const found of operations.values()) jobs.push(operationJob(joined, found));
  jobs.push(...queuedJobs(joined), ...lostRequests(joined));
  return jobs;
}

function operationJob(joined: Joined, found: Found<OperationFact>): Job {
  const { picture } = joined;
  const row = found.value;
  const told = toldOf(joined, row);
  const claim = joined.claims.get(row.issue);
  const title = row.title ?? claim?.value.title;
  const state = stateOf(joined, row, told?.value);
  const updatedAt = row.completedAt ?? told?.value.stageAt ?? row.startedAt;
  const pr = told?.value.pr;
  const cautions = cautionsOf(state, pr);
  const trail = trailOf(joined, row, told, claim);
  const at = row.completedAt ?? row.startedAt;
  const logKeys = [`op-${row.id}`];
  if (row.issue !== '') logKeys.push(`issue-${row.issue}`);
  if (pr !== undefined) logKeys.push(`pr-${pr}`);
  // Put together field by field: there may be thousands of rows, and spreads of optional fields double the cost.
  const job: { -readonly [K in keyof Job]: Job[K] } = {
    type: 'job',
    system: picture.context.located.system,
    id: `op-${row.id}`,
    title: title === undefined ? nameOf(row) : `${nameOf(row)} ${title}`,
    observedAt: found.file.readAt,
    evidence: {
      source: found.file.source,
      path: found.file.path,
      query: `operations.id = ${row.id}`,
      text: rowText(row),
      ...(at === undefined ? undefined : { at }),
    },
    status: state.status,
    nativeStatus: state.native,
    attempts: row.attempts,
    logKeys,
    data: pr === undefined ? { issue: row.issue } : { issue: row.issue, pr },
  };
  if (trail.length > 0) job.trail = trail;
  if (row.startedAt !== undefined) job.createdAt = row.startedAt;
  if (updatedAt !== undefined) job.updatedAt = updatedAt;
  if (state.beat !== undefined) job.heartbeatAt = state.beat;
  if (state.attention !== undefined) job.attention = state.attention;
  if (cautions.length > 0) job.cautions = cautions;
  return job;
}

/** The row in words: how it ended, how long it took, what the program noted of its size. */
function rowText(row: OperationFact): string {
  if (!row.completed) return 'completed_at is NULL';
  const words = [row.success ? 'success' : (row.error ?? 'failed')];
  if (row.durationS !== undefined) words.push(`took ${durationText(row.durationS * 1000)}`);
  if (row.complexity !== undefined) words.push(`complexity ${row.complexity}`);
  if (row.filesChanged !== undefined) words.push(`${row.filesChanged} files changed`);
  if (row.retries > 0) words.push(`${row.retries} retries`);
  return words.join(', ');
}

/** One thread, one item: a sentence without a number is about the row that began last before it. */
function unnamedOwner(joined: Omit<Joined, 'unnamedOwner'>): number | undefined {
  const at = joined.items.get(unnamedItem)?.value.at;
  if (at === undefined) return undefined;
  let owner: number | undefined;
  let begun = 0;
  for (const { value } of joined.operations.values()) {
    const since = joined.told.get(String(value.id))?.value.at ?? value.startedAt ?? 0;
    if (since > at || since < begun) continue;
    owner = value.id;
    begun = since;
  }
  return owner;
}

/** Rows have whole seconds, and the lines about an end follow it. */
const rowSlackMs = 2000;

/** What the log tells of a row, joined with what a moved log tells of its issue later. */
function toldOf(joined: Joined, row: OperationFact): Found<OperationLogFact> | undefined {
  const told = joined.told.get(String(row.id));
  if (joined.items.size === 0) return told;
  const since = told?.value.stageAt ?? told?.value.at ?? row.startedAt;
  const until = row.completedAt !== undefined ? addMs(row.completedAt, rowSlackMs) : Number.POSITIVE_INFINITY;
  if (since === undefined || (!row.completed && row.id !== joined.newestId)) return told;
  const within = (name: string): Found<ItemFact> | undefined => {
    const item = joined.items.get(name);
    return item && item.value.at >= since && item.value.at <= until ? item : undefined;
  };
  const named = within(row.issue);
  const ended = within(endedItem(row.id));
  const unnamed = row.id === joined.unnamedOwner ? joined.items.get(unnamedItem) : undefined;
  const last = named ?? unnamed ?? ended;
  if (!last) return told;
  const stages = [named, unnamed].filter((item) => (item?.value.stageAt ?? 0) >= since);
  stages.sort((a, b) => (b?.value.stageAt ?? 0) - (a?.value.stageAt ?? 0));
  const { stage, stageAt, stageOffset } = stages[0]?.value ?? {};
  const { pr, error } = named?.value ?? {};
  const end = named?.value.ended ? named.value : ended?.value;
  const value: OperationLogFact = {
    ...(told?.value ?? { at: last.value.at, offset: last.value.offset }),
    ...(stage === undefined ? {} : { stage }),
    ...(stageAt === undefined ? {} : { stageAt }),
    ...(stageOffset === undefined ? {} : { stageOffset }),
    ...(pr === undefined ? {} : { pr }),
    ...(error === undefined ? {} : { error }),
    ...(end ? { completedAt: ended?.value.at ?? end.at, endOffset: end.offset, success: row.success } : {}),
  };
  return { value, file: last.file };
}

const orphanCautions = [
  'the row stays in flight for ever; the program counts it as a failure',
  'a branch or pull request may exist: look at GitHub before it is worked on again',
];

const failedCautions = [
  'this daemon does not try it again; a restarted one claims it while it is open and labelled, and pays again',
];

function cautionsOf(state: JobState, pr: number | undefined): readonly string[] {
  if (state.status === 'done') {
    const name = pr === undefined ? 'the pull request' : `PR #${pr}`;
    return [
      `the program ends at ${name}: nobody watches its CI, reviews or merge, and nothing is fixed by itself`,
      'a restarted daemon claims the issue again while it is open and labelled: close it or take the label off',
    ];
  }
  if (state.orphan) return orphanCautions;
  return state.status === 'failed' ? failedCautions : [];
}

function trailOf(
  joined: Joined,
  row: OperationFact,
  told: Found<OperationLogFact> | undefined,
  claim: Found<ClaimFact> | undefined,
): Evidence[] {
  const trail: Evidence[] = [];
  if (told) {
    const { value } = told;
    trail.push(evidence(told, { offset: value.offset, at: value.at, text: 'operation_started' }));
    if (value.stage !== undefined && value.stageAt !== undefined) {
      trail.push(
        evidence(told, {
          at: value.stageAt,
          text: `reached stage ${value.stage}`,
          ...(value.stageOffset === undefined ? {} : { offset: value.stageOffset }),
        }),
      );
    }
    if (value.endOffset !== undefined && value.completedAt !== undefined) {
      const end = value.success ? 'ended well' : `ended: ${value.error ?? 'failed'}`;
      trail.push(evidence(told, { offset: value.endOffset, at: value.completedAt, text: end }));
    }
    const pr = value.pr === undefined ? undefined : joined.pullRequests.get(String(value.pr));
    if (pr) {
      const { at, offset, event, url } = pr.value;
      trail.push({ ...evidence(pr, { offset, at, text: event }), ...(url === undefined ? {} : { url }) });
    }
  }
  if (claim && row.startedAt !== undefined && claim.value.at <= addMs(row.startedAt, 1000)) {
    trail.push(evidence(claim, { offset: claim.value.offset, at: claim.value.at, text: 'claimed' }));
  }
  return trail;
}

function nameOf(row: OperationFact): string {
  if (row.issue === '') return row.kind;
  return row.kind === 'process_issue' ? `#${row.issue}` : `${row.kind} ${row.issue}`;
}

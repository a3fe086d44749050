import type { Issue } from '../../domain/entity.ts';
import { addMs, instant } from '../../domain/instant.ts';
import { currentLifetime, evidence, isAlive, isRecent, type Picture, timeWord } from './derive-picture.ts';
import type { ErrorsFact, FailingFact, GithubFact, OperationLogFact, PendingFact } from './facts.ts';
import { type Found, findAll, findFact, findFamily } from './find-facts.ts';
import { issueOf } from './issue-parts.ts';
import { logSources } from './locate.ts';

const failingWords = {
  main: {
    key: 'main-loop',
    title: 'main loop fails',
    what: 'each pass ends early, 60 s apart',
  },
  github: { key: 'github-check', title: 'asking GitHub for issues fails', what: 'no new issue is claimed' },
  work: {
    key: 'work-loop',
    title: 'working through the queue fails',
    what: 'pending issues are not worked on',
  },
  coder: {
    key: 'coder',
    title: 'multi-agent-coder fails',
    what: 'every stage needs it: issues fail one after the other',
  },
} as const;

/** A step of the loop that fails pass after pass. */
export function failing(picture: Picture, kind: keyof typeof failingWords): Issue | undefined {
  const found = findFailing(picture, kind);
  if (!found) return undefined;
  const { firstAt, lastAt, count, event, offset } = found.value;
  // A timeout names its seconds and no error.
  const error = found.value.error === '' ? event : found.value.error;
  // One query that timed out is daily life.
  if (kind === 'coder' && count < 2) return undefined;
  const words = failingWords[kind];
  // Three in a row are no hiccup: nothing moves until somebody does something.
  const fatal = kind === 'coder' ? false : count >= 3;
  const times = count === 1 ? 'once' : `${count} times`;
  return issueOf(picture, {
    key: words.key,
    title: `${words.title}: ${error}`.slice(0, 160),
    severity: fatal ? 'fatal' : 'error',
    observedAt: found.file.readAt,
    trail: [evidence(found, { offset, at: lastAt, text: error === event ? event : `${event}: ${error}` })],
    since: firstAt,
    logKeys: [event],
    detail: `${event}, ${times}; ${words.what}`,
    playbook: 'not-processing',
    row: {
      rank: fatal ? 2 : 4,
      label: fatal ? 'FATAL' : 'ERROR',
      why: `${times} since ${timeWord(firstAt, picture.now)}: ${words.what}`,
    },
  });
}

/**
 * The failing step, while it counts as failing: the daemon lives, nothing since shows that the step works again, and the
 * next try may still be due. A pass that succeeds with nothing to do writes no line, so silence ends it too.
 */
function findFailing(picture: Picture, kind: keyof typeof failingWords): Found<FailingFact> | undefined {
  const [found, earlier] = findAll<FailingFact>(
    picture.context.facts,
    logSources,
    `fails:${kind}`,
    (fact) => fact.lastAt,
  );
  if (!found || found.value.passedAt !== undefined || !isAlive(picture)) return undefined;
  const lifetime = currentLifetime(picture);
  if (lifetime && found.value.lastAt < lifetime.startedAt) return undefined;
  const pollMs = (lifetime?.fact?.value.pollS ?? picture.config.pollS) * 1000;
  const retryMs = kind === 'main' ? 60_000 : kind === 'coder' ? Math.max(pollMs, 10 * 60_000) : pollMs;
  const patienceMs = 2 * retryMs + 120_000;
  if (!isRecent(picture, found.value.lastAt, patienceMs)) return undefined;
  // A log that was moved meanwhile tells one series in two files.
  const goesOn =
    earlier !== undefined &&
    earlier.value.passedAt === undefined &&
    earlier.value.lastAt < found.value.firstAt &&
    found.value.firstAt - earlier.value.lastAt <= patienceMs;
  if (!goesOn) return found;
  const count = earlier.value.count + found.value.count;
  return { file: found.file, value: { ...found.value, firstAt: earlier.value.firstAt, count } };
}

/** GitHub refuses, or soon will, until its limit begins anew. */
export function githubLimit(picture: Picture): Issue | undefined {
  const found = findFact<GithubFact>(picture.context.facts, logSources, 'github', (fact) => fact.at);
  if (!found || !isAlive(picture)) return undefined;
  const { at, since, offset, remaining, limit, resetAt, exceeded } = found.value;
  // Without a reset time it holds for GitHub's hour at most.
  const until = resetAt ?? addMs(at, 3_600_000);
  if (until <= picture.now) return undefined;
  picture.wake(until);
  const left = `${remaining ?? 0}${limit === undefined ? '' : ` of ${limit}`} requests left`;
  return issueOf(picture, {
    key: 'github-limit',
    logKeys: ['GitHub API rate limit'],
    title: exceeded ? 'GitHub rate limit used up: no issue is looked for' : `GitHub rate limit: ${left}`,
    severity: exceeded ? 'error' : 'warning',
    observedAt: found.file.readAt,
    trail: [evidence(found, { offset, at, text: exceeded ? 'GitHub API rate limit exceeded' : left })],
    since,
    detail: `It begins anew at ${timeWord(until, picture.now)}.`,
    playbook: 'not-processing',
    row: {
      rank: exceeded ? 4 : 5,
      label: 'GITHUB',
      why: exceeded
        ? 'no new issue is claimed until the limit begins anew'
        : 'the next polls use up what is left',
      until,
      onExpiry: 'begins anew',
    },
  });
}

/** Issues that were claimed and that no pass begins. */
export function notProcessing(picture: Picture): Issue | undefined {
  const found = findFact<PendingFact>(picture.context.facts, logSources, 'pending', (fact) => fact.lastAt);
  const lifetime = currentLifetime(picture);
  if (!found || !isAlive(picture) || (lifetime && found.value.lastAt < lifetime.startedAt)) return undefined;
  const { firstAt, lastAt, times, count, offset } = found.value;
  const begun = findFamily<OperationLogFact>(picture.context.facts, logSources, 'op:', (fact) => fact.at);
  // Begun in the other file of a log that was moved meanwhile.
  if ([...begun.values()].some(({ value }) => value.at > lastAt)) return undefined;
  if (times < 2) return undefined;
  const off = !picture.config.autoImplementation;
  const items = count === 1 ? '1 issue' : `${count} issues`;
  return issueOf(picture, {
    key: 'not-processing',
    logKeys: ['pending work items'],
    title: `${items} pending, none begun in ${times} passes`,
    severity: 'warning',
    observedAt: found.file.readAt,
    trail: [
      evidence(found, { offset, at: lastAt, text: `Processing ${count} pending work items` }),
      ...(off && picture.configFile
        ? [
            evidence(
              { file: picture.configFile },
              { text: 'issue_processing.enable_auto_implementation is false' },
            ),
          ]
        : []),
    ],
    since: firstAt,
    suggestedAction: off
      ? 'Set issue_processing.enable_auto_implementation to true and restart.'
      : 'Look at the log of the last pass.',
    playbook: 'not-processing',
    row: {
      rank: 4,
      label: 'IDLE',
      why: off ? 'enable_auto_implementation is false: claimed, never worked on' : 'announced, never begun',
    },
  });
}

const burstWindowMs = 10 * 60_000;
const burstSize = 5;

/** Many different errors in ten minutes; those of the loop itself are told elsewhere. */
export function errorBurst(picture: Picture): Issue | undefined {
  const { facts } = picture.context;
  // audit.log has each error once; without it the error lines of the main log say the same.
  const audited = facts.files('audit.log').some((file) => file.present);
  const minutes = findFamily<ErrorsFact>(
    facts,
    audited ? ['audit.log'] : logSources,
    audited ? 'errors:' : 'logged:',
    (fact) => fact.count,
  );
  const from = Math.floor(picture.now / 60_000) * 60_000 - burstWindowMs;
  const recent = [...minutes]
    .filter(([minute]) => Number(minute) > from)
    .sort(([a], [b]) => Number(a) - Number(b));
  const total = recent.reduce((sum, [, { value }]) => sum + value.count, 0);
  const last = recent.at(-1)?.[1];
  const first = recent[0];
  if (!last || !first || total < burstSize) return undefined;
  // The oldest minute leaves the window first.
  picture.wake(addMs(instant(Number(first[0])), burstWindowMs + 60_000));
  return issueOf(picture, {
    key: 'error-burst',
    logKeys: ['error_occurred'],
    title: `${total} errors in 10 minutes`,
    severity: 'error',
    observedAt: last.file.readAt,
    trail: recent
      .slice(-5)
      .reverse()
      .map(([, found]) =>
        evidence(found, { offset: found.value.offset, at: found.value.lastAt, text: found.value.text }),
      ),
    since: instant(Number(first[0])),
    playbook: 'health-degraded',
    row: { rank: 4, label: 'ERRORS', why: `last: ${last.value.text}`.slice(0, 120) },
  });
}

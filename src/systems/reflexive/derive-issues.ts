import type { Attention, Evidence, Issue } from '../../domain/entity.ts';
import { addMs, dayOf, type Instant, instant, parseInstant } from '../../domain/instant.ts';
import type { Cost } from './derive-meters.ts';
import { usd } from './derive-meters.ts';
import {
  currentLifetime,
  dayMs,
  evidence,
  isAlive,
  isRecent,
  type Picture,
  timeWord,
} from './derive-picture.ts';
import {
  type ErrorsFact,
  type FailingFact,
  type Found,
  findFact,
  findFamily,
  type GithubFact,
  type GuardFact,
  type PendingFact,
  type RoadmapFact,
  type SeenFact,
} from './facts.ts';
import { configSources, logSources } from './locate.ts';

type Severity = Issue['severity'];

interface IssueParts {
  readonly key: string;
  readonly title: string;
  readonly severity: Severity;
  readonly trail: readonly Evidence[];
  readonly observedAt: Instant;
  readonly since?: Instant | undefined;
  readonly detail?: string;
  readonly suggestedAction?: string;
  readonly playbook?: string;
  /** Rank, label and why of its row; none: it is known, and another row leads to it. */
  readonly row?: Pick<Attention, 'rank' | 'label' | 'why'> & { until?: Instant; onExpiry?: string };
  readonly cautions?: readonly string[];
  readonly logKeys?: readonly string[];
}

/** Every condition of this kind that a human should know of. */
export function deriveIssues(picture: Picture, cost: Cost | undefined): Issue[] {
  return [
    configTrouble(picture),
    configChanged(picture, cost),
    failing(picture, 'main'),
    failing(picture, 'github'),
    failing(picture, 'work'),
    failing(picture, 'coder'),
    refusedRequests(picture, cost),
    costLimit(picture, cost),
    staleWindow(picture, cost),
    githubLimit(picture),
    notProcessing(picture),
    errorBurst(picture),
    movedLog(picture),
    roadmapError(picture),
    ...guards(picture),
  ].filter((issue) => issue !== undefined);
}

function issueOf(picture: Picture, parts: IssueParts): Issue {
  const { row, since } = parts;
  const attention: Attention | undefined = row && {
    ...row,
    ...(since === undefined ? {} : { since }),
    ...(parts.playbook === undefined ? {} : { playbook: parts.playbook }),
  };
  return {
    type: 'issue',
    system: picture.context.located.system,
    id: parts.key,
    key: parts.key,
    title: parts.title,
    observedAt: parts.observedAt,
    evidence: parts.trail[0] ?? { source: 'orchestrator.log' },
    ...(parts.trail.length > 1 ? { trail: parts.trail.slice(1) } : {}),
    severity: parts.severity,
    status: 'open',
    ...(parts.detail === undefined ? {} : { detail: parts.detail }),
    ...(since === undefined ? {} : { since }),
    ...(parts.suggestedAction === undefined ? {} : { suggestedAction: parts.suggestedAction }),
    ...(parts.playbook === undefined ? {} : { playbook: parts.playbook }),
    ...(attention === undefined ? {} : { attention }),
    ...(parts.cautions === undefined ? {} : { cautions: parts.cautions }),
    ...(parts.logKeys === undefined ? {} : { logKeys: parts.logKeys }),
  };
}

/** True when the configuration would end the next start. */
export function hasConfigTrouble(picture: Picture): boolean {
  return picture.configError !== undefined || picture.config.problems.length > 0;
}

/** A configuration `start` would refuse, before somebody restarts with it. */
function configTrouble(picture: Picture): Issue | undefined {
  if (!hasConfigTrouble(picture) || !picture.configFile) return undefined;
  const file = picture.configFile;
  const problems = picture.configError === undefined ? picture.config.problems : [picture.configError];
  const alive = isAlive(picture);
  const at = file.modifiedAt === undefined ? {} : { at: file.modifiedAt };
  return issueOf(picture, {
    key: 'config-invalid',
    title: `${file.path}: ${problems[0] ?? ''}`.slice(0, 160),
    severity: alive ? 'error' : 'fatal',
    observedAt: file.readAt,
    trail: problems.map((text) => evidence({ file }, { text, ...at })),
    since: file.modifiedAt,
    detail: `start ends with exit 1: ${problems.join('; ')}`,
    suggestedAction: 'Correct the file, then `python -m src.cli validate-config` must say valid.',
    playbook: 'will-not-start',
    row: {
      rank: alive ? 7 : 2,
      label: alive ? 'CONFIG' : 'FATAL',
      why: `${alive ? 'the next restart will fail' : 'down, and start refuses'}: ${problems[0] ?? ''}`.slice(
        0,
        120,
      ),
    },
  });
}

/** A limit that was edited and is not in force: the daemon reads its configuration once. */
function configChanged(picture: Picture, cost: Cost | undefined): Issue | undefined {
  const run = currentLifetime(picture)?.fact;
  const inForce = cost?.limitFrom === 'daemon' ? cost.limit : run?.value.limit;
  const file = picture.configFile;
  if (!isAlive(picture) || inForce === undefined || !file || hasConfigTrouble(picture)) return undefined;
  const written = picture.config.maxCostPerDay;
  if (Math.abs(written - inForce) < 0.001) return undefined;
  const at = file.modifiedAt;
  const isNewer = at !== undefined && run !== undefined && at > run.value.at;
  return issueOf(picture, {
    key: 'config-not-in-force',
    title: `daily limit ${usd(written)} is written, ${usd(inForce)} is in force`,
    severity: 'warning',
    observedAt: file.readAt,
    trail: [
      evidence(
        { file },
        { text: `safety.max_api_cost_per_day ${written}`, ...(at === undefined ? {} : { at }) },
      ),
      ...(run
        ? [
            evidence(run, {
              offset: run.value.offset,
              at: run.value.at,
              text: `started with ${usd(inForce)}`,
            }),
          ]
        : []),
    ],
    since: isNewer ? at : run?.value.at,
    detail: 'The daemon reads its configuration at its start only.',
    suggestedAction: 'Restart the daemon at a moment without an operation in flight.',
    playbook: 'cost-limit',
    row: {
      rank: 7,
      label: 'CONFIG',
      why: `the edit has no effect before a restart: limit is still ${usd(inForce)}`,
    },
  });
}

const failingWords = {
  main: {
    key: 'main-loop',
    title: 'main loop fails',
    what: 'each pass ends early; the loop waits 60 s and tries again',
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
function failing(picture: Picture, kind: keyof typeof failingWords): Issue | undefined {
  const found = findFailing(picture, kind);
  if (!found) return undefined;
  const { firstAt, lastAt, count, error, event, offset } = found.value;
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
    trail: [evidence(found, { offset, at: lastAt, text: `${event}: ${error}` })],
    since: firstAt,
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
export function findFailing(
  picture: Picture,
  kind: keyof typeof failingWords,
): Found<FailingFact> | undefined {
  const found = findFact<FailingFact>(
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
  return isRecent(picture, found.value.lastAt, 2 * retryMs + 120_000) ? found : undefined;
}

function refusedRequests(picture: Picture, cost: Cost | undefined): Issue | undefined {
  const refused = cost?.refused;
  if (!cost || !refused || !isAlive(picture)) return undefined;
  const { firstAt, lastAt, count, offset, text } = refused.value;
  const times = count === 1 ? '1 answer' : `${count} answers`;
  return issueOf(picture, {
    key: 'cost-refused',
    title: `daily limit ${usd(cost.limit)} reached: answers are paid for and thrown away`,
    severity: 'fatal',
    observedAt: refused.file.readAt,
    trail: [evidence(refused, { offset, at: lastAt, text })],
    since: firstAt,
    detail:
      'The model is called before the limit is looked at: the answer is paid for, then refused and lost. The counter stays below the limit while the bill grows.',
    suggestedAction:
      'Stop the daemon (SIGINT) until the limit is raised or the day is over; it never begins a new day by itself.',
    playbook: 'cost-limit',
    row: {
      rank: 1,
      label: 'COST',
      why: `${times} paid for and lost since ${timeWord(firstAt, picture.now)}; the counter hides it`,
    },
    cautions: ['midnight does not end this: a running daemon never resets its counter'],
  });
}

/** The condition behind the cost meter, which has the row. */
function costLimit(picture: Picture, cost: Cost | undefined): Issue | undefined {
  if (!cost || cost.status === 'ok' || cost.refused) return undefined;
  const place = cost.file ?? cost.log;
  if (!place) return undefined;
  const critical = cost.status === 'critical';
  return issueOf(picture, {
    key: 'cost-limit',
    title: `cost ${usd(cost.total)} is ${Math.floor(cost.share * 100)} % of ${usd(cost.limit)}`,
    severity: critical ? 'error' : 'warning',
    observedAt: place.file.readAt,
    trail: [
      evidence(place, {
        ...(cost.updatedAt === undefined ? {} : { at: cost.updatedAt }),
        text: `total_cost ${cost.total}`,
      }),
    ],
    since: cost.since ?? cost.updatedAt,
    ...(cost.exhaustsAt === undefined
      ? {}
      : {
          detail: `at ${usd(cost.perHour ?? 0)} an hour the limit is reached at ${timeWord(cost.exhaustsAt, picture.now)}`,
        }),
    playbook: 'cost-limit',
  });
}

function staleWindow(picture: Picture, cost: Cost | undefined): Issue | undefined {
  if (!cost?.stale) return undefined;
  const place = cost.file ?? cost.log;
  if (!place) return undefined;
  const dayAfter = parseInstant(cost.date);
  const hasRow = cost.status === 'ok' && cost.share >= 0.5;
  return issueOf(picture, {
    key: 'cost-window',
    title: `cost window is still ${cost.date}: one daily limit for all days since`,
    severity: 'warning',
    observedAt: place.file.readAt,
    trail: [evidence(place, { text: `date ${cost.date}, today is ${dayOf(picture.now)}` })],
    since: dayAfter === undefined ? undefined : addMs(dayAfter, dayMs),
    detail: 'The tracker looks at the date when its process starts and never again.',
    suggestedAction: 'Restart the daemon when no operation is in flight; it then begins at $0.',
    playbook: 'cost-limit',
    // Below half the limit this is how every long-lived daemon looks each night: worth knowing, no page.
    ...(hasRow
      ? {
          row: {
            rank: 5,
            label: 'COST',
            why: `${usd(cost.total)} of ${usd(cost.limit)} already, no reset at midnight`,
          } as const,
        }
      : {}),
  });
}

function githubLimit(picture: Picture): Issue | undefined {
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
    title: exceeded ? 'GitHub rate limit used up: no issue is looked for' : `GitHub rate limit: ${left}`,
    severity: exceeded ? 'error' : 'warning',
    observedAt: found.file.readAt,
    trail: [evidence(found, { offset, at, text: exceeded ? 'GitHub API rate limit exceeded' : left })],
    since,
    detail: `It begins anew at ${timeWord(until, picture.now)}.`,
    row: {
      rank: exceeded ? 4 : 5,
      label: 'GITHUB',
      why: exceeded
        ? 'no new issue is claimed until the limit begins anew'
        : `${left}; the next polls use them up`,
      until,
      onExpiry: 'begins anew by itself',
    },
  });
}

function notProcessing(picture: Picture): Issue | undefined {
  const found = findFact<PendingFact>(picture.context.facts, logSources, 'pending', (fact) => fact.lastAt);
  const lifetime = currentLifetime(picture);
  if (!found || !isAlive(picture) || (lifetime && found.value.lastAt < lifetime.startedAt)) return undefined;
  const { firstAt, lastAt, times, count, offset } = found.value;
  if (times < 2) return undefined;
  const off = !picture.config.autoImplementation;
  const items = count === 1 ? '1 issue' : `${count} issues`;
  return issueOf(picture, {
    key: 'not-processing',
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
function errorBurst(picture: Picture): Issue | undefined {
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
    title: `${total} errors in 10 minutes, last: ${last.value.text}`.slice(0, 160),
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

/**
 * The log was renamed and the daemon writes on into the renamed file (it keeps its descriptor): the file under the usual
 * name stays empty until a restart.
 */
function movedLog(picture: Picture): Issue | undefined {
  const { facts } = picture.context;
  if (!isAlive(picture)) return undefined;
  const main = facts.files('orchestrator.log').find((file) => file.present);
  const moved = findFact<SeenFact>(facts, ['orchestrator.rotated'], 'seen', (seen) => seen.lastAt);
  if (!moved?.file.present) return undefined;
  const mainSeen = main?.facts.get('seen') as SeenFact | undefined;
  const mainBegins =
    main === undefined ? 0 : (mainSeen?.firstAt ?? main.modifiedAt ?? Number.POSITIVE_INFINITY);
  // Lines in the renamed file newer than the beginning of the present one: its writer never let go of it.
  if (moved.value.lastAt <= mainBegins + 1000) return undefined;
  const lifetime = currentLifetime(picture);
  if (lifetime && moved.value.lastAt < lifetime.startedAt) return undefined;
  const since = main === undefined ? undefined : (main.bornAt ?? instant(mainBegins));
  return issueOf(picture, {
    key: 'log-moved',
    title: `the daemon writes to ${moved.file.path}, not to ${main?.path ?? 'the log under its usual name'}`,
    severity: 'warning',
    observedAt: moved.file.readAt,
    trail: [
      evidence(moved, { at: moved.value.lastAt, text: 'newest line' }),
      ...(main
        ? [evidence({ file: main }, { text: mainSeen ? 'lines of other commands only' : 'empty' })]
        : []),
    ],
    since,
    detail:
      'Its descriptor follows the renamed file. A tail of the usual name shows nothing, and deleting the old file loses lines.',
    suggestedAction: 'Restart when convenient; rotate with copytruncate instead.',
    row: { rank: 7, label: 'LOG', why: `${moved.file.path} goes on growing; the usual name stays behind` },
  });
}

function roadmapError(picture: Picture): Issue | undefined {
  const found = findFact<RoadmapFact>(
    picture.context.facts,
    ['roadmap'],
    'roadmap',
    (fact) => fact.errorAt ?? 0,
  );
  const error = found?.value.error;
  if (!found || error === undefined) return undefined;
  const { errorAt, generatedAt } = found.value;
  return issueOf(picture, {
    key: 'roadmap-error',
    title: `roadmap failed: ${error}`.slice(0, 160),
    severity: 'warning',
    observedAt: found.file.readAt,
    trail: [evidence(found, { text: error, ...(errorAt === undefined ? {} : { at: errorAt }) })],
    since: errorAt,
    detail:
      generatedAt === undefined
        ? 'No roadmap was ever generated.'
        : `The last one is of ${timeWord(generatedAt, picture.now)}.`,
    suggestedAction:
      'python -m src.cli generate-roadmap --force (spends money; creates GitHub issues when roadmap.auto_create_issues is true)',
    row: { rank: 7, label: 'ROADMAP', why: `${error}; nothing tries again by itself`.slice(0, 120) },
    cautions: ['the daemon generates no roadmap: next_scheduled_time passes and nothing happens'],
  });
}

function guards(picture: Picture): Issue[] {
  const found = findFamily<GuardFact>(
    picture.context.facts,
    guardSources(picture),
    'guard:',
    (fact) => fact.at,
  );
  const issues: Issue[] = [];
  for (const [guard, one] of found) {
    const { at, offset, reason, blocked, count } = one.value;
    if (!isRecent(picture, at, dayMs)) continue;
    const times = count > 1 ? `, ${count} times` : '';
    issues.push(
      issueOf(picture, {
        key: `guard-${guard}`,
        title: `guard ${guard} blocked ${blocked}${times}`.slice(0, 160),
        severity: 'warning',
        observedAt: one.file.readAt,
        trail: [evidence(one, { offset, at, text: `${reason}; blocked: ${blocked}` })],
        since: at,
        detail: reason,
        playbook: 'safety-violation',
        row: {
          rank: 3,
          label: 'GUARD',
          why: `${reason || 'no reason written'}; stays blocked`.slice(0, 120),
        },
      }),
    );
  }
  return issues;
}

/** Audit events are read from audit.log; where there is none, from the main log, which has them too. */
export function guardSources(picture: Picture): readonly string[] {
  return picture.context.facts.files('audit.log').length > 0 ? ['audit.log'] : logSources;
}

/** Sources of the configuration that hold a file, for the layers. */
export function hasConfigFile(picture: Picture): boolean {
  return configSources.some((source) => picture.context.facts.files(source).some((file) => file.present));
}

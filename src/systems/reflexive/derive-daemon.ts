import type { Attention, Evidence, Issue, Run, Service } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import {
  lifetimeLines,
  lifetimeTrail,
  modeFlag,
  modeOf,
  processEvidence,
  runOf,
} from './derive-lifetimes.ts';
import { currentLifetime, evidence, type Lifetime, type Picture, timeWord } from './derive-picture.ts';

/** The daemon as a service, and each of its lifetimes as a run. */
export function deriveDaemon(picture: Picture, hasConfigTrouble: boolean): (Service | Run | Issue)[] {
  const out: (Service | Run | Issue)[] = [daemonService(picture, hasConfigTrouble)];
  const shown = picture.lifetimes.slice(-20);
  for (const lifetime of shown) out.push(runOf(picture, lifetime));
  if (picture.daemon.processes.length > 1) out.push(twoDaemons(picture));
  return out;
}

function daemonService(picture: Picture, hasConfigTrouble: boolean): Service {
  const { context, daemon, now } = picture;
  const last = currentLifetime(picture);
  const trail = daemonTrail(picture);
  const attention = daemonAttention(picture, last, hasConfigTrouble);
  const mode = modeOf(picture, last);
  const repository = last?.fact?.value.repository ?? picture.config.repository;
  const words = {
    up: { status: 'up', detail: `pid ${pids(picture)}, ${mode}, up since ${since(last, now)}` },
    suspended: { status: 'degraded', detail: `pid ${pids(picture)} is suspended by a signal` },
    hidden: {
      status: 'unknown',
      detail: `pid ${daemon.hidden.map((one) => one.pid).join(', ')} runs src.cli start, its directory is hidden`,
    },
    stopped: { status: 'down', detail: `stopped on request at ${endWord(last, now)}` },
    down: { status: 'down', detail: `no process; ${lastWord(picture, last)}` },
    never: { status: 'unknown', detail: 'no process, and no start in the log' },
  } as const;
  return {
    type: 'service',
    system: context.located.system,
    id: 'daemon',
    title: `orchestrator daemon${repository === '' ? '' : ` for ${repository}`}`,
    observedAt: context.processes.readAt,
    evidence: trail[0] ?? { source: 'daemon', text: 'no process `src.cli start` with this directory' },
    ...(trail.length > 1 ? { trail: trail.slice(1) } : {}),
    status: words[daemon.state].status,
    detail: `${words[daemon.state].detail}${unitWord(picture)}`,
    ...(attention ? { attention } : {}),
    logKeys: lifetimeLines,
    data: daemonData(picture, last),
    cautions: [
      '`src.cli status` is a process of its own: it always says idle, not running, nothing to do',
      'the program asks GitHub once every poll and writes nothing while idle: silence is no sign of death',
    ],
  };
}

/** What its keeper says, as it says it. */
function unitWord({ daemon }: Picture): string {
  const unit = daemon.unit?.value;
  if (!unit) return '';
  const exit = unit.exit === undefined || unit.active === 'active' ? '' : `, exit ${unit.exit}`;
  const result = unit.result === '' || unit.result === 'success' ? '' : `, ${unit.result}`;
  const restarts =
    unit.restarts === undefined || unit.restarts === 0 ? '' : `, restarted ${unit.restarts} times`;
  return `; ${unit.active} (${unit.sub})${result}${exit}${restarts}`;
}

/** What acts on the daemon need to know of it. */
function daemonData(picture: Picture, last: Lifetime | undefined): NonNullable<Service['data']> {
  const { config, daemon } = picture;
  const run = last?.fact?.value;
  const hasBegun = run !== undefined && (run.pollS !== undefined || run.mode === 'manual');
  const saidEndAt = run?.stoppedAt ?? run?.errorAt;
  const argument = modeFlag(last?.process?.argv ?? []);
  const logsLife = config.logFile !== null && /^(INFO|DEBUG|NOTSET)$/i.test(config.logLevel);
  return {
    state: daemon.state,
    daemons: daemon.processes.map(({ pid, startedAt }) => ({ pid, startedAt })),
    mode: modeOf(picture, last),
    logsLife,
    ...(argument === undefined ? {} : { modeArgument: argument }),
    ...(run && hasBegun ? { begunAt: run.at } : {}),
    // As its own log says: the process table may be a second behind, either way.
    ...(saidEndAt === undefined ? {} : { endedAt: saidEndAt }),
    ...(run?.error === undefined ? {} : { endWord: run.error.slice(0, 200) }),
    ...(last?.end?.how === 'stopped' && last.end.at !== undefined ? { stoppedAt: last.end.at } : {}),
  };
}

function daemonAttention(
  picture: Picture,
  last: Lifetime | undefined,
  hasConfigTrouble: boolean,
): Attention | undefined {
  const { state, life } = picture.daemon;
  if (state === 'suspended') {
    return {
      rank: 2,
      label: 'SUSPENDED',
      why: 'stopped by a signal (state T); nothing moves',
      playbook: 'not-processing',
    };
  }
  // A configuration that will not start is the cause, and has the row.
  if (hasConfigTrouble) return undefined;
  const sinceAt = last?.end?.at ?? life?.value.at;
  const at = sinceAt === undefined ? {} : { since: sinceAt };
  if (state === 'stopped') {
    return {
      rank: 4,
      label: 'STOPPED',
      why: 'stopped on request; nothing starts it again',
      ...at,
      act: 'daemon.start',
      playbook: 'will-not-start',
    };
  }
  if (state !== 'down') return undefined;
  const unit = picture.daemon.unit?.value;
  // SIGTERM leaves no word in the log; whoever sent it does.
  if (unit?.active === 'inactive') {
    return {
      rank: 4,
      label: 'STOPPED',
      why: 'its keeper stopped it on request; nothing starts it again',
      ...at,
      act: 'daemon.start',
      playbook: 'will-not-start',
    };
  }
  if (unit?.active === 'activating') {
    return {
      rank: 2,
      label: 'RESTARTS',
      why: `its keeper starts it again and again${unit.exit === undefined ? '' : `, exit ${unit.exit}`}`,
      ...at,
      playbook: 'system-failure',
    };
  }
  const error = last?.end?.error;
  return {
    rank: 2,
    label: 'DOWN',
    why:
      error === undefined
        ? unit?.exit !== undefined && unit.active === 'failed'
          ? `failed with exit ${unit.exit}${unit.result === '' ? '' : ` (${unit.result})`}`
          : 'no process, no stop event: SIGTERM, kill or crash'
        : `ended: ${error}`.slice(0, 90),
    ...at,
    act: 'daemon.start',
    // Started anew until its keeper gave up: one more start is no way out.
    playbook: unit?.active === 'failed' && (unit.restarts ?? 0) > 0 ? 'system-failure' : 'will-not-start',
  };
}

function daemonTrail(picture: Picture): Evidence[] {
  const { daemon, now } = picture;
  const last = currentLifetime(picture);
  const trail: Evidence[] = [];
  for (const process of [...daemon.processes, ...daemon.hidden].slice(0, 5)) {
    trail.push(processEvidence(process));
  }
  if (last?.fact) trail.push(...lifetimeTrail(last, now));
  if (daemon.unit) {
    trail.push(evidence(daemon.unit, { text: unitWord(picture).slice(2) }));
  }
  if (daemon.life) {
    const { at, offset } = daemon.life.value;
    trail.push(evidence(daemon.life, { offset, at, text: 'newest line of the daemon' }));
  }
  return trail;
}

function twoDaemons(picture: Picture): Issue {
  const { context, daemon } = picture;
  const newest = daemon.processes.at(-1);
  const trail = [...daemon.processes].reverse().map(processEvidence);
  const pidList = daemon.processes.map((one) => one.pid).join(', ');
  return {
    type: 'issue',
    system: context.located.system,
    id: 'two-daemons',
    key: 'two-daemons',
    title: `${daemon.processes.length} daemons on one checkout: pids ${pidList}`,
    observedAt: context.processes.readAt,
    evidence: trail[0] ?? { source: 'daemon' },
    trail: trail.slice(1),
    severity: 'error',
    status: 'open',
    detail:
      'Each claims the same issues and counts its own spending: cost_tracker.json holds what the last writer knows, so twice the limit can be spent.',
    ...(newest ? { since: newest.startedAt } : {}),
    suggestedAction: 'Stop all but one with SIGINT (Ctrl-c), the newest first.',
    playbook: 'two-daemons',
    attention: {
      rank: 1,
      label: 'DOUBLE',
      why: 'they work on the same issues and spend twice',
      ...(newest ? { since: newest.startedAt } : {}),
      act: 'daemon.stop',
      menu: 'pause',
      playbook: 'two-daemons',
    },
  };
}

function pids(picture: Picture): string {
  return picture.daemon.processes.map((one) => one.pid).join(', ');
}

function since(lifetime: Lifetime | undefined, now: Instant): string {
  return lifetime === undefined ? 'unknown' : timeWord(lifetime.startedAt, now);
}

function endWord(lifetime: Lifetime | undefined, now: Instant): string {
  return lifetime?.end?.at === undefined ? 'an unknown time' : timeWord(lifetime.end.at, now);
}

function lastWord(picture: Picture, lifetime: Lifetime | undefined): string {
  const at = lifetime?.end?.at ?? picture.daemon.life?.value.at;
  return at === undefined ? 'no line of it' : `last line ${timeWord(at, picture.now)}`;
}

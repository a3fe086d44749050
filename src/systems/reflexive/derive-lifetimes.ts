import type { Evidence, Run } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { evidence, type Lifetime, type Picture, timeWord } from './derive-picture.ts';

/** Lines that tell of the daemon's beginning and end. */
export const lifetimeLines: readonly string[] = [
  'Starting orchestrator',
  'Starting main loop',
  'Received shutdown signal',
  'Orchestrator encountered an error',
  'Orchestrator stopped',
];

/** The mode a command line names, where it names one that exists. */
export function modeFlag(argv: readonly string[]): string | undefined {
  const start = argv.indexOf('start');
  for (const [index, word] of argv.entries()) {
    if (index < start) continue;
    const value =
      word === '--mode' ? argv[index + 1] : word.startsWith('--mode=') ? word.slice(7) : undefined;
    if (value !== undefined && ['manual', 'supervised', 'autonomous'].includes(value)) return value;
  }
  return undefined;
}

export function processEvidence(process: ProcessInfo): Evidence {
  const place = process.terminal === undefined ? '' : ` (at ${process.terminal})`;
  const text = `${process.argv.join(' ').slice(0, 200)}${place}`;
  return { source: 'daemon', pid: process.pid, text, at: process.startedAt };
}

export function lifetimeTrail(lifetime: Lifetime, now: Instant): Evidence[] {
  const found = lifetime.fact;
  if (!found) return [];
  const run = found.value;
  const poll = run.pollS === undefined ? '' : `, polls every ${run.pollS}s`;
  const limit = run.limit === undefined ? '' : `, limit $${run.limit.toFixed(2)}`;
  const trail = [
    evidence(found, {
      offset: run.offset,
      at: run.at,
      text: `started in ${run.mode ?? 'unknown'} mode${poll}${limit}`,
    }),
  ];
  if (lifetime.end?.how === 'error') {
    const { at, error } = lifetime.end;
    trail.push(
      evidence(found, { ...(at === undefined ? {} : { at }), text: `ended with an error: ${error ?? ''}` }),
    );
  }
  if (lifetime.end?.how === 'stopped' && lifetime.end.at !== undefined) {
    trail.push(
      evidence(found, {
        ...(run.stoppedOffset === undefined ? {} : { offset: run.stoppedOffset }),
        at: lifetime.end.at,
        text: run.signalAt === undefined ? 'stopped' : 'stopped after an interrupt (SIGINT)',
      }),
    );
  }
  if (lifetime.end?.how === 'no trace') {
    const at = lifetime.end.at;
    trail.push(
      evidence(found, {
        ...(at === undefined ? {} : { at }),
        text: `no stop event: SIGTERM, kill or crash${at === undefined ? '' : `, after ${timeWord(at, now)}`}`,
      }),
    );
  }
  return trail;
}

export function runOf(picture: Picture, lifetime: Lifetime): Run {
  const { context, now } = picture;
  const run = lifetime.fact?.value;
  const state = stateOfRun(lifetime);
  const trail = lifetimeTrail(lifetime, now);
  const process = lifetime.process;
  const first: Evidence = trail[0] ?? (process ? processEvidence(process) : { source: 'daemon' });
  const endedAt = lifetime.end?.at;
  return {
    type: 'run',
    system: context.located.system,
    id: lifetime.id,
    title: `daemon from ${timeWord(lifetime.startedAt, now)}, ${modeOf(picture, lifetime)} mode`,
    observedAt: picture.observedAt,
    evidence: first,
    ...(trail.length > 1 ? { trail: trail.slice(1) } : {}),
    status: state[0],
    nativeStatus: state[1],
    logKeys: lifetimeLines,
    startedAt: lifetime.startedAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(run?.mode === 'manual'
      ? { cautions: ['manual mode only waits: it polls nothing, and no command reaches it'] }
      : {}),
  };
}

function stateOfRun(lifetime: Lifetime): readonly [Run['status'], string] {
  switch (lifetime.end?.how) {
    case 'stopped':
      return ['halted', 'stopped on request'];
    case 'error':
      return ['failed', 'ended with an error'];
    case 'no trace':
      return ['unknown', 'ended without a trace'];
    case undefined:
      return lifetime.process ? ['running', 'running'] : ['unknown', 'perhaps running'];
  }
}

export function modeOf(picture: Picture, lifetime: Lifetime | undefined): string {
  return lifetime?.fact?.value.mode ?? modeFlag(lifetime?.process?.argv ?? []) ?? picture.config.mode;
}

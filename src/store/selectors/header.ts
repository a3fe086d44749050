import { attentionKey } from '../../domain/attention.ts';
import type { Entity, Meter } from '../../domain/entity.ts';
import { sourceWord } from '../../domain/source.ts';
import type { SystemSummary } from '../../engine/protocol.ts';
import type { CockpitState } from '../state.ts';
import { memoLast } from './memo.ts';

/** Figures of the first row: where one is, and whether what is shown can be trusted. */
export interface Freshness {
  readonly fresh: number;
  readonly total: number;
  /** `system-source` of endpoints and programs that do not answer. */
  readonly noAnswer: readonly string[];
  /** `system-source` of files and databases that can't be read. */
  readonly unread: readonly string[];
  readonly environments: readonly string[];
  readonly settled: boolean;
  /** Which long log is being read for the first time, and how far: `reading 34 % of app.log`. */
  readonly reading?: string;
}

/** Figures of the second row: how much of what; but for what runs, without what is set aside. */
export interface Counts {
  readonly fatal: number;
  readonly waiting: number;
  readonly stalled: number;
  readonly running: number;
  readonly aside: number;
  readonly meter?: Meter;
}

/**
 * How fresh the sources are. Sources that are off, wait for something that is not there yet, or are not asked because
 * their own limit is used up are not counted: what those said last is neither fresh nor unread, it has its age.
 */
export const selectFreshness = memoLast((systems: readonly SystemSummary[]): Freshness => {
  let fresh = 0;
  let total = 0;
  const noAnswer: string[] = [];
  const unread: string[] = [];
  for (const system of systems) {
    for (const source of system.sources) {
      if (source.state === 'off' || source.state === 'waiting' || source.state === 'limited') continue;
      total += 1;
      if (source.state === 'fresh') fresh += 1;
      else if (source.type === 'http' || source.type === 'probe' || source.type === 'stream') {
        noAnswer.push(`${system.id}-${source.id}`);
      } else if (source.state === 'error') unread.push(`${system.id}-${source.id}`);
    }
  }
  const environments = [
    ...new Set(systems.flatMap((system) => (system.environment ? [system.environment] : []))),
  ];
  const reading = systems.flatMap((system) => system.sources.filter((one) => one.readShare !== undefined))[0];
  return {
    ...{ fresh, total, noAnswer, unread, environments, settled: systems.every((system) => system.settled) },
    ...(reading ? { reading: `${sourceWord(reading)} of ${reading.id}` } : {}),
  };
});

/** What the second row counts. */
export const selectCounts = memoLast(
  (queue: CockpitState['queue'], lists: CockpitState['lists'], aside: CockpitState['aside']): Counts => {
    const fatal = queue.reduce((sum, item) => sum + (item.label === 'FATAL' ? item.count : 0), 0);
    const waiting = queue.reduce((sum, item) => sum + (item.kind === 'approval' ? item.count : 0), 0);
    const isAside = new Set(aside.map((item) => item.key));
    const isShown = (entity: Entity): boolean => !isAside.has(attentionKey(entity));
    const stalled =
      lists.turn.filter((one) => (one.state === 'stalled' || one.state === 'no-progress') && isShown(one))
        .length + lists.run.filter((one) => one.status === 'stalled' && isShown(one)).length;
    const running =
      lists.run.filter((run) => run.status === 'running').length +
      lists.job.filter((job) => job.status === 'running').length;
    const meter = lists.meter.reduce<Meter | undefined>(
      (worst, next) => (worst === undefined || meterRank(next) < meterRank(worst) ? next : worst),
      undefined,
    );
    return { fatal, waiting, stalled, running, aside: aside.length, ...(meter ? { meter } : {}) };
  },
);

function meterRank(meter: Meter): number {
  const byStatus = meter.status === 'critical' ? 0 : meter.status === 'warning' ? 1 : 2;
  const share = meter.limit !== undefined && meter.limit > 0 ? meter.value / meter.limit : 0;
  return byStatus * 10 - Math.min(9, share);
}

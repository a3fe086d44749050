/** Where the positions in logs live, and who keeps them: the cockpit, and each name given to `logs --resume`. */
import { isBusy } from '../db/busy.ts';
import { openPositions, type PositionStore, type WaitingLine } from '../db/positions.ts';
import { ensurePrivateDirectory, userStateDirectory } from '../db/state-dir.ts';
import type { SystemId } from '../domain/entity.ts';
import { messageOf, UserError } from '../domain/error.ts';
import { instant } from '../domain/instant.ts';
import type { LogQuery } from '../domain/log.ts';
import { matcherOf } from '../domain/log-filter.ts';
import { type KeeperOptions, PositionKeeper } from '../engine/position-keeper.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { processStartedAt } from '../host/process-stat.ts';
import type { Result } from '../lib/result.ts';
import type { Located, SystemKind } from '../systems/system.ts';
import { ownMasker } from './secrets.ts';

/** What a cockpit has read is committed every so often: a commit rewrites the facts of each log that moved. */
const COCKPIT_DELAY_MS = 2_000;
/** Lines of each log that a cockpit shows although their facts are kept. */
const COCKPIT_REPLAY_BYTES = 256 * 1024;
const FLUSH_MS = 5_000;
const FLUSH_PAUSE_MS = 20;
/** A lock of other processes is waited for so long: on a loaded host each of their commits takes its time. */
const LOCK_MS = 60_000;

/** Makes the keeper of one system. */
export type KeeperOf = (kind: SystemKind, located: Located) => PositionKeeper;

/** The positions of this user's cockpits. They go on without where the file can't be had: the reason. */
export function openCockpitPositions(
  mayCommit: (system: SystemId) => boolean,
): Result<{ readonly keeperOf: KeeperOf; readonly notices: readonly string[]; close(): void }> {
  try {
    const store = open('cockpit', false);
    const keeperOf: KeeperOf = (kind, located) =>
      keeper(store, kind, located, {
        delayMs: COCKPIT_DELAY_MS,
        replayBytes: COCKPIT_REPLAY_BYTES,
        needsFacts: true,
        mayCommit: () => mayCommit(located.system),
      });
    const { quarantined } = store;
    const notices = quarantined
      ? [`the positions in logs were damaged and are kept as ${quarantined.path}`]
      : [];
    return { ok: true, value: { keeperOf, notices, close: () => store.close() } };
  } catch (error) {
    return { ok: false, error: messageOf(error) };
  }
}

/** Lines of one `logs --resume NAME`, committed with the positions they were read up to. */
export interface ResumedLines {
  readonly keeperOf: KeeperOf;
  /** Calls back after each commit, until the returned function is called. */
  onCommit(listener: () => void): () => void;
  /** Committed lines that are not known to have been handed on, the oldest first. */
  waiting(limit: number): Promise<readonly WaitingLine[]>;
  /** Lines up to this one were handed on. */
  handedOn(id: number): Promise<void>;
  /** Commits what was read. Throws UserError (exit 3) where that can't be done. */
  flush(): Promise<void>;
  close(): void;
}

/** Throws UserError for a name that is none, and when another process goes on from it. */
export function openResumedLines(name: string, query: LogQuery): ResumedLines {
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name))
    throw new UserError(`--resume ${name}: not a name`, ['letters, digits, `.`, `_` and `-`, 64 at most']);
  const store = open(`logs ${name}`, true);
  const matches = matcherOf(query);
  const listeners = new Set<() => void>();
  const keepers: PositionKeeper[] = [];
  return {
    keeperOf(kind, located) {
      const one = keeper(store, kind, located, {
        delayMs: 0,
        replayBytes: 0,
        needsFacts: false,
        mayCommit: () => true,
        lineOf: (row) => (matches(row) ? JSON.stringify(row) : undefined),
        onCommit: () => {
          for (const listener of listeners) listener();
        },
      });
      keepers.push(one);
      return one;
    },
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async flush() {
      const clock = systemClock();
      const until = clock.monotonic() + FLUSH_MS;
      for (;;) {
        const stuck = keepers.filter((one) => !one.flush());
        if (stuck.length === 0) return;
        if (clock.monotonic() > until)
          throw new UserError(
            `what was read can't be recorded: ${stuck[0]?.trouble ?? 'another process writes all the time'}`,
            [],
            3,
          );
        await pause(clock, FLUSH_PAUSE_MS);
      }
    },
    waiting: (limit) => unlocked(() => store.waiting(limit)),
    handedOn: (id) => unlocked(() => store.handedOn(id)),
    close: () => store.close(),
  };
}

/** Calls again while another process has the lock. Throws UserError (exit 3) where it never lets go. */
async function unlocked<T>(task: () => T): Promise<T> {
  const clock = systemClock();
  for (const since = clock.monotonic(); ; ) {
    try {
      return task();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (clock.monotonic() - since > LOCK_MS)
        throw new UserError('the positions in logs stay locked: another process writes all the time', [], 3);
      await pause(clock, FLUSH_PAUSE_MS);
    }
  }
}

function open(reader: string, isExclusive: boolean): PositionStore {
  const directory = userStateDirectory(process.env);
  ensurePrivateDirectory(directory);
  return openPositions({
    directory,
    reader,
    now: systemClock().now(),
    ...(isExclusive
      ? { self: { pid: process.pid, startedAt: processStartedAt(process.pid) ?? instant(0) } }
      : {}),
    isAlive: ({ pid, startedAt }) => processStartedAt(pid) === startedAt,
  });
}

function keeper(
  store: PositionStore,
  kind: SystemKind,
  located: Located,
  how: Pick<KeeperOptions, 'delayMs' | 'replayBytes' | 'needsFacts' | 'mayCommit'> & Partial<KeeperOptions>,
): PositionKeeper {
  return new PositionKeeper({
    store,
    located,
    parsers: kind.parsers,
    clock: systemClock(),
    masker: ownMasker,
    ...how,
  });
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    // A clock's timer keeps no program alive; the verb around this does.
    clock.after(ms, () => resolve());
  });
}

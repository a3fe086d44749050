/** The acts of a cockpit, a verb or a runner, composed: stores, hands, identity, policy. */

import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostHands } from '../acts/hands.ts';
import type { SystemPolicy } from '../acts/policy.ts';
import type { RunnerErrand } from '../acts/ports.ts';
import { createActService } from '../acts/service.ts';
import { retryWhileBusy } from '../db/busy.ts';
import { type HostStore, openHostStore } from '../db/host-store.ts';
import { type Ledger, openLedger } from '../db/ledger.ts';
import { ledgerPath, ownLedgerOptions } from '../db/ledger-files.ts';
import { copyForLooking, isRecordThere } from '../db/look-at-copy.ts';
import { openSpool, type Spool } from '../db/spool.ts';
import { ensurePrivateDirectory, type StateDirectories, stateDirectories } from '../db/state-dir.ts';
import type { SystemId } from '../domain/entity.ts';
import { messageOf, UserError } from '../domain/error.ts';
import { instant } from '../domain/instant.ts';
import type { Who } from '../domain/ledger.ts';
import type { ProcessMark } from '../domain/order.ts';
import type { ActDesk } from '../engine/engine.ts';
import type { SystemWatch } from '../engine/system-watch.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { readIdentity } from '../host/identity.ts';
import { processStartedAt } from '../host/process-stat.ts';
import { quietly } from '../lib/quietly.ts';
import type { Result } from '../lib/result.ts';
import type { Located } from '../systems/system.ts';
import { programEntry } from './entry.ts';
import { recordNotices } from './record-notices.ts';
import { ownMasker } from './secrets.ts';
import { programVersion } from './version.ts';

/** Records shared by the operators of a host may be written by its group. */
export const HOST_MODE = 0o660;
const BEAT_MS = 5_000;
/** How often letting go is tried on the way out while others write: more would outlast the patience of who ends us. */
const LAST_TRIES = 10;

/** Everything of ours that acts need on disk, open. */
export interface ActsRoom {
  readonly directories: StateDirectories;
  readonly store: HostStore;
  readonly ledger: Result<Ledger>;
  readonly spool: Spool;
  readonly who: Who;
  readonly self: ProcessMark;
  /** Where rate budgets are shared. */
  readonly budgetDir: string;
  close(): void;
}

/** How the records are opened; see {@link openActs}. `look`: a copy of them, where they can't be written to. */
type ActsMode = 'create' | 'if there' | 'rehearse' | 'look';

/**
 * Opens the records. Where none exist, `if there` gives undefined, so that a verb that reads leaves nothing behind, and
 * `rehearse` (a dry run) makes empty ones that go away again. Throws UserError when the state directory can't be had.
 */
export function openActs(mode: 'create', busyMs?: number): ActsRoom;
export function openActs(mode: ActsMode): ActsRoom | undefined;
export function openActs(mode: ActsMode, busyMs?: number): ActsRoom | undefined {
  let directories = stateDirectories(process.env);
  let passing: string | undefined;
  if (mode === 'if there' && !isRecordThere(join(directories.shared, 'host.db'))) return undefined;
  if (mode === 'look' || (mode === 'rehearse' && !existsSync(join(directories.shared, 'host.db')))) {
    passing = passingDirectory(mode, directories);
    // The copy of a ledger has the name of its user where it has one.
    const isHostWide = mode === 'look' && directories.isHostWide;
    directories = { state: passing, shared: passing, isHostWide };
  }
  ensurePrivateDirectory(directories.state);
  const now = systemClock().now();
  const who = readIdentity();
  const common = { now, ...(busyMs === undefined ? {} : { busyMs }) };
  const modeOption = directories.isHostWide ? { mode: HOST_MODE } : {};
  const store = openHostStore({ directory: directories.shared, ...common, ...modeOption });
  let ledger: Result<Ledger>;
  try {
    const options = ownLedgerOptions(process.env, directories, who);
    ledger = { ok: true, value: openLedger({ ...options, ...common }) };
  } catch (error) {
    ledger = { ok: false, error: messageOf(error) };
  }
  return {
    directories,
    store,
    ledger,
    spool: openSpool(directories.shared, modeOption),
    who,
    self: { pid: process.pid, startedAt: processStartedAt(process.pid) ?? instant(0) },
    budgetDir: directories.shared,
    close() {
      store.close();
      if (ledger.ok) ledger.value.close();
      if (passing !== undefined) rmSync(passing, { recursive: true, force: true });
    },
  };
}

/** The records, or why they can't be had: whoever only looks goes on without them, and says so. */
export function tryOpenActs(mode: 'create' | 'if there'): Result<ActsRoom | undefined> {
  try {
    return { ok: true, value: openActs(mode) };
  } catch (error) {
    const why = [messageOf(error), ...stepsOf(error)].join('; ');
    if (mode === 'create') return { ok: false, error: why };
    try {
      return { ok: true, value: openActs('look') };
    } catch {
      return { ok: false, error: why };
    }
  }
}

/** A directory that goes away with the room: empty for a rehearsal, else with copies of the records. */
function passingDirectory(mode: ActsMode, { shared, isHostWide }: StateDirectories): string {
  if (mode === 'rehearse') return mkdtempSync(join(tmpdir(), 'binnacle-rehearsal-'));
  const ledger = ledgerPath({ shared, isHostWide }, readIdentity());
  return copyForLooking([join(shared, 'host.db'), ledger]).directory;
}

function stepsOf(error: unknown): readonly string[] {
  return error instanceof UserError ? error.nextSteps : [];
}

/** What the configuration says about acts on one system. */
export function policyOf(located: Located): SystemPolicy {
  const { acts, environment, runAs, readOnly } = located.settings;
  return {
    readOnly: readOnly === true,
    ...(environment === undefined ? {} : { environment }),
    ...(runAs === undefined ? {} : { runAs }),
    ...(acts === undefined ? {} : { rules: acts }),
  };
}

/** The engine's acts part over an open room. */
export function actDeskFor(
  room: ActsRoom,
  watches: ReadonlyMap<SystemId, SystemWatch>,
  clock: Clock,
): ActDesk {
  const { store, who, self } = room;
  const me = who.cameFrom ?? who.user;
  const holder = `${me}${who.terminal ? ` ${who.terminal}` : ''}`;
  const listeners = new Set<() => void>();
  const moved = (): void => {
    for (const listener of listeners) listener();
  };
  // Only a cockpit has keys pressed; a verb asked from the same terminal must not let go what that one holds.
  let isAttended = false;
  const service = createActService({
    clock,
    version: programVersion(),
    who,
    self,
    orders: store.orders,
    steps: store.steps,
    ledger: room.ledger,
    output: room.spool,
    hands: hostHands,
    masker: ownMasker,
    system(id) {
      const watch = watches.get(id);
      if (!watch) return undefined;
      return { kind: watch.kind, policy: policyOf(watch.located), view: () => watch.view() };
    },
    heldByOther(key) {
      const hold = quietly(() => store.holds.holderOf(key, clock.now()), undefined);
      return hold && hold.by !== holder ? hold : undefined;
    },
    spawnRunner,
  });
  const beat = (): void =>
    quietly(() => store.presence.beat(self, me, who.terminal ?? '', clock.now()), undefined);
  beat();
  let seenAround = '';
  let seenEntries = service.entries();
  const lookAround = (): void => {
    // Others' holds, asides and coming and going are rows in the same store.
    const around = JSON.stringify([desk.holds(), desk.asides(), desk.presence()]);
    const entries = service.entries();
    if (around !== seenAround || entries !== seenEntries) moved();
    seenAround = around;
    seenEntries = entries;
  };
  const stopBeat = clock.every(BEAT_MS, () => {
    beat();
    // Holds lapse without anybody writing.
    lookAround();
  });
  const stopService = service.onChange(lookAround);
  const desk: ActDesk = {
    offers: (request) => service.offers(request),
    playbook: (request) => service.playbook(request),
    markStep: (request) => service.markStep(request),
    stepProgress: () => service.stepProgress(),
    undo: (request) => service.undo(request),
    preview: (request) => service.preview(request),
    start: (request) => service.start(request),
    cancel: (request) => service.cancel(request),
    settleAct: (request) => service.settleAct(request),
    output: (request) => service.output(request),
    entries: () => service.entries(),
    saw({ orders }) {
      service.saw(orders);
      return { done: true };
    },
    awake() {
      isAttended = true;
      quietly(() => store.holds.renew(holder, clock.now()), undefined);
      return { done: true };
    },
    aside({ item, until, forGood, reason }) {
      try {
        store.asides.put(
          {
            key: item.key,
            revision: item.revision,
            forGood,
            by: me,
            ...(until === undefined ? {} : { until }),
            ...(reason === undefined ? {} : { reason: ownMasker.text(reason) }),
          },
          clock.now(),
        );
      } catch (error) {
        return { done: false, why: messageOf(error) };
      }
      moved();
      return { done: true };
    },
    back({ key }) {
      const done = quietly(() => store.asides.back(key), false);
      moved();
      return { done };
    },
    hold({ key, take }) {
      try {
        if (!take) {
          store.holds.release(key, holder);
          return { held: false };
        }
        isAttended = true;
        const { held, by } = store.holds.take(key, holder, clock.now());
        return { held, by };
      } catch {
        return { held: false, by: 'nobody: the record of holds is busy, try again' };
      } finally {
        moved();
      }
    },
    asides: () => quietly(() => store.asides.list(clock.now()), []),
    holds: () =>
      quietly(() => store.holds.list(clock.now()), []).map((hold) =>
        hold.by === holder ? { ...hold, ours: true } : hold,
      ),
    presence: () => quietly(() => store.presence.others(self, clock.now()), []),
    notices: () => quietly(() => recordNotices(room), []),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      stopBeat();
      stopService();
      if (isAttended) quietly(() => retryWhileBusy(() => store.holds.releaseAll(holder), LAST_TRIES));
      quietly(() => store.presence.leave(self), undefined);
      service.close();
    },
  };
  return desk;
}

/**
 * Starts the runner of one order: its own session, so that neither the end of the cockpit nor of the SSH session ends
 * it, and no argument but the order's id and digest, so that a `pkill -f` for a watched program never names it.
 */
function spawnRunner({ order, watch }: RunnerErrand): Promise<void> {
  return new Promise((resolve, reject) => {
    const { state } = stateDirectories(process.env);
    const log = openSync(join(state, 'runner.log'), 'a', 0o600);
    const child = spawn(
      process.execPath,
      [programEntry('runner'), order, ...(watch === undefined ? [] : [watch])],
      {
        detached: true,
        stdio: ['ignore', log, log],
        cwd: '/',
        env: process.env,
      },
    );
    closeSync(log);
    child.once('error', reject);
    child.once('spawn', () => {
      child.unref();
      resolve();
    });
  });
}

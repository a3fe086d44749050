/** The history as a cockpit uses it: recorded from what is watched, shown among the log, asked for what is usual. */

import type { HistoryStore } from '../db/history-store.ts';
import type { EntityDiff } from '../domain/diff.ts';
import type { EntityType, SystemId } from '../domain/entity.ts';
import { type HandOver, handOverText } from '../domain/handover.ts';
import { changeText, type Remark, type RemarkKind, type StateChange } from '../domain/history.ts';
import { addMs, type Instant, instant } from '../domain/instant.ts';
import type { ProcessMark } from '../domain/order.ts';
import type { Clock } from '../host/clock.ts';
import { quietly } from '../lib/quietly.ts';
import { clockText } from '../lib/time-text.ts';
import type { LogStore } from '../logs/log-store.ts';
import type { Located } from '../systems/system.ts';
import { HistoryRecorder, type RecordedWatch } from './history-recorder.ts';
import type { AnswerOf, RequestOf } from './protocol.ts';

/** How far back, and how many, changes stand in the log pane of a cockpit that was just opened. */
const PAST_MS = 24 * 3_600_000;
const PAST_ROWS = 2_000;
/** What is usual is asked again after this. */
const USUAL_MS = 60_000;
const SWEEP_EVERY_MS = 60_000;
/** Rows removed at once: of a million a slice of 100 takes 2 ms, 9 with a checkpoint. */
const SWEEP_ROWS = 100;
const NEXT_SWEEP_MS = 20;
/** Used pages of the file beyond which the oldest rows go, however young: some millions of changes. */
const MAX_BYTES = 512 * 1024 * 1024;
/** A write-ahead file of this size says that somebody reads and does not end. */
const BIG_WAL_BYTES = 32 * 1024 * 1024;
const UNREAD_LOOK_MS = 5_000;
const SHIFT_MS = 12 * 3_600_000;

/** Where the history of this process lives; made by the composition. */
export interface HistoryRoom {
  readonly store: HistoryStore;
  readonly self: ProcessMark;
  /** The operator, as others know them. */
  readonly me: string;
  readonly host: string;
  readonly keepMs: number;
  /** Takes known secrets out of a text before it is stored. */
  mask(text: string): string;
  isAlive(holder: ProcessMark): boolean;
  /** Keeps a hand-over as a file of its own; returns the path. */
  saveHandOver(text: string, at: Instant): string;
}

/** What the engine gives to a hand-over: everything but who writes it and when. */
export type HandOverState = Pick<HandOver, 'open' | 'aside' | 'holds' | 'acts' | 'steps' | 'unread'>;

/** The part of a cockpit's engine that remembers. */
export interface HistoryDesk {
  /** Takes what moved on a system. */
  take(watch: RecordedWatch, diff: EntityDiff): void;
  /** Whether this cockpit is the one that writes for a system. */
  leads(system: SystemId): boolean;
  /** Sentences for the first row. */
  notices(): readonly string[];
  /** How long a thing of this type usually stays in this state, in milliseconds; undefined: not known. */
  usualStayMs(system: SystemId, type: EntityType, state: string): number | undefined;
  /** Records what no watched system does: a hold, a hook that fired. A remark that can't be written is passed over. */
  remark(kind: RemarkKind, text: string, item?: { readonly system: SystemId; readonly key: string }): void;
  handOver(request: RequestOf<'handOver'>, state: HandOverState): AnswerOf<'handOver'>;
  unreadHandOvers(): AnswerOf<'unreadHandOvers'>;
  readHandOver(request: RequestOf<'readHandOver'>): AnswerOf<'readHandOver'>;
  close(): void;
}

/** What the desk needs of the engine around it. */
export interface HistoryDeskOptions {
  readonly room: HistoryRoom;
  readonly clock: Clock;
  readonly logs: LogStore;
  readonly systems: readonly Located[];
  /** Notices or the log have changed. */
  onChange(): void;
}

/** Opens the desk: the changes of the last day go to the log at once. */
export function createHistoryDesk({ room, clock, logs, systems, onChange }: HistoryDeskOptions): HistoryDesk {
  const { store, me } = room;
  const openedAt = clock.now();
  const usual = new Map<string, { readonly at: number; readonly ms: number | undefined }>();
  let unread: readonly Remark[] = [];

  const show = (changes: readonly StateChange[]): void => {
    for (const change of changes) logs.addChange(logRowOf(change));
    if (changes.length > 0) onChange();
  };
  for (const { system, root } of systems) {
    quietly(() => {
      const row = store.findSystem(system, root);
      if (row === undefined) return;
      show(store.changes({ systems: [row], since: addMs(openedAt, -PAST_MS), limit: PAST_ROWS }));
    }, undefined);
  }
  const recorder = new HistoryRecorder({
    store,
    clock,
    self: room.self,
    isAlive: room.isAlive,
    mask: room.mask,
    onFound: show,
    onTrouble: onChange,
  });

  const lookForUnread = (): void => {
    const found = quietly(() => store.remarks.unread(me, clock.now()), unread).filter(
      // Who wrote it here knows what it says; at the next start it may be another person behind the same account.
      (remark) => remark.by !== me || remark.at < openedAt,
    );
    if (found.map(({ seq }) => seq).join() === unread.map(({ seq }) => seq).join()) return;
    unread = found;
    onChange();
  };
  lookForUnread();
  const sweep = (): void => {
    if (recorder.leading === 0) return;
    const before = addMs(clock.now(), -room.keepMs);
    const removed = quietly(() => store.sweep(before, MAX_BYTES, SWEEP_ROWS), 0);
    if (removed > 0) stopSlice = clock.after(NEXT_SWEEP_MS, sweep);
  };
  let stopSlice = (): void => {};
  const stops = [clock.every(UNREAD_LOOK_MS, lookForUnread), clock.every(SWEEP_EVERY_MS, sweep)];

  return {
    take: (watch, diff) => recorder.take(watch, diff),
    leads: (system) => recorder.leads(system),
    notices() {
      const [newest] = unread;
      const wal = quietly(() => store.walBytes(), 0);
      return [
        ...(newest
          ? [`hand-over by ${newest.by} ${clockText(newest.at, 0, 'minutes')}Z: read it with :hand-over`]
          : []),
        ...(recorder.trouble === undefined ? [] : [recorder.trouble]),
        ...(wal > BIG_WAL_BYTES
          ? [`the history's journal has ${Math.round(wal / 2 ** 20)} MB: a program reads it and does not end`]
          : []),
        ...(store.quarantined ? [`the history was damaged and is kept as ${store.quarantined.path}`] : []),
      ];
    },
    usualStayMs(system, type, state) {
      const row = recorder.rowOf(system);
      if (row === undefined) return undefined;
      // A watched state may carry the system's own word: `running (claimed)`.
      const word = state.replace(/ \(.*\)$/, '');
      const key = `${system}/${type}/${word}`;
      const known = usual.get(key);
      if (known && clock.monotonic() - known.at < USUAL_MS) return known.ms;
      const ms = quietly(() => store.usualStayMs(row, type, word), known?.ms);
      usual.set(key, { at: clock.monotonic(), ms });
      return ms;
    },
    remark(kind, text, item) {
      quietly(
        () =>
          store.remarks.add({
            at: clock.now(),
            kind,
            by: me,
            text: room.mask(text),
            ...(item ? { system: item.system, item: item.key } : {}),
          }),
        undefined,
      );
    },
    handOver({ since, note }, state) {
      const at = clock.now();
      const whole = handOverText({
        ...state,
        by: me,
        host: room.host,
        at,
        since: since ?? instant(at - SHIFT_MS),
        ...(note === undefined ? {} : { note }),
      });
      const text = room.mask(whole);
      const troubles: string[] = [];
      const attempt = <T>(task: () => T): T | undefined => {
        try {
          return task();
        } catch (error) {
          troubles.push(error instanceof Error ? error.message : String(error));
          return undefined;
        }
      };
      const recorded = attempt(() => store.remarks.add({ at, kind: 'hand-over', by: me, text }));
      const path = attempt(() => room.saveHandOver(text, at));
      return {
        text,
        recorded: recorded !== undefined,
        ...(path === undefined ? {} : { path }),
        ...(troubles.length > 0 ? { why: troubles.join('; ') } : {}),
      };
    },
    unreadHandOvers: () => ({ handOvers: unread.map(({ seq, at, by, text }) => ({ seq, at, by, text })) }),
    readHandOver({ seq }) {
      quietly(() => store.remarks.markRead(seq, me), undefined);
      lookForUnread();
      return { done: true };
    },
    close() {
      for (const stop of stops) stop();
      stopSlice();
      recorder.close();
    },
  };
}

/** A recorded change as a row of the merged log. */
function logRowOf(change: StateChange): Parameters<LogStore['addChange']>[0] {
  const { ref, evidence, at, notBefore } = change;
  const between = notBefore === undefined ? '' : ` (came after ${clockText(notBefore)}Z)`;
  return {
    system: ref.system,
    source: evidence.source,
    path: evidence.path ?? evidence.source,
    at,
    sortAt: at,
    text: `${changeText(change)}${between}`,
    keys: [ref.id, ...change.logKeys],
    ref,
  };
}

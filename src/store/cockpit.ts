import { endNews } from '../domain/act-text.ts';
import { messageOf } from '../domain/error.ts';
import type { Signal } from '../domain/hook.ts';
import { type Instant, instant } from '../domain/instant.ts';
import type { LogQuery } from '../domain/log.ts';
import type { AnswerOf, CallName, EnginePort, RequestOf } from '../engine/protocol.ts';
import { createCardKeeper } from './card-keeper.ts';
import { createCompanion } from './companion.ts';
import { type Desk, newDesk, type PaneId, settledToast, toasted } from './desk.ts';
import { isOfItemAlone, logQuery } from './lens-query.ts';
import { createLogKeeper, type LogKeeper } from './log-keeper.ts';
import type { KeptLogView } from './log-view.ts';
import { createLogWindow, type LogWindow } from './log-window.ts';
import { countingStepMs, looksAlike, stepOf, steppedNow } from './pace.ts';
import { createPageKeeper } from './page-keeper.ts';
import { arrangeQueue, emptyQueue } from './selectors/queue.ts';
import { type Subject, subjectOf } from './selectors/subject.ts';
import { pageOf, type Snapshot, sameSnapshot } from './snapshot.ts';
import { failState, initialState, reduceChanges, tickState } from './state.ts';
import { createThrottle } from './throttle.ts';
import type { Timer } from './timer.ts';

/** How long what the engine says stands at the foot when no key is pressed. */
const signalMs = 60_000;
/** So long rows that were told of may take before what else moved is shown without them, in milliseconds. */
const rowsWithinMs = 30;

/** How long the outcome of an act stands at the foot when no key is pressed. */
const endMs = 20_000;

/** A row that stood on the screen for less than this was not read. */
const readMs = 1000;

export interface CockpitOptions {
  readonly port: EnginePort;
  readonly timer: Timer;
  readonly columns: number;
  readonly rows: number;
  /** One pane alone. */
  readonly only?: PaneId;
  /** What local time is ahead of UTC, in milliseconds. */
  readonly localOffsetMs?: number;
  /** The terminal shows nothing but ASCII: other characters are written as notation, which is longer. */
  readonly ascii?: boolean;
  /** Shortest pause between frames; 16 ms, 33 over a slow link. */
  readonly shortestWindowMs?: number;
  /** Bookmarks and named searches of the last time. */
  readonly kept?: KeptLogView;
  /** Keeps bookmarks and named searches for the next time. */
  keep?(kept: KeptLogView): void;
  /** Told each thing the engine asks of the screen, once. What it says is shown already. */
  onSignal?(signal: Signal): void;
}

/**
 * The largest scroll of the page and of the card in rows: beyond it a key would do nothing, and the way back be longer.
 * `pageRows`: how many rows of the page are in view, so that no key leaps over one.
 */
export interface ScrollEnds {
  readonly page?: number;
  readonly pageRows?: number;
  readonly card?: number;
}

/** The store behind a screen: takes in the engine's messages, holds the desk, tells when to draw. */
export interface Cockpit {
  /** What the last frame was drawn from. */
  snapshot(): Snapshot;
  /** Everything as of now, drawn or not: what keys are judged by. */
  fresh(): Snapshot;
  /** The listener runs once per frame. */
  subscribe(listener: () => void): () => void;
  update(change: (desk: Desk) => Desk): void;
  readonly log: LogWindow;
  /** What goes with the log's rows: counts, places looked for, all lines around. */
  readonly logs: Pick<LogKeeper, 'seekNext' | 'stop'>;
  /** A call on logs is given up when the signal says so. */
  call<C extends CallName>(name: C, request: RequestOf<C>, signal?: AbortSignal): Promise<AnswerOf<C>>;
  now(): Instant;
  toast(text: string, tone?: 'note' | 'refusal'): void;
  /** The outcome of this order is told at the foot when it comes. */
  awaitEnd(order: string): void;
  /** Steps and offers of the subject are asked for at once. */
  askAgain(): void;
  /** Orders of the acts the last frame showed; told by whoever knows where everything stands. */
  actsShown(orders: readonly string[]): void;
  /** Ended acts that stood on the screen long enough to be read and were not taken here before. */
  takeSeen(): readonly string[];
  /** How far what the last frame showed can be scrolled; told by whoever knows what it draws. */
  showed(ends: ScrollEnds): void;
  scrollEnds(): ScrollEnds;
  /** What the last frame cost in milliseconds. */
  frameCost(ms: number): void;
  /** The engine has ended; what is known stays on the screen and says so. */
  fail(why: string): void;
  close(): void;
}

/** Builds the store and subscribes to the engine. */
export function createCockpit(options: CockpitOptions): Cockpit {
  const { port, timer } = options;
  const listeners = new Set<() => void>();
  const openedAt = timer.now();
  const localOffsetMs = options.localOffsetMs ?? 0;
  let state = initialState;
  let desk = newDesk(options.columns, options.rows, options.only, options.kept);
  let queue = emptyQueue;
  let current: Snapshot | undefined;
  let cancelThaw: (() => void) | undefined;
  let cancelRows: (() => void) | undefined;
  let closed = false;
  let obeyed = 0;
  let tickedAt = openedAt;

  /** The query of the lens that came back without a row. */
  let emptyQuery: string | undefined;
  /** Last rows of what the last frame showed a part of. */
  let ends: ScrollEnds = {};
  /** Orders given here whose outcome was not told yet. */
  const awaited = new Set<string>();
  /** Changes whenever steps or offers may have: they follow the item, and what is recorded. */
  let companionRevision: { readonly entity: unknown; readonly acts: unknown } = { entity: null, acts: null };
  /** Since when an ended act that nobody saw stands on the screen. */
  const shownSince = new Map<string, Instant>();

  const throttle = createThrottle(timer, draw, options.shortestWindowMs);
  const companion = createCompanion(port, timer, throttle.request);
  const pages = createPageKeeper(port, updateDesk);
  const card = createCardKeeper(port, updateDesk);
  const log = createLogWindow(port, () => throttle.request());
  const logs = createLogKeeper(port, timer, log, () => throttle.request());

  function updateDesk(change: (desk: Desk) => Desk): void {
    const next = change(desk);
    if (next === desk) return;
    const { bookmarks, searches } = next.log;
    if (bookmarks !== desk.log.bookmarks || searches !== desk.log.searches)
      options.keep?.({ version: 2, bookmarks, searches });
    desk = next;
    throttle.request();
  }

  function settle(): Snapshot {
    const now = timer.now();
    desk = settledToast(desk, now);
    queue = arrangeQueue(queue, state, desk, now);
    const first = queue.rows[0];
    const isUntouched = desk.frozenUntil === 0;
    if (
      first &&
      (desk.selected.queue === undefined || isUntouched) &&
      desk.selected.queue !== first.item.key
    ) {
      // Until the first key the cursor is nobody's choice: it stands on what is most urgent.
      desk = { ...desk, selected: { ...desk.selected, queue: first.item.key } };
    } else if (first && !queue.rows.some((row) => row.item.key === desk.selected.queue)) {
      // Filtered away: the cursor goes to the first row that is left.
      desk = { ...desk, selected: { ...desk.selected, queue: first.item.key } };
    }
    const subject = subjectOf(state, desk, queue);
    const step = stepOf(state, subject, desk, now);
    const judgedAt = steppedNow(now, state, step);
    const next: Snapshot = {
      state,
      desk,
      queue,
      subject: current && sameSubject(current.subject, subject) ? current.subject : subject,
      log: log.state(),
      logs: logs.state(),
      companion: companion.state(),
      now: judgedAt,
      latest: instant(Math.floor(now / step) * step + step),
      openedAt,
      offsetMs: desk.clock === 'local' ? localOffsetMs : 0,
      localOffsetMs,
      ascii: options.ascii ?? false,
    };
    return current && sameSnapshot(current, next) ? current : next;
  }

  function draw(): void {
    if (closed) return;
    cancelRows?.();
    cancelRows = undefined;
    const next = settle();
    follow(next);
    if (next === current) return;
    current = next;
    for (const listener of [...listeners]) listener();
    noteEndSeen(next);
    thawLater();
  }

  /** What has to be asked for follows what is selected. */
  function follow(next: Snapshot): void {
    const { act, entity, ghost, ref } = next.subject;
    const { acts } = next.state;
    if (companionRevision.entity !== entity || companionRevision.acts !== acts)
      companionRevision = { entity, acts };
    companion.follow(ghost ? undefined : ref, companionRevision, act?.playbook?.id);
    // Another setting of the pane keeps the place one reads at; another subject begins at its end.
    const keep = current !== undefined && sameTarget(current.subject, next.subject) && !next.log.follow;
    log.setQuery(wideEnough(next), keep);
    logs.follow(next);
    pages.follow(next.desk, next.state);
    card.follow(next.desk, next.state);
  }

  /**
   * What is asked of the log. An item that no line names leaves the pane empty where what just happened around it would
   * help: once its query came back without a row, that of its system is shown, and the pane says so.
   */
  function wideEnough(next: Snapshot): LogQuery {
    const narrow = logQuery(next);
    const text = JSON.stringify(narrow);
    const isEmpty =
      next.log.phase === 'ready' &&
      next.log.rows.length === 0 &&
      next.log.atStart &&
      next.log.atEnd &&
      JSON.stringify(next.log.query) === text;
    if (isEmpty && isOfItemAlone(next)) emptyQuery = text;
    if (emptyQuery !== text) return narrow;
    const { keys: _keys, files: _files, sources: _sources, ...system } = narrow;
    return system;
  }

  /** Only a frame that was drawn counts: after it, the end of the payload has been on the screen. */
  function noteEndSeen(drawn: Snapshot): void {
    const mode = drawn.desk.mode;
    if (mode.type !== 'approval' || mode.endSeen || desk.mode !== mode) return;
    if (!pageOf(drawn, mode).endInView) return;
    desk = { ...desk, mode: { ...mode, endSeen: true } };
    throttle.request();
  }

  /** What was started from here ends while one looks elsewhere: its outcome is told, with what undoes it. */
  function tellEnds(): void {
    for (const act of awaited.size > 0 ? state.acts : []) {
      const text = awaited.has(act.order) ? endNews(act) : undefined;
      if (text === undefined) continue;
      awaited.delete(act.order);
      const tone = act.status === 'verified' ? 'note' : 'refusal';
      desk = toasted(desk, `${act.title}: ${text}`, tone, timer.now(), endMs);
      // Whoever goes to the acts now goes for this one.
      if (desk.focus !== 'acts') desk = { ...desk, selected: { ...desk.selected, acts: act.order } };
    }
  }

  /** The order of the queue thaws, and a toast goes, without a key being pressed. */
  function thawLater(): void {
    cancelThaw?.();
    const now = timer.now();
    const due = [desk.frozenUntil > now ? desk.frozenUntil : undefined, desk.toast?.until].filter(
      (at) => at !== undefined,
    );
    cancelThaw =
      due.length > 0 ? timer.after(Math.max(1, Math.min(...due) - now), throttle.request) : undefined;
  }

  /** What the engine asks of this screen is done once each; nobody may be looking just now, so its words stay a while. */
  function obey(signals: readonly Signal[]): void {
    for (const signal of signals) {
      if (signal.seq <= obeyed) continue;
      obeyed = signal.seq;
      if (signal.text !== undefined)
        desk = toasted(desk, signal.text, signal.tone ?? 'note', timer.now(), signalMs);
      options.onSignal?.(signal);
    }
  }

  const unsubscribe = port.subscribe((changes) => {
    const before = { seq: state.logSeq, desk };
    state = reduceChanges(state, changes);
    obey(state.signals);
    tellEnds();
    if (state.logSeq === before.seq) {
      // A frame costs ten times what it takes to know that it would be the one that stands.
      if (current === undefined || desk !== before.desk || !looksAlike(current.state, state, current.now))
        throttle.request();
      return;
    }
    log.rowsCame();
    logs.rowsCame();
    // The rows are on their way: one frame shows them with what else moved.
    cancelRows ??= timer.after(rowsWithinMs, () => {
      cancelRows = undefined;
      throttle.request();
    });
  });
  const cancelTick = timer.every(countingStepMs, () => {
    const now = timer.now();
    const before = tickedAt;
    tickedAt = now;
    const ticked = tickState(state, now);
    const step = stepOf(state, current?.subject, desk, now);
    if (ticked === state && steppedNow(now, state, step) === steppedNow(before, state, step)) return;
    state = ticked;
    throttle.request();
  });

  return {
    snapshot: () => {
      current ??= settle();
      return current;
    },
    fresh: settle,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    update: updateDesk,
    log,
    logs,
    call: (name, request, signal) => port.call(name, request, signal),
    now: () => timer.now(),
    toast(text, tone = 'note') {
      desk = toasted(desk, text, tone, timer.now());
      throttle.request();
    },
    awaitEnd: (order) => void awaited.add(order),
    askAgain: companion.again,
    actsShown(orders) {
      const unseen = new Set(state.acts.filter((act) => act.unseen).map((act) => act.order));
      const shown = new Set(orders.filter((order) => unseen.has(order)));
      for (const order of shownSince.keys()) if (!shown.has(order)) shownSince.delete(order);
      for (const order of shown) if (!shownSince.has(order)) shownSince.set(order, timer.now());
    },
    takeSeen() {
      const now = timer.now();
      const seen = [...shownSince].filter(([, since]) => now - since >= readMs).map(([order]) => order);
      // Not told again until it was away: the answer takes a moment.
      for (const order of seen) shownSince.set(order, instant(Number.MAX_SAFE_INTEGER));
      return seen;
    },
    showed(next) {
      ends = next;
    },
    scrollEnds: () => ends,
    frameCost: (ms) => throttle.frameCost(ms),
    fail(why) {
      state = failState(state, messageOf(why));
      throttle.request();
    },
    close() {
      closed = true;
      cancelTick();
      cancelThaw?.();
      cancelRows?.();
      throttle.close();
      companion.close();
      pages.close();
      card.close();
      log.close();
      logs.close();
      unsubscribe();
    },
  };
}

function sameTarget(a: Subject, b: Subject): boolean {
  return (
    a.item?.key === b.item?.key &&
    a.ref?.id === b.ref?.id &&
    a.ref?.type === b.ref?.type &&
    a.ref?.system === b.ref?.system
  );
}

function sameSubject(a: Subject, b: Subject): boolean {
  return (
    a.row === b.row &&
    a.item === b.item &&
    a.entity === b.entity &&
    a.act === b.act &&
    a.ghost?.at === b.ghost?.at
  );
}

import { addMs, type Instant, instant } from '../domain/instant.ts';

/** The one port to time. Everything that needs "now" or a timer takes a clock; `--at TIME` gives a fixed one. */
export interface Clock {
  /** Wall clock, UTC. */
  now(): Instant;
  /** Milliseconds that only grow, for durations. */
  monotonic(): number;
  /** Runs `task` once at `when` (or at once when that is past). Returns the cancellation. */
  at(when: Instant, task: () => void): () => void;
  /** Runs `task` after `ms` milliseconds. Returns the cancellation. */
  after(ms: number, task: () => void): () => void;
  /** Runs `task` every `ms` milliseconds. Returns the cancellation. */
  every(ms: number, task: () => void): () => void;
}

/** setTimeout holds at most 2^31-1 ms; a later instant is reached in hops. */
const LONGEST_HOP_MS = 2 ** 31 - 1;

/**
 * Tasks that repeat run together, on a grid of so many milliseconds: what a thread at rest costs is how often it wakes,
 * far more than what it then does.
 */
const GRID_MS = 250;
/** So much too early a timer may fire by its own clock. */
const EARLY_MS = 5;

interface Repeated {
  /** Monotonic, on the grid. */
  due: number;
  readonly ms: number;
  readonly task: () => void;
}

const repeated = new Set<Repeated>();
let wake: { readonly timer: NodeJS.Timeout; readonly at: number } | undefined;

/**
 * Runs `task` every `ms` milliseconds, for the first time up to {@link GRID_MS} later than that: with all others of this
 * thread. What repeats faster, or fits no grid, has a timer of its own. Does not keep the process alive.
 */
export function every(ms: number, task: () => void): () => void {
  if (ms < GRID_MS || ms % GRID_MS !== 0) {
    const timer = setInterval(task, ms);
    timer.unref();
    return () => clearInterval(timer);
  }
  const one = { due: Math.ceil((performance.now() + ms) / GRID_MS) * GRID_MS, ms, task };
  repeated.add(one);
  wakeForNext();
  return () => {
    if (repeated.delete(one)) wakeForNext();
  };
}

function wakeForNext(): void {
  let next = Number.POSITIVE_INFINITY;
  for (const { due } of repeated) next = Math.min(next, due);
  if (wake?.at === next) return;
  clearTimeout(wake?.timer);
  wake = undefined;
  if (next === Number.POSITIVE_INFINITY) return;
  const timer = setTimeout(runDue, Math.max(1, Math.ceil(next - performance.now())));
  timer.unref();
  wake = { timer, at: next };
}

function runDue(): void {
  wake = undefined;
  const now = performance.now() + EARLY_MS;
  try {
    for (const one of repeated) {
      if (one.due > now) continue;
      // Runs that were missed are not made up for.
      one.due += (Math.floor((now - one.due) / one.ms) + 1) * one.ms;
      one.task();
    }
  } finally {
    // One that throws ends neither itself nor the others.
    wakeForNext();
  }
}

/** The clock of this machine. Its timers do not keep the process alive. */
export function systemClock(): Clock {
  const after = (ms: number, task: () => void): (() => void) => {
    const timer = setTimeout(task, Math.max(0, ms));
    timer.unref();
    return () => clearTimeout(timer);
  };
  const clock: Clock = {
    now: () => instant(Date.now()),
    monotonic: () => performance.now(),
    after,
    every,
    at(when, task) {
      let cancelHop = (): void => {};
      const hop = (): void => {
        const left = when - Date.now();
        cancelHop = left > LONGEST_HOP_MS ? after(LONGEST_HOP_MS, hop) : after(left, task);
      };
      hop();
      return () => cancelHop();
    },
  };
  return clock;
}

/** A clock that stands at `at` for judging ages and deadlines (`--at TIME`); its timers are real. */
export function fixedClock(at: Instant): Clock {
  const real = systemClock();
  return { ...real, now: () => at, at: () => () => {} };
}

/** A clock that was at `at` when it was made and goes on from there: what a screen under `--at TIME` counts by. */
export function clockFrom(at: Instant): Clock {
  const real = systemClock();
  const start = real.monotonic();
  return { ...real, now: () => addMs(at, Math.floor(real.monotonic() - start)) };
}

/** A clock for tests: time moves only by `advance`, which runs the timers that come due, in order. */
export function manualClock(start: Instant): Clock & { advance(ms: number): void } {
  let now = start;
  let nextId = 0;
  const timers = new Map<number, { due: number; everyMs?: number; task: () => void }>();
  const add = (due: number, task: () => void, everyMs?: number): (() => void) => {
    nextId += 1;
    const id = nextId;
    timers.set(id, everyMs === undefined ? { due, task } : { due, task, everyMs });
    return () => timers.delete(id);
  };
  return {
    now: () => now,
    monotonic: () => now - start,
    at: (when, task) => add(when, task),
    after: (ms, task) => add(now + ms, task),
    every: (ms, task) => add(now + ms, task, ms),
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = [...timers]
          .filter(([, timer]) => timer.due <= end)
          .sort((a, b) => a[1].due - b[1].due)[0];
        if (!due) break;
        const [id, timer] = due;
        now = instant(Math.max(now, timer.due));
        if (timer.everyMs === undefined) timers.delete(id);
        else timers.set(id, { ...timer, due: timer.due + timer.everyMs });
        timer.task();
      }
      now = addMs(instant(end), 0);
    },
  };
}

/** Keeps the process alive until the returned function is called: the clock's own timers do not. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, LONGEST_HOP_MS);
  return () => clearInterval(timer);
}

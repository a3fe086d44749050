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
    every(ms, task) {
      const timer = setInterval(task, ms);
      timer.unref();
      return () => clearInterval(timer);
    },
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

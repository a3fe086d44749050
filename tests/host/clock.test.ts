import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { every } from '../../src/host/clock.ts';

let stops: (() => void)[] = [];
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  for (const stop of stops) stop();
  stops = [];
  vi.useRealTimers();
});

/** Repeats from now on, and keeps when it ran. */
function times(ms: number): number[] {
  const ran: number[] = [];
  stops.push(every(ms, () => ran.push(performance.now())));
  return ran;
}

describe('what repeats', () => {
  test('never comes sooner than it was asked for, nor a quarter of a second later, and then at its pace', () => {
    const start = fc.record({
      afterMs: fc.integer({ min: 0, max: 999 }),
      quarters: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(start, { minLength: 1, maxLength: 8 }), (starts) => {
        for (const stop of stops) stop();
        stops = [];
        const all = starts.map(({ afterMs, quarters }) => {
          vi.advanceTimersByTime(afterMs);
          return { ms: quarters * 250, begunAt: performance.now(), ran: times(quarters * 250) };
        });
        vi.advanceTimersByTime(30_000);
        for (const { ms, begunAt, ran } of all) {
          const [first = 0] = ran;
          expect(first - begunAt).toBeGreaterThanOrEqual(ms - 5);
          expect(first - begunAt).toBeLessThanOrEqual(ms + 251);
          for (const [index, at] of ran.entries()) expect(Math.abs(at - first - index * ms)).toBeLessThan(6);
          expect(ran.length).toBeGreaterThanOrEqual(Math.floor((30_000 - 251) / ms));
        }
      }),
      { numRuns: 50 },
    );
  });

  test('wakes the thread once for all of it', () => {
    vi.advanceTimersByTime(17);
    const quick = times(250);
    vi.advanceTimersByTime(123);
    const slow = [times(1_000), times(500), times(5_000)];
    vi.advanceTimersByTime(20_000);
    for (const one of slow) expect(one.filter((at) => !quick.includes(at))).toEqual([]);
  });

  test('goes on beside one that throws, and one that is stopped by another', () => {
    const before = times(250);
    stops.push(
      every(250, () => {
        throw new Error('a fault of one of them');
      }),
    );
    let stop = (): void => {};
    stops.push(every(250, () => stop()));
    let runs = 0;
    stop = every(250, () => {
      runs += 1;
    });
    const after = times(250);
    for (let turn = 0; turn < 8; turn += 1) {
      // What is thrown reaches whoever runs the timers, as that of any timer does.
      try {
        vi.advanceTimersByTime(250);
      } catch {}
    }
    expect(before.length).toBeGreaterThanOrEqual(6);
    expect(after.length).toBeGreaterThanOrEqual(6);
    expect(runs).toBe(0);
  });

  test('does not make up for what it missed while the thread stood still', () => {
    const ran = times(500);
    vi.advanceTimersByTime(1_000);
    const before = ran.length;
    const late = performance.now() + 60_000;
    vi.spyOn(performance, 'now').mockImplementation(() => late);
    vi.advanceTimersByTime(500);
    expect(ran.length - before).toBe(1);
    vi.mocked(performance.now).mockRestore();
  });

  test('has a timer of its own where it fits no grid', () => {
    const ran = times(100);
    vi.advanceTimersByTime(1_000);
    expect(ran).toHaveLength(10);
  });
});

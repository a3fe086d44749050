/** How often what is quiet is looked at: what surely tells of its changes more seldom than what does not. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type LookResult, noteHeard, Schedule, type Watched } from '../../src/ingest/schedule.ts';

let schedule: Schedule;

beforeEach(() => {
  vi.useFakeTimers();
  schedule = new Schedule({ once: false });
});
afterEach(() => {
  schedule.close();
  vi.useRealTimers();
});

interface Counted extends Watched {
  looks: number;
  asked: number;
  next: LookResult;
}

function counted(isTold?: boolean): Counted {
  const one: Counted = {
    looks: 0,
    asked: 0,
    next: 'quiet',
    look() {
      one.looks += 1;
      const { next } = one;
      one.next = 'quiet';
      return next;
    },
    ...(isTold === undefined
      ? {}
      : {
          isTold() {
            one.asked += 1;
            return isTold;
          },
        }),
  };
  schedule.add(one);
  return one;
}

const several = (count: number, isTold?: boolean): Counted[] =>
  Array.from({ length: count }, () => counted(isTold));
const looksOf = (all: readonly Counted[]): number[] => all.map(({ looks }) => looks);
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const forget = (all: readonly Counted[]): void => {
  for (const one of all) one.looks = 0;
};

describe('the sweep', () => {
  test('looks each second at what may change without a word, and at what is sure to tell every ten', async () => {
    const all = [...several(20), ...several(20, false)];
    const told = several(100, true);
    await pass(500);
    expect(looksOf([...all, ...told])).toEqual(new Array(140).fill(1));
    forget([...all, ...told]);
    await pass(10_000);
    expect(looksOf(all)).toEqual(new Array(40).fill(10));
    expect(looksOf(told)).toEqual(new Array(100).fill(1));
    // Whether it is sure is no question for every second.
    expect(Math.max(...told.map(({ asked }) => asked))).toBe(1);
    forget(told);
    await pass(1_000);
    expect(looksOf(told).reduce((sum, looks) => sum + looks)).toBe(10);
  });

  test('asks again whether it is sure after each notification, and after it was to be looked at', async () => {
    const one = counted(true);
    await pass(20_500);
    expect(one.asked).toBe(1);
    schedule.hint(one);
    await pass(11_000);
    expect(one.asked).toBe(2);
    schedule.lookSoon(one);
    await pass(11_000);
    expect(one.asked).toBe(3);
  });

  test('looks at everything when so many notifications came that some may be lost', async () => {
    const told = several(50, true);
    await pass(1_500);
    forget(told);
    for (let count = 0; count < 1_000; count += 1) noteHeard();
    await pass(1_000);
    expect(looksOf(told)).toEqual(new Array(50).fill(1));
    forget(told);
    await pass(1_000);
    expect(looksOf(told).reduce((sum, looks) => sum + looks)).toBe(5);
  });

  test('looks at everything when it comes late: nobody took the notifications meanwhile', async () => {
    const told = several(50, true);
    await pass(1_500);
    forget(told);
    // The thread stands still, then does what was due.
    const late = performance.now() + 3_000;
    vi.spyOn(performance, 'now').mockImplementation(() => late);
    await pass(1_000);
    vi.mocked(performance.now).mockRestore();
    expect(looksOf(told)).toEqual(new Array(50).fill(1));
  });

  test('looks each second at what has changed once without a word', async () => {
    const one = counted(true);
    await pass(1_500);
    one.next = 'changed';
    // It is found in its turn, and looked at often for a minute.
    await pass(80_000);
    forget([one]);
    await pass(10_000);
    expect(one.looks).toBe(10);
  });

  test('takes it for no surprise when the notification was merely slower', async () => {
    const one = counted(true);
    await pass(1_500);
    one.next = 'changed';
    for (let step = 0; one.next === 'changed' && step < 2_000; step += 1) await pass(10);
    schedule.hint(one);
    await pass(80_000);
    forget([one]);
    await pass(10_000);
    expect(one.looks).toBe(1);
  });

  test('looks at everything four times a second without notifications', async () => {
    const told = several(30, true);
    await pass(1_500);
    schedule.setPolling(true);
    await pass(250);
    forget(told);
    await pass(1_000);
    expect(looksOf(told)).toEqual(new Array(30).fill(4));
  });
});

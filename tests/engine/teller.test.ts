import { beforeEach, describe, expect, it } from 'vitest';
import type { Entity, SystemId } from '../../src/domain/entity.ts';
import { instant } from '../../src/domain/instant.ts';
import type { StateChanges, SystemSummary } from '../../src/engine/protocol.ts';
import { Teller } from '../../src/engine/teller.ts';
import { manualClock } from '../../src/host/clock.ts';

const system = 'mill' as SystemId;
const nothing = { appeared: [], changed: [], gone: [] };
let clock: ReturnType<typeof manualClock>;
let systems: SystemSummary[];
let entities: Entity[];
let messages: StateChanges[];
let teller: Teller;

beforeEach(() => {
  clock = manualClock(instant(1_000_000));
  systems = [
    {
      id: system,
      kind: 'mill',
      title: 'Mill',
      root: '/mill',
      readOnly: false,
      state: 'ok',
      settled: true,
      sources: [],
    },
  ];
  entities = [];
  messages = [];
  teller = new Teller({
    clock,
    entities: () => entities,
    frame: () => ({ reset: false, complete: true, now: clock.now(), upserts: [], removed: [], systems }),
    acts: () => ({ acts: [] }),
  });
  teller.subscribe((changes) => messages.push(changes));
  messages.length = 0;
});

function job(id: string, title = id): Entity {
  return {
    type: 'job',
    system,
    id,
    title,
    observedAt: clock.now(),
    evidence: { source: 'jobs' },
    status: 'queued',
  };
}
const idsOf = (message: StateChanges | undefined): string[] => (message?.upserts ?? []).map(({ id }) => id);

describe('what moves', () => {
  it('is told at once after a quiet time, and together with what moves beside it', () => {
    teller.changed({ ...nothing, appeared: [job('a')] });
    teller.changed({ ...nothing, appeared: [job('b')] });
    clock.advance(5);
    expect(messages.map(idsOf)).toEqual([['a', 'b']]);
  });

  it('is told five times a second where it never rests, twice when that goes on, and nothing is lost', () => {
    for (let ms = 0; ms < 5000; ms += 10) {
      teller.changed({ ...nothing, appeared: [job(`early-${ms}`)] });
      clock.advance(10);
    }
    expect(messages.length).toBeGreaterThan(20);
    expect(messages.length).toBeLessThan(30);
    clock.advance(1000);
    expect(messages.flatMap(idsOf)).toHaveLength(500);
    messages.length = 0;
    for (let ms = 0; ms < 10_000; ms += 10) {
      teller.changed({ ...nothing, appeared: [job(`late-${ms}`)] });
      clock.advance(10);
    }
    expect(messages.length).toBeLessThan(40);
  });

  it('is told as it stands at last: gone and back is there, changed and gone is gone', () => {
    teller.changed({ ...nothing, appeared: [job('warm-up')] });
    clock.advance(5);
    teller.changed({ ...nothing, gone: [job('a')], appeared: [job('b')] });
    teller.changed({ ...nothing, appeared: [job('a', 'again')], gone: [job('b')] });
    clock.advance(200);
    expect(messages).toHaveLength(2);
    expect(messages[1]?.upserts).toMatchObject([{ id: 'a', title: 'again' }]);
    expect(messages[1]?.removed).toEqual([{ system, type: 'job', id: 'b' }]);
  });

  it('goes in slices of a thousand, what is gone in the first of them alone', () => {
    const many = Array.from({ length: 2500 }, (_, index) => job(String(index)));
    teller.changed({ ...nothing, appeared: many, gone: [job('old')] });
    clock.advance(5);
    expect(messages.map(({ upserts, removed }) => [upserts.length, removed.length])).toEqual([
      [1000, 1],
      [1000, 0],
      [500, 0],
    ]);
  });

  it('is told at once where somebody looks at it and it comes singly, however much else moves', () => {
    const seenAfter: number[] = [];
    for (let ms = 0; ms < 20_000; ms += 10) {
      teller.moved();
      if (ms % 250 === 0) {
        const before = messages.length;
        const since = clock.monotonic();
        teller.rowsSeen();
        while (messages.length === before && clock.monotonic() - since < 1000) clock.advance(1);
        seenAfter.push(clock.monotonic() - since);
      } else clock.advance(10);
    }
    expect(Math.max(...seenAfter)).toBeLessThanOrEqual(20);
    messages.length = 0;
    // Faster than anybody reads it is told as everything else.
    for (let ms = 0; ms < 10_000; ms += 10) {
      teller.rowsSeen();
      clock.advance(10);
    }
    expect(messages.length).toBeLessThan(90);
  });

  it('is not held up when somebody asked for it', () => {
    teller.moved();
    clock.advance(5);
    teller.moved();
    teller.actsMoved();
    clock.advance(50);
    expect(messages.map(({ acts }) => acts)).toEqual([undefined, []]);
    teller.moved();
    teller.flush();
    expect(messages).toHaveLength(3);
    clock.advance(1000);
    expect(messages).toHaveLength(3);
  });
});

describe('systems', () => {
  const read = (at: number, error?: string): SystemSummary => ({
    ...(systems[0] as SystemSummary),
    sources: [
      {
        id: 'jobs',
        type: 'document',
        place: 'jobs.json',
        state: error === undefined ? 'fresh' : 'error',
        items: 1,
        lastReadAt: instant(at),
        records: 0,
        badRecords: 0,
        unreadBytes: 0,
        ...(error === undefined ? {} : { error }),
      },
    ],
  });

  it('that were merely read again are left out, but for once in half a minute', () => {
    for (let second = 0; second < 60; second += 1) {
      systems = [read(second * 1000)];
      teller.moved();
      clock.advance(1000);
    }
    expect(messages).toHaveLength(60);
    expect(messages.filter((message) => message.systems !== undefined)).toHaveLength(2);
    systems = [read(61_000, 'torn')];
    teller.moved();
    clock.advance(1000);
    expect(messages.at(-1)?.systems?.[0]?.sources[0]?.error).toBe('torn');
  });
});

import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMasker } from '../../src/acts/mask.ts';
import { openPositions, type PositionStore } from '../../src/db/positions.ts';
import { instant } from '../../src/domain/instant.ts';
import type { LogQuery, LogRow } from '../../src/domain/log.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { readersOf } from '../../src/engine/kind-lines.ts';
import { LogSpool, type LogSpoolOptions } from '../../src/engine/log-spool.ts';
import { PositionKeeper } from '../../src/engine/position-keeper.ts';
import { systemClock } from '../../src/host/clock.ts';
import { LogDesk } from '../../src/logs/log-desk.ts';
import type { Located, SystemKind } from '../../src/systems/system.ts';
import { canMount, fillDisk, smallDisk } from '../db/small-disk.ts';
import { temporaryDirectory } from '../db/temporary.ts';
import { until } from '../ingest/collector.ts';
import { Mill, millAt, millEngine, millKind } from './mill.ts';

/** A mill whose log is emptied after each run. */
const emptiedKind: SystemKind = {
  ...millKind,
  sources: (located, data) =>
    millKind
      .sources(located, data)
      .map((spec) => (spec.type === 'log' ? { ...spec, volatile: true as const } : spec)),
};

let mill: Mill;
let state: string;
const ends: (() => unknown)[] = [];
beforeEach(() => {
  mill = new Mill();
  mill.jobs({ a: { status: 'running' } });
  state = join(temporaryDirectory(), 'emptied-logs');
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  mill.remove();
});

/** A cockpit, or with `once` a verb, that writes what is emptied if it `leads`. */
async function start(
  more: Partial<LogSpoolOptions> & {
    readonly once?: true;
    readonly leads?: () => boolean;
    readonly positions?: PositionStore;
  } = {},
): Promise<Engine> {
  const { once = false, leads = () => true, positions, ...options } = more;
  const located = millAt(mill.dir);
  const engine = millEngine(located, {
    once,
    systems: [{ kind: emptiedKind, located }],
    openLogs: async () => new LogDesk(readersOf([{ kind: emptiedKind, located }]), once),
    spool: new LogSpool({
      directory: state,
      clock: systemClock(),
      masker: createMasker(['sesame-12345']),
      ...(once ? {} : { mayWrite: leads }),
      ...options,
    }),
    ...(positions ? { keeperOf: () => keeperOn(positions, located) } : {}),
  });
  ends.push(() => engine.close());
  await engine.call('settle', {});
  return engine;
}

function keeperOn(store: PositionStore, located: Located): PositionKeeper {
  return new PositionKeeper({
    ...{ store, located, parsers: emptiedKind.parsers, clock: systemClock(), masker: createMasker() },
    ...{ delayMs: 5, replayBytes: 100_000, needsFacts: true, mayCommit: () => true },
  });
}

const log = (): string => join(mill.dir, 'mill.log');
/** Line 7 of run 2 is `20070 run 2 line 7`. */
const lineOf = (run: number, line: number): string => `${run * 10_000 + line * 10} run ${run} line ${line}`;
const runOf = (run: number, count: number): string[] =>
  Array.from({ length: count }, (_, line) => lineOf(run, line));
const told = (...lines: readonly string[]): string[] => lines.map((line) => line.replace(/^\d+ /, ''));
const LINES: LogQuery = { changes: false };

async function rows(engine: Engine, query: LogQuery = LINES): Promise<readonly LogRow[]> {
  return (await engine.call('page', { query, at: 'start', rows: 500 })).rows;
}

async function texts(engine: Engine, query?: LogQuery): Promise<string[]> {
  return (await rows(engine, query)).map(({ text }) => text);
}

async function countOf(engine: Engine, query: LogQuery): Promise<number> {
  let hits = 0;
  for (let from: string | undefined, isFirst = true; isFirst || from !== undefined; isFirst = false) {
    const slice = await engine.call('count', { query, ...(from === undefined ? {} : { from }) });
    hits += slice.hits;
    from = slice.next;
  }
  return hits;
}

/** Writes a run, waits until it is read, and empties the log. */
async function run(engine: Engine, number: number, count: number): Promise<void> {
  mill.log(...runOf(number, count));
  await seen(engine, `run ${number} line ${count - 1}`);
  truncateSync(log(), 0);
  await emptied(engine, number);
}

/** Waits until an engine saw the log being emptied so often. */
async function emptied(engine: Engine, times: number): Promise<void> {
  await until(() => engine.logs.count({ grep: 'emptied by' }) >= times, 20_000);
}

async function seen(engine: Engine, text: string): Promise<void> {
  await until(() => engine.logs.find(LINES, 'end', -1)?.text.endsWith(text) === true, 20_000);
}

function spoolText(): string {
  return readdirSync(state, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}

describe('a log that its writer empties', () => {
  it('is read on where it was emptied, by this cockpit, the next one and a verb, each line once', async () => {
    const engine = await start();
    await run(engine, 1, 5);
    await run(engine, 2, 3);
    mill.log(...runOf(3, 2));
    await seen(engine, 'run 3 line 1');
    const all = told(...runOf(1, 5), ...runOf(2, 3), ...runOf(3, 2));
    expect(await texts(engine)).toEqual(all);
    await engine.close();

    for (const later of [await start(), await start({ once: true })]) {
      expect(await texts(later)).toEqual(all);
      const wiped = (await rows(later)).map((row) => [row.path, row.wiped === true]);
      expect(wiped).toEqual([
        ...Array.from({ length: 8 }, () => ['mill.log', true]),
        ...Array.from({ length: 2 }, () => ['mill.log', false]),
      ]);
      expect(await countOf(later, { ...LINES, grep: 'line 1$' })).toBe(3);
      const found = await later.call('find', { query: { grep: 'run 2 line 1' }, from: 'end', direction: -1 });
      expect(found.row).toMatchObject({ text: 'run 2 line 1', wiped: true });
      const { spans } = await later.call('histogram', { query: LINES, spans: 10 });
      expect(spans.reduce((sum, { counts }) => sum + counts.info, 0)).toBe(10);
    }
  });

  it('has a line at the time it was emptied, which a later start tells too', async () => {
    const before = systemClock().now();
    const engine = await start();
    await run(engine, 1, 2);
    await engine.close();
    const marks = await rows(await start(), { grep: 'emptied by its writer' });
    expect(marks).toHaveLength(1);
    expect(marks[0]).toMatchObject({ form: 'change', path: 'mill.log' });
    expect(marks[0]?.sortAt).toBeGreaterThanOrEqual(before);
    expect(marks[0]?.text).toContain(`(${runOf(1, 2).join('\n').length + 1} bytes)`);
  });

  it('that was emptied while nobody watched has lost nothing that was read', async () => {
    const banner = 'mill 1.0 '.repeat(20);
    mill.log(banner, ...runOf(1, 4));
    const engine = await start();
    await seen(engine, 'run 1 line 3');
    await engine.close();
    // Begins as the run before, and is longer.
    writeFileSync(log(), `${[banner, ...runOf(2, 9)].join('\n')}\n`);
    const all = [banner, ...told(...runOf(1, 4)), banner, ...told(...runOf(2, 9))];
    for (const again of [await start({ once: true }), await start()]) {
      expect(await texts(again)).toEqual(all);
      expect(await texts(again, { grep: 'while nobody watched' })).toHaveLength(1);
    }
  });

  it('is told once where its lines are in the file still, or in a part that was rotated away', async () => {
    mill.log(...runOf(1, 4));
    const first = await start();
    await seen(first, 'run 1 line 3');
    await first.close();
    mill.log(lineOf(1, 4));
    const second = await start();
    expect(await texts(second)).toEqual(told(...runOf(1, 5)));
    await second.close();
    renameSync(log(), `${log()}.1`);
    mill.log(...runOf(2, 2));
    const third = await start();
    expect(await texts(third)).toEqual(told(...runOf(1, 5), ...runOf(2, 2)));
    expect(spoolText()).not.toContain('run 1');
  });

  it('keeps what was read exactly apart from what is in memory, whatever became of it on our disk', async () => {
    // All lines of a run have the same time: only their places tell them apart. Some are longer in the log than here.
    const [first, second] = [40_000, 3000];
    const linesOf = (number: number, count: number): string =>
      Array.from({ length: count }, (_, line) =>
        line % 1000 === 7
          ? `${number}000 key=sesame-12345 run ${number} line ${line}\r\n`
          : `${number}000 run ${number} line ${line}\n`,
      ).join('');
    writeFileSync(log(), '');
    const engine = await start();
    appendFileSync(log(), linesOf(1, first));
    await seen(engine, `run 1 line ${first - 1}`);
    truncateSync(log(), 0);
    appendFileSync(log(), linesOf(2, second));
    await seen(engine, `run 2 line ${second - 1}`);
    expect(engine.logs.left).toBeGreaterThan(0);
    expect(engine.logs.left).toBeLessThan(first);
    expect(await countOf(engine, { ...LINES, grep: 'line' })).toBe(first + second);
    // Of those the oldest in memory is the next one.
    const grep = `run 1 line ${engine.logs.left - 1}$`;
    const { row } = await engine.call('find', { query: { grep }, from: 'end', direction: -1 });
    const place = { sortAt: row?.sortAt ?? instant(0), id: row?.id ?? '' };
    const page = await engine.call('page', { query: LINES, at: place, rows: 20 });
    const numbers = page.rows.map(({ text }) => Number(/line (\d+)$/.exec(text)?.[1]));
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, index) => engine.logs.left - 11 + index));
  });

  it('is kept whole where just its end is in memory, and where a cockpit goes on from an earlier one', async () => {
    const count = 12_000;
    const positions = openPositions({
      directory: mill.dir,
      reader: 'cockpit',
      now: systemClock().now(),
      isAlive: () => false,
    });
    ends.push(() => positions.close());
    mill.log(...runOf(1, count));
    // The first one keeps how far it read, and nothing of what it read.
    const first = await start({ positions, leads: () => false });
    expect(first.logs.size).toBeLessThan(count);
    await first.close();
    const second = await start({ positions });
    mill.log(lineOf(1, count));
    await seen(second, `run 1 line ${count}`);
    truncateSync(log(), 0);
    await emptied(second, 1);
    expect(await countOf(second, LINES)).toBe(count + 1);
    const { row } = await second.call('find', { query: { grep: 'line 17$' }, from: 'end', direction: -1 });
    expect(row).toMatchObject({ text: 'run 1 line 17', wiped: true });
  });

  it('is kept without what a cockpit that was killed had begun to write', async () => {
    mill.log(...runOf(1, 2));
    await (await start()).close();
    const [open = ''] = readdirSync(state, { recursive: true })
      .map(String)
      .filter((name) => /open-1\.log$/.test(name));
    appendFileSync(join(state, open), `${lineOf(1, 2)}\n${lineOf(1, 3).slice(0, 9)}`);
    mill.log(lineOf(1, 2));
    const engine = await start();
    truncateSync(log(), 0);
    await emptied(engine, 1);
    await engine.close();
    expect(await texts(await start({ once: true }))).toEqual(told(...runOf(1, 3)));
  });

  it('is forgotten a day after the last of its lines had to go', async () => {
    const gone = join(state, 'of a log that is no more');
    mkdirSync(gone, { recursive: true });
    writeFileSync(join(gone, 'emptied.json'), '{}');
    const engine = await start();
    await run(engine, 1, 2);
    expect(readdirSync(state)).toHaveLength(2);
    utimesSync(gone, 0, 0);
    await run(engine, 2, 2);
    expect(readdirSync(state)).toHaveLength(1);
  });

  it('is kept without secrets, for its reader alone', async () => {
    const engine = await start();
    mill.log(
      '1000 opened with sesame-12345',
      '2000 -----BEGIN RSA PRIVATE KEY-----',
      `3000 ${'QUJD'.repeat(16)}`,
    );
    mill.log('4000 -----END RSA PRIVATE KEY-----', '5000 done');
    await seen(engine, 'done');
    truncateSync(log(), 0);
    await emptied(engine, 1);
    await engine.close();
    expect(spoolText()).toContain('opened with ***');
    expect(spoolText()).not.toContain('sesame');
    const modes = readdirSync(state, { recursive: true }).map(
      (name) => statSync(join(state, String(name))).mode & 0o777,
    );
    expect(statSync(state).mode & 0o777).toBe(0o700);
    expect(new Set(modes)).toEqual(new Set([0o700, 0o600]));
    const found = await countOf(await start({ once: true }), { grep: 'sesame' });
    expect(found).toBe(0);
  });

  it('is kept up to so many bytes of all logs, whole files of the oldest going first', async () => {
    const limits = { mostBytes: 4000, partBytes: 1000 };
    const engine = await start({ limits });
    for (let number = 1; number <= 8; number += 1) await run(engine, number, 60);
    await engine.close();
    const files = readdirSync(state, { recursive: true }).filter((name) => String(name).endsWith('.log'));
    const bytes = files.reduce((sum, name) => sum + statSync(join(state, String(name))).size, 0);
    expect(bytes).toBeLessThanOrEqual(limits.mostBytes);
    expect(bytes).toBeGreaterThan(limits.mostBytes - 2 * 1200);
    const kept = await texts(await start({ once: true }));
    const all = told(...Array.from({ length: 8 }, (_, index) => runOf(index + 1, 60)).flat());
    expect(kept.length).toBeGreaterThan(100);
    expect(kept).toEqual(all.slice(-kept.length));
  });
});

describe('whatever becomes of it', () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('write' as const), lines: fc.integer({ min: 1, max: 6 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('empty' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('rotate' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('close' as const, 'open' as const) }) },
  );

  it('each line that was read is told once and in its order, by a cockpit and by a verb', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
        state = join(temporaryDirectory(), 'emptied-logs');
        for (const name of readdirSync(mill.dir).filter((one) => one.startsWith('mill.log')))
          rmSync(join(mill.dir, name));
        writeFileSync(log(), '');
        let [written, parts, wipes] = [0, 0, 0];
        /** What must be told, and what of it stands in the log alone: nobody has read it. */
        const lines: string[] = [];
        let unread: string[] = [];
        let engine: Engine | undefined = await start();
        const read = async (): Promise<void> => {
          const last = lines.at(-1);
          if (engine && last !== undefined && unread.length > 0) await seen(engine, told(last).join());
          if (engine) unread = [];
        };
        for (const one of steps) {
          switch (one.do) {
            case 'write': {
              const fresh = Array.from({ length: one.lines }, (_, index) => lineOf(1, written + index));
              written += fresh.length;
              mill.log(...fresh);
              lines.push(...fresh);
              unread.push(...fresh);
              await read();
              break;
            }
            case 'empty': {
              const isEmpty = statSync(log()).size === 0;
              truncateSync(log(), 0);
              lines.splice(lines.length - unread.length);
              unread = [];
              if (!engine || isEmpty) break;
              wipes += 1;
              await emptied(engine, wipes);
              break;
            }
            case 'rotate':
              for (let part = parts; part >= 1; part -= 1)
                renameSync(`${log()}.${part}`, `${log()}.${part + 1}`);
              renameSync(log(), `${log()}.1`);
              parts += 1;
              writeFileSync(log(), '');
              unread = [];
              break;
            case 'close':
              await engine?.close();
              engine = undefined;
              break;
            case 'open':
              if (engine) break;
              engine = await start();
              wipes = engine.logs.count({ grep: 'emptied by' });
              await read();
          }
        }
        await engine?.close();
        expect(await texts(await start())).toEqual(told(...lines));
        expect(await texts(await start({ once: true }))).toEqual(told(...lines));
      }),
      { numRuns: 10 },
    );
  });
});

describe('two cockpits that watch it', () => {
  it('keep it once, and the other goes on when the first has ended', async () => {
    const leader = { is: 'a' };
    const a = await start({ leads: () => leader.is === 'a' });
    const b = await start({ leads: () => leader.is === 'b' });
    await run(a, 1, 4);
    await emptied(b, 1);
    mill.log(...runOf(2, 2));
    await Promise.all([seen(a, 'run 2 line 1'), seen(b, 'run 2 line 1')]);
    const all = told(...runOf(1, 4), ...runOf(2, 2));
    for (const engine of [a, b]) {
      expect(await texts(engine)).toEqual(all);
      const { spans } = await engine.call('histogram', { query: LINES, spans: 10 });
      expect(spans.reduce((sum, { counts }) => sum + counts.info, 0)).toBe(6);
    }
    // What was read while nobody wrote is taken from the log.
    leader.is = 'nobody';
    mill.log(lineOf(2, 2));
    await Promise.all([seen(a, 'run 2 line 2'), seen(b, 'run 2 line 2')]);
    await a.close();
    leader.is = 'b';
    mill.log(lineOf(2, 3));
    await seen(b, 'run 2 line 3');
    truncateSync(log(), 0);
    await emptied(b, 2);
    await b.close();
    expect(await texts(await start({ once: true }))).toEqual(told(...runOf(1, 4), ...runOf(2, 4)));
  });
});

describe('where what is emptied can not be kept', () => {
  it.skipIf(!canMount)(
    'a full disk is said, reading goes on, and what was missed is kept once there is room',
    async () => {
      const disk = smallDisk() as string;
      state = join(realpathSync(disk), 'emptied-logs');
      mkdirSync(state);
      const room = fillDisk(disk);
      const engine = await start();
      const notices = (): readonly string[] => {
        let now: readonly string[] = [];
        engine.subscribe((changes) => {
          now = changes.notices ?? now;
        })();
        return now;
      };
      mill.log(...runOf(1, 3));
      await seen(engine, 'run 1 line 2');
      expect(notices().join()).toMatch(/EMPTIED LOGS NOT KEPT: ENOSPC/);
      room();
      mill.log(lineOf(1, 3));
      await seen(engine, 'run 1 line 3');
      expect(notices().join()).not.toContain('NOT KEPT');
      truncateSync(log(), 0);
      await emptied(engine, 1);
      await engine.close();
      expect(await texts(await start({ once: true }))).toEqual(told(...runOf(1, 4)));
    },
  );
});

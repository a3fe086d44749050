import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogFilter } from '../../src/domain/log.ts';
import { DescriptorPool } from '../../src/logs/descriptor-pool.ts';
import { LogChain } from '../../src/logs/log-chain.ts';
import { type LogPosition, LogView, type ViewPage, type ViewRow } from '../../src/logs/log-view.ts';
import { paceOf } from '../../src/logs/pace.ts';
import { plainLines } from '../../src/logs/plain-lines.ts';

let directory: string;
let pool: DescriptorPool;
let chains: LogChain[];
const pace = paceOf();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'binnacle-view-'));
  pool = new DescriptorPool(4);
  chains = [];
});
afterEach(() => {
  for (const chain of chains) chain.close();
  pool.closeAll();
  rmSync(directory, { recursive: true, force: true });
});

function chainOf(name: string): LogChain {
  const source = { id: name, path: join(directory, name), fence: [directory], reader: plainLines() };
  const chain = new LogChain(source, pool);
  chain.refresh();
  chains.push(chain);
  return chain;
}

function viewOf(...names: string[]): LogView {
  return new LogView(
    names.map((id) => ({ names: { id, system: `system-${id}`, source: id }, chain: chainOf(id) })),
  );
}

const raws = (rows: readonly ViewRow[]): string[] => rows.map(({ entry }) => entry.raw());

/** All rows a page at a time, from one end to the other. */
async function all(view: LogView, way: 'forward' | 'backward', size: number, filter: LogFilter = []) {
  const pages: ViewPage[] = [];
  let at: LogPosition = way === 'forward' ? 'start' : 'end';
  for (;;) {
    const page: ViewPage = await view[way](at, size, filter, pace);
    pages.push(page);
    if (way === 'forward' ? page.atEnd : page.atStart) break;
    at = { gap: way === 'forward' ? page.end : page.start };
  }
  if (way === 'backward') pages.reverse();
  return pages.flatMap(({ rows }) => raws(rows));
}

const START = Date.UTC(2026, 1, 21, 3, 0, 0);
const iso = (ms: number): string => new Date(START + ms).toISOString();

/** Records of a log, each with its lines, and what a program would have written. */
const record = fc.record({
  stepMs: fc.constantFrom(0, 1, 40, 3000, 90_000),
  level: fc.constantFrom('DEBUG', 'INFO', 'WARNING', 'ERROR'),
  // Long ones too, so that a few hundred records reach over several blocks.
  padding: fc.constantFrom(0, 3, 200, 5000, 70_000),
  rest: fc.constantFrom(0, 0, 0, 1, 4),
});

function write(
  records: readonly { stepMs: number; level: string; padding: number; rest: number }[],
  name: string,
) {
  let ms = 0;
  return records.map(({ stepMs, level, padding, rest }, index) => {
    ms += stepMs;
    const text = `${iso(ms)} ${level} ${name} ${index} ${'x'.repeat(Math.min(padding, 60_000))}`;
    const lines = [text, ...Array.from({ length: rest }, (_, line) => `  at line ${line} of ${index}`)];
    return { ms, text: lines.join('\n') };
  });
}

describe('pages of a log', () => {
  it('give each record once, in its order, whichever way and however many at a time, over rotated and compressed parts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 60 }),
        fc.array(fc.nat(60), { maxLength: 3 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 25 }),
        async (drawn, cutsAt, isCompressed, size) => {
          const records = write(drawn, 'app').map(({ text }) => text);
          const cuts = [
            0,
            ...cutsAt.map((at) => Math.min(at, records.length)).sort((a, b) => a - b),
            records.length,
          ];
          for (let part = 1; part < cuts.length; part += 1) {
            const content = records
              .slice(cuts[part - 1], cuts[part])
              .map((text) => `${text}\n`)
              .join('');
            const number = cuts.length - 1 - part;
            if (number === 0) writeFileSync(join(directory, 'app.log'), content);
            else if (isCompressed) writeFileSync(join(directory, `app.log.${number}.gz`), gzipSync(content));
            else writeFileSync(join(directory, `app.log.${number}`), content);
          }
          const view = viewOf('app.log');
          expect(await all(view, 'forward', size)).toEqual(records);
          expect(await all(view, 'backward', size)).toEqual(records);
          rmSync(directory, { recursive: true });
          mkdirSync(directory);
        },
      ),
      { numRuns: 40 },
    );
  });
});
describe('pages of many logs', () => {
  it('are merged by time, and filtered as one record after the other would be', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(record, { maxLength: 30 }), { minLength: 2, maxLength: 3 }),
        fc.integer({ min: 1, max: 25 }),
        fc.constantFrom<LogFilter>(
          [],
          [{ is: 'level', least: 'warning' }],
          [{ is: 'text', text: ' 7 ' }],
          [{ is: 'match', pattern: 'error \\w+\\.log [0-9]*1', out: true }],
          [
            { is: 'match', pattern: 'ERROR [ab]\\.log' },
            { is: 'log', logs: ['a.log'], out: true },
          ],
          [{ is: 'text', text: 'AT LINE 0 OF', ignoreCase: true }],
          [{ is: 'time', since: START + 3000, until: START + 200_000 }],
        ),
        async (logs, size, filter) => {
          const names = ['a.log', 'b.log', 'c.log'].slice(0, logs.length);
          const written = logs.map((drawn, index) => {
            const name = names[index] ?? '';
            const records = write(drawn, name).map((one) => ({ ...one, name, index }));
            writeFileSync(join(directory, name), records.map(({ text }) => `${text}\n`).join(''));
            return records;
          });
          const merged = written.flat().sort((a, b) => a.ms - b.ms || a.index - b.index);
          const passes = ({ text, ms, name }: { text: string; ms: number; name: string }): boolean =>
            filter.every((condition) => {
              const test = (): boolean => {
                if (condition.is === 'level') return / (WARNING|ERROR) /.test(text.slice(0, 40));
                if (condition.is === 'text')
                  return condition.ignoreCase
                    ? text.toLowerCase().includes(condition.text.toLowerCase())
                    : text.includes(condition.text);
                if (condition.is === 'match')
                  return new RegExp(condition.pattern, /[A-Z]/.test(condition.pattern) ? '' : 'i').test(text);
                if (condition.is === 'log') return condition.logs.includes(name);
                if (condition.is === 'time')
                  return START + ms >= (condition.since ?? 0) && START + ms < (condition.until ?? Infinity);
                throw new Error(condition.is);
              };
              return test() !== (condition.out === true);
            });
          const wanted = merged.filter(passes).map(({ text }) => text);
          const view = viewOf(...names);
          expect(await all(view, 'forward', size, filter)).toEqual(wanted);
          expect(await all(view, 'backward', size, filter)).toEqual(wanted);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a log without any time', () => {
  it('stands at the last write of each of its files, before and behind what other logs say', async () => {
    const plain = (word: string): string =>
      Array.from({ length: 3000 }, (_, index) => `INFO ${word} ${index} ${'x'.repeat(60)}\n`).join('');
    const put = (name: string, content: string, seconds: number): void => {
      writeFileSync(join(directory, name), content);
      utimesSync(join(directory, name), START / 1000 + seconds, START / 1000 + seconds);
    };
    put('a.log', [0, 10, 20, 30].map((second) => `${iso(second * 1000)} INFO at ${second}\n`).join(''), 30);
    put('b.log.1', plain('older'), 5);
    put('b.log', plain('newer'), 25);
    const view = viewOf('a.log', 'b.log');
    const around = async (second: number): Promise<readonly string[]> => {
      const { rows } = await view.around({ time: START + second * 1000 }, 2, 2, [], pace);
      return raws(rows).map((raw) => raw.replace(/^.*INFO /, '').replace(/ x+$/, ''));
    };
    expect(await around(3)).toEqual(['at 0', 'older 0', 'older 1']);
    expect(await around(10)).toEqual(['older 2998', 'older 2999', 'at 10', 'at 20']);
    expect(await around(22)).toEqual(['at 10', 'at 20', 'newer 0', 'newer 1']);
    expect(await around(28)).toEqual(['newer 2998', 'newer 2999', 'at 30']);
  });
});

describe('counting in slices', () => {
  it.each(['forward', 'backward'] as const)(
    'going %s comes to an end however short the slices, where hits lie behind parts that have none',
    async (way) => {
      const lines = (from: number, word: string): string =>
        Array.from(
          { length: 2000 },
          (_, index) => `${iso((from + index) * 1000)} INFO ${word} ${'x'.repeat(80)}\n`,
        ).join('');
      const files = [lines(0, 'dull'), lines(2000, 'dull'), lines(4000, 'dull')];
      // A line longer than blocks are: in some of them no record begins.
      const middle = `${files.join('')}${iso(5_999_500)} INFO dull ${'y'.repeat(300_000)}\n`;
      writeFileSync(join(directory, 'a.log.2.gz'), gzipSync(`${lines(0, 'bright')}${middle}`));
      writeFileSync(join(directory, 'a.log.1'), middle);
      writeFileSync(join(directory, 'a.log'), middle);
      writeFileSync(join(directory, 'b.log'), `${middle}${lines(6000, 'bright')}`);
      const view = viewOf('a.log', 'b.log');
      const filter: LogFilter = [{ is: 'text', text: 'BRIGHT', ignoreCase: true }];
      let at: LogPosition = way === 'forward' ? 'start' : 'end';
      let count = 0;
      let slices = 0;
      for (let isAll = false; !isAll; slices += 1) {
        // All of it has some sixty blocks; a slice that gets nowhere is repeated for ever.
        expect(slices).toBeLessThan(5000);
        const slice = await view.count({ at, way, filter, most: Number.MAX_SAFE_INTEGER, mostMs: 0 }, pace);
        count += slice.count;
        at = { gap: slice.rest };
        isAll = slice.isAll;
      }
      expect(count).toBe(4000);
      const whole = await view.count({ at: 'start', way: 'forward', filter, most: 10_000 }, pace);
      expect(whole).toMatchObject({ count: 4000, isAll: true });
    },
  );
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogFilter } from '../../src/domain/log.ts';
import { LogDesk } from '../../src/logs/log-desk.ts';
import { plainLines } from '../../src/logs/plain-lines.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'binnacle-filter-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Said {
  readonly ts: string;
  readonly event: string;
  readonly card: string;
  readonly note: string;
}

/** Over several blocks: what is looked for is in the first alone, so that quick looks have something to pass over. */
const said: readonly Said[] = Array.from({ length: 4000 }, (_, index) => ({
  ts: new Date(Date.UTC(2026, 1, 21, 3) + index * 1000).toISOString(),
  event: index === 5 ? 'turn_start' : 'beat',
  card: index === 5 ? 'TIDE-3' : 'REEF-1',
  note: index === 7 ? 'says "no" at C:\\pump' : index === 9 ? 'caf\u00e9 open' : 'as ever, every second',
}));

/** What each filter finds of rows that show a note as it is, or event and card together. */
const cases: readonly (readonly [what: string, filter: LogFilter, note: number, told: number])[] = [
  ['a text of two fields', [{ is: 'text', text: 'turn_start TIDE-3' }], 0, 1],
  ['an expression over two fields', [{ is: 'match', pattern: '^turn_\\w+ TIDE-[0-9]$' }], 0, 1],
  ['the same without its ends', [{ is: 'match', pattern: 'start TIDE-[0-9]' }], 0, 1],
  ['a text with quotes that are escaped in the file', [{ is: 'text', text: 'says "no" at C:\\pump' }], 1, 0],
  ['an expression across them', [{ is: 'match', pattern: 'says .no. at' }], 1, 0],
  ['a text as it is escaped in the file', [{ is: 'text', text: '\\"no\\"' }], 1, 1],
  ['a letter that is written as a number', [{ is: 'text', text: 'caf\u00e9' }], 1, 0],
  ['a text in small letters', [{ is: 'text', text: 'tide-3', ignoreCase: true }], 1, 1],
  ['the beginning of what is shown', [{ is: 'match', pattern: '^says' }], 1, 0],
  ['whole words', [{ is: 'match', pattern: '\\bTIDE-3\\b' }], 1, 1],
  ['the end of what is shown', [{ is: 'match', pattern: 'every \\S+d$' }], 3998, 0],
  ['what looks around itself', [{ is: 'match', pattern: '(?<!ever, )every second(?!")' }], 0, 0],
  ['either end', [{ is: 'match', pattern: '^(says|turn_start)|open$' }], 2, 1],
  ['a field', [{ is: 'field', name: 'card', value: 'TIDE-3' }], 1, 1],
  ['a field with another value', [{ is: 'field', name: 'card', value: 'TIDE' }], 0, 0],
  ['an id', [{ is: 'about', keys: ['TIDE-3'] }], 1, 1],
  ['all but what has it', [{ is: 'text', text: 'turn_start TIDE-3', out: true }], 4000, 3999],
];

describe('what is looked for in old lines', () => {
  it.each(cases)('is found as written and as shown: %s', async (_what, filter, note, told) => {
    const name = join(directory, 'a.log');
    writeFileSync(name, said.map((one) => `${JSON.stringify(one).replace('\u00e9', '\\u00e9')}\n`).join(''));
    const plain = plainLines();
    const judge = plain.judge.bind(plain);
    const read = (text: string): Said => JSON.parse(text) as Said;
    const desk = new LogDesk({
      note: () => ({ showsWritten: true, judge, describe: (text) => ({ text: read(text).note }) }),
      told: () => ({ judge, describe: (text) => ({ text: `${read(text).event} ${read(text).card}` }) }),
    });
    const counts: number[] = [];
    for (const reader of ['note', 'told']) {
      const log = { id: 'a', system: 's', source: 'a', path: name, fence: [directory], reader };
      await desk.call('open', { logs: [log] });
      const counted = { at: 'start', way: 'forward', filter, most: 10_000 } as const;
      counts.push((await desk.call('count', counted)).count);
    }
    await desk.close();
    expect(counts).toEqual([note, told]);
  });
});

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogDesk } from '../../src/logs/log-desk.ts';
import type { LogPart } from '../../src/logs/log-protocol.ts';
import { plainLines } from '../../src/logs/plain-lines.ts';
import { Scanner, type SearchProgress } from '../../src/logs/scanner.ts';

let directory: string;
let desk: LogDesk;
let scanner: Scanner;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'binnacle-scanner-'));
  desk = new LogDesk({ plain: ({ zone }) => plainLines(zone) });
  scanner = new Scanner(new URL('../../src/logs/scan-thread.ts', import.meta.url).pathname);
});
afterEach(async () => {
  await scanner.close();
  await desk.close();
  rmSync(directory, { recursive: true, force: true });
});

async function partsOf(name: string): Promise<readonly LogPart[]> {
  const path = join(directory, name);
  await desk.call('open', {
    logs: [{ id: name, system: 'orket', source: name, path, fence: [directory], reader: 'plain' }],
  });
  return (await desk.call('parts', {})).parts;
}

const line = (index: number): string =>
  `2026-02-21T03:14:07Z INFO ${index % 1000 === 0 ? 'needle' : 'hay'} ${index} ${'.'.repeat(200)}\n`;
const content = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, index) => line(from + index)).join('');

describe('a search over threads', () => {
  it('finds each line of a log once, over its parts and the borders of what is shared out', async () => {
    writeFileSync(join(directory, 'app.log.1.gz'), gzipSync(content(2000)));
    // More than is shared out at once, and a match across the border.
    const filler = Buffer.alloc(1024 * 1024, `${'x'.repeat(1023)}\n`);
    const border = 64 * 1024 * 1024;
    const big = Buffer.concat(Array.from({ length: 66 }, () => filler));
    big.write('needle', border - 3);
    big.write('needle', 100);
    big.write('needle', big.length - 7);
    writeFileSync(join(directory, 'app.log'), big);
    const parts = await partsOf('app.log');
    const told: SearchProgress[] = [];
    for (const wanted of [
      { is: 'text', text: 'needle' } as const,
      { is: 'match', pattern: 'ne+dle' } as const,
    ]) {
      const found = await scanner.search(parts, wanted, {
        maxHits: 10,
        progress: (progress) => told.push(progress),
      });
      expect(found.map(({ lines }) => lines)).toEqual([2, 3]);
      expect(found[1]?.offsets).toEqual([100, border - 3, big.length - 7]);
      expect(found.map(({ problem }) => problem)).toEqual([undefined, undefined]);
      expect(told.at(-1)).toMatchObject({ lines: 5 });
    }
  });

  it('is cancelled at once, also where an expression takes for ever, and the next one is answered', async () => {
    writeFileSync(join(directory, 'app.log'), `${'a'.repeat(60)}!\n${content(3)}`);
    const parts = await partsOf('app.log');
    const controller = new AbortController();
    const endless = scanner.search(parts, { is: 'match', pattern: '(a+)+$' }, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(endless).rejects.toThrow('cancelled');
    expect((await scanner.search(parts, { is: 'text', text: 'needle' }))[0]).toMatchObject({ lines: 1 });
  });

  it('says what could not be searched', async () => {
    writeFileSync(join(directory, 'app.log'), content(3));
    const parts = await partsOf('app.log');
    rmSync(join(directory, 'app.log'));
    expect((await scanner.search(parts, { is: 'text', text: 'needle' }))[0]?.problem).toContain('gone');
    writeFileSync(join(directory, 'other.log'), content(3));
    const { dev, ino } = statSync(join(directory, 'other.log'));
    const [part] = parts;
    if (!part) throw new Error('no part');
    const other = { ...part, path: join(directory, 'other.log'), device: `${dev}:${ino + 1}` };
    expect((await scanner.search([other], { is: 'text', text: 'x' }))[0]?.problem).toContain('another file');
    const bad = await scanner.search([{ ...other, device: `${dev}:${ino}` }], { is: 'match', pattern: '(' });
    expect(bad[0]?.problem).toContain('Invalid regular expression');
  });
});

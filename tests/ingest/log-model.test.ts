import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import { directoryCache } from '../../src/ingest/directory-cache.ts';
import type { IngestEvent } from '../../src/ingest/ingest.ts';
import { LogTail } from '../../src/ingest/log-tail.ts';
import { FailureBook, type ReaderContext } from '../../src/ingest/reader.ts';
import { Schedule } from '../../src/ingest/schedule.ts';
import { blindWatcher } from '../../src/ingest/watcher.ts';
import { temporary } from './collector.ts';

/**
 * What writers and rotators do, and how the model keeps count: every generation is a text; a line of it must be told
 * exactly once, unless its writer destroyed it before anybody could have read it.
 */
type Op =
  | 'append'
  | 'burst'
  | 'partial'
  | 'rename'
  | 'copyTruncate'
  | 'truncate'
  | 'rewrite'
  | 'delete'
  | 'look';
const weights: readonly [Op, number][] = [
  ['append', 8],
  ['burst', 3],
  ['partial', 3],
  ['look', 6],
  ['rename', 3],
  ['copyTruncate', 3],
  ['truncate', 1],
  ['rewrite', 1],
  ['delete', 1],
];
const op = fc.oneof(...weights.map(([name, weight]) => ({ weight, arbitrary: fc.constant(name) })));

function tailOf(root: string, events: IngestEvent[], initialBytes: number): LogTail {
  const context: ReaderContext = {
    options: { root, clock: systemClock(), once: false, secret: () => undefined, onEvent: () => {} },
    root,
    schedule: new Schedule({ once: true }),
    cache: directoryCache(),
    watcher: blindWatcher(),
    emit: (event) => events.push(event),
    touched: () => {},
  };
  return new LogTail('app.log', join(root, 'app.log'), [root], {
    source: 'log',
    context,
    failures: new FailureBook('log', context),
    maxLineBytes: 1 << 18,
    initialBytes,
    follows: () => false,
    ownerOf: () => undefined,
    onProgress: () => {},
  });
}

function play(ops: readonly Op[], textOf: (n: number) => string): void {
  const place = temporary();
  const log = join(place.dir, 'app.log');
  const events: IngestEvent[] = [];
  const tail = tailOf(place.dir, events, 1 << 24);
  let lineNumber = 0;
  let partials = 0;
  /** Complete lines that must be told, in order, and those whose writer destroyed them. */
  const must: string[] = [];
  const excused = new Set<string>();
  let current = '';
  let seenByLook = 0;
  let isHeld = false;

  const write = (text: string): void => {
    appendFileSync(log, text);
    current += text;
  };
  const line = (): string => {
    lineNumber += 1;
    return textOf(lineNumber);
  };
  const wholeLines = (text: string): string[] => text.split('\n').slice(0, -1);
  /** The generation ends; lines after `readable` characters can't be read any more. */
  const end = (readable: number): void => {
    const kept = wholeLines(current.slice(0, readable));
    must.push(...kept);
    for (const lost of wholeLines(current).slice(kept.length)) excused.add(lost);
    current = '';
    seenByLook = 0;
  };
  const shift = (): void => {
    const numbers = readdirSync(place.dir)
      .map((name) => Number(/^app\.log\.(\d+)$/.exec(name)?.[1] ?? 0))
      .filter((number) => number > 0)
      .sort((a, b) => b - a);
    for (const number of numbers) renameSync(`${log}.${number}`, `${log}.${number + 1}`);
  };
  const look = (): void => {
    for (let count = 0; count < 100 && tail.look() === 'more'; count += 1);
    seenByLook = current.length;
    isHeld = existsSync(log);
  };

  try {
    writeFileSync(log, '');
    look();
    for (const name of [...ops, 'append', 'look'] as const) {
      switch (name) {
        case 'append':
          write(`${line()}\n`);
          break;
        case 'burst':
          write(`${line()}\n${line()}\n${line()}\n`);
          break;
        case 'partial':
          partials += 1;
          write(`part ${partials} ~`);
          break;
        case 'look':
          look();
          break;
        case 'rename':
          if (!existsSync(log)) break;
          shift();
          renameSync(log, `${log}.1`);
          end(current.length);
          writeFileSync(log, '');
          isHeld = false;
          break;
        case 'copyTruncate':
          if (!existsSync(log)) break;
          shift();
          copyFileSync(log, `${log}.1`);
          truncateSync(log, 0);
          end(current.length);
          break;
        case 'truncate':
          if (!existsSync(log)) break;
          truncateSync(log, 0);
          end(seenByLook);
          break;
        case 'rewrite': {
          if (!existsSync(log)) break;
          end(seenByLook);
          const text = `${line()} rewritten\n`;
          writeFileSync(log, text);
          current = text;
          break;
        }
        case 'delete':
          if (!existsSync(log)) break;
          rmSync(log);
          // What is held open can be read to its end.
          end(isHeld ? current.length : 0);
          isHeld = false;
          break;
      }
    }
    must.push(...wholeLines(current));
    const told = events
      .flatMap((event) => (event.type === 'chunk' && event.chunk.type === 'lines' ? event.chunk.lines : []))
      .filter((one) => one.cut !== true)
      .map((one) => one.text);
    const sure = told.filter((text) => !excused.has(text));
    // Where a file was removed nothing tells its place among the others any more.
    const inOrder = !ops.includes('delete');
    expect(inOrder ? sure : [...sure].sort()).toEqual(inOrder ? must : [...must].sort());
    expect(new Set(told).size).toBe(told.length);
  } finally {
    tail.close();
    place.remove();
  }
}

test('whatever happens to a log, each of its lines is told exactly once and in order', {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(fc.array(op, { minLength: 1, maxLength: 40 }), (ops) =>
      play(
        ops,
        (n) => `${String(n).padStart(6, '0')} an event of the pipeline with enough text to be told apart`,
      ),
    ),
    { numRuns: 400 },
  );
});

test('the same with lines so short that generations look alike', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.array(op, { minLength: 1, maxLength: 30 }), (ops) => play(ops, (n) => `n${n}`)),
    { numRuns: 300 },
  );
});

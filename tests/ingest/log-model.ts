/**
 * A log, its writers, its rotators and its reader, with a model of them all: after any sequence of what can happen, what
 * was committed of the reader's events must be equal to what the model says, lines and reports of loss alike.
 */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect } from 'vitest';
import { systemClock } from '../../src/host/clock.ts';
import { directoryCache } from '../../src/ingest/directory-cache.ts';
import type { IngestEvent } from '../../src/ingest/ingest.ts';
import type { LogPosition } from '../../src/ingest/log-position.ts';
import { LogTail } from '../../src/ingest/log-tail.ts';
import { FailureBook, type ReaderContext } from '../../src/ingest/reader.ts';
import { Schedule } from '../../src/ingest/schedule.ts';
import { blindWatcher } from '../../src/ingest/watcher.ts';
import { temporary } from './collector.ts';

const weights = {
  append: 8,
  burst: 3,
  partial: 3,
  look: 6,
  commit: 4,
  kill: 3,
  rename: 3,
  copyTruncate: 3,
  compress: 2,
  truncate: 1,
  rewrite: 1,
  delete: 1,
  /** The oldest rotated file is removed. */
  retain: 1,
} as const;

/** What writers, rotators and the reader do. `kill`: the reader ends as by SIGKILL; the next `look` is another one's. */
export type Op = keyof typeof weights;

export const anyOps = (maxLength: number): fc.Arbitrary<Op[]> =>
  fc.array(
    fc.oneof(
      ...Object.entries(weights).map(([name, weight]) => ({
        weight,
        arbitrary: fc.constant(name as Op),
      })),
    ),
    { minLength: 1, maxLength, size: 'max' },
  );

/** One text from its beginning to its end, whatever files hold it. */
interface Text {
  text: string;
  /** The file it was written to: `removed`, it has no name any more, but whoever has it open can read it. */
  file: 'there' | 'emptied' | 'removed';
  /** What stands in that file since it was emptied. */
  next?: Text;
  /** How much of it the reader has told, and how much of that is committed. */
  told: number;
  committed: number;
}

/** A report of loss: at which byte of a text what was written behind could not be read. */
type Loss = number;

/** What the reader is to have told. */
interface Expected {
  readonly lines: string[];
  readonly losses: Loss[];
}

class Model {
  /** What each file holds. */
  readonly files = new Map<string, Text>();
  readonly committed: Expected = { lines: [], losses: [] };
  pending: Expected = { lines: [], losses: [] };
  /** What the reader follows: what stood at the path at its last look. */
  tracked: Text | undefined;
  committedTracked: Text | undefined;
  /** And had not been moved away from it: what was moved may be removed without a word. */
  stoodAtPath = false;
  committedStoodAtPath = false;
  /** The reader has a position to go on from, but no descriptor of what it read. */
  isResumed = false;
  /** The look before has been committed: what is known is what an earlier run knew. */
  #seen = new Set<Text>();
  #committedSeen = new Set<Text>();

  get path(): Text | undefined {
    return this.files.get('app.log');
  }

  look(): void {
    const { tracked, path } = this;
    const there = new Set(this.files.values());
    const unseen = [...there].filter((text) => text !== path && !this.#seen.has(text));
    if (tracked !== undefined && tracked !== path && !there.has(tracked)) this.#missTracked(tracked);
    // In the order of their making.
    if (tracked !== undefined && there.has(tracked)) this.#tell(tracked);
    if (tracked !== undefined && !this.isResumed) {
      const newest = newestIn(tracked);
      if (newest !== tracked && newest.file === 'removed' && !there.has(newest)) this.#tell(newest);
    }
    for (const text of unseen) this.#tell(text);
    if (path !== undefined) this.#tell(path);
    for (const text of there) this.#seen.add(text);
    const isHeld = tracked !== undefined && newestIn(tracked).file === 'there';
    if (path !== undefined || !isHeld) this.tracked = path;
    this.stoodAtPath = path !== undefined;
    this.isResumed = false;
  }

  /** What the reader follows is in no file any more. */
  #missTracked(tracked: Text): void {
    // A removed file that is held open is read to its end; an emptied one is not.
    if (!this.isResumed && tracked.file === 'removed') this.#tell(tracked);
    else if (tracked.told > 0 && this.stoodAtPath)
      this.pending.losses.push(bytes(tracked.text.slice(0, tracked.told)));
  }

  /** Files that hold a copy of a text, not what it was written to. */
  readonly copies = new Set<string>();

  rename(from: string, to: string): void {
    const text = this.files.get(from);
    if (text === undefined) return;
    this.files.delete(from);
    this.files.set(to, text);
    if (this.copies.delete(from)) this.copies.add(to);
  }

  remove(name: string): void {
    const text = this.files.get(name);
    this.files.delete(name);
    if (!this.copies.delete(name) && text !== undefined) text.file = 'removed';
  }

  /** The file at the path holds nothing any more. */
  empty(): void {
    const { path } = this;
    const next = this.make();
    if (path !== undefined) Object.assign(path, { file: 'emptied', next });
    this.files.set('app.log', next);
  }

  #tell(text: Text): void {
    const whole = text.text.lastIndexOf('\n') + 1;
    this.pending.lines.push(...linesOf(text.text.slice(wholeBefore(text.text, text.told), whole)));
    text.told = text.text.length;
  }

  commit(): void {
    this.committed.lines.push(...this.pending.lines);
    this.committed.losses.push(...this.pending.losses);
    this.pending = { lines: [], losses: [] };
    for (const text of this.#all()) text.committed = text.told;
    this.committedTracked = this.tracked;
    this.committedStoodAtPath = this.stoodAtPath;
    this.#committedSeen = new Set(this.#seen);
  }

  kill(): void {
    this.pending = { lines: [], losses: [] };
    for (const text of this.#all()) text.told = text.committed;
    this.tracked = this.committedTracked;
    this.stoodAtPath = this.committedStoodAtPath;
    this.#seen = new Set(this.#committedSeen);
    this.isResumed = true;
  }

  readonly #made = new Set<Text>();

  make(): Text {
    const text: Text = { text: '', file: 'there', told: 0, committed: 0 };
    this.#made.add(text);
    return text;
  }

  #all(): Iterable<Text> {
    return this.#made;
  }
}

/** What stands in the file a text was written to. */
function newestIn(text: Text): Text {
  let newest = text;
  while (newest.next) newest = newest.next;
  return newest;
}

function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1);
}

/** The end of the last whole line within the first `told` characters. */
function wholeBefore(text: string, told: number): number {
  return text.lastIndexOf('\n', told - 1) + 1;
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}

/** The real reader, with a sink that commits what it was told together with the position. */
class Reader {
  readonly lines: string[] = [];
  readonly losses: Loss[] = [];
  #pending: IngestEvent[] = [];
  #position: LogPosition | undefined;
  #tail: LogTail | undefined;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async look(): Promise<void> {
    this.#tail ??= this.#open();
    let looks = 0;
    while (this.#tail.look() === 'more' || this.#tail.isUnpacking) {
      looks += 1;
      if (looks > 5_000) throw new Error('it looks and looks');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  commit(): void {
    if (!this.#tail) return;
    this.#position = JSON.parse(JSON.stringify(this.#tail.position)) as LogPosition;
    for (const event of this.#pending) {
      if (event.type === 'wiped') this.losses.push(event.readBytes ?? -1);
      if (event.type === 'gap') this.losses.push(event.offset);
      if (event.type !== 'chunk' || event.chunk.type !== 'lines') continue;
      // Lines that never ended have tests of their own.
      this.lines.push(...event.chunk.lines.filter(({ cut }) => cut !== true).map(({ text }) => text));
    }
    this.#pending = [];
  }

  kill(): void {
    this.#tail?.close();
    this.#tail = undefined;
    this.#pending = [];
  }

  #open(): LogTail {
    const root = this.#root;
    const context: ReaderContext = {
      options: { root, clock: systemClock(), once: false, secret: () => undefined, onEvent: () => {} },
      root,
      schedule: new Schedule({ once: true }),
      cache: directoryCache(),
      watcher: blindWatcher(),
      emit: (event) => this.#pending.push(event),
      touched: () => {},
    };
    const family = {
      source: 'log',
      context,
      failures: new FailureBook('log', context),
      maxLineBytes: 1 << 18,
      initialBytes: 1 << 24,
      follows: () => false,
      ownerOf: () => undefined,
      claim: () => {},
      placeOf: () => undefined,
      onLooked: () => {},
      onProgress: () => {},
    };
    return new LogTail('app.log', join(root, 'app.log'), [root], family, undefined, this.#position);
  }
}

/** Does it all, in a directory of its own. `textOf` gives the n-th line. */
export async function play(ops: readonly Op[], textOf: (n: number) => string): Promise<void> {
  const place = temporary();
  const log = join(place.dir, 'app.log');
  const at = (name: string): string => join(place.dir, name);
  const model = new Model();
  const reader = new Reader(place.dir);
  let count = 0;
  let partials = 0;

  const write = (text: string): void => {
    appendFileSync(log, text);
    let held = model.path;
    if (held === undefined) {
      held = model.make();
      model.files.set('app.log', held);
    }
    held.text += text;
  };
  const line = (): string => {
    count += 1;
    return textOf(count);
  };
  const rotated = (): { name: string; number: number }[] =>
    [...model.files.keys()]
      .map((name) => ({ name, number: Number(/^app\.log\.(\d+)/.exec(name)?.[1] ?? 0) }))
      .filter(({ number }) => number > 0)
      .sort((a, b) => b.number - a.number);
  const move = (from: string, to: string): void => {
    renameSync(at(from), at(to));
    model.rename(from, to);
  };
  const shift = (): void => {
    for (const { name, number } of rotated())
      move(name, name.replace(/^app\.log\.\d+/, `app.log.${number + 1}`));
  };
  const restart = (): void => {
    model.files.set('app.log', model.make());
  };
  const look = async (): Promise<void> => {
    await reader.look();
    model.look();
  };
  const commit = (): void => {
    reader.commit();
    model.commit();
  };

  const doOne = async (op: Op): Promise<void> => {
    switch (op) {
      case 'append':
        return write(`${line()}\n`);
      case 'burst':
        return write(`${line()}\n${line()}\n${line()}\n`);
      case 'partial':
        partials += 1;
        return write(`part ${partials} ~`);
      case 'look':
        return await look();
      case 'commit':
        // A position is one that was read up to.
        await look();
        return commit();
      case 'kill':
        reader.kill();
        return model.kill();
      case 'retain': {
        const [oldest] = rotated();
        if (!oldest) return;
        rmSync(at(oldest.name));
        return model.remove(oldest.name);
      }
      case 'compress': {
        const plain = rotated().find(({ name }) => !name.endsWith('.gz'));
        if (!plain) return;
        const { name } = plain;
        const seconds = Math.floor(statSync(at(name)).mtimeMs) / 1000;
        writeFileSync(at(`${name}.gz`), gzipSync(readFileSync(at(name))));
        utimesSync(at(`${name}.gz`), seconds, seconds);
        rmSync(at(name));
        const text = model.files.get(name);
        model.remove(name);
        if (text) model.files.set(`${name}.gz`, text);
        model.copies.add(`${name}.gz`);
        return;
      }
    }
    if (!existsSync(log)) return;
    switch (op) {
      case 'rename':
        shift();
        move('app.log', 'app.log.1');
        writeFileSync(log, '');
        return restart();
      case 'copyTruncate': {
        shift();
        copyFileSync(log, `${log}.1`);
        truncateSync(log, 0);
        const text = model.path;
        model.empty();
        if (text) model.files.set('app.log.1', text);
        model.copies.add('app.log.1');
        return;
      }
      case 'truncate':
        truncateSync(log, 0);
        return model.empty();
      case 'rewrite': {
        const text = `${line()} rewritten\n`;
        writeFileSync(log, text);
        model.empty();
        if (model.path) model.path.text = text;
        return;
      }
      case 'delete':
        rmSync(log);
        return model.remove('app.log');
    }
  };

  try {
    writeFileSync(log, '');
    restart();
    await look();
    commit();
    for (const op of ops) await doOne(op);
    await doOne('append');
    await look();
    commit();
    // Where a file was removed nothing tells its place among the others any more, and times are all that tells that of
    // a compressed one.
    const inOrder = !ops.some((op) => op === 'delete' || op === 'retain' || op === 'compress');
    const order = (lines: readonly string[]): readonly string[] => (inOrder ? lines : [...lines].sort());
    expect(order(reader.lines)).toEqual(order(model.committed.lines));
    // Of a file of which nothing was read nobody knows whether it ever held anything.
    const known = (losses: readonly Loss[]): readonly Loss[] => losses.filter((loss) => loss > 0);
    expect(known(reader.losses)).toEqual(known(model.committed.losses));
  } finally {
    reader.kill();
    place.remove();
  }
}

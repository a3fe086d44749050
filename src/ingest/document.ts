/** Files that are rewritten whole, read so that a half-written state is never taken for the document. */
import { closeSync, fstatSync, readSync, type Stats, statSync } from 'node:fs';
import { instant } from '../domain/instant.ts';
import type { SourceStatus } from '../domain/source.ts';
import { absoluteGlob, type Discovery, Finder, fenceOf } from './discover.ts';
import { decodeBytes, detectEncoding } from './line-splitter.ts';
import { explainFileError, type Fence, isMissing, openFile } from './open-file.ts';
import type { RawPath } from './raw-path.ts';
import {
  FailureBook,
  gate,
  type ReaderContext,
  type SourceReader,
  type SpecOf,
  StatusKeeper,
  summarise,
  watchedBy,
} from './reader.ts';
import type { LookResult, Watched } from './schedule.ts';

const MAX_BYTES = 8 * 1024 * 1024;
/** A state seen twice that far apart was written before, not during: longer than the tick of file times. */
const CONFIRM_MS = 12;
/** From then on a state is taken although its writer never pauses that long, unless it is plainly torn. */
const IMPATIENT_MS = 200;
/** From then on whatever is there is handed on, and its parser says what is wrong with it. */
const LAST_RESORT_MS = 1000;
/**
 * How long, and over how many looks, a torn text must stay the same before it is handed on: its writer was killed half
 * way. Looks count too, since on a busy machine time passes for us as it does for the writer.
 */
const TORN_MS = 250;
const TORN_LOOKS = 10;
/** A torn text that old at the first look is nobody's work in progress. */
const ABANDONED_MS = 2000;
/** A path that is missing that long is gone; some writers remove before they write. */
const GONE_MS = 150;

/** A `document` source. */
export function documentReader(spec: SpecOf<'document'>, context: ReaderContext): SourceReader {
  return new DocumentReader(spec, context);
}

interface Candidate {
  readonly stat: Stats;
  readonly bytes: Buffer;
  readonly seenAt: number;
  looks: number;
}

/** Bytes of a file at one moment, as far as two looks at its state can tell; undefined when it changed meanwhile. */
export function readStable(raw: RawPath, fence: Fence, maxBytes: number): StableRead {
  const opened = openFile(raw, fence);
  if (!opened.ok) return opened.missing ? { state: 'missing' } : { state: 'failed', error: opened.error };
  const { descriptor, stat } = opened;
  try {
    if (stat.size > maxBytes) {
      return {
        state: 'failed',
        error: `larger than ${megabytes(maxBytes)}: ${megabytes(stat.size)}, not read`,
        stat,
      };
    }
    const bytes = Buffer.allocUnsafe(stat.size + 1);
    let size = 0;
    while (size < bytes.length) {
      const count = readSync(descriptor, bytes, size, bytes.length - size, size);
      if (count === 0) break;
      size += count;
    }
    const after = fstatSync(descriptor);
    const there = statSync(raw, { throwIfNoEntry: false });
    if (size !== stat.size || !isSameState(stat, after) || there === undefined || !isSameState(stat, there)) {
      return { state: 'changing' };
    }
    return { state: 'read', bytes: bytes.subarray(0, size), stat };
  } catch (error) {
    return { state: 'failed', error: explainFileError(error) };
  } finally {
    closeSync(descriptor);
  }
}

export type StableRead =
  | { readonly state: 'read'; readonly bytes: Buffer; readonly stat: Stats }
  | { readonly state: 'changing' }
  | { readonly state: 'missing' }
  | { readonly state: 'failed'; readonly error: string; readonly stat?: Stats };

/** Whether two looks saw the same file in the same state. */
export function isSameState(a: Stats, b: Stats): boolean {
  return (
    a.ino === b.ino &&
    a.dev === b.dev &&
    a.size === b.size &&
    a.mtimeMs === b.mtimeMs &&
    a.ctimeMs === b.ctimeMs
  );
}

/** Text of a whole file, in the encoding its beginning tells. */
export function decodeDocument(bytes: Buffer): string {
  const { encoding, markBytes } = detectEncoding(bytes.subarray(0, 64));
  return decodeBytes(bytes.subarray(markBytes), encoding);
}

/** A text that is surely unfinished: nothing at all, or a JSON value that is opened and not closed. */
export function looksTorn(bytes: Buffer): boolean {
  const text = bytes.toString('latin1').trim();
  if (text === '') return true;
  const last = text.at(-1);
  return (text.startsWith('{') && last !== '}') || (text.startsWith('[') && last !== ']');
}

function megabytes(bytes: number): string {
  return `${Math.round((bytes / 1024 / 1024) * 10) / 10} MiB`;
}

class DocumentFile {
  settled = false;
  present = false;
  readonly path: string;
  readonly raw: RawPath;
  #accepted: Stats | undefined;
  #acceptedBytes: Buffer | undefined;
  #candidate: Candidate | undefined;
  #changingSince: number | undefined;
  #missingSince: number | undefined;
  #told = false;
  readonly #fence: Fence;
  readonly #reader: DocumentReader;

  constructor(path: string, raw: RawPath, fence: Fence, reader: DocumentReader) {
    this.path = path;
    this.raw = raw;
    this.#fence = fence;
    this.#reader = reader;
  }

  /** Reads it again although nothing seems to have changed. */
  forget(): void {
    this.#accepted = undefined;
  }

  look(): LookResult {
    let there: Stats | undefined;
    try {
      there = statSync(this.raw, { throwIfNoEntry: false });
    } catch (error) {
      if (!isMissing(error)) return this.#fail(explainFileError(error));
    }
    if (there === undefined) return this.#missing();
    this.#missingSince = undefined;
    if (this.#accepted && isSameState(this.#accepted, there)) {
      this.#changingSince = undefined;
      this.#candidate = undefined;
      return 'quiet';
    }
    const now = performance.now();
    this.#changingSince ??= now;
    const read = readStable(this.raw, this.#fence, this.#reader.maxBytes);
    if (read.state === 'missing') return this.#missing();
    if (read.state === 'failed') {
      // Its state is remembered, so that an unreadable file is not opened five times in a row.
      return this.#fail(read.error);
    }
    if (read.state === 'changing') {
      if (now - this.#changingSince > LAST_RESORT_MS) {
        this.#reader.failures.fail(
          this.path,
          'rewritten faster than it can be read: the last whole state is shown',
        );
        this.settled = true;
      }
      this.#candidate = undefined;
      return 'again';
    }
    return this.#consider(read.bytes, read.stat, now);
  }

  /** Decides whether bytes that held still while they were read are a whole document. */
  #consider(bytes: Buffer, stat: Stats, now: number): LookResult {
    const tryingMs = now - (this.#changingSince ?? now);
    const previous = this.#candidate;
    const same = previous !== undefined && isSameState(previous.stat, stat) && previous.bytes.equals(bytes);
    if (same) previous.looks += 1;
    else this.#candidate = { stat, bytes, seenAt: now, looks: 1 };
    const stableMs = same ? now - previous.seenAt : 0;
    // File times move in ticks: only a state older than one cannot have been written to while it was read.
    const ageMs = Math.abs(Date.now() - stat.mtimeMs);
    const isOld = ageMs > 10 * CONFIRM_MS;
    const isTorn = looksTorn(bytes);
    const confirmed = isOld || stableMs >= CONFIRM_MS;
    const accept = isTorn
      ? ageMs > ABANDONED_MS || (stableMs >= TORN_MS && (previous?.looks ?? 0) >= TORN_LOOKS)
      : confirmed || tryingMs > IMPATIENT_MS;
    if (!accept) return 'again';
    this.#candidate = undefined;
    this.#changingSince = undefined;
    this.#accepted = stat;
    this.settled = true;
    this.#reader.failures.clear(this.path);
    const isNews = !this.present || this.#acceptedBytes === undefined || !this.#acceptedBytes.equals(bytes);
    this.present = true;
    this.#acceptedBytes = bytes;
    this.#reader.deliver(this.path, bytes, stat, !this.#told);
    this.#told = true;
    return isNews ? 'changed' : 'quiet';
  }

  #missing(): LookResult {
    const now = performance.now();
    this.#missingSince ??= now;
    this.#changingSince = undefined;
    if (!this.#told) {
      this.settled = true;
      this.#reader.failures.clear(this.path);
      return 'quiet';
    }
    if (!this.present) return 'quiet';
    if (now - this.#missingSince < GONE_MS) return 'again';
    this.present = false;
    this.#told = false;
    this.#accepted = undefined;
    this.#acceptedBytes = undefined;
    this.#reader.failures.clear(this.path);
    this.#reader.tellGone(this.path);
    return 'changed';
  }

  #fail(error: string): LookResult {
    this.settled = true;
    this.#changingSince = undefined;
    this.#reader.failures.fail(this.path, error);
    return 'quiet';
  }
}

class DocumentReader implements SourceReader {
  readonly settled: Promise<void>;
  readonly failures: FailureBook;
  readonly maxBytes: number;
  readonly #spec: SpecOf<'document'>;
  readonly #context: ReaderContext;
  readonly #fence: Fence;
  readonly #keeper: StatusKeeper;
  readonly #finder: Finder;
  #discovered: Discovery | undefined;
  readonly #files = new Map<string, { readonly file: DocumentFile; readonly watched: Watched }>();
  readonly #walk: Watched = watchedBy(() => this.#discover());
  readonly #gate = gate();
  #walked = false;
  #isSettled = false;

  constructor(spec: SpecOf<'document'>, context: ReaderContext) {
    this.#spec = spec;
    this.#context = context;
    this.maxBytes = spec.maxBytes ?? MAX_BYTES;
    this.#fence = fenceOf(context.root, spec.glob, context.options.allowOutside === true);
    this.#keeper = new StatusKeeper(spec, spec.glob);
    this.#finder = new Finder(context.root, spec.glob, {
      want: 'file',
      fence: this.#fence,
      cache: context.cache,
    });
    this.failures = new FailureBook(spec.id, context);
    this.settled = this.#gate.opened;
  }

  start(): void {
    this.#context.schedule.add(this.#walk);
  }

  async refresh(): Promise<void> {
    this.#discover();
    const until = performance.now() + LAST_RESORT_MS;
    for (const { file } of this.#files.values()) {
      file.forget();
      while (file.look() === 'again' && performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  status(): SourceStatus {
    this.#keeper.items = [...this.#files.values()].filter(({ file }) => file.present).length;
    summarise(this.#keeper, this.failures, absoluteGlob(this.#context.options.root, this.#spec.glob));
    return this.#keeper.status();
  }

  close(): void {
    this.#context.schedule.remove(this.#walk);
    this.#context.watcher.forget(this.#walk);
    for (const { watched } of this.#files.values()) {
      this.#context.schedule.remove(watched);
      this.#context.watcher.forget(watched);
    }
    this.#files.clear();
    this.#gate.open();
  }

  deliver(path: string, bytes: Buffer, stat: Stats, fresh: boolean): void {
    const modifiedAt = instant(stat.mtimeMs);
    this.#keeper.changed(modifiedAt);
    this.#context.emit({
      type: 'chunk',
      source: this.#spec.id,
      path,
      chunk: { type: 'document', text: decodeDocument(bytes) },
      at: this.#context.options.clock.now(),
      modifiedAt,
      ...(stat.birthtimeMs > 0 ? { bornAt: instant(stat.birthtimeMs) } : {}),
      sizeBytes: stat.size,
      fresh,
    });
    this.#context.touched();
  }

  tellGone(path: string): void {
    this.#context.emit({ type: 'gone', source: this.#spec.id, path, at: this.#context.options.clock.now() });
    this.#context.touched();
  }

  #discover(): 'quiet' {
    const discovery = this.#finder.find();
    this.#keeper.lastReadAt = this.#context.options.clock.now();
    if (discovery === this.#discovered) {
      this.#dropGone();
      return 'quiet';
    }
    this.#discovered = discovery;
    const { found, refused, directories } = discovery;
    this.#context.watcher.watch(directories, this.#walk);
    for (const { path, reason } of refused) this.failures.fail(path, reason);
    const there = new Set([...found, ...refused].map(({ path }) => path));
    this.failures.prune((path) => there.has(path));
    for (const { path, raw } of found) {
      if (this.#files.has(path)) continue;
      const file = new DocumentFile(path, raw, this.#fence, this);
      const watched = watchedBy(() => {
        const result = file.look();
        this.#keeper.lastReadAt = this.#context.options.clock.now();
        if (!this.#isSettled) this.#checkSettled();
        return result;
      });
      this.#files.set(path, { file, watched });
      this.#context.schedule.add(watched);
      this.#context.watcher.watchFile(raw, watched);
    }
    this.#dropGone();
    this.#walked = true;
    this.#keeper.lastReadAt = this.#context.options.clock.now();
    if (!this.#isSettled) this.#checkSettled();
    return 'quiet';
  }

  #dropGone(): void {
    const there = new Set(this.#discovered?.found.map(({ path }) => path));
    for (const [path, { file, watched }] of this.#files) {
      if (there.has(path) || file.present) continue;
      this.#context.schedule.remove(watched);
      this.#context.watcher.forget(watched);
      this.#files.delete(path);
    }
  }

  #checkSettled(): void {
    if (!this.#walked) return;
    for (const { file } of this.#files.values()) if (!file.settled) return;
    this.#isSettled = true;
    this.#context.touched();
    this.#gate.open();
  }
}

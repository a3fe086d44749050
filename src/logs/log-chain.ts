/** A log and what was rotated away from it, as one sequence of blocks, oldest first. */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Fence } from '../host/open-file.ts';
import { compareSiblings, isPastOf } from '../lib/rotated-name.ts';
import type { DescriptorPool } from './descriptor-pool.ts';
import type { LineReader } from './line-reader.ts';
import type { KeptPart } from './log-protocol.ts';
import { Segment } from './segment.ts';

const GZIP_NAME = /\.gz$/;
/** Older ones are told as left out. */
const MOST_SEGMENTS = 200;

/** A block of one segment. */
export interface BlockRef {
  readonly segment: Segment;
  readonly block: number;
}

/** Which log, and how it is read. */
export interface LogChainSource {
  /** Unique among the logs looked at together. */
  readonly id: string;
  /** Absolute path of the file that is written. */
  readonly path: string;
  readonly fence: Fence;
  readonly reader: LineReader;
  /** A file beside it that is a log of its own, whatever its name says. */
  isOther?(path: string): boolean;
}

export class LogChain {
  readonly id: string;
  readonly #source: LogChainSource;
  readonly #pool: DescriptorPool;
  /** Parts that are kept elsewhere, oldest first. */
  #kept: readonly KeptPart[] = [];
  #keptBefore: string | undefined;
  #segments: readonly Segment[] = [];
  #problems: readonly string[] = [];
  #version = 0;

  constructor(source: LogChainSource, pool: DescriptorPool) {
    this.id = source.id;
    this.#source = source;
    this.#pool = pool;
  }

  get reader(): LineReader {
    return this.#source.reader;
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** Grows with each change that `refresh` saw. */
  get version(): number {
    return this.#version;
  }

  /** What could not be opened or read whole, in words. */
  get problems(): readonly string[] {
    const damaged = this.#segments.flatMap(({ name, problem }) =>
      problem === undefined ? [] : [`${name}: ${problem}`],
    );
    return [...this.#problems, ...damaged];
  }

  /** What is kept elsewhere, from the next `refresh` on; see {@link LogSpec}. */
  keep(parts: readonly KeptPart[] = [], before?: string): void {
    this.#kept = parts;
    this.#keptBefore = before;
  }

  /**
   * Looks at the files again. Returns whether anything is other than before. A file keeps its segment through a renaming;
   * one whose content was replaced becomes a new one. `list` gives the names in a directory, so that many logs of one are
   * looked at with one reading of it.
   */
  refresh(list: (directory: string) => readonly string[] = namesIn): boolean {
    const files = this.#files(list);
    const problems: string[] = [];
    if (files.length > MOST_SEGMENTS)
      problems.push(`${files.length - MOST_SEGMENTS} older parts are left out`);
    const before = this.#segments;
    const next: Segment[] = [];
    let changed = false;
    for (const { path, name, device, fence } of files.slice(-MOST_SEGMENTS)) {
      const known = before.find((segment) => segment.device === device);
      const state = known?.refresh(path, name) ?? 'other';
      if (known && state !== 'other') {
        next.push(known);
        changed ||= state === 'grown';
        continue;
      }
      known?.close();
      try {
        next.push(
          new Segment({
            path,
            name,
            fence,
            reader: this.#source.reader,
            pool: this.#pool,
          }),
        );
      } catch (error) {
        problems.push((error as Error).message);
      }
    }
    const ours = new Set(this.#kept.map(({ path }) => path));
    const kept = withoutCopies(next, (segment) => ours.has(segment.path));
    for (const segment of [...before, ...next]) if (!kept.includes(segment)) segment.close();
    changed ||= kept.length !== before.length || kept.some((segment, index) => segment !== before[index]);
    this.#segments = kept;
    this.#problems = problems;
    if (changed) this.#version += 1;
    return changed;
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
    this.#segments = [];
  }

  /** The last block, or undefined for a log without content. */
  async last(): Promise<BlockRef | undefined> {
    return this.#lastUpTo(this.#segments.length - 1);
  }

  async first(): Promise<BlockRef | undefined> {
    return this.#firstFrom(0);
  }

  async next({ segment, block }: BlockRef): Promise<BlockRef | undefined> {
    if (block + 1 < segment.blocks) return { segment, block: block + 1 };
    const index = this.#segments.indexOf(segment);
    // A segment that is gone since has nothing behind it: whoever reads it asks anew.
    return index === -1 ? undefined : this.#firstFrom(index + 1);
  }

  async previous({ segment, block }: BlockRef): Promise<BlockRef | undefined> {
    if (block > 0) return { segment, block: block - 1 };
    return this.#lastUpTo(this.#segments.indexOf(segment) - 1);
  }

  /** The segment a place was in: by its file, else by what it begins with, where that is one alone (copied, compressed since). */
  async find(file: string, offset: number): Promise<Segment | undefined> {
    const head = file.slice(file.lastIndexOf(':') + 1);
    const device = file.slice(0, file.lastIndexOf(':'));
    const same = this.#segments.find(
      (segment) => segment.device === device && (segment.head === head || head === ''),
    );
    if (same?.isMeasured) return same;
    if (head === '') return undefined;
    const alike: Segment[] = [];
    for (const segment of this.#segments) {
      if (!segment.isMeasured) await segment.measure();
      if (segment.head === head && segment.sizeBytes > offset) alike.push(segment);
    }
    return alike.length === 1 ? alike[0] : undefined;
  }

  async #firstFrom(index: number): Promise<BlockRef | undefined> {
    for (const segment of this.#segments.slice(index)) {
      await segment.measure();
      if (segment.blocks > 0) return { segment, block: 0 };
    }
    return undefined;
  }

  async #lastUpTo(index: number): Promise<BlockRef | undefined> {
    for (let at = index; at >= 0; at -= 1) {
      const segment = this.#segments[at];
      if (!segment) continue;
      await segment.measure();
      if (segment.blocks > 0) return { segment, block: segment.blocks - 1 };
    }
    return undefined;
  }

  /** The log's files, oldest first, itself last. */
  #files(list: (directory: string) => readonly string[]): LogFile[] {
    const { path, fence } = this.#source;
    const [directory, base] = [dirname(path), basename(path)];
    const found: (LogFile & { readonly sortName: string })[] = [];
    for (const name of list(directory)) {
      const sortName = name.replace(GZIP_NAME, '');
      if (name !== base && !isPastOf(base, sortName)) continue;
      if (name !== base && this.#source.isOther?.(join(directory, name))) continue;
      const stat = statSync(join(directory, name), { throwIfNoEntry: false });
      if (!stat) continue;
      found.push({
        path: join(directory, name),
        name,
        sortName,
        mtimeMs: stat.mtimeMs,
        device: `${stat.dev}:${stat.ino}`,
        fence,
      });
    }
    const past = found
      .filter(({ name }) => name !== base)
      .sort((a, b) => compareSiblings({ ...a, name: a.sortName }, { ...b, name: b.sortName }));
    return [...withKept(past, this.#kept, this.#keptBefore), ...found.filter(({ name }) => name === base)];
  }
}

interface LogFile {
  readonly path: string;
  readonly name: string;
  readonly device: string;
  readonly mtimeMs: number;
  readonly fence: Fence;
}

/** What was rotated away and what is kept elsewhere, each in its order, by the time of the last writing. */
function withKept(
  past: readonly LogFile[],
  kept: readonly KeptPart[],
  before: string | undefined,
): readonly LogFile[] {
  const files = [...past];
  let from = 0;
  for (const { path, name, fence, until } of kept) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) continue;
    while (from < files.length && (files[from]?.mtimeMs ?? 0) <= until && files[from]?.device !== before)
      from += 1;
    files.splice(from, 0, { path, name, fence, mtimeMs: until, device: `${stat.dev}:${stat.ino}` });
    from += 1;
  }
  return files;
}

/** Names in a directory, [] where it can't be read. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * Without files that hold what another one holds: a copy whose original is about to be emptied, a file being compressed.
 * What is `ours` is no copy of anything: a program that says the same in each run is told as often as it said it.
 */
function withoutCopies(
  segments: readonly Segment[],
  isOurs: (segment: Segment) => boolean,
): readonly Segment[] {
  return segments.filter((segment, index) => {
    if (isOurs(segment)) return true;
    if (segment.isCompressed) {
      const plain = segment.name.replace(GZIP_NAME, '');
      return !segments.some((other) => other !== segment && other.name === plain);
    }
    if (segment.head === '') return true;
    return !segments.some(
      (other, place) =>
        other !== segment &&
        !isOurs(other) &&
        !other.isCompressed &&
        other.head === segment.head &&
        (other.sizeBytes > segment.sizeBytes || (other.sizeBytes === segment.sizeBytes && place > index)) &&
        other.holds(segment),
    );
  });
}

/**
 * How lines of logs that their writers empty lie on our disk, in a directory for each log:
 *
 *     open.json            which generation is being kept, how far it was read, which files hold its lines
 *     open-1.log .map      its lines, and where in the log's file they stood
 *     000007.log           lines of generations that were emptied, the newest file with the highest number
 *     emptied.json         when each of them was emptied, and where in those files its lines lie
 *
 * Lines are masked before they come here. Nothing is changed in place but by adding to it; what was added without being
 * entered in `open.json` (a killed program) is cut off again.
 */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateDirectory } from '../db/state-dir.ts';
import type { SavedFingerprint } from '../ingest/fingerprint.ts';
import { isObject, readJson } from '../lib/json.ts';
import { quietly } from '../lib/quietly.ts';

const VERSION = 1;
const OPEN = 'open.json';
const EMPTIED = 'emptied.json';
const PART = /^\d{6}\.log$/;
const LINES = /\.log$/;
/** Emptied generations of which it is remembered when that was, and where their lines lie. */
const MOST_EMPTIED = 200;
/** A map with more entries than this is kept of so many generations only: lines of older ones are found by their time. */
const LONG_MAP = 1000;
const MOST_LONG_MAPS = 8;
/** Bytes of one entry of a map: a place in the log's file and one in ours, as little-endian doubles. */
const ENTRY_BYTES = 16;

/** Where in the log's file the lines of a file of ours stood: from each place on, as far apart as at that place. */
export type OffsetMap = readonly (readonly [theirs: number, ours: number])[];

/** A file with lines of the generation that is open. */
export interface OpenFile {
  readonly name: string;
  readonly bytes: number;
}

/** The generation of a log that is being kept. */
export interface OpenGeneration {
  readonly number: number;
  /** How far the log's file was read: lines that begin before `next` are kept. */
  readonly print: SavedFingerprint;
  readonly offset: number;
  readonly next: number;
  readonly files: readonly OpenFile[];
  /** When a line came last, in milliseconds since 1970. */
  readonly lastAt: number;
}

/** A generation that was emptied. */
export interface EmptiedGeneration {
  readonly number: number;
  readonly at: number;
  /** As of which place it had been read. */
  readonly readBytes: number;
  /** It was emptied while nobody watched: `at` is when it was last known to be there. */
  readonly unseen?: true;
  readonly print: SavedFingerprint;
  readonly pieces: readonly { readonly part: string; readonly base: number; readonly map: OffsetMap }[];
}

/** Sizes, in bytes. */
export interface SpoolLimits {
  /** Of all that is kept. */
  readonly mostBytes: number;
  /** Of a file that is added to. */
  readonly partBytes: number;
}

/** The files of one log. */
export class LogSpoolFiles {
  readonly directory: string;
  readonly #limits: SpoolLimits;

  constructor(spool: string, log: readonly string[], limits: SpoolLimits) {
    const name = createHash('sha256').update(log.join('\0')).digest('hex').slice(0, 24);
    this.directory = join(spool, name);
    this.#limits = limits;
  }

  /** The generation being kept; undefined where there is none, or what is there can't be understood. */
  get open(): OpenGeneration | undefined {
    const found = this.#read(OPEN) as OpenGeneration | undefined;
    if (!found?.print || !Array.isArray(found.files)) return undefined;
    return { ...found, files: found.files.filter(({ name }) => this.#sizeOf(name) !== undefined) };
  }

  /** Generations that were emptied, oldest first. */
  get emptied(): readonly EmptiedGeneration[] {
    const list = (this.#read(EMPTIED) as { readonly generations?: unknown } | undefined)?.generations;
    return Array.isArray(list) ? (list as readonly EmptiedGeneration[]) : [];
  }

  /** Files with lines of emptied generations, oldest first. */
  get parts(): readonly string[] {
    return quietly(() => readdirSync(this.directory), [])
      .filter((name) => PART.test(name))
      .sort();
  }

  pathOf(name: string): string {
    return join(this.directory, name);
  }

  /** Adds lines to the generation being kept, and how far it is read with them. Throws what the disk says. */
  add(
    open: OpenGeneration,
    lines: readonly { readonly text: string; readonly offset: number }[],
  ): OpenGeneration {
    ensurePrivateDirectory(this.directory);
    const last = open.files.at(-1);
    const isFull = last === undefined || last.bytes >= this.#limits.partBytes;
    const file = isFull ? { name: `open-${numberOf(last?.name) + 1}.log`, bytes: 0 } : last;
    const path = this.pathOf(file.name);
    if (isFull) for (const old of [path, mapOf(path)]) rmSync(old, { force: true });
    else if (statSync(path).size > file.bytes) truncateSync(path, file.bytes);
    const map: number[] = [];
    let apart = Number.NaN;
    let bytes = file.bytes;
    let text = '';
    for (const [index, line] of lines.entries()) {
      if (line.offset - bytes !== apart) map.push(line.offset, bytes);
      apart = line.offset - bytes;
      const length = Buffer.byteLength(line.text);
      // With its carriage return, where it had one, all lines stay as far apart as they were.
      const isWide = lines[index + 1]?.offset === line.offset + length + 2;
      text += isWide ? `${line.text}\r\n` : `${line.text}\n`;
      bytes += length + (isWide ? 2 : 1);
    }
    appendFileSync(mapOf(path), Buffer.from(new Float64Array(map).buffer), { mode: 0o600 });
    appendFileSync(path, text, { mode: 0o600 });
    const files = [...(isFull ? open.files : open.files.slice(0, -1)), { name: file.name, bytes }];
    const next = { ...open, files };
    this.#write(OPEN, next);
    return next;
  }

  /** The generation being kept was emptied by its writer: its lines go behind those of the ones before. */
  seal(open: OpenGeneration, at: number, unseen = false): void {
    const pieces = open.files.flatMap(({ name, bytes }) => {
      const path = this.pathOf(name);
      const map = readMap(mapOf(path));
      if (statSync(path).size > bytes) truncateSync(path, bytes);
      const piece = { ...this.#moveBehind(path, bytes), map };
      rmSync(mapOf(path), { force: true });
      return [piece];
    });
    const { number, print, offset } = open;
    const emptied = { number, at, readBytes: offset, ...(unseen ? { unseen } : {}), print, pieces };
    const there = new Set(this.parts);
    const generations = [...this.emptied, emptied].slice(-MOST_EMPTIED).map((one, index, all) => ({
      ...one,
      pieces: one.pieces
        .filter(({ part }) => there.has(part))
        .map((piece) =>
          piece.map.length > LONG_MAP && index < all.length - MOST_LONG_MAPS ? { ...piece, map: [] } : piece,
        ),
    }));
    this.#write(EMPTIED, { generations });
    rmSync(this.pathOf(OPEN), { force: true });
  }

  /** The generation being kept lies where it was rotated to: it is read there. */
  drop(open: OpenGeneration): void {
    for (const { name } of open.files)
      for (const path of [this.pathOf(name), mapOf(this.pathOf(name))]) rmSync(path, { force: true });
    rmSync(this.pathOf(OPEN), { force: true });
  }

  /**
   * Where a line of a generation lies now: of one that is gone the place where the next one lies. Undefined where that is
   * not known any more.
   */
  placeOf(
    generation: number,
    offset: number,
  ): { readonly path: string; readonly offset: number } | undefined {
    const emptied = this.emptied.find(({ number }) => number === generation);
    const { open } = this;
    const pieces = emptied
      ? emptied.pieces
      : open?.number === generation
        ? open.files.map(({ name }) => ({ part: name, base: 0, map: readMap(mapOf(this.pathOf(name))) }))
        : [];
    const there = pieces.filter(({ part }) => this.#sizeOf(part) !== undefined);
    const piece = there.findLast(({ map }) => (map[0]?.[0] ?? 0) <= offset) ?? there[0];
    if (!piece || piece.map.length === 0) return undefined;
    const entry = piece.map.findLast(([theirs]) => theirs <= offset);
    const ours = entry === undefined ? 0 : entry[1] + offset - entry[0];
    return { path: this.pathOf(piece.part), offset: piece.base + ours };
  }

  /** Lines of a file go behind those of the newest part, or become one: two neighbours are never both small. */
  #moveBehind(path: string, bytes: number): { readonly part: string; readonly base: number } {
    const last = this.parts.at(-1);
    const size = last === undefined ? undefined : this.#sizeOf(last);
    if (last !== undefined && size !== undefined && size + bytes <= this.#limits.partBytes) {
      appendFileSync(this.pathOf(last), readFileSync(path), { mode: 0o600 });
      rmSync(path, { force: true });
      return { part: last, base: size };
    }
    const part = `${String(numberOf(last) + 1).padStart(6, '0')}.log`;
    renameSync(path, this.pathOf(part));
    return { part, base: 0 };
  }

  #sizeOf(name: string): number | undefined {
    return statSync(this.pathOf(name), { throwIfNoEntry: false })?.size;
  }

  #read(name: string): unknown {
    const text = quietly(() => readFileSync(this.pathOf(name), 'utf8'), '');
    const read = readJson(text);
    return read.ok && isObject(read.value) && read.value['version'] === VERSION ? read.value : undefined;
  }

  #write(name: string, value: object): void {
    const path = this.pathOf(name);
    writeFileSync(`${path}.new`, `${JSON.stringify({ version: VERSION, ...value })}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

/**
 * Removes whole files of lines, the oldest of all logs first, until no more than `mostBytes` are left; but those to `keep`.
 * What is left of a log without lines, last written to `before` that time, goes too.
 */
export function pruneSpool(
  spool: string,
  mostBytes: number,
  keep: ReadonlySet<string>,
  before: number,
): void {
  const files = quietly(() => readdirSync(spool), []).flatMap((name) => {
    const directory = join(spool, name);
    const names = quietly(() => readdirSync(directory), []);
    const lines = names.filter((one) => LINES.test(one));
    const writtenAt = statSync(directory, { throwIfNoEntry: false })?.mtimeMs ?? before;
    if (lines.length === 0 && writtenAt < before) rmSync(directory, { recursive: true, force: true });
    return lines.flatMap((one) => {
      const path = join(directory, one);
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat ? [{ path, size: stat.size, mtimeMs: stat.mtimeMs }] : [];
    });
  });
  let bytes = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of files.sort((a, b) => a.mtimeMs - b.mtimeMs || (a.path < b.path ? -1 : 1))) {
    if (bytes <= mostBytes) return;
    if (keep.has(path)) continue;
    for (const one of [path, mapOf(path)]) rmSync(one, { force: true });
    bytes -= size;
  }
}

function mapOf(path: string): string {
  return path.replace(LINES, '.map');
}

function readMap(path: string): OffsetMap {
  const bytes = quietly(() => readFileSync(path), Buffer.alloc(0));
  return Array.from({ length: Math.floor(bytes.length / ENTRY_BYTES) }, (_, index) => [
    bytes.readDoubleLE(index * ENTRY_BYTES),
    bytes.readDoubleLE(index * ENTRY_BYTES + 8),
  ]);
}

/** The number in a file's name; 0 for none. */
function numberOf(name: string | undefined): number {
  return Number(/\d+/.exec(name ?? '')?.[0] ?? 0);
}

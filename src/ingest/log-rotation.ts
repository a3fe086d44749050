/**
 * What rotations made of a log: which of the files beside it hold something nobody has read, in which order they are to
 * be read, and where an earlier run goes on.
 */
import { accessSync, closeSync, constants, fstatSync, statSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { explainFileError, type Fence, openFile } from '../host/open-file.ts';
import type { DirectoryCache } from './directory-cache.ts';
import { Generation } from './generation.ts';
import { fileId, type LogPosition, type SavedGeneration } from './log-position.ts';
import {
  isCopyInTheMaking,
  isCopyOf,
  type OpenedSegment,
  openPast,
  openUnread,
  type Unread,
} from './log-segments.ts';
import { listSegments, type Segment } from './log-siblings.ts';
import { type RawPath, showRaw, splitRaw } from './raw-path.ts';
import { Unpacker } from './unpacker.ts';

/** Generations read to their ends whose copies are still known for what they are. */
const MOST_DONE = 16;
/** Files were moved while they were looked at: they are looked at again. */
export const MOVED = 'moved while it was looked at';
const STABLE_TRIES = 4;
/** Why a file is not opened that can be opened once others were closed. */
export const NO_DESCRIPTOR = explainFileError({ code: 'EMFILE' });
/** Names that are kept although their files are gone: a directory may be away for a moment. */
const MOST_SEEN = 64;

/** What the rotations of one log are looked at with. */
export interface RotationOptions {
  readonly raw: RawPath;
  readonly fence: Fence;
  readonly cache: DirectoryCache;
  readonly maxLineBytes: number;
  readonly initialBytes: number;
  /** A path the source's own glob names: it is followed in its own right. */
  follows(raw: RawPath): boolean;
  /** Where a file the source's glob names lies; see {@link fileId}. */
  placeOf(id: string): RawPath | undefined;
  /** Somebody has this file open. */
  isHeld(key: string): boolean;
  /** A compressed part holds less than it should. */
  onDamage(segment: string, readBytes: number, why: string): void;
}

/** Where an earlier run goes on. */
export interface Resumed {
  readonly old: readonly Generation[];
  readonly queue: readonly Generation[];
  readonly lost: readonly LostGeneration[];
}

/** What is nowhere to be found any more: its unfinished line stays unfinished. */
export interface LostGeneration {
  readonly saved: SavedGeneration;
  /** Something may have been written behind what was read. */
  readonly isGap: boolean;
}

export class Rotation {
  /** Segments that are known not to hold anything unread, by their ids. */
  #seen = new Set<string>();
  /** Generations read to their ends and let go, the newest last. */
  #done: SavedGeneration[] = [];
  readonly #unpacker = new Unpacker();
  readonly #options: RotationOptions;

  constructor(options: RotationOptions) {
    this.#options = options;
  }

  get saved(): Pick<LogPosition, 'seen' | 'done'> {
    return { seen: [...this.#seen], done: this.#done };
  }

  /** A generation is read to its end and let go: a copy of it that turns up later holds nothing new. */
  noteDone(generation: SavedGeneration): void {
    if (generation.offset === 0) return;
    const isSame = ({ offset, print }: SavedGeneration): boolean =>
      offset === generation.offset && isDeepStrictEqual(print, generation.print);
    this.#done = [...this.#done.filter((one) => !isSame(one)), generation].slice(-MOST_DONE);
  }

  /**
   * Makes compressed parts nobody has read readable, and those `wanted` by their ids. False while that takes its time: whoever goes on without them would
   * tell them out of order.
   */
  prepare(knownMtimeMs: number, wanted: ReadonlySet<string> = new Set()): boolean {
    let isReady = true;
    for (const segment of this.#siblings()) {
      if (!segment.packed || !(wanted.has(segment.id) || this.#isUnread(segment, knownMtimeMs))) continue;
      if (this.#unpacker.look(segment, this.#options.fence) === 'pending') isReady = false;
    }
    return isReady;
  }

  /** Before the first file, what a rotation moved away shortly before the log was looked at for the first time. */
  past(first: Generation, readUntilMs: number): Generation[] {
    const { fence, maxLineBytes, initialBytes, follows } = this.#options;
    const { before } = this.#split(first, true);
    const segments = before.filter(({ raw }) => !follows(raw));
    const { past, copies } = openPast(showRaw(splitRaw(this.#options.raw).name), first, segments, {
      fence,
      maxLineBytes,
      bytes: initialBytes,
      readUntilMs,
    });
    for (const { key, id } of before) if (!copies.has(key)) this.#seen.add(id);
    return past;
  }

  /**
   * Opens segments that rotations made since the last look: when `last` was emptied in place, the copies made before
   * (the first of them from where it was read); else all between it and `next`, the file at the path now. `held`: what
   * was read of generations that are still open.
   */
  unread(
    last: Generation | undefined,
    next: Generation | undefined,
    emptied: boolean,
    knownMtimeMs: number,
    held: readonly SavedGeneration[],
  ): Unread {
    const { before, after } = last ? this.#split(last) : { before: this.#siblings(), after: [] };
    // An empty file, and a copy of the one at the path, may be in the making: what becomes of them is looked at again.
    const isInTheMaking = (segment: Segment): boolean =>
      this.#isUnread(segment, knownMtimeMs) &&
      (segment.sizeBytes === 0 ||
        (next !== undefined && isCopyInTheMaking(next, segment, this.#options.fence)));
    const chosen = (emptied ? before : [...before, ...after]).filter((segment) => !isInTheMaking(segment));
    const candidates = chosen.filter(
      (segment) =>
        segment.key !== next?.key &&
        this.#isUnread(segment, knownMtimeMs) &&
        !this.#options.isHeld(segment.key) &&
        // `run-20.log` beside `run-2.log` is a log of its own where both are followed.
        !this.#options.follows(segment.raw),
    );
    const unread = openUnread(last, candidates, {
      open: (segment) => this.#open(segment),
      maxLineBytes: this.#options.maxLineBytes,
      emptied,
      done: [...this.#done, ...held],
    });
    // What was not read yet from the last file may have to be read from its packed form, after a restart.
    for (const { id } of chosen) if (!unread.forms.includes(id)) this.#seen.add(id);
    if (last && !emptied) this.#seen.add(last.id);
    if (this.#seen.size > MOST_SEEN) {
      const there = new Set([...before, ...after].map(({ id }) => id));
      this.#seen = new Set([...this.#seen].filter((id) => there.has(id)));
    }
    return unread;
  }

  /** A new file at the path that goes on where the last one, gone from everywhere, was read. */
  isReplacedBy(last: Generation, next: Generation): boolean {
    if (!last.isTelling || this.#siblings().some(({ key }) => key === last.key)) return false;
    if (fstatSync(last.descriptor).nlink > 0) return false;
    return last.agreesWith(next.descriptor, next.stat.size) === 'same';
  }

  /**
   * Finds what an earlier run read: under its inode, else by what it held. Undefined while something is unpacked. Throws
   * when a file is there and can't be opened: it is not lost.
   */
  resume(position: LogPosition): Resumed | undefined {
    this.#seen = new Set(position.seen);
    this.#done = [...position.done];
    const all = [...position.old, ...position.queue];
    const found = new Map<SavedGeneration, Generation>();
    let isReady = false;
    try {
      isReady = this.#find(all, position.knownMtimeMs, found);
    } finally {
      if (!isReady) for (const generation of found.values()) generation.close();
    }
    if (!isReady) return undefined;
    const missing = all.filter((saved) => !found.has(saved));
    for (const saved of position.old) if (!found.has(saved)) this.noteDone(saved);
    const lost = missing.flatMap((saved): LostGeneration[] => {
      // Of a file of which nothing was read nobody knows whether it ever held anything.
      const mayHaveGrown = saved === position.queue.at(-1) && saved.rotated !== true && saved.offset > 0;
      const isGap = saved.removed !== true && (mayHaveGrown || saved.sizeBytes > saved.offset);
      return isGap || saved.rest !== undefined ? [{ saved, isGap }] : [];
    });
    for (const { saved } of lost) this.noteDone(saved);
    const open = (list: readonly SavedGeneration[]): Generation[] =>
      list.flatMap((saved) => found.get(saved) ?? []);
    return { old: open(position.old), queue: open(position.queue), lost };
  }

  close(): void {
    this.#unpacker.close();
  }

  /** Fills `found`; false while something is unpacked. */
  #find(
    all: readonly SavedGeneration[],
    knownMtimeMs: number,
    found: Map<SavedGeneration, Generation>,
  ): boolean {
    const places = this.#places();
    const findById = (saved: SavedGeneration): void => {
      const place = places.find(({ id }) => id === saved.id) ?? this.#elsewhere(saved.id);
      const generation = place && this.#resumeIn(place, saved);
      if (generation) found.set(saved, generation);
    };
    const isPacked = new Set(places.filter(({ packed }) => packed).map(({ id }) => id));
    for (const saved of all) if (!isPacked.has(saved.id)) findById(saved);
    const others = all.filter((saved) => !found.has(saved));
    // What is unpacked is taken once: not before all of it is there.
    if (others.length > 0 && !this.prepare(knownMtimeMs, new Set(others.map(({ id }) => id)))) return false;
    for (const saved of others) if (isPacked.has(saved.id)) findById(saved);
    const missing = all.filter((saved) => !found.has(saved));
    for (const saved of missing.filter(({ offset }) => offset > 0)) {
      const taken = new Set([...found.values()].map(({ key }) => key));
      for (const place of places) {
        if (taken.has(place.key) || !this.#isUnread(place, knownMtimeMs) || !isReadable(place)) continue;
        const generation = this.#resumeIn(place, saved);
        if (!generation) continue;
        found.set(saved, generation);
        break;
      }
    }
    return true;
  }

  /** The path itself and the files beside it, oldest first. */
  #places(): Segment[] {
    const path = this.#elsewhere(undefined);
    return path ? [...this.#siblings(), path] : this.#siblings();
  }

  /** A file that is not beside the log by its name: the one at the path, or another the glob names. */
  #elsewhere(id: string | undefined): Segment | undefined {
    const raw = id === undefined ? this.#options.raw : this.#options.placeOf(id);
    const stat = raw === undefined ? undefined : statSync(raw, { throwIfNoEntry: false });
    if (raw === undefined || !stat?.isFile()) return undefined;
    return {
      key: `${stat.dev}:${stat.ino}`,
      id: fileId(stat),
      name: showRaw(splitRaw(raw).name),
      raw,
      mtimeMs: stat.mtimeMs,
      sizeBytes: stat.size,
      packed: false,
    };
  }

  #resumeIn(place: Segment, saved: SavedGeneration): Generation | undefined {
    const { maxLineBytes, raw } = this.#options;
    const descriptor = place.packed
      ? this.#unpacker.peek(place.id)?.descriptor
      : this.#open(place, true)?.descriptor;
    if (descriptor === undefined) return undefined;
    const generation = Generation.resume(descriptor, fstatSync(descriptor), maxLineBytes, saved, place);
    if (generation === undefined) {
      if (!place.packed) closeSync(descriptor);
      return undefined;
    }
    if (place.packed) this.#open(place);
    if (place.raw !== raw) generation.rotated = place.name;
    generation.isCopy = place.id !== saved.id;
    return generation;
  }

  #open(segment: Segment, isNeeded = false): OpenedSegment | undefined {
    const { id, name, raw, packed } = segment;
    if (!packed) {
      const opened = openFile(raw, this.#options.fence);
      if (opened.ok) {
        if (fileId(opened.stat) === id) return { descriptor: opened.descriptor, sizeBytes: opened.stat.size };
        closeSync(opened.descriptor);
        throw new Error(MOVED);
      }
      if (opened.missing) throw new Error(MOVED);
      if (isNeeded || opened.error === NO_DESCRIPTOR) throw new Error(opened.error);
      this.#options.onDamage(name, 0, opened.error);
      return undefined;
    }
    const unpacked = this.#unpacker.take(id);
    // It came after all others were made readable.
    if (unpacked === undefined) throw new Error(MOVED);
    const { descriptor, damage } = unpacked;
    const sizeBytes = descriptor === undefined ? 0 : fstatSync(descriptor).size;
    if (damage !== undefined) this.#options.onDamage(name, sizeBytes, damage);
    return descriptor === undefined ? undefined : { descriptor, sizeBytes };
  }

  /**
   * Whatever was written since the last look is not older than what was seen then. A compressed file has its original's
   * time in whole seconds; a clock that was set back says nothing.
   */
  #isUnread({ id, mtimeMs, packed }: Segment, knownMtimeMs: number): boolean {
    if (this.#seen.has(id)) return false;
    const knownMs = knownMtimeMs > Date.now() ? Number.NEGATIVE_INFINITY : knownMtimeMs;
    return packed ? wholeSeconds(mtimeMs) >= wholeSeconds(knownMs) : mtimeMs >= knownMs;
  }

  /** Siblings older and newer than what a generation holds now, oldest first. */
  #split(last: Generation, isFirst = false): { readonly before: Segment[]; readonly after: Segment[] } {
    const siblings = this.#siblings(isFirst);
    const own = siblings.findIndex(({ key }) => key === last.key);
    if (own >= 0) {
      last.rotated = siblings[own]?.name;
      return { before: siblings.slice(0, own), after: siblings.slice(own + 1) };
    }
    const there = statSync(this.#options.raw, { throwIfNoEntry: false });
    if (there && `${there.dev}:${there.ino}` === last.key) return { before: siblings, after: [] };
    const { mtimeMs } = fstatSync(last.descriptor);
    // It was removed: what holds its lines is a copy made before, however close the times are.
    const isBefore = (segment: Segment): boolean =>
      (segment.packed
        ? wholeSeconds(segment.mtimeMs) <= wholeSeconds(mtimeMs)
        : segment.mtimeMs <= mtimeMs) || isCopyOf(last, segment, this.#options.fence);
    return { before: siblings.filter(isBefore), after: siblings.filter((segment) => !isBefore(segment)) };
  }

  #siblings(isFirst = false): Segment[] {
    const { raw, cache } = this.#options;
    const { directory } = splitRaw(raw);
    // What came beside a log in the moment it was looked at for the first time is looked at with its next rotation.
    if (isFirst) return listSegments(raw, cache.recent(directory) ?? []);
    // Files that are moved while they are listed are missed, or taken for one another: two looks must agree.
    let before = listSegments(raw, cache.list(directory) ?? []);
    for (let count = 0; count < STABLE_TRIES; count += 1) {
      const now = listSegments(raw, cache.list(directory) ?? []);
      if (isSameListing(before, now)) return now;
      before = now;
    }
    throw new Error(MOVED);
  }
}

function isSameListing(a: readonly Segment[], b: readonly Segment[]): boolean {
  return a.length === b.length && a.every(({ id, name }, at) => id === b[at]?.id && name === b[at]?.name);
}

/** All that some programs keep of a time when they compress a file. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function isReadable({ raw }: Segment): boolean {
  try {
    accessSync(raw, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

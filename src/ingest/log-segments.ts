import { closeSync, readSync } from 'node:fs';
import { type Fence, openFile } from '../host/open-file.ts';
import { isPastOf } from '../lib/rotated-name.ts';
import { Generation } from './generation.ts';
import type { RawPath } from './raw-path.ts';

/** Older parts opened for a first reading at most; each holds a descriptor until it is read. */
const MOST_PAST = 16;
/** As much of a shorter file's beginning and end is compared with a longer one. */
const COMPARED_BYTES = 1024;
/** Files with less in common than this are taken for different ones that begin alike. */
const TELLING_BYTES = 64;

/** A rotated sibling of a log that may hold lines nobody has read. */
export interface Segment {
  /** Device and inode. */
  readonly key: string;
  readonly name: string;
  readonly raw: RawPath;
  readonly mtimeMs: number;
}

/**
 * Opens segments for reading, oldest first. One that holds what was read from `last` is a copy of it: after an
 * emptying it is read on from where `last` was, otherwise there is nothing new in it.
 */
export function openSegments(
  last: Generation,
  candidates: readonly Segment[],
  emptied: boolean,
  fence: Fence,
  maxLineBytes: number,
): { readonly segments: Generation[]; readonly copied: boolean } {
  let copied = false;
  const segments: Generation[] = [];
  for (const { name, raw } of candidates) {
    const opened = openFile(raw, fence);
    if (!opened.ok) continue;
    // Without an emptying, a short file that begins alike is more likely the next generation than a copy.
    const comparable = !copied && (emptied || last.isTelling);
    const agrees = comparable ? last.agreesWith(opened.descriptor, opened.stat.size) : 'no';
    if (agrees === 'ahead' || (agrees === 'same' && !emptied)) {
      copied = emptied;
      closeSync(opened.descriptor);
      continue;
    }
    const segment = new Generation(opened.descriptor, opened.stat, maxLineBytes);
    segment.rotated = name;
    // A segment made by copying is nobody's open file.
    segment.isCopy = emptied;
    if (agrees === 'same') {
      copied = true;
      last.continueIn(segment);
    }
    segments.push(segment);
  }
  return { segments, copied };
}

/** What a first reading of a log may take in of its past. */
export interface PastLimits {
  readonly fence: Fence;
  readonly maxLineBytes: number;
  /** About that much is read, the newest first; of the oldest part only its end. */
  readonly bytes: number;
  /** Segments not written to since were read by a former follower of this log. */
  readonly readUntilMs: number;
}

/**
 * Opens the parts of a log that were moved away before anybody followed it, to be read before `current`: the newest
 * that fit, oldest first. Copies of what is read anyway are left out; `copies` are those of `current`, which its writer
 * may be about to empty.
 */
export function openPast(
  log: string,
  current: Generation,
  segments: readonly Segment[],
  limits: PastLimits,
): { readonly past: Generation[]; readonly copies: ReadonlySet<string> } {
  const past: Generation[] = [];
  const copies = new Set<string>();
  let left = limits.bytes - current.stat.size;
  for (const { key, name, raw, mtimeMs } of [...segments].reverse()) {
    if (left <= 0 || past.length === MOST_PAST) break;
    if (!isPastOf(log, name) || mtimeMs <= limits.readUntilMs || key === current.key) continue;
    if (past.some((other) => other.key === key)) continue;
    const opened = openFile(raw, limits.fence);
    if (!opened.ok) continue;
    const { descriptor, stat } = opened;
    const isKnown = (other: Generation): boolean =>
      holdsTheSame(
        { descriptor, sizeBytes: stat.size },
        { descriptor: other.descriptor, sizeBytes: other.stat.size },
      );
    if (stat.size === 0 || [current, ...past].some(isKnown)) {
      if (stat.size > 0 && isKnown(current)) copies.add(key);
      closeSync(descriptor);
      continue;
    }
    const generation = new Generation(descriptor, stat, limits.maxLineBytes, left);
    generation.rotated = name;
    past.push(generation);
    left -= stat.size;
  }
  return { past: past.reverse(), copies };
}

/** Whether the shorter of two files is the beginning of the longer one, by its own beginning and end. */
function holdsTheSame(a: OpenedFile, b: OpenedFile): boolean {
  const shorter = Math.min(a.sizeBytes, b.sizeBytes);
  if (shorter < TELLING_BYTES) return false;
  const count = Math.min(COMPARED_BYTES, shorter);
  return [0, shorter - count].every((at) => bytesAt(a, at, count).equals(bytesAt(b, at, count)));
}

interface OpenedFile {
  readonly descriptor: number;
  readonly sizeBytes: number;
}

function bytesAt({ descriptor }: OpenedFile, at: number, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, count, at));
}

/** Whether a segment holds what was read from `last`, or the beginning of it. */
export function isCopyOf(last: Generation, segment: Segment, fence: Fence): boolean {
  const opened = openFile(segment.raw, fence);
  if (!opened.ok) return false;
  try {
    return last.agreesWith(opened.descriptor, opened.stat.size) !== 'no';
  } finally {
    closeSync(opened.descriptor);
  }
}

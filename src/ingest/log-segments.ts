import { closeSync, fstatSync } from 'node:fs';
import { type Fence, openFile } from '../host/open-file.ts';
import { isPastOf } from '../lib/rotated-name.ts';
import { type Agreement, agreementOf, bytesAt } from './fingerprint.ts';
import { Generation } from './generation.ts';
import type { SavedGeneration } from './log-position.ts';
import type { Segment } from './log-siblings.ts';

/** Older parts opened for a first reading at most; each holds a descriptor until it is read. */
const MOST_PAST = 16;
/** As much of a shorter file's beginning and end is compared with a longer one. */
const COMPARED_BYTES = 1024;
/** Files with less in common than this are taken for different ones that begin alike. */
const TELLING_BYTES = 64;

/** Opens a segment, a compressed one unpacked; undefined when it can't be had. */
export type SegmentOpener = (segment: Segment) => OpenedSegment | undefined;

export interface OpenedSegment {
  readonly descriptor: number;
  readonly sizeBytes: number;
}

/** What segments that hold something unread are read with. */
export interface UnreadLimits {
  readonly open: SegmentOpener;
  readonly maxLineBytes: number;
  /** The generation read last was emptied in place: copies of it were made before. */
  readonly emptied: boolean;
  /** What was read to its end before the last one: a copy of it holds nothing new. */
  readonly done: readonly SavedGeneration[];
}

/** Files a rotation made, opened. */
export interface Unread {
  readonly segments: readonly Generation[];
  /** One of them is a copy of what was read last, made before that was emptied. */
  readonly copied: boolean;
  /** Those that hold what is still to be read from the file that was read last, by their ids. */
  readonly forms: readonly string[];
}

/**
 * Opens segments for reading, oldest first. One that holds what was read from `last` is a copy of it: after an
 * emptying it is read on from where `last` was, otherwise there is nothing new in it.
 */
export function openUnread(
  last: Generation | undefined,
  candidates: readonly Segment[],
  { open, maxLineBytes, emptied, done }: UnreadLimits,
): Unread {
  let copied = false;
  const forms: string[] = [];
  const segments: Generation[] = [];
  const openOrClose: SegmentOpener = (candidate) => {
    try {
      return open(candidate);
    } catch (error) {
      for (const segment of segments) segment.close();
      throw error;
    }
  };
  for (const candidate of candidates) {
    const opened = openOrClose(candidate);
    if (opened === undefined) continue;
    const { descriptor, sizeBytes } = opened;
    // Without an emptying, a short file that begins alike is more likely the next generation than a copy.
    const original: Generation | undefined = !copied && (emptied || last?.isTelling) ? last : undefined;
    const agrees: Agreement = original?.agreesWith(descriptor, sizeBytes) ?? 'no';
    const isKnown = agrees === 'ahead' || (agrees === 'same' && !emptied);
    const isForm = last !== undefined && isFormOf(last, opened);
    if (isForm) forms.push(candidate.id);
    if (isKnown || isForm || isDone(done, opened)) {
      copied ||= emptied && agrees === 'ahead';
      closeSync(descriptor);
      continue;
    }
    const segment = generationOf(candidate, descriptor, maxLineBytes);
    // A segment made by copying is nobody's open file, nor is one that was unpacked.
    segment.isCopy = emptied || candidate.packed;
    if (original !== undefined && agrees === 'same') {
      copied = true;
      original.continueIn(segment);
    }
    segments.push(segment);
  }
  return { segments, copied, forms };
}

/** Whether an open file holds nothing but what was read to its end already. */
function isDone(done: readonly SavedGeneration[], { descriptor, sizeBytes }: OpenedSegment): boolean {
  return done.some(
    ({ print, offset }) =>
      Math.min(sizeBytes, offset) >= TELLING_BYTES &&
      sizeBytes <= offset &&
      agreementOf(print, offset, descriptor, sizeBytes) !== 'no',
  );
}

/** Whether an open file holds just what another one that was rewritten or is to be read holds now: its packed form. */
function isFormOf(last: Generation, opened: OpenedSegment): boolean {
  const { size } = fstatSync(last.descriptor);
  if (size === 0 || size !== opened.sizeBytes) return false;
  return holdsTheSame({ descriptor: last.descriptor, sizeBytes: size }, opened, 0);
}

/** A generation over an opened segment, with the segment's own identity where it was unpacked. */
function generationOf(
  segment: Segment,
  descriptor: number,
  maxLineBytes: number,
  tailBytes?: number,
): Generation {
  const generation = new Generation(descriptor, fstatSync(descriptor), maxLineBytes, tailBytes, segment);
  generation.rotated = segment.name;
  return generation;
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
  for (const segment of [...segments].reverse()) {
    const { key, name, raw, mtimeMs } = segment;
    if (left <= 0 || past.length === MOST_PAST) break;
    if (segment.packed || !isPastOf(log, name) || mtimeMs <= limits.readUntilMs || key === current.key)
      continue;
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
    past.push(generationOf(segment, descriptor, limits.maxLineBytes, left));
    left -= stat.size;
  }
  return { past: past.reverse(), copies };
}

/** Whether the shorter of two files is the beginning of the longer one, by its own beginning and end. */
function holdsTheSame(a: OpenedSegment, b: OpenedSegment, leastBytes = TELLING_BYTES): boolean {
  const shorter = Math.min(a.sizeBytes, b.sizeBytes);
  if (shorter < leastBytes) return false;
  const count = Math.min(COMPARED_BYTES, shorter);
  return [0, shorter - count].every((at) =>
    bytesAt(a.descriptor, at, count).equals(bytesAt(b.descriptor, at, count)),
  );
}

/** Whether a segment holds what was read from `last`, or the beginning of it. */
export function isCopyOf(last: Generation, segment: Segment, fence: Fence): boolean {
  if (segment.packed) return false;
  const opened = openFile(segment.raw, fence);
  if (!opened.ok) return false;
  try {
    return last.agreesWith(opened.descriptor, opened.stat.size) !== 'no';
  } finally {
    closeSync(opened.descriptor);
  }
}

/** Whether a segment holds what stands at the path, of which nothing was read yet, or the beginning of it. */
export function isCopyInTheMaking(next: Generation, segment: Segment, fence: Fence): boolean {
  if (segment.packed || segment.key === next.key) return false;
  const opened = openFile(segment.raw, fence);
  if (!opened.ok) return false;
  const { descriptor, stat } = opened;
  const current = { descriptor: next.descriptor, sizeBytes: fstatSync(next.descriptor).size };
  try {
    return holdsTheSame(current, { descriptor, sizeBytes: stat.size });
  } finally {
    closeSync(descriptor);
  }
}

/** A log whose writer empties it, and what stands in it and beside it now. */
import { closeSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { SystemId } from '../domain/entity.ts';
import { type Fence, openFile } from '../host/open-file.ts';
import { agreementOf, bytesAt, type SavedFingerprint } from '../ingest/fingerprint.ts';
import { LineSplitter, type SplitLine } from '../ingest/line-splitter.ts';
import type { LogPosition, SavedGeneration } from '../ingest/log-position.ts';
import { quietly } from '../lib/quietly.ts';
import { isPastOf } from '../lib/rotated-name.ts';
import type { OpenGeneration } from './log-spool-files.ts';

/**
 * What stands in a log and is not kept (it was read while nobody could write, or by an earlier run, or not at all) is
 * read from it, no more than this of its end: a tenth of a second.
 */
const MOST_MISSED_BYTES = 8 * 1024 * 1024;
/** Lines are cut here as they were when they were read first. */
const LINE_BYTES = 256 * 1024;

/** A log whose writer empties it. */
export interface VolatileLog {
  readonly system: SystemId;
  readonly root: string;
  readonly source: string;
  readonly path: string;
  /** Absolute path of its file. */
  readonly file: string;
  readonly fence: Fence;
  /** Where its reading stands. */
  position(): LogPosition | undefined;
}

/** The generation at a log's path. */
export function generationOf(position: LogPosition | undefined): SavedGeneration | undefined {
  return position?.queue.at(-1);
}

/** Where the lines of a generation are beside ours: in the log's file, in a part that was rotated away, nowhere. */
export function whereabouts(
  { file, fence }: VolatileLog,
  open: OpenGeneration,
): 'there' | 'rotated' | 'gone' {
  const { print, offset, lastAt } = open;
  if (isHeld(file, fence, print, offset)) return 'there';
  const [directory, base] = [dirname(file), basename(file)];
  const isRotated = quietly(() => readdirSync(directory), []).some((name) => {
    if (!isPastOf(base, name.replace(/\.gz$/, ''))) return false;
    const path = join(directory, name);
    if (!name.endsWith('.gz')) return isHeld(path, fence, print, offset);
    // What is compressed is not looked into: it was made of what was written last.
    return (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) >= lastAt;
  });
  return isRotated ? 'rotated' : 'gone';
}

/** Whether a file begins with what was read up to a place. */
export function isHeld(path: string, fence: Fence, print: SavedFingerprint, offset: number): boolean {
  const opened = openFile(path, fence);
  if (!opened.ok) return false;
  try {
    return agreementOf(print, offset, opened.descriptor, opened.stat.size) === 'same';
  } finally {
    closeSync(opened.descriptor);
  }
}

/** The lines of a log's file that begin in [from, to), where a line begins at both. */
export function linesOf(
  { file, fence }: VolatileLog,
  from: number,
  to: number,
  { splitter: { encoding } }: SavedGeneration,
): readonly SplitLine[] {
  const opened = openFile(file, fence);
  if (!opened.ok) return [];
  try {
    const isLong = to - from > MOST_MISSED_BYTES;
    // An even distance: no character of two bytes is halved.
    const start = isLong ? to - MOST_MISSED_BYTES + (from % 2) - (to % 2) : from;
    const lines: SplitLine[] = [];
    const splitter =
      start === 0 ? new LineSplitter(LINE_BYTES) : new LineSplitter(LINE_BYTES, start, isLong, encoding);
    splitter.push(bytesAt(opened.descriptor, start, to - start), lines);
    return lines;
  } finally {
    closeSync(opened.descriptor);
  }
}

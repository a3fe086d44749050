import { closeSync } from 'node:fs';
import { Generation } from './generation.ts';
import { type Fence, openFile } from './open-file.ts';
import type { RawPath } from './raw-path.ts';

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

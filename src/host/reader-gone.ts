/** Whether somebody still reads what we write: a follower whose log is silent would else outlive its reader. */
import { fstatSync, lstatSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { type Clock, systemClock } from './clock.ts';
import { hasProc, listPids } from './process-stat.ts';

const LOOK_EVERY_MS = 500;
const NOTHING = new Uint8Array(0);

/**
 * Calls `gone` once, when nobody reads from descriptor `fd` any more. Returns the end of watching. A terminal and a file
 * are read for ever. The reader of a pipe that belongs to another user, or a pipe where there is no Linux /proc, can't
 * be seen: there the next write tells.
 */
export function watchReader(fd: number, gone: () => void, clock: Clock = systemClock()): () => void {
  const isGone = readerLook(fd);
  if (isGone === undefined) return () => {};
  const stop = clock.every(LOOK_EVERY_MS, () => {
    if (!isGone()) return;
    stop();
    gone();
  });
  return stop;
}

/** The question to ask every so often, or undefined where there is nothing to ask. */
function readerLook(fd: number): (() => boolean) | undefined {
  const stat = statOf(fd);
  if (stat?.isSocket()) return () => isBroken(fd);
  if (!stat?.isFIFO() || !hasProc()) return undefined;
  // The kernel tells a pipe's writer nothing before it writes, and a write of nothing is no write to a pipe.
  const link = readLink(`/proc/self/fd/${fd}`);
  if (link === undefined) return undefined;
  let reader = readerOf(link);
  if (reader === undefined) return undefined;
  return () => {
    if (reader !== undefined && readLink(reader) === link) return false;
    reader = readerOf(link);
    return reader === undefined;
  };
}

function statOf(fd: number): ReturnType<typeof fstatSync> | undefined {
  try {
    return fstatSync(fd);
  } catch {
    return undefined;
  }
}

/** A write of no bytes fails on a socket whose other end is closed, and does nothing on one that is open. */
function isBroken(fd: number): boolean {
  try {
    writeSync(fd, NOTHING);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EAGAIN';
  }
}

/** A descriptor of some process that this pipe is read from, as its place below /proc. */
function readerOf(pipe: string): string | undefined {
  for (const pid of listPids()) {
    for (const name of namesIn(`/proc/${pid}/fd`)) {
      const place = `/proc/${pid}/fd/${name}`;
      if (readLink(place) === pipe && isOpenForReading(place)) return place;
    }
  }
  return undefined;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readLink(place: string): string | undefined {
  try {
    return readlinkSync(place);
  } catch {
    return undefined;
  }
}

/** The permissions of a link below /proc/PID/fd are how the descriptor was opened (proc(5)). */
function isOpenForReading(place: string): boolean {
  return ((lstatSync(place, { throwIfNoEntry: false })?.mode ?? 0) & 0o400) !== 0;
}

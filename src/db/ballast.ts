/** Space set apart beside the records of acts, so that on a full disk those under way can still be written. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** About 16 commits of one row each, with what SQLite needs beside them. */
const BALLAST_BYTES = 256 * 1024;
/** The ballast is laid again only where it leaves this much: else it would fill the disk it is kept for. */
const ROOM_BYTES = 4 * BALLAST_BYTES;
/** Less than the commits of one act take. */
const FULL_BYTES = 64 * 1024;

/** Where the ballast of a database lies. */
export function ballastPath(path: string): string {
  return `${path}.ballast`;
}

/** Whether it lies there. */
export function hasBallast(path: string): boolean {
  return statSync(ballastPath(path), { throwIfNoEntry: false })?.size === BALLAST_BYTES;
}

/** Lays it where it is missing and there is room. A disk that is too full stays as it is: that is no failure. */
export function layBallast(of: string): void {
  if (hasBallast(of) || !hasRoom(of)) return;
  const path = ballastPath(of);
  try {
    rmSync(path, { force: true });
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const descriptor = openSync(path, flags, 0o600);
    try {
      fchmodSync(descriptor, 0o600);
      // Noise, since a file system that compresses would keep no space for zeros.
      const bytes = randomBytes(BALLAST_BYTES);
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    rmSync(path, { force: true });
  }
}

/** Gives its space back. False when there is none to give. */
export function releaseBallast(path: string): boolean {
  try {
    rmSync(ballastPath(path));
    return true;
  } catch {
    return false;
  }
}

/** Whether the disk has room beyond the ballast. */
export function hasRoom(path: string): boolean {
  return freeBytes(path) >= ROOM_BYTES;
}

/** Whether the disk has no room for the next records. */
export function isDiskFull(path: string): boolean {
  return freeBytes(path) < FULL_BYTES;
}

function freeBytes(path: string): number {
  try {
    const { bavail, bfree, bsize } = statfsSync(dirname(path));
    // Some blocks are kept for root alone.
    return (process.geteuid?.() === 0 ? bfree : bavail) * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** True for a write that failed for want of space, or because the disk gave up. */
export function isWriteFailure(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return (
    typeof code === 'string' &&
    (code.startsWith('SQLITE_FULL') ||
      code.startsWith('SQLITE_IOERR') ||
      ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO'].includes(code))
  );
}

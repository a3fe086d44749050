/** Space set apart beside the ledger, so that on a full disk the records of acts under way can still be written. */
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

/** Where the ballast of a ledger lies. */
export function ballastPath(ledgerPath: string): string {
  return `${ledgerPath}.ballast`;
}

/** Whether it lies there. */
export function hasBallast(ledgerPath: string): boolean {
  return statSync(ballastPath(ledgerPath), { throwIfNoEntry: false })?.size === BALLAST_BYTES;
}

/** Lays it where it is missing and there is room. A disk that is too full stays as it is: that is no failure. */
export function layBallast(ledgerPath: string): void {
  if (hasBallast(ledgerPath) || !hasRoom(ledgerPath)) return;
  const path = ballastPath(ledgerPath);
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
export function releaseBallast(ledgerPath: string): boolean {
  try {
    rmSync(ballastPath(ledgerPath));
    return true;
  } catch {
    return false;
  }
}

/** Whether the disk has room beyond the ballast. */
export function hasRoom(ledgerPath: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(ledgerPath));
    return bavail * bsize >= ROOM_BYTES;
  } catch {
    return true;
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

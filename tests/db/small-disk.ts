/** A disk of a few MiB of its own, to fill to its last byte. Only root may mount one. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { atEndOfFile, temporaryDirectory } from './temporary.ts';

/** Its directory, or undefined where none may be mounted. Goes away after the tests of the file. */
export function smallDisk(): string | undefined {
  const path = join(temporaryDirectory(), 'disk');
  mkdirSync(path);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=700', 'tmpfs', path]);
  if (status !== 0) return undefined;
  atEndOfFile(() => spawnSync('umount', ['-l', path]));
  return path;
}

/** Nothing can be written to it from now on. */
export function makeReadOnly(disk: string): void {
  const { status, stderr } = spawnSync('mount', ['-o', 'remount,ro', disk], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** Fills the disk to its last byte; gives back the room again. */
export function fillDisk(disk: string): () => void {
  const path = join(disk, 'filler');
  const descriptor = openSync(path, 'a');
  try {
    for (const page of [Buffer.alloc(64 * 1024, 1), Buffer.alloc(4096, 1)])
      try {
        for (;;) writeSync(descriptor, page);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
  } finally {
    closeSync(descriptor);
  }
  return () => rmSync(path, { force: true });
}

export const canMount = process.getuid?.() === 0 && smallDisk() !== undefined;

/** Where Node keeps compiled code of ours between starts. Everything here must run on Node 18. */
import { statSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { makeDirectories } from '../db/state-dir.ts';

/**
 * The user's own cache directory, made when it is missing; undefined when there is none that is ours alone. Code that
 * another user could have written must never be run, and under sudo nothing of root's may appear in a user's home.
 */
export function compileCacheDirectory(
  env: Readonly<Record<string, string | undefined>>,
  userId: number | undefined,
): string | undefined {
  const home = env['HOME'];
  const caches = env['XDG_CACHE_HOME'];
  const base =
    caches !== undefined && isAbsolute(caches)
      ? caches
      : home !== undefined && isAbsolute(home)
        ? join(home, '.cache')
        : undefined;
  if (base === undefined || userId === undefined) return undefined;
  const directory = join(base, 'binnacle');
  try {
    if (!isOwn(nearestExisting(directory), userId)) return undefined;
    makeDirectories(directory);
    return isOwn(directory, userId) ? directory : undefined;
  } catch {
    return undefined;
  }
}

/** So long after its start a program has loaded what it loads. */
export const LOADED_MS = 5_000;

/**
 * Keeps what this thread has compiled until now. Node does so at a clean end; a cockpit stays open for weeks or goes with
 * its connection, and the next one would compile everything again. Does nothing where all of it is kept already.
 */
export function keepCompiled(): void {
  const { flushCompileCache } = nodeModule as { flushCompileCache?: () => void };
  flushCompileCache?.();
}

function nearestExisting(path: string): string {
  let at = path;
  while (statSync(at, { throwIfNoEntry: false }) === undefined && dirname(at) !== at) at = dirname(at);
  return at;
}

const WRITABLE_BY_OTHERS = 0o022;

function isOwn(path: string, userId: number): boolean {
  const stat = statSync(path);
  return stat.isDirectory() && stat.uid === userId && (stat.mode & WRITABLE_BY_OTHERS) === 0;
}

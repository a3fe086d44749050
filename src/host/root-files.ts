/**
 * Files below a directory that is not ours, reached so that no symbolic link leads out of it, also when one is put in
 * place between two looks: every directory on the way is opened relative to the one before it, without following links.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { messageOf } from '../domain/error.ts';
import { err, ok, type Result } from '../lib/result.ts';
import { userName } from './accounts.ts';
import { hasProc } from './process-stat.ts';

/** What is at a path. */
export interface FoundFile {
  readonly bytes: Buffer;
  readonly mode: number;
  /** The file is longer than was asked for. */
  readonly truncated: boolean;
}

/** Reads at most `maxBytes` of a file below `root`. `undefined` when there is none; an error when it may not be read. */
export function readBelow(root: string, path: string, maxBytes: number): Result<FoundFile | undefined> {
  return within(root, path, { create: false, missing: undefined }, (place) => {
    const descriptor = openExisting(place);
    if (descriptor === undefined) return undefined;
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) throw new Error(`${path} is not a regular file`);
      const bytes = Buffer.alloc(Math.min(maxBytes, stat.size));
      let length = 0;
      while (length < bytes.length) {
        const read = readSync(descriptor, bytes, length, bytes.length - length, length);
        if (read === 0) break;
        length += read;
      }
      return { bytes: bytes.subarray(0, length), mode: stat.mode & 0o7777, truncated: stat.size > maxBytes };
    } finally {
      closeSync(descriptor);
    }
  });
}

/**
 * Replaces a file below `root` as a whole, or creates it with the directories it lies in: whoever reads sees the old
 * text or the new one. Owner and mode of a file that was there stay as they were.
 */
export function writeBelow(root: string, path: string, text: string): Result<'written'> {
  return within(root, path, { create: true, missing: 'written' }, (place) => {
    const before = lstatSync(place, { throwIfNoEntry: false });
    if (before && !before.isFile()) throw new Error(`${path} is not a regular file`);
    const temporary = join(dirname(place), `.${basename(place)}.${randomBytes(6).toString('hex')}.tmp`);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const descriptor = openSync(temporary, flags, 0o644);
    try {
      const bytes = Buffer.from(text);
      for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
      if (before) {
        fchmodSync(descriptor, before.mode & 0o7777);
        if (before.uid !== process.geteuid?.() && process.geteuid?.() === 0)
          fchownSync(descriptor, before.uid, before.gid);
      }
      fsyncSync(descriptor);
      renameSync(temporary, place);
    } catch (error) {
      unlinkQuietly(temporary);
      throw error;
    } finally {
      closeSync(descriptor);
    }
    return 'written';
  });
}

/** Removes a file below `root`. A file that is not there is removed already. */
export function removeBelow(root: string, path: string): Result<'removed' | 'absent'> {
  return within(root, path, { create: false, missing: 'absent' as const }, (place) => {
    const before = lstatSync(place, { throwIfNoEntry: false });
    if (!before) return 'absent';
    if (!before.isFile()) throw new Error(`${path} is not a regular file`);
    unlinkSync(place);
    return 'removed';
  });
}

/** Who owns a directory; undefined when it is not there. */
export function ownerOf(path: string): { readonly uid: number; readonly user: string } | undefined {
  try {
    const { uid } = statSync(path);
    return { uid, user: userName(uid) ?? String(uid) };
  } catch {
    return undefined;
  }
}

/**
 * Walks to the directory of `path` and hands `use` a path whose directory part can no longer be exchanged. A link
 * inside the root that leads to another place inside it is followed once, by its resolved name.
 */
function within<T>(
  root: string,
  path: string,
  options: { readonly create: boolean; readonly missing: T },
  use: (place: string) => T,
): Result<T> {
  let directory: number | undefined;
  try {
    if (path.includes('\0')) return err('the path holds a NUL character');
    const realRoot = realpathSync(root);
    const full = resolve(isAbsolute(path) ? '/' : realRoot, path);
    const asNamed = isInside(full, resolve(root)) ? join(realRoot, relative(resolve(root), full)) : full;
    const parent = resolveExisting(dirname(asNamed));
    if (!isInside(asNamed, realRoot) || !isInside(parent, realRoot))
      return err(`${path} lies outside ${root}`);
    directory = openSync(realRoot, DIRECTORY);
    let anchor = anchorOf(directory, realRoot);
    for (const name of relative(realRoot, parent)
      .split(sep)
      .filter((part) => part !== '')) {
      const next = openDirectory(join(anchor, name), options.create);
      if (next === undefined) return ok(options.missing);
      closeSync(directory);
      directory = next;
      anchor = anchorOf(directory, join(anchor, name));
    }
    return ok(use(join(anchor, basename(asNamed))));
  } catch (error) {
    return err(explain(error, path));
  } finally {
    if (directory !== undefined) closeSync(directory);
  }
}

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Linux reaches an open directory's entries through /proc, which is what openat(2) would do; elsewhere by its path. */
function anchorOf(descriptor: number, path: string): string {
  return hasProc() ? `/proc/self/fd/${descriptor}` : path;
}

function openDirectory(path: string, create: boolean): number | undefined {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return openSync(path, DIRECTORY);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt > 0) throw error;
      if (!create) return undefined;
      mkdirSync(path, { mode: 0o755 });
    }
  }
}

function openExisting(place: string): number | undefined {
  try {
    // Non-blocking: a pipe under this name must not make us wait for its writer.
    return openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The real path of the longest part that exists, with the rest appended. */
function resolveExisting(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // A dangling link exists as an entry: what it names must not be created through it.
    if (lstatSync(path, { throwIfNoEntry: false })) throw new Error(`${path} is a link to nothing`);
    return join(resolveExisting(dirname(path)), basename(path));
  }
}

function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Renamed already, or never made.
  }
}

function explain(error: unknown, path: string): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ELOOP' || code === 'ENOTDIR') return `${path} leads through a link or a file`;
  if (code === 'EACCES' || code === 'EPERM') return `${path}: permission denied`;
  if (code === undefined) return messageOf(error);
  return `${path}: ${code}`;
}

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';

/** Where files may lie: below one of these real directories, or anywhere. */
export type Fence = readonly string[] | 'anywhere';

export type Opened =
  | { readonly ok: true; readonly descriptor: number; readonly stat: Stats }
  | { readonly ok: false; readonly missing: true }
  | { readonly ok: false; readonly missing: false; readonly error: string };

/**
 * Opens a file of a watched system for reading, harmlessly: without waiting (a FIFO without a writer would block for
 * ever), regular files only, and only when what was really opened lies inside the fence, so that a symbolic link put
 * in place of a log does not show somebody's secrets. `seen`: its state a moment ago; what it is by then is asked again.
 */
export function openFile(path: string | Buffer, fence: Fence, seen?: Stats): Opened {
  let descriptor: number;
  try {
    const kind = seen ?? statSync(path, { throwIfNoEntry: false });
    if (kind === undefined) return { ok: false, missing: true };
    if (!kind.isFile()) return { ok: false, missing: false, error: `skipped: ${kindName(kind)}, not a file` };
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    return failureOf(error);
  }
  try {
    const stat = fstatSync(descriptor);
    const refusal = stat.isFile()
      ? outsideOf(descriptor, path, fence)
      : `skipped: ${kindName(stat)}, not a file`;
    if (refusal === undefined) return { ok: true, descriptor, stat };
    closeSync(descriptor);
    return { ok: false, missing: false, error: refusal };
  } catch (error) {
    closeSync(descriptor);
    return failureOf(error);
  }
}

/** What an operator reads when a file can't be opened, with what to do. */
export function explainFileError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'not readable by this user: run as its owner or join its group';
    case 'EMFILE':
    case 'ENFILE':
      return 'too many open files: raise the limit (ulimit -n)';
    case 'ELOOP':
      return 'symbolic links in a circle';
    case 'EIO':
    case 'ESTALE':
      return `the disk or network file system failed (${code}): it is tried again`;
    default:
      return message ?? String(error);
  }
}

/** True for errors that mean the path is not there (yet). */
export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** True when `path` is one of the fence's directories or lies below one. Both are real paths. */
export function isInside(path: string, fence: Fence): boolean {
  if (fence === 'anywhere') return true;
  return fence.some((directory) => {
    const below = directory.endsWith('/') ? directory : `${directory}/`;
    return path === directory || path.startsWith(below);
  });
}

/** Why a real path may not be read, or undefined. */
export function refusalFor(realPath: string, fence: Fence): string | undefined {
  if (isInside(realPath, fence)) return undefined;
  return `refused: a link out of the watched directory, to ${realPath} (allow it in the configuration to read it)`;
}

function failureOf(error: unknown): Opened {
  if (isMissing(error)) return { ok: false, missing: true };
  return { ok: false, missing: false, error: explainFileError(error) };
}

function outsideOf(descriptor: number, path: string | Buffer, fence: Fence): string | undefined {
  if (fence === 'anywhere') return undefined;
  return refusalFor(realPathOf(descriptor, path), fence);
}

/** Where the opened file lies. Linux tells by descriptor, which no later switch of a link can falsify. */
function realPathOf(descriptor: number, path: string | Buffer): string {
  if (process.platform === 'linux') {
    const target = readlinkSync(`/proc/self/fd/${descriptor}`);
    return target.endsWith(' (deleted)') ? target.slice(0, -' (deleted)'.length) : target;
  }
  return realpathSync(path);
}

function kindName(stat: Stats): string {
  if (stat.isDirectory()) return 'a directory';
  if (stat.isFIFO()) return 'a FIFO';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
}

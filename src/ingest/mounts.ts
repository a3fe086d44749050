/** Where the kernel can know of every change: what it tells of, and what it can't. */
import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * File systems all of whose changes are made through this kernel. Of a network share, or of a directory that another
 * machine hands in (NFS, 9p, FUSE, virtiofs), it knows what is done from here alone.
 */
const OWN_TYPES: ReadonlySet<string> = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'zfs', 'f2fs', 'bcachefs', 'jfs', 'tmpfs', 'overlay'],
]);
/** How long the list of mounts is taken to hold: many files are asked about at once. */
const FRESH_MS = 1000;

/** Mount points with the type of what is mounted, as `/proc/self/mountinfo` tells them. */
type Mounts = ReadonlyMap<string, string>;

let known: { readonly mounts: Mounts; readonly readAt: number } | undefined;

/**
 * Whether the kernel tells who watches the directory of a path of each change of the file there: it lies on a file
 * system of our own, and is not mounted there by itself, since a change is told in the directory a file was opened in.
 */
export function isChangeTold(path: string): boolean {
  const now = performance.now();
  if (known === undefined || now - known.readAt > FRESH_MS) known = { mounts: readMounts(), readAt: now };
  const { mounts } = known;
  try {
    const real = join(realpathSync(dirname(path)), basename(path));
    return !mounts.has(real) && OWN_TYPES.has(typeAt(mounts, dirname(real)) ?? '');
  } catch {
    return false;
  }
}

/** Type of the file system a real directory lies on. */
function typeAt(mounts: Mounts, directory: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const type = mounts.get(at);
    if (type !== undefined || at === dirname(at)) return type;
  }
}

/** Empty where there is no such list: then nothing counts as told. */
function readMounts(): Mounts {
  try {
    return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return new Map();
  }
}

/** The later of two mounts on one place hides the earlier. Format: proc_pid_mountinfo(5). */
export function parseMountInfo(text: string): Mounts {
  const mounts = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [places = '', rest = ''] = line.split(' - ');
    const place = places.split(' ')[4];
    const type = rest.split(' ')[0];
    if (place !== undefined && type !== undefined && type !== '') mounts.set(unescaped(place), type);
  }
  return mounts;
}

/** Blanks, line ends and backslashes stand as three octal digits. */
function unescaped(place: string): string {
  return place.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

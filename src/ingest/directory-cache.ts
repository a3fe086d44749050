import { type Dirent, readdirSync, type Stats, statSync } from 'node:fs';
import { type RawPath, rawKey } from './raw-path.ts';

export type EntryKind = 'file' | 'directory' | 'link' | 'other';

/** One name in a directory. */
export interface Entry {
  readonly name: RawPath;
  readonly kind: EntryKind;
}

interface Listing {
  readonly changedMs: number;
  readonly inode: number;
  /** Read so soon after its last change that another one may carry the same time stamp. */
  readonly young: boolean;
  readonly entries: readonly Entry[];
  /** Monotonic. */
  readonly readAt: number;
}

/** File systems stamp with the kernel's tick (up to 10 ms) or worse; NFS and FAT know seconds, taken in by the margin. */
const YOUNG_MS = 2100;
/** How old a recent listing is at most. */
const RECENT_MS = 50;
const MOST_LISTINGS = 50_000;

/** Directory listings that are read again only when the directory changed. */
export interface DirectoryCache {
  /**
   * Names in a directory, or undefined when it is missing or unreadable (`problem` says which). The same array as long
   * as they are the same; where a link leads may change without its name. `state`: the directory's, from a moment ago.
   */
  list(directory: RawPath, state?: Stats): readonly Entry[] | undefined;
  /** The same as of a moment ago: for who looks at many files of one directory that is being written to. */
  recent(directory: RawPath): readonly Entry[] | undefined;
  /** Why the last `list` of this directory failed, when it is there and can't be read. */
  problem(directory: RawPath): string | undefined;
}

export function directoryCache(): DirectoryCache {
  const listings = new Map<string, Listing>();
  const problems = new Map<string, string>();
  return {
    recent(directory) {
      const known = listings.get(rawKey(directory));
      if (known && performance.now() - known.readAt < RECENT_MS) return known.entries;
      return this.list(directory);
    },
    list(directory, state) {
      const key = rawKey(directory);
      try {
        const stat = state ?? statSync(directory);
        const known = listings.get(key);
        if (known && !known.young && known.changedMs === stat.mtimeMs && known.inode === stat.ino) {
          return known.entries;
        }
        const read = readEntries(directory);
        const entries = known && isSameListing(known.entries, read) ? known.entries : read;
        if (listings.size >= MOST_LISTINGS) listings.clear();
        const young = Math.abs(Date.now() - stat.mtimeMs) < YOUNG_MS;
        listings.set(key, {
          changedMs: stat.mtimeMs,
          inode: stat.ino,
          young,
          entries,
          readAt: performance.now(),
        });
        problems.delete(key);
        return entries;
      } catch (error) {
        listings.delete(key);
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'ENOTDIR') problems.delete(key);
        else problems.set(key, code ?? 'unreadable');
        return undefined;
      }
    },
    problem: (directory) => problems.get(rawKey(directory)),
  };
}

/** Whether nothing came, went, or may lead elsewhere. */
function isSameListing(a: readonly Entry[], b: readonly Entry[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, kind }, index) => {
      const other = b[index];
      return other !== undefined && kind !== 'link' && kind === other.kind && isSameName(name, other.name);
    })
  );
}

function isSameName(a: RawPath, b: RawPath): boolean {
  return a === b || (typeof a !== 'string' && typeof b !== 'string' && a.equals(b));
}

/** Reads names; as bytes where one of them is not valid UTF-8, since only bytes open such a file. */
function readEntries(directory: RawPath): Entry[] {
  const entries = readdirSync(directory, { withFileTypes: true });
  if (!entries.some((entry) => entry.name.includes('\ufffd'))) {
    return entries.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  }
  return readdirSync(directory, { withFileTypes: true, encoding: 'buffer' }).map((entry) => {
    const text = entry.name.toString('utf8');
    return { name: text.includes('\ufffd') ? entry.name : text, kind: kindOf(entry) };
  });
}

function kindOf(entry: Pick<Dirent, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): EntryKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
}

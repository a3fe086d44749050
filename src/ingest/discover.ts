/** Finding the files and directories a source description names. Nothing is opened here but directories. */
import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { explainFileError, type Fence, refusalFor } from '../host/open-file.ts';
import type { DirectoryCache, Entry } from './directory-cache.ts';
import { joinRaw, type RawPath, rawKey, showRaw } from './raw-path.ts';

/** One match. `path` is what is told: relative to the root where it lies below it. */
export interface Found {
  readonly path: string;
  readonly raw: RawPath;
  /** Reached through a symbolic link of its own name. */
  readonly link: boolean;
}

export interface Discovery {
  /** Sorted by path, files before links to them. Put in order when it is asked for. */
  readonly found: readonly Found[];
  /** The same by the directory it lies in, the same array as long as that directory's matches are the same. */
  readonly groups: ReadonlyMap<string, readonly Found[]>;
  /** Matches that are not read, and why. */
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
  /** Directories whose changes may bring further matches. */
  readonly directories: readonly RawPath[];
}

export interface DiscoverOptions {
  readonly want: 'file' | 'directory';
  readonly fence: Fence;
  readonly cache: Pick<DirectoryCache, 'list' | 'problem'>;
  /** Matches in directories as they stood, for whoever walks again and again: of ten thousand, one directory moved. */
  readonly known?: Map<string, KnownMatches>;
}

/** The matches a listing gave; as long as the cache tells the same one they are the same. */
interface KnownMatches {
  readonly entries: readonly Entry[];
  readonly found: readonly Found[];
}

/** Deepest directory `**` descends to; a loop of bind mounts must not hold us. */
const DEEPEST = 24;

/** The absolute form of a glob: relative ones are below the root. */
export function absoluteGlob(root: string, glob: string): string {
  return isAbsolute(glob) ? glob : `${root.replace(/\/+$/, '')}/${glob}`;
}

/** What is told of an absolute path: relative to the root where it lies below it. */
export function tellPath(root: string, absolute: string): string {
  // By far the most frequent case, asked for thousands of paths a minute.
  const isPlain =
    absolute.startsWith(root) && absolute[root.length] === '/' && !/\/\.{0,2}(?:\/|$)/.test(absolute);
  if (isPlain) return absolute.slice(root.length + 1);
  const below = relative(root, absolute);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? absolute : below;
}

/**
 * Real directories a glob of this system may reach: the root, and for an absolute glob outside of it the directory
 * before its first wildcard. A path the operator wrote out in full leads where it leads.
 */
export function fenceOf(root: string, glob: string, allowOutside: boolean): Fence {
  if (allowOutside) return 'anywhere';
  const absolute = absoluteGlob(root, glob);
  const below = tellPath(root, resolve(absolute)) !== resolve(absolute);
  if (!below && !glob.includes('*')) return 'anywhere';
  const segments = absolute.split('/');
  const firstWild = segments.findIndex((segment) => segment.includes('*'));
  const base = below ? root : segments.slice(0, firstWild).join('/') || '/';
  try {
    return [realpathSync(base)];
  } catch {
    return [resolve(base)];
  }
}

/**
 * All matches of a glob. `*` matches within a name (not a leading dot unless written), `**` any number of directories
 * (without following links). Sorted by path, files before links to them.
 */
export function discover(root: string, glob: string, options: DiscoverOptions): Discovery {
  const absolute = absoluteGlob(root, glob);
  const groups = new Map<string, readonly Found[]>();
  const refused: { path: string; reason: string }[] = [];
  const directories = new Map<string, RawPath>();
  const tell = (raw: RawPath): string => tellPath(root, showRaw(raw));
  const matchers = new Map<string, (name: string) => boolean>();

  const take = (raw: RawPath, entry: Entry | undefined, found: Found[]): void => {
    const link = entry?.kind === 'link';
    try {
      const stat = entry === undefined || link ? statSync(raw, { throwIfNoEntry: false }) : undefined;
      if (entry === undefined && stat === undefined) return;
      const isDirectory = stat?.isDirectory() ?? entry?.kind === 'directory';
      if (options.want === 'directory') {
        if (isDirectory && enter(raw, entry)) found.push({ path: tell(raw), raw, link });
      } else if (isDirectory) {
        refused.push({ path: tell(raw), reason: 'skipped: a directory, not a file' });
      } else {
        // Whether it is a regular file inside the fence is decided when it is opened.
        found.push({ path: tell(raw), raw, link });
      }
    } catch (error) {
      refused.push({ path: tell(raw), reason: explainFileError(error) });
    }
  };

  /** Whether a directory may be walked into: links are followed inside the fence only. */
  const enter = (raw: RawPath, entry: Entry | undefined): boolean => {
    if (entry !== undefined && entry.kind !== 'link') return entry.kind === 'directory';
    try {
      const reason = refusalFor(realpathSync.native(raw), options.fence);
      if (reason !== undefined) refused.push({ path: tell(raw), reason });
      return reason === undefined;
    } catch {
      return false;
    }
  };

  const walk = (directory: RawPath, segments: readonly string[], depth: number): void => {
    const [segment, ...rest] = segments;
    if (segment === undefined || depth > DEEPEST) return;
    const last = rest.length === 0;
    if (!segment.includes('*')) {
      const raw = joinRaw(directory, segment);
      if (last) {
        directories.set(showRaw(directory), directory);
        const found: Found[] = [];
        take(raw, undefined, found);
        group(showRaw(raw), found);
      } else if (enter(raw, undefined)) walk(raw, rest, depth);
      else {
        // Not there yet: both the place it will come to and the place itself tell when it does.
        directories.set(showRaw(directory), directory);
        directories.set(showRaw(raw), raw);
      }
      return;
    }
    directories.set(showRaw(directory), directory);
    const entries = options.cache.list(directory);
    if (entries === undefined) {
      const problem = options.cache.problem(directory);
      if (problem)
        refused.push({
          path: tell(directory),
          reason: explainFileError({ code: problem, message: problem }),
        });
      return;
    }
    if (segment === '**') {
      walk(directory, rest, depth);
      for (const entry of entries) {
        if (entry.kind === 'directory') walk(joinRaw(directory, entry.name), segments, depth + 1);
      }
      return;
    }
    const matches = matchers.get(segment) ?? segmentMatcher(segment);
    matchers.set(segment, matches);
    if (last) {
      takeAll(directory, entries, matches);
      return;
    }
    for (const entry of entries) {
      if (!matches(showRaw(entry.name))) continue;
      const raw = joinRaw(directory, entry.name);
      if (enter(raw, entry)) walk(raw, rest, depth + 1);
    }
  };

  /** The names of one directory that match. Where a link leads may change without its directory. */
  const takeAll = (
    directory: RawPath,
    entries: readonly Entry[],
    matches: (name: string) => boolean,
  ): void => {
    const key = showRaw(directory);
    const known = options.known?.get(key);
    if (known?.entries === entries) {
      group(key, known.found);
      return;
    }
    const found: Found[] = [];
    const refusedBefore = refused.length;
    for (const entry of entries)
      if (matches(showRaw(entry.name))) take(joinRaw(directory, entry.name), entry, found);
    if (refused.length > refusedBefore || entries.some(({ kind }) => kind === 'link'))
      options.known?.delete(key);
    else options.known?.set(key, { entries, found });
    group(key, found);
  };

  /** Two directories may read alike where a name is not text, and `**` comes by some directories twice. */
  const group = (key: string, found: readonly Found[]): void => {
    const known = groups.get(key);
    if (known === undefined) groups.set(key, found);
    else if (known !== found) groups.set(key, [...known, ...found]);
  };

  const { base, segments } = startOf(root, resolve(absolute));
  walk(base, segments, 0);
  let sorted: readonly Found[] | undefined;
  return {
    get found() {
      sorted ??= sortedOnce(groups.values());
      return sorted;
    },
    groups,
    refused,
    directories: [...directories.values()],
  };
}

/** All matches, each path once. */
function sortedOnce(groups: Iterable<readonly Found[]>): readonly Found[] {
  const unique = new Map<string, Found>();
  for (const found of groups) for (const match of found) unique.set(match.path, match);
  return [...unique.values()].sort(
    (a, b) => Number(a.link) - Number(b.link) || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0),
  );
}

/** Directory a walk starts in, which is not judged, and the segments below it. */
function startOf(root: string, absolute: string): { readonly base: string; readonly segments: string[] } {
  const below = tellPath(root, absolute);
  if (below !== absolute) return { base: root, segments: below.split('/') };
  const all = absolute.split('/').slice(1);
  const firstWild = all.findIndex((segment) => segment.includes('*'));
  const from = firstWild < 0 ? all.length - 1 : firstWild;
  return { base: `/${all.slice(0, from).join('/')}`, segments: all.slice(from) };
}

/** The test of one path segment with `*` in it. */
export function segmentMatcher(segment: string): (name: string) => boolean {
  const parts = segment.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`^${parts.join('[^/]*')}$`, 's');
  const hidden = segment.startsWith('.');
  return (name) => (hidden || !name.startsWith('.')) && pattern.test(name);
}

/** Whether two walks gave the same; meant for few matches. */
function isSame(a: Discovery, b: Discovery): boolean {
  return JSON.stringify(tellOf(a)) === JSON.stringify(tellOf(b));
}

function tellOf({ found, refused, directories }: Discovery): unknown {
  return [found.map(({ path, link }) => [path, link]), refused, directories.map(showRaw)];
}

/**
 * Repeats a walk only when a directory it consulted has changed: until then the same answer is given, as the same
 * object.
 */
export class Finder {
  readonly #root: string;
  readonly #glob: string;
  readonly #cache: DiscoverOptions['cache'];
  readonly #options: DiscoverOptions;
  #last: Discovery | undefined;
  #listings: readonly unknown[] = [];
  /** Listings of the walk under way. */
  readonly #now = new Map<string, readonly Entry[] | undefined>();

  constructor(root: string, glob: string, options: DiscoverOptions) {
    this.#root = root;
    this.#glob = glob;
    this.#cache = options.cache;
    const problem = (directory: RawPath): string | undefined => this.#cache.problem(directory);
    this.#options = { ...options, known: new Map(), cache: { list: this.#listOnce, problem } };
  }

  find(): Discovery {
    this.#now.clear();
    const isWild = this.#glob.includes('*');
    if (this.#last !== undefined && isWild && this.#isUnmoved(this.#last)) return this.#last;
    const found = discover(this.#root, this.#glob, this.#options);
    // Where a path that is written out leads is looked at each time, and is mostly what it was.
    if (this.#last !== undefined && !isWild && isSame(found, this.#last)) return this.#last;
    const { known } = this.#options;
    // Directories come and go: those that are gone are not kept in mind for ever.
    if (known && known.size > 2 * found.directories.length + 100) known.clear();
    this.#listings = found.directories.map(this.#listOnce);
    this.#last = found;
    this.#now.clear();
    return found;
  }

  /** Each directory is looked at once in one walk. */
  readonly #listOnce = (directory: RawPath): readonly Entry[] | undefined => {
    const key = rawKey(directory);
    if (this.#now.has(key)) return this.#now.get(key);
    const entries = this.#cache.list(directory);
    this.#now.set(key, entries);
    return entries;
  };

  #isUnmoved(last: Discovery): boolean {
    // The cache gives the same array as long as the directory stands.
    return last.directories.every((directory, index) => this.#listOnce(directory) === this.#listings[index]);
  }
}

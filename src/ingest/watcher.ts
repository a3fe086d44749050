/**
 * Notifications of the kernel, as hints where to look. They come late, merged or not at all (network file systems, a
 * full queue), so nothing depends on them but how soon a change is seen.
 */
import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import type { FSWatcher } from 'chokidar';
import { every } from '../host/clock.ts';
import { isChangeTold } from './mounts.ts';
import { type RawPath, splitRaw } from './raw-path.ts';
import { noteHeard, type Schedule, type Watched } from './schedule.ts';

/** Directories watched at most: each costs the kernel memory that all programs of a user share. */
const MOST_DIRECTORIES = 512;

/** Until a new watch surely reports. */
const SETUP_MS = 100;

export interface Watcher {
  /** Changes in these directories are a reason to look at `watched`. Replaces what was asked for it before. */
  watch(directories: readonly RawPath[], watched: Watched): void;
  /** Changes of this file are. Its directory is watched, not the file. */
  watchFile(path: RawPath, watched: Watched): void;
  /** Any change within this directory is a reason to look at `watched` until it is quiet. */
  watchItem(directory: string, watched: Watched): void;
  forget(watched: Watched): void;
  /** Whether each change of this file is sure to be heard of: a plain file of one name, in a directory that is watched. */
  isTold(path: RawPath): boolean;
  /** True when the kernel gives no notifications, so that changes are found by looking alone. */
  polling(): boolean;
  close(): Promise<void>;
}

/** No notifications, and none wanted: everything is read once. */
export function blindWatcher(): Watcher {
  return {
    watch: () => {},
    watchFile: () => {},
    watchItem: () => {},
    forget: () => {},
    isTold: () => false,
    polling: () => false,
    close: () => Promise.resolve(),
  };
}

/** How often it is checked that directories which vanished and came back are watched again. */
const RENEW_MS = 1000;

/** Several things that want to know of one place. */
class Interest {
  readonly #by = new Map<string, Set<Watched>>();

  get places(): Iterable<string> {
    return this.#by.keys();
  }

  of(place: string): Iterable<Watched> {
    return this.#by.get(place) ?? [];
  }

  has(place: string): boolean {
    return this.#by.has(place);
  }

  add(place: string, watched: Watched): void {
    const known = this.#by.get(place);
    if (known) known.add(watched);
    else this.#by.set(place, new Set([watched]));
  }

  drop(place: string, watched: Watched): void {
    const known = this.#by.get(place);
    known?.delete(watched);
    if (known?.size === 0) this.#by.delete(place);
  }
}

/** The watch of one directory. */
interface Watch {
  /** See {@link placeOf}. */
  readonly place: string;
  readonly watcher: FSWatcher;
  /** The kernel refuses watches of what may not be read, and nobody is told. */
  readonly isAllowed: boolean;
  /** It reports by now: until then the sweep is all there is. */
  isReady: boolean;
}

/** Watches with chokidar: one watch per directory, no file is watched or looked at by it. */
export function kernelWatcher(schedule: Schedule, onPolling: () => void): Watcher {
  /** Who looks at a file, walks a directory, or reads a directory as its item. */
  const files = new Interest();
  const walks = new Interest();
  const items = new Interest();
  const placesOf = new Map<Watched, { readonly interest: Interest; readonly place: string }[]>();
  /** Directories watched, with how many reasons there are. */
  const reasons = new Map<string, number>();
  let isPolling = false;
  let closed = false;

  const fallBack = (): void => {
    if (isPolling || closed) return;
    isPolling = true;
    schedule.setPolling(true);
    onPolling();
  };

  const hear = (event: string, directory: string, name: string | null): void => {
    noteHeard();
    const file = name === null ? undefined : `${directory}/${name}`;
    const isRead = file !== undefined && files.has(file);
    if (isRead) for (const watched of files.of(file)) schedule.hint(watched);
    for (const item of items.of(directory)) schedule.hint(item);
    // A name that came or went may be a new match; mere writes to files of others are not our business.
    if (event === 'rename' && !isRead) for (const walk of walks.of(directory)) schedule.lookSoon(walk);
  };

  let chokidar: typeof import('chokidar') | undefined;
  const load = async (): Promise<void> => {
    // Loaded only where something is watched: verbs that read once are done without it.
    chokidar = await import('chokidar');
    if (!closed) renew();
  };

  /** A watch begins a moment after it is asked for: what came in between is looked for, not waited for. */
  const lookAround = (directories: ReadonlySet<string>): void => {
    setTimeout(() => {
      for (const directory of directories) {
        for (const watched of [...walks.of(directory), ...items.of(directory)]) schedule.lookSoon(watched);
      }
      for (const file of files.places) {
        if (!directories.has(file.slice(0, file.lastIndexOf('/')))) continue;
        for (const watched of files.of(file)) schedule.lookSoon(watched);
      }
    }, SETUP_MS).unref();
  };

  /**
   * The watch of each directory that is really watched. One watcher each: of two roots, one in the other,
   * a single watcher reports the outer one only.
   */
  const watches = new Map<string, Watch>();
  const begin = (directory: string): boolean => {
    const place = placeOf(directory);
    if (chokidar === undefined || place === undefined || isPolling || closed) return false;
    const watcher = chokidar.watch(directory, {
      ignoreInitial: true,
      depth: 0,
      persistent: true,
      followSymlinks: true,
      ignorePermissionErrors: true,
      atomic: false,
      backend: 'native',
      // Only the directory itself: what lies in it is looked at by us.
      ignored: (path: string) => path !== directory,
    });
    watcher.on('error', fallBack);
    watcher.on('raw', (event: string, name: string | null) => hear(event, directory, name));
    const watch: Watch = { place, watcher, isAllowed: mayRead(directory), isReady: false };
    watcher.on('ready', () => {
      watch.isReady = true;
      if (watches.get(directory) === watch) lookAround(new Set([directory]));
    });
    watches.set(directory, watch);
    return true;
  };
  const endWatch = (directory: string): void => {
    void watches.get(directory)?.watcher.close();
    watches.delete(directory);
  };

  /** Directories that were not there, or were replaced by others of their names, are watched once they are. */
  const renew = (): void => {
    const renewed = new Set<string>();
    for (const directory of reasons.keys()) {
      const watched = watches.get(directory);
      if (watched !== undefined && placeOf(directory) === watched.place) continue;
      endWatch(directory);
      // What was watched until now is to be looked at without it.
      if (begin(directory) || watched !== undefined) renewed.add(directory);
    }
    if (renewed.size > 0) lookAround(renewed);
  };
  const stopRenewal = every(RENEW_MS, renew);
  const loaded = load().catch(fallBack);

  const want = (interest: Interest, place: string, directory: string, watched: Watched): void => {
    interest.add(place, watched);
    const places = placesOf.get(watched) ?? [];
    places.push({ interest, place });
    placesOf.set(watched, places);
    const known = reasons.get(directory);
    if (known === undefined && reasons.size >= MOST_DIRECTORIES) return;
    reasons.set(directory, (known ?? 0) + 1);
    if (known !== undefined) return;
    if (begin(directory)) lookAround(new Set([directory]));
  };

  const unwant = (interest: Interest, place: string, directory: string, watched: Watched): void => {
    interest.drop(place, watched);
    const known = reasons.get(directory);
    if (known === undefined) return;
    if (known > 1) {
      reasons.set(directory, known - 1);
      return;
    }
    reasons.delete(directory);
    endWatch(directory);
  };

  const directoryOf = (interest: Interest, place: string): string =>
    interest === files ? String(splitRaw(place).directory) : place;

  return {
    watch(asked, watched) {
      // Names that are not text can't be named to the kernel from here: they are looked at in the sweep.
      const directories = new Set(asked.filter((directory) => typeof directory === 'string'));
      const before = placesOf.get(watched) ?? [];
      placesOf.set(
        watched,
        before.filter(({ place }) => directories.has(place)),
      );
      for (const { place } of before) {
        if (directories.has(place)) directories.delete(place);
        else unwant(walks, place, place, watched);
      }
      for (const directory of directories) want(walks, directory, directory, watched);
    },
    watchFile(path, watched) {
      if (typeof path === 'string') want(files, path, directoryOf(files, path), watched);
    },
    watchItem: (directory, watched) => want(items, directory, directory, watched),
    forget(watched) {
      for (const { interest, place } of placesOf.get(watched) ?? []) {
        unwant(interest, place, directoryOf(interest, place), watched);
      }
      placesOf.delete(watched);
    },
    isTold(path) {
      if (typeof path !== 'string' || isPolling || closed) return false;
      const watch = watches.get(String(splitRaw(path).directory));
      return watch?.isReady === true && watch.isAllowed && isPlainFile(path) && isChangeTold(path);
    },
    polling: () => isPolling,
    async close() {
      closed = true;
      stopRenewal();
      await loaded;
      await Promise.all([...watches.values()].map(({ watcher }) => watcher.close()));
      watches.clear();
    },
  };
}

/** Which directory a path leads to: another one may be mounted there, or be put in its place. */
function placeOf(directory: string): string | undefined {
  try {
    const stat = statSync(directory, { throwIfNoEntry: false });
    return stat && `${stat.dev}:${stat.ino}`;
  } catch {
    return undefined;
  }
}

/** Changes made through another name of a file, or behind a link, are told where that name is. */
function isPlainFile(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.nlink === 1;
}

function mayRead(directory: string): boolean {
  try {
    accessSync(directory, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

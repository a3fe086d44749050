/**
 * Notifications of the kernel, as hints where to look. They come late, merged or not at all (network file systems, a
 * full queue), so nothing depends on them but how soon a change is seen.
 */
import type { FSWatcher } from 'chokidar';
import { type RawPath, splitRaw } from './raw-path.ts';
import type { Schedule, Watched } from './schedule.ts';

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
    polling: () => false,
    close: () => Promise.resolve(),
  };
}

/** Watches with chokidar: one watch per directory, no file is watched or looked at by it. */
export function kernelWatcher(schedule: Schedule, onPolling: () => void): Watcher {
  const byFile = new Map<string, Watched>();
  const fileOf = new Map<Watched, string>();
  const directoriesOf = new Map<Watched, ReadonlySet<string>>();
  const watchedIn = new Map<string, Set<Watched>>();
  const items = new Set<Watched>();
  let isPolling = false;
  let closed = false;
  const roots = new Set<string>();

  const fallBack = (): void => {
    if (isPolling || closed) return;
    isPolling = true;
    schedule.setPolling(true);
    onPolling();
  };

  let backend: FSWatcher | undefined;
  const begin = async (): Promise<void> => {
    // Loaded only where something is watched: verbs that read once are done without it.
    const { watch } = await import('chokidar');
    if (closed) return;
    backend = watch([...roots], {
      ignoreInitial: true,
      depth: 0,
      persistent: true,
      followSymlinks: true,
      ignorePermissionErrors: true,
      atomic: false,
      backend: 'native',
      // Only the directories themselves: what lies in them is looked at by us.
      ignored: (path: string) => !roots.has(path),
    });
    backend.on('error', fallBack);
    backend.on('raw', (event: string, name: string | null, details: unknown) => {
      const directory = (details as { readonly watchedPath?: string } | undefined)?.watchedPath;
      if (directory === undefined) return;
      const file = name === null ? undefined : `${directory}/${name}`;
      const watched = file === undefined ? undefined : byFile.get(file);
      if (watched) schedule.hint(watched);
      for (const other of watchedIn.get(directory) ?? []) {
        if (items.has(other)) schedule.hint(other);
        // A name that came or went may be a new match; mere writes to files of others are not our business.
        else if (event === 'rename' && watched === undefined) schedule.lookSoon(other);
      }
    });
    lookAround();
  };
  /** A watch begins a moment after it is asked for: what came in between is looked for, not waited for. */
  const lookAround = (directory?: string): void => {
    setTimeout(() => {
      for (const [place, others] of watchedIn) {
        if (directory !== undefined && place !== directory) continue;
        for (const other of others) schedule.lookSoon(other);
      }
      for (const [file, other] of byFile) {
        if (directory === undefined || file.startsWith(`${directory}/`)) schedule.lookSoon(other);
      }
    }, SETUP_MS).unref();
  };
  const begun = begin().catch(fallBack);

  const add = (directory: string, watched: Watched): void => {
    const known = watchedIn.get(directory);
    if (known) {
      known.add(watched);
      return;
    }
    if (watchedIn.size >= MOST_DIRECTORIES) return;
    watchedIn.set(directory, new Set([watched]));
    roots.add(directory);
    if (backend === undefined) return;
    backend.add(directory);
    lookAround(directory);
  };

  const drop = (directory: string, watched: Watched): void => {
    const known = watchedIn.get(directory);
    if (!known) return;
    known.delete(watched);
    if (known.size > 0) return;
    watchedIn.delete(directory);
    roots.delete(directory);
    backend?.unwatch(directory);
  };

  return {
    watch(asked, watched) {
      // Names that are not text can't be named to the kernel from here: they are looked at in the sweep.
      const directories = new Set(asked.filter((directory) => typeof directory === 'string'));
      const before = directoriesOf.get(watched) ?? new Set();
      directoriesOf.set(watched, directories);
      for (const directory of directories) if (!before.has(directory)) add(directory, watched);
      for (const directory of before) if (!directories.has(directory)) drop(directory, watched);
    },
    watchFile(path, watched) {
      if (typeof path !== 'string') return;
      byFile.set(path, watched);
      fileOf.set(watched, path);
      const { directory } = splitRaw(path);
      if (typeof directory === 'string' && !watchedIn.has(directory)) {
        directoriesOf.set(watched, new Set([directory]));
        add(directory, watched);
      }
    },
    watchItem(directory, watched) {
      items.add(watched);
      directoriesOf.set(watched, new Set([directory]));
      add(directory, watched);
    },
    forget(watched) {
      items.delete(watched);
      const file = fileOf.get(watched);
      if (file !== undefined && byFile.get(file) === watched) byFile.delete(file);
      fileOf.delete(watched);
      for (const directory of directoriesOf.get(watched) ?? []) drop(directory, watched);
      directoriesOf.delete(watched);
    },
    polling: () => isPolling,
    async close() {
      closed = true;
      await begun;
      await backend?.close();
    },
  };
}

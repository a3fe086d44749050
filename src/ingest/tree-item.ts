/** One directory of a tree: what is in it, and whether that changed since it was read last. */
import { type Stats, statSync } from 'node:fs';
import { explainFileError, type Fence } from '../host/open-file.ts';
import type { DirectoryCache } from './directory-cache.ts';
import { joinRaw, type RawPath, showRaw } from './raw-path.ts';
import type { FailureBook } from './reader.ts';
import { decodeDocument, looksTorn, readStable } from './stable-read.ts';

/** How long a file that is being written holds its item back. */
const TORN_MS = 60;

/** One name of an item with its state. */
export interface FileState {
  readonly name: string;
  readonly raw: RawPath;
  readonly stat: Stats;
}

/** An item and what is known of it. */
export class TreeItem {
  readonly path: string;
  readonly raw: RawPath;
  /** Directory time and the state of every file, as of the last reading. */
  signature = '';
  directoryMs = -1;
  changedMs = 0;
  told = false;
  unsettledSince: number | undefined;
  constructor(path: string, raw: RawPath) {
    this.path = path;
    this.raw = raw;
  }
}

/** How items of one source are read. */
export interface TreeReading {
  readonly cache: DirectoryCache;
  readonly fence: Fence;
  readonly failures: FailureBook;
  readonly maxBytes: number;
  /** Tests of the names whose text is wanted. */
  readonly wanted: readonly ((name: string) => boolean)[];
}

/** What is told of an item that changed. */
export interface ChangedItem {
  readonly state: 'changed';
  readonly names: readonly string[];
  readonly texts: { readonly [name: string]: string };
  readonly files: readonly FileState[];
  /** When the directory was made, in milliseconds; 0 where that is not known. */
  readonly bornMs: number;
}

/** `writing`: one of its files is not whole at this moment. */
export type TreeItemRead = ChangedItem | { readonly state: 'missing' | 'unchanged' | 'writing' };

/** Looks at an item's files, and reads the wanted ones when any of them changed. */
export function readTreeItem(item: TreeItem, how: TreeReading): TreeItemRead {
  const files: FileState[] = [];
  const directory = stateOf(item.raw);
  const entries = how.cache.list(item.raw, directory);
  if (entries === undefined) {
    const problem = how.cache.problem(item.raw);
    if (problem) how.failures.fail(item.path, explainFileError({ code: problem, message: problem }));
    return { state: 'missing' };
  }
  const names = entries.map((entry) => showRaw(entry.name)).sort();
  for (const entry of entries) {
    const raw = joinRaw(item.raw, entry.name);
    try {
      const stat = statSync(raw, { throwIfNoEntry: false });
      if (stat) files.push({ name: showRaw(entry.name), raw, stat });
    } catch {
      // A link in a circle or a name behind a closed directory: listed, without a time.
    }
  }
  const signature = files
    .map(({ name, stat }) => `${name}\0${stat.ino}\0${stat.size}\0${stat.mtimeMs}\0${stat.ctimeMs}`)
    .concat(names.join('\0'))
    .join('\n');
  item.directoryMs = directory?.mtimeMs ?? -1;
  if (signature === item.signature && item.told) return { state: 'unchanged' };
  const texts = readTexts(item, files, how);
  if (texts === undefined) return { state: 'writing' };
  item.signature = signature;
  return { state: 'changed', names, texts, files, bornMs: directory?.birthtimeMs ?? 0 };
}

/** Texts of the wanted files; undefined when one of them is being written right now. */
function readTexts(
  item: TreeItem,
  files: readonly FileState[],
  how: TreeReading,
): { [name: string]: string } | undefined {
  const texts: { [name: string]: string } = {};
  const waitedMs = item.unsettledSince === undefined ? 0 : performance.now() - item.unsettledSince;
  for (const { name, raw, stat } of files) {
    if (!stat.isFile() || !how.wanted.some((wants) => wants(name))) continue;
    const tell = `${item.path}/${name}`;
    if (stat.size > how.maxBytes) {
      how.failures.fail(tell, `larger than ${how.maxBytes} bytes: ${stat.size}, not read`);
      continue;
    }
    const read = readStable(raw, how.fence, how.maxBytes, stat);
    if (read.state === 'failed') {
      how.failures.fail(tell, read.error);
      continue;
    }
    if (read.state === 'missing') continue;
    const isYoung = Math.abs(Date.now() - stat.mtimeMs) < TORN_MS;
    const isUnsure = read.state === 'changing' || (isYoung && looksTorn(read.bytes));
    if (isUnsure && waitedMs < 4 * TORN_MS) return undefined;
    if (read.state !== 'read') continue;
    how.failures.clear(tell);
    Object.defineProperty(texts, name, {
      value: decodeDocument(read.bytes),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return texts;
}

/** Modification time of a directory, -1 when there is none. */
export function directoryMs(raw: RawPath): number {
  return stateOf(raw)?.mtimeMs ?? -1;
}

function stateOf(raw: RawPath): Stats | undefined {
  try {
    return statSync(raw, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

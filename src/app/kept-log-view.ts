/** Bookmarks and named searches of the log pane, kept from one start to the next in the user's own state directory. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateDirectory } from '../db/state-dir.ts';
import { instant } from '../domain/instant.ts';
import { isObject, readJson } from '../lib/json.ts';
import { quietly } from '../lib/quietly.ts';
import type { Bookmark, KeptLogView, NamedSearch } from '../store/log-view.ts';

const FILE = 'log-view.json';
const VERSION = 2;
/** More than anybody names; a file of ours that grew beyond is not read. */
const MOST_BYTES = 1024 * 1024;

/** What the screen needs to keep it. */
export interface LogMemory {
  readonly kept: KeptLogView | undefined;
  keep(kept: KeptLogView): void;
}

/** The memory in a state directory. */
export function logMemory(state: string): LogMemory {
  return { kept: readKeptLogView(state), keep: (kept) => writeKeptLogView(state, kept) };
}

/** What was kept in a state directory. Nothing where the file is missing, damaged or of another version. */
function readKeptLogView(state: string): KeptLogView | undefined {
  const text = quietly(() => readFileSync(join(state, FILE), 'utf8'), '');
  if (text === '' || text.length > MOST_BYTES) return undefined;
  const read = readJson(text);
  if (!read.ok || !isObject(read.value)) return undefined;
  const { version, bookmarks, searches } = read.value as { readonly [name: string]: unknown };
  if (version !== VERSION) return undefined;
  return {
    version: VERSION,
    bookmarks: listOf(bookmarks).flatMap((one) => bookmarkFrom(one) ?? []),
    searches: listOf(searches).flatMap((one) => searchFrom(one) ?? []),
  };
}

/** Keeps it, whole or not at all. What can't be written is let go: the screen goes on with what it has. */
function writeKeptLogView(state: string, kept: KeptLogView): void {
  quietly(() => {
    const path = join(state, FILE);
    const next = `${path}.${process.pid}.new`;
    ensurePrivateDirectory(state);
    writeFileSync(next, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
    renameSync(next, path);
  }, undefined);
}

function listOf(value: unknown): readonly { readonly [name: string]: unknown }[] {
  return Array.isArray(value) ? value.filter((one) => isObject(one)) : [];
}

function bookmarkFrom(one: { readonly [name: string]: unknown }): Bookmark | undefined {
  const { sortAt, system, path, offset, text } = one;
  if (typeof sortAt !== 'number' || typeof offset !== 'number' || typeof system !== 'string')
    return undefined;
  if (typeof path !== 'string' || typeof text !== 'string') return undefined;
  return { sortAt: instant(sortAt), system: system as Bookmark['system'], path, offset, text };
}

function searchFrom(one: { readonly [name: string]: unknown }): NamedSearch | undefined {
  const { name, text, isOff } = one;
  if (typeof name !== 'string' || typeof text !== 'string') return undefined;
  return { name, text, ...(isOff === true ? { isOff } : {}) };
}

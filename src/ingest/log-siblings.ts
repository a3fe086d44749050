import type { DirectoryCache } from './directory-cache.ts';
import { joinRaw, type RawPath, showRaw, splitRaw } from './raw-path.ts';

/** A rotated segment lying beside a log. */
export interface Sibling {
  readonly name: string;
  readonly raw: RawPath;
}

const COMPRESSED = /\.(gz|bz2|xz|zst|lz4|Z|zip)$/;
const DATED = /^[-_.]?[\dT:_.-]+$/;

/**
 * Files beside a log that a rotation may have made of it, newest name order not yet known: `app.log.1`,
 * `app.log-20260221`, `app-20260221.log`, `app.2026-02-21_00-00-00.log`. Compressed ones are left to the reader of
 * old segments: nothing in them is younger than what an open descriptor has given.
 */
export function listSiblings(log: RawPath, cache: DirectoryCache): Sibling[] {
  const { directory, name } = splitRaw(log);
  const base = showRaw(name);
  const dot = base.lastIndexOf('.');
  const stem = dot > 0 ? base.slice(0, dot) : base;
  const extension = dot > 0 ? base.slice(dot) : '';
  const siblings: Sibling[] = [];
  for (const entry of cache.list(directory) ?? []) {
    if (entry.kind !== 'file') continue;
    const other = showRaw(entry.name);
    if (other === base || COMPRESSED.test(other)) continue;
    const appended = other.startsWith(base) && /^[.\-_~]/.test(other.slice(base.length));
    const middle = other.slice(stem.length, other.length - extension.length);
    const inserted =
      extension !== '' && other.startsWith(stem) && other.endsWith(extension) && DATED.test(middle);
    if (appended || inserted) siblings.push({ name: other, raw: joinRaw(directory, entry.name) });
  }
  return siblings;
}

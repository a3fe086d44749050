import { statSync } from 'node:fs';
import { compareSiblings } from '../lib/rotated-name.ts';
import type { Entry } from './directory-cache.ts';
import { fileId } from './log-position.ts';
import { joinRaw, type RawPath, showRaw, splitRaw } from './raw-path.ts';
import { unpackedName } from './unpacker.ts';

/** A file beside a log that a rotation may have made of it. */
export interface Segment {
  /** What a generation of it is held under: device and inode of a file that is open. */
  readonly key: string;
  /** See {@link fileId}. */
  readonly id: string;
  readonly name: string;
  readonly raw: RawPath;
  readonly mtimeMs: number;
  readonly sizeBytes: number;
  readonly packed: boolean;
}

/** Files that are being written, to be given another name when they are whole. */
const UNFINISHED = /(?:\.(?:part|partial|tmp|temp|new|swp)|~)$/;
const DATED = /^[-_.]?[\dT:_.-]+$/;

/** A name in a directory, and what it was before it was compressed. */
interface Named {
  readonly name: string;
  readonly plain: string;
  readonly raw: RawPath;
}

/** Names of a listing in their order, so that those beside one log of thousands are found without a look at all. */
const indexes = new WeakMap<readonly Entry[], readonly Named[]>();

function indexOf(entries: readonly Entry[]): readonly Named[] {
  const known = indexes.get(entries);
  if (known) return known;
  const named = entries
    .filter(({ kind }) => kind === 'file')
    .map(({ name: raw }): Named => {
      const name = showRaw(raw);
      return { name, plain: unpackedName(name) ?? name, raw };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  indexes.set(entries, named);
  return named;
}

/** Those that begin with `start`. */
function beginningWith(named: readonly Named[], start: string): readonly Named[] {
  let low = 0;
  let high = named.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((named[middle]?.name ?? '') < start) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (named[end]?.name.startsWith(start)) end += 1;
  return named.slice(low, end);
}

/**
 * Files beside a log that a rotation may have made of it, the oldest first: `app.log.1`, `app.log.2.gz`,
 * `app.log-20260221`, `app-20260221.log`, `app.2026-02-21_00-00-00.log`. A compressed one whose original is still there
 * is being written.
 */
export function listSegments(log: RawPath, entries: readonly Entry[]): Segment[] {
  const { directory, name } = splitRaw(log);
  const base = showRaw(name);
  const dot = base.lastIndexOf('.');
  const stem = dot > 0 ? base.slice(0, dot) : base;
  const extension = dot > 0 ? base.slice(dot) : '';
  const near = beginningWith(indexOf(entries), stem);
  const names = new Set(near.map((one) => one.name));
  const segments: (Segment & { readonly plain: string })[] = [];
  for (const { name: other, plain, raw: entry } of near) {
    const packed = plain !== other;
    if (other === base || UNFINISHED.test(other) || (packed && (plain === base || names.has(plain))))
      continue;
    const appended = plain.startsWith(base) && /^[.\-_~]/.test(plain.slice(base.length));
    const middle = plain.slice(stem.length, plain.length - extension.length);
    const inserted = extension !== '' && plain.endsWith(extension) && DATED.test(middle);
    if (!appended && !inserted) continue;
    const raw = joinRaw(directory, entry);
    const stat = statSync(raw, { throwIfNoEntry: false });
    if (!stat?.isFile()) continue;
    segments.push({
      // An unpacked file does not hold the inode of the compressed one: it may be given to another.
      key: packed ? `packed ${fileId(stat)}` : `${stat.dev}:${stat.ino}`,
      id: fileId(stat),
      name: other,
      plain,
      raw,
      mtimeMs: stat.mtimeMs,
      sizeBytes: stat.size,
      packed,
    });
  }
  return segments
    .sort((a, b) =>
      compareSiblings({ name: a.plain, mtimeMs: a.mtimeMs }, { name: b.plain, mtimeMs: b.mtimeMs }),
    )
    .map(({ plain: _plain, ...segment }) => segment);
}

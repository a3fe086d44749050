import { statSync } from 'node:fs';
import { compareSiblings } from '../lib/rotated-name.ts';
import type { DirectoryCache } from './directory-cache.ts';
import { fileId } from './log-position.ts';
import { joinRaw, type RawPath, showRaw, splitRaw } from './raw-path.ts';
import { unpackedName } from './unpacker.ts';

/** A file beside a log that a rotation may have made of it. */
export interface Segment {
  /** Device and inode. */
  readonly key: string;
  /** See {@link fileId}. */
  readonly id: string;
  readonly name: string;
  readonly raw: RawPath;
  readonly mtimeMs: number;
  readonly sizeBytes: number;
  readonly packed: boolean;
}

const DATED = /^[-_.]?[\dT:_.-]+$/;

/**
 * Files beside a log that a rotation may have made of it, the oldest first: `app.log.1`, `app.log.2.gz`,
 * `app.log-20260221`, `app-20260221.log`, `app.2026-02-21_00-00-00.log`. A compressed one whose original is still there
 * is being written.
 */
export function listSegments(log: RawPath, cache: DirectoryCache): Segment[] {
  const { directory, name } = splitRaw(log);
  const base = showRaw(name);
  const dot = base.lastIndexOf('.');
  const stem = dot > 0 ? base.slice(0, dot) : base;
  const extension = dot > 0 ? base.slice(dot) : '';
  const entries = cache.list(directory) ?? [];
  const names = new Set(entries.map((entry) => showRaw(entry.name)));
  const segments: (Segment & { readonly plain: string })[] = [];
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    const other = showRaw(entry.name);
    const unpacked = unpackedName(other);
    const plain = unpacked ?? other;
    if (other === base || (unpacked !== undefined && (unpacked === base || names.has(unpacked)))) continue;
    const appended = plain.startsWith(base) && /^[.\-_~]/.test(plain.slice(base.length));
    const middle = plain.slice(stem.length, plain.length - extension.length);
    const inserted =
      extension !== '' && plain.startsWith(stem) && plain.endsWith(extension) && DATED.test(middle);
    if (!appended && !inserted) continue;
    const raw = joinRaw(directory, entry.name);
    const stat = statSync(raw, { throwIfNoEntry: false });
    if (!stat?.isFile()) continue;
    segments.push({
      key: `${stat.dev}:${stat.ino}`,
      id: fileId(stat),
      name: other,
      plain,
      raw,
      mtimeMs: stat.mtimeMs,
      sizeBytes: stat.size,
      packed: unpacked !== undefined,
    });
  }
  return segments
    .sort((a, b) =>
      compareSiblings({ name: a.plain, mtimeMs: a.mtimeMs }, { name: b.plain, mtimeMs: b.mtimeMs }),
    )
    .map(({ plain: _plain, ...segment }) => segment);
}

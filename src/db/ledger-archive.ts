/** Rows moved out of a ledger: one file of JSON lines per sealing, named by the rows in it. */

import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '../domain/error.ts';
import type { ChainRow, LedgerVerdict, SealedRecord } from '../domain/ledger.ts';
import { readChainLines } from './chain-lines.ts';
import { type BadRow, walkChain } from './ledger-verify.ts';
import { syncDirectory } from './sync-directory.ts';

/** An archive while it is written: it counts for nothing before it has its name. */
const PART = '.part';
/** Bytes gathered before they are written. */
const CHUNK_BYTES = 256 * 1024;

/** Name of the archive of these rows, beside the ledger. */
export function archiveName(ledgerPath: string, from: number, to: number): string {
  return `${basename(ledgerPath)}.sealed-${placeText(from)}-${placeText(to)}.jsonl`;
}

/**
 * Writes rows to their archive, for its owner alone, and returns its SHA-256. On disk under its name, or not at all,
 * when this returns or throws.
 */
export function writeArchive(ledgerPath: string, name: string, rows: Iterable<ChainRow>): string {
  const path = join(dirname(ledgerPath), name);
  rmSync(path + PART, { force: true });
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const descriptor = openSync(path + PART, flags, 0o600);
  const hash = createHash('sha256');
  try {
    fchmodSync(descriptor, 0o600);
    let text = '';
    const flush = (): void => {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      hash.update(bytes);
      text = '';
    };
    for (const { seq, prev, hash: own, body } of rows) {
      text += `${JSON.stringify({ seq, prev, hash: own, body })}\n`;
      if (text.length > CHUNK_BYTES) flush();
    }
    flush();
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(path + PART, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  renameSync(path + PART, path);
  syncDirectory(dirname(path));
  return hash.digest('hex');
}

/**
 * Removes what a sealing left that was ended before its rows left the chain: unfinished archives, and archives from
 * the chain's first row on, whose rows are all still in it.
 */
export function removeUnsealed(ledgerPath: string, firstSeq: number): void {
  const directory = dirname(ledgerPath);
  const start = `${basename(ledgerPath)}.sealed-`;
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(start)) continue;
    if (name.endsWith(PART) || name.startsWith(start + placeText(firstSeq)))
      rmSync(join(directory, name), { force: true });
  }
}

/** What became of the archives named by these records, and by records within those archives. */
export function checkArchives(
  ledgerPath: string,
  sealed: readonly SealedRecord[],
): { readonly archives: NonNullable<LedgerVerdict['archives']>; readonly firstBad?: BadRow } {
  const archives: NonNullable<LedgerVerdict['archives']>[number][] = [];
  let firstBad: BadRow | undefined;
  const open = [...sealed];
  for (let record = open.shift(); record !== undefined; record = open.shift()) {
    const { archive: file, from, to } = record;
    const { state, bad, inner } = checkArchive(ledgerPath, record);
    if (archives.some((known) => known.file === file)) continue;
    archives.push({ file, from, to, state });
    if (bad && (firstBad === undefined || bad.seq < firstBad.seq)) firstBad = bad;
    open.push(...inner);
  }
  archives.sort((a, b) => a.from - b.from);
  return { archives, ...(firstBad ? { firstBad } : {}) };
}

function checkArchive(
  ledgerPath: string,
  { archive, from, to, lastHash, sha256 }: SealedRecord,
): {
  readonly state: 'whole' | 'elsewhere' | 'bad';
  readonly bad?: BadRow;
  readonly inner: readonly SealedRecord[];
} {
  const isBad = (seq: number, why: string) =>
    ({ state: 'bad', bad: { seq, why: `in ${archive}: ${why}` }, inner: [] }) as const;
  // The name comes out of a row: it names a file beside the ledger or nothing.
  if (archive !== basename(archive) || archive === '' || archive === '..')
    return isBad(from, 'not the name of an archive');
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(dirname(ledgerPath), archive));
  } catch (error) {
    // Another user's archive is theirs to check.
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return { state: 'elsewhere', inner: [] };
    return isBad(from, `it can't be read: ${messageOf(error)}`);
  }
  const isAsSealed = createHash('sha256').update(bytes).digest('hex') === sha256;
  const read = readChainLines(bytes.toString('utf8'));
  const walk = walkChain(read.rows);
  if (isAsSealed)
    return {
      state: 'whole',
      inner: walk.sealed.flatMap((one) => (one.trusted ? [one.record] : [])),
    };
  // Not the file that was sealed: which row of it is the first that differs?
  if (walk.start !== undefined && walk.start.seq + 1 !== from) return isBad(from, 'the row is not in it');
  if (walk.firstBad) return isBad(walk.firstBad.seq, walk.firstBad.why);
  if (walk.last.seq < to) return isBad(Math.max(from, walk.last.seq + 1), 'the row is not in it');
  if (walk.last.hash !== lastHash) return isBad(to, 'not the row that was sealed');
  return isBad(from, 'its text is not what was sealed');
}

function placeText(seq: number): string {
  return String(seq).padStart(12, '0');
}

/** What can still be had of a ledger that is damaged, and how a new one is begun in its place. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type Database from 'better-sqlite3';
import { messageOf, UserError } from '../domain/error.ts';
import { type Instant, toIso } from '../domain/instant.ts';
import type { ChainRow, DamageRecord, Who } from '../domain/ledger.ts';
import { isDamage } from './busy.ts';
import { openLedger } from './ledger.ts';
import { type LedgerHead, readHead, writeHead } from './ledger-head.ts';
import { repairMarkPath, unfinishedRepair } from './ledger-repair-mark.ts';
import { walkChain } from './ledger-verify.ts';
import { copyForLooking, isRecordThere } from './look-at-copy.ts';
import { DamagedError } from './open.ts';
import { connectSqlite } from './sqlite.ts';
import { syncDirectory } from './sync-directory.ts';

/** A header that claims more is not believed. */
const LARGEST_BYTES = 2 ** 31;

/** What a repair came to. */
export interface RepairResult {
  /** Name of the damaged file, which stays beside the ledger. */
  readonly file: string;
  /** Rows that go on in the new ledger. */
  readonly kept: number;
  /** What the new ledger says about it. */
  readonly note: string;
}

/** Rows that can be read of a damaged ledger, oldest first, whatever their chain says. */
export function salvageRows(path: string): readonly ChainRow[] {
  const { directory, remove } = copyForLooking([path]);
  try {
    const copy = join(directory, basename(path));
    fillUp(copy);
    return readWhatCanBe(copy);
  } finally {
    remove();
  }
}

/**
 * Puts a damaged ledger aside and begins a new one with the rows that are still one chain from its beginning, followed by
 * a record of the damage. Ended early it goes on at the next call; until then the ledger is refused. Undefined when the
 * ledger is not damaged.
 */
export function repairDamaged(options: {
  readonly path: string;
  readonly at: Instant;
  readonly who: Who;
  readonly version: string;
  readonly mode?: number;
}): RepairResult | undefined {
  const { path, at, who, version } = options;
  const unfinished = unfinishedRepair(path);
  if (unfinished === undefined && !isRecordThere(path)) return undefined;
  const why = unfinished === undefined ? damageOf(path, at) : 'its repair was ended early';
  if (why === undefined) return undefined;
  const stamp = unfinished ?? toIso(at).replace(/[-:]/g, '').replace(/\..*/, 'Z');
  if (unfinished === undefined)
    writeFileSync(repairMarkPath(path), `${stamp}\n`, { mode: 0o600, flush: true });
  const aside = `${path}.damaged-${stamp}`;
  moveAside(path, aside);

  const rows = salvageRows(aside);
  const { firstBad } = walkChain(rows);
  const kept = firstBad ? rows.filter((row) => row.seq < firstBad.seq) : rows;
  const last: LedgerHead | undefined = kept.at(-1);
  const note = noteOf({ aside, why, kept, head: readHead(aside), readable: rows.length });
  const record: DamageRecord = { phase: 'damage', at, who, version, note, file: basename(aside) };
  const fresh = `${path}.new`;
  for (const end of ['', '-wal', '-shm', '.head', '.ballast']) rmSync(fresh + end, { force: true });
  const mode = options.mode === undefined ? {} : { mode: options.mode };
  openLedger({ path: fresh, now: at, ...mode }).close();
  putRows(fresh, kept);
  if (last) writeHead(fresh, last, options.mode ?? 0o600);
  const ledger = openLedger({ path: fresh, now: at, ...mode });
  ledger.append(record);
  ledger.close();
  rmSync(`${fresh}.ballast`, { force: true });
  for (const end of ['.head', '']) renameSync(fresh + end, path + end);
  syncDirectory(dirname(path));
  rmSync(repairMarkPath(path));
  return { file: basename(aside), kept: kept.length, note };
}

/** Why a ledger can't be used; undefined when it can, whatever its chain says. */
function damageOf(path: string, now: Instant): string | undefined {
  try {
    const ledger = openLedger({ path, now });
    try {
      ledger.verify();
      return undefined;
    } finally {
      ledger.close();
    }
  } catch (error) {
    if (error instanceof DamagedError || isDamage(error)) return messageOf(error);
    throw error;
  }
}

/** The database itself last: once it has its new name, what stands at the old one is ours to replace. */
function moveAside(path: string, aside: string): void {
  if (existsSync(aside)) return;
  rmSync(`${path}-shm`, { force: true });
  for (const end of ['-wal', '.head', '']) if (existsSync(path + end)) renameSync(path + end, aside + end);
  syncDirectory(dirname(path));
}

function putRows(path: string, rows: readonly ChainRow[]): void {
  const database = connectSqlite(path);
  try {
    const insert = database.prepare('INSERT INTO ledger (seq, prev, hash, body) VALUES (?, ?, ?, ?)');
    database.transaction(() => {
      for (const { seq, prev, hash, body } of rows) insert.run(seq, prev, hash, body);
    })();
  } finally {
    database.close();
  }
}

function noteOf({
  aside,
  why,
  kept,
  head,
  readable,
}: {
  readonly aside: string;
  readonly why: string;
  readonly kept: readonly ChainRow[];
  readonly head: LedgerHead | undefined;
  readonly readable: number;
}): string {
  const sha256 = createHash('sha256').update(readFileSync(aside)).digest('hex');
  const lastKept = kept.at(-1)?.seq ?? 0;
  const first = kept[0]?.seq;
  return [
    `the ledger was damaged: ${why}`,
    first === undefined ? 'none of its rows goes on here' : `rows ${first} to ${lastKept} go on here`,
    head === undefined
      ? 'how many rows it had is not known'
      : head.seq > lastKept
        ? `rows ${lastKept + 1} to ${head.seq} do not, of which ${readable - kept.length} can be read`
        : 'no row is missing',
    `it is kept as ${basename(aside)}, SHA-256 ${sha256}`,
  ].join('; ');
}

/** A file that lost its end is not even opened by SQLite; with zeros there, what it still has can be read. */
function fillUp(path: string): void {
  const header = readFileSync(path).subarray(0, 100);
  if (header.length < 100 || header.toString('latin1', 0, 15) !== 'SQLite format 3') return;
  // Its page size and its pages, as SQLite's file format keeps them.
  const size = header.readUInt16BE(16) * header.readUInt32BE(28);
  if (size > statSync(path).size && size <= LARGEST_BYTES) truncateSync(path, size);
}

/** From the beginning until it breaks off, then from the end until it breaks off or meets what was read. */
function readWhatCanBe(path: string): readonly ChainRow[] {
  let database: Database.Database;
  try {
    database = connectSqlite(path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    return [];
  }
  try {
    const forth = readUntilBroken(database, 'ASC');
    const known = forth.at(-1)?.seq ?? Number.MIN_SAFE_INTEGER;
    const back = readUntilBroken(database, 'DESC', known).reverse();
    return [...forth, ...back];
  } finally {
    database.close();
  }
}

function readUntilBroken(
  database: Database.Database,
  direction: 'ASC' | 'DESC',
  beyond = Number.MIN_SAFE_INTEGER,
): ChainRow[] {
  const rows: ChainRow[] = [];
  try {
    const all = database.prepare(
      `SELECT seq, prev, hash, body FROM ledger WHERE seq > ? ORDER BY seq ${direction}`,
    );
    for (const row of all.iterate(beyond) as IterableIterator<ChainRow>) {
      // A foreign table of the same name may hold anything.
      if ([row.prev, row.hash, row.body].every((text) => typeof text === 'string')) rows.push(row);
    }
  } catch {
    // What lies behind the broken page is read from the other end.
  }
  return rows;
}

/** The record of acts as the verbs read, seal and repair it. */
import { readFileSync } from 'node:fs';
import { canonicalJson } from '../db/canonical-json.ts';
import { type ExportVerdict, verifyExport } from '../db/export-verify.ts';
import { openHostStore } from '../db/host-store.ts';
import { openLedger } from '../db/ledger.ts';
import {
  isLedgerThere,
  type LedgerFile,
  ledgerFiles,
  ownLedgerOptions,
  readingLedger,
} from '../db/ledger-files.ts';
import { readHead } from '../db/ledger-head.ts';
import { type RepairResult, repairDamaged, salvageRows } from '../db/ledger-repair.ts';
import type { SealResult } from '../db/ledger-seal.ts';
import { verifyChain } from '../db/ledger-verify.ts';
import { DamagedError } from '../db/open.ts';
import { stateDirectories } from '../db/state-dir.ts';
import { messageOf, UserError } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import {
  type ChainRow,
  fitsLedgerFilter,
  type LedgerFilter,
  type LedgerRecord,
  type LedgerVerdict,
} from '../domain/ledger.ts';
import { systemClock } from '../host/clock.ts';
import { readIdentity } from '../host/identity.ts';
import { HOST_MODE } from './acts-room.ts';
import { programVersion } from './version.ts';

/** A row of some user's ledger. */
export interface ListedRow extends ChainRow {
  /** Whose ledger it is; empty for the only one. */
  readonly chain: string;
  readonly record: LedgerRecord;
}

/** What was asked for of all ledgers of this host. */
export interface LedgerListing {
  /** By time; those of one ledger in its order. */
  readonly rows: readonly ListedRow[];
  /** Rows that fit and were left out as older than the newest so many. */
  readonly leftOut: number;
  /** Ledgers of which not all could be read. */
  readonly troubles: readonly UserError[];
}

/** Rows of all ledgers that fit, the newest `limit` of them. */
export function listLedgers(filter: LedgerFilter, limit: number): LedgerListing {
  const now = systemClock().now();
  const troubles: UserError[] = [];
  const chains = filesHere().map((file) => rowsOf(file, filter, now, troubles));
  const rows = mergeByTime(chains);
  const leftOut = Math.max(0, rows.length - limit);
  return { rows: rows.slice(leftOut), leftOut, troubles };
}

/** Whether each ledger of this host is whole. */
export function verifyLedgers(): readonly { readonly chain: string; readonly verdict: LedgerVerdict }[] {
  const files = filesHere();
  if (files.length === 0)
    throw new UserError('there is no ledger yet: nothing was ever done from here', [], 0);
  const now = systemClock().now();
  return files.map((file) => ({ chain: file.user, verdict: verdictOn(file, now) }));
}

/** One that can't be used, or not be read by this user, keeps nobody from checking the others. */
function verdictOn(file: LedgerFile, now: Instant): LedgerVerdict {
  try {
    return readingLedger(file, now, (ledger) => ledger.verify());
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode !== 3) throw error;
    const notes = [error.message, ...error.nextSteps];
    if (!(error instanceof DamagedError)) return { ok: false, rows: 0, notes };
    const { verdict } = verifyChain(salvageRows(file.path), readHead(file.path));
    return { ...verdict, ok: false, notes: [...notes, ...verdict.notes] };
  }
}

/** Whether exports and archives are whole by themselves. `told`: what an export says of a body. */
export function verifyLedgerFiles(
  paths: readonly string[],
  told: (body: string) => string | undefined,
): readonly ExportVerdict[] {
  const texts = paths.map((name) => {
    try {
      return { name, text: readFileSync(name, 'utf8') };
    } catch (error) {
      throw new UserError(`${name} can't be read: ${messageOf(error)}`, [], 3);
    }
  });
  return verifyExport(texts, told);
}

/** Moves this user's rows from before a time to a sealed archive; undefined when there are none. */
export function sealOwnLedger(before: Instant): SealResult | undefined {
  const { directories, options, who, now } = ownLedger();
  const mode = directories.isHostWide ? { mode: HOST_MODE } : {};
  const store = openHostStore({ directory: directories.shared, now, ...mode });
  const ledger = openLedger({ ...options, now });
  try {
    const isIdle = (): boolean => store.orders.open().every((order) => order.user !== who.user);
    return ledger.seal({ before, at: now, who, version: programVersion(), isIdle });
  } finally {
    ledger.close();
    store.close();
  }
}

/** Begins a new ledger in the place of this user's damaged one; undefined when it is not damaged. */
export function repairOwnLedger(): RepairResult | undefined {
  const { options, who, now } = ownLedger();
  return repairDamaged({ ...options, at: now, who, version: programVersion() });
}

function ownLedger() {
  const directories = stateDirectories(process.env);
  const who = readIdentity();
  const options = ownLedgerOptions(process.env, directories, who);
  if (!isLedgerThere(options.path))
    throw new UserError('there is no ledger yet: nothing was ever done from here', [], 0);
  return { directories, options, who, now: systemClock().now() };
}

function filesHere(): readonly LedgerFile[] {
  return ledgerFiles(stateDirectories(process.env), readIdentity());
}

function rowsOf(
  file: LedgerFile,
  filter: LedgerFilter,
  now: Instant,
  troubles: UserError[],
): readonly ListedRow[] {
  const wanted = (rows: Iterable<ChainRow>): ListedRow[] => {
    const found: ListedRow[] = [];
    for (const row of rows) {
      const record = recordOf(row);
      if (record && fitsLedgerFilter(record, filter)) found.push({ ...row, chain: file.user, record });
    }
    return found;
  };
  try {
    return readingLedger(file, now, (ledger) => wanted(ledger.chain()));
  } catch (error) {
    if (error instanceof DamagedError) {
      troubles.push(error);
      return wanted(salvageRows(file.path));
    }
    if (file.isOwn || !(error instanceof UserError)) throw error;
    troubles.push(error);
    return [];
  }
}

/** Of a damaged ledger a text may be none of ours. */
function recordOf(row: ChainRow): LedgerRecord | undefined {
  try {
    const record = JSON.parse(row.body) as LedgerRecord;
    return typeof record.at === 'number' && canonicalJson(record) === row.body ? record : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw new Error(`row ${row.seq}: ${messageOf(error)}`);
  }
}

/** A clock that was set back must not change the order within one ledger. */
function mergeByTime(chains: readonly (readonly ListedRow[])[]): readonly ListedRow[] {
  const keyed = chains.flatMap((rows) => {
    let latest = Number.NEGATIVE_INFINITY;
    return rows.map((row) => {
      latest = Math.max(latest, row.record.at);
      return { row, at: latest };
    });
  });
  return keyed.sort((a, b) => a.at - b.at).map(({ row }) => row);
}

/** Moving old rows out of a ledger, so that what is left and what was moved can both be proved. */
import type Database from 'better-sqlite3';
import { UserError } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import type { ChainRow, LedgerRow, SealedRecord, Who } from '../domain/ledger.ts';
import { archiveName, removeUnsealed, writeArchive } from './ledger-archive.ts';
import { walkChain } from './ledger-verify.ts';

/** What is to be sealed, and by whom. */
export interface SealOrder {
  /** Rows before the first one written at this time or later. */
  readonly before: Instant;
  readonly at: Instant;
  readonly who: Who;
  readonly version: string;
  /** Whether orders are under way: nothing is moved then. Asked again when everything is prepared. */
  readonly isIdle: () => boolean;
}

/** What was sealed. */
export type SealResult = Pick<SealedRecord, 'from' | 'to' | 'count' | 'archive' | 'sha256'>;

interface SealPorts {
  readonly database: Database.Database;
  /** Adds a record within the transaction that is open. */
  readonly add: (record: SealedRecord) => LedgerRow;
}

/**
 * Writes the archive, enters the `sealed` record and removes the rows, all in one transaction: of several that seal at
 * once the later ones must find no rows, or they would write an archive of none over the first one's. Ended anywhere
 * before its commit, all rows are still in the chain and the next sealing removes what was left beside it; after it, all
 * is done. Undefined when there is nothing to seal.
 */
export function sealRows(
  ledgerPath: string,
  order: SealOrder,
  { database, add }: SealPorts,
): SealResult | undefined {
  refuseBusy(order);
  // Most have nothing to seal, and need not wait for who writes.
  if (!rangeBefore(database, order.before)) return undefined;
  const seal = database.transaction(() => {
    const range = rangeBefore(database, order.before);
    if (!range) return undefined;
    const { from, to } = range;
    removeUnsealed(ledgerPath, from);
    const rows = database.prepare('SELECT seq, prev, hash, body FROM ledger WHERE seq <= ? ORDER BY seq');
    const walk = walkChain(rows.iterate(to) as IterableIterator<ChainRow>);
    if (walk.firstBad)
      throw new UserError(
        `row ${walk.firstBad.seq} is not what was written: ${walk.firstBad.why}`,
        ['nothing was sealed: `binnacle ledger verify` says more'],
        3,
      );
    const archive = archiveName(ledgerPath, from, to);
    const sha256 = writeArchive(ledgerPath, archive, rows.iterate(to) as IterableIterator<ChainRow>);
    const result: SealResult = { from, to, count: walk.count, archive, sha256 };
    refuseBusy(order);
    const { at, who, version, before } = order;
    add({ phase: 'sealed', at, who, version, ...result, lastHash: walk.last.hash, until: before });
    database.prepare('DELETE FROM ledger WHERE seq <= ?').run(to);
    return result;
  });
  return seal.immediate();
}

function refuseBusy({ isIdle }: SealOrder): void {
  if (isIdle()) return;
  throw new UserError('an act is under way: nothing is sealed until it has ended', ['try again then'], 4);
}

/** The rows before the first one of this time or later; undefined when none of them tells of an act. */
function rangeBefore(
  database: Database.Database,
  before: Instant,
): { readonly from: number; readonly to: number } | undefined {
  const { from, last } = database
    .prepare('SELECT min(seq) AS "from", max(seq) AS last FROM ledger')
    .get() as {
    from: number | null;
    last: number | null;
  };
  if (from === null || last === null) return undefined;
  const kept = database
    .prepare("SELECT seq FROM ledger WHERE json_extract(body, '$.at') >= ? ORDER BY seq LIMIT 1")
    .get(before) as { seq: number } | undefined;
  const to = (kept?.seq ?? last + 1) - 1;
  const acts = database
    .prepare("SELECT 1 FROM ledger WHERE seq <= ? AND phase IN ('started', 'finished') LIMIT 1")
    .get(to);
  return to < from || acts === undefined ? undefined : { from, to };
}

import { existsSync } from 'node:fs';
import { openLedger } from '../db/ledger.ts';
import { stateDirectories } from '../db/state-dir.ts';
import { UserError } from '../domain/error.ts';
import type { LedgerRow, LedgerVerdict } from '../domain/ledger.ts';
import { systemClock } from '../host/clock.ts';
import { readIdentity } from '../host/identity.ts';
import { ledgerPath } from './acts-room.ts';

/** Newest rows of this user's ledger, oldest first; none when nothing was ever recorded. */
export function readLedger(limit: number | undefined): readonly LedgerRow[] {
  return withLedger((ledger) => ledger.rows(limit === undefined ? {} : { limit })) ?? [];
}

/** Whether the record is whole. */
export function verifyLedger(): LedgerVerdict {
  const verdict = withLedger((ledger) => ledger.verify());
  if (!verdict) throw new UserError('there is no ledger yet: nothing was ever done from here', [], 0);
  return verdict;
}

function withLedger<T>(use: (ledger: ReturnType<typeof openLedger>) => T): T | undefined {
  const path = ledgerPath(stateDirectories(process.env), readIdentity().user);
  if (!existsSync(path)) return undefined;
  const ledger = openLedger({ path, now: systemClock().now() });
  try {
    return use(ledger);
  } finally {
    ledger.close();
  }
}

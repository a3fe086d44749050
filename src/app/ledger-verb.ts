import { basename, join } from 'node:path';
import { type Ledger, openLedger } from '../db/ledger.ts';
import { copyForLooking, isRecordThere } from '../db/look-at-copy.ts';
import { stateDirectories } from '../db/state-dir.ts';
import { messageOf, UserError } from '../domain/error.ts';
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

function withLedger<T>(use: (ledger: Ledger) => T): T | undefined {
  const path = ledgerPath(stateDirectories(process.env), readIdentity().user);
  if (!isRecordThere(path)) return undefined;
  const now = systemClock().now();
  const open = (at: string): T => {
    const ledger = openLedger({ path: at, now });
    try {
      return use(ledger);
    } finally {
      ledger.close();
    }
  };
  try {
    return open(path);
  } catch (error) {
    if (!isWriteRefused(error)) throw error;
  }
  const { directory, remove } = copyForLooking([path]);
  try {
    return open(join(directory, basename(path)));
  } finally {
    remove();
  }
}

/** SQLite writes beside a file to read it; where that is not allowed, a copy is read. */
function isWriteRefused(error: unknown): boolean {
  return /readonly database|unable to open database|EROFS|EACCES|EPERM/.test(messageOf(error));
}

import { existsSync, readFileSync } from 'node:fs';
import { UserError } from '../domain/error.ts';

/** Stands beside a ledger while it is repaired, and holds the end of the name its damaged file gets. */
export function repairMarkPath(ledgerPath: string): string {
  return `${ledgerPath}.repair`;
}

/** The end of the name a repair that was ended early was using; undefined when there is none. */
export function unfinishedRepair(ledgerPath: string): string | undefined {
  const path = repairMarkPath(ledgerPath);
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

/** What lies there while a repair is unfinished is neither the old ledger nor the new one. */
export function refuseUnfinishedRepair(ledgerPath: string): void {
  if (!existsSync(repairMarkPath(ledgerPath))) return;
  throw new UserError(
    `the ledger is being repaired, or its repair was ended early: ${ledgerPath}`,
    ['run `binnacle ledger repair`: it goes on where it was ended'],
    3,
  );
}

import { closeSync, constants, fchmodSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Place and hash of the newest row, kept outside the database: a chain alone does not show that its end is missing. */
export interface LedgerHead {
  readonly seq: number;
  readonly hash: string;
}

/** What is before the first row. */
export const EMPTY_HEAD: LedgerHead = { seq: 0, hash: '0'.repeat(64) };

/** Where the head of a ledger is kept. */
export function headPath(ledgerPath: string): string {
  return `${ledgerPath}.head`;
}

/** The head as last written; undefined when there is none or it can't be read as one. */
export function readHead(ledgerPath: string): LedgerHead | undefined {
  let text: string;
  try {
    text = readFileSync(headPath(ledgerPath), 'utf8');
  } catch {
    return undefined;
  }
  const match = /^(\d{12}) ([0-9a-f]{64})\n$/.exec(text);
  return match ? { seq: Number(match[1]), hash: match[2] as string } : undefined;
}

/**
 * Writes the head over the one before. It always has the same length and lies in one disk sector, so that a power loss
 * leaves the old one or the new one; an old one only lags behind, which the next row puts right.
 */
export function writeHead(ledgerPath: string, head: LedgerHead, mode: number): void {
  // Not through a link: in a directory shared by a group it could lead to any file of ours.
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
  const target = openSync(headPath(ledgerPath), O_RDWR | O_CREAT | O_NOFOLLOW, mode);
  try {
    fchmodSync(target, mode);
    writeSync(target, `${String(head.seq).padStart(12, '0')} ${head.hash}\n`, 0, 'latin1');
  } finally {
    closeSync(target);
  }
}

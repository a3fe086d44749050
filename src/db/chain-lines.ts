/** Chains as text: the lines of an archive and of `ledger --json`. */
import type { ChainRow } from '../domain/ledger.ts';

/** A row of an export. `chain` and `record` are told beside the row and are not covered by its hash. */
export interface ChainLine extends ChainRow {
  /** Whose ledger it is from. */
  readonly chain?: string;
  /** `body` again, for readers, with its times as text. */
  readonly record?: unknown;
}

/** Reads lines of JSON as rows. `bad`: the first line that is none. */
export function readChainLines(text: string): {
  readonly rows: readonly ChainLine[];
  readonly bad?: { readonly line: number; readonly why: string };
} {
  const rows: ChainLine[] = [];
  let line = 0;
  for (const part of text.split('\n')) {
    line += 1;
    if (part.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(part);
    } catch {
      return { rows, bad: { line, why: 'not JSON' } };
    }
    if (!isChainLine(value))
      return { rows, bad: { line, why: 'no row: seq, prev, hash and body are wanted' } };
    rows.push(value);
  }
  return { rows };
}

function isChainLine(value: unknown): value is ChainLine {
  if (typeof value !== 'object' || value === null) return false;
  const { seq, prev, hash, body, chain } = value as Record<keyof ChainLine, unknown>;
  return (
    Number.isSafeInteger(seq) &&
    typeof prev === 'string' &&
    typeof hash === 'string' &&
    typeof body === 'string' &&
    (chain === undefined || typeof chain === 'string')
  );
}

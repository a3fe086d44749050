import type { LedgerVerdict } from '../domain/ledger.ts';
import { type ChainLine, readChainLines } from './chain-lines.ts';
import { type BadRow, newestSealed, walkChain } from './ledger-verify.ts';

/** Whether the rows of one ledger in an export are what was written. */
export interface ExportVerdict {
  /** Whose ledger, as the export says; empty where it does not. */
  readonly chain: string;
  readonly verdict: LedgerVerdict;
}

/**
 * Checks exports and archives by themselves, in the order in which they were named. What an export can't show is said:
 * whether rows before its first and after its last one are missing. `told`: the text a row's `record` must be, since
 * readers take it for the row and no hash covers it.
 */
export function verifyExport(
  texts: readonly { readonly name: string; readonly text: string }[],
  told: (body: string) => string | undefined,
): readonly ExportVerdict[] {
  const chains = new Map<string, ChainLine[]>();
  const unread: string[] = [];
  for (const { name, text } of texts) {
    const { rows, bad } = readChainLines(text);
    if (bad) unread.push(`${name}:${bad.line}: ${bad.why}`);
    for (const row of rows) {
      const known = chains.get(row.chain ?? '');
      if (known) known.push(row);
      else chains.set(row.chain ?? '', [row]);
    }
  }
  // An archive does not say whose it is; beside one ledger alone it is that ledger's.
  const [only, ...others] = [...chains.keys()].filter((chain) => chain !== '');
  const nameless = chains.get('');
  if (only !== undefined && others.length === 0 && nameless) {
    chains.set(
      only,
      [...nameless, ...(chains.get(only) ?? [])].sort((a, b) => a.seq - b.seq),
    );
    chains.delete('');
  }
  if (chains.size === 0) chains.set('', []);
  return [...chains].map(([chain, rows]) => ({ chain, verdict: verdictOf(rows, unread, told) }));
}

function verdictOf(
  rows: readonly ChainLine[],
  unread: readonly string[],
  told: (body: string) => string | undefined,
): LedgerVerdict {
  const walk = walkChain(rows);
  const { start, last, count } = walk;
  const sealed = newestSealed(walk);
  const notes = [...unread];
  if (start !== undefined && start.seq > 0) {
    const isSealed = sealed?.to === start.seq && sealed.lastHash === start.hash;
    notes.push(
      isSealed
        ? `rows 1 to ${start.seq} were sealed: they are in ${sealed.archive} and those before it`
        : `rows before row ${start.seq + 1} are not in it`,
    );
  }
  if (count > 0) notes.push(`an export does not show whether rows follow row ${last.seq}`);
  const lie = rows.find((row) => row.record !== undefined && JSON.stringify(row.record) !== told(row.body));
  const bad: BadRow | undefined =
    lie && (!walk.firstBad || lie.seq < walk.firstBad.seq)
      ? { seq: lie.seq, why: 'its record is not what its body says' }
      : walk.firstBad;
  const firstBad = bad ?? walk.damages[0];
  return { ok: !firstBad && unread.length === 0, rows: count, ...(firstBad ? { firstBad } : {}), notes };
}

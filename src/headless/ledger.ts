import { toIso } from '../domain/instant.ts';
import type { LedgerRow, LedgerVerdict } from '../domain/ledger.ts';
import { safeText } from '../lib/safe-text.ts';
import { withIsoTimes } from './json.ts';
import { type Output, printTable } from './output.ts';

/** Prints the record of acts, oldest first. */
export function printLedger(rows: readonly LedgerRow[], json: boolean, output: Output): number {
  if (json) {
    for (const row of rows) output.json(withIsoTimes(row));
    return 0;
  }
  printTable(output, ['SEQ', 'WHEN', 'WHO', 'WHAT', 'TARGET', 'RESULT'], rows.map(ledgerCells));
  if (rows.length === 0) output.note(safeText('no act was recorded yet'));
  return 0;
}

function ledgerCells({ seq, record }: LedgerRow): readonly string[] {
  const who = record.who.cameFrom ? `${record.who.cameFrom} as ${record.who.user}` : record.who.user;
  const common = [String(seq), toIso(record.at), who];
  if (record.phase === 'damage') return [...common, '-', '-', `damage: ${record.note}`];
  if (record.phase === 'sealed')
    return [...common, '-', '-', `sealed: rows ${record.from} to ${record.to} are in ${record.archive}`];
  return [...common, record.act, `${record.target.system}/${record.target.id}`, resultOf(record)];
}

function resultOf(record: Exclude<LedgerRow['record'], { phase: 'damage' | 'sealed' }>): string {
  switch (record.phase) {
    case 'started':
      return record.reason === undefined ? 'started' : `started: ${record.reason}`;
    case 'finished':
      return record.summary === '' ? record.outcome : `${record.outcome}: ${record.summary}`;
    case 'settled':
      return `settled: ${record.note}`;
  }
}

/** `ledger verify`: 0 when the record is whole, 3 when it is not. */
export function printVerdict(verdict: LedgerVerdict, json: boolean, output: Output): number {
  if (json) output.json(verdict, true);
  else if (verdict.ok) output.line(safeText(`the record is whole: ${verdict.rows} rows`));
  else {
    if (verdict.firstBad) {
      output.line(safeText(`row ${verdict.firstBad.seq} is not what was written: ${verdict.firstBad.why}`));
    }
    if (verdict.cutTail) {
      output.line(
        safeText(`rows ${verdict.cutTail.from} to ${verdict.cutTail.to} were recorded and are gone`),
      );
    }
  }
  if (!json) for (const note of verdict.notes) output.line(safeText(note));
  return verdict.ok ? 0 : 3;
}

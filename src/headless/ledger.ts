import type { UserError } from '../domain/error.ts';
import { toIso } from '../domain/instant.ts';
import type { ChainRow, LedgerRecord, LedgerRow, LedgerVerdict } from '../domain/ledger.ts';
import { type SafeText, safeText } from '../lib/safe-text.ts';
import { withIsoTimes } from './json.ts';
import { type Output, printTable } from './output.ts';

/** Rows of the ledgers of a host, and what could not be read of them. */
interface Listing {
  readonly rows: readonly (ChainRow & { readonly chain: string; readonly record: LedgerRecord })[];
  readonly leftOut: number;
  readonly troubles: readonly UserError[];
}

/** Narrower than this a row of a table would show of its result nothing worth reading. */
const WIDE = 100;

/** Prints the record of acts, oldest first: 0, or 3 when not all of it could be read. */
export function printLedger({ rows, leftOut, troubles }: Listing, json: boolean, output: Output): number {
  if (json) {
    for (const row of rows) output.json(exportLine(row));
  } else {
    const isSeveral = new Set(rows.map(({ chain }) => chain)).size > 1;
    const lines = rows.map((row) =>
      ledgerCells(row, isSeveral ? `${row.chain}:${row.seq}` : String(row.seq)),
    );
    if (output.columns !== undefined && output.columns < WIDE) printNarrow(lines, output);
    else printTable(output, ['SEQ', 'WHEN', 'WHO', 'WHAT', 'TARGET', 'RESULT'], lines);
    if (rows.length === 0) output.note(safeText('no act was recorded yet, or none that fits'));
  }
  if (leftOut > 0) output.note(safeText(`${leftOut} older rows are not shown: -n N, --since T or --json`));
  for (const { message, nextSteps } of troubles) {
    output.note(safeText(`binnacle: ${message}`));
    for (const step of nextSteps) output.note(safeText(`  ${step}`));
  }
  return troubles.length > 0 ? 3 : 0;
}

/**
 * A row as it is exported: `seq`, `prev`, `hash` and `body` as they are stored prove the chain; `record` is the body
 * once more, for readers, with its times in UTC.
 */
function exportLine({ chain, seq, prev, hash, body, record }: Listing['rows'][number]): unknown {
  return { ...(chain === '' ? {} : { chain }), seq, prev, hash, body, record: withIsoTimes(record) };
}

/** The text `record` has in an export of a row with this body; undefined for a body that is none. */
export function exportedRecord(body: string): string | undefined {
  try {
    return JSON.stringify(withIsoTimes(JSON.parse(body)));
  } catch {
    return undefined;
  }
}

/** Two lines a row: what and whom, then how it went. */
function printNarrow(rows: readonly (readonly string[])[], output: Output): void {
  for (const [seq = '', when = '', who = '', what = '', target = '', result = ''] of rows) {
    output.line(`${safeText(seq)} ${safeText(when)} ${safeText(who)}` as SafeText);
    const about = what === '-' ? '' : `${safeText(what)} ${safeText(target)}: `;
    output.line(`  ${about}${safeText(result)}` as SafeText);
  }
}

function ledgerCells({ record }: Pick<LedgerRow, 'record'>, seq: string): readonly string[] {
  const who = record.who.cameFrom ? `${record.who.cameFrom} as ${record.who.user}` : record.who.user;
  const common = [seq, toIso(record.at), who];
  const late = record.late ? ' (entered late, from the journal)' : '';
  if (record.phase === 'damage') return [...common, '-', '-', `damage: ${record.note}${late}`];
  if (record.phase === 'sealed')
    return [...common, '-', '-', `sealed: rows ${record.from} to ${record.to} are in ${record.archive}`];
  return [...common, record.act, `${record.target.system}/${record.target.id}`, resultOf(record) + late];
}

function resultOf(record: Exclude<LedgerRecord, { phase: 'damage' | 'sealed' }>): string {
  switch (record.phase) {
    case 'started':
      return record.reason === undefined ? 'started' : `started: ${record.reason}`;
    case 'finished':
      return record.summary === '' ? record.outcome : `${record.outcome}: ${record.summary}`;
    case 'settled':
      return `settled: ${record.note}`;
  }
}

/** `ledger verify`: 0 when each record is whole, 3 when one is not. With `--json` an object a line. */
export function printVerdicts(
  verdicts: readonly { readonly chain: string; readonly verdict: LedgerVerdict }[],
  json: boolean,
  output: Output,
): number {
  for (const { chain, verdict } of verdicts) {
    if (json) output.json({ ...(chain === '' ? {} : { chain }), ...verdict });
    else printVerdict(verdict, verdicts.length > 1 && chain !== '' ? `${chain}: ` : '', output);
  }
  return verdicts.every(({ verdict }) => verdict.ok) ? 0 : 3;
}

function printVerdict(verdict: LedgerVerdict, name: string, output: Output): void {
  const line = (text: string): void => output.line(safeText(name + text));
  const { firstBad, cutTail } = verdict;
  if (verdict.ok) line(`the record is whole: ${verdict.rows} rows`);
  if (firstBad) line(`row ${firstBad.seq} is not what was written: ${firstBad.why}`);
  if (cutTail) line(`rows ${cutTail.from} to ${cutTail.to} were recorded and are gone`);
  for (const { file, from, to } of (verdict.archives ?? []).filter(({ state }) => state === 'whole'))
    line(`rows ${from} to ${to} are whole in ${file}`);
  for (const note of verdict.notes) line(note);
}

/** `ledger seal`. */
export function printSealed(
  sealed:
    | { readonly count: number; readonly from: number; readonly to: number; readonly archive: string }
    | undefined,
  output: Output,
): number {
  output.line(
    safeText(
      sealed
        ? `${sealed.count} rows, ${sealed.from} to ${sealed.to}, are now in ${sealed.archive}`
        : 'there is nothing to seal: no act was recorded before that time',
    ),
  );
  return 0;
}

/** `ledger repair`. */
export function printRepair(
  repaired: { readonly file: string; readonly kept: number; readonly note: string } | undefined,
  output: Output,
): number {
  output.line(safeText(repaired ? repaired.note : 'there is nothing to repair: the ledger can be used'));
  if (!repaired) output.line(safeText('whether it is whole says `binnacle ledger verify`'));
  return 0;
}

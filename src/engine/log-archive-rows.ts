/** Lines of the log engine as rows that may be told. */
import type { Masker } from '../acts/mask.ts';
import { MASK } from '../acts/secret-rules.ts';
import type { SystemId } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import { type LogRecord, type LogRow, MOST_TWINS } from '../domain/log.ts';
import { fieldsOf } from '../lib/line-fields.ts';
import type { LogLine } from '../logs/log-protocol.ts';
import type { LogPosition } from '../logs/log-view.ts';
import { isKeyRest, ToldRecords } from './without-secrets.ts';

interface RowOptions {
  readonly masker: Masker;
  /** Names of fields that are wanted of each line. */
  readonly fields: readonly string[];
  /** Whether a file holds what its writer emptied away. */
  isKept(file: string): boolean;
}

/** As they may be told. What may be the rest of a private key at a log's first row of the page is not shown. */
export function rowsOfLines(
  lines: readonly LogLine[],
  { masker, fields, isKept: isKeptFile }: RowOptions,
): readonly LogRow[] {
  const told = new ToldRecords(masker);
  const begun = new Set<string>();
  return lines.map((line) => {
    const { place, name, written, ...rest } = line;
    const { system, source, path } = logOfId(place.log);
    const record: LogRecord = { ...recordOf(rest), offset: place.offset };
    const [safe = record] = told.take(place.log, [record]);
    const mayBeKey = !begun.has(place.log) && isKeyRest(safe.text);
    if (!mayBeKey) begun.add(place.log);
    const isKept = isKeptFile(place.file);
    const directory = path.slice(0, path.lastIndexOf('/') + 1);
    const file = isKept ? path : `${directory}${masker.name(name)}`;
    return {
      ...safe,
      ...(mayBeKey ? { text: MASK } : {}),
      ...flagsOf(line),
      ...(written === undefined || mayBeKey ? {} : { fields: fieldsIn(masker, written, safe.text, fields) }),
      id: JSON.stringify(place),
      system,
      source,
      path: file,
      ...(file === path ? {} : { log: path }),
      ...(isKept ? { wiped: true } : {}),
      ...twinsOf(line),
      sortAt: line.sortAt as Instant,
      form: 'log',
    };
  });
}

/** Fields of a line, without secrets. Where one was seen in what is shown of it, those of that alone. */
export function fieldsIn(
  masker: Masker,
  written: string,
  shown: string,
  names: readonly string[],
): NonNullable<LogRow['fields']> {
  const line = shown.includes(MASK) ? shown : masker.text(written);
  return Object.fromEntries(fieldsOf(line).filter(([name]) => names.includes(name)));
}

/** The place of a row of the archive in the log engine; undefined for rows in memory. */
export function archivedPlace(id: string): Extract<LogPosition, { place: unknown }>['place'] | undefined {
  return id.startsWith('{') ? JSON.parse(id) : undefined;
}

/** The id of a log in the log engine. */
export function logId(system: string, source: string, path: string): string {
  return `${system}\t${source}\t${path}`;
}

/** The log of an id; its path as rows have it. */
export function logOfId(log: string): {
  readonly system: SystemId;
  readonly source: string;
  readonly path: string;
} {
  const [system = '', source = '', ...path] = log.split('\t');
  return { system: system as SystemId, source, path: path.join('\t') };
}

function recordOf({
  at,
  level,
  text,
  keys,
  origin,
}: Omit<LogLine, 'place' | 'name'>): Omit<LogRecord, 'offset'> {
  return {
    text,
    ...(at === undefined ? {} : { at: at as Instant }),
    ...(level === undefined ? {} : { level }),
    ...(keys === undefined ? {} : { keys }),
    ...(origin === undefined ? {} : { origin }),
  };
}

function twinsOf({ twins }: LogLine): Partial<LogRow> {
  if (!twins) return {};
  const named = twins.slice(0, MOST_TWINS).map(({ log, offset }) => {
    const { source, path } = logOfId(log);
    return { source, path, offset };
  });
  return { count: twins.length + 1, twins: named };
}

function flagsOf({ lines, late, cut, open, isContext }: LogLine): Partial<LogRow> {
  return {
    ...(lines === undefined ? {} : { lines }),
    ...(late ? { late } : {}),
    ...(cut ? { cut } : {}),
    ...(open ? { open } : {}),
    ...(isContext ? { isContext } : {}),
  };
}

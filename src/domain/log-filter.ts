/** Queries and stacks of filters as tests of rows. */
import { hasField } from '../lib/line-fields.ts';
import { patientForm } from '../lib/patient-pattern.ts';
import { isAtLeast, type LogCondition, type LogFilter, type LogQuery, type LogRow } from './log.ts';

/** A test needs no name for a row. */
type TestedRow = Omit<LogRow, 'id'>;

/** The line a row was made of, as it stands in its file, where it is known and other than the row's text. */
export type RawOf = (row: TestedRow) => string | undefined;

/** The regular expression of a `match` condition. Throws a SyntaxError. */
export function patternOf(pattern: string, flags = ''): RegExp {
  const ignoreCase = !/[A-Z]/.test(pattern.replace(/\\./g, ''));
  const written = new RegExp(pattern, `${ignoreCase ? 'i' : ''}u${flags}`);
  const patient = patientForm(pattern, ignoreCase);
  return patient === undefined ? written : new RegExp(patient, flags);
}

/** Builds the test of a filter against rows. Throws a SyntaxError for a bad regular expression. */
function rowTestOf(filter: LogFilter, rawOf: RawOf): (row: TestedRow) => boolean {
  const tests = filter.map((condition) => {
    const passes = conditionTest(condition, rawOf);
    return condition.out === true ? (row: TestedRow) => !passes(row) : passes;
  });
  return (row) => tests.every((test) => test(row));
}

function conditionTest(condition: LogCondition, rawOf: RawOf): (row: TestedRow) => boolean {
  switch (condition.is) {
    case 'text': {
      const { text, ignoreCase } = condition;
      const lower = text.toLowerCase();
      const has = (line: string): boolean =>
        ignoreCase ? line.toLowerCase().includes(lower) : line.includes(text);
      return (row) => holds(row, rawOf, has);
    }
    case 'match': {
      const pattern = patternOf(condition.pattern);
      return (row) => holds(row, rawOf, (line) => pattern.test(line));
    }
    case 'level':
      // A change has no level and is worth reading beside any.
      return (row) => row.form === 'change' || isAtLeast(row.level, condition.least);
    case 'time': {
      const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = condition;
      return ({ sortAt }) => sortAt >= since && sortAt < until;
    }
    case 'system':
      return (row) => condition.systems.includes(row.system);
    case 'source':
      return (row) => condition.sources.includes(row.source);
    case 'log':
      return (row) => condition.logs.includes(row.path) || condition.logs.includes(row.log ?? row.path);
    case 'about': {
      const keys = condition.keys.filter((key) => key !== '');
      const { logs = [] } = condition;
      return (row) =>
        row.keys?.some((key) => keys.includes(key)) === true ||
        holds(row, rawOf, (line) => keys.some((key) => line.includes(key))) ||
        logs.includes(row.log ?? row.path);
    }
    case 'field':
      return (row) => holds(row, rawOf, (line) => hasField(line, condition.name, condition.value));
    default:
      condition satisfies never;
      return () => true;
  }
}

/**
 * Whether a row has what is looked for (a text, an expression, a field, an id): when its lines as they were written have
 * it, or what is shown of them. The one rule for rows in memory and for those that are read from files again.
 */
export function isIn(
  has: (text: string) => boolean,
  written: () => string | undefined,
  shown: () => string | undefined,
): boolean {
  const line = written();
  if (line !== undefined && has(line)) return true;
  const text = shown();
  return text !== undefined && text !== line && has(text);
}

function holds(row: TestedRow, rawOf: RawOf, has: (line: string) => boolean): boolean {
  return isIn(
    has,
    () => rawOf(row),
    () => row.text,
  );
}

/** Builds the test of a query against rows that are in memory. Throws a SyntaxError for a bad regular expression. */
export function matcherOf(query: LogQuery, rawOf: RawOf = () => undefined): (row: TestedRow) => boolean {
  const grep = query.grep === undefined || query.grep === '' ? undefined : patternOf(query.grep);
  const systems = query.systems ? new Set<string>(query.systems) : undefined;
  const sources = query.sources ? new Set<string>(query.sources) : undefined;
  const files = query.files ? new Set(query.files) : undefined;
  const keys = query.keys?.filter((key) => key !== '');
  const keySet = keys ? new Set(keys) : undefined;
  const passes = query.filter ? rowTestOf(query.filter, rawOf) : undefined;
  return (row) => {
    if (systems && !systems.has(row.system)) return false;
    if (sources && !sources.has(row.source)) return false;
    if (query.changes === false && row.form === 'change') return false;
    if (query.minLevel && row.form === 'log' && !isAtLeast(row.level, query.minLevel)) return false;
    if (query.since !== undefined && row.sortAt < query.since) return false;
    if (query.until !== undefined && row.sortAt > query.until) return false;
    if (keySet || files) {
      const mine =
        files?.has(row.path) === true ||
        (row.log !== undefined && files?.has(row.log) === true) ||
        row.keys?.some((key) => keySet?.has(key)) === true ||
        (keys !== undefined && holds(row, rawOf, (line) => keys.some((key) => line.includes(key))));
      if (!mine) return false;
    }
    return (passes?.(row) ?? true) && (grep ? holds(row, rawOf, (line) => grep.test(line)) : true);
  };
}

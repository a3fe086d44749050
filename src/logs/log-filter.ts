/** A filter made ready to look through blocks of a log. */
import type { LogCondition, LogFilter } from '../domain/log.ts';
import { isIn, patternOf } from '../domain/log-filter.ts';
import { hasField } from '../lib/line-fields.ts';
import { LEVEL_COUNT, levelNumber } from './line-reader.ts';
import type { LogEntry } from './record-block.ts';

/** What a log is called by; of these are the conditions that decide about a whole log. */
export interface LogNames {
  readonly id: string;
  readonly system: string;
  readonly source: string;
}

/** A filter made ready for one log. */
export interface FilterTest {
  /** False where no line of the log can pass. */
  readonly wantsLog: boolean;
  /** No line sorts in before or after these. */
  readonly since: number;
  readonly until: number;
  /**
   * Texts that the lines of any record that passes hold, as they are written, where there are such; for a quick look at a
   * block. Of a block with a backslash nothing is told by them: what it stands for may be what passes.
   */
  readonly needles: readonly string[];
  /** Expressions each of which matches in the lines of any record that passes; the same holds for them. */
  readonly patterns: readonly RegExp[];
  /** False when by its levels nothing in a block can pass. */
  mayBeIn(atLeast: (level: number) => number | undefined): boolean;
  passes(entry: LogEntry): boolean;
}

/** An expression that looks around itself, or is not told apart from one that does. */
const LOOKS_AROUND = /\(\?(?!:)|\\k/;
/** One whose matches may go over the end of a line. */
const SPANS_LINES = /\\n|\\r|\[\^|\\[sSWDpP]/;
/** A value a field has in no other writing: no number, nothing that is laid out, quoted or escaped. */
const PLAIN_VALUE = /^(?=.*[a-z])(?!null$|true$|false$|[\d.]+e[\d+-]+$)[\w:@/-]+$/i;

/**
 * Makes a filter ready. `showsWritten`: see {@link LineReader}; for other readers each record has to be looked at. Throws a
 * SyntaxError for a bad regular expression.
 */
export function testOf(filter: LogFilter, names: LogNames, showsWritten: boolean): FilterTest {
  let wantsLog = true;
  let since = Number.NEGATIVE_INFINITY;
  let until = Number.POSITIVE_INFINITY;
  let leastLevel = 0;
  const needles: string[] = [];
  const patterns: RegExp[] = [];
  const tests: ((entry: LogEntry) => boolean)[] = [];
  const ofLog = (isOne: boolean, condition: LogCondition): void => {
    if (isOne === (condition.out === true)) wantsLog = false;
  };
  const addNeedle = (text: string): void => {
    if (text !== '' && !text.includes('\n') && !text.includes('\u{fffd}')) needles.push(text);
  };
  for (const condition of filter) {
    const isOut = condition.out === true;
    const isQuick = !isOut && showsWritten;
    const add = (test: (entry: LogEntry) => boolean): void => {
      tests.push(isOut ? (entry) => !test(entry) : test);
    };
    switch (condition.is) {
      case 'system':
        ofLog(condition.systems.includes(names.system), condition);
        break;
      case 'source':
        ofLog(condition.sources.includes(names.source), condition);
        break;
      case 'log':
        ofLog(condition.logs.includes(names.id), condition);
        break;
      case 'time': {
        const from = condition.since ?? Number.NEGATIVE_INFINITY;
        const to = condition.until ?? Number.POSITIVE_INFINITY;
        add(({ sortAt }) => sortAt >= from && sortAt < to);
        if (!isOut) [since, until] = [Math.max(since, from), Math.min(until, to)];
        break;
      }
      case 'level': {
        const least = levelNumber(condition.least);
        const info = levelNumber('info');
        add(({ level }) => (level === undefined ? info : levelNumber(level)) >= least);
        if (!isOut) leastLevel = Math.max(leastLevel, least);
        break;
      }
      case 'text': {
        const { text } = condition;
        const pattern = condition.ignoreCase && new RegExp(escapeForPattern(text), 'i');
        const has = (line: string): boolean => (pattern ? pattern.test(line) : line.includes(text));
        add((entry) => holds(entry, has, showsWritten ? has : undefined));
        if (isQuick && !pattern) addNeedle(text);
        if (isQuick && pattern && !text.includes('\n')) patterns.push(new RegExp(pattern.source, 'im'));
        break;
      }
      case 'match': {
        const pattern = patternOf(condition.pattern);
        const loose = showsWritten ? withoutEnds(condition.pattern) : undefined;
        const wide = loose === undefined ? undefined : patternOf(loose);
        add((entry) => holds(entry, (line) => pattern.test(line), wide && ((line) => wide.test(line))));
        // What spans lines is looked for in records alone.
        if (isQuick && loose !== undefined && !SPANS_LINES.test(loose)) patterns.push(patternOf(loose, 'm'));
        break;
      }
      case 'about': {
        const keys = condition.keys.filter((key) => key !== '');
        const isWhole = condition.logs?.includes(names.id) === true;
        if (isWhole && isOut) wantsLog = false;
        if (isWhole) break;
        add(
          (entry) =>
            holds(entry, (line) => keys.some((key) => line.includes(key))) ||
            entry.text().keys?.some((key) => keys.includes(key)) === true,
        );
        break;
      }
      case 'field': {
        const { name, value } = condition;
        const isPlain = showsWritten && PLAIN_VALUE.test(value);
        const mayHave = isPlain ? (line: string): boolean => line.includes(value) : undefined;
        add((entry) => holds(entry, (line) => hasField(line, name, value), mayHave));
        if (isQuick && isPlain) addNeedle(value);
        break;
      }
      default:
        condition satisfies never;
    }
  }
  const wantsInfo = leastLevel <= levelNumber('info');
  return {
    wantsLog,
    since,
    until,
    needles,
    patterns,
    mayBeIn: (atLeast) => leastLevel >= LEVEL_COUNT || wantsInfo || atLeast(leastLevel) !== 0,
    passes: (entry) => tests.every((test) => test(entry)),
  };
}

/**
 * `mayHave`: false of a text where it is false of every piece of it. A record of one line that it rules out has not what is
 * looked for, nor has what is shown of it, unless a backslash in it stands for something else.
 */
function holds(
  entry: LogEntry,
  has: (line: string) => boolean,
  mayHave?: (line: string) => boolean,
): boolean {
  const raw = entry.raw();
  if (mayHave && entry.lines === 1 && !mayHave(raw) && !raw.includes('\\')) return false;
  return isIn(
    has,
    () => raw,
    () => entry.text().text,
  );
}

/**
 * An expression that matches wherever this one does, and in all that holds a piece in which this one does: it asks for no
 * beginnings and ends of texts and words. Undefined where that is not known.
 */
function withoutEnds(pattern: string): string | undefined {
  if (LOOKS_AROUND.test(pattern)) return undefined;
  return pattern.replace(/\\[bB]|\\.|\[(?:\\.|[^\]\\])*\]|[$^]/gu, (part) =>
    /^(?:\\[bB]|[$^])$/.test(part) ? '' : part,
  );
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

import { fromWallClock, type Instant, instant } from '../../domain/instant.ts';
import { type LogLevel, type LogRecord, parseLevel } from '../../domain/log.ts';
import { getArray, getString, isObject, type Json } from '../../lib/json.ts';
import type { Chunk, Folded, Line, ParseContext, Parser } from '../system.ts';

/** Ids as `agent_service.py` makes them: `task_` and 16 hexadecimal digits; shorter ones of older stores count too. */
const TASK_ID = /\btask_[0-9a-f]{6,32}\b/g;
/** `%(asctime)s %(levelname)s %(message)s` of the scripts' file handlers; the redirected copy has no level. */
const TIMED =
  /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d),(\d{3}) (?:(DEBUG|INFO|WARNING|ERROR|CRITICAL) )?(.*)$/;
/** How many records back the copy of a line may come: five worker threads write between the two handlers. */
const DUPLICATE_WINDOW = 16;
const MAX_KEYS = 8;

/** A timed line, taken apart. */
export interface TimedLine {
  readonly at: Instant;
  readonly level: LogLevel | undefined;
  readonly message: string;
  readonly offset: number;
}

/** Collects the facts of one chunk; later lines of the chunk see what earlier ones set. */
export class FactDraft {
  readonly #context: ParseContext;
  readonly #facts = new Map<string, Json | null>();
  constructor(context: ParseContext) {
    this.#context = context;
  }
  get(key: string): Json | undefined {
    const mine = this.#facts.get(key);
    return mine === null ? undefined : (mine ?? this.#context.fact(key));
  }
  set(key: string, value: Json | null): void {
    this.#facts.set(key, value);
  }
  /** The facts to hand back; undefined when nothing was set. */
  done(): { readonly [key: string]: Json | null } | undefined {
    return this.#facts.size === 0 ? undefined : Object.fromEntries(this.#facts);
  }
}

/** What a log of the scripts does with one timed line that is not the copy of another; `own` is its own small state. */
type TakeLine<Own extends Json> = (line: TimedLine, draft: FactDraft, own: Own) => Own;

/** Task ids a text mentions, each once. */
export function taskIdsIn(text: string): readonly string[] {
  const found = text.match(TASK_ID);
  return found ? [...new Set(found)].slice(0, MAX_KEYS) : [];
}

/**
 * A parser for a log of the Python scripts. The runner is started with `--verbose` and its output redirected into its
 * own log (run_overnight_pipeline.sh), so each record is there twice, the copy without its level: both become records
 * that agree word for word, which the merged view folds, and only the first one counts for facts. Lines without a time
 * are bare prints or a traceback; the latter belong to the record before them.
 */
export function scriptLogParser<Own extends Json>(
  version: number,
  own: Own,
  take: TakeLine<Own>,
  wantsBareLine?: (line: Line, draft: FactDraft, own: Own) => Own,
): Parser {
  return {
    version,
    start: { own, recent: [], trace: false, keys: [] },
    showsWritten: true,
    fold(carry, chunk, context): Folded {
      if (chunk.type !== 'lines') return { carry };
      const state = readCarry<Own>(carry, own);
      const draft = new FactDraft(context);
      const records: LogRecord[] = [];
      for (const line of chunk.lines) {
        const timed = readTimed(line, context.located.timezone);
        if (timed) {
          const record = takeTimed(timed, line.text, state, draft, take);
          records.push(record);
        } else if (line.text.trim() !== '') {
          records.push(bareRecord(line, state));
          if (wantsBareLine) state.own = wantsBareLine(line, draft, state.own);
        }
      }
      const facts = draft.done();
      return {
        carry: { own: state.own, recent: state.recent, trace: state.trace, keys: state.keys },
        records,
        ...(facts ? { facts } : {}),
      };
    },
  };
}

interface LogCarry<Own> {
  own: Own;
  /** `[time and message, level or null]` of the last timed lines. */
  recent: [string, LogLevel | null][];
  trace: boolean;
  keys: readonly string[];
}

function readCarry<Own extends Json>(carry: Json, own: Own): LogCarry<Own> {
  const recent: [string, LogLevel | null][] = [];
  for (const pair of getArray(carry, 'recent')) {
    const [key, level] = Array.isArray(pair) ? (pair as readonly Json[]) : [];
    if (typeof key !== 'string') continue;
    recent.push([key, typeof level === 'string' ? (parseLevel(level) ?? null) : null]);
  }
  const fields = isObject(carry) ? carry : {};
  return {
    own: (fields['own'] ?? own) as Own,
    recent,
    trace: fields['trace'] === true,
    keys: getArray(carry, 'keys').filter((key): key is string => typeof key === 'string'),
  };
}

function takeTimed<Own extends Json>(
  timed: TimedLine,
  text: string,
  state: LogCarry<Own>,
  draft: FactDraft,
  take: TakeLine<Own>,
): LogRecord {
  const key = `${text.slice(0, 23)} ${timed.message.length} ${timed.message.slice(0, 120)}`;
  const twin = state.recent.findIndex(
    ([known, level]) => known === key && (level === null) !== (timed.level === undefined),
  );
  const keys = taskIdsIn(timed.message);
  let level = timed.level;
  if (twin >= 0) {
    level ??= state.recent[twin]?.[1] ?? undefined;
    state.recent.splice(twin, 1);
  } else {
    state.recent.push([key, timed.level ?? null]);
    if (state.recent.length > DUPLICATE_WINDOW) state.recent.shift();
    state.own = take(timed, draft, state.own);
  }
  state.trace = false;
  state.keys = keys;
  return {
    offset: timed.offset,
    at: timed.at,
    text: timed.message,
    ...(level ? { level } : {}),
    ...(keys.length > 0 ? { keys } : {}),
  };
}

const BARE_PRINT = /^(Agent runner \||Running: | {2}-> | {2}Log: )/;

function bareRecord<Own>(line: Line, state: LogCarry<Own>): LogRecord {
  if (line.text.startsWith('Traceback (most recent call last)')) state.trace = true;
  else if (BARE_PRINT.test(line.text)) state.trace = false;
  const mentioned = taskIdsIn(line.text);
  const keys = state.trace ? [...new Set([...state.keys, ...mentioned])].slice(0, MAX_KEYS) : mentioned;
  return {
    offset: line.offset,
    text: line.text,
    ...(state.trace ? { level: 'error' as const } : {}),
    ...(keys.length > 0 ? { keys } : {}),
  };
}

function readTimed(line: Line, zone: string): TimedLine | undefined {
  const match = TIMED.exec(line.text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, milli, level, message = ''] = match;
  const hourStart = startOfHour(`${year}-${month}-${day} ${hour}`, zone);
  if (hourStart === undefined) return undefined;
  const at = instant(hourStart + Number(minute) * 60_000 + Number(second) * 1000 + Number(milli));
  return { at, level: parseLevel(level), message, offset: line.offset };
}

/** The last hour asked for: a log goes through its hours in order, and asking the zone's rules per line is slow. */
let lastHour: { readonly key: string; readonly at: Instant | undefined } = { key: '', at: undefined };

function startOfHour(hour: string, zone: string): Instant | undefined {
  const key = `${zone} ${hour}`;
  if (lastHour.key === key) return lastHour.at;
  const [year = 0, month = 0, day = 0, hours = 0] = hour.split(/[- ]/).map(Number);
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= 31 && hours <= 23;
  lastHour = { key, at: isDate ? fromWallClock(zone, year, month, day, hours, 0, 0) : undefined };
  return lastHour.at;
}

/** The lines of a chunk, or none when it is of another type. */
export function linesOf(chunk: Chunk): readonly Line[] {
  return chunk.type === 'lines' ? chunk.lines : [];
}

/** `value` with long texts cut, so that a fact stays small whatever was written. */
export function cut(value: string | undefined, length: number): string | undefined {
  return value === undefined || value.length <= length ? value : value.slice(0, length);
}

/** The string field, cut; null where there is none, as facts keep it. */
export function textOrNull(value: Json, key: string, length: number): string | null {
  return cut(getString(value, key), length) ?? null;
}

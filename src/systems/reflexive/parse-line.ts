import { type Instant, parseInstant } from '../../domain/instant.ts';
import { type LogLevel, parseLevel } from '../../domain/log.ts';
import { getString, isObject, type Json, type JsonObject, readJson } from '../../lib/json.ts';

/** One line of `orchestrator.log` or `audit.log`, whatever its form. */
export interface LogEvent {
  /** `json` and `console` are structlog's two renderers; `plain` is a third-party logger or a traceback. */
  readonly form: 'json' | 'console' | 'plain';
  readonly at?: Instant;
  readonly level?: LogLevel;
  readonly logger?: string;
  /** Event name or sentence; the whole line for `plain`. */
  readonly event: string;
  /** Keyword arguments of the call. */
  readonly fields: JsonObject;
  readonly exception?: string;
  /** Why a line that looked like an event is none. */
  readonly bad?: string;
}

const ownKeys = new Set(['event', 'level', 'logger', 'timestamp', 'exception']);

/** A rotated and compressed log only looks like one to a glob: nothing in its bytes is a line. */
export function isCompressed(path: string, firstLine: string | undefined): boolean {
  return /\.(gz|bz2|xz|zst|zip|lz4)$/i.test(path) && /[\u0000-\u0008\ufffd]/.test(firstLine ?? '\ufffd');
}

/** `ESC[...m` of structlog's coloured console renderer. */
const colours = /\u001b\[[0-9;]*m/g;
const colouredField = /\u001b\[36m([A-Za-z_][\w.-]{0,60})\u001b\[0m=\u001b\[35m([^\u001b]*)\u001b\[0m/g;
const consoleHead = /^(\d{4}-\d\d-\d\d[T ][\d:.]{8,20}Z?) \[(\w{1,12}) {0,12}\] /;

/** Longest line that is taken apart; a longer one is shown by its beginning. */
const longestLine = 64 * 1024;

/** Reads a line as structlog wrote it (`_setup_structlog` in `src/core/logger.py`). Never throws. */
export function readLogLine(text: string, cut: boolean): LogEvent {
  if (text.startsWith('{')) return readJsonLine(text, cut);
  const bare = text.includes('\u001b') ? text.slice(0, longestLine).replace(colours, '') : text;
  const head = consoleHead.exec(bare);
  if (!head) return { form: 'plain', event: text, fields: {} };
  return readConsoleLine(text.slice(0, longestLine), bare.slice(head[0].length, longestLine), head);
}

function readJsonLine(text: string, cut: boolean): LogEvent {
  if (cut) return { form: 'plain', event: text, fields: {}, bad: 'line longer than what is read of one' };
  const read = readJson(text);
  if (!read.ok)
    return { form: 'plain', event: text, fields: {}, bad: `not JSON: ${read.error.slice(0, 80)}` };
  if (!isObject(read.value)) return { form: 'plain', event: text, fields: {}, bad: 'not a JSON object' };
  const value = read.value;
  const event = getString(value, 'event');
  const at = parseInstant(getString(value, 'timestamp'));
  const level = parseLevel(getString(value, 'level'));
  const logger = getString(value, 'logger');
  const exception = getString(value, 'exception');
  const fields: Record<string, Json> = {};
  for (const key of Object.keys(value)) {
    if (!ownKeys.has(key)) Object.defineProperty(fields, key, { value: value[key], enumerable: true });
  }
  return {
    form: 'json',
    event: event ?? '',
    fields,
    ...(at === undefined ? {} : { at }),
    ...(level === undefined ? {} : { level }),
    ...(logger === undefined ? {} : { logger }),
    ...(exception === undefined ? {} : { exception }),
  };
}

function readConsoleLine(text: string, rest: string, head: RegExpExecArray): LogEvent {
  const at = parseInstant(head[1]);
  const level = parseLevel(head[2]);
  // The event is padded with blanks and followed by the logger's name in brackets.
  const place = loggerPlace(rest);
  const event = (place ? rest.slice(0, place.start) : rest).trimEnd();
  const fields: Record<string, Json> = {};
  const put = (key: string, value: string): void => {
    Object.defineProperty(fields, key, { value: consoleValue(value), enumerable: true, configurable: true });
  };
  if (text.includes('\u001b[36m')) {
    for (const [, key = '', value = ''] of text.matchAll(colouredField)) put(key, value);
  } else if (place) {
    for (const [key, value] of bareFields(rest.slice(place.end))) put(key, value);
  }
  return {
    form: 'console',
    event,
    fields,
    ...(at === undefined ? {} : { at }),
    ...(level === undefined ? {} : { level }),
    ...(place === undefined ? {} : { logger: place.name }),
  };
}

function loggerPlace(rest: string): { start: number; end: number; name: string } | undefined {
  for (const name of ['orchestrator', 'audit']) {
    const start = rest.indexOf(` [${name}]`);
    if (start >= 0) return { start, end: start + name.length + 3, name };
  }
  return undefined;
}

/** `a=1 b=two words c=3`: without colours a value ends where the next `name=` begins. */
function* bareFields(text: string): Generator<[string, string]> {
  const starts = [...text.matchAll(/ ([a-z_]{1,60})=/g)];
  for (const [index, match] of starts.entries()) {
    const from = match.index + match[0].length;
    yield [match[1] ?? '', text.slice(from, starts[index + 1]?.index ?? text.length).trim()];
  }
}

function consoleValue(text: string): Json {
  if (text === 'None') return null;
  if (text === 'True') return true;
  if (text === 'False') return false;
  if (/^-?\d{1,15}(\.\d{1,20})?$/.test(text)) return Number(text);
  return /^'[^']*'$/.test(text) ? text.slice(1, -1) : text;
}

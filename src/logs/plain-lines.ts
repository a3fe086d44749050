/**
 * The reader for logs nobody has described: ISO times, level words, JSON and `key=value` lines. Written to judge ten
 * million lines in a few seconds: it looks at bytes and makes no text of a line that is not shown.
 */

import { zoneOffsetMs } from '../domain/instant.ts';
import { parseLevel } from '../domain/log.ts';
import { fieldsOf } from '../lib/line-fields.ts';
import { JUDGED_BYTES, type LineReader, type LineTable, type LineText, levelNumber } from './line-reader.ts';

/** A time begins within so many bytes of a line. */
const TIME_WITHIN = 128;
/** The level is looked for in so many bytes behind the time. */
const LEVEL_WITHIN = 96;
const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;

const NAMES = ['TRACE', 'DEBUG', 'INFO', 'NOTICE', 'WARN', 'WARNING', 'ERROR', 'ERR', 'CRITICAL', 'FATAL'];
const LONGEST_NAME = 8;
/** Level by the word's letters as a number. */
const LEVEL_OF = new Map(NAMES.map((name) => [packWord(name), levelNumber(parseLevel(name))]));
/** First letters of level names, as bits. */
const FIRST_LETTERS = NAMES.reduce((bits, name) => bits | (1 << (name.charCodeAt(0) & 31)), 0);
/** Levels of those who write numbers (10 trace ... 60 fatal, as pino and bunyan do). */
const NUMBERED = [0, 1, 1, 2, 3, 4, 4];
const ID_FIELD =
  /^(?:.*[_.-])?(?:run|task|job|card|trace|session|request|correlation|debate|cycle|issue)(?:[_-]?id)?$/i;

function packWord(word: string): number {
  let packed = 0;
  for (let at = 0; at < word.length; at += 1) packed = packed * 32 + (word.charCodeAt(at) & 31);
  return packed;
}

/** A reader for generic lines; `zone` (IANA) is that of times which name none. */
export function plainLines(zone = 'UTC'): LineReader {
  const times = new TimeReader(zone);
  return {
    showsWritten: true,
    judge(table) {
      for (let line = 0; line < table.count; line += 1) judgeLine(table, line, times);
    },
    describe: describePlain,
  };
}

/** A line as it stands, and the values of its fields that are named like ids. */
export function describePlain(text: string): LineText {
  const keys = fieldsOf(text)
    .filter(([name, value]) => value !== '' && value.length <= 128 && ID_FIELD.test(name))
    .map(([, value]) => value);
  return keys.length === 0 ? { text } : { text, keys: [...new Set(keys)] };
}

function judgeLine(table: LineTable, line: number, times: TimeReader): void {
  const { bytes } = table;
  const start = table.starts[line] ?? 0;
  const end = Math.min(table.ends[line] ?? 0, start + JUDGED_BYTES);
  const at = times.read(bytes, start, end);
  const timed = !Number.isNaN(at);
  table.ats[line] = at;
  const level = readLevel(bytes, timed ? times.end : start, end, bytes[start] === 0x7b);
  table.levels[line] = level;
  table.continues[line] = !timed && level === 0 ? 1 : 0;
}

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

/** The first level name: in capitals anywhere, in small letters only set off as a value is (`[info]`, `level=warn`). */
function readLevel(bytes: Uint8Array, from: number, end: number, isJson: boolean): number {
  const to = Math.min(end, from + (isJson ? JUDGED_BYTES : LEVEL_WITHIN));
  for (let at = from; at < to; at += 1) {
    const first = bytes[at] ?? 0;
    if (!isLetter(first)) continue;
    let stop = at + 1;
    while (stop < end && isLetter(bytes[stop] ?? 0)) stop += 1;
    const length = stop - at;
    if (length >= 3 && length <= LONGEST_NAME && (FIRST_LETTERS >> (first & 31)) & 1) {
      const before = at > 0 ? (bytes[at - 1] ?? 0) : 0;
      if ((first < 0x60 && (bytes[at + 1] ?? 0) < 0x60) || setsOff(before)) {
        const level = packBytes(bytes, at, stop);
        // A word that goes on with a digit or an underscore is a name: ERROR_CODE.
        if (level !== 0 && !goesOn(bytes[stop] ?? 0)) return level;
      }
    }
    if (length === 5 && isJson && bytes[stop] === 0x22 && bytes[stop + 1] === 0x3a) {
      const digit = (bytes[stop + 2] ?? 0) - 0x30;
      if (bytes[stop + 3] === 0x30 && digit >= 1 && digit <= 6 && first === 0x6c) return NUMBERED[digit] ?? 0;
    }
    at = stop;
  }
  return 0;
}

const setsOff = (byte: number): boolean =>
  byte === 0x5b || byte === 0x3d || byte === 0x22 || byte === 0x28 || byte === 0x3c || byte === 0x7c;
const goesOn = (byte: number): boolean => byte === 0x5f || (byte >= 0x30 && byte <= 0x39);

function packBytes(bytes: Uint8Array, from: number, to: number): number {
  let packed = 0;
  for (let at = from; at < to; at += 1) packed = packed * 32 + ((bytes[at] ?? 0) & 31);
  return LEVEL_OF.get(packed) ?? 0;
}

/** Reads `2026-02-21T03:14:07.551+01:00` and its like from bytes; days and zone offsets are computed once each. */
class TimeReader {
  /** Behind the time that was read last. */
  end = 0;
  readonly #zone: string;
  #day = -1;
  #dayMs = 0;
  #quarter = Number.NaN;
  #quarterMs = 0;

  constructor(zone: string) {
    this.#zone = zone;
  }

  /** The first time of a line, or NaN. */
  read(bytes: Uint8Array, start: number, end: number): number {
    const last = Math.min(end - 19, start + TIME_WITHIN);
    for (let at = start; at <= last; at += 1) {
      if (bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d || bytes[at + 13] !== 0x3a) continue;
      const found = this.#readAt(bytes, at, end);
      if (!Number.isNaN(found)) return found;
    }
    return bytes[start] === 0x7b ? this.#readEpoch(bytes, start, end) : Number.NaN;
  }

  #readAt(bytes: Uint8Array, at: number, end: number): number {
    const year = digits(bytes, at, 4);
    const month = digits(bytes, at + 5, 2);
    const date = digits(bytes, at + 8, 2);
    const between = bytes[at + 10];
    const hour = digits(bytes, at + 11, 2);
    const minute = digits(bytes, at + 14, 2);
    const second = digits(bytes, at + 17, 2);
    if ((between !== 0x54 && between !== 0x20) || bytes[at + 16] !== 0x3a) return Number.NaN;
    if (year < 1970 || month < 1 || month > 12 || date < 1 || date > 31) return Number.NaN;
    if (hour < 0 || hour > 24 || minute < 0 || second < 0) return Number.NaN;
    const day = year * 10_000 + month * 100 + date;
    if (day !== this.#day) {
      this.#day = day;
      this.#dayMs = Date.UTC(year, month - 1, date);
    }
    let local = this.#dayMs + ((hour * 60 + minute) * 60 + second) * 1000;
    let next = at + 19;
    if (next < end && (bytes[next] === 0x2e || bytes[next] === 0x2c)) {
      let scale = 100;
      for (next += 1; next < end; next += 1) {
        const digit = (bytes[next] ?? 0) - 0x30;
        if (digit < 0 || digit > 9) break;
        if (scale >= 1) local += digit * scale;
        scale /= 10;
      }
    }
    this.end = next;
    const sign = next < end ? bytes[next] : 0;
    if (sign === 0x5a) {
      this.end = next + 1;
      return local;
    }
    if (sign === 0x2b || sign === 0x2d) {
      const hours = digits(bytes, next + 1, 2);
      const colon = bytes[next + 3] === 0x3a ? 1 : 0;
      const minutes = digits(bytes, next + 3 + colon, 2);
      if (next + 5 + colon <= end && hours >= 0 && minutes >= 0) {
        this.end = next + 5 + colon;
        const offset = (hours * 60 + minutes) * 60_000;
        return sign === 0x2b ? local - offset : local + offset;
      }
    }
    return local - this.#offset(local);
  }

  /** What the zone is ahead of UTC; it changes at quarters of an hour at most. */
  #offset(local: number): number {
    if (this.#zone === 'UTC') return 0;
    const quarter = Math.floor(local / QUARTER_MS);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#quarterMs = zoneOffsetMs(local, this.#zone);
    }
    return this.#quarterMs;
  }

  /** `{"time":1795144447551,...` or `"ts":1795144447.551`: seconds or milliseconds. */
  #readEpoch(bytes: Uint8Array, start: number, end: number): number {
    const last = Math.min(end, start + TIME_WITHIN);
    for (let at = start; at < last; at += 1) {
      if (bytes[at] !== 0x3a || bytes[at - 1] !== 0x22) continue;
      let next = bytes[at + 1] === 0x20 ? at + 2 : at + 1;
      const from = next;
      let value = 0;
      for (; next < end && next - from <= 13; next += 1) {
        const digit = (bytes[next] ?? 0) - 0x30;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
      }
      const length = next - from;
      if (length !== 10 && length !== 13) continue;
      const ms =
        length === 13
          ? value
          : value * 1000 + (bytes[next] === 0x2e ? Math.max(0, digits(bytes, next + 1, 3)) : 0);
      // Other numbers of that length are counters: years 2001 to 2100.
      if (ms < 11_000 * DAY_MS || ms > 48_000 * DAY_MS) continue;
      this.end = next;
      return ms;
    }
    return Number.NaN;
  }
}

/** A number of `count` digits, or -1. */
function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index += 1) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

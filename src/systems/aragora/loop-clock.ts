import { dayOf, fromWallClock, type Instant, parseInstant } from '../../domain/instant.ts';
import type { Line } from '../system.ts';

const STAMP = /^\[(\d\d):(\d\d):(\d\d)\] ?/;
/** Lines that carry the whole date, in the machine's own zone. */
const DATED = /(?:=== NOMIC LOOP STARTED: |(?:^|\] )Started: )(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)/;
/** A clock set back, or the hour given back in autumn, is no midnight. */
const MIDNIGHT_S = 2 * 3600;
const DAY_MS = 86_400_000;

/** Where a log whose lines have no date stands: the day and second of its last timed line. */
export interface LoopTime {
  /** `YYYY-MM-DD` in the zone of the machine; null while no line told it. */
  day: string | null;
  second: number;
}

/** `[22:23:09] message` apart; undefined for a line that goes on with the message before it. */
export function readStamp(text: string): { readonly second: number; readonly message: string } | undefined {
  const match = STAMP.exec(text);
  if (!match) return undefined;
  const [whole, hour, minute, second] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  return {
    second: Number(hour) * 3600 + Number(minute) * 60 + Number(second),
    message: text.slice(whole.length),
  };
}

/** The day and second a line names in full: `=== NOMIC LOOP STARTED: <iso> ===`, `Started: <iso>`. */
export function readDated(text: string): { readonly day: string; readonly second: number } | undefined {
  const match = DATED.exec(text);
  if (!match) return undefined;
  const [, day = '', hour, minute, second] = match;
  if (parseInstant(day) === undefined) return undefined;
  return { day, second: Number(hour) * 3600 + Number(minute) * 60 + Number(second) };
}

/** Moves on to a line stamped `second`: a step back of more than two hours is midnight. */
export function stepTo(time: LoopTime, second: number, zone: string): Instant | undefined {
  if (time.day !== null && second < time.second - MIDNIGHT_S) time.day = nextDay(time.day, 1);
  time.second = second;
  return instantAt(time, zone);
}

/** Sets the day by a line that names it; such a line may be older by some seconds than those around it. */
export function anchor(time: LoopTime, dated: { readonly day: string; readonly second: number }): void {
  const isAcrossMidnight = time.second < dated.second - MIDNIGHT_S;
  time.day = isAcrossMidnight ? nextDay(dated.day, 1) : dated.day;
}

/** The instant of a day and second, or undefined while the day is unknown. */
export function instantAt(time: LoopTime, zone: string): Instant | undefined {
  if (time.day === null) return undefined;
  const hour = Math.floor(time.second / 3600);
  const start = startOfHour(`${time.day} ${hour}`, zone);
  return start === undefined ? undefined : ((start + (time.second - hour * 3600) * 1000) as Instant);
}

/**
 * The day of the first stamped line of a file that is read from its middle: counted back from the first line that
 * names a day, else from the last one, which was written when the file was last modified.
 */
export function dayOfFirstLine(
  lines: readonly Line[],
  zone: string,
  modifiedAt: Instant | undefined,
): string | null {
  let midnights = 0;
  let last: number | undefined;
  for (const line of lines) {
    const dated = readDated(line.text);
    if (dated) return nextDay(dated.day, -midnights);
    const stamp = readStamp(line.text);
    if (!stamp) continue;
    if (last !== undefined && stamp.second < last - MIDNIGHT_S) midnights += 1;
    last = stamp.second;
  }
  return modifiedAt === undefined ? null : nextDay(dayOf(modifiedAt, zone), -midnights);
}

function nextDay(day: string, count: number): string {
  const at = parseInstant(day);
  return at === undefined ? day : new Date(at + count * DAY_MS).toISOString().slice(0, 10);
}

/** The last hour asked for: a log goes through its hours in order, and asking the zone's rules per line is slow. */
let lastHour: { readonly key: string; readonly at: Instant | undefined } = { key: '', at: undefined };

function startOfHour(hour: string, zone: string): Instant | undefined {
  const key = `${zone} ${hour}`;
  if (lastHour.key === key) return lastHour.at;
  const [year = 0, month = 0, day = 0, hours = 0] = hour.split(/[- ]/).map(Number);
  lastHour = { key, at: fromWallClock(zone, year, month, day, hours, 0, 0) };
  return lastHour.at;
}

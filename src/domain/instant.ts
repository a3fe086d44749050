/**
 * A point in time: whole or fractional milliseconds since 1970-01-01T00:00:00Z. Plain number on the wire, branded so
 * that durations and instants are not mixed up. Made by the clock of `host/clock.ts` or by the readers below.
 */
export type Instant = number & { readonly __brand: 'Instant' };

/** The instant `ms` milliseconds after 1970. */
export function instant(ms: number): Instant {
  return ms as Instant;
}

/** `at` moved by `ms` milliseconds. */
export function addMs(at: Instant, ms: number): Instant {
  return (at + ms) as Instant;
}

/** The earlier of two instants, where one may not be known. */
export function earliest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}

/** `03:14:07Z`, the day before it when it is another than today's. Absolute: a text with an age in it never rests. */
export function clockText(at: Instant, now: Instant): string {
  const iso = toIso(at);
  const time = `${iso.slice(11, 19)}Z`;
  return iso.slice(0, 10) === toIso(now).slice(0, 10) ? time : `${iso.slice(5, 10)} ${time}`;
}

/** ISO 8601 in UTC with milliseconds, e.g. `2026-02-21T03:14:07.551Z`. */
export function toIso(at: Instant): string {
  return new Date(at).toISOString();
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d(?:Z)?)?$/;

/**
 * Reads the time formats of the watched systems: ISO 8601 with `T` or a space, comma or point before the fraction, any
 * number of fraction digits, `Z`, `+hh:mm`, and the doubled `+00:00Z` that one of them writes (which `Date` rejects).
 * A time without a zone is taken in `zone` (an IANA name, default UTC). Undefined for anything else.
 */
export function parseInstant(text: string | null | undefined, zone = 'UTC'): Instant | undefined {
  if (typeof text !== 'string' || text.length > 40) return undefined;
  const match = ISO.exec(text.trim());
  if (!match) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset] = match;
  const milli = Number(`0.${fraction || '0'}`) * 1000;
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  if (Number.isNaN(local) || Number(month) > 12 || Number(day) > 31 || Number(hour) > 24) return undefined;
  if (offset === undefined) return instant(local - zoneOffsetMs(local, zone) + Math.floor(milli));
  return instant(local - fixedOffsetMs(offset) + Math.floor(milli));
}

/** An instant from the parts of a wall clock in `zone`; month is 1 to 12. */
export function fromWallClock(
  zone: string,
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  milli = 0,
): Instant {
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  return instant(local - zoneOffsetMs(local, zone) + milli);
}

/** The calendar day of an instant in `zone`, as `YYYY-MM-DD`. */
export function dayOf(at: Instant, zone = 'UTC'): string {
  return new Date(at + zoneOffsetMs(at, zone)).toISOString().slice(0, 10);
}

/** Milliseconds a zone is ahead of UTC at about that time; 0 for an unknown zone. */
export function zoneOffsetMs(atMs: number, zone: string): number {
  if (zone === 'UTC' || zone === 'Etc/UTC') return 0;
  const format = zoneFormat(zone);
  if (!format) return 0;
  const first = offsetAt(format, atMs);
  return offsetAt(format, atMs - first);
}

/** True when the runtime knows this IANA zone name. */
export function isKnownZone(zone: string): boolean {
  return zone === 'UTC' || zoneFormat(zone) !== undefined;
}

const formats = new Map<string, Intl.DateTimeFormat | undefined>();

function zoneFormat(zone: string): Intl.DateTimeFormat | undefined {
  if (!formats.has(zone)) {
    try {
      formats.set(
        zone,
        new Intl.DateTimeFormat('en-US', {
          timeZone: zone,
          hourCycle: 'h23',
          year: 'numeric',
          month: 'numeric',
          day: 'numeric',
          hour: 'numeric',
          minute: 'numeric',
          second: 'numeric',
        }),
      );
    } catch {
      formats.set(zone, undefined);
    }
  }
  return formats.get(zone);
}

function offsetAt(format: Intl.DateTimeFormat, atMs: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(atMs)) parts[type] = Number(value);
  const wall = Date.UTC(
    parts['year'] ?? 1970,
    (parts['month'] ?? 1) - 1,
    parts['day'] ?? 1,
    parts['hour'] ?? 0,
    parts['minute'] ?? 0,
    parts['second'] ?? 0,
  );
  return wall - Math.floor(atMs / 1000) * 1000;
}

function fixedOffsetMs(text: string): number {
  if (text === 'Z') return 0;
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/\D/g, '');
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2, 4))) * 60_000;
}

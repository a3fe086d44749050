import { type Instant, instant, parseInstant } from '../../domain/instant.ts';
import { getField, isObject, type Json, type JsonObject } from '../../lib/json.ts';

/** The value at a dotted path (`a.b.0.c`), own properties only. A key that holds points itself (`a.b`) is found too. */
export function fieldAt(value: Json, path: string): Json | undefined {
  let current: Json | undefined = value;
  let rest = path;
  while (rest !== '') {
    const whole = getField(current, rest);
    if (whole !== undefined) return whole;
    const point = rest.indexOf('.');
    const part = point === -1 ? rest : rest.slice(0, point);
    rest = point === -1 ? '' : rest.slice(point + 1);
    current = Array.isArray(current) ? (current as readonly Json[])[Number(part)] : getField(current, part);
    if (current === undefined) return undefined;
  }
  return current;
}

/** The value at a path as text; objects as JSON, nothing as undefined. */
export function textAt(value: Json, path: string): string | undefined {
  const found = fieldAt(value, path);
  if (found === undefined || found === null) return undefined;
  return typeof found === 'object' ? JSON.stringify(found) : String(found);
}

/** The value at a path as a finite number; digits in a text count. */
export function numberAt(value: Json, path: string): number | undefined {
  const found = fieldAt(value, path);
  if (typeof found === 'number') return Number.isFinite(found) ? found : undefined;
  return typeof found === 'string' && /^-?\d{1,15}(\.\d{1,15})?$/.test(found) ? Number(found) : undefined;
}

/** The value at a path as a time; see {@link instantOf}. */
export function instantAt(value: Json, path: string | undefined, zone: string): Instant | undefined {
  return path === undefined ? undefined : instantOf(fieldAt(value, path), zone);
}

/**
 * A time: ISO text; a number since 1970 in seconds, milliseconds, microseconds (journald's `__REALTIME_TIMESTAMP`) or
 * nanoseconds, as such or as digits; what systemctl prints: `@1772334000` and `Sun 2026-03-01 03:00:00 UTC`. Nought and
 * `n/a` are no time.
 */
export function instantOf(found: Json | undefined, zone: string): Instant | undefined {
  if (typeof found === 'number') return sinceEpoch(found);
  if (typeof found !== 'string') return undefined;
  const digits = /^@?(\d{9,19}(?:\.\d{1,9})?)$/.exec(found)?.[1];
  if (digits !== undefined) return sinceEpoch(Number(digits));
  const worded =
    /^[A-Z][a-z]{2} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) ([A-Z]{2,5}|[+-]\d\d(?:\d\d)?)$/.exec(
      found,
    );
  if (worded === null) return parseInstant(found, zone);
  const [, local = '', name = ''] = worded;
  if (name === 'UTC' || name === 'GMT') return parseInstant(local, 'UTC');
  // A name such as CET says no offset; it is that of the host, whose zone the system has.
  return /^[+-]/.test(name) ? parseInstant(`${local}${name.padEnd(5, '0')}`) : parseInstant(local, zone);
}

function sinceEpoch(count: number): Instant | undefined {
  if (!Number.isFinite(count) || count <= 0) return undefined;
  // Seconds until the year 5138 are below 1e11; milliseconds since 1973 are above, and so on by thousands.
  for (const [below, perMs] of [
    [1e11, 1e-3],
    [1e14, 1],
    [1e17, 1e3],
  ] as const)
    if (count < below) return instant(count / perMs);
  return instant(count / 1e6);
}

/** True for text into which values are put. */
export function isTemplate(given: string): boolean {
  return /\{[A-Za-z0-9_.@-]+\}/.test(given);
}

/** A template with each `{path}` put in; `put` may change or refuse a value (by throwing). A missing value shows as `-`. */
export function fillTemplate(
  given: string,
  value: Json,
  put: (value: string, path: string) => string = (text) => text,
): string {
  return given.replace(/\{([A-Za-z0-9_.@-]+)\}/g, (_match, path: string) =>
    put(textAt(value, path) ?? '-', path),
  );
}

/** A path, or a template: `id` and the like take both. Undefined where a path leads nowhere. */
export function textBy(given: string, value: Json): string | undefined {
  return isTemplate(given) ? fillTemplate(given, value) : textAt(value, given);
}

/** JSON with each text of it filled; a text that is one `{path}` alone becomes the value itself. */
export function fillJson(given: Json, value: Json): Json {
  if (typeof given === 'string') {
    const alone = /^\{([A-Za-z0-9_.@-]+)\}$/.exec(given)?.[1];
    return alone === undefined ? fillTemplate(given, value) : (fieldAt(value, alone) ?? null);
  }
  if (Array.isArray(given)) return given.map((one) => fillJson(one as Json, value));
  if (!isObject(given)) return given;
  return Object.fromEntries(Object.entries(given).map(([key, one]) => [key, fillJson(one, value)]));
}

/** What templates of an act see: the record, and over it what the operator gave. */
export function scopeOf(record: Json | undefined, more: JsonObject): JsonObject {
  return { ...(isObject(record) ? record : {}), ...more };
}

import { type Instant, instant, parseInstant } from '../../domain/instant.ts';
import { getField, type Json } from '../../lib/json.ts';

/** The value at a dotted path (`a.b.0.c`), own properties only. */
export function fieldAt(value: Json, path: string): Json | undefined {
  let current: Json | undefined = value;
  for (const part of path.split('.')) {
    if (current === undefined) return undefined;
    current = Array.isArray(current) ? (current as readonly Json[])[Number(part)] : getField(current, part);
  }
  return current;
}

/** The value at a path as text; objects as JSON, nothing as undefined. */
export function textAt(value: Json, path: string): string | undefined {
  const found = fieldAt(value, path);
  if (found === undefined || found === null) return undefined;
  return typeof found === 'object' ? JSON.stringify(found) : String(found);
}

/** The value at a path as a time: ISO text, or a number of seconds or milliseconds since 1970. */
export function instantAt(value: Json, path: string | undefined, zone: string): Instant | undefined {
  if (path === undefined) return undefined;
  const found = fieldAt(value, path);
  // Seconds until the year 5138 are below 1e11; milliseconds since 1973 are above.
  if (typeof found === 'number') return instant(Math.abs(found) < 1e11 ? found * 1_000 : found);
  return typeof found === 'string' ? parseInstant(found, zone) : undefined;
}

/** A template with `{field}` filled in; a missing field shows as `-`. */
export function fillTemplate(template: string, value: Json): string {
  return template.replace(/\{([A-Za-z0-9_.-]+)\}/g, (_match, path: string) => textAt(value, path) ?? '-');
}

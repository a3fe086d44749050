/** Any value that survives JSON unchanged. Everything that crosses the border or is stored is of this shape. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** Outcome of reading JSON text from a watched system: never an exception. */
export type JsonRead =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly error: string };

/** Deepest nesting accepted. V8 parses far deeper, but recursion over the result would not survive it. */
const MAX_DEPTH = 200;

/**
 * Parses JSON text from outside. Accepts a leading byte order mark; refuses nesting deeper than 200 levels before
 * parsing, so that a hostile document costs one linear scan. `__proto__` is an ordinary own key after JSON.parse;
 * use {@link getField} to read, which looks at own properties only.
 */
export function readJson(text: string): JsonRead {
  const body = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  if (body.trim() === '') return { ok: false, error: 'empty' };
  const depth = mayBeDeep(body) ? nestingDepth(body) : 0;
  if (depth > MAX_DEPTH) return { ok: false, error: `nested deeper than ${MAX_DEPTH} levels` };
  try {
    return { ok: true, value: JSON.parse(body) as Json };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : 'not JSON' };
  }
}

/** Whether there are enough brackets at all: looking for them is twenty times quicker than following the nesting. */
function mayBeDeep(text: string): boolean {
  if (text.length <= MAX_DEPTH) return false;
  let found = 0;
  for (const bracket of '{[')
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      found += 1;
      if (found > MAX_DEPTH) return true;
    }
  return false;
}

function nestingDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
      if (deepest > MAX_DEPTH) return deepest;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return deepest;
}

/** True for a plain JSON object (not an array, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own field of an object, or undefined; prototype names never answer. */
export function getField(value: unknown, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The field as an object, or undefined when it is anything else. */
export function getObject(value: unknown, key: string): JsonObject | undefined {
  const field = getField(value, key);
  return isObject(field) ? field : undefined;
}

/** The field as an array, or an empty one when it is anything else. */
export function getArray(value: unknown, key: string): readonly Json[] {
  const field = getField(value, key);
  return Array.isArray(field) ? (field as readonly Json[]) : [];
}

/** The field as a string, or undefined when it is anything else. */
export function getString(value: unknown, key: string): string | undefined {
  const field = getField(value, key);
  return typeof field === 'string' ? field : undefined;
}

/** The field as a finite number, or undefined when it is anything else. */
export function getNumber(value: unknown, key: string): number | undefined {
  const field = getField(value, key);
  return typeof field === 'number' && Number.isFinite(field) ? field : undefined;
}

/** The field as a boolean, or undefined when it is anything else. */
export function getBoolean(value: unknown, key: string): boolean | undefined {
  const field = getField(value, key);
  return typeof field === 'boolean' ? field : undefined;
}

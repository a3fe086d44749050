import { getField, isObject, type Json, readJson } from '../lib/json.ts';
import { firstLine } from '../lib/phrase.ts';

/** Longest piece of an answer that a sentence of ours takes up, in characters. */
const WORD_CHARS = 160;
/** Where the watched servers put their reason: FastAPI `detail`, Aragora `error` (a text, or an object with `message`). */
const NAMES = ['detail', 'error', 'message', 'msg', 'reason'] as const;

/**
 * The reason a server gives in the body of a refusal, in one line: a field of its JSON, else its first line. Undefined
 * where it gives none that can be read: nothing, a page of HTML, JSON without such a field.
 */
export function reasonInAnswer(body: string): string | undefined {
  const text = body.trim();
  const read = readJson(text);
  const reason = read.ok ? reasonIn(read.value) : text.startsWith('<') ? undefined : text;
  return reason === undefined || reason.trim() === '' ? undefined : firstLine(reason.trim(), WORD_CHARS);
}

/** A list is FastAPI's account of a request it can't read: one object per field. */
function reasonIn(value: Json, depth = 0): string | undefined {
  if (typeof value === 'string') return value;
  if (depth > 2) return undefined;
  if (Array.isArray(value)) {
    const reasons = value.flatMap((one: Json) => reasonIn(one, depth + 1) ?? []);
    return reasons.length === 0 ? undefined : reasons.join('; ');
  }
  if (!isObject(value)) return undefined;
  for (const name of NAMES) {
    const field = getField(value, name);
    const reason = field === undefined ? undefined : reasonIn(field, depth + 1);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

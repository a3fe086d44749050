import { maskStream } from './mask-stream.ts';
import { maskPrivateKeys } from './private-key.ts';
import { HAS_ESCAPE, indexOfSecrets, MAY_HOLD_KEY, MAY_HOLD_KNOWN, traitsOf } from './secret-index.ts';
import { isSecretField, MASK, RULES } from './secret-rules.ts';
import { formsOfAll } from './secret-values.ts';

/** Takes secrets out of text before it is stored, shown, copied or sent. What is masked stays as it is when masked again. */
export interface Masker {
  text(text: string): string;
  /**
   * The same value with every string in it masked, keys too; the value itself where there is nothing to mask. A string
   * in a field named for a secret is one. Those in fields of these `names` are masked as names.
   */
  value<T>(value: T, names?: ReadonlySet<string>): T;
  /**
   * For what things are found by: an id or a path. Two that differ still do when masked, and the same one is always
   * masked alike, on every host.
   */
  name(name: string): string;
  /** For text that comes in pieces: a secret cut by the border between two pieces is still found. */
  stream(sink: (text: string) => void): { write(text: string): void; end(): void };
}

/** A known value cut short by an excerpt's end is masked when this much of it stands there. */
const LEAST_CUT = 6;
/** Select Graphic Rendition: colours and weights. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;:]*m`, 'g');

/**
 * A masker for these values and for everything that has the shape of a token. Text without either costs one look at
 * each of its characters; other text takes time in proportion to its length.
 */
export function createMasker(secrets: Iterable<string> = []): Masker {
  const known = formsOfAll(secrets);
  const index = indexOfSecrets(known);
  const maskWith = (input: string, traits: number): string => {
    let masked = input;
    if (traits & MAY_HOLD_KNOWN) masked = maskKnown(masked, known);
    if (traits & MAY_HOLD_KEY) masked = maskPrivateKeys(masked);
    for (const [bit, { find, isSecret }] of RULES.entries()) {
      if ((traits & (1 << bit)) === 0) continue;
      masked = isSecret
        ? masked.replace(find, (...found: unknown[]) => {
            const { kept, secret } = found.at(-1) as { kept: string; secret: string };
            return isSecret(secret, kept) ? kept + MASK : (found[0] as string);
          })
        : masked.replace(find, MASK);
    }
    return masked;
  };
  const text = (input: string): string => {
    const traits = traitsOf(input, index);
    if (traits === 0) return input;
    if (traits & HAS_ESCAPE) {
      // A secret with a change of colour inside is one all the same; a line that holds one loses its colours.
      const plain = input.replace(COLOURS, '');
      const masked = maskWith(plain, traitsOf(plain, index));
      return masked === plain ? input : masked;
    }
    return maskWith(input, traits);
  };
  const name = (input: string): string => {
    const masked = text(input);
    return masked === input ? input : `${masked}~${markOf(input)}`;
  };
  const value = <T>(input: T, names: ReadonlySet<string> = NO_NAMES): T => {
    const mapOf = (field: string): ((text: string) => string) => (names.has(field) ? name : text);
    return mapStrings(input, '', mapOf) as T;
  };
  return { text, value, name, stream: (sink) => maskStream(text, sink) };
}

const NO_NAMES: ReadonlySet<string> = new Set();

function maskKnown(text: string, known: readonly string[]): string {
  let masked = text;
  for (const form of known) {
    if (masked.includes(form)) masked = masked.replaceAll(form, MASK);
    // Cut short at the end of an excerpt.
    const tail = masked.indexOf(form.slice(0, LEAST_CUT), Math.max(0, masked.length - form.length));
    if (tail >= 0 && form.startsWith(masked.slice(tail))) masked = masked.slice(0, tail) + MASK;
  }
  return masked;
}

/** Tells masked names apart. So short that it says next to nothing of what it was made from. */
function markOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 8).toString(36);
}

type MapOf = (field: string) => (text: string) => string;

/** Maps the strings of a value by the field they stand in. Parts in which nothing changes are not copied. */
function mapStrings(value: unknown, field: string, mapOf: MapOf): unknown {
  if (typeof value === 'string') return isSecretField(field, value) ? MASK : mapOf(field)(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    let items: unknown[] | undefined;
    for (const [at, item] of value.entries()) {
      const mapped = mapStrings(item, field, mapOf);
      if (mapped !== item) items ??= value.slice();
      if (items) items[at] = mapped;
    }
    return items ?? value;
  }
  const fields = value as { readonly [key: string]: unknown };
  const keys = Object.keys(fields);
  let mapped: (readonly [string, unknown])[] | undefined;
  for (let at = 0; at < keys.length; at += 1) {
    const key = keys[at] as string;
    const [name, item] = [mapOf('')(key), mapStrings(fields[key], key, mapOf)];
    if (mapped === undefined) {
      if (name === key && item === fields[key]) continue;
      mapped = keys.slice(0, at).map((before) => [before, fields[before]]);
    }
    mapped.push([name, item]);
  }
  return mapped === undefined ? value : Object.fromEntries(mapped);
}

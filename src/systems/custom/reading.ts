/** Text of a source to records. Nothing here throws for what it reads. */
import { isObject, type Json, readJson } from '../../lib/json.ts';
import type { DescribedAnswer } from './schema-source.ts';

/** How much of a line a described pattern may look at: it meets hostile lines. */
const MATCHED_LENGTH = 2_000;
/** Records one answer may have. */
const MAX_RECORDS = 50_000;

/** What an answer held, or why it could not be read. */
export type ReadAnswer =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly error: string };

/** Reads a document, the body of an HTTP answer, or what a program printed. */
export function readAnswer(
  { format, pattern }: Pick<DescribedAnswer, 'format' | 'pattern'>,
  text: string,
): ReadAnswer {
  switch (format ?? 'json') {
    case 'json': {
      const read = readJson(text);
      return read.ok ? read : { ok: false, error: `not JSON: ${read.error}` };
    }
    case 'json-lines': {
      const records: Json[] = [];
      for (const line of linesOf(text)) {
        const read = readJson(line);
        if (!read.ok) return { ok: false, error: `line ${records.length + 1} is not JSON: ${read.error}` };
        records.push(read.value);
      }
      return { ok: true, value: records };
    }
    case 'keyvalue':
      return { ok: true, value: blocksOf(text) };
    case 'text': {
      const line = pattern === undefined ? undefined : new RegExp(pattern, 'u');
      const read = (one: string): Json[] => {
        const groups = line === undefined ? { line: one } : groupsOf(line, one);
        return groups === undefined ? [] : [groups];
      };
      return { ok: true, value: linesOf(text).flatMap(read) };
    }
  }
}

function linesOf(text: string): readonly string[] {
  return text.split(/\r?\n/, MAX_RECORDS).filter((line) => line.trim() !== '');
}

/** `NAME=value` lines, an empty line between two records: what `systemctl show` prints of several units. */
function blocksOf(text: string): readonly Json[] {
  return text.split(/\r?\n(?:[ \t]*\r?\n)+/, MAX_RECORDS).flatMap((block) => {
    const fields = block.split(/\r?\n/).flatMap((line): [string, string][] => {
      const match = /^\s*([A-Za-z_][\w.-]*)=(.*)$/.exec(line);
      return match ? [[match[1] ?? '', match[2] ?? '']] : [];
    });
    return fields.length > 0 ? [Object.fromEntries(fields)] : [];
  });
}

/** One line as a record; undefined when it is none. */
export function readLine(
  format: 'json' | 'keyvalue' | 'text',
  pattern: RegExp | undefined,
  line: string,
): Json | undefined {
  switch (format) {
    case 'json': {
      const read = readJson(line);
      return read.ok && isObject(read.value) ? read.value : undefined;
    }
    case 'keyvalue':
      return pairsOf(line);
    case 'text':
      return pattern === undefined ? undefined : groupsOf(pattern, line);
  }
}

/** `a=1 b="x y" c=`: quotes with backslashes, words without a sign are left out. */
function pairsOf(line: string): Json | undefined {
  const pairs: [string, string][] = [];
  for (const match of line.matchAll(/(?:^|\s)([A-Za-z_][\w.-]*)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/gu)) {
    const [, name = '', quoted, bare = ''] = match;
    pairs.push([
      name,
      quoted === undefined
        ? bare
        : quoted.replace(/\\(.)/gsu, (_all, one: string) => (one === 'n' ? '\n' : one)),
    ]);
  }
  return pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
}

function groupsOf(pattern: RegExp, text: string): Json | undefined {
  const groups = pattern.exec(text.slice(0, MATCHED_LENGTH))?.groups;
  // A group that took no part is no value.
  return groups && Object.fromEntries(Object.entries(groups).filter(([, value]) => value !== undefined));
}

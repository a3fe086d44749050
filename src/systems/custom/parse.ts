import { parseInstant } from '../../domain/instant.ts';
import { type LogRecord, parseLevel } from '../../domain/log.ts';
import { isObject, type Json, readJson } from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import { fieldAt, textAt } from './field.ts';
import type { DescribedSource } from './schema.ts';

type LogDescription = Extract<DescribedSource, { type: 'log' }>;

/** The parser of one described source. */
export function parserOf(source: DescribedSource): Parser {
  switch (source.type) {
    case 'log':
      return { version: 1, start: null, fold: logFold(source) };
    case 'database':
      return { version: 1, start: null, fold: foldRows };
    case 'document':
    case 'http':
    case 'process':
      return { version: 1, start: null, fold: foldDocument };
  }
}

function foldDocument(carry: Json, chunk: Chunk, context: ParseContext): Folded {
  if (chunk.type === 'http') {
    const body = readJson(chunk.body ?? '');
    const value = body.ok ? body.value : null;
    return {
      carry,
      facts: {
        value,
        answer: { status: chunk.status ?? 0, error: chunk.error ?? null, failures: chunk.failures },
      },
    };
  }
  if (chunk.type !== 'document') return { carry };
  const read = readJson(chunk.text);
  if (!read.ok) return { carry, bad: [{ path: context.path, reason: `not JSON: ${read.error}` }] };
  return { carry, facts: { value: read.value } };
}

function foldRows(carry: Json, chunk: Chunk): Folded {
  if (chunk.type !== 'database') return { carry };
  return { carry, facts: { ...chunk.results } };
}

function logFold(source: LogDescription): Parser['fold'] {
  const pattern = source.pattern === undefined ? undefined : new RegExp(source.pattern, 'u');
  return (carry, chunk, context) => {
    if (chunk.type !== 'lines') return { carry };
    const records: LogRecord[] = [];
    const bad: { path: string; offset: number; reason: string; excerpt: string }[] = [];
    for (const line of chunk.lines) {
      if (line.text === '') continue;
      const fields = source.format === 'json' ? jsonFields(line.text) : groupsOf(pattern, line.text);
      if (fields === undefined && source.format === 'json') {
        bad.push({
          path: context.path,
          offset: line.offset,
          reason: 'not JSON',
          excerpt: line.text.slice(0, 200),
        });
      }
      records.push(recordOf(source, line.text, line.offset, fields, context.located.timezone));
    }
    return { carry, facts: {}, records, bad };
  };
}

function jsonFields(text: string): Json | undefined {
  const read = readJson(text);
  return read.ok && isObject(read.value) ? read.value : undefined;
}

function groupsOf(pattern: RegExp | undefined, text: string): Json | undefined {
  // A described pattern meets hostile lines: what it may look at is bounded.
  const groups = pattern?.exec(text.slice(0, 2_000))?.groups;
  return groups ? { ...groups } : undefined;
}

function recordOf(
  source: LogDescription,
  text: string,
  offset: number,
  fields: Json | undefined,
  zone: string,
): LogRecord {
  if (fields === undefined) return { offset, text };
  const at = parseInstant(textAt(fields, source.time ?? 'time'), zone);
  const level = parseLevel(textAt(fields, source.level ?? 'level'));
  const keys = (source.keys ?? []).flatMap((path) => {
    const value = fieldAt(fields, path);
    return typeof value === 'string' || typeof value === 'number' ? [String(value)] : [];
  });
  return {
    offset,
    text: textAt(fields, source.message ?? 'message') ?? text,
    ...(at === undefined ? {} : { at }),
    ...(level === undefined ? {} : { level }),
    ...(keys.length > 0 ? { keys } : {}),
  };
}

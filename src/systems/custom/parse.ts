import { type LogRecord, parseLevel } from '../../domain/log.ts';
import type { BadRecord } from '../../domain/source.ts';
import type { Json } from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import { fieldAt, fillTemplate, instantAt, isTemplate, textAt } from './field.ts';
import { Folding } from './fold.ts';
import { readAnswer, readLine } from './reading.ts';
import type { DescribedAnswer, DescribedLines, DescribedSource } from './schema-source.ts';
import { wordOf } from './word.ts';

/** Raised when what is kept of a source changes its shape for every description. */
const SHAPE = 2;

/** The parser of one described source. */
export function parserOf(source: DescribedSource): Parser {
  const parser: Parser = { version: versionOf(source), start: null, fold: foldOf(source) };
  return source.type === 'log' && isPiece(source.message) ? { ...parser, showsWritten: true } : parser;
}

/** A field shown as it is; what is put together of several stands in no line, nor does journald's list of bytes. */
function isPiece(message = 'message'): boolean {
  return !isTemplate(message) && message !== 'MESSAGE';
}

/** What was kept under another description of the source is of no use to this one: FNV-1a over its text. */
function versionOf(source: DescribedSource): number {
  let hash = 0x811c9dc5 ^ SHAPE;
  for (const char of JSON.stringify(source)) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}

function foldOf(source: DescribedSource): Parser['fold'] {
  switch (source.type) {
    case 'log':
    case 'stream':
      return linesFold(source);
    case 'database':
      return foldRows;
    case 'document':
    case 'http':
    case 'probe':
      return answerFold(source);
    case 'process':
      return (carry) => ({ carry });
  }
}

/** An answer that is none leaves what was known, with the time it was read; how asking went is a fact of its own. */
function answerFold(source: DescribedAnswer): Parser['fold'] {
  return (carry, chunk, context) => {
    const said = answerOf(source, chunk);
    if (said === undefined) return { carry };
    const read = said.text === undefined ? undefined : readAnswer(source, said.text);
    const error = read === undefined ? said.error : read.ok ? undefined : read.error;
    const bad: BadRecord[] =
      read === undefined || read.ok
        ? []
        : [{ path: context.path, reason: read.error, excerpt: (said.text ?? '').slice(0, 200) }];
    if (chunk.type === 'document') return read?.ok ? { carry, facts: { value: read.value } } : { carry, bad };
    const known = read?.ok ? read.value : context.fact('value');
    const readAt = read?.ok ? context.now : context.fact('readAt');
    return {
      carry,
      facts: {
        ...(known === undefined ? {} : { value: known }),
        ...(readAt === undefined ? {} : { readAt }),
        answer: { ...said.told, ok: error === undefined, error: error ?? null },
      },
      bad,
    };
  };
}

interface Said {
  /** What is to be read; undefined when nothing of use was answered. */
  readonly text?: string;
  readonly error?: string;
  readonly told: { readonly [name: string]: Json };
}

function answerOf(source: DescribedAnswer, chunk: Chunk): Said | undefined {
  switch (chunk.type) {
    case 'document':
      return { text: chunk.text, told: {} };
    case 'http': {
      const { status = null, body = '', error, latencyMs, failures } = chunk;
      const told = { status, latencyMs, failures };
      const accepts = source.type === 'http' ? (source.accepts ?? []) : [];
      const isGood = status !== null && ((status >= 200 && status < 300) || accepts.includes(status));
      if (error === undefined && isGood) return { text: body, told };
      return { told, error: error ?? `HTTP ${status}` };
    }
    case 'probe': {
      const { exitCode, stdout, stderr, error } = chunk;
      const told = { exitCode };
      const success = (source.type === 'probe' ? source.success : undefined) ?? [0];
      if (error === undefined && exitCode !== null && success.includes(exitCode))
        return { text: stdout, told };
      const words = stderr.trim().split('\n').at(-1) ?? '';
      return { told, error: error ?? `exit ${exitCode}${words === '' ? '' : `: ${words.slice(0, 200)}`}` };
    }
    default:
      return undefined;
  }
}

function foldRows(carry: Json, chunk: Chunk, context: ParseContext): Folded {
  if (chunk.type !== 'database') return { carry };
  const bad = Object.entries(chunk.failed).map(([query, reason]) => ({
    path: context.path,
    reason: `${query}: ${reason}`,
  }));
  return { carry, facts: { ...chunk.results }, bad };
}

function linesFold(source: DescribedLines): Parser['fold'] {
  const pattern = source.pattern === undefined ? undefined : new RegExp(source.pattern, 'u');
  const format = source.format ?? 'text';
  return (carry, chunk, context) => {
    if (chunk.type !== 'lines') return { carry };
    const records: LogRecord[] = [];
    const bad: BadRecord[] = [];
    const folding = new Folding(source, context, carry === null);
    for (const { text, offset } of chunk.lines) {
      if (text === '') continue;
      const fields = readLine(format, pattern, text);
      if (fields === undefined && format === 'json') {
        bad.push({ path: context.path, offset, reason: 'not JSON', excerpt: text.slice(0, 200) });
      }
      records.push(recordOf(source, text, offset, fields, context.located.timezone));
      if (fields !== undefined) folding.take(fields, offset);
    }
    for (const name of folding.full) {
      bad.push({
        path: context.path,
        reason: `${name}: more items than are kept of one file; later ones are left out`,
      });
    }
    return { carry: 1, facts: folding.facts, records, bad };
  };
}

function recordOf(
  source: DescribedLines,
  text: string,
  offset: number,
  fields: Json | undefined,
  zone: string,
): LogRecord {
  if (fields === undefined) return { offset, text };
  const at = instantAt(fields, source.time ?? 'time', zone);
  const wanted = source.level ?? 'level';
  const level = parseLevel(typeof wanted === 'string' ? textAt(fields, wanted) : wordOf(wanted, fields));
  const origin = source.origin === undefined ? undefined : textAt(fields, source.origin);
  const keys = (source.keys ?? []).flatMap((path) => {
    const value = fieldAt(fields, path);
    return typeof value === 'string' || typeof value === 'number' ? [String(value)] : [];
  });
  return {
    offset,
    text: messageOf(source.message ?? 'message', fields) ?? text,
    ...(at === undefined ? {} : { at }),
    ...(level === undefined ? {} : { level }),
    ...(origin === undefined ? {} : { origin }),
    ...(keys.length > 0 ? { keys } : {}),
  };
}

function messageOf(wanted: string, fields: Json): string | undefined {
  if (isTemplate(wanted)) return fillTemplate(wanted, fields);
  const found = fieldAt(fields, wanted);
  // `journalctl -o json` gives a message that is not UTF-8, or has control characters, as a list of its bytes.
  if (Array.isArray(found) && found.length > 0 && found.every(isByte))
    return new TextDecoder().decode(Uint8Array.from(found as readonly number[]));
  return textAt(fields, wanted);
}

function isByte(value: Json): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;
}

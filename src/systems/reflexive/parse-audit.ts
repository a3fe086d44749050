import { type Instant, parseInstant } from '../../domain/instant.ts';
import type { LogLevel, LogRecord } from '../../domain/log.ts';
import type { BadRecord } from '../../domain/source.ts';
import {
  getNumber,
  getObject,
  getString,
  isObject,
  type Json,
  type JsonObject,
  readJson,
} from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import { FactDraft } from './fact-draft.ts';
import { foldAudit } from './fold-audit.ts';
import { isCompressed } from './parse-line.ts';
import { textOf } from './record.ts';

/** Two processes may write between each other's pairs; more open halves than this are taken as single lines. */
const openHalves = 8;

/** The first half of a pair, waiting for its second. */
type Half = { readonly offset: number; readonly id: string; readonly entry: JsonObject };

/**
 * `logs/audit.log`: `AuditLogger.audit` in `src/core/logger.py` writes each event twice, first through structlog (with
 * `logger`, time ending in Z), then by hand (without). The second counts; a first whose second never came counts too.
 */
export const auditLogParser: Parser = { version: 1, start: [], fold };

function fold(carry: Json, chunk: Chunk, context: ParseContext): Folded {
  if (chunk.type !== 'lines' || isCompressed(context.path, chunk.lines[0]?.text)) return { carry };
  const draft = new FactDraft((key) => context.fact(key));
  let halves: Half[] = [...(carry as unknown as readonly Half[])];
  const records: LogRecord[] = [];
  const bad: BadRecord[] = [];
  const take = (entry: JsonObject, offset: number): void => {
    const at = parseInstant(getString(entry, 'timestamp'));
    if (at !== undefined) foldAudit(draft, entry, at, offset);
    records.push(auditRecord(entry, at, offset));
  };
  for (const line of chunk.lines) {
    if (line.text.trim() === '') continue;
    const read = line.cut ? undefined : readJson(line.text);
    if (!read?.ok || !isObject(read.value)) {
      // With `structured: false` the first half is coloured text; its second half says the same in JSON.
      if (/^(\u001b\[2m)?\d{4}-\d\d-\d\dT/.test(line.text)) continue;
      const reason = line.cut ? 'line longer than what is read of one' : 'not a JSON object';
      bad.push({ path: context.path, offset: line.offset, reason, excerpt: line.text.slice(0, 200) });
      records.push({ offset: line.offset, text: line.text.slice(0, 4000), origin: 'audit' });
      continue;
    }
    const entry = read.value;
    const id = JSON.stringify([entry['event_type'], entry['message'], entry['resource_id']]).slice(0, 1000);
    if (getString(entry, 'logger') !== undefined) {
      halves.push({ offset: line.offset, id, entry: kept(entry) });
      while (halves.length > openHalves) {
        const single = halves.shift();
        if (single) take(single.entry, single.offset);
      }
      continue;
    }
    const first = halves.findIndex((half) => half.id === id);
    if (first >= 0) {
      // Whatever opened before it and is still open has lost its second half.
      for (const single of halves.slice(0, first)) take(single.entry, single.offset);
      halves = halves.slice(first + 1);
    }
    take(entry, line.offset);
  }
  return { carry: halves as unknown as Json, facts: draft.changes(), records, bad };
}

/** What of a first half must survive in the carry. */
function kept(entry: JsonObject): JsonObject {
  const names = ['timestamp', 'event_type', 'message', 'actor', 'resource_type', 'resource_id'];
  const out: Record<string, Json> = {};
  for (const name of names) {
    const value = textOf(entry[name]);
    if (value !== undefined) out[name] = value;
  }
  const metadata = getObject(entry, 'metadata');
  if (metadata && JSON.stringify(metadata).length < 4000) out['metadata'] = metadata;
  return out;
}

function auditRecord(entry: JsonObject, at: Instant | undefined, offset: number): LogRecord {
  const type = getString(entry, 'event_type') ?? '';
  const message = getString(entry, 'message') ?? '';
  const resource = textOf(entry['resource_id']);
  const error = type === 'error_occurred' ? textOf(getObject(entry, 'metadata')?.['error']) : undefined;
  const keys: string[] = [];
  const kind = getString(entry, 'resource_type');
  if (resource !== undefined && (kind === 'issue' || kind === 'pr')) keys.push(`${kind}-${resource}`);
  const linked = getNumber(getObject(entry, 'metadata'), 'linked_issue');
  if (linked !== undefined) keys.push(`issue-${linked}`);
  return {
    offset,
    level: levelOf(type),
    origin: 'audit',
    text: `${type === '' ? '(no type)' : type}: ${message}${error === undefined ? '' : ` (${error})`}`.slice(
      0,
      2000,
    ),
    ...(at === undefined ? {} : { at }),
    ...(keys.length === 0 ? {} : { keys }),
  };
}

function levelOf(type: string): LogLevel {
  if (type === 'error_occurred' || type.endsWith('_failed')) return 'error';
  return type === 'safety_guard_triggered' || type === 'human_approval_requested' ? 'warning' : 'info';
}

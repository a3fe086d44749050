import type { LogLevel } from '../../domain/log.ts';
import { isObject, type Json, type JsonObject, readJson } from '../../lib/json.ts';

/** Longest text of theirs kept in a fact; goals are kept longer because they are submitted again. */
const LONGEST_TEXT = 2000;

/** A text cut to what a fact may hold. */
export function capped(text: string, length = LONGEST_TEXT): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** A field that should be text, as text: numbers and booleans too, everything else is missing. */
export function textIn(value: JsonObject | undefined, key: string, length = LONGEST_TEXT): string | null {
  const field = value !== undefined && Object.hasOwn(value, key) ? value[key] : undefined;
  if (typeof field === 'string') return capped(field, length);
  if (typeof field === 'number' || typeof field === 'boolean') return String(field);
  return null;
}

/** A field that should be a list of texts. A single text is a list of one. */
export function textsIn(value: JsonObject | undefined, key: string, most = 50): readonly string[] {
  const field = value !== undefined && Object.hasOwn(value, key) ? value[key] : undefined;
  if (typeof field === 'string') return field === '' ? [] : [capped(field)];
  if (!Array.isArray(field)) return [];
  return (field as readonly Json[])
    .slice(0, most)
    .map((item) => capped(typeof item === 'string' ? item : JSON.stringify(item)));
}

/** JSON text that should be an object: its fields, or why not. */
export function readObject(text: string): { readonly value?: JsonObject; readonly error?: string } {
  const read = readJson(text);
  if (!read.ok) return { error: `not JSON: ${read.error}` };
  return isObject(read.value) ? { value: read.value } : { error: 'JSON, but no object' };
}

/** The last line of a traceback says what happened (jobs.error may hold nine kilobytes of it). */
export function lastLineOf(text: string): string {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return capped(lines.at(-1)?.trim() ?? '', 500);
}

/** `name=value` pairs of the fields that say something, in their order; nested ones as JSON, each cut. */
export function fieldsOf(value: JsonObject, without: ReadonlySet<string>): string {
  const pairs: string[] = [];
  for (const [key, field] of Object.entries(value)) {
    if (without.has(key) || field === null || field === '') continue;
    const text = typeof field === 'string' ? field : JSON.stringify(field);
    pairs.push(`${key}=${capped(text, 300)}`);
    if (pairs.length >= 20) break;
  }
  return pairs.join(' ');
}

const BAD_EVENTS = new Set([
  'job_failed',
  'job_timeout',
  'ssot_guard_blocked',
  'runner_failed',
  'runner_timeout',
]);
const ODD_EVENTS = new Set([
  'stale_recovered',
  'audit_gate_blocked',
  'signal_rejected',
  'running_stale_recovered',
  'runner_invalid_output',
]);

/** How loud an event of a job is. Beats are debug: one comes every 30 s per job. */
export function eventLevel(event: string): LogLevel {
  if (event === 'heartbeat') return 'debug';
  if (BAD_EVENTS.has(event)) return 'error';
  return ODD_EVENTS.has(event) ? 'warning' : 'info';
}

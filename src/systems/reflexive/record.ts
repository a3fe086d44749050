import type { LogRecord } from '../../domain/log.ts';
import { isObject, type Json } from '../../lib/json.ts';
import type { LogEvent } from './parse-line.ts';

const longestText = 2000;
const longestField = 300;

/** Numbers of issues named in a sentence (`Claimed issue #412`). `#None` is a slip of the program and names none. */
const issueInText = /\bissue #(\d{1,9})\b|\bwork item (\d{1,9})\b|\bfor #(\d{1,9})\b/;

/** The issue a line is about, as text, where the line says so. */
export function issueOf(event: LogEvent): string | undefined {
  for (const name of ['issue_number', 'work_item_id', 'linked_issue']) {
    const value = Object.hasOwn(event.fields, name) ? event.fields[name] : undefined;
    if (typeof value === 'number' && Number.isInteger(value)) return String(value);
    if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return value;
  }
  const match = issueInText.exec(event.event.slice(0, 500));
  return match?.[1] ?? match?.[2] ?? match?.[3];
}

/** The line as a person reads it: the event, its fields, and what the traceback ends with. */
function recordText(event: LogEvent): string {
  if (event.form === 'plain') return event.event.slice(0, longestText * 2);
  let text = event.event === '' ? '(no event)' : event.event;
  for (const name of Object.keys(event.fields)) {
    const value = event.fields[name];
    if (value === undefined || value === null || name === 'exc_info') continue;
    text += ` ${name}=${fieldText(value)}`;
    if (text.length > longestText) break;
  }
  const cause = event.exception?.trimEnd().split('\n').at(-1)?.trim();
  if (cause !== undefined && cause !== '') text += ` | ${cause.slice(0, longestField)}`;
  return text.slice(0, longestText);
}

function fieldText(value: Json): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.length > longestField ? `${text.slice(0, longestField)}...` : text;
}

/** The record of a line. `keys` are what the lens of an entity looks for. */
export function recordOf(event: LogEvent, offset: number, keys: readonly string[]): LogRecord {
  return {
    offset,
    text: recordText(event),
    ...(event.at === undefined ? {} : { at: event.at }),
    ...(event.level === undefined ? {} : { level: event.level }),
    ...(keys.length === 0 ? {} : { keys }),
    ...(event.logger === undefined ? {} : { origin: event.logger.slice(0, 40) }),
  };
}

/** A value of theirs as a short text, for whys and titles. */
export function textOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  const text = typeof value === 'string' ? value : isObject(value) ? JSON.stringify(value) : String(value);
  return text.slice(0, 500);
}

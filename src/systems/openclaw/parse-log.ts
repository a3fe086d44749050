import { type Instant, parseInstant } from '../../domain/instant.ts';
import { type LogLevel, type LogRecord, parseLevel } from '../../domain/log.ts';
import type { BadRecord } from '../../domain/source.ts';
import { getObject, isObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { Folded, Line, ParseContext, Parser } from '../system.ts';
import type { EventFact, ExceptionFact } from './facts.ts';
import { eventFact, instantIn } from './parse-event.ts';
import { capped, eventLevel, fieldsOf, lastLineOf, readObject, textIn } from './parse-text.ts';

const MOST_TITLES = 400;
const MOST_EXCEPTIONS = 50;
const EVENTS_PER_JOB = 40;

/** Facts as they become while the lines of one chunk are taken in, over those of before. */
interface Working {
  get(key: string): Json | undefined;
  set(key: string, value: Json | null): void;
}

type LineReader = (value: JsonObject, line: Line, context: ParseContext, working: Working) => LogRecord;

/**
 * A parser of JSON lines. A line that is no object is bad and still a record, so that nothing is dropped; the first
 * line of a file read from its middle may be the end of one, and is then only a record.
 */
function jsonLinesParser(origin: string, read: LineReader): Parser {
  return {
    version: 1,
    start: null,
    fold(carry, chunk, context): Folded {
      if (chunk.type !== 'lines') return { carry };
      const facts: { [key: string]: Json | null } = {};
      const working: Working = {
        get: (key) => (Object.hasOwn(facts, key) ? (facts[key] ?? undefined) : context.fact(key)),
        set(key, value) {
          facts[key] = value;
        },
      };
      const records: LogRecord[] = [];
      const bad: BadRecord[] = [];
      for (const [index, line] of chunk.lines.entries()) {
        if (line.text.trim() === '') continue;
        const object = readObject(line.text);
        if (object.value) {
          records.push(read(object.value, line, context, working));
          continue;
        }
        records.push({ offset: line.offset, text: line.text, origin });
        if (chunk.partial && index === 0) continue;
        const reason = line.cut ? 'line longer than the cap' : (object.error ?? 'unreadable');
        bad.push({ path: context.path, offset: line.offset, reason, excerpt: line.text.slice(0, 200) });
      }
      return { carry, facts, records, bad };
    },
  };
}

const IN_COLUMNS = new Set([
  'timestamp',
  'level',
  'logger',
  'message',
  'module',
  'function',
  'line',
  'payload',
]);
const NOT_OF_PAYLOAD = new Set([
  'event',
  'agent',
  'status_protocol',
  'compat_mode',
  'retry_policy',
  'failure',
]);

/**
 * `orchestrator_log.json`: JSON lines despite its name, naive local time (utils/logger.py). The notifier's lines name the
 * tasks of a run; their titles are kept, since `m4_state.json` has only ids.
 */
export const orchestratorLogParser = jsonLinesParser('orchestrator', (value, line, context, working) => {
  const payload = getObject(value, 'payload');
  const task = textIn(payload, 'task_id', 100) ?? textIn(value, 'task_id', 100);
  const title = textIn(payload, 'title', 200);
  if (task !== null && title !== null) rememberTitle(working, task, title);
  const details = [
    fieldsOf(value, IN_COLUMNS),
    payload === undefined ? '' : fieldsOf(payload, NOT_OF_PAYLOAD),
  ].filter((text) => text !== '');
  const failure = getObject(payload, 'failure');
  if (failure && Object.keys(failure).length > 0) details.push(`failure=${JSON.stringify(failure)}`);
  const event = textIn(value, 'event', 60) ?? '';
  const level = parseLevel(textIn(value, 'level', 20) ?? undefined);
  return record(line, {
    at: parseInstant(textIn(value, 'timestamp', 60), context.located.timezone) ?? null,
    level: /failed/.test(event) && level === 'info' ? 'error' : level,
    text: [textIn(value, 'message') ?? '', ...details].filter((text) => text !== '').join('  '),
    keys: [task, textIn(payload, 'run_id', 100), textIn(value, 'run_id', 100), jobOfRunPath(context.path)],
    origin: (textIn(value, 'logger', 60) ?? 'orchestrator').replace(/^utils\./, ''),
  });
});

function rememberTitle(working: Working, task: string, title: string): void {
  const known = working.get('titles');
  const titles = isObject(known) ? known : {};
  if (titles[task] === title) return;
  const entries = Object.entries(titles).filter(([id]) => id !== task);
  entries.push([task, title]);
  // From entries, so that a task named __proto__ is an own key like any other.
  working.set('titles', Object.fromEntries(entries.slice(-MOST_TITLES)));
}

/** `m4_events.jsonl`: each step of a task (m4/state.py); naive local time. */
export const taskEventsParser = jsonLinesParser('m4', (value, line, context) => {
  const task = textIn(value, 'task_id', 100) ?? '?';
  const to = textIn(value, 'to', 60) ?? '?';
  const error = textIn(value, 'error', 4000);
  const attempts = textIn(value, 'attempts', 20);
  const parts = [`${task} ${textIn(value, 'from', 60) ?? '?'} -> ${to}`];
  if (attempts !== null && attempts !== '1') parts.push(`attempt ${attempts}`);
  if (error !== null && error !== '') parts.push(lastLineOf(error));
  const run = /\/state\/([^/]+)\/m4_events\.jsonl$/.exec(context.path)?.[1] ?? null;
  return record(line, {
    at: parseInstant(textIn(value, 'timestamp', 60), context.located.timezone) ?? null,
    level: to === 'failed' ? 'error' : to === 'waiting_human' ? 'warning' : 'info',
    text: parts.join('  '),
    keys: [task, run, jobOfRunPath(context.path)],
    origin: 'm4',
  });
});

/** `scheduler_exceptions.jsonl`: what broke in the worker's loop (scripts/worker.py). Counted per operation and cause. */
export const schedulerParser = jsonLinesParser('scheduler', (value, line, _context, working) => {
  const op = textIn(value, 'op', 100) ?? '?';
  const cause = capped(textIn(value, 'root_cause') ?? '?', 300);
  const at = instantIn(textIn(value, 'ts', 60));
  const known = working.get('exceptions');
  const exceptions = (Array.isArray(known) ? known : []) as readonly ExceptionFact[];
  const mine = exceptions.find((one) => one.op === op && one.cause === cause);
  const next: ExceptionFact = {
    op,
    code: textIn(value, 'error_code', 100) ?? '',
    cause,
    count: (mine?.count ?? 0) + 1,
    first: mine?.first ?? at,
    last: at ?? mine?.last ?? null,
    offset: line.offset,
  };
  working.set('exceptions', [...exceptions.filter((one) => one !== mine), next].slice(-MOST_EXCEPTIONS));
  return record(line, {
    at,
    level: 'error',
    text: `${op} failed: ${cause}  ${next.code}`.trim(),
    keys: [],
    origin: 'scheduler',
  });
});

/** `<job_id>.events.jsonl` of the older file queue: flat lines, no payload. */
export const queueEventsParser = jsonLinesParser('events', (value, line, context, working) => {
  const job = textIn(value, 'job_id', 200) ?? jobOfQueuePath(context.path);
  const name = textIn(value, 'event', 100) ?? '?';
  const event = eventFact(line.offset, name, textIn(value, 'ts', 60), textIn(value, 'run_id', 100), value);
  if (name !== 'heartbeat') {
    const known = working.get('events');
    const events = (Array.isArray(known) ? known : []) as readonly EventFact[];
    working.set('events', [...events, event].slice(-EVENTS_PER_JOB));
  }
  working.set('job', job);
  const pid = runnerAfter(event, working.get('pid'));
  if (pid !== undefined) working.set('pid', pid);
  return record(line, {
    at: event.at,
    level: eventLevel(name),
    text: `${job.slice(0, 8)} ${event.text}`,
    keys: [job, event.run],
    origin: 'events',
  });
});

/** The runner that lives as far as the events tell; null once one of them ended it. */
function runnerAfter(event: EventFact, known: Json | undefined): number | null | undefined {
  if (event.event === 'runner_started' || event.event === 'heartbeat') return event.pid ?? undefined;
  if (/^runner_(finished|failed|timeout|invalid_output)$/.test(event.event))
    return known === undefined ? undefined : null;
  return undefined;
}

/** `audit_events.jsonl` and `audit_chain_<run_id>.jsonl` of the branch with an audit log: who decided what. */
export const auditLogParser = jsonLinesParser('audit', (value, line) => {
  const job = textIn(value, 'job_id', 200);
  const words = [
    `${(job ?? '?').slice(0, 8)} ${textIn(value, 'action', 60) ?? '?'} by ${textIn(value, 'actor', 100) ?? '?'}`,
    `${textIn(value, 'before_status', 60) ?? '?'} -> ${textIn(value, 'after_status', 60) ?? '?'}`,
    textIn(value, 'reason') ?? '',
  ];
  return record(line, {
    at: instantIn(textIn(value, 'ts', 60)),
    level: 'info',
    text: words.filter((word) => word !== '').join('  '),
    keys: [job, textIn(value, 'run_id', 100)],
    origin: 'audit',
  });
});

function record(
  line: Line,
  of: {
    at: Instant | null;
    level: LogLevel | undefined;
    text: string;
    keys: readonly (string | null)[];
    origin: string;
  },
): LogRecord {
  const keys = of.keys.filter((key): key is string => key !== null && key !== '' && key !== '?');
  return {
    offset: line.offset,
    ...(of.at === null ? {} : { at: of.at }),
    ...(of.level === undefined ? {} : { level: of.level }),
    text: of.text,
    ...(keys.length > 0 ? { keys } : {}),
    origin: of.origin,
  };
}

/** The job a run directory belongs to: `<slug>_<job_id>/.orchestrator/...`. */
function jobOfRunPath(path: string): string | null {
  return /(?:^|\/)[^/]*_([A-Za-z0-9-]+)\/\.orchestrator\//.exec(path)?.[1] ?? null;
}

/** The job an events file of the file queue belongs to. */
export function jobOfQueuePath(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.events\.jsonl$/, '');
}

import { type Instant, parseInstant } from '../../domain/instant.ts';
import { type LogLevel, type LogRecord, parseLevel } from '../../domain/log.ts';
import {
  getArray,
  getNumber,
  getObject,
  getString,
  isObject,
  type Json,
  type JsonObject,
  readJson,
} from '../../lib/json.ts';
import type { Folded, Line, Parser } from '../system.ts';
import { cut, FactDraft } from './facts.ts';

const MOST_NAMES = 100;
const MOST_TIMES = 40;
const MAX_KEYS = 8;

/** One entry of the server's log, whichever formatter wrote it. */
interface Entry {
  readonly at: Instant | undefined;
  readonly level: LogLevel | undefined;
  readonly logger: string;
  readonly message: string;
  /** Fields beside the message, flat. */
  readonly fields: JsonObject;
  readonly exception: string | undefined;
}

/**
 * What `python -m aragora.server` prints: JSON lines of middleware/structured_logging.py (or its text form, or the
 * flat form of logging_config.py) mixed with banners. Through journalctl or kubectl a prefix may stand before each.
 * Facts: `last`, `breaker/<name>`, `debate`, `debateEnd`, `debateTrouble`, `debateInvalid`, `failures` (requests answered 5xx),
 * `rateLimit`, `lifecycle`, `admin`.
 */
export const serverLogParser: Parser = {
  version: 1,
  start: { trace: false, names: 0 },
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'lines') return { carry };
    const draft = new FactDraft(context);
    const records: LogRecord[] = [];
    const state = {
      trace: isObject(carry) && carry['trace'] === true,
      names: getNumber(carry, 'names') ?? 0,
    };
    for (const line of chunk.lines) {
      if (line.text.trim() === '') continue;
      const entry = readEntry(line.text, context.located.timezone);
      if (!entry) {
        records.push(bareRecord(line, state));
        continue;
      }
      state.trace = false;
      records.push(recordOf(line, entry));
      takeEntry(entry, line, draft, state);
    }
    const facts = draft.done();
    return { carry: state, records, ...(facts ? { facts } : {}) };
  },
};

/** A banner line, or part of a traceback that was printed and not logged. */
function bareRecord(line: Line, state: { trace: boolean }): LogRecord {
  if (/^Traceback \(most recent call last\)/.test(line.text)) state.trace = true;
  const isLast = state.trace && /^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)\b/.test(line.text);
  const level: LogLevel | undefined = state.trace ? 'error' : undefined;
  if (isLast) state.trace = false;
  return { offset: line.offset, text: line.text, ...(level ? { level } : {}) };
}

const TEXT_LINE =
  /^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]\d{1,6})\] \[(\w+) *\] \[([^\]]{0,80})\] ([\w.]+) - (.*)$/;

function readEntry(text: string, zone: string): Entry | undefined {
  const brace = text.indexOf('{"');
  if (brace >= 0 && brace < 160 && (brace === 0 || /[\s:|]$/.test(text.slice(0, brace)))) {
    const read = readJson(text.slice(brace));
    if (read.ok && isObject(read.value)) return readJsonEntry(read.value, zone);
  }
  const match = TEXT_LINE.exec(text);
  if (!match) return undefined;
  const [, time, level, , logger = '', message = ''] = match;
  return {
    at: parseInstant(time, zone),
    level: parseLevel(level),
    logger,
    message,
    fields: {},
    exception: undefined,
  };
}

const BASE = new Set([
  'level',
  'logger',
  'message',
  'msg',
  'timestamp',
  'ts',
  'service',
  'hostname',
  'context',
  'extra',
  'exception',
  'source',
]);

function readJsonEntry(value: JsonObject, zone: string): Entry | undefined {
  const message = getString(value, 'message') ?? getString(value, 'msg');
  if (message === undefined) return undefined;
  const extra = getObject(value, 'extra') ?? {};
  const flat = Object.entries(value).filter(([key]) => !BASE.has(key));
  const outer = Object.entries(extra).filter(
    ([key]) => key !== 'structured_fields' && key !== 'extra_fields',
  );
  const exception = getObject(value, 'exception');
  return {
    at: parseInstant(getString(value, 'timestamp') ?? getString(value, 'ts'), zone),
    level: parseLevel(getString(value, 'level')),
    logger: getString(value, 'logger') ?? '',
    message,
    fields: Object.fromEntries([
      ...Object.entries(getObject(value, 'context') ?? {}),
      ...flat,
      ...outer,
      ...Object.entries(getObject(extra, 'structured_fields') ?? {}),
      ...Object.entries(getObject(extra, 'extra_fields') ?? {}),
    ]),
    exception: exception
      ? `${getString(exception, 'type') ?? 'exception'}: ${getString(exception, 'message') ?? ''}`
      : undefined,
  };
}

function recordOf(line: Line, entry: Entry): LogRecord {
  const fields = Object.entries(entry.fields)
    .slice(0, 12)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  const error = entry.exception === undefined ? '' : ` (${entry.exception})`;
  const keys = keysOf(entry);
  const origin = entry.logger.slice(entry.logger.lastIndexOf('.') + 1);
  // A request that went well is what the pollers make; it would bury everything else.
  const isQuiet = /^\[request\] .* status=[123]\d\d /.test(entry.message) && entry.level === 'info';
  const level = isQuiet ? 'debug' : entry.level;
  return {
    offset: line.offset,
    text: `${entry.message}${fields === '' ? '' : ` ${fields}`}${error}`,
    ...(entry.at === undefined ? {} : { at: entry.at }),
    ...(level ? { level } : {}),
    ...(origin === '' ? {} : { origin }),
    ...(keys.length > 0 ? { keys } : {}),
  };
}

function keysOf(entry: Entry): readonly string[] {
  const keys: string[] = [];
  const breaker = breakerOf(entry);
  if (breaker) keys.push('breakers', breakerKey(breaker.name));
  for (const name of ['debate_id', 'trace_id', 'request_id', 'correlation_id']) {
    const id = getString(entry.fields, name);
    if (id !== undefined && id !== '' && id !== '-') keys.push(id);
  }
  if (/^aragora\.debate\./.test(entry.logger)) keys.push('debates');
  if (/\bnomic\b/i.test(entry.message)) keys.push('nomic');
  return keys.slice(0, MAX_KEYS);
}

/** What marks the lines about one breaker. */
export function breakerKey(name: string): string {
  return `breaker:${name}`;
}

/** Name the server does not tell: its single-mode breakers log without one. */
export const UNNAMED = 'unnamed';

function breakerOf(entry: Entry): { name: string; state: string; failures: number | null } | undefined {
  const { message } = entry;
  if (!/circuit/i.test(message)) return undefined;
  const open = /^Circuit breaker OPEN(?: for (.{1,80}?))? after (\d{1,7}) failures/.exec(message);
  if (open) return { name: open[1] ?? UNNAMED, state: 'open', failures: Number(open[2]) };
  const closed = /^Circuit breaker (?:CLOSED(?: for (.{1,80}))?$|cooldown elapsed, circuit CLOSED)/.exec(
    message,
  );
  if (closed) return { name: closed[1] ?? UNNAMED, state: 'closed', failures: null };
  const moved = /^\[(.{1,80}?)\] Circuit state: \S+ -> (\S+)/.exec(message);
  if (moved?.[1] && moved[2]) {
    return { name: moved[1], state: moved[2].toLowerCase().replace(/.*\./, ''), failures: null };
  }
  return undefined;
}

function takeEntry(entry: Entry, line: Line, draft: FactDraft, state: { names: number }): void {
  const { message } = entry;
  const said: Record<string, Json> = {
    at: entry.at ?? null,
    offset: line.offset,
    text: cut(message, 300) ?? '',
  };
  draft.set('last', said);
  const breaker = breakerOf(entry);
  if (breaker) takeBreaker(breaker, said, draft, state);
  if (/^Circuit breaker reset all states/.test(message)) draft.set('breakersReset', said);
  if (message.startsWith('debate_start')) {
    const id = cut(getString(entry.fields, 'debate_id'), 100) ?? null;
    const agents = getArray(entry.fields, 'agents').filter((one): one is string => typeof one === 'string');
    draft.set('debate', { ...said, id, agents: agents.slice(0, 20) });
  } else if (/^(consensus_winner|debate_converged|debate_complete)/.test(message))
    draft.set('debateEnd', said);
  else if (isDebateTrouble(message)) draft.set('debateTrouble', said);
  if (message.startsWith('[debate] Validation error')) draft.set('debateInvalid', said);
  const failed = /^\[request\] (\S+ \S+) status=(5\d\d)/.exec(message);
  if (failed) {
    const before = getArray(draft.get('failures'), 'times').slice(-(MOST_TIMES - 1));
    draft.set('failures', { ...said, times: [...before, entry.at ?? null] });
  }
  if (/^Rate limit exceeded for /.test(message)) draft.set('rateLimit', said);
  if (/^(Graceful shutdown completed|Restored \d+ circuit breaker states)/.test(message)) {
    draft.set('lifecycle', said);
  }
  if (/^Admin \S{1,80} (reset|paused|resumed) nomic/.test(message)) draft.set('admin', said);
}

function isDebateTrouble(message: string): boolean {
  return (
    /^(\[Autonomic\] )?Agent \S{1,80} timed out/.test(message) ||
    /^(Debate timed out|judge_timeout |\[debate\] Validation error|Phase '\w+' timed out)/.test(message)
  );
}

function takeBreaker(
  breaker: { name: string; state: string; failures: number | null },
  said: Record<string, Json>,
  draft: FactDraft,
  state: { names: number },
): void {
  const key = `breaker/${breaker.name}`;
  const known = draft.get(key);
  if (known === undefined) {
    if (state.names >= MOST_NAMES) return;
    state.names += 1;
  }
  // The same state told again keeps its first time.
  const since =
    getString(known, 'state') === breaker.state ? (getNumber(known, 'at') ?? said['at']) : said['at'];
  draft.set(key, { ...said, at: since ?? null, state: breaker.state, failures: breaker.failures });
}

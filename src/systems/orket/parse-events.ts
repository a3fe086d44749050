import { fromWallClock, type Instant } from '../../domain/instant.ts';
import type { LogRecord } from '../../domain/log.ts';
import type { BadRecord } from '../../domain/source.ts';
import { getString, isObject, readJson } from '../../lib/json.ts';
import type { Parser } from '../system.ts';
import { FactBook } from './fact-book.ts';
import { clip } from './facts.ts';
import { noteEvent } from './log-facts.ts';
import { readLogEvent } from './log-text.ts';

/**
 * `agent_output/observability/runtime_events.jsonl`: the `runtime_event` object of some events, one a line, never
 * emptied. What it adds is that a turn began or ended, and how. Its lines carry no time and stand in orket.log with one:
 * they give facts and no records, since untimed they would all be shown as if they had happened just now.
 */
export const eventsParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context) {
    if (chunk.type !== 'lines') return { carry };
    const book = new FactBook(context);
    const bad: BadRecord[] = [];
    for (const line of chunk.lines) {
      if (line.text.trim() === '') continue;
      const read = line.cut ? undefined : readJson(line.text);
      const name = read?.ok ? getString(read.value, 'event') : undefined;
      if (!read?.ok || !isObject(read.value) || !name) {
        const reason = line.cut
          ? 'line longer than the limit'
          : read?.ok
            ? 'no event name'
            : 'not a JSON line';
        bad.push({ path: context.path, offset: line.offset, reason, excerpt: line.text.slice(0, 200) });
        continue;
      }
      const role = getString(read.value, 'role') ?? 'system';
      const event = readLogEvent({ event: name, role, data: read.value });
      if (event) noteEvent(book, event, { offset: line.offset });
    }
    return { carry: null, facts: book.written(), bad };
  },
};

const CRASH = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)[,.](\d{3}) - (\w+) - (.*)$/s;

/**
 * `orket_crash.log`: `%(asctime)s - ERROR - CRITICAL CRASH: <exception>`, then a traceback. Its times are the program's
 * wall clock without a zone.
 */
export const crashParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context) {
    if (chunk.type !== 'lines') return { carry };
    const records: LogRecord[] = [];
    let crash: { at: Instant; offset: number; text: string } | undefined;
    for (const line of chunk.lines) {
      if (line.text.trim() === '') continue;
      const match = CRASH.exec(line.text);
      if (!match) {
        records.push({ offset: line.offset, level: 'error', text: clip(line.text, 2000) });
        continue;
      }
      const part = (index: number): number => Number(match[index]);
      const zone = context.located.timezone;
      const at = fromWallClock(zone, part(1), part(2), part(3), part(4), part(5), part(6), part(7));
      const text = clip(match[9] ?? '', 500);
      records.push({ offset: line.offset, at, level: 'error', text });
      crash = { at, offset: line.offset, text };
    }
    return { carry: null, records, facts: crash ? { crash } : {} };
  },
};

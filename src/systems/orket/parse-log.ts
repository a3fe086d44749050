import { type Instant, parseInstant } from '../../domain/instant.ts';
import type { LogRecord } from '../../domain/log.ts';
import type { BadRecord } from '../../domain/source.ts';
import { getString, type Json, readJson } from '../../lib/json.ts';
import type { Line, Parser } from '../system.ts';
import { FactBook } from './fact-book.ts';
import { clip, compact, type Mark } from './facts.ts';
import { noteEvent } from './log-facts.ts';
import { keysOfEvent, levelOfLine, readLogEvent, textOfEvent } from './log-text.ts';

/** `workspace/<name>/orket.log`: one JSON object per line (orket/logging.py). */
export const logParser: Parser = {
  version: 1,
  start: null,
  judge(line) {
    if (line.trim() === '') return undefined;
    const read = readJson(line);
    const level = read.ok ? levelOfLine(read.value) : undefined;
    return read.ok && level ? compact({ at: timeOf(read.value), level }) : { ...timeOfHead(line) };
  },
  fold(carry, chunk, context) {
    if (chunk.type !== 'lines') return { carry };
    const book = new FactBook(context);
    const records: LogRecord[] = [];
    const bad: BadRecord[] = [];
    for (const line of chunk.lines) {
      if (line.text.trim() === '') continue;
      const read = line.cut ? undefined : readJson(line.text);
      const event = read?.ok ? readLogEvent(read.value) : undefined;
      if (!read?.ok || !event) {
        const reason = line.cut
          ? 'line longer than the limit'
          : read?.ok
            ? 'no event name'
            : `not a JSON line: ${read?.error ?? ''}`;
        bad.push({ path: context.path, offset: line.offset, reason, excerpt: line.text.slice(0, 200) });
        records.push(headOf(line));
        continue;
      }
      const at = timeOf(read.value);
      const mark: Mark = at === undefined ? { offset: line.offset } : { at, offset: line.offset };
      records.push(
        compact({
          offset: line.offset,
          at,
          level: event.level,
          text: textOfEvent(event),
          keys: keysOfEvent(event),
          origin: event.role === 'system' ? undefined : event.role,
        }),
      );
      noteEvent(book, event, mark);
    }
    return { carry: null, facts: book.written(), records, bad };
  },
};

/** What can be told of a line that is no event: its time when it has one, else just its text. */
function headOf(line: Line): LogRecord {
  return compact({ offset: line.offset, ...timeOfHead(line.text), text: clip(line.text, 500) });
}

function timeOf(value: Json): Instant | undefined {
  return parseInstant(getString(value, 'timestamp'));
}

function timeOfHead(line: string): { readonly at?: Instant } {
  return compact({ at: parseInstant(/"timestamp": ?"([^"]{1,40})"/.exec(line.slice(0, 200))?.[1]) });
}

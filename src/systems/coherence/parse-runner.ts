import { getArray, getNumber, isObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { Parser } from '../system.ts';
import { cut, type FactDraft, scriptLogParser, type TimedLine } from './parse-line.ts';

/** Tasks whose facts are kept; the one that came up first goes first. */
const KEPT_TASKS = 1000;

/** Ids of the tasks with facts, oldest first. */
type Own = { readonly known: readonly string[] };

/**
 * `api/logs/agent_runner.log`, written by scripts/agent_runner.py. Facts: `started`, `last`, `error`, and per task
 * `task/<id>` with when it began, how it ended, and how often another worker was refused it.
 */
export const runnerLogParser: Parser = scriptLogParser<Own>(1, { known: [] }, (line, draft, own) => {
  draft.set('last', { at: line.at, offset: line.offset });
  const { message } = line;
  if (message.startsWith('task=')) return takeTask(line, draft, own);
  const started = /^Agent runner started API=(\S+) interval=(\d+) timeout=(\d+)s workers=(\d+)/.exec(message);
  if (started) {
    const [, api = '', interval, timeout, workers] = started;
    draft.set('started', {
      at: line.at,
      offset: line.offset,
      api: cut(api, 200) ?? '',
      intervalS: Number(interval),
      timeoutS: Number(timeout),
      workers: Number(workers),
    });
  } else if (line.level === 'error') {
    draft.set('error', { at: line.at, offset: line.offset, text: cut(message, 300) ?? '' });
  }
  return own;
});

function takeTask(line: TimedLine, draft: FactDraft, own: Own): Own {
  const match = /^task=(\S{1,80}) (.*)$/s.exec(line.message);
  if (!match) return own;
  const [, id = '', rest = ''] = match;
  const key = `task/${id}`;
  const before = draft.get(key);
  const known: JsonObject = isObject(before) ? before : {};
  const ended =
    /^(completed|failed|pending|needs_decision) exit=(-?\d+) duration=([\d.]+)s output_len=(\d+)/.exec(rest);
  if (rest.startsWith('starting command=')) {
    draft.set(key, {
      startedAt: line.at,
      startedOffset: line.offset,
      command: cut(rest.slice('starting command='.length), 160) ?? '',
      runs: (getNumber(known, 'runs') ?? 0) + 1,
    });
  } else if (ended) {
    const [, status = '', exit, seconds, length] = ended;
    draft.set(key, {
      ...known,
      endedAt: line.at,
      endedOffset: line.offset,
      status,
      exit: Number(exit),
      durationS: Number(seconds),
      outputLength: Number(length),
    });
  } else if (
    rest.startsWith('already claimed by another worker') ||
    rest.startsWith('lease claim rejected')
  ) {
    const refusals = (getNumber(known, 'refusals') ?? 0) + 1;
    draft.set(key, { ...known, refusals, refusedAt: line.at, refusedOffset: line.offset });
  } else {
    return own;
  }
  return before === undefined ? remember(own, id, draft) : own;
}

function remember(own: Json, id: string, draft: FactDraft): Own {
  const known = getArray(own, 'known').filter((other): other is string => typeof other === 'string');
  known.push(id);
  while (known.length > KEPT_TASKS) {
    const oldest = known.shift();
    if (oldest !== undefined) draft.set(`task/${oldest}`, null);
  }
  return { known };
}

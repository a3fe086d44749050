/** Errors of the logs around what happened, for a report. */
import type { Instant } from '../domain/instant.ts';
import type { LogQuery, LogRow } from '../domain/log.ts';
import type { LogExcerpt, TimelineEvent } from '../domain/timeline.ts';
import type { EnginePort } from '../engine/protocol.ts';

/** Errors are looked for from so long before a change until so long after it. */
const BEFORE_MS = 120_000;
const AFTER_MS = 30_000;
/** Events that get excerpts, gravest first: looking around each costs a pass over the rows in memory. */
const EXCERPTED = 60;

/** Adds to each grave event the newest error lines that stood around it, at most `each`. */
export async function withExcerpts(
  engine: Pick<EnginePort, 'call'>,
  events: readonly TimelineEvent[],
  each: number,
): Promise<readonly TimelineEvent[]> {
  const grave = [
    ...events.filter(({ weight }) => weight === 'fatal'),
    ...events.filter(({ weight }) => weight === 'error'),
  ];
  const chosen = new Set(each === 0 ? [] : grave.slice(0, EXCERPTED));
  const result: TimelineEvent[] = [];
  for (const event of events) {
    const query = chosen.has(event) ? queryAround(event) : undefined;
    const rows = query ? (await engine.call('page', { query, at: 'end', rows: each })).rows : [];
    result.push(rows.length > 0 ? { ...event, excerpts: rows.map(excerptOf) } : event);
  }
  return result;
}

function queryAround({ system, at, notBefore, logKeys }: TimelineEvent): LogQuery | undefined {
  if (system === undefined || logKeys === undefined || logKeys.length === 0) return undefined;
  return {
    systems: [system],
    keys: logKeys,
    minLevel: 'error',
    changes: false,
    since: ((notBefore ?? at) - BEFORE_MS) as Instant,
    until: (at + AFTER_MS) as Instant,
  };
}

function excerptOf({ path, offset, at, text }: LogRow): LogExcerpt {
  return { path, offset, text, ...(at === undefined ? {} : { at }) };
}

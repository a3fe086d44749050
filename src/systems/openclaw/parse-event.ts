import { type instant, parseInstant } from '../../domain/instant.ts';
import { getNumber, type JsonObject } from '../../lib/json.ts';
import type { EventFact } from './facts.ts';
import { capped, fieldsOf, textIn } from './parse-text.ts';

const NOT_IN_TEXT = new Set(['via', 'event', 'ts', 'job_id']);

/** An event in short. `payload` holds its fields: the column of that name in G2, the line itself in G1. */
export function eventFact(
  id: number,
  event: string,
  ts: string | null,
  run: string | null,
  payload: JsonObject,
): EventFact {
  const fields = fieldsOf(payload, NOT_IN_TEXT);
  return {
    id,
    run,
    at: instantIn(ts),
    event: capped(event, 100),
    status:
      textIn(payload, 'result_status', 60) ?? textIn(payload, 'status', 60) ?? textIn(payload, 'to', 60),
    action: textIn(payload, 'action', 60),
    answer: textIn(payload, 'answer', 4100),
    dedupe: textIn(payload, 'dedupe_key', 80),
    given: instantIn(textIn(payload, 'signal_ts', 60)),
    pid: getNumber(payload, 'pid') ?? getNumber(payload, 'runner_pid') ?? null,
    text: capped(fields === '' ? event : `${event} ${fields}`, 600),
  };
}

/** Times of the database and of signals: ISO 8601 with a zone. */
export function instantIn(text: string | null | undefined): ReturnType<typeof instant> | null {
  return parseInstant(text) ?? null;
}

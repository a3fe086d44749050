import { type Instant, parseInstant } from '../../domain/instant.ts';
import { getString } from '../../lib/json.ts';
import type { FactDraft } from './fact-draft.ts';
import type { LogEvent } from './parse-line.ts';

/** What the parser must remember between two lines. The daemon works on one item at a time, so one of each is enough. */
export type OrchestratorCarry = {
  /** Set once this file was looked at. */
  begun?: boolean;
  /** Fact key of the lifetime being written, without its prefix. */
  run?: string;
  /** Row of `operations` being worked on or just ended, and its issue. */
  op?: string;
  issue?: string;
  /** The lifetime's poll interval, seconds. */
  pollS?: number;
  /** A cost tracker announced itself: the lifetime that begins next goes by this limit. */
  tracker?: { at: Instant; limit: number };
};

/** One event with what folding it needs. */
export interface FoldInput {
  readonly event: LogEvent;
  readonly at: Instant;
  readonly offset: number;
  readonly draft: FactDraft;
  readonly carry: OrchestratorCarry;
}

/** A time field of an event. */
export function timeField(event: LogEvent, name: string): Instant | undefined {
  return parseInstant(getString(event.fields, name));
}

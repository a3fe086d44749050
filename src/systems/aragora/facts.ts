/**
 * Shapes of the facts this kind's parsers make and its derivation reads. They are type aliases (not interfaces) so that
 * they are plain JSON for the compiler too. Times are instants already, `null` where the source has none.
 */
import { type Instant, instant } from '../../domain/instant.ts';
import { getNumber, getString, type Json } from '../../lib/json.ts';
import type { FileFacts, ParseContext } from '../system.ts';

/** One phase of a cycle as the loop's log tells it. */
export type PhaseFact = {
  readonly name: string;
  readonly at: Instant | null;
  readonly offset: number;
  /** From `[timeout] Phase 'x' has Ns budget`; null when no such line came. */
  readonly budgetS: number | null;
  readonly retry: number;
  readonly endAt: Instant | null;
  readonly endOffset: number | null;
  readonly seconds: number | null;
  readonly timedOut: boolean;
};

/** A line worth pointing at. */
export type LineFact = { readonly at: Instant | null; readonly offset: number; readonly text: string };

/** One cycle as the loop's log tells it. */
export type CycleFact = {
  /** Counts the cycles of the file. */
  readonly seq: number;
  readonly n: number;
  /** First eight digits of its id in cycles.db, from `Started recording cycle`. */
  readonly id: string | null;
  readonly at: Instant | null;
  readonly offset: number;
  readonly deadline: Instant | null;
  readonly budgetS: number | null;
  readonly backup: string | null;
  readonly phases: readonly PhaseFact[];
  /** Newest line about the time budget (50, 75, 90 %). */
  readonly warning: LineFact | null;
  /** `[CYCLE TIMEOUT]`, `[CYCLE CRASH]`. */
  readonly breakLine: LineFact | null;
  readonly restored: number | null;
  readonly commit: string | null;
  readonly refused: boolean;
  readonly outcome: string | null;
  readonly outcomeOffset: number | null;
  readonly success: boolean | null;
  readonly endAt: Instant | null;
  /** The loop was started again (or ended) without an outcome of this cycle. */
  readonly cut: boolean;
};

/** A number fact as an instant. */
export function instantOf(value: unknown, key: string): Instant | undefined {
  const at = getNumber(value, key);
  return at === undefined ? undefined : instant(at);
}

/** `value` with long texts cut, so that a fact stays small whatever was written. */
export function cut(value: string | undefined, length: number): string | undefined {
  return value === undefined || value.length <= length ? value : value.slice(0, length);
}

/** The string field, cut; null where there is none, as facts keep it. */
export function textOrNull(value: Json | undefined, key: string, length: number): string | null {
  return cut(getString(value, key), length) ?? null;
}

/** Collects the facts of one chunk; later lines of the chunk see what earlier ones set. */
export class FactDraft {
  readonly #context: ParseContext;
  readonly #facts = new Map<string, Json | null>();
  constructor(context: ParseContext) {
    this.#context = context;
  }
  get(key: string): Json | undefined {
    const mine = this.#facts.get(key);
    return mine === null ? undefined : (mine ?? this.#context.fact(key));
  }
  set(key: string, value: Json | null): void {
    this.#facts.set(key, value);
  }
  /** The facts to hand back; undefined when nothing was set. */
  done(): { readonly [key: string]: Json | null } | undefined {
    return this.#facts.size === 0 ? undefined : Object.fromEntries(this.#facts);
  }
}

/** The newest present file of a source, else the newest one that was there. */
export function newestOf(files: readonly FileFacts[]): FileFacts | undefined {
  let best: FileFacts | undefined;
  for (const file of files) {
    if (!best || Number(file.present) > Number(best.present)) best = file;
    else if (file.present === best.present && (file.modifiedAt ?? 0) > (best.modifiedAt ?? 0)) best = file;
  }
  return best;
}

import { messageOf } from '../domain/error.ts';
import type { Timer } from './timer.ts';

/** Asked again at most for a twentieth of the time. */
const restFactor = 20;

/** The answer to one question, kept up to date. */
export interface PacedAsk<Q, A> {
  /** The last answer to the question that is asked now; that to the one before while there is none. */
  answer(): A | undefined;
  error(): string | undefined;
  /** This is asked now; undefined: nothing is. The same question again is no news. */
  follow(question: Q | undefined): void;
  /** The answer may be another one by now: it is asked for again, in good time. */
  again(): void;
  close(): void;
}

/** `leastMs`: not asked again sooner than this after an answer. */
export function createPacedAsk<Q, A>(
  timer: Timer,
  leastMs: number,
  ask: (question: Q, signal: AbortSignal) => Promise<A>,
  changed: () => void,
): PacedAsk<Q, A> {
  let question: Q | undefined;
  let text: string | undefined;
  let answer: A | undefined;
  let error: string | undefined;
  let running: AbortController | undefined;
  let isWanted = false;
  let cancelAgain: (() => void) | undefined;
  let costMs = 0;
  let closed = false;

  const run = async (): Promise<void> => {
    if (closed || question === undefined) return;
    const abort = new AbortController();
    running = abort;
    isWanted = false;
    const since = timer.monotonic();
    try {
      const next = await ask(question, abort.signal);
      if (closed || abort.signal.aborted) return;
      answer = next;
      error = undefined;
    } catch (failure) {
      if (closed || abort.signal.aborted) return;
      error = messageOf(failure);
    } finally {
      if (running === abort) {
        running = undefined;
        costMs = timer.monotonic() - since;
        if (isWanted) later();
      }
    }
    changed();
  };
  const later = (): void => {
    cancelAgain ??= timer.after(Math.max(leastMs, costMs * restFactor), () => {
      cancelAgain = undefined;
      void run();
    });
  };

  return {
    answer: () => answer,
    error: () => error,
    follow(next) {
      const nextText = next === undefined ? undefined : JSON.stringify(next);
      if (nextText === text) return;
      question = next;
      text = nextText;
      running?.abort();
      running = undefined;
      cancelAgain?.();
      cancelAgain = undefined;
      if (next !== undefined) {
        void run();
        return;
      }
      answer = undefined;
      error = undefined;
      changed();
    },
    again() {
      if (question === undefined) return;
      if (running) isWanted = true;
      else later();
    },
    close() {
      closed = true;
      cancelAgain?.();
      running?.abort();
    },
  };
}

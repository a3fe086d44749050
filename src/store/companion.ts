import type { ActOffer } from '../domain/act.ts';
import type { Ref } from '../domain/entity.ts';
import { refKey } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import type { EnginePort, PlaybookView } from '../engine/protocol.ts';
import type { Timer } from './timer.ts';

/** What goes with the subject and has to be asked for: its steps, and what can be done to it. */
export interface Companion {
  readonly target?: Ref;
  /** Undefined while asked for, null when there is none. */
  readonly playbook?: PlaybookView | null;
  readonly offers?: readonly ActOffer[];
  readonly error?: string;
}

/** A cursor that runs down a list asks for the item it stops at, not for each it passes. */
const settleMs = 80;
/** Checks in steps follow the state; asking again costs a call. */
const againMs = 1000;

export interface CompanionKeeper {
  state(): Companion;
  /** The subject is this now, with the playbook that was named for it, if one was; `revision` is any value that changes when the answer may have. */
  follow(target: Ref | undefined, revision: unknown, playbook?: string): void;
  /** Asks at once: something was done that changes the answer. */
  again(): void;
  close(): void;
}

/** Keeps the companion of the subject up to date, one request at a time, the newest target winning. */
export function createCompanion(
  port: Pick<EnginePort, 'call'>,
  timer: Timer,
  changed: () => void,
): CompanionKeeper {
  let state: Companion = {};
  let revision: unknown;
  let named: string | undefined;
  let cancel: (() => void) | undefined;
  let generation = 0;
  let closed = false;

  const ask = async (target: Ref): Promise<void> => {
    cancel = undefined;
    generation += 1;
    const asked = generation;
    try {
      const [{ playbook }, { offers }] = await Promise.all([
        port.call('playbook', { target, ...(named === undefined ? {} : { playbook: named }) }),
        port.call('offers', { target }),
      ]);
      if (closed || asked !== generation) return;
      if (
        JSON.stringify(state.playbook) === JSON.stringify(playbook) &&
        JSON.stringify(state.offers) === JSON.stringify(offers)
      ) {
        return;
      }
      state = { target, playbook, offers };
    } catch (error) {
      if (closed || asked !== generation) return;
      state = { target, error: messageOf(error) };
    }
    changed();
  };

  return {
    state: () => state,
    follow(target, nextRevision, playbook) {
      const same =
        target !== undefined &&
        state.target !== undefined &&
        refKey(target) === refKey(state.target) &&
        playbook === named;
      if ((same && Object.is(nextRevision, revision)) || (!target && !state.target)) return;
      revision = nextRevision;
      named = playbook;
      if (!target) {
        cancel?.();
        generation += 1;
        cancel = undefined;
        state = {};
        changed();
        return;
      }
      if (same) {
        // Already on its way: that answer will be new enough.
        cancel ??= timer.after(againMs, () => void ask(target));
        return;
      }
      cancel?.();
      state = { target };
      cancel = timer.after(settleMs, () => void ask(target));
      changed();
    },
    again() {
      if (!state.target) return;
      cancel?.();
      void ask(state.target);
    },
    close() {
      closed = true;
      cancel?.();
    },
  };
}

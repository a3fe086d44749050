import { attentionKey } from '../domain/attention.ts';
import { refKey } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import { addMs } from '../domain/instant.ts';
import type { LogQuery } from '../domain/log.ts';
import type { EnginePort } from '../engine/protocol.ts';
import { type Desk, inMode } from './desk.ts';
import type { ApprovalMode, LogAround } from './mode.ts';
import { decidingAct } from './selectors/decision.ts';
import { lensQuery } from './selectors/subject.ts';
import { type CockpitState, entityAt } from './state.ts';

/** Rows of the log shown around the time an approval was asked for. */
const aroundRows = 30;
/** Of a log in which no line names the approval: how far from that time a row may be. */
const aroundMs = 5 * 60_000;

/** Asks for what the open card of an approval needs beside the state. */
export interface CardKeeper {
  /** The desk and the state are these now. */
  follow(desk: Desk, state: CockpitState): void;
  close(): void;
}

/**
 * Keeps the open card supplied: the log around the request once, and what can be decided whenever the approval, who holds
 * it, or the act that decides it moved. An answer for a card that was left is dropped.
 */
export function createCardKeeper(
  port: Pick<EnginePort, 'call'>,
  update: (change: (desk: Desk) => Desk) => void,
): CardKeeper {
  let opened: string | undefined;
  let asked: string | undefined;
  let closed = false;

  const put = (key: string, part: Partial<ApprovalMode>): void =>
    update((desk) => {
      const { mode } = desk;
      if (closed || mode.type !== 'approval' || refKey(mode.target) !== key) return desk;
      return inMode(desk, { ...mode, ...part });
    });

  const askOffers = async ({ target }: ApprovalMode, revision: string): Promise<void> => {
    let part: Partial<ApprovalMode>;
    try {
      part = { offers: (await port.call('offers', { target })).offers };
    } catch (error) {
      part = { offers: [], error: messageOf(error) };
    }
    if (asked === revision) put(refKey(target), part);
  };

  const askLog = async (mode: ApprovalMode): Promise<void> => {
    // Without the log the card is still the card: its pane says what is wrong with the log.
    const around = await logAround(port, mode).catch((): LogAround => ({ rows: [], widened: false }));
    put(refKey(mode.target), { around });
  };

  return {
    follow({ mode }, state) {
      if (mode.type !== 'approval') {
        opened = undefined;
        asked = undefined;
        return;
      }
      const key = refKey(mode.target);
      if (opened !== key) {
        opened = key;
        void askLog(mode);
      }
      const revision = revisionOf(state, mode);
      if (revision === asked) return;
      asked = revision;
      void askOffers(mode, revision);
    },
    close() {
      closed = true;
    },
  };
}

function revisionOf(state: CockpitState, mode: ApprovalMode): string {
  const live = entityAt(state, mode.target);
  const decided = decidingAct(state, mode.shown);
  const tried = state.acts.filter((act) => refKey(act.target) === refKey(mode.target));
  const hold = state.holds.find((one) => one.key === attentionKey(mode.shown) && !one.ours);
  return JSON.stringify([
    refKey(mode.target),
    live?.type === 'approval' ? [live.status, live.answerable, live.payloadDigest] : 'gone',
    decided?.status,
    tried.map((act) => [act.order, act.status]),
    hold?.by,
  ]);
}

/** Rows that name the approval, those around its time; where none does, those of its system close to that time. */
async function logAround(
  port: Pick<EnginePort, 'call'>,
  { shown, target }: ApprovalMode,
): Promise<LogAround> {
  const at = shown.requestedAt === undefined ? 'end' : { time: shown.requestedAt };
  const ask = (query: LogQuery) => port.call('page', { query, at, rows: aroundRows });
  const lens = lensQuery({ ref: target, entity: shown });
  if (lens.keys || lens.files) {
    const { rows } = await ask(lens);
    if (rows.length > 0) return { rows, widened: false };
  }
  const { requestedAt } = shown;
  const near =
    requestedAt === undefined
      ? {}
      : { since: addMs(requestedAt, -aroundMs), until: addMs(requestedAt, aroundMs) };
  const { rows } = await ask({ systems: [shown.system], ...near });
  return { rows, widened: true };
}

import { clockText } from '../lib/time-text.ts';
import type { ActEntry, Risk } from './act.ts';
import { RESTORE_ACT } from './order.ts';

/** What a risk means to who is about to say yes. What undoes an act, where anything does, is said beside it. */
export const riskWords: { readonly [R in Risk]: string } = {
  read: 'only reads',
  reversible: 'low risk',
  costly: 'costs',
  destructive: 'DESTROYS',
};

/**
 * How an act ended and what undoes it, in one line: `verified 03:15:09Z; can be undone by run.resume`. Undefined while
 * it is under way. Raw.
 */
export function endText(act: ActEntry): string | undefined {
  const end = statusText(act);
  return end === undefined ? undefined : `${end}; ${undoText(act)}`;
}

/**
 * The same for who started it on a screen: of an act that was done for its answer, where that stands and how it begins.
 */
export function endNews(act: ActEntry): string | undefined {
  const { answer, undoAct } = act;
  const isForAnswer = undoAct === undefined && (answer?.sections?.length ?? 0) > 0;
  if (!answer || !isForAnswer || act.status === 'unknown') return endText(act);
  const end = statusText(act);
  return end === undefined ? undefined : `${end}; 7, Enter: ${answer.summary}`;
}

function statusText({ endedAt, status }: ActEntry): string | undefined {
  if (status === 'running') return undefined;
  const when = endedAt === undefined ? '' : ` ${clockText(endedAt)}Z`;
  return `${status.replaceAll('-', ' ')}${when}`;
}

function undoText({ status, undo, undoAct }: ActEntry): string {
  if (status === 'unknown') return 'settle it before anything else is done';
  if (undoAct === RESTORE_ACT) return 'can be undone: what was in its files is put back';
  if (undoAct !== undefined) return `can be undone by ${undoAct}`;
  return undo === undefined || undo === '' ? 'no act undoes it' : undo;
}

import type { ActEntry, StageState } from '../../domain/act.ts';
import { memoLast } from './memo.ts';

/**
 * Acts as the pane shows them: under way first, then those whose outcome somebody must settle, then results nobody saw
 * yet, then newest first.
 */
export const selectActs = memoLast((acts: readonly ActEntry[]): readonly ActEntry[] =>
  [...acts].sort((a, b) => actRank(a) - actRank(b) || b.startedAt - a.startedAt),
);

function actRank(act: ActEntry): number {
  if (act.status === 'running') return 0;
  if (act.status === 'unknown') return 1;
  return act.unseen ? 2 : 3;
}

/** The stage an act is waiting for, or the last one. */
function currentStage(act: ActEntry): StageState | undefined {
  return act.stages.find((stage) => stage.state !== 'seen') ?? act.stages[act.stages.length - 1];
}

/** The last thing that was seen, a stage that is only shown may still be out; or the answer that was the proof. */
function seenWords(act: ActEntry): string {
  const stage = act.stages.findLast((one) => one.state === 'seen');
  return stage?.detail ?? stage?.title ?? act.answer?.summary ?? 'the effect';
}

/** How an act stands, in an operator's words. */
export function actWords(act: ActEntry): string {
  const stage = currentStage(act);
  switch (act.status) {
    case 'running':
      // Before its steps begin it says what it waits for: its runner, or the act before it.
      return stage ? `waits: ${stage.title}` : (act.summary ?? 'running');
    case 'verified':
      return `seen: ${seenWords(act)}`;
    case 'not-seen': {
      const other = act.stages.find((one) => one.state === 'contradicted');
      return other ? `ran, but ${other.detail ?? other.title}` : 'ran, effect not seen';
    }
    case 'failed':
      return act.exitCode === undefined || act.exitCode === null ? 'failed' : `failed, exit ${act.exitCode}`;
    case 'timed-out':
      return 'timed out';
    case 'cancelled':
      return 'cancelled';
    case 'unknown':
      return 'outcome unknown: settle it';
    case 'settled':
      return 'settled by hand';
  }
}

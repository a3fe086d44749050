import { getBoolean, getNumber, getString } from '../../lib/json.ts';
import type {
  ClaimFact,
  ItemFact,
  LifeFact,
  OperationLogFact,
  PendingFact,
  RequestFact,
  RunFact,
  StopFact,
} from './facts.ts';
import type { FoldInput } from './fold-input.ts';
import { issueOf, textOf } from './record.ts';

const runCap = 20;
const claimCap = 200;
const operationCap = 600;

/** The item at work, where a sentence leaves its number out. */
export const unnamedItem = '?';

/** The end of a row whose beginning is in another file. */
export const endedItem = (id: number): string => `op-${id}`;

/** A tracker announced longer ago than this belongs to another process (every read-only command makes one). */
const trackerBelongsMs = 60_000;

/** Sentences that tell that a stage was reached, and which one begins then (`src/cycles/issue_processor.py`). */
const stageSentences: readonly (readonly [start: string, stage: string])[] = [
  ['Starting workflow for issue', 'analyzing'],
  ['Issue analysis complete for', 'planning'],
  ['Implementation plan generated for', 'implementing'],
  ['Implementation executed for', 'testing'],
  ['Attempting to fix test failures', 'fixing'],
  ['Tests passing for', 'creating_pr'],
];

/** Lifetimes, claims, operations and stages. True when the line is one that only the daemon writes. */
export function foldLife(input: FoldInput): boolean {
  return foldLifetime(input) || foldOperation(input) || foldQueue(input);
}

function foldLifetime({ event, at, offset, draft, carry }: FoldInput): boolean {
  switch (event.event) {
    case 'cost_tracker_initialized': {
      const limit = getNumber(event.fields, 'max_daily_cost');
      if (limit !== undefined) carry.tracker = { at, limit };
      return false;
    }
    case 'Starting orchestrator': {
      const last = draft.get<LifeFact>('life');
      const before = carry.run === undefined ? undefined : draft.get<RunFact>(`run:${carry.run}`);
      if (carry.run !== undefined && before && before.stoppedAt === undefined && last) {
        draft.put('run', carry.run, { ...before, lastAt: last.at }, runCap);
      }
      const mode = getString(event.fields, 'mode')?.slice(0, 40);
      const repository = getString(event.fields, 'repository')?.slice(0, 200);
      const tracker = carry.tracker;
      const run: RunFact = {
        at,
        offset,
        ...(mode === undefined ? {} : { mode }),
        ...(repository === undefined ? {} : { repository }),
        ...(tracker && at - tracker.at < trackerBelongsMs ? { limit: tracker.limit } : {}),
      };
      carry.run = String(at);
      draft.put('run', carry.run, run, runCap);
      delete carry.op;
      delete carry.issue;
      delete carry.tracker;
      draft.remove('pending');
      return true;
    }
    case 'Starting main loop': {
      const pollS = getNumber(event.fields, 'poll_interval');
      if (pollS !== undefined) carry.pollS = pollS;
      editRun({ event, at, offset, draft, carry }, pollS === undefined ? {} : { pollS }, true);
      return true;
    }
    case 'Received shutdown signal':
      editRun({ event, at, offset, draft, carry }, { signalAt: at });
      return true;
    case 'Orchestrator encountered an error': {
      const error = textOf(event.fields['error']) ?? '';
      editRun({ event, at, offset, draft, carry }, { errorAt: at, error });
      draft.set('stop', { at, offset, error });
      return true;
    }
    case 'Orchestrator stopped':
      editRun({ event, at, offset, draft, carry }, { stoppedAt: at, stoppedOffset: offset });
      {
        // The goodbye comes after an error too, from the same end.
        const before = draft.get<StopFact>('stop');
        const isSameEnd = before?.error !== undefined && at - before.at < 60_000;
        draft.set('stop', { ...(isSameEnd ? before : {}), at, offset });
      }
      delete carry.run;
      delete carry.op;
      delete carry.issue;
      return true;
    default:
      return event.event.startsWith('Running in manual mode');
  }
}

/** Changes the lifetime being written; with `begin` one is made where the file starts in its middle. */
function editRun({ at, offset, draft, carry }: FoldInput, edit: Partial<RunFact>, begin = false): void {
  const known = carry.run === undefined ? undefined : draft.get<RunFact>(`run:${carry.run}`);
  if (carry.run !== undefined && known) {
    draft.put('run', carry.run, { ...known, ...edit }, runCap);
  } else if (begin) {
    carry.run = String(at);
    draft.put('run', carry.run, { at, offset, ...edit }, runCap);
  }
}

function foldOperation({ event, at, offset, draft, carry }: FoldInput): boolean {
  const { fields } = event;
  const current = (): OperationLogFact | undefined =>
    carry.op === undefined ? undefined : draft.get<OperationLogFact>(`op:${carry.op}`);
  const noteItem = (change: Partial<ItemFact>): void => {
    if (carry.op !== undefined) return;
    const issue = issueOf(event) ?? unnamedItem;
    const item: ItemFact = { ...draft.get<ItemFact>(`item:${issue}`), ...change, at, offset };
    draft.put('item', issue, item, claimCap);
  };
  const edit = (change: Partial<OperationLogFact>): void => {
    const known = current();
    if (carry.op !== undefined && known) draft.put('op', carry.op, { ...known, ...change }, operationCap);
  };
  switch (event.event) {
    case 'operation_started': {
      const id = getNumber(fields, 'db_id');
      if (id === undefined) return true;
      const issue = textOf(fields['operation_id']);
      carry.op = String(id);
      if (issue === undefined) delete carry.issue;
      else carry.issue = issue;
      const operation: OperationLogFact = { at, offset, ...(issue === undefined ? {} : { issue }) };
      draft.put('op', carry.op, operation, operationCap);
      return true;
    }
    case 'operation_completed': {
      const id = getNumber(fields, 'operation_db_id');
      if (id !== undefined && carry.op === String(id)) {
        edit({ completedAt: at, success: getBoolean(fields, 'success') ?? false, endOffset: offset });
      }
      if (id !== undefined && carry.op === undefined) {
        draft.put('item', endedItem(id), { at, offset, ended: true }, claimCap);
      }
      return true;
    }
    default:
  }
  const stage = stageSentences.find(([start]) => event.event.startsWith(start))?.[1];
  if (stage !== undefined) {
    edit({ stage, stageAt: at, stageOffset: offset });
    noteItem({ stage, stageAt: at, stageOffset: offset });
    return true;
  }
  const isSuccess = event.event.startsWith('Successfully processed work item');
  const isFailure = event.event.startsWith('Failed to process work item');
  const isError = event.event.startsWith('Error processing work item');
  if (!isSuccess && !isFailure && !isError) return false;
  const pr = getNumber(fields, 'pr_number');
  const error = textOf(fields['error']);
  const finalStage = getString(fields, 'final_stage')?.slice(0, 40);
  noteItem({
    ended: true,
    ...(isSuccess && pr !== undefined ? { pr } : {}),
    ...(error === undefined ? {} : { error }),
  });
  if (issueOf(event) === carry.issue) {
    edit({
      endOffset: offset,
      ...(isSuccess && pr !== undefined ? { pr } : {}),
      ...(error === undefined ? {} : { error }),
      ...(finalStage === undefined ? {} : { finalStage }),
    });
    delete carry.op;
    delete carry.issue;
  }
  return true;
}

function foldQueue({ event, at, offset, draft, carry }: FoldInput): boolean {
  const sentence = event.event;
  const issue = issueOf(event);
  const title = getString(event.fields, 'title')?.slice(0, 300);
  if (sentence.startsWith('Manually triggered processing for issue') && issue !== undefined) {
    const request: RequestFact = { at, offset };
    draft.put('request', issue, request, claimCap);
    return false;
  }
  if (sentence.startsWith('Claimed issue #') && issue !== undefined) {
    const claim: ClaimFact = { at, offset, ...(title === undefined ? {} : { title }) };
    draft.put('claim', issue, claim, claimCap);
    return true;
  }
  if (/^Processing \d+ pending work items/.test(sentence)) {
    const known = draft.get<PendingFact>('pending');
    const pending: PendingFact = {
      firstAt: known?.firstAt ?? at,
      lastAt: at,
      times: (known?.times ?? 0) + 1,
      count: getNumber(event.fields, 'count') ?? known?.count ?? 1,
      offset,
    };
    draft.set('pending', pending);
    return true;
  }
  if (sentence.startsWith('Processing work item ')) {
    draft.remove('pending');
    if (issue !== undefined) carry.issue = issue;
    delete carry.op;
    return true;
  }
  return /^Claimed \d+ new issues/.test(sentence) || sentence.startsWith('Max concurrent issues reached');
}

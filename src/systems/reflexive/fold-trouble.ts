import { getNumber, getObject, getString } from '../../lib/json.ts';
import type { AskFact, DecidedFact, FailingFact, GithubFact } from './facts.ts';
import { noteError } from './fold-audit.ts';
import { refusal } from './fold-cost.ts';
import { type FoldInput, timeField } from './fold-input.ts';
import { textOf } from './record.ts';

const approvalCap = 100;

/** Errors that come again with each pass, by the step that fails (`src/core/orchestrator.py`). */
const failing: { readonly [event: string]: 'main' | 'github' | 'work' | 'coder' } = {
  'Error in main loop': 'main',
  'Error checking for issues': 'github',
  'Error in _check_work_progress': 'work',
  'multi-agent-coder query timed out': 'coder',
  'multi-agent-coder execution failed': 'coder',
  'Unexpected error calling multi-agent-coder': 'coder',
};

/** Repeating errors, GitHub's limit, approvals, and every other line of level error. True for the daemon's own lines. */
export function foldTrouble(input: FoldInput): boolean {
  const { event, at, offset, draft } = input;
  if (event.level === 'error') noteError(draft, at, offset, event.event, event.fields);
  const kind = Object.hasOwn(failing, event.event) ? failing[event.event] : undefined;
  if (kind !== undefined) {
    // The coder answered; it was the daily limit that threw the answer away.
    const isRefusal = refusal.test(getString(event.fields, 'error')?.slice(0, 2000) ?? '');
    if (!isRefusal) noteFailing(input, kind);
    return true;
  }
  notePassed(input);
  return foldGithub(input) || foldApproval(input);
}

function noteFailing({ event, at, offset, draft, carry }: FoldInput, kind: string): void {
  const key = `fails:${kind}`;
  const before = draft.get<FailingFact>(key);
  const gapMs = Math.max(10 * 60_000, 2 * (carry.pollS ?? 300) * 1000 + 5 * 60_000);
  const goesOn = before !== undefined && before.passedAt === undefined && at - before.lastAt <= gapMs;
  const cause = event.exception?.trimEnd().split('\n').at(-1)?.trim();
  const next: FailingFact = {
    event: event.event,
    error: (textOf(event.fields['error']) ?? cause ?? '').slice(0, 300),
    firstAt: goesOn ? before.firstAt : at,
    lastAt: at,
    count: goesOn ? before.count + 1 : 1,
    offset,
  };
  draft.set(key, next);
}

/** What a line proves to work again. */
function notePassed({ event, at, draft }: FoldInput): void {
  const sentence = event.event;
  const pass = (kind: string): void => {
    const fact = draft.get<FailingFact>(`fails:${kind}`);
    if (fact && fact.passedAt === undefined) draft.set(`fails:${kind}`, { ...fact, passedAt: at });
  };
  if (sentence === 'multi-agent-coder query completed') pass('coder');
  if (/^Claimed \d+ new issues/.test(sentence) || sentence.startsWith('Max concurrent issues reached')) {
    pass('github');
  }
  if (/^Processing \d+ pending work items/.test(sentence)) pass('main');
  if (/^(Successfully processed|Failed to process) work item/.test(sentence)) {
    pass('work');
    pass('main');
  }
  if (sentence === 'Starting main loop') {
    for (const kind of ['main', 'github', 'work', 'coder']) pass(kind);
  }
}

function foldGithub({ event, at, offset, draft }: FoldInput): boolean {
  const isLow = event.event === 'GitHub API rate limit running low';
  const isOver = event.event.startsWith('GitHub API rate limit exceeded');
  if (!isLow && !isOver) return false;
  const before = draft.get<GithubFact>('github');
  const resetAt = timeField(event, 'reset_time') ?? (isOver ? before?.resetAt : undefined);
  const sameWindow = before !== undefined && before.resetAt !== undefined && before.resetAt === resetAt;
  const limit = getNumber(event.fields, 'limit') ?? before?.limit;
  const remaining = isOver ? 0 : getNumber(event.fields, 'remaining');
  const next: GithubFact = {
    at,
    offset,
    exceeded: isOver || remaining === 0,
    since: sameWindow ? before.since : at,
    ...(remaining === undefined ? {} : { remaining }),
    ...(limit === undefined ? {} : { limit }),
    ...(resetAt === undefined ? {} : { resetAt }),
  };
  draft.set('github', next);
  return true;
}

/** Approvals live in the memory of whoever asks; the log has these traces (`src/safety/approval.py`). */
function foldApproval({ event, at, offset, draft }: FoldInput): boolean {
  const { fields } = event;
  if (event.event === 'approval_requested') {
    const operation = getString(fields, 'operation')?.slice(0, 100) ?? 'operation';
    const context = getObject(fields, 'context');
    const pr = getNumber(context, 'pr_number');
    const ask: AskFact = {
      at,
      offset,
      operation,
      context: context ? JSON.stringify(context).slice(0, 4000) : (textOf(fields['context']) ?? ''),
      ...(pr === undefined ? {} : { subject: `pr-${pr}` }),
    };
    draft.put('ask', `${operation}:${Math.floor(at / 1000)}`, ask, approvalCap);
    return true;
  }
  const how = decisionOf(event.event, fields['approved']);
  const request = getString(fields, 'request_id')?.slice(0, 200);
  if (how === undefined || request === undefined) return false;
  const key = `decided:${request}`;
  const before = draft.get<DecidedFact>(key);
  const by = getString(fields, 'decided_by')?.slice(0, 100);
  // `approval_decided` follows each of the others and knows least: a timeout is "not approved" to it.
  if (before && event.event === 'approval_decided') return true;
  const next: DecidedFact = { at, offset, how, ...(by === undefined ? {} : { by }) };
  draft.put('decided', request, next, approvalCap);
  return true;
}

function decisionOf(event: string, approved: unknown): DecidedFact['how'] | undefined {
  switch (event) {
    case 'approval_approved':
      return 'approved';
    case 'approval_denied':
      return 'denied';
    case 'approval_timeout':
      return 'timeout';
    case 'approval_auto_approved':
      return 'auto';
    case 'approval_decided':
      return approved === true ? 'approved' : 'denied';
    default:
      return undefined;
  }
}

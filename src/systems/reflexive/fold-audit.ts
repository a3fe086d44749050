import type { Instant } from '../../domain/instant.ts';
import { getObject, getString, type JsonObject } from '../../lib/json.ts';
import type { FactDraft } from './fact-draft.ts';
import type { ErrorsFact, GuardFact, MergeFact, PullRequestFact, SeenFact } from './facts.ts';
import { textOf } from './record.ts';

const minuteMs = 60_000;
const minuteCap = 120;
const guardCap = 50;
const mergeCap = 100;
const pullRequestCap = 300;

/** Facts of one audit event, from whichever file it is read. */
export function foldAudit(draft: FactDraft, entry: JsonObject, at: Instant, offset: number): void {
  const metadata = getObject(entry, 'metadata');
  const resource = getString(entry, 'resource_id')?.slice(0, 100);
  const type = getString(entry, 'event_type') ?? '';
  const seen = draft.get<SeenFact>('audited');
  if (!seen || at > seen.lastAt) draft.set('audited', { firstAt: seen?.firstAt ?? at, lastAt: at });
  switch (type) {
    case 'error_occurred':
      noteAuditError(draft, at, offset, getString(entry, 'message') ?? '', metadata);
      return;
    case 'orchestrator_stopped':
      draft.set('stopped', { at, offset });
      return;
    case 'safety_guard_triggered': {
      const guard = getString(metadata, 'guard')?.slice(0, 60) ?? 'guard';
      const before = draft.get<GuardFact>(`guard:${guard}`);
      const next: GuardFact = {
        guard,
        at,
        offset,
        reason: getString(metadata, 'reason')?.slice(0, 300) ?? '',
        blocked: getString(metadata, 'blocked_action')?.slice(0, 300) ?? '',
        count: (before?.count ?? 0) + 1,
      };
      draft.put('guard', guard, next, guardCap);
      return;
    }
    case 'issue_claimed': {
      const title = getString(metadata, 'title')?.slice(0, 300);
      if (title !== undefined && resource !== undefined) draft.put('title', resource, title, pullRequestCap);
      return;
    }
    case 'human_approval_requested': {
      const next: MergeFact = {
        at,
        offset,
        action: (getString(metadata, 'action') ?? getString(entry, 'message') ?? '').slice(0, 300),
        reason: getString(metadata, 'reason')?.slice(0, 300) ?? '',
      };
      draft.put('merge', resource ?? String(at), next, mergeCap);
      return;
    }
    default:
      if (!type.startsWith('pr_') || resource === undefined) return;
      {
        const url = getString(metadata, 'url')?.slice(0, 500);
        const known = draft.get<PullRequestFact>(`pr:${resource}`)?.url;
        const link = url ?? known;
        const next: PullRequestFact = {
          at,
          offset,
          event: type,
          ...(link === undefined ? {} : { url: link }),
        };
        draft.put('pr', resource, next, pullRequestCap);
      }
  }
}

/**
 * Errors that say nothing new: with a current PyGithub the check of the limit fails at every poll, and the errors of
 * the loop and of the coder are issues of their own.
 */
const toldElsewhere = new Set([
  'Failed to check rate limit',
  'Error in main loop',
  'Error checking for issues',
  'Error in _check_work_progress',
  'GitHub API error while checking for issues',
  'Unexpected error while checking for issues',
  'Failed to fetch issues from GitHub',
  'multi-agent-coder query timed out',
  'multi-agent-coder execution failed',
  'Unexpected error calling multi-agent-coder',
  'cost_limit_critical',
]);

function noteAuditError(
  draft: FactDraft,
  at: Instant,
  offset: number,
  message: string,
  metadata: JsonObject | undefined,
): void {
  count(draft, 'errors', at, offset, message, textOf(metadata?.['error']));
}

/** Counts a line of level error of the main log; used where there is no audit.log. */
export function noteError(
  draft: FactDraft,
  at: Instant,
  offset: number,
  event: string,
  fields: JsonObject,
): void {
  count(draft, 'logged', at, offset, event, textOf(fields['error']));
}

function count(
  draft: FactDraft,
  family: 'errors' | 'logged',
  at: Instant,
  offset: number,
  message: string,
  error: string | undefined,
): void {
  if (toldElsewhere.has(message)) return;
  const minute = String(Math.floor(at / minuteMs) * minuteMs);
  const before = draft.get<ErrorsFact>(`${family}:${minute}`);
  const next: ErrorsFact = {
    count: (before?.count ?? 0) + 1,
    lastAt: at,
    offset,
    text: `${message}${error === undefined ? '' : `: ${error}`}`.slice(0, 300),
  };
  draft.put(family, minute, next, minuteCap);
}

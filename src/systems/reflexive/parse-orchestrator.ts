import type { Instant } from '../../domain/instant.ts';
import type { LogRecord } from '../../domain/log.ts';
import type { BadRecord } from '../../domain/source.ts';
import { getNumber, getString, type Json } from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import { FactDraft } from './fact-draft.ts';
import type { LifeFact, SeenFact } from './facts.ts';
import { foldAudit } from './fold-audit.ts';
import { foldCost } from './fold-cost.ts';
import type { FoldInput, OrchestratorCarry } from './fold-input.ts';
import { foldLife } from './fold-life.ts';
import { foldTrouble } from './fold-trouble.ts';
import { isCompressed, type LogEvent, readLogLine } from './parse-line.ts';
import { issueOf, recordOf } from './record.ts';

/** `logs/orchestrator.log`, by its name or the one it was moved to. */
export const orchestratorLogParser: Parser = { version: 1, start: {}, fold };

function fold(carry: Json, chunk: Chunk, context: ParseContext): Folded {
  if (chunk.type !== 'lines' || isCompressed(context.path, chunk.lines[0]?.text)) return { carry };
  const draft = new FactDraft((key) => context.fact(key));
  const next: OrchestratorCarry = { ...(carry as OrchestratorCarry) };
  const records: LogRecord[] = [];
  const bad: BadRecord[] = [];
  // Audit events reach this file too; where audit.log holds them they would show twice.
  if (next.begun !== true) {
    // Another file under this name: what was seen of the one before says nothing of it.
    next.begun = true;
    draft.remove('seen');
  }
  const hasAuditFile = getString(context.located.extra, 'auditFile') !== undefined;
  for (const line of chunk.lines) {
    if (line.text.trim() === '') continue;
    const event = readLogLine(line.text, line.cut === true);
    if (event.bad !== undefined) {
      bad.push({
        path: context.path,
        offset: line.offset,
        reason: event.bad,
        excerpt: line.text.slice(0, 200),
      });
    }
    const isAudit = event.logger === 'audit' || event.event === 'audit_event';
    if (event.at !== undefined) {
      noteSeen(draft, event.at);
      const input: FoldInput = { event, at: event.at, offset: line.offset, draft, carry: next };
      if (isAudit) foldAudit(draft, event.fields, event.at, line.offset);
      else foldEvent(input);
    }
    if (isAudit && hasAuditFile) continue;
    records.push(recordOf(event, line.offset, keysOf(event, next)));
  }
  return { carry: next as Json, facts: draft.changes(), records, bad };
}

/** Lines that every command of the program writes while it sets itself up, or that a command of an operator writes. */
const ofAnyCommand =
  /^(Initializing |Phase \d|Manually triggered|cost_tracker_|database_|health_|roadmap_|approval_|rollback_|failed_to_parse|rate_limit)|initialized/;

function noteSeen(draft: FactDraft, at: Instant): void {
  const seen = draft.get<SeenFact>('seen');
  if (seen && at <= seen.lastAt) return;
  draft.set('seen', { firstAt: seen?.firstAt ?? at, lastAt: at });
}

function foldEvent(input: FoldInput): void {
  const known = [foldLife(input), foldCost(input), foldTrouble(input)];
  const atWork = input.carry.op !== undefined && !ofAnyCommand.test(input.event.event);
  if (!known.includes(true) && !atWork) return;
  const life: LifeFact = { at: input.at, offset: input.offset };
  input.draft.set('life', life);
}

/**
 * Lines without a number of their own (a request tracked, a step run) belong to the item at work: the loop is one
 * thread and ends an item before it begins the next.
 */
function keysOf(event: LogEvent, carry: OrchestratorCarry): string[] {
  const keys: string[] = [];
  const issue = issueOf(event) ?? (event.form === 'plain' ? undefined : carry.issue);
  if (issue !== undefined) keys.push(`issue-${issue}`);
  if (carry.op !== undefined && issue === carry.issue && event.form !== 'plain') keys.push(`op-${carry.op}`);
  const pr = getNumber(event.fields, 'pr_number');
  if (pr !== undefined) keys.push(`pr-${pr}`);
  const request = getString(event.fields, 'request_id');
  if (request !== undefined && request.length < 200) keys.push(request);
  return keys;
}

import type { Approval, Attention, Evidence } from '../../domain/entity.ts';
import { addMs, instant } from '../../domain/instant.ts';
import { listedApprovals } from './derive-listed.ts';
import {
  currentLifetime,
  dayMs,
  evidence,
  isAlive,
  isRecent,
  type Picture,
  timeWord,
} from './derive-picture.ts';
import type { AskFact, DecidedFact, MergeFact, PullRequestFact } from './facts.ts';
import { type Found, findFamily } from './find-facts.ts';
import { auditSources, logSources } from './locate.ts';

/** `default_timeout_hours` of `src/safety/approval.py`; a request may have its own, which no line tells. */
const defaultTimeoutMs = 24 * 3_600_000;
const hourMs = 3_600_000;
const inMemory = 'kept in memory of whoever asked: approve, deny and approval-list crash, nothing reaches it';

/** Approvals the program lists, which can be decided, and those only its log tells of, which can't. */
export function deriveApprovals(picture: Picture): Approval[] {
  const listed = listedApprovals(picture);
  return [...listed, ...requests(picture).filter((told) => !isListed(told, listed)), ...merges(picture)];
}

/** A request the log tells of and the program lists: one thing, and the list knows more of it. */
function isListed(told: Approval, listed: readonly Approval[]): boolean {
  const asked = Math.floor((told.requestedAt ?? 0) / 1000);
  return listed.some(({ id }) => {
    if (id === told.id) return true;
    const dash = id.lastIndexOf('-');
    const second = Number(id.slice(dash + 1));
    const isSame = told.id.startsWith(`${id.slice(0, dash)}-`) && dash > 0;
    return isSame && Number.isInteger(second) && asked <= second && second <= asked + assessmentS;
  });
}

function requests(picture: Picture): Approval[] {
  const { facts } = picture.context;
  const asks = findFamily<AskFact>(facts, logSources, 'ask:', (fact) => fact.at);
  const decisions = findFamily<DecidedFact>(facts, logSources, 'decided:', (fact) => fact.at);
  const joined = joinDecisions(asks, decisions);
  return [...asks].map(([name, found]) => requestOf(picture, found, joined.get(name)));
}

type Decision = { readonly request: string; readonly found: Found<DecidedFact> };

/** The risk is assessed by a model between the line and the request, which takes its time. */
const assessmentS = 600;

/**
 * Decisions name a request (`approval-<operation>-<unix seconds>`), requests are logged without their id: each decision
 * belongs to the newest request of its operation that was logged before that second and is not decided yet.
 */
function joinDecisions(
  asks: ReadonlyMap<string, Found<AskFact>>,
  decisions: ReadonlyMap<string, Found<DecidedFact>>,
): Map<string, Decision> {
  const joined = new Map<string, Decision>();
  const open = [...asks].sort(([, a], [, b]) => b.value.at - a.value.at);
  for (const [request, found] of decisions) {
    const dash = request.lastIndexOf('-');
    const second = Number(request.slice(dash + 1));
    const operation = request.slice('approval-'.length, dash);
    if (!Number.isInteger(second) || !request.startsWith('approval-')) continue;
    const ask = open.find(([name, { value }]) => {
      const asked = Math.floor(value.at / 1000);
      return (
        !joined.has(name) && value.operation === operation && asked <= second && second <= asked + assessmentS
      );
    });
    if (ask) joined.set(ask[0], { request, found });
  }
  return joined;
}

function requestOf(picture: Picture, ask: Found<AskFact>, decision: Decision | undefined): Approval {
  const { at, offset, operation, context, subject } = ask.value;
  const expiresAt = addMs(at, defaultTimeoutMs);
  const gone = decision ? undefined : daemonWord(picture, at);
  const state = stateOf(picture, expiresAt, decision?.found.value);
  const trail: Evidence[] = [];
  if (decision) {
    const { at: decidedAt, offset: place, how, by } = decision.found.value;
    const text = `${decisionWords[how]}${by === undefined ? '' : ` by ${by}`}`;
    trail.push(evidence(decision.found, { offset: place, at: decidedAt, text }));
  }
  const attention = attentionOf(picture, ask, expiresAt, state, decision?.found.value);
  return {
    type: 'approval',
    system: picture.context.located.system,
    id: decision?.request ?? `approval-${operation}-${Math.floor(at / 1000)}`,
    title: `${operation}${subject === undefined ? '' : ` for ${subject.replace('-', ' #').toUpperCase()}`}`,
    observedAt: ask.file.readAt,
    evidence: evidence(ask, { offset, at, text: `approval_requested ${operation}` }),
    ...(trail.length === 0 ? {} : { trail }),
    ask: 'approve',
    status: state,
    answerable: false,
    reason: inMemory,
    risk: riskOf(operation, context),
    requestedAt: at,
    expiresAt,
    onExpiry: 'counts as denied',
    ...(context === '' || context === '{}' ? {} : { payload: { form: 'arguments', text: context } }),
    decisions: [],
    ...(subject === undefined ? {} : { subject }),
    ...(attention === undefined ? {} : { attention }),
    logKeys: [
      decision?.request ?? `approval-${operation}-${Math.floor(at / 1000)}`,
      ...(subject === undefined ? [] : [subject]),
    ],
    cautions: [
      inMemory,
      ...(gone === undefined ? [] : [gone]),
      ...(decision ? [] : ['the log tells no expiry: 24 h is the default of the program']),
    ],
  };
}

const decisionWords = {
  approved: 'approved',
  denied: 'denied',
  timeout: 'timed out, counted as denied',
  auto: 'approved by the program itself: low risk',
} as const;

/** A request asked in the daemon itself is lost with it; which process asked, no line tells. */
function daemonWord(picture: Picture, askedAt: number): string | undefined {
  const lifetime = currentLifetime(picture);
  if (!lifetime) return undefined;
  if (!isAlive(picture)) return 'no daemon runs: if it was the one that asked, the request is gone';
  if (askedAt >= lifetime.startedAt) return undefined;
  return `the daemon was restarted at ${timeWord(lifetime.startedAt, picture.now)}: if it was the one that asked, the request is gone`;
}

function stateOf(picture: Picture, expiresAt: number, decided: DecidedFact | undefined): Approval['status'] {
  if (decided) return decided.how === 'timeout' ? 'expired' : 'decided';
  if (expiresAt <= picture.now) return 'expired';
  picture.wake(instant(expiresAt));
  return 'pending';
}

function attentionOf(
  picture: Picture,
  ask: Found<AskFact>,
  expiresAt: number,
  state: Approval['status'],
  decided: DecidedFact | undefined,
): Attention | undefined {
  const { at } = ask.value;
  if (state === 'pending') {
    const soonAt = instant(expiresAt - hourMs);
    const soon = soonAt <= picture.now;
    if (!soon) picture.wake(soonAt);
    return {
      rank: soon ? 1 : 3,
      label: 'APPROVE',
      why: 'can only be watched: no command reaches it',
      since: at,
      until: instant(expiresAt),
      onExpiry: 'counts as denied',
      playbook: 'approval-request',
    };
  }
  if (state !== 'expired') return undefined;
  const endedAt = decided?.at ?? expiresAt;
  if (!isRecent(picture, instant(endedAt), dayMs)) return undefined;
  return {
    rank: 7,
    label: 'EXPIRED',
    why: 'decided by nobody, counts as denied',
    since: instant(endedAt),
    onExpiry: 'stays denied',
    playbook: 'approval-request',
  };
}

const riskSteps = ['low', 'medium', 'high', 'critical'] as const;

/** `_assess_risk_basic` of `src/safety/approval.py`; with a model the program may have judged otherwise. */
function riskOf(operation: string, context: string): (typeof riskSteps)[number] {
  const base = ['merge_to_main', 'production_deploy'].includes(operation)
    ? 3
    : ['breaking_change', 'security_related', 'database_migration'].includes(operation)
      ? 2
      : ['configuration_change', 'dependency_update'].includes(operation)
        ? 1
        : 0;
  const raised = ['affects_multiple_components', 'no_tests_available'].filter((name) =>
    context.includes(`"${name}":true`),
  ).length;
  return riskSteps[Math.min(3, base + raised)] ?? 'critical';
}

/**
 * Merges a human was asked for (`_request_human_approval` in `src/cycles/pr_merger.py`): the program does not wait. With
 * `auto_merge` (the default) it approves itself at once, else it gives up at once.
 */
function merges(picture: Picture): Approval[] {
  const { facts } = picture.context;
  const sources = auditSources(facts);
  const asked = findFamily<MergeFact>(facts, sources, 'merge:', (fact) => fact.at);
  const pullRequests = findFamily<PullRequestFact>(facts, sources, 'pr:', (fact) => fact.at);
  const approvals: Approval[] = [];
  for (const [pr, found] of asked) {
    const after = pullRequests.get(pr);
    const ended =
      after && after.value.at >= found.value.at && /merged|closed/.test(after.value.event)
        ? after
        : undefined;
    approvals.push(mergeOf(picture, pr, found, ended));
  }
  return approvals;
}

function mergeOf(
  picture: Picture,
  pr: string,
  found: Found<MergeFact>,
  ended: Found<PullRequestFact> | undefined,
): Approval {
  const { at, offset, action, reason } = found.value;
  const auto = picture.config.autoMerge;
  const isPending = !ended && !auto;
  return {
    type: 'approval',
    system: picture.context.located.system,
    id: `merge-pr-${pr}`,
    title: action === '' ? `merge PR #${pr}` : action,
    observedAt: found.file.readAt,
    evidence: evidence(found, { offset, at, text: reason }),
    ...(ended
      ? {
          trail: [
            evidence(ended, { offset: ended.value.offset, at: ended.value.at, text: ended.value.event }),
          ],
        }
      : {}),
    ask: 'approve',
    status: isPending ? 'pending' : 'decided',
    answerable: false,
    reason: auto
      ? 'pr_management.auto_merge is true: the program approves itself at once'
      : 'the program asked and went on: it merges nothing and waits for nobody',
    risk: 'critical',
    requestedAt: at,
    onExpiry: auto ? 'approved by the program itself' : 'stays unmerged',
    decisions: [],
    subject: `pr-${pr}`,
    ...(isPending
      ? {
          attention: {
            rank: 3,
            label: 'APPROVE',
            why: `asked ${timeWord(at, picture.now)}; the program gave up at once: merge by hand`,
            since: at,
            onExpiry: 'stays unmerged',
            playbook: 'approval-request',
          },
        }
      : {}),
    logKeys: [`pr-${pr}`],
  };
}

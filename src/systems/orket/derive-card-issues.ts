import type { Issue } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import { type CardState, cardTrail } from './derive-cards.ts';
import { type Claim, type IssueInputs, issueOf } from './derive-issues.ts';
import { logEvidence, processEvidence, type RunState } from './derive-runs.ts';
import { clip, compact } from './facts.ts';
import { cardLinesKey } from './log-text.ts';

/** Cards given up for good, and cards whose history contradicts their row. */
export function cardIssues(inputs: IssueInputs): Issue[] {
  const found: Issue[] = [];
  const { facts, context } = inputs;
  const system = context.located.system;
  const observedAt = facts.db?.readAt ?? context.now;
  for (const card of inputs.cards.values()) {
    const { row } = card;
    if (!card.isOpen) continue;
    const evidence = compact({
      source: 'db',
      path: facts.db?.path,
      query: `issues where id = '${row.id}'`,
      text: row.note ? `${row.status}: ${row.note}` : row.status,
      at: card.since?.at,
    });
    const common = compact({
      observedAt,
      evidence,
      trail: cardTrail(card, facts),
      logKeys: [row.id],
      data: { card: row.id },
    });
    if (card.death !== undefined) {
      found.push(
        issueOf(system, {
          ...common,
          ...compact({
            key: `card.dead:${row.id}`,
            title: `${row.id}: given up`,
            severity: 'error' as const,
            detail: card.death,
            since: card.since?.at,
            suggestedAction: 'read why, then rerun its epic or archive it',
            playbook: 'blocked-backlog',
            attention: compact({
              rank: 4 as const,
              label: 'DEAD',
              why: card.death,
              since: card.since?.at,
              playbook: 'blocked-backlog',
              group: row.build === undefined ? undefined : `card.dead:${row.build}`,
            }),
          }),
        }),
      );
      continue;
    }
    const claim = inputs.claims.get(row.id);
    if (claim && isUnkept(claim, card)) {
      found.push(unkeptIssue(inputs, card, claim));
      continue;
    }
    const drift = driftOf(card);
    if (drift) {
      found.push(
        issueOf(system, {
          ...common,
          ...compact({
            key: `card.drift:${row.id}`,
            title: `${row.id}: history says ${drift.history}, row says ${row.status}`,
            severity: drift.isReset ? ('warning' as const) : ('info' as const),
            detail: drift.detail,
            since: card.newest?.at,
            suggestedAction: 'trust the row',
            attention: drift.isReset
              ? compact({
                  rank: 7 as const,
                  label: 'DRIFT',
                  why: drift.detail,
                  since: card.newest?.at,
                  group: row.build === undefined ? undefined : `card.drift:${row.build}`,
                })
              : undefined,
          }),
        }),
      );
    }
  }
  return found;
}

/** History times are whole seconds, and the tool runs a moment after the checkpoint. */
const HISTORY_SLACK_MS = 2000;

/** True when a turn's tools all said ok, and the status it asked for is neither there nor in the history since. */
function isUnkept(claim: Claim, card: CardState): boolean {
  if (card.row.status === claim.to) return false;
  const movedAt = card.newest?.at;
  return movedAt === undefined || movedAt < claim.at - HISTORY_SLACK_MS;
}

function unkeptIssue(inputs: IssueInputs, card: CardState, claim: Claim): Issue {
  const { facts, context } = inputs;
  const { row } = card;
  const why = `its turn asked for ${clip(claim.to, 40)}, every tool said ok, nothing came of it`;
  return issueOf(
    context.located.system,
    compact({
      key: `card.unmoved:${row.id}`,
      title: `${row.id}: still ${row.status}`,
      observedAt: facts.db?.readAt ?? context.now,
      evidence: claim.evidence,
      trail: cardTrail(card, facts),
      severity: 'warning',
      detail: why,
      since: claim.at,
      suggestedAction: 'trust the row; inspect the turn',
      playbook: 'stalled-role-pipeline',
      attention: { rank: 7, label: 'DRIFT', why, since: claim.at, playbook: 'stalled-role-pipeline' },
      logKeys: [row.id],
    }),
  );
}

/** Where the newest history row and the status disagree. */
function driftOf(card: CardState): { history: string; detail: string; isReset: boolean } | undefined {
  const history = card.newest?.to;
  if (history === undefined || history === card.row.status) return undefined;
  if (card.row.status === 'ready' && (history === 'done' || history === 'archived')) {
    return { history, detail: 'finished before, and set back to ready without a history row', isReset: true };
  }
  if (card.row.status === 'ready')
    return { history, detail: 'set back to ready by a reset of its build', isReset: false };
  return { history, detail: 'the row was saved after its history: the row counts', isReset: false };
}

/** Verification: one that never came back, and one that failed. */
export function verificationIssues(inputs: IssueInputs): {
  issues: Issue[];
  changesAt: Instant | undefined;
  /** Runs that wait for a verification which is late. */
  waitingRuns: ReadonlySet<string>;
} {
  const { facts, context, cards } = inputs;
  const system = context.located.system;
  const limitMs = Number(
    context.located.extra['verifyTimeoutMs'] ?? context.located.extra['stalledAfterMs'] ?? 300_000,
  );
  const issues: Issue[] = [];
  const waitingRuns = new Set<string>();
  let changesAt: Instant | undefined;
  const runById = new Map(inputs.runs.map((run) => [run.id, run]));
  for (const found of facts.loggedCards.values()) {
    const { verifier, card } = found.fact;
    const run = verifier ? runById.get(verifier.run) : undefined;
    if (!verifier || verifier.done || verifier.start.at === undefined || !run || inputs.isSuperseded(run))
      continue;
    if (cards.get(card)?.isOpen === false || !isUnderWay(run)) continue;
    const lateAt = addMs(verifier.start.at, limitMs);
    if (context.now < lateAt) {
      changesAt = changesAt === undefined || lateAt < changesAt ? lateAt : changesAt;
      continue;
    }
    waitingRuns.add(run.id);
    const evidence = logEvidence(found, verifier.start, 'runtime_verifier_started, no end');
    issues.push(
      issueOf(
        system,
        compact({
          key: `verification.stalled:${card}`,
          title: `${card}: verification does not come back`,
          observedAt: found.file.readAt,
          evidence,
          trail: run.process ? [processEvidence(run.process)] : undefined,
          severity: 'error',
          detail: 'verification began and did not end within its time',
          since: verifier.start.at,
          playbook: 'verification-stalls',
          attention: {
            rank: 4,
            label: 'STALLED',
            why: 'verification began, no end within its time',
            since: verifier.start.at,
            playbook: 'verification-stalls',
          },
          logKeys: [card, cardLinesKey(verifier.run, card)],
          data: { card },
        }),
      ),
    );
  }
  for (const { fact, file } of facts.verifications) {
    const card = fact.card === undefined ? undefined : cards.get(fact.card);
    if (fact.ok || fact.card === undefined || card?.isOpen === false) continue;
    const run = fact.run === undefined ? undefined : runById.get(fact.run);
    // A run under way deals with it itself, and a newer run has it before it again.
    const isHandled = run !== undefined && (isUnderWay(run) || inputs.isSuperseded(run));
    const isCovered = card?.death !== undefined || isHandled;
    const why = clip(fact.terminalReason ?? fact.errors[0] ?? fact.fixHint ?? 'no error text', 140);
    const evidence = compact({ source: file.source, path: file.path, text: why, at: fact.at });
    issues.push(
      issueOf(
        system,
        compact({
          key: `verification.failed:${fact.card}`,
          title: `${fact.card}: verification failed (${fact.errors.length} errors, ${fact.checked} files)`,
          observedAt: file.readAt,
          evidence,
          trail: fact.errors.map((text) =>
            compact({ source: file.source, path: file.path, text, at: fact.at }),
          ),
          severity: 'warning',
          detail: [why, fact.action === undefined ? '' : `guard decided ${fact.action}`, fact.fixHint ?? '']
            .filter((part) => part !== '')
            .join('; '),
          since: fact.at,
          playbook: 'verification-stalls',
          attention: isCovered
            ? undefined
            : compact({ rank: 4, label: 'FAILED', why, since: fact.at, playbook: 'verification-stalls' }),
          logKeys: [fact.card],
          data: { card: fact.card },
        }),
      ),
    );
  }
  return { issues, changesAt, waitingRuns };
}

/** True while somebody may be carrying the run out. */
function isUnderWay(run: RunState): boolean {
  return run.life === 'alive' || run.life === 'quiet';
}

/** Refusals on file whose card is still open; the queue shows them only where nothing else shows that card. */
export function violationIssues(inputs: IssueInputs): Issue[] {
  const { facts, context, cards } = inputs;
  const issues: Issue[] = [];
  for (const { fact, file } of facts.violations.values()) {
    const card = cards.get(fact.card);
    if (card?.isOpen === false) continue;
    const isCovered = card?.death !== undefined || inputs.cardsWithTurnTrouble.has(fact.card);
    const run = inputs.runs.find((one) => one.id === fact.run);
    const isOld = run !== undefined && inputs.isSuperseded(run);
    const why = clip(fact.detail ?? fact.type, 160);
    issues.push(
      issueOf(
        context.located.system,
        compact({
          key: `policy.violation:${fact.card}`,
          title: `${fact.card}: refused, ${fact.type}`,
          observedAt: file.readAt,
          evidence: compact({ source: file.source, path: file.path, text: why, at: fact.at }),
          severity: 'error',
          detail: fact.detail,
          since: fact.at,
          suggestedAction: fact.remedy,
          attention:
            isCovered || isOld
              ? undefined
              : compact({
                  rank: 4,
                  label: 'REFUSED',
                  why,
                  since: fact.at,
                  playbook: 'stalled-role-pipeline',
                }),
          logKeys: [fact.card],
          data: { card: fact.card },
        }),
      ),
    );
  }
  return issues;
}

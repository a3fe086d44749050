import type { Evidence, Job, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { Collected } from './collect.ts';
import { logEvidence } from './derive-runs.ts';
import { type CardMove, type CardRow, clip, compact } from './facts.ts';

/** One card with what the other tables and the log say about it. */
export interface CardState {
  readonly row: CardRow;
  /** The newest time it entered the status it has. */
  readonly since: CardMove | undefined;
  /** The newest row of its history, whatever it says. */
  readonly newest: CardMove | undefined;
  /** Why no run will touch it again, when that is so. */
  readonly death: string | undefined;
  readonly isOpen: boolean;
}

/** Reasons in the history with which a card is given up for good. */
const DEADLY: { readonly [reason: string]: string } = {
  governance_violation: 'blocked for a governance violation',
  catastrophic_failure: 'blocked after its last retry',
  missing_seat: 'blocked: its seat is missing',
  team_replan_limit_exceeded: 'blocked: replanned too often',
};
/** Characters of a card's summary in its title. */
const TITLE_SUMMARY = 120;
const GUARD_NOTE = 'runtime_guard_terminal_failure:';

/** Joined once per reading of the database. */
const knownCards = new WeakMap<Collected['cards'], ReadonlyMap<string, CardState>>();

/** Finished cards as they were last derived: there may be thousands, and nothing about them changes. */
const finished = new WeakMap<CardState, Job>();

/** Reads the cards. `issues.status` is the authority; the history may end with another status. */
export function joinCards(facts: Collected): ReadonlyMap<string, CardState> {
  const known = knownCards.get(facts.cards);
  if (known) return known;
  const cards = new Map<string, CardState>();
  for (const row of facts.cards.values()) {
    const moves = facts.moves.get(row.id) ?? [];
    const since = moves.find((move) => move.to === row.status);
    cards.set(row.id, {
      row,
      since,
      newest: moves[0],
      death: row.status === 'blocked' ? deathOf(row, since) : undefined,
      isOpen: row.status !== 'done' && row.status !== 'archived' && row.status !== 'canceled',
    });
  }
  knownCards.set(facts.cards, cards);
  return cards;
}

function deathOf(row: CardRow, since: CardMove | undefined): string | undefined {
  if (row.note?.startsWith(GUARD_NOTE)) {
    return `blocked by the guard: ${clip(row.note.slice(GUARD_NOTE.length).trim(), 120)}`;
  }
  return since?.reason === undefined ? undefined : DEADLY[since.reason];
}

/** Statuses in which a run has the card in its hands; without a living run it is put back by the next one. */
const IN_HAND: readonly string[] = [
  'in_progress',
  'code_review',
  'awaiting_guard_review',
  'guard_approved',
  'guard_rejected',
  'guard_requested_changes',
];

/** True for a card a resume would put back to `ready` (`_resume_stalled_issues`). */
export function isRequeuedByRerun(status: string): boolean {
  return status === 'in_progress' || status === 'code_review' || status === 'awaiting_guard_review';
}

function statusOf(card: CardState, isWorkedOn: boolean): { status: Job['status']; waitingFor?: string } {
  const { status } = card.row;
  if (IN_HAND.includes(status)) {
    return isWorkedOn
      ? { status: 'running' }
      : { status: 'waiting', waitingFor: 'a rerun of its epic: no run is alive' };
  }
  switch (status) {
    case 'ready':
    case 'ready_for_testing':
      return { status: 'queued' };
    case 'waiting_for_developer':
      return { status: 'waiting', waitingFor: 'a developer' };
    case 'blocked': {
      if (card.death) return { status: 'failed', waitingFor: 'a person: no run takes it up again' };
      const depends = card.row.dependsOn ?? [];
      return depends.length > 0
        ? { status: 'blocked', waitingFor: clip(depends.join(', '), 200) }
        : { status: 'blocked' };
    }
    case 'done':
      return { status: 'done' };
    case 'canceled':
      return { status: 'cancelled' };
    case 'archived':
      return { status: 'archived' };
    default:
      return { status: 'unknown' };
  }
}

/** A card as a job. */
export function jobEntity(
  system: SystemId,
  card: CardState,
  facts: Collected,
  isWorkedOn: boolean,
  beatAt: Instant | undefined,
): Job {
  if (card.isOpen) return makeJob(system, card, facts, isWorkedOn, beatAt);
  const known = finished.get(card);
  if (known && known.observedAt === facts.db?.readAt && known.system === system) return known;
  const job = makeJob(system, card, facts, false, undefined);
  finished.set(card, job);
  return job;
}

function makeJob(
  system: SystemId,
  card: CardState,
  facts: Collected,
  isWorkedOn: boolean,
  beatAt: Instant | undefined,
): Job {
  const { row, since } = card;
  const { status, waitingFor } = statusOf(card, isWorkedOn);
  return compact({
    type: 'job',
    system,
    id: row.id,
    title: row.summary ? `${row.id} ${clip(row.summary, TITLE_SUMMARY)}` : row.id,
    observedAt: (facts.db?.readAt ?? 0) as Instant,
    evidence: compact({
      source: 'db',
      path: facts.db?.path,
      query: `issues where id = '${row.id}'`,
      text: rowText(row),
      at: since?.at,
    }),
    trail: card.isOpen ? cardTrail(card, facts) : undefined,
    status,
    nativeStatus: row.status,
    waitingFor,
    attempts: row.retries,
    createdAt: row.createdAt,
    updatedAt: since?.at ?? card.newest?.at,
    heartbeatAt: status === 'running' ? beatAt : undefined,
    logKeys: [row.id],
    cautions:
      status === 'waiting' && isRequeuedByRerun(row.status)
        ? ['Rerunning the epic sets every card of the build back to ready, done and archived ones too.']
        : undefined,
    data: cardData(row),
  });
}

/** What archiving by a related word looks at, where the title does not hold it whole. */
function cardData(row: CardRow): NonNullable<Job['data']> {
  const isCut = (row.summary?.length ?? 0) > TITLE_SUMMARY;
  return compact({
    build: row.build,
    summary: isCut ? row.summary : undefined,
    note: row.note,
  });
}

/** Status, retries and note in one line. */
function rowText(row: CardRow): string {
  const retries = row.retries ? `, retry ${row.retries} of ${row.maxRetries ?? '?'}` : '';
  return `${row.status}${retries}${row.note ? `: ${row.note}` : ''}`;
}

/** History, log and reports about one card, newest of each. */
export function cardTrail(card: CardState, facts: Collected): readonly Evidence[] | undefined {
  const trail: Evidence[] = [];
  const { row, since, newest } = card;
  for (const move of newest && newest !== since ? [since, newest] : [since]) {
    if (!move) continue;
    trail.push(
      compact({
        source: 'db',
        path: facts.db?.path,
        query: `card_transactions where id = ${move.id}`,
        text: `${move.from ?? '?'} -> ${move.to}${move.reason ? `, ${move.reason}` : ''}${move.error ? `: ${move.error}` : ''}`,
        at: move.at,
      }),
    );
  }
  const comment = facts.comments.get(row.id);
  if (comment) {
    trail.push(
      compact({
        source: 'db',
        path: facts.db?.path,
        query: `comments where issue_id = '${row.id}'`,
        text: `${comment.author ?? 'somebody'}: ${comment.content}`,
        at: comment.at,
      }),
    );
  }
  const logged = facts.loggedCards.get(row.id);
  if (logged?.fact.retry) {
    const { retry } = logged.fact;
    trail.push(logEvidence(logged, retry, `retry ${retry.count}/${retry.limit}: ${retry.error ?? ''}`));
  }
  if (logged?.fact.verdict) {
    const { verdict } = logged.fact;
    trail.push(logEvidence(logged, verdict, `guard ${verdict.how}: ${verdict.rationale ?? ''}`));
  }
  const violation = facts.violations.get(row.id);
  if (violation) {
    const { type, detail, at } = violation.fact;
    trail.push(
      compact({
        source: violation.file.source,
        path: violation.file.path,
        text: `${type}: ${detail ?? ''}`,
        at,
      }),
    );
  }
  for (const { fact, file } of facts.verifications) {
    if (fact.card !== row.id) continue;
    const text = fact.ok
      ? 'verification passed'
      : `verification failed: ${fact.errors[0] ?? fact.fixHint ?? ''}`;
    trail.push(compact({ source: file.source, path: file.path, text, at: fact.at }));
  }
  return trail.length > 0 ? trail : undefined;
}

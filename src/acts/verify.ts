import type { StageState, StepAnswer } from '../domain/act.ts';
import { addMs, type Instant } from '../domain/instant.ts';
import type { FinishedRecord } from '../domain/ledger.ts';
import type { StepEnd } from '../domain/order.ts';

export type Outcome = FinishedRecord['outcome'];

/** Everything a verdict rests on, at one moment. */
export interface Case {
  readonly now: Instant;
  /** When the act was started. */
  readonly startedAt: Instant;
  /** One per step that was begun. */
  readonly ends: readonly StepEnd[];
  /** Whether more steps are to come. */
  readonly stepsLeft: boolean;
  /** The newest stages; undefined while the state could not be looked at. */
  readonly stages: readonly StageState[] | undefined;
  readonly cancelledBy?: string;
  /** Nobody watched before: a runner was ended, and this is when another went on in its place. */
  readonly blindUntil?: Instant;
  /** Set for acts whose answer is the proof. */
  readonly proof?: StepAnswer;
}

export type Verdict =
  | { readonly state: 'waiting'; readonly until: Instant }
  | { readonly state: 'ended'; readonly outcome: Outcome; readonly summary: string };

/** Nothing is waited for longer, whatever deadline a rule computes: a lease end taken from a hostile file. */
const LONGEST_WAIT_MS = 6 * 3_600_000;
/** How long a first look at the state may take once the steps have run. */
export const FIRST_LOOK_MS = 30_000;

/**
 * Judges an act by what is seen. A required stage seen counts whatever the program said; one that is contradicted, or not
 * seen at its deadline, ends it, and the program's own end then says which word fits.
 */
export function judge(given: Case): Verdict {
  const { now, ends, stages } = given;
  const last = ends.at(-1);
  if (given.stepsLeft && (last === undefined || last.end === 'ok') && given.cancelledBy === undefined)
    return { state: 'waiting', until: addMs(now, 1_000) };
  // The world cannot show an effect of what never began.
  if (given.cancelledBy !== undefined && ends.length === 0)
    return ended('cancelled', cancelText(given.cancelledBy, ends));
  if (last?.end === 'not-started' && ends.length === 1) return ended('failed', last.detail);
  if (given.proof !== undefined && given.proof.ok === false && isAnswered(last))
    return ended(unseen(last), given.proof.summary);
  const required = (stages ?? []).filter((stage) => stage.required);
  const anyones = required.find((stage) => stage.anyones && stage.state === 'seen');
  if (anyones && last !== undefined && last.end !== 'ok')
    return ended(unseen(last), `${anyones.title}, and ${takenText(last)}: ${last.detail}`);
  if (required.length > 0 && required.every((stage) => stage.state === 'seen') && given.proof?.ok !== false)
    return ended('verified', seenText(required, last));
  if (given.cancelledBy !== undefined) return ended('cancelled', cancelText(given.cancelledBy, ends));
  const against = required.find((stage) => stage.state === 'contradicted');
  if (against)
    return ended(
      last?.end === 'no-answer' ? 'failed' : unseen(last),
      `${against.title}: ${against.detail ?? 'the opposite was seen'}`,
    );
  if (stages !== undefined && required.length === 0) return withoutStages(given, last);
  const deadline = deadlineOf(given, required);
  if (now < deadline) return { state: 'waiting', until: deadline };
  if (stages === undefined) return ended('unknown', 'the state could not be looked at');
  if (given.blindUntil !== undefined && deadline < given.blindUntil)
    return ended(
      'unknown',
      `its runner was ended and nobody watched at its deadline; ${unseenText(required, last, given.startedAt, now)}`,
    );
  return ended(unseen(last), unseenText(required, last, given.startedAt, now));
}

/**
 * Stages of two looks: what was seen stays seen, with the time of the first look, though the state has moved on. A stage
 * a look does not name any more is kept.
 */
export function mergeStages(
  before: readonly StageState[],
  look: readonly StageState[],
  now: Instant,
): readonly StageState[] {
  const merged = look.map((stage): StageState => {
    const known = before.find((one) => one.stage === stage.stage && one.title === stage.title);
    if (known?.state === 'seen') return known;
    return stage.state === 'seen' && stage.seenAt === undefined ? { ...stage, seenAt: now } : stage;
  });
  const lost = before.filter(
    (stage) =>
      stage.state === 'seen' && !look.some((one) => one.stage === stage.stage && one.title === stage.title),
  );
  return [...lost, ...merged];
}

function withoutStages(given: Case, last: StepEnd | undefined): Verdict {
  if (given.proof) return ended(given.proof.ok ? 'verified' : unseen(last), given.proof.summary);
  if (last?.end === 'ok')
    return ended('not-seen', 'it ran; nothing is known by which its effect could be seen');
  return ended(unseen(last), last && 'detail' in last ? last.detail : 'nothing ran');
}

/** The earliest deadline of a required stage that is still open; the first look itself has one too. */
function deadlineOf(given: Case, required: readonly StageState[]): Instant {
  const cap = addMs(given.startedAt, LONGEST_WAIT_MS);
  const open = required.filter((stage) => stage.state === 'waiting').map((stage) => stage.deadline);
  const earliest = open.length === 0 ? addMs(given.startedAt, FIRST_LOOK_MS) : Math.min(...open);
  return Math.min(Number.isFinite(earliest) ? earliest : cap, cap) as Instant;
}

/** The word for "its effect was not seen", by how the program ended. */
function unseen(last: StepEnd | undefined): Outcome {
  switch (last?.end) {
    case 'ok':
      return 'not-seen';
    case 'timed-out':
      return 'timed-out';
    case 'no-answer':
      return 'unknown';
    default:
      return 'failed';
  }
}

/** What is known of our own request where anybody's would have shown the same. */
function takenText(last: Exclude<StepEnd, { end: 'ok' }>): string {
  return last.end === 'refused' || last.end === 'not-started'
    ? 'ours was not taken'
    : 'whether ours was taken is not known';
}

function isAnswered(last: StepEnd | undefined): boolean {
  return last?.end === 'ok' || last?.end === 'refused' || last?.end === 'timed-out';
}

function seenText(required: readonly StageState[], last: StepEnd | undefined): string {
  const newest = required.at(-1) as StageState;
  const said = last && last.end !== 'ok' ? `; the program: ${last.detail}` : '';
  return `seen: ${newest.detail ?? newest.title}${said}`;
}

function unseenText(
  required: readonly StageState[],
  last: StepEnd | undefined,
  startedAt: Instant,
  now: Instant,
): string {
  const open = required.find((stage) => stage.state === 'waiting');
  const seconds = Math.round((now - startedAt) / 1_000);
  const said = last && last.end !== 'ok' ? `${last.detail}; ` : '';
  return `${said}not seen in ${seconds} s: ${open?.title ?? 'its effect'}${open?.detail ? ` (${open.detail})` : ''}`;
}

function cancelText(by: string, ends: readonly StepEnd[]): string {
  if (ends.length === 0) return `cancelled by ${by} before anything was started`;
  const ran = ends.at(-1)?.end === 'ok' ? 'the steps had run' : 'the program was ended';
  return `cancelled by ${by}; ${ran}, its effect was not seen`;
}

function ended(outcome: Outcome, summary: string): Verdict {
  return { state: 'ended', outcome, summary };
}

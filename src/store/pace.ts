/** How often a frame is drawn in which nothing but time moves. */
import { type Instant, instant } from '../domain/instant.ts';
import type { Desk } from './desk.ts';
import type { Subject } from './selectors/subject.ts';
import type { CockpitState } from './state.ts';

/** Ages step together, at the full minute: a screen on which nothing happens is written to once a minute at most. */
const quietStepMs = 60_000;
/** What just came up is told in tens of seconds for its first minute. */
const youngStepMs = 10_000;
/** While a deadline near by is in view time goes in seconds: what is left must not be promised too long. */
export const countingStepMs = 1000;
const countingWithinMs = 120_000;
/** While nothing came in for so long the clock goes by the minute: a screen at rest is not written to. */
const restMs = 5_000;
/** The engine tells that it lives every five seconds: one that was not heard of for so long has fallen silent. */
const silentMs = 15_000;

/** How far apart frames are in which nothing but time moves. */
export function stepOf(state: CockpitState, subject: Subject | undefined, desk: Desk, now: Instant): number {
  if (isCounting(state, subject, desk, now)) return countingStepMs;
  const isYoung = (since: Instant | undefined): boolean =>
    since !== undefined && since <= now && now - since < quietStepMs + youngStepMs;
  return state.queue.some((item) => isYoung(item.since)) ? youngStepMs : quietStepMs;
}

/** True while a deadline that is in view comes within two minutes, one on the page of an act included. */
function isCounting(state: CockpitState, subject: Subject | undefined, desk: Desk, now: Instant): boolean {
  const { mode } = desk;
  const order = mode.type === 'details' && mode.subject.of === 'act' ? mode.subject.order : undefined;
  const act = order === undefined ? undefined : state.acts.find((one) => one.order === order);
  const untils = [
    subject?.item?.until,
    mode.type === 'approval' ? mode.shown.expiresAt : undefined,
    ...(act?.status === 'running' ? act.stages : []).flatMap((stage) =>
      stage.state === 'waiting' ? [stage.deadline] : [],
    ),
  ];
  return untils.some(
    (until) => until !== undefined && until > now - youngStepMs && until - now < countingWithinMs,
  );
}

/** The time ages are judged by: whole steps, and never before what came in last, nor before a deadline that has passed: ages must not run backwards. */
export function steppedNow(now: Instant, state: CockpitState, step: number): Instant {
  const passed = state.queue.flatMap(({ until }) => (until !== undefined && until <= now ? [until] : []));
  return instant(Math.max(Math.floor(now / step) * step, state.movedAt, ...passed));
}

/** Parts of the state that no frame shows but through its clock. */
const unseen: ReadonlySet<keyof CockpitState> = new Set(['now', 'pending']);

/** The clock of the first row is that of the newest data: a screen that gets no more news does not pretend to be of now. */
export interface NewsClock {
  /** Nothing came in for some time: {@link minute} is shown, else when something came in last. */
  readonly isAtRest: boolean;
  /** With the ages, in one write a minute; an engine that falls silent takes the clock with it. Minutes count alone. */
  readonly minute: Instant;
}

/** The clock of a frame that is judged by `now`. */
export function newsClock(state: Pick<CockpitState, 'now' | 'movedAt'>, now: Instant): NewsClock {
  return {
    isAtRest: state.now - state.movedAt > restMs,
    minute: now - state.now < silentMs ? instant(Math.max(now, state.now)) : state.now,
  };
}

/**
 * True when a frame judged by `now` looks the same whichever of two states it is drawn from: the engine told no more
 * than that it lives.
 */
export function looksAlike(a: CockpitState, b: CockpitState, now: Instant): boolean {
  const [before, after] = [newsClock(a, now), newsClock(b, now)];
  return (
    before.isAtRest === after.isAtRest &&
    Math.floor(before.minute / quietStepMs) === Math.floor(after.minute / quietStepMs) &&
    (Object.keys(b) as (keyof CockpitState)[]).every((name) => unseen.has(name) || a[name] === b[name])
  );
}

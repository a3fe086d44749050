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

/** Acts carried out on a checkout that really runs: planned, run by the runner's own hands, judged by its own verdict. */
import { hostHands } from '../../../src/acts/hands.ts';
import { createMasker } from '../../../src/acts/mask.ts';
import { stepsRefusal } from '../../../src/acts/order.ts';
import { runStep } from '../../../src/acts/run-step.ts';
import { judge, mergeStages, type Outcome } from '../../../src/acts/verify.ts';
import type { Params, StageState, StepAnswer, StepOutput } from '../../../src/domain/act.ts';
import { type EntityType, refOf } from '../../../src/domain/entity.ts';
import { addMs, instant } from '../../../src/domain/instant.ts';
import type { StepEnd } from '../../../src/domain/order.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { coherenceActs } from '../../../src/systems/coherence/acts.ts';
import type { ActOrder, ActSpec } from '../../../src/systems/system.ts';
import type { Live } from './live.ts';

export interface Performed {
  readonly outcome: Outcome;
  readonly summary: string;
  readonly stages: readonly StageState[];
  readonly answer: StepAnswer | undefined;
}

/** The act with that id. */
export function actOf(id: string): ActSpec {
  const act = coherenceActs.find((one) => one.id === id);
  if (!act) throw new Error(`no act ${id}`);
  return act;
}

/** Six hours: later than any deadline. */
const PAST_ALL_MS = 21_000_000;

/**
 * Does it and judges it. `patienceMs`: how long something may still come; then the time is taken to be past every
 * deadline, so that a lie is judged without waiting for it.
 */
export async function perform(
  live: Live,
  act: string,
  on: readonly [EntityType, string],
  params: Params = {},
  patienceMs = 20_000,
): Promise<Performed> {
  const spec = actOf(act);
  const { view } = await live.look();
  const target = view.entity(...on);
  if (!target) throw new Error(`no ${on.join('/')}`);
  if (!spec.appliesTo(target)) throw new Error(`${act} does not apply to ${on.join('/')}`);
  const refused = spec.precondition(view, target);
  if (refused !== undefined) throw new Error(`refused: ${refused}`);
  const startedAt = instant(Date.now());
  const steps = spec.plan(view, target, params);
  const unfit = stepsRefusal(steps, { targetId: target.id, params });
  if (unfit !== undefined) throw new Error(`unfit: ${unfit}`);
  const order: ActOrder = {
    ...{ order: 'o', act, target: refOf(target), params, startedAt },
    revision: spec.revision(view, target),
    baseline: spec.baseline?.(view, target) ?? null,
    stepsDone: 0,
  };
  const outputs: StepOutput[] = [];
  const ends: StepEnd[] = [];
  const surroundings = {
    ...{ clock: systemClock(), hands: hostHands, masker: createMasker(), root: live.located.root },
    ...{ signal: new AbortController().signal, secret: () => 'x', print: () => {}, keep: () => {} },
  };
  for (const step of steps) {
    const result = await runStep(step, surroundings);
    outputs.push(result.output);
    ends.push(result.end);
    if (result.end.end !== 'ok') break;
  }
  const done = { ...order, stepsDone: ends.length, lastStepAt: instant(Date.now()) };
  const answer = spec.read?.(outputs, done);
  const proof = spec.answerIsProof && answer ? { proof: answer } : {};
  let stages: readonly StageState[] = [];
  const end = Date.now() + patienceMs;
  for (;;) {
    const seen = (await live.look()).view;
    const now = Date.now() > end ? addMs(startedAt, PAST_ALL_MS) : seen.now;
    stages = mergeStages(stages, spec.expect({ ...seen, now }, { ...done, stages }), now);
    const verdict = judge({ now, startedAt, ends, stepsLeft: false, stages, ...proof });
    if (verdict.state === 'ended') {
      return { outcome: verdict.outcome, summary: verdict.summary, stages, answer };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

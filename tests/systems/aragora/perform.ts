/**
 * Does an act to the simulated checkout as the runner does: the steps with the host's real hands, then the kind's own
 * look at the state, judged by the rules every act is judged by. Time that would be waited for is skipped.
 */
import { expect } from 'vitest';
import { hostHands } from '../../../src/acts/hands.ts';
import { createMasker } from '../../../src/acts/mask.ts';
import { stepsRefusal } from '../../../src/acts/order.ts';
import { runStep } from '../../../src/acts/run-step.ts';
import { judge, mergeStages, type Verdict } from '../../../src/acts/verify.ts';
import { secretOf } from '../../../src/config/systems.ts';
import type { Params, StageState, StepAnswer, StepOutput } from '../../../src/domain/act.ts';
import { type Entity, type EntityType, entityKey, refOf } from '../../../src/domain/entity.ts';
import { addMs, instant } from '../../../src/domain/instant.ts';
import type { StepEnd } from '../../../src/domain/order.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import type { ActOrder, ActSpec, Derived, Located, StateView } from '../../../src/systems/system.ts';

/** A system that can be looked at again and again. */
export interface Looked {
  readonly located: Located;
  look(): Promise<{ readonly derived: Derived; readonly processes: readonly ProcessInfo[] }>;
}

export interface Done {
  readonly outcome: Extract<Verdict, { state: 'ended' }>['outcome'];
  readonly summary: string;
  readonly answer: StepAnswer | undefined;
  readonly stages: readonly StageState[];
  readonly ends: readonly StepEnd[];
}

export function actOf(id: string): ActSpec {
  const act = aragoraKind.acts.find((one) => one.id === id);
  if (!act) throw new Error(`no act ${id}`);
  return act;
}

export async function viewOf(system: Looked, laterMs = 0): Promise<StateView> {
  const { derived, processes } = await system.look();
  const at = addMs(instant(Date.now()), laterMs);
  const byKey = new Map(derived.entities.map((entity) => [entityKey(entity), entity]));
  return stateViewOf(system.located, at, byKey, derived.data ?? {}, { readAt: at, processes });
}

export function targetIn(view: StateView, type: EntityType, id: string): Entity {
  const target = view.entity(type, id);
  if (!target)
    throw new Error(
      `no ${type} ${id}: ${view
        .entities(type)
        .map((one) => one.id)
        .join(' ')}`,
    );
  return target;
}

/** How long after the last step a look is repeated before its deadlines are taken to have passed, in milliseconds. */
const PATIENCE_MS = 10_000;

export interface Doing {
  readonly params?: Params;
  /** Steps give up after that long. */
  readonly timeoutMs?: number;
  /** False: what is not seen at once will not be seen. */
  readonly isHopeful?: boolean;
  /** Called between the first step and the look. */
  meanwhile?(): void | Promise<void>;
}

/** Plans, runs and judges an act. */
export async function perform(
  system: Looked,
  id: string,
  on: readonly [EntityType, string],
  { params = {}, timeoutMs, isHopeful = true, meanwhile }: Doing = {},
): Promise<Done> {
  const act = actOf(id);
  const before = await viewOf(system);
  const target = targetIn(before, ...on);
  expect(act.appliesTo(target), `${id} applies`).toBe(true);
  expect(act.precondition(before, target), `${id} can be done`).toBeUndefined();
  const steps = act.plan(before, target, params);
  expect(stepsRefusal(steps, { targetId: target.id, params })).toBeUndefined();
  const startedAt = instant(Date.now());
  const order: ActOrder = {
    order: 'o1',
    act: id,
    target: refOf(target),
    params,
    startedAt,
    revision: act.revision(before, target),
    baseline: act.baseline?.(before, target) ?? null,
    stepsDone: steps.length,
  };
  const outputs: StepOutput[] = [];
  const ends: StepEnd[] = [];
  for (const step of steps) {
    const quick = timeoutMs === undefined || !('timeoutMs' in step) ? step : { ...step, timeoutMs };
    const result = await runStep(quick, {
      clock: systemClock(),
      hands: hostHands,
      masker: createMasker([]),
      root: system.located.root,
      signal: new AbortController().signal,
      secret: (name) => secretOf(system.located, name, {}),
      print: () => {},
      keep: () => {},
    });
    outputs.push(result.output);
    ends.push(result.end);
    if (result.end.end !== 'ok') break;
  }
  await meanwhile?.();
  const answer = act.read?.(outputs, order);
  let stages: readonly StageState[] = [];
  const doneAt = Date.now();
  for (;;) {
    const view = await viewOf(system);
    stages = mergeStages(stages, act.expect(view, order), view.now);
    const isLate = !isHopeful || Date.now() - doneAt > PATIENCE_MS;
    const verdict = judge({
      now: isLate ? addMs(view.now, 3_600_000) : view.now,
      startedAt,
      ends,
      stepsLeft: false,
      stages,
      ...(act.answerIsProof && answer ? { proof: answer } : {}),
    });
    if (verdict.state === 'ended') return { ...verdict, answer, stages, ends };
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

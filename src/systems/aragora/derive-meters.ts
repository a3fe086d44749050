import type { Meter } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import { getArray, getNumber } from '../../lib/json.ts';
import { entityBase, evidenceOf, spanText } from './draft.ts';
import type { Scene } from './scene.ts';

/** Time and money against their limits. */
export function metersOf(scene: Scene): readonly Meter[] {
  return [cycleTime(scene), totalTime(scene), implementCost(scene)].filter((meter) => meter !== undefined);
}

const STEPS = 10;

/**
 * Time used of a budget, in tenths of it: a value that moved with each second would never let a screen rest, and
 * `exhaustsAt` tells the rest to the second.
 */
function used(scene: Scene, from: Instant, budgetS: number): number {
  const stepMs = (budgetS * 1000) / STEPS;
  const steps = Math.max(0, Math.floor((scene.now - from) / stepMs));
  if (steps < STEPS) scene.due.isPast(addMs(from, (steps + 1) * stepMs));
  return Math.min(steps, STEPS) * Math.round(budgetS / STEPS);
}

function statusOf(value: number, limit: number): Meter['status'] {
  const part = value / limit;
  return part >= 0.9 ? 'critical' : part >= 0.75 ? 'warning' : 'ok';
}

function cycleTime(scene: Scene): Meter | undefined {
  const { loop } = scene;
  const open = loop.open;
  if (!loop.log || !open?.deadline || open.budgetS === null || open.budgetS <= 0 || loop.isLogFormer)
    return undefined;
  if (loop.state === 'dead') return undefined;
  const value = used(scene, addMs(open.deadline, -open.budgetS * 1000), open.budgetS);
  return {
    ...entityBase(scene, 'cycle-time', loop.log),
    type: 'meter',
    title: `time of cycle ${open.n}`,
    name: 'cycle time',
    value,
    limit: open.budgetS,
    unit: 's',
    window: `cycle ${open.n}, in tenths of its budget`,
    exhaustsAt: open.deadline,
    status: statusOf(value, open.budgetS),
    evidence: evidenceOf(
      loop.log,
      { offset: open.offset, at: open.at },
      `${spanText(open.budgetS)} budget of cycle ${open.n}`,
    ),
  };
}

function totalTime(scene: Scene): Meter | undefined {
  const { loop, place } = scene;
  if (!loop.log || loop.startedAt === undefined || loop.isLogFormer) return undefined;
  if (loop.state !== 'running' && loop.state !== 'waiting' && loop.state !== 'stalled') return undefined;
  const value = used(scene, loop.startedAt, place.totalS);
  return {
    ...entityBase(scene, 'total-time', loop.log),
    type: 'meter',
    title: 'time of the whole loop',
    name: 'loop time',
    value,
    limit: place.totalS,
    unit: 's',
    window: place.isTotalGiven
      ? 'since the loop started, checked between cycles'
      : 'since the loop started; limit is the default of NOMIC_MAX_TOTAL_SECONDS, checked between cycles',
    exhaustsAt: addMs(loop.startedAt, place.totalS * 1000),
    status: place.isTotalGiven ? statusOf(value, place.totalS) : 'ok',
    evidence: evidenceOf(loop.log, loop.start, 'loop started'),
  };
}

/** What the implement tasks cost, as their progress file says; the log tells no cost. */
function implementCost(scene: Scene): Meter | undefined {
  const file = scene.file('nomic.implement');
  const results = getArray(file?.facts.get('progress'), 'results');
  const costs = results.map((one) => getNumber(one, 'costUsd')).filter((cost) => cost !== undefined);
  if (!file || costs.length === 0) return undefined;
  const { maxCostUsd, isMaxCostGiven } = scene.place;
  const value = Math.round(costs.reduce((sum, cost) => sum + cost, 0) * 100) / 100;
  return {
    ...entityBase(scene, 'implement-cost', file),
    type: 'meter',
    title: 'cost of the implement tasks',
    name: 'implement cost',
    value,
    limit: maxCostUsd,
    unit: 'USD',
    window: `tasks of this design only; limit of the whole loop${isMaxCostGiven ? '' : ' (default)'}`,
    status: statusOf(value, maxCostUsd),
    evidence: evidenceOf(file, undefined, `${costs.length} of ${results.length} results name a cost`),
  };
}

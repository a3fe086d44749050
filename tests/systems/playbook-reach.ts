/** How far the playbooks of a kind reach over all its fixtures: who names them, what their acts are done to, what their checks say. */
import { type Entity, entityKey } from '../../src/domain/entity.ts';
import { stateViewOf } from '../../src/engine/state-view.ts';
import type {
  ActSpec,
  CommonSettings,
  PlaybookStep,
  StateView,
  SystemKind,
} from '../../src/systems/system.ts';
import { caseNames, deriveLocated, layOutCase, locateCase } from './fixture-case.ts';

/** A playbook's step as the tests name it. */
export type StepName = `${string}: ${string}`;

export interface Reach {
  /** Playbooks that some item names. */
  readonly named: ReadonlySet<string>;
  /** Acts of steps that do not apply to what they would be done to. */
  readonly unfit: readonly string[];
  /** Act steps that can be done in no fixture, whichever item one comes from. */
  readonly neverPossible: readonly StepName[];
  /** Checks that say the same whatever is looked at. */
  readonly constant: readonly StepName[];
  /** Items that need a human and name no playbook: label and kind of item. */
  readonly unled: readonly string[];
}

interface Scene {
  readonly view: StateView;
  readonly entities: readonly Entity[];
}

/** `settings` are given where a fixture has none: an interpreter, an address. */
export async function reachOf(kind: SystemKind, settings: CommonSettings): Promise<Reach> {
  const scenes: Scene[] = [];
  for (const name of caseNames(kind.kind)) scenes.push(await sceneOf(kind, name, settings));
  const named = new Set<string>();
  const unled = new Set<string>();
  const unfit: string[] = [];
  const acts = new Map<StepName, boolean>();
  const checks = new Map<StepName, Set<boolean>>();
  for (const { view, entities } of scenes) {
    for (const entity of entities) {
      const id = entity.attention?.playbook ?? entity.playbook;
      if (id === undefined) {
        if (entity.attention) unled.add(`${entity.attention.label} ${entity.type}`);
        continue;
      }
      named.add(id);
      for (const step of kind.playbooks.find((one) => one.id === id)?.steps ?? []) {
        const name: StepName = `${id}: ${step.type === 'act' ? step.act : step.text}`;
        if (step.type === 'check') {
          const states = checks.get(name) ?? new Set();
          checks.set(name, states);
          for (const scene of scenes) states.add(step.holds(scene.view, entity));
        }
        if (step.type !== 'act') continue;
        const ref = step.on ? step.on(view, entity) : entity;
        const target = ref && view.entity(ref.type, ref.id);
        const act = kind.acts.find((one) => one.id === step.act);
        if (target && !act?.appliesTo(target)) unfit.push(`${name} on ${entityKey(target)}`);
        const isPossible = scenes.some((scene) => isDoable(step, act, scene.view, entity));
        acts.set(name, acts.get(name) === true || isPossible);
      }
    }
  }
  return {
    named,
    unfit,
    neverPossible: [...acts].flatMap(([name, isPossible]) => (isPossible ? [] : [name])).sort(),
    constant: [...checks].flatMap(([name, states]) => (states.size > 1 ? [] : [name])).sort(),
    unled: [...unled].sort(),
  };
}

function isDoable(
  step: Extract<PlaybookStep, { type: 'act' }>,
  act: ActSpec | undefined,
  view: StateView,
  item: Entity,
): boolean {
  const ref = step.on ? step.on(view, item) : item;
  const target = ref && view.entity(ref.type, ref.id);
  return target !== undefined && act?.appliesTo(target) === true && !act.precondition(view, target);
}

async function sceneOf(kind: SystemKind, name: string, settings: CommonSettings): Promise<Scene> {
  const laid = await layOutCase(kind.kind, name);
  try {
    const fixture = { ...laid.case, settings: { ...settings, ...laid.case.settings } };
    const located = locateCase(kind, laid.dir, fixture);
    const { entities, data = {} } = deriveLocated(kind, located, fixture);
    const byKey = new Map(entities.map((one) => [entityKey(one), one]));
    const table = { readAt: fixture.at, processes: fixture.processes };
    return { view: stateViewOf(located, fixture.at, byKey, data, table), entities };
  } finally {
    laid.remove();
  }
}

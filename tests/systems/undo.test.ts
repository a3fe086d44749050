/** What every act of every kind says of its undo, held against what the acts it names can be done to. */
import { describe, expect, it } from 'vitest';
import { type Entity, entityKey, refOf } from '../../src/domain/entity.ts';
import { stateViewOf } from '../../src/engine/state-view.ts';
import { builtInKinds } from '../../src/systems/registry.ts';
import type { ActOrder, ActSpec, StateView, SystemKind } from '../../src/systems/system.ts';
import { caseNames, deriveLocated, layOutCase, locateCase } from './fixture-case.ts';

const allKinds = await builtInKinds();

const known = new Map<string, Promise<StateView[]>>();

/** A view of each fixture of a kind; read once. */
function viewsOf(kind: SystemKind): Promise<StateView[]> {
  const views = known.get(kind.kind) ?? readViews(kind);
  known.set(kind.kind, views);
  return views;
}

async function readViews(kind: SystemKind): Promise<StateView[]> {
  const views: StateView[] = [];
  for (const name of caseNames(kind.kind)) {
    const laid = await layOutCase(kind.kind, name);
    try {
      const located = locateCase(kind, laid.dir, laid.case);
      const derived = deriveLocated(kind, located, laid.case);
      const entities = new Map(derived.entities.map((entity) => [entityKey(entity), entity]));
      const table = { readAt: laid.case.at, processes: laid.case.processes };
      views.push(stateViewOf(located, laid.case.at, entities, derived.data ?? {}, table));
    } finally {
      laid.remove();
    }
  }
  return views;
}

const TYPES = [
  'service',
  'layer',
  'meter',
  'issue',
  'job',
  'run',
  'turn',
  'approval',
  'restorePoint',
] as const;

const entitiesOf = (view: StateView): Entity[] => TYPES.flatMap((type): Entity[] => [...view.entities(type)]);

/** Ids that name a part of every installation; those of jobs, runs and their like come and go. */
const isPart = ({ type }: Entity): boolean => ['service', 'layer', 'meter', 'issue'].includes(type);

/** Acts on a part that are undone on what they have made: no fixture has that before. */
const MAKES: ReadonlySet<string> = new Set(['job.submit']);

function orderOf(spec: ActSpec, view: StateView, target: Entity): ActOrder {
  return {
    ...{ order: 'o1', act: spec.id, target: refOf(target), params: {}, startedAt: view.now, stepsDone: 1 },
    ...{ revision: '', baseline: spec.baseline?.(view, target) ?? null },
  };
}

/** Why the act that an undo names does not fit what it would be done to. */
function misfitOf(spec: ActSpec, undoing: ActSpec, view: StateView, target: Entity, all: readonly Entity[]) {
  const name = `${spec.id} on ${target.type} ${target.id}`;
  if (spec.undo?.on) {
    const ref = spec.undo.on(view, orderOf(spec, view, target));
    if (!ref) return isPart(target) && !MAKES.has(spec.id) ? `${name}: undone on nothing` : undefined;
    const there = view.entity(ref.type, ref.id);
    return there && undoing.appliesTo(there)
      ? undefined
      : `${name}: ${undoing.id} not on ${ref.type} ${ref.id}`;
  }
  const isFit = all.some(
    (one) => undoing.appliesTo(one) && (isPart(target) ? one.id === target.id : !isPart(one)),
  );
  return isFit ? undefined : `${name}: ${undoing.id} is for nothing of that id`;
}

describe.each(allKinds.map((kind) => [kind.kind, kind] as const))('undo in %s', (_, kind) => {
  it('names an act of the kind that is for what it would be done to', async () => {
    const views = await viewsOf(kind);
    const all = views.flatMap(entitiesOf);
    const undoable = kind.acts.filter(({ undo }) => undo?.act !== undefined);
    const unknown = undoable.filter(({ undo }) => !kind.acts.some(({ id }) => id === undo?.act));
    expect(unknown.map(({ id }) => id)).toEqual([]);
    const misfits = undoable.flatMap((spec) => {
      const undoing = kind.acts.find(({ id }) => id === spec.undo?.act) as ActSpec;
      return views.flatMap((view) =>
        entitiesOf(view)
          .filter((target) => spec.appliesTo(target))
          .flatMap((target) => misfitOf(spec, undoing, view, target, all) ?? []),
      );
    });
    expect([...new Set(misfits)]).toEqual([]);
  });

  it('gives values that the act takes', async () => {
    const views = await viewsOf(kind);
    for (const spec of kind.acts.filter(({ undo }) => undo?.params)) {
      const undoing = kind.acts.find(({ id }) => id === spec.undo?.act) as ActSpec;
      const targets = views.flatMap((view) =>
        entitiesOf(view).flatMap((target) => (spec.appliesTo(target) ? [{ view, target }] : [])),
      );
      expect(targets.length, spec.id).toBeGreaterThan(0);
      for (const { view, target } of targets) {
        const values = spec.undo?.params?.(view, orderOf(spec, view, target)) ?? {};
        expect(undoing.params.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(values)));
      }
    }
  });

  it('is said of every act', () => {
    expect(kind.acts.filter(({ undo }) => !undo || undo.text.trim() === '').map(({ id }) => id)).toEqual([]);
  });
});

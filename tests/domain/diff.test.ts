import fc from 'fast-check';
import { expect, it } from 'vitest';
import { diffEntities, isSameEntity, stateText } from '../../src/domain/diff.ts';
import { type Entity, entityKey, type SystemId } from '../../src/domain/entity.ts';
import { instant } from '../../src/domain/instant.ts';

const base = {
  system: 'toy' as SystemId,
  id: 'a',
  title: 'a',
  observedAt: instant(0),
  evidence: { source: 'board' },
};

it.each<[Entity, string]>([
  [
    { ...base, type: 'layer', order: 1, name: 'runs', status: 'failed', summary: '7 failed' },
    'failed: 7 failed',
  ],
  [{ ...base, type: 'layer', order: 1, name: 'runs', status: 'ok', summary: '' }, 'ok'],
  [{ ...base, type: 'service', status: 'up', detail: 'answers in 7 ms' }, 'up: answers in 7 ms'],
  [{ ...base, type: 'job', status: 'running', nativeStatus: 'claimed' }, 'running: native claimed'],
  [{ ...base, type: 'run', status: 'running', nativeStatus: 'running' }, 'running'],
  [
    { ...base, type: 'meter', name: 'cost', value: 4.5, limit: 50, unit: 'USD', status: 'warning' },
    'warning 4.5: of 50 USD',
  ],
])('how a thing stands is told with what is known of it', (entity, text) => {
  expect(stateText(entity)).toBe(text);
});

const layer = (id: string, summary: string, observedAt: number): Entity => ({
  ...base,
  id,
  observedAt: instant(observedAt),
  type: 'layer',
  order: 1,
  name: id,
  status: 'ok',
  summary,
});

/** The same by keys alone. */
function plainDiff(before: ReadonlyMap<string, Entity>, after: readonly Entity[]): object {
  const next = new Map<string, Entity>();
  const appeared: Entity[] = [];
  const changed: object[] = [];
  for (const entity of after) {
    const key = entityKey(entity);
    const known = before.get(key);
    if (!known) appeared.push(entity);
    else if (!isSameEntity(known, entity)) changed.push({ before: known, after: entity });
    next.set(
      key,
      known && isSameEntity(known, entity) && known.observedAt === entity.observedAt ? known : entity,
    );
  }
  const gone = [...before].filter(([key]) => !next.has(key)).map(([, entity]) => entity);
  return { appeared, changed, gone, next: [...next] };
}

it('what is the same object in its place is passed over, and nothing else is', () => {
  const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  const kept = fc.record({ kept: fc.nat(12) });
  const made = fc.record({ id: ids, summary: fc.constantFrom('x', 'y'), observedAt: fc.nat(2) });
  fc.assert(
    fc.property(
      fc.array(made, { maxLength: 10 }),
      fc.array(fc.array(fc.oneof({ weight: 4, arbitrary: kept }, made), { maxLength: 10 }), { maxLength: 6 }),
      (first, rounds) => {
        let { next } = diffEntities(
          new Map(),
          first.map(({ id, summary, observedAt }) => layer(id, summary, observedAt)),
        );
        for (const round of rounds) {
          const before = [...next.values()];
          // What was there, mostly in its order, among what is new.
          const after = round.flatMap((one) => {
            if (!('kept' in one)) return [layer(one.id, one.summary, one.observedAt)];
            return before.slice(one.kept, one.kept + 3);
          });
          const found = diffEntities(next, after);
          expect({ ...found.diff, next: [...found.next] }).toEqual(plainDiff(next, after));
          for (const [key, entity] of found.next) {
            if (found.diff.changed.some((one) => one.after === entity)) continue;
            const known = next.get(key);
            if (known?.observedAt === entity.observedAt) expect(entity).toBe(known);
          }
          next = found.next;
        }
      },
    ),
    { numRuns: 500 },
  );
});

it('keeps of what was derived what may be told, also where it was derived before', () => {
  const told = (entity: Entity): Entity => (entity.id === 'secret' ? { ...entity, id: '***' } : entity);
  const derived = [layer('a', 'x', 0), layer('secret', 'x', 0), layer('b', 'x', 0)];
  const { next } = diffEntities(new Map(), derived, told);
  expect([...next.values()].map(({ id }) => id)).toEqual(['a', '***', 'b']);
  const again = diffEntities(next, derived, told);
  expect(again.diff).toEqual({ appeared: [], changed: [], gone: [] });
  expect([...again.next.keys()]).toEqual([...next.keys()]);
});

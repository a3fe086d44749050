import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builtInKinds } from '../../src/systems/registry.ts';
import { OUTCOMES, outcomes } from './outcomes.ts';

const allKinds = await builtInKinds();

/** The text of a test of a kind. */
function textOf(kind: string, name: string): string {
  const path = new URL(`./${kind}/${name}.test.ts`, import.meta.url);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** True where a test names an act: by its id, or by its noun with a verb of several (`service.${verb}`). */
function names(text: string, act: string): boolean {
  const [noun = ''] = act.split('.');
  return text.includes(`'${act}'`) || text.includes(`\`${noun}.\${`);
}

describe.each(allKinds)('acts of $kind', ({ kind, acts }) => {
  const rows = outcomes[kind] ?? [];

  it('are each in the table of outcomes, once', () => {
    const listed = rows.flatMap(([ids]) => ids.split(' '));
    expect([...listed].sort()).toEqual(acts.map(({ id }) => id).sort());
  });

  it('are named in the test that is said to show how they end', () => {
    const missing = rows.flatMap(([ids, shown]) =>
      ids.split(' ').flatMap((act) =>
        OUTCOMES.flatMap((outcome) => {
          const where = shown[outcome];
          if (typeof where !== 'string') return where.never === '' ? [`${act} ${outcome}: no reason`] : [];
          return names(textOf(kind, where), act)
            ? []
            : [`${act} ${outcome}: not in ${kind}/${where}.test.ts`];
        }),
      ),
    );
    expect(missing).toEqual([]);
  });
});

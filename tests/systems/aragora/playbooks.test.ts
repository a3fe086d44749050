import { describe, expect, it } from 'vitest';
import { entityKey } from '../../../src/domain/entity.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import { aragoraPlaybooks } from '../../../src/systems/aragora/playbooks.ts';
import { caseNames, deriveCase, layOutCase } from '../fixture-case.ts';
import { at, loopLog, loopProcess, Told } from './told.ts';

describe('playbooks', () => {
  it('exist for every one that an entity of a fixture names', async () => {
    const known = new Set(aragoraPlaybooks.map((one) => one.id));
    const named = new Set<string>();
    for (const name of caseNames('aragora')) {
      const laid = await layOutCase('aragora', name);
      try {
        const { entities } = await deriveCase(aragoraKind, laid.dir, laid.case);
        for (const one of entities) {
          if (one.attention?.playbook) named.add(one.attention.playbook);
          if (one.type === 'issue' && one.playbook) named.add(one.playbook);
        }
      } finally {
        laid.remove();
      }
    }
    expect(named.size).toBeGreaterThan(5);
    expect([...named].filter((id) => !known.has(id))).toEqual([]);
  });

  /** Texts of the checks of a playbook that hold. */
  function holding(id: string, told: Told, when: string): string[] {
    const derived = told.derive(when);
    const entities = new Map(derived.entities.map((one) => [entityKey(one), one]));
    const table = { readAt: at(when), processes: told.processes };
    const view = stateViewOf(told.located, at(when), entities, derived.data ?? {}, table);
    const target = derived.entities[0];
    const steps = aragoraPlaybooks.find((one) => one.id === id)?.steps ?? [];
    return steps.flatMap((step) =>
      step.type === 'check' && target && step.holds(view, target) ? [step.text] : [],
    );
  }

  it('check the state itself: a stalled loop, then none, then one that works', () => {
    const told = new Told().log(
      'nomic.log',
      loopLog("[22:00:05]   [timeout] Phase 'context' has 60s budget"),
    );
    told.processes = [loopProcess('21:59:00')];
    expect(holding('loop-stalled', told, '22:05:00')).toEqual(['it does not wait at a terminal']);
    expect(holding('loop-stalled', told, '22:00:30')).toContain('a loop of this root runs within its limits');
    told.processes = [];
    expect(holding('loop-stalled', told, '22:05:00')).toContain('no loop of this root runs');
  });
});

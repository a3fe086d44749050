/** What the queue offers and what the steps of a playbook offer must fit, in every case there is a fixture for. */
import { describe, expect, it } from 'vitest';
import { menuOfAct } from '../../../src/domain/act-menu.ts';
import { entityKey } from '../../../src/domain/entity.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { coherenceActs } from '../../../src/systems/coherence/acts.ts';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import { coherencePlaybooks } from '../../../src/systems/coherence/playbooks.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { caseNames, deriveLocated, layOutCase, locateCase } from '../fixture-case.ts';

async function viewOf(name: string): Promise<StateView> {
  const laid = await layOutCase('coherence', name);
  try {
    const located = locateCase(coherenceKind, laid.dir, laid.case);
    const derived = deriveLocated(coherenceKind, located, laid.case);
    const entities = new Map(derived.entities.map((one) => [entityKey(one), one]));
    const table = { readAt: laid.case.at, processes: laid.case.processes };
    return stateViewOf(located, laid.case.at, entities, derived.data ?? {}, table);
  } finally {
    laid.remove();
  }
}

const types = ['service', 'layer', 'issue', 'approval', 'job', 'meter', 'run'] as const;

describe.each(caseNames('coherence'))('in the case %s', (name) => {
  it('every item of the queue offers an act that applies to it, in the menu its key opens', async () => {
    const view = await viewOf(name);
    for (const entity of types.flatMap((type) => view.entities(type))) {
      const { attention } = entity;
      if (attention?.act === undefined) continue;
      const act = coherenceActs.find((one) => one.id === attention.act);
      expect(act?.appliesTo(entity), `${attention.act} on ${entityKey(entity)}`).toBe(true);
      expect(attention.menu ?? menuOfAct(attention.act), attention.act).toBe(act?.menu);
    }
  });

  it('every step of its playbooks names an act that applies to what it is done to', async () => {
    const view = await viewOf(name);
    for (const entity of types.flatMap((type) => view.entities(type))) {
      const id = entity.attention?.playbook ?? (entity.type === 'issue' ? entity.playbook : undefined);
      if (id === undefined) continue;
      const playbook = coherencePlaybooks.find((one) => one.id === id);
      expect(playbook, `${id} of ${entityKey(entity)}`).toBeDefined();
      for (const step of playbook?.steps ?? []) {
        if (step.type !== 'act') continue;
        const ref = step.on ? step.on(view, entity) : entity;
        const target = ref && view.entity(ref.type, ref.id);
        if (!target) continue;
        const act = coherenceActs.find((one) => one.id === step.act);
        expect(act?.appliesTo(target), `${id}: ${step.act} on ${entityKey(target)}`).toBe(true);
      }
    }
  });
});

describe('acts and playbooks', () => {
  it('say how they run, what is looked for afterwards and what undoes them', () => {
    for (const act of coherenceActs) {
      expect(act.runs, act.id).toBeTruthy();
      expect(act.outcome, act.id).toBeTruthy();
      expect(act.undo?.text, act.id).toBeTruthy();
      if (act.undo?.act !== undefined) expect(coherenceActs.map((one) => one.id)).toContain(act.undo.act);
    }
  });

  it('have every procedure an item may name, and no act that does not exist', () => {
    const ids = coherenceActs.map((one) => one.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const playbook of coherencePlaybooks)
      for (const step of playbook.steps)
        if (step.type === 'act') expect(ids, playbook.id).toContain(step.act);
  });

  it('decide before they restart, and warn of what the runbook would destroy', () => {
    for (const playbook of coherencePlaybooks) {
      const acts = playbook.steps.flatMap((step) => (step.type === 'act' ? [step.act] : []));
      const restart = acts.findIndex((act) =>
        ['pipeline.restart', 'pipeline.start', 'manager.end'].includes(act),
      );
      if (restart >= 0)
        expect(acts.slice(0, restart), playbook.id).toContain(
          playbook.id === 'no-watchdog' ? 'orphans.end' : 'job.answer',
        );
    }
    const said = coherencePlaybooks.flatMap((one) => one.steps.map((step) => step.text)).join('\n');
    expect(said).toContain('not "pkill -f uvicorn"');
    expect(said).toContain('not cleanup_temp.py without --keep-days');
  });
});

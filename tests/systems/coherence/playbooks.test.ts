/** What the queue offers and what the steps of a playbook offer must fit, in every case there is a fixture for. */
import { describe, expect, it } from 'vitest';
import { menuOfAct } from '../../../src/domain/act-menu.ts';
import { type Entity, entityKey } from '../../../src/domain/entity.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { coherenceActs } from '../../../src/systems/coherence/acts.ts';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import { coherencePlaybooks } from '../../../src/systems/coherence/playbooks.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { caseNames, deriveLocated, layOutCase, locateCase } from '../fixture-case.ts';
import { reachOf } from '../playbook-reach.ts';
import { Told } from './facts.ts';

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

/** Every condition scripts/monitor_pipeline.py reports. */
const CONDITIONS = [
  ...[
    'api_unreachable',
    'api_error',
    'stale_version',
    'public_deploy_contract_blocked',
    'runner_pm_not_seen',
  ],
  ...['no_task_running', 'low_phase_coverage', 'expensive_failed_task', 'repeated_failures', 'output_empty'],
  ...['executor_fail', 'low_success_rate', 'orphan_running', 'needs_decision', 'metrics_unavailable'],
  ...['paid_service_usage_alerts', 'paid_service_readiness_blocked', 'paid_service_validation_blocked'],
  ...['paid_provider_blocked_friction', 'runner_log_errors', 'github_actions_high_failure_rate'],
  ...['github_actions_unowned_workflow_failures', 'github_actions_waiver_expiring', 'effectiveness_404'],
  ...['phase_6_7_not_worked', 'architecture_maintainability_drift', 'runtime_placeholder_debt'],
] as const;

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
      const id = entity.attention?.playbook ?? entity.playbook;
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

  it('are each named by an item: none is there that nobody can come upon', async () => {
    const named = new Set<string>();
    const collect = (entities: readonly Entity[]): void => {
      for (const { attention, playbook } of entities) {
        if (attention?.playbook !== undefined) named.add(attention.playbook);
        if (playbook !== undefined) named.add(playbook);
        // Who is called for a condition is led on as one who looks at it.
        if (playbook !== undefined) expect(attention?.playbook ?? playbook).toBe(playbook);
      }
    };
    for (const name of caseNames('coherence')) {
      const view = await viewOf(name);
      collect(types.flatMap((type) => view.entities(type)));
    }
    const told = new Told();
    const issues = CONDITIONS.map((condition) => ({ condition, severity: 'high', message: condition }));
    told.document('issues', { issues, last_check: '2026-02-21T02:59:30+00:00' });
    collect(told.derive('03:00:00').entities);
    expect([...named].sort()).toEqual(coherencePlaybooks.map(({ id }) => id).sort());
  });

  it('have every procedure an item may name, and no act that does not exist', () => {
    const ids = coherenceActs.map((one) => one.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const playbook of coherencePlaybooks)
      for (const step of playbook.steps)
        if (step.type === 'act') expect(ids, playbook.id).toContain(step.act);
  });

  it('fit what they are done to, and look at what there is', async () => {
    const reach = await reachOf(coherenceKind, { python: '/usr/bin/python3', url: 'http://127.0.0.1:8000' });
    expect(reach.unfit).toEqual([]);
    expect(reach.neverPossible).toEqual([]);
    expect(reach.constant).toEqual([]);
    // The project's questions about itself: the runbook has no steps for them, and neither has the program.
    expect(reach.unled).toEqual(['META issue']);
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

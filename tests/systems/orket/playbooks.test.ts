import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Entity } from '../../../src/domain/entity.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { caseNames, deriveCase, layOutCase } from '../fixture-case.ts';
import { Installation } from './installation.ts';

/** State of the steps that are no notes, in a word each. */
function stepsOf(id: string, view: StateView, target: Entity): string[] {
  const playbook = orketKind.playbooks.find((one) => one.id === id);
  if (!playbook) throw new Error(`no playbook ${id}`);
  return playbook.steps.flatMap((step) => {
    if (step.type === 'note') return [];
    if (step.type === 'check') return [`${step.text}: ${step.holds(view, target) ? 'done' : 'open'}`];
    const on = step.on ? step.on(view, target) : target;
    return [`${step.act}: ${on?.id ?? 'nothing'}`];
  });
}

describe('playbooks of Orket', () => {
  let orket: Installation;
  beforeEach(() => {
    orket = new Installation();
    orket.run('aaaa1111', 'running', 0);
    orket.card('TIDE-3', 'in_progress');
    orket.card('TIDE-4', 'done');
    orket.turn(5, ['aaaa1111', 'TIDE-3', 1, 'coder'], 'asked');
  });
  afterEach(() => orket.remove());

  it('are there for every condition that names one, on every fixture, and their acts exist', async () => {
    const ids = orketKind.playbooks.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const named = new Set<string>();
    for (const name of caseNames('orket')) {
      const laid = await layOutCase('orket', name);
      const { entities } = await deriveCase(orketKind, laid.dir, laid.case);
      laid.remove();
      for (const one of entities) {
        if (one.attention?.playbook !== undefined) named.add(one.attention.playbook);
        if (one.type === 'issue' && one.playbook !== undefined) named.add(one.playbook);
      }
    }
    expect([...named].filter((id) => !ids.includes(id))).toEqual([]);
    expect([...named].sort()).toEqual([
      'api-5xx',
      'blocked-backlog',
      'stalled-role-pipeline',
      'verification-stalls',
      'waiting-gate',
      'webhook-storm',
      'zombie-run',
    ]);
    const acts = orketKind.acts.map(({ id }) => id);
    for (const step of orketKind.playbooks.flatMap(({ steps }) => steps))
      if (step.type === 'act') expect(acts).toContain(step.act);
  });

  it('lead from a zombie to its turn, its one card in hand, or its epic, and end when a newer run lives', async () => {
    const view = await orket.view(600);
    const issue = view.entity('issue', 'run.zombie:aaaa1111') as Entity;
    expect(stepsOf('zombie-run', view, issue)).toEqual([
      'no process of this checkout carries it: done',
      'turn.inspect: aaaa1111:tide-3:1:coder',
      'job.resume: TIDE-3',
      'run.resume: aaaa1111',
      'a newer run of this build is alive: open',
    ]);
    orket.run('bbbb2222', 'running', 590);
    orket.process(9, ['python', 'main.py', '--epic', 'tide_ledger'], 589);
    expect(stepsOf('zombie-run', await orket.view(600), issue).at(-1)).toBe(
      'a newer run of this build is alive: done',
    );
  });

  it('report what the log tells before anything is started that would empty it', () => {
    const steps = orketKind.playbooks.find(({ id }) => id === 'stalled-role-pipeline')?.steps ?? [];
    const acts = steps.flatMap((step) => (step.type === 'act' ? [step.act] : []));
    expect(acts.indexOf('report.failures')).toBe(0);
    expect(acts.indexOf('turn.inspect')).toBeLessThan(acts.indexOf('job.resume'));
    // What resets least comes first.
    expect(acts.indexOf('job.resume')).toBeLessThan(acts.indexOf('run.resume'));
  });

  it('copy the databases before they are migrated, and stop the servers before that', () => {
    const steps = orketKind.playbooks.find(({ id }) => id === 'migrate')?.steps ?? [];
    const order = steps.map((step) => (step.type === 'act' ? step.act : step.text));
    expect(order.indexOf('service.stop')).toBeLessThan(order.findIndex((text) => text.startsWith('Copy ')));
    expect(order.findIndex((text) => text.startsWith('Copy '))).toBeLessThan(
      order.indexOf('database.migrate'),
    );
  });

  it('warn of what destroys and offer none of it', () => {
    const text = JSON.stringify(orketKind.playbooks);
    expect(text).toContain('git push --force overwrites the work of others');
    expect(text).toContain('Never delete the *.db files');
    expect(orketKind.acts.map(({ runs }) => runs).join()).not.toMatch(/git |rm |pkill/);
  });

  it('name the card that was given up, and the ways on from the one that loses least', async () => {
    orket.run('aaaa1111', 'failed', 0, 60, { failureClass: 'ExecutionFailed', reason: 'x' });
    orket.card('TIDE-3', 'blocked', { note: 'runtime_guard_terminal_failure: three times' });
    const view = await orket.view(600);
    const issue = view.entity('issue', 'card.dead:TIDE-3') as Entity;
    expect(stepsOf('blocked-backlog', view, issue)).toEqual([
      'the cards that were given up are known: done',
      expect.stringMatching(/^turn\.inspect: /),
      'job.resume: TIDE-3',
      'job.archive: TIDE-3',
      'run.resume: aaaa1111',
      'no card of the build is given up any more: open',
    ]);
  });
});

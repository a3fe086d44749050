import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Entity } from '../../../src/domain/entity.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { reachOf } from '../playbook-reach.ts';
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

  it('are each named by an item, fit what they are done to, and look at what there is', async () => {
    const ids = orketKind.playbooks.map(({ id }) => id);
    const reach = await reachOf(orketKind, {
      python: '/usr/bin/python3',
      url: 'http://127.0.0.1:8082',
      keyEnv: 'ORKET_API_KEY',
    });
    // Cards of an epic that is no more stand in no fixture: the next test has them.
    expect([...reach.named, 'archive-project'].sort()).toEqual(ids.toSorted());
    expect(reach.unfit).toEqual([]);
    expect(reach.neverPossible).toEqual([]);
    // Both servers and a database that is torn under our eyes have tests of their own.
    expect(reach.constant).toEqual([
      'api-5xx: the database is there and can be read',
      'webhook-storm: it answers well',
    ]);
    // A row that counts against its history, and an export nobody can make up for: there is nothing to be done in steps.
    expect(reach.unled).toEqual(['DRIFT issue', 'LOST issue']);
    const acts = orketKind.acts.map(({ id }) => id);
    for (const step of orketKind.playbooks.flatMap(({ steps }) => steps))
      if (step.type === 'act') expect(acts).toContain(step.act);
  });

  it('lead to the archive where cards are open and the file of their epic is gone', async () => {
    orket.write('model/core/epics/reef_watch.json', '{}');
    const view = await orket.view(600, { python: '/usr/bin/python3' });
    const issue = view.entity('issue', 'epic.gone:build-tide_ledger') as Entity;
    expect(issue).toMatchObject({ severity: 'info', playbook: 'archive-project' });
    expect(issue.attention).toBeUndefined();
    expect(stepsOf('archive-project', view, issue)).toContain('cards.archive: orket');
    orket.write('model/core/epics/tide_ledger.json', '{}');
    expect((await orket.view(600)).entity('issue', 'epic.gone:build-tide_ledger')).toBeUndefined();
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

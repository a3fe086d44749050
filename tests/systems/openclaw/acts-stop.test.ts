/** Stopping, cancelling, running again and revising: what control.py leaves half done, and how it is told. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drain, endRun, failRun, openRun } from '../../../fixtures/demo/openclaw/pass.ts';
import {
  newSignal,
  type QueueStore,
  type Signal,
  withStore,
  writeSignals,
} from '../../../fixtures/demo/openclaw/queue-store.ts';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import type { StageState } from '../../../src/domain/act.ts';
import type { Job } from '../../../src/domain/entity.ts';
import { addMs, instant } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import type { ActOrder, ActSpec, StateView } from '../../../src/systems/system.ts';
import { actOf, type DemoSystem, entityIn, layDemo, planned } from './demo-system.ts';

let demo: DemoSystem;
beforeEach(async () => {
  demo = await layDemo();
});
afterEach(() => demo.remove());

const RUNNER = 52_311;
function process(pid: number, parentPid: number, ...argv: string[]): ProcessInfo {
  return {
    pid,
    parentPid,
    groupId: pid,
    startedAt: instant(1_700_000_000_000 + pid),
    argv,
    cwd: `${demo.dir}/agent-orchestrator`,
    state: 'S',
    ports: [],
    readsTerminal: false,
  };
}
const worker = (): ProcessInfo =>
  process(900, 1, 'python3', `${demo.dir}/agent-orchestrator/scripts/worker.py`);
const runner = (parent = 900): ProcessInfo =>
  process(RUNNER, parent, 'python3', `${demo.dir}/agent-orchestrator/runner.py`, 'run');
const agents = (): readonly ProcessInfo[] => [
  process(6001, RUNNER, 'openclaw', 'agent'),
  process(6002, 6001, 'node', 'tool.js'),
];
const look = (...processes: readonly ProcessInfo[]): StateView => demo.view(instant(Date.now()), processes);
const home = (): { base: string; project: string } => ({ base: `${demo.dir}/workspace`, project: 'harbour' });
const inQueue = <T>(task: (store: QueueStore) => T): T => withStore(home(), task);
const states = (act: ActSpec, view: StateView, order: ActOrder): readonly string[] =>
  act.expect(view, order).map((stage) => stage.state);

describe('job.stop', () => {
  const act = actOf('job.stop');

  test('cancels first, then ends the runner and every process below it by pid and start', () => {
    const view = look(worker(), runner(), ...agents());
    const target = entityIn(view, 'job', STORY.running);
    expect(act.precondition(view, target)).toBeUndefined();
    expect(act.warnings?.(view, target)[0]).toContain('2 of its agents: 6001, 6002');
    expect(
      act.plan(view, target, {}).map((step) => (step.type === 'signal' ? step.pid : step.title)),
    ).toEqual(['cancel', RUNNER, 6001, 6002]);
  });

  test('is refused where the runner is not on this host, with what can be done instead', () => {
    const view = look(worker());
    expect(act.precondition(view, entityIn(view, 'job', STORY.running))).toContain('not among the processes');
  });

  test('is seen only when runner and agents are gone and the job is cancelled again after its worker wrote over it', async () => {
    const view = look(worker(), runner(), ...agents());
    const { steps, order } = planned(act, view, entityIn(view, 'job', STORY.running));
    await demo.run(steps);
    expect(states(act, look(worker(), runner(), ...agents()), order)).toEqual(['seen', 'waiting', 'waiting']);
    expect(states(act, look(worker(), agents()[1] as ProcessInfo), order)[1]).toBe('waiting');
    // The runner is gone, its worker has not seen it: the mark alone is no end.
    expect(states(act, look(worker()), order)).toEqual(['seen', 'seen', 'waiting']);
    inQueue((store) => failRun(store, STORY.running, 'runner ended by signal 15', Date.now()));
    expect(states(act, look(worker()), order)).toEqual(['waiting', 'seen', 'waiting']);
    inQueue((store) => drain(store, Date.now()));
    expect(states(act, look(worker()), order)).toEqual(['seen', 'seen', 'seen']);
  });

  test('is contradicted when the worker puts the job back after the cancel was taken up', async () => {
    const view = look(worker(), runner());
    const { steps, order } = planned(act, view, entityIn(view, 'job', STORY.running));
    await demo.run(steps);
    inQueue((store) => {
      drain(store, Date.now());
      failRun(store, STORY.running, 'runner ended by signal 15', Date.now());
    });
    expect(act.expect(look(worker()), order)[2]).toMatchObject({
      state: 'contradicted',
      detail: expect.stringContaining('put it back to approved'),
    });
  });

  test('needs no worker to be seen where the runner had none', async () => {
    const view = look(runner(1));
    const { steps, order } = planned(act, view, entityIn(view, 'job', STORY.running));
    await demo.run(steps);
    expect(states(act, look(), order)).toEqual(['seen', 'seen', 'seen']);
  });
});

describe('job.cancel of a job at work', () => {
  const act = actOf('job.cancel');

  test('is not done while its runner goes on, nor when the result has overwritten the mark', async () => {
    const view = look(worker(), runner());
    const { steps, order } = planned(act, view, entityIn(view, 'job', STORY.running));
    await demo.run(steps);
    expect(states(act, look(worker(), runner()), order)).toEqual(['seen', 'waiting', 'waiting']);
    inQueue((store) => {
      const job = store.job(STORY.running);
      if (!job) throw new Error('no job');
      endRun(store, openRun(store, job, Date.now()), {}, Date.now());
    });
    expect(states(act, look(worker()), order)[2]).toBe('waiting');
    inQueue((store) => drain(store, Date.now()));
    expect(states(act, look(worker()), order)).toEqual(['seen', 'seen', 'seen']);
  });

  test('waits as long as a worker lets a job run', () => {
    const view = look(worker(), runner());
    const { order } = planned(act, view, entityIn(view, 'job', STORY.running));
    expect((act.expect(view, order)[1]?.deadline ?? 0) - order.startedAt).toBe(2_400_000);
  });
});

describe('job.rerun', () => {
  const act = actOf('job.rerun');

  test('puts a job that is over back with a text the program has not seen, and is seen by the claim', async () => {
    const view = look();
    const target = entityIn(view, 'job', STORY.fakeSuccess);
    expect(act.precondition(view, target)).toBeUndefined();
    expect(act.warnings?.(view, target)[0]).toContain('approval it was given once');
    const { steps, order } = planned(act, view, target);
    expect(steps[0]?.argv.slice(2, 4)).toEqual(['resume', STORY.fakeSuccess]);
    await demo.run(steps);
    expect(states(act, look(), order)).toEqual(['seen', 'waiting', 'seen']);
    await demo.pass();
    expect(states(act, look(), order)).toEqual(['seen', 'seen', 'seen']);
    // Once more: the same text would be dropped.
    const again = look();
    const second = planned(act, again, entityIn(again, 'job', STORY.fakeSuccess));
    expect(second.steps[0]?.argv[4]).not.toBe(steps[0]?.argv[4]);
    await demo.run(second.steps);
    expect(states(act, look(), second.order)[0]).toBe('seen');
  });

  test('is refused for a job nobody approved: it would wait for a review without a plan', async () => {
    const view = look();
    await demo.run(planned(actOf('job.cancel'), view, entityIn(view, 'job', STORY.noPlan)).steps);
    const later = look();
    expect(act.precondition(later, entityIn(later, 'job', STORY.noPlan))).toContain('review without a plan');
  });

  test('is not believed when the program says accepted and found nothing', async () => {
    const view = look();
    const { steps, order } = planned(act, view, entityIn(view, 'job', STORY.fakeSuccess));
    const outputs = await demo.run(steps, ['accepted-not-found']);
    expect(outputs[0]?.exitCode).toBe(0);
    await demo.pass();
    expect(states(act, look(), order)[0]).toBe('waiting');
  });
});

describe('job.revise', () => {
  const act = actOf('job.revise');

  test('says before anything else that it is a dead end, and what works', () => {
    const view = look();
    const warnings = act.warnings?.(view, entityIn(view, 'job', STORY.review)) ?? [];
    expect(warnings[0]).toContain('dead end');
    expect(warnings[1]).toContain('job.resubmit');
  });

  test('is seen by the status, which no pass and no approval leaves', async () => {
    const view = look();
    const { steps, order } = planned(act, view, entityIn(view, 'job', STORY.review), {
      revision: 'split it',
    });
    await demo.run(steps);
    expect(states(act, look(), order)).toEqual(['seen', 'seen']);
    await demo.pass();
    const job = look().entity('job', STORY.review);
    expect(job).toMatchObject({ nativeStatus: 'revise_requested', attention: { label: 'DEAD END' } });
    expect(act.precondition(look(), job as Job)).toContain('no worker takes it up');
  });
});

describe('job.answer with a task', () => {
  const act = actOf('job.answer');

  test('names the task as an option with its value, and only an id that is one', () => {
    const view = look();
    const target = entityIn(view, 'approval', STORY.question);
    const argv = (task: string): readonly string[] =>
      planned(act, view, target, { answer: 'east', task }).steps[0]?.argv.slice(2) ?? [];
    expect(argv('tsk_01H8')).toEqual(['resume', '--task-id=tsk_01H8', STORY.question, 'east']);
    expect(argv('--help')).toEqual(['resume', STORY.question, 'east']);
  });

  test('the same answer for the same task makes no second job_resumed; this is said before', async () => {
    const view = look();
    const target = entityIn(view, 'approval', STORY.question);
    const params = { answer: 'east', task: 'tsk_01H8' };
    await demo.run(planned(act, view, target, params).steps);
    inQueue((store) => store.update(STORY.question, { status: 'waiting_human' }));
    const later = look();
    const again = entityIn(later, 'job', STORY.question);
    expect(act.warnings?.(later, again, params)?.[0]).toContain('given before');
    const { steps, order } = planned(act, later, again, params);
    await demo.run(steps);
    await demo.pass();
    const stages = act.expect(look(), order);
    expect(stages[0]).toMatchObject({ state: 'contradicted', detail: expect.stringContaining('swallowed') });
  });
});

describe('a command lost beside another', () => {
  const act = actOf('job.approve');
  /** Another control.py has read the file before ours was in it, and writes it back: ours is gone. */
  async function lost(...remaining: readonly Signal[]): Promise<ActOrder> {
    const view = look();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.review));
    await demo.run(steps);
    writeSignals(home(), remaining);
    return order;
  }
  const settled = (order: ActOrder, laterMs: number): StageState | undefined =>
    act.expect(demo.view(addMs(instant(Date.now()), laterMs)), order).at(-1);

  test('took effect when it was given, and is settled once a pass has drained without it', async () => {
    const order = await lost(newSignal(STORY.done, 'approve', {}, 'o', Date.now()));
    expect(settled(order, 0)).toMatchObject({ state: 'waiting' });
    inQueue((store) => drain(store, Date.now() + 50));
    // What the same drain may still apply is waited for.
    expect(settled(order, 0)).toMatchObject({ state: 'waiting' });
    expect(settled(order, 10_000)).toMatchObject({
      state: 'seen',
      detail: 'a pass drained without it: it was lost beside another command',
    });
  });

  test('is taken back all the same by an older cancel that was not lost', async () => {
    const older = newSignal(STORY.review, 'cancel', {}, 'c', Date.now() - 60_000);
    const order = await lost(older, newSignal(STORY.done, 'approve', {}, 'o', Date.now()));
    expect(settled(order, 10_000)).toMatchObject({ state: 'waiting' });
    inQueue((store) => drain(store, Date.now() + 50));
    expect(settled(order, 10_000)).toMatchObject({ state: 'contradicted' });
  });
});

/** Acts on the worker of a queue: started, stopped, restarted, one pass. Processes are given, queue and programs are real. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import type { Params, Step } from '../../../src/domain/act.ts';
import { refOf, type Service } from '../../../src/domain/entity.ts';
import { addMs, instant } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import type { ActOrder, ActSpec, StateView } from '../../../src/systems/system.ts';
import { actOf, type DemoSystem, layDemo, planned } from './demo-system.ts';

let demo: DemoSystem;
beforeEach(async () => {
  demo = await layDemo();
});
afterEach(() => demo.remove());

function process(pid: number, script: string, parentPid = 1): ProcessInfo {
  return {
    pid,
    parentPid,
    groupId: pid,
    startedAt: instant(1_700_000_000_000 + pid),
    argv: ['/usr/bin/python3', `${demo.dir}/agent-orchestrator/${script}`],
    cwd: `${demo.dir}/agent-orchestrator`,
    state: 'S',
    ports: [],
    readsTerminal: false,
  };
}
const worker = (pid: number): ProcessInfo => process(pid, 'scripts/worker.py');

function look(...processes: readonly ProcessInfo[]): StateView {
  return demo.view(instant(Date.now()), processes);
}

function serviceIn(view: StateView): Service {
  const service = view.entity('service', 'worker');
  if (!service) throw new Error('no worker service');
  return service;
}

function orderOf(
  act: ActSpec,
  view: StateView,
  params: Params = {},
): { steps: readonly Step[]; order: ActOrder } {
  const service = serviceIn(view);
  return {
    steps: act.plan(view, service, params),
    order: {
      order: 'o1',
      act: act.id,
      target: refOf(service),
      params,
      startedAt: view.now,
      revision: act.revision(view, service),
      baseline: act.baseline?.(view, service) ?? null,
      stepsDone: 1,
    },
  };
}

const states = (act: ActSpec, view: StateView, order: ActOrder): readonly string[] =>
  act.expect(view, order).map((stage) => `${stage.title}: ${stage.state}`);

describe('worker.start', () => {
  const act = actOf('worker.start');

  test('starts worker.py with the queue named by environment, for --project-id would not reach the signal file', () => {
    const view = look();
    expect(act.precondition(view, serviceIn(view))).toBeUndefined();
    expect(act.plan(view, serviceIn(view), {})).toEqual([
      {
        type: 'service',
        title: 'start a worker',
        argv: ['/usr/bin/env', `${demo.dir}/agent-orchestrator/scripts/worker.py`, '--interval', '2'],
        cwd: `${demo.dir}/agent-orchestrator`,
        env: { BASE_PATH: `${demo.dir}/workspace`, PROJECT_ID: 'harbour' },
      },
    ]);
  });

  test('is seen by a new worker and, where there is work, by what it takes up', async () => {
    const { order } = orderOf(act, look());
    expect(states(act, look(), order)).toEqual([
      'a new worker lives: waiting',
      'a pass takes something up: waiting',
    ]);
    expect(states(act, look(worker(900)), order)[1]).toContain('waiting');
    // One that has just begun may end at once.
    const young = { ...worker(900), startedAt: instant(Date.now()) };
    expect(states(act, look(young), order)[0]).toBe('a new worker lives: waiting');
    await demo.pass();
    expect(states(act, look(worker(900)), order)).toEqual([
      'a new worker lives: seen',
      'a pass takes something up: seen',
    ]);
  });

  test('is refused while a worker serves the queue, and while a runner lives that it would double', async () => {
    const busy = look(worker(900));
    expect(act.precondition(busy, serviceIn(busy))).toContain('worker 900 serves this queue already');
    const silent = process(4_194_305, 'runner.py');
    const view = look(silent);
    expect(act.precondition(view, serviceIn(view))).toContain('a second time');
  });

  test('goes through the keeper where one is set, and only for the project the keeper serves', () => {
    const view = look();
    const withKeeper = (keeper: string, servedProject = 'harbour'): StateView => ({
      ...view,
      located: {
        ...view.located,
        settings: { ...view.located.settings, keeper } as never,
        extra: {
          ...view.located.extra,
          servedProject,
          programs: { systemctl: '/bin/systemctl', docker: '/bin/docker' },
        },
      },
    });
    const planOf = (keeper: string): unknown =>
      act.plan(withKeeper(keeper), serviceIn(view), {}).map((step) => step.type === 'process' && step.argv);
    expect(planOf('systemd:orch-worker.service')).toEqual([
      ['/bin/systemctl', '--no-ask-password', 'start', '--', 'orch-worker.service'],
    ]);
    expect(planOf('systemd-user:orch-worker')).toEqual([
      ['/bin/systemctl', '--user', '--no-ask-password', 'start', '--', 'orch-worker'],
    ]);
    expect(planOf('docker:oao')).toEqual([['/bin/docker', 'start', 'oao']]);
    expect(act.precondition(withKeeper('systemd:orch-worker', 'other'), serviceIn(view))).toContain(
      'serves other alone',
    );
    expect(act.precondition(withKeeper('--help'), serviceIn(view))).toContain('none of systemd');
  });
});

describe('worker.stop', () => {
  const act = actOf('worker.stop');

  test('ends each worker by pid and start, and says that runners go on', () => {
    const view = look(worker(900), worker(901));
    expect(act.plan(view, serviceIn(view), {})).toMatchObject([
      { type: 'signal', pid: 900, signal: 'SIGTERM', startedAt: worker(900).startedAt },
      { type: 'signal', pid: 901 },
    ]);
    expect(act.strands?.(view, serviceIn(view))?.[0]).toContain('runs that job a second time');
  });

  test('is seen when they are gone, not while one lives, and not by a process table that was never read', () => {
    const { order } = orderOf(act, look(worker(900)));
    expect(states(act, look(worker(900)), order)[0]).toBe('the worker has ended: waiting');
    expect(states(act, look(), order)).toEqual([
      'the worker has ended: seen',
      'no other worker comes in its place: waiting',
    ]);
    // A unit that restarts it takes a while: only then is it known that none comes.
    const stale = { ...look(), now: addMs(order.startedAt, 6_000) };
    expect(states(act, stale, order)[1]).toBe('no other worker comes in its place: waiting');
    const later = demo.view(addMs(order.startedAt, 6_000));
    expect(states(act, later, order)[1]).toBe('no other worker comes in its place: seen');
    const service = serviceIn(look());
    const unread = { ...service, data: { ...service.data, tableRead: false } };
    const view = { ...look(), entity: () => unread, entities: () => [unread] } as unknown as StateView;
    expect(states(act, view, order).every((state) => state.endsWith('waiting'))).toBe(true);
  });

  test('is contradicted when something starts another one at once', () => {
    const { order } = orderOf(act, look(worker(900)));
    expect(act.expect(look(worker(950)), order)[1]).toMatchObject({
      state: 'contradicted',
      detail: expect.stringContaining('worker 950'),
    });
  });
});

describe('worker.restart', () => {
  const act = actOf('worker.restart');

  test('is refused while a job is at work, whose runner would outlive the worker', () => {
    const view = look(worker(900));
    expect(act.precondition(view, serviceIn(view))).toContain(STORY.running.slice(0, 8));
  });

  test('takes a new worker and the end of the old one, not one of both', () => {
    const { order, steps } = orderOf(act, look(worker(900)));
    expect(steps.map((step) => step.type)).toEqual(['signal', 'service']);
    expect(states(act, look(worker(900), worker(950)), order).slice(0, 2)).toEqual([
      'the worker has ended: waiting',
      'a new worker lives: seen',
    ]);
    expect(states(act, look(worker(950)), order).slice(0, 2)).toEqual([
      'the worker has ended: seen',
      'a new worker lives: seen',
    ]);
  });
});

describe('worker.pass', () => {
  const act = actOf('worker.pass');
  const waitingJob = async (): Promise<void> => {
    const view = look();
    const { steps } = planned(actOf('job.retry'), view, view.entity('job', STORY.noPlan) as never);
    await demo.run(steps);
  };

  test('is seen by a claim in the events, though the program says nothing', async () => {
    await waitingJob();
    const { steps, order } = orderOf(act, look());
    expect(act.precondition(look(), serviceIn(look()))).toBeUndefined();
    expect(act.warnings?.(look(), serviceIn(look()))?.[0]).toContain('up to 40 minutes');
    const outputs = await demo.run(steps.filter((step) => step.type === 'process'));
    expect(act.read?.(outputs, order)).toEqual({ ok: true, summary: 'the pass ended and said nothing' });
    expect(states(act, look(), order)).toEqual(['a pass takes something up: seen']);
  });

  test('is not believed by exit 0 when nothing was taken up', async () => {
    await waitingJob();
    const { steps, order } = orderOf(act, look());
    const outputs = await demo.run(
      steps.filter((step) => step.type === 'process'),
      ['nothing'],
    );
    expect(outputs[0]?.exitCode).toBe(0);
    expect(states(act, look(), order)).toEqual(['a pass takes something up: waiting']);
  });

  test('counts its time from its end, for it may last as long as the jobs it claims', () => {
    const { order } = orderOf(act, look());
    const ended = addMs(order.startedAt, 1_800_000);
    expect(act.expect(look(), { ...order, lastStepAt: ended })[0]?.deadline).toBeGreaterThan(ended);
  });

  test('is refused when there is nothing to take up, and beside a runner that lives without a worker', async () => {
    const fresh = await layDemo(Date.now());
    try {
      await fresh.pass();
      await fresh.pass();
      const view = fresh.view();
      expect(act.precondition(view, serviceIn(view))).toContain('nothing for a pass');
    } finally {
      fresh.remove();
    }
    const view = look(process(4_194_305, 'runner.py'));
    expect(act.precondition(view, serviceIn(view))).toContain('a second time');
  });
});

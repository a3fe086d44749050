/**
 * Where the printed runbook and the program differ. Each is looked at twice: by a watch that was there before, and by one
 * begun afterwards. A cockpit that believed the runbook fails here.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applySignal, submit } from '../../../fixtures/demo/openclaw/control.ts';
import { stamp } from '../../../fixtures/demo/openclaw/formats.ts';
import {
  claim,
  drain,
  endPlanning,
  endRun,
  failPlanning,
  openRun,
} from '../../../fixtures/demo/openclaw/pass.ts';
import {
  type JobRow,
  newSignal,
  type QueueStore,
  readSignals,
  stateDir,
  withStore,
  writeSignals,
} from '../../../fixtures/demo/openclaw/queue-store.ts';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import type { Entity, Job } from '../../../src/domain/entity.ts';
import { SystemWatch } from '../../../src/engine/system-watch.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { createPump } from '../../../src/ingest/pump.ts';
import { LogStore } from '../../../src/logs/log-store.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { actOf, type DemoSystem, entityIn, layDemo, planned } from './demo-system.ts';

let demo: DemoSystem;
let before: SystemWatch;
const home = (): { base: string; project: string } => ({ base: `${demo.dir}/workspace`, project: 'harbour' });
const skill = (): string => `${demo.dir}/agent-orchestrator`;
const inQueue = <T>(task: (store: QueueStore) => T): T => withStore(home(), task);

function watchOf(once: boolean): SystemWatch {
  return new SystemWatch(openclawKind, demo.located, {
    clock: systemClock(),
    logs: new LogStore(),
    once,
    hideProcesses: true,
    makePump: createPump,
    secret: () => undefined,
    onChange: () => {},
    onStatus: () => {},
  });
}

beforeAll(async () => {
  demo = await layDemo();
  before = watchOf(false);
  await before.start();
});
afterAll(async () => {
  await before.close();
  demo.remove();
});

/** Runs the expectations on the view of the watch from before and on that of one begun now. */
async function both(expectations: (view: StateView) => void): Promise<void> {
  // Which directories matter follows from what was read: a second reading finds what the first one named.
  await before.refresh();
  await before.refresh();
  expectations(before.view());
  const afterwards = watchOf(true);
  await afterwards.start();
  expectations(afterwards.view());
  await afterwards.close();
}

/** A job of its own, brought to a status by the program's own steps. */
function newJob(id: string, goal: string): void {
  inQueue((store) => submit(store, id, goal, Date.now() - 120_000));
}
/** A job that stands approved, as far as a run needs it. */
function runningJob(id: string, goal: string): ReturnType<typeof openRun> {
  newJob(id, goal);
  return inQueue((store) => {
    const at = Date.now() - 60_000;
    store.update(id, { status: 'running', audit_passed: 1, run_id: null, updated_at: stamp(at) });
    store.event(id, at, 'status_changed', { status: 'running' });
    const job = store.job(id);
    if (!job) throw new Error('no job');
    return openRun(store, job, at);
  });
}
const jobIn = (view: StateView, id: string): Job => entityIn(view, 'job', id) as Job;

describe('traps', () => {
  test('1: control.py reads no .env, says accepted, exits 0 and nothing happens', async () => {
    const view = before.view();
    const act = actOf('job.approve');
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.review));
    expect(steps[0]?.env).toEqual({ BASE_PATH: home().base, PROJECT_ID: 'harbour' });
    const outputs = await demo.run(steps, ['accepted-not-found']);
    expect(outputs[0]).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('"accepted"') });
    expect(act.read?.(outputs, order)).toMatchObject({ ok: false });
    await both((now) => expect(act.expect(now, order).map((stage) => stage.state)).not.toContain('seen'));
  });

  test('2: a command for an unknown job throws the others of its batch away', async () => {
    const approve = newSignal(STORY.review, 'approve', {}, 'a', Date.now());
    writeSignals(home(), [newSignal('0000000000000000', 'cancel', {}, 'x', Date.now()), approve]);
    await both((view) =>
      expect(view.entity('issue', 'poison:harbour')).toMatchObject({
        attention: { label: 'POISON', playbook: 'poison' },
      }),
    );
    inQueue((store) => drain(store, Date.now()));
    await both((view) => {
      expect(view.entity('issue', 'poison:harbour')).toBeUndefined();
      expect(view.entities('issue').map((issue) => issue.attention?.label)).toContain('EATEN');
      // The approve of the batch is gone, and nothing calls the job approved.
      expect(jobIn(view, STORY.review).nativeStatus).toBe('awaiting_audit');
    });
  });

  test('3: each command is applied twice; a cancel given during a run flips the finished job back', async () => {
    const id = 'd000000000000003';
    const open = runningJob(id, 'Trap three');
    const cancel = newSignal(id, 'cancel', {}, 'c', Date.now());
    writeSignals(home(), [...readSignals(home()), cancel]);
    inQueue((store) => {
      applySignal(store, cancel, Date.now());
      endRun(store, open, {}, Date.now());
    });
    await both((view) => {
      expect(jobIn(view, id).nativeStatus).toBe('completed');
      expect(view.entity('job', id)?.data?.['pending']).toMatchObject([{ action: 'cancel' }]);
    });
    inQueue((store) => drain(store, Date.now()));
    await both((view) =>
      expect(jobIn(view, id)).toMatchObject({ nativeStatus: 'cancelled', status: 'cancelled' }),
    );
  });

  test('4: the approved plan is not the one that runs', async () => {
    await both((view) => {
      const approval = entityIn(view, 'approval', STORY.review);
      expect(approval.cautions?.[0]).toContain('makes a new plan');
      expect(actOf('job.approve').warnings?.(view, approval)[0]).toContain('made anew');
    });
    const id = 'd000000000000004';
    newJob(id, 'Trap four');
    const reviewed = inQueue((store) => {
      store.update(id, { status: 'planning' });
      const open = openRun(store, store.job(id) as JobRow, Date.now() - 90_000);
      endPlanning(store, open, Date.now() - 80_000);
      return open.tasks.map((task) => task.id);
    });
    await both((view) => expect(entityIn(view, 'approval', id)).toMatchObject({ ask: 'review' }));
    // Approved and claimed: the runner asks for tasks of its own.
    inQueue((store) =>
      store.update(id, { status: 'running', audit_passed: 1, run_id: null, last_result: null }),
    );
    const run = inQueue((store) => openRun(store, store.job(id) as JobRow, Date.now() - 60_000));
    expect(run.tasks.some((task) => reviewed.includes(task.id))).toBe(false);
    const states = run.tasks.map((task) => ({ task, status: 'pending' }));
    run.files.taskStates(run.run, states, Date.now() - 50_000);
    await both((view) => {
      expect(view.entity('approval', id)).toBeUndefined();
      // Nothing of the reviewed plan is shown as being at work.
      expect(JSON.stringify(jobIn(view, id).trail)).not.toContain(reviewed[0]);
      expect(view.entity('run', `${id}:${run.run}`)?.title).toContain(`/${run.tasks.length} tasks`);
    });
  });

  test('5: an answer reaches nobody; what works stands first, and the same answer again is swallowed', async () => {
    await both((view) => {
      const approval = entityIn(view, 'approval', STORY.question);
      expect(approval).toMatchObject({ decisions: ['job.resubmit', 'job.answer', 'job.cancel'] });
      expect(approval.cautions?.[0]).toContain('NOT passed on');
    });
    const act = actOf('job.answer');
    const target = entityIn(before.view(), 'approval', STORY.question);
    const first = planned(act, before.view(), target, { answer: 'east' });
    await demo.run(first.steps);
    inQueue((store) => drain(store, Date.now()));
    inQueue((store) => {
      store.update(STORY.question, { status: 'waiting_human', updated_at: stamp(Date.now()) });
      store.event(STORY.question, Date.now(), 'status_changed', { status: 'waiting_human' });
    });
    await before.refresh();
    const again = planned(act, before.view(), jobIn(before.view(), STORY.question), { answer: 'east' });
    await demo.run(again.steps);
    inQueue((store) => drain(store, Date.now()));
    await both((view) =>
      expect(act.expect(view, again.order)[0]).toMatchObject({
        state: 'contradicted',
        detail: expect.stringContaining('swallowed'),
      }),
    );
  });

  test('6: cancel does not stop a running job', async () => {
    await both((view) => {
      const job = jobIn(view, STORY.running);
      expect(job.cautions?.join(' ')).toContain('cancel does not stop');
      const warnings = actOf('job.cancel').warnings?.(view, job) ?? [];
      expect(warnings[0]).toContain('does not stop');
      expect(warnings.at(-1)).toContain('job.stop');
    });
  });

  test('7: revise is a dead end that approve does not leave', async () => {
    await both((view) => {
      const job = jobIn(view, STORY.deadEnd);
      expect(job).toMatchObject({ status: 'blocked', attention: { label: 'DEAD END', act: 'job.resubmit' } });
      expect(actOf('job.approve').appliesTo(job)).toBe(false);
    });
  });

  test('8 and 9: completed hides failed tasks, also those whose agent asked in plain words', async () => {
    await both((view) => {
      const job = jobIn(view, STORY.fakeSuccess);
      expect(job).toMatchObject({ nativeStatus: 'completed', attention: { label: 'FAKE OK', rank: 7 } });
      expect(job.trail?.some((line) => line.text?.includes('Malformed terminal payload'))).toBe(true);
    });
  });

  test('10: a snapshot file says what was once so, and nothing rests on it', async () => {
    const path = join(stateDir(home()), 'jobs', `${STORY.done}.snapshot.json`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ job_id: STORY.done, status: 'approved' }));
    await both((view) =>
      expect(jobIn(view, STORY.done)).toMatchObject({ nativeStatus: 'completed', status: 'done' }),
    );
  });

  test('11: --project-id does not reach the signal file, so a worker is started with PROJECT_ID', async () => {
    await both((view) => {
      const service = view.entity('service', 'worker') as Entity;
      const [step] = actOf('worker.start').plan(view, service, {});
      expect(step).toMatchObject({ type: 'service', env: { PROJECT_ID: 'harbour', BASE_PATH: home().base } });
      expect(step?.type === 'service' && step.argv.join(' ')).not.toContain('--project-id');
    });
  });

  test('11: commands that no worker takes up are told, with what a later pass does with them', async () => {
    const id = 'd000000000000011';
    newJob(id, 'Trap eleven');
    inQueue((store) => store.update(id, { status: 'awaiting_audit' }));
    writeSignals(home(), [newSignal(id, 'cancel', {}, 'u', Date.now() - 600_000)]);
    await both((view) =>
      expect(view.entity('issue', 'undrained:harbour')).toMatchObject({
        detail: expect.stringContaining('applied again'),
      }),
    );
    inQueue((store) => drain(store, Date.now()));
  });

  test('12: a unit serves the project of its .env alone', async () => {
    await both((view) => {
      const located = {
        ...view.located,
        settings: { ...view.located.settings, keeper: 'systemd:orch-worker.service' } as never,
        extra: { ...view.located.extra, servedProject: 'other', programs: { systemctl: '/bin/systemctl' } },
      };
      const target = view.entity('service', 'worker') as Entity;
      expect(actOf('worker.start').precondition({ ...view, located }, target)).toContain(
        'serves other alone',
      );
    });
  });

  test('13: a failed planning is first called approved, then a review without a plan; neither is offered as one', async () => {
    const id = 'd000000000000013';
    newJob(id, 'Trap thirteen');
    inQueue((store) => {
      store.update(id, { status: 'planning' });
      const job = store.job(id);
      if (job) failPlanning(store, openRun(store, job, Date.now()), 'RuntimeError: no model', Date.now());
    });
    await both((view) =>
      expect(jobIn(view, id)).toMatchObject({
        nativeStatus: 'approved',
        waitingFor: expect.stringContaining('nobody approved it'),
      }),
    );
    inQueue((store) => claim(store, skill(), 'worker-1', Date.now()));
    await both((view) => {
      const approval = entityIn(view, 'approval', id);
      expect(approval).toMatchObject({
        answerable: false,
        attention: { label: 'NO PLAN', act: 'job.retry' },
      });
      expect(actOf('job.approve').precondition(view, approval)).toContain('unreviewed');
    });
  });

  test('14: a stale job comes back when its lease is over, not after 300 s, and to its review if nobody approved it', async () => {
    const id = 'd000000000000014';
    runningJob(id, 'Trap fourteen');
    inQueue((store) =>
      store.update(id, {
        audit_passed: 0,
        worker_id: 'worker-1',
        heartbeat_at: stamp(Date.now() - 70_000),
        lease_until: stamp(Date.now() - 10_000),
      }),
    );
    await both((view) =>
      expect(jobIn(view, id)).toMatchObject({
        status: 'blocked',
        attention: { rank: 4, playbook: 'stalled' },
      }),
    );
  });

  test('15: of a nine kilobyte traceback the last line is shown', async () => {
    const id = 'd000000000000015';
    runningJob(id, 'Trap fifteen');
    const traceback = `Traceback (most recent call last):\n${'  File "x.py", line 1, in f\n'.repeat(320)}RuntimeError: the model is down`;
    inQueue((store) => store.update(id, { status: 'failed', error: traceback, attempt_count: 2 }));
    await both((view) =>
      expect(jobIn(view, id).attention?.why).toBe('RuntimeError: the model is down (attempt 2 of 2)'),
    );
  });

  test('the file the runbook tails for the audit trail exists in no version; the decisions come from the events', async () => {
    await both((view) => {
      const target = entityIn(view, 'job', STORY.deadEnd);
      const act = actOf('job.timeline');
      const { order } = planned(act, view, target);
      const answer = act.read?.([{ title: '', stdout: '', stderr: '', truncated: false, files: [] }], order);
      expect(answer?.summary).toBe('1 decision');
      expect(answer?.sections?.[0]?.text).toContain('audit_revise_requested');
    });
  });
});

/**
 * Where what the project says or prints is not so. Each is looked at twice: by a cockpit that watched it come about, and
 * by one that was started afterwards. Restarts, answers and acts have their own files.
 */
import { describe, expect, it } from 'vitest';
import type { StateView } from '../../../src/systems/system.ts';
import { at, located, pipeline, process, scripts, Told } from './facts.ts';
import { actOf } from './perform.ts';

const iso = (time: string): string => `2026-02-21T${time}+00:00`;
const answering = (): Told => {
  const told = new Told(located({ url: 'http://127.0.0.1:8000' }));
  told.processes = pipeline('01:00:00');
  return told.http('api.health', { status: 200, body: { status: 'ok' } }, '02:59:00');
};
const check = (condition: string): unknown => ({
  issues: [{ id: 'a', condition, severity: 'high', message: condition, created_at: iso('02:59:30') }],
  last_check: iso('02:59:30'),
  history: [],
});
/** What a check wrote, with what earlier ones saw in its history. */
const checks = (
  conditions: readonly string[],
  id: string,
  when: string,
  earlier: readonly string[] = conditions,
): unknown => ({
  issues: conditions.map((condition) => ({
    ...{ id, condition, severity: 'high', message: condition, created_at: iso(when) },
  })),
  last_check: iso(when),
  history: [
    ...earlier.map((condition) => ({ at: iso('02:50:00'), condition, severity: 'high' })),
    ...(earlier === conditions
      ? []
      : conditions.map((condition) => ({ at: iso(when), condition, severity: 'high' }))),
  ],
});
const task = (more: object): unknown => ({
  tasks: [
    {
      id: 'task_aa',
      direction: 'Chart',
      task_type: 'impl',
      claimed_by: 'host:9',
      created_at: iso('02:00:00'),
      ...more,
    },
  ],
});

const traps: readonly {
  readonly name: string;
  /** What there was before. */
  readonly first: (told: Told) => unknown;
  readonly next: (told: Told) => unknown;
  readonly holds: (view: StateView) => void;
}[] = [
  {
    name: 'a page of a proxy that answers 200 is no healthy API',
    first: () => undefined,
    next: (told) => {
      told.http('api.health', { status: 200, body: 'Welcome aboard', failures: 3 }, '02:59:50');
    },
    holds: (view) => expect(view.entity('service', 'api')?.status).not.toBe('up'),
  },
  {
    name: 'phase_6_7_not_worked stands for ever in parallel mode and is not in the queue',
    first: (told) =>
      told.document('manager.overnight', { in_flight: [], next_backlog_idx: 3, blocked: false }),
    next: (told) => told.document('issues', check('phase_6_7_not_worked')),
    holds: (view) => {
      const issue = view.entity('issue', 'phase_6_7_not_worked');
      expect(issue?.cautions?.[0]).toContain('Always reported in parallel mode');
      expect(issue?.attention).toBeUndefined();
    },
  },
  {
    name: 'stale_version in a linked worktree never ends: no restart is advised',
    first: (told) => told.document('version', { git_sha: 'unknown', started_at: '2026-02-21T01:00:00Z' }),
    next: (told) => told.document('issues', check('stale_version')),
    holds: (view) => expect(view.entity('issue', 'stale_version')?.attention).toBeUndefined(),
  },
  {
    name: 'runner_pm_not_seen is believed of no machine: the checkout’s own processes decide',
    first: (told) => told.document('issues', check('no_task_running')),
    next: (told) => told.document('issues', check('runner_pm_not_seen')),
    holds: (view) =>
      expect(view.entity('issue', 'runner_pm_not_seen')?.cautions?.[0]).toContain('process table disagrees'),
  },
  {
    name: 'an abort stays in the context: requeueing clears it with the same request',
    first: (told) => told.document('tasks', task({ status: 'running' })),
    next: (told) =>
      told.document(
        'tasks',
        task({ status: 'failed', context: { control: { action: 'abort', reason: 'x' } } }),
      ),
    holds: (view) => {
      const job = view.entity('job', 'task_aa');
      const step = job && actOf('job.requeue').plan(view, job, {})[0];
      expect(step).toMatchObject({
        body: { status: 'pending', context: { control: null, abort_requested: false } },
      });
    },
  },
  {
    name: 'a pending task of a worker that is gone is taken by nobody',
    first: (told) => told.document('tasks', task({ status: 'running' })),
    next: (told) => told.document('tasks', task({ status: 'pending' })),
    holds: (view) => {
      expect(view.entity('issue', 'tasks_bound_to_gone_worker')?.attention?.act).toBe('runner.start');
      const job = view.entity('job', 'task_aa');
      const warnings = job && actOf('job.requeue').warnings?.(view, job);
      expect(warnings?.[0]).toContain('host:9, who alone can take it, is gone');
    },
  },
  {
    name: 'fatal_issues.json is never deleted: over once a pipeline runs, and only then to be cleared',
    first: (told) =>
      told.document('fatal', { at: '2026-02-21T00:30:00Z', reason: 'api_start_failed', detail: 'x' }),
    next: (told) => {
      told.processes = [...pipeline('01:00:00'), process(71, '02:00:00', scripts.manager, { parentPid: 60 })];
    },
    holds: (view) => {
      const issue = view.entity('issue', 'fatal.api_start_failed');
      expect(issue?.severity).toBe('info');
      expect(issue && actOf('fatal.clear').precondition(view, issue)).toBeUndefined();
    },
  },
  {
    name: 'ids and times of the monitor are new at every check: a condition keeps its name and since when it holds',
    first: (told) => told.document('issues', checks(['no_task_running'], 'a1', '02:58:30')),
    next: (told) => told.document('issues', checks(['no_task_running'], 'b2', '02:59:30')),
    holds: (view) => {
      const found = view.entities('issue').filter(({ key }) => key === 'no_task_running');
      expect(found).toMatchObject([{ id: 'no_task_running', since: at('02:50:00') }]);
    },
  },
  {
    name: 'a check that does not reach the API reports nothing else: the rest is unchecked, and not resolved',
    first: (told) => told.document('issues', checks(['no_task_running'], 'a1', '02:58:30')),
    next: (told) =>
      told.document('issues', checks(['api_unreachable'], 'b2', '02:59:30', ['no_task_running'])),
    holds: (view) => expect(view.entity('issue', 'no_task_running')?.status).toBe('unchecked'),
  },
  {
    name: 'needs_decision of the monitor outlives the decision: the question itself is what waits',
    first: (told) =>
      told.document('manager.overnight', {
        in_flight: [],
        next_backlog_idx: 3,
        blocked: true,
        blocked_at: 1,
      }),
    next: (told) =>
      told
        .document('manager.overnight', { in_flight: [], next_backlog_idx: 3, blocked: false })
        .document('issues', checks(['needs_decision'], 'a1', '02:59:30')),
    holds: (view) => {
      const issue = view.entity('issue', 'needs_decision');
      expect(issue?.cautions?.[0]).toContain('no longer blocked');
      expect(issue?.attention).toBeUndefined();
    },
  },
  {
    name: 'a task the API answers 404 for stays in flight for ever in parallel mode: only a start with --reset helps',
    first: (told) => told.document('tasks', task({ status: 'running' }), { modified: '02:50:00' }),
    next: (told) =>
      told.document(
        'manager.overnight',
        {
          in_flight: [{ item_idx: 0, phase: 'impl', task_id: 'task_ee', iteration: 1 }],
          next_backlog_idx: 1,
        },
        { modified: '02:50:00' },
      ),
    holds: (view) =>
      expect(view.entity('issue', 'manager_lost_task')).toMatchObject({
        playbook: 'pipeline-stuck',
        title: expect.stringContaining('task_ee'),
      }),
  },
  {
    name: 'updated_at of a task nobody touched is the word None: it is no time',
    first: () => undefined,
    next: (told) => told.document('tasks', task({ status: 'pending', claimed_by: null, updated_at: 'None' })),
    holds: (view) => {
      expect(view.entity('job', 'task_aa')).toMatchObject({ status: 'queued', createdAt: at('02:00:00') });
      expect(view.entity('job', 'task_aa')?.updatedAt).toBeUndefined();
    },
  },
];

describe.each(traps)('$name', ({ first, next, holds }) => {
  it('watching from before', () => {
    const told = answering();
    first(told);
    told.derive('02:59:20');
    next(told);
    holds(told.view('03:00:00'));
  });

  it('row 70: started after', () => {
    const told = answering();
    first(told);
    next(told);
    holds(told.view('03:00:00'));
  });
});

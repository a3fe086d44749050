import { describe, expect, it } from 'vitest';
import type { Entity } from '../../../src/domain/entity.ts';
import type { Instant } from '../../../src/domain/instant.ts';
import { coherenceActs } from '../../../src/systems/coherence/acts.ts';
import { coherencePlaybooks } from '../../../src/systems/coherence/playbooks.ts';
import type { ActOrder, ActSpec, StateView } from '../../../src/systems/system.ts';
import { at, find, located, pipeline, process, scripts, Told } from './facts.ts';

function actOf(id: string): ActSpec {
  const act = coherenceActs.find((one) => one.id === id);
  if (!act) throw new Error(`no act ${id}`);
  return act;
}

const restart = actOf('pipeline.restart');
const iso = (time: string): string => `2026-02-21T${time}+00:00`;
const version = (started: string): unknown => ({ git_sha: 'abc', started_at: `2026-02-21T${started}Z` });
const health = { status: 'ok', started_at: '2026-02-21T01:00:00Z' };
const stale = {
  issues: [
    { id: '1', condition: 'stale_version', severity: 'high', message: 'old', created_at: iso('02:59:30') },
  ],
  last_check: iso('02:59:30'),
  history: [],
};

/** A running pipeline with old code and an API that answers. */
function well(url = true): Told {
  const told = new Told(located(url ? { url: 'http://127.0.0.1:8000' } : {}))
    .document('version', version('01:00:00'))
    .document('issues', stale)
    .log('project_manager.log', '2026-02-21 02:59:50,000 INFO created spec for item 3 (buffer)\n', '02:59:50')
    .document('manager.overnight', { in_flight: [], next_backlog_idx: 4, blocked: false });
  if (url) told.http('api.health', { status: 200, body: health }, '02:59:55');
  told.processes = pipeline('01:00:00');
  return told;
}

function target(view: StateView, type: 'service' | 'issue' | 'layer', id: string): Entity {
  const found = view.entity(type, id);
  if (!found) throw new Error(`no ${type} ${id}`);
  return found;
}

function orderOf(told: Told, when: string, stepsDone = 1): ActOrder {
  const view = told.view(when);
  const on = target(view, 'service', 'pipeline');
  const baseline = restart.baseline?.(view, on) ?? null;
  const ref = { system: on.system, type: on.type, id: on.id };
  return {
    order: 'o',
    act: restart.id,
    target: ref,
    params: {},
    startedAt: at(when),
    revision: '',
    baseline,
    stepsDone,
    ...(stepsDone === 0 ? {} : { lastStepAt: at(when) }),
  };
}

const states = (told: Told, order: ActOrder, when: string) => restart.expect(told.view(when), order);

describe('restart pipeline', () => {
  it('applies to services, the layers of orchestration and execution, and issues a restart may end', () => {
    const told = well();
    const derived = told.derive('03:00:00');
    const applies = derived.entities
      .filter((one) => restart.appliesTo(one))
      .map((one) => `${one.type}/${one.id}`)
      .sort();
    expect(applies).toEqual([
      'issue/stale_version',
      'layer/execution',
      'layer/orchestration',
      'service/agent-runner',
      'service/api',
      'service/monitor',
      'service/pipeline',
      'service/project-manager',
      'service/watchdog',
    ]);
  });

  it('writes the one file the watchdog looks for, as the monitor writes it', () => {
    const view = well().view('03:00:00');
    expect(restart.plan(view, target(view, 'issue', 'stale_version'), {})).toEqual([
      {
        type: 'file',
        title: 'request a restart (stale_version)',
        path: 'api/logs/restart_requested.json',
        text: '{\n  "reason": "stale_version",\n  "at": "2026-02-21T03:00:00.000+00:00"\n}',
      },
    ]);
  });

  it('gives the reason api_unreachable whenever the API is down, since no other makes the watchdog start it', () => {
    const told = well().http('api.health', { error: 'connect ECONNREFUSED', failures: 1 }, '03:00:00');
    const view = told.view('03:00:01');
    for (const [type, id] of [
      ['service', 'pipeline'],
      ['issue', 'stale_version'],
    ] as const) {
      const [step] = restart.plan(view, target(view, type, id), {});
      expect(step?.type === 'file' && JSON.parse(step.text ?? '').reason).toBe('api_unreachable');
    }
    const warnings = restart.warnings?.(view, target(view, 'service', 'pipeline')) ?? [];
    expect(warnings.some((one) => one.includes('every "uvicorn app.main" of this machine'))).toBe(true);
    expect(warnings.some((one) => one.startsWith('Pid 11 holds port 8000'))).toBe(true);
  });

  it('gives each condition its own reason', () => {
    const reasons = {
      runner_pm_not_seen: 'runner_pm_not_seen',
      orphan_running: 'stale_running_orphan',
      no_task_running: 'no_task_running_stuck',
      effectiveness_404: 'effectiveness_404',
    };
    for (const [condition, reason] of Object.entries(reasons)) {
      const told = well().document('issues', { ...stale, issues: [{ condition, severity: 'high' }] });
      const view = told.view('03:00:00');
      const [step] = restart.plan(view, target(view, 'issue', condition), {});
      expect(step?.type === 'file' && JSON.parse(step.text ?? '').reason).toBe(reason);
    }
  });

  it('is refused without a watchdog, and by a watchdog that waits for a manager to end', () => {
    const told = well();
    const view = told.view('03:00:00');
    expect(restart.precondition(view, target(view, 'service', 'pipeline'))).toBeUndefined();
    told.processes = told.processes.filter((one) => one.pid !== 50);
    expect(restart.precondition(told.view('03:00:00'), target(view, 'service', 'pipeline'))).toContain(
      'run_overnight_pipeline.sh',
    );
    const hung = well().log('monitor.log', '2026-02-21 02:50:00,000 INFO Restart requested: stale_version\n');
    expect(restart.precondition(hung.view('03:00:00'), target(view, 'service', 'pipeline'))).toContain(
      'kill 70',
    );
  });

  it('says that it begins at item 0 again, and what it strands', () => {
    const told = well().document('tasks', {
      tasks: [
        { id: 'task_a1', status: 'needs_decision', claimed_by: 'host:62', created_at: iso('02:00:00') },
        { id: 'task_a2', status: 'needs_decision', claimed_by: 'w7', created_at: iso('02:00:00') },
        { id: 'task_a3', status: 'needs_decision', created_at: iso('02:00:00') },
        {
          id: 'task_a4',
          status: 'running',
          claimed_by: 'host:62',
          started_at: iso('02:59:30'),
          created_at: iso('02:00:00'),
        },
      ],
    });
    const view = told.view('03:00:00');
    const on = target(view, 'service', 'pipeline');
    expect(restart.warnings?.(view, on)[0]).toContain('item 0 again instead of 4');
    const strands = restart.strands?.(view, on) ?? [];
    expect(strands).toHaveLength(3);
    expect(strands[0]).toMatch(/^task_a1 .*host:62 ends, nobody can take it again; decide it first$/);
    expect(strands[1]).toContain('only a runner started under that name');
    expect(strands[2]).toContain('task_a4 runs now');
  });

  it('binds its yes to watchdog, manager, reason and what it strands, not to times that move by themselves', () => {
    const told = well();
    const first = told.view('03:00:00');
    const on = target(first, 'service', 'pipeline');
    const revision = restart.revision(first, on);
    told
      .log('project_manager.log', '2026-02-21 03:00:05,000 INFO created x\n', '03:00:05')
      .document('version', version('02:00:00'));
    expect(restart.revision(told.view('03:00:10'), on)).toBe(revision);
    told.processes = [
      ...pipeline('01:00:00').filter((one) => one.pid !== 70),
      process(71, '03:00:06', scripts.manager, { parentPid: 60 }),
    ];
    expect(restart.revision(told.view('03:00:10'), on)).not.toBe(revision);
  });

  it('warns that health stays unchecked without a url', () => {
    const view = well(false).view('03:00:00');
    expect(restart.warnings?.(view, target(view, 'service', 'pipeline')).at(-1)).toContain('unchecked');
  });
});

describe('what is expected of a restart', () => {
  const written = (told: Told): Told =>
    told.document(
      'restart',
      { reason: 'stale_version', at: iso('03:00:00.000') },
      { modified: '03:00:00', born: '03:00:00' },
    );
  /** The watchdog with a pipeline it has just started. */
  const anew = (started: string, manager = 171): Told['processes'] => [
    process(50, '01:00:00', scripts.watchdog),
    process(160, started, scripts.shell, { parentPid: 50 }),
    process(manager, started, scripts.manager, { parentPid: 160 }),
  ];
  const summary = (told: Told, order: ActOrder, when: string): string[] =>
    states(told, order, when).map((one) => one.state);

  it('waits with deadlines from the watchdog’s own times', () => {
    const told = well();
    const order = orderOf(told, '03:00:00');
    written(told);
    const stages = states(told, order, '03:00:05');
    expect(stages.map((one) => [one.stage, one.state])).toEqual([
      ['accepted', 'waiting'],
      ['started', 'waiting'],
      ['done', 'waiting'],
    ]);
    // 90 s poll and 15 s slack; 12 s for the API and 8 s of pauses; 60 s to start, 15 + 15 s for health.
    const deadlines: Instant[] = [at('03:01:45'), at('03:02:05'), at('03:03:35')];
    expect(stages.map((one) => one.deadline)).toEqual(deadlines);
  });

  it('is accepted when the file is taken, started with a newer version, done with a young manager at work and health after it', () => {
    const told = well();
    const order = orderOf(told, '03:00:00');
    written(told);
    told.gone('restart', '03:00:50');
    expect(summary(told, order, '03:00:51')).toEqual(['seen', 'waiting', 'waiting']);
    told.document('version', version('03:00:59'));
    told.processes = [process(50, '01:00:00', scripts.watchdog)];
    expect(summary(told, order, '03:01:00')).toEqual(['seen', 'seen', 'waiting']);
    told.processes = anew('03:01:05');
    expect(summary(told, order, '03:01:06')).toEqual(['seen', 'seen', 'waiting']);
    told.log(
      'project_manager.log',
      '2026-02-21 03:01:06,000 INFO Project Manager started API=x backlog=/b executor=c\n',
      '03:01:06',
    );
    expect(states(told, order, '03:01:07')[2]?.detail).toContain('works, API');
    told.http('api.health', { status: 200, body: health }, '03:01:10');
    expect(summary(told, order, '03:01:11')).toEqual(['seen', 'seen', 'seen']);
  });

  it('does not believe a health from before the new start, nor the old manager', () => {
    const told = well();
    const order = orderOf(told, '03:00:00');
    written(told);
    told.gone('restart', '03:00:50').document('version', version('03:00:59'));
    expect(summary(told, order, '03:01:10')).toEqual(['seen', 'seen', 'waiting']);
    told
      .log('project_manager.log', 'x', '03:01:08')
      .http('api.health', { status: 200, body: health }, '03:01:10');
    expect(summary(told, order, '03:01:10')).toEqual(['seen', 'seen', 'waiting']);
    expect(states(told, order, '03:02:14')[2]).toMatchObject({
      state: 'contradicted',
      detail: 'version is new, but project manager 70 is the old one',
    });
  });

  it('is contradicted when the file is gone and nothing restarted, soon after it went', () => {
    const told = well();
    const order = orderOf(told, '03:00:00');
    written(told);
    told.gone('restart', '03:00:10');
    expect(states(told, order, '03:00:44')[1]).toMatchObject({ state: 'waiting', deadline: at('03:00:45') });
    const [, started] = states(told, order, '03:00:45');
    expect(started?.state).toBe('contradicted');
    expect(started?.detail).toContain('request eaten');
    expect(started?.detail).toContain('kill 70');
  });

  it('is contradicted when the version is new and no manager lives after the grace', () => {
    const told = well();
    const order = orderOf(told, '03:00:00');
    written(told);
    told.gone('restart', '03:00:50').document('version', version('03:00:59'));
    told.processes = [process(50, '01:00:00', scripts.watchdog)];
    expect(summary(told, order, '03:02:13')).toEqual(['seen', 'seen', 'waiting']);
    const done = states(told, order, '03:02:14')[2];
    expect(done).toMatchObject({ state: 'contradicted' });
    expect(done?.detail).toContain('no project manager lives');
  });

  it('is contradicted in time although a start that dies renews the version again and again', () => {
    const told = well();
    const order = orderOf(told, '03:00:00');
    written(told);
    told.processes = [process(50, '01:00:00', scripts.watchdog)];
    told.gone('restart', '03:00:50').document('version', version('03:03:04'));
    expect(summary(told, order, '03:03:05')).toEqual(['seen', 'seen', 'contradicted']);
  });

  it('takes a monitor’s request in a file born after ours for another one, put where ours had been taken', () => {
    const told = well();
    const order = orderOf(told, '03:00:00');
    written(told);
    const monitors = { reason: 'stale_version', at: iso('03:01:30.123456') };
    told.document('restart', monitors, { modified: '03:01:30', born: '03:01:30' });
    expect(summary(told, order, '03:01:31')).toEqual(['seen', 'waiting', 'waiting']);
    // The monitor writes over a file that is there: then the birth is that of ours.
    const over = written(well()).document('restart', monitors, { modified: '03:01:30', born: '03:00:00' });
    expect(summary(over, order, '03:01:31')).toEqual(['waiting', 'waiting', 'waiting']);
  });

  it('takes our own request for ours however late a busy machine wrote it', () => {
    const told = well();
    const order = { ...orderOf(told, '03:00:00'), lastStepAt: at('03:00:40') };
    told.document(
      'restart',
      { reason: 'stale_version', at: iso('03:00:00.000') },
      { modified: '03:00:39', born: '03:00:39' },
    );
    expect(summary(told, order, '03:00:41')).toEqual(['waiting', 'waiting', 'waiting']);
  });

  it('does not take the absence of a file not yet written, or not yet looked for, for its being taken', () => {
    const told = well();
    for (const when of ['03:00:01', '03:00:10', '03:01:40'])
      for (const steps of [0, 1])
        expect(summary(told, orderOf(told, '03:00:00', steps), when)).toEqual([
          'waiting',
          'waiting',
          'waiting',
        ]);
    told.looked('restart', '03:00:01');
    expect(summary(told, orderOf(told, '03:00:00'), '03:00:10')[0]).toBe('waiting');
    // Written and taken between two looks.
    told.looked('restart', '03:00:05');
    expect(states(told, orderOf(told, '03:00:00'), '03:00:10')[0]).toMatchObject({
      state: 'seen',
      seenAt: at('03:00:05'),
    });
  });

  it('does not take a pipeline that began before the request was taken for its effect, the watchdog’s own first one for instance', () => {
    const told = well();
    told.processes = [process(50, '02:59:58', scripts.watchdog)];
    const order = orderOf(told, '03:00:00');
    written(told);
    // The watchdog’s own start of the pipeline comes after the yes; then it looks for requests, and eats ours.
    told.processes = anew('03:00:04');
    told
      .document('version', version('03:00:04'))
      .log('project_manager.log', 'x', '03:00:06')
      .http('api.health', { status: 200, body: health }, '03:00:10');
    expect(summary(told, order, '03:00:20')).toEqual(['waiting', 'waiting', 'waiting']);
    told.gone('restart', '03:01:34');
    expect(summary(told, order, '03:01:35')).toEqual(['seen', 'waiting', 'waiting']);
    const [, started] = states(told, order, '03:02:10');
    expect(started).toMatchObject({ state: 'contradicted' });
    expect(started?.detail).toContain('03:00:04Z is of a start that came before the request was taken');
  });

  it('keeps when the request was first found gone, and takes a start that was seen before that for its effect', () => {
    const told = well();
    const order = orderOf(told, '03:00:00');
    written(told);
    told.processes = anew('03:00:59');
    told
      .document('version', version('03:00:59'))
      .gone('restart', '03:01:20')
      .log('project_manager.log', 'x', '03:01:01')
      .http('api.health', { status: 200, body: health }, '03:01:10');
    const first = states(told, order, '03:01:21');
    expect(first.map((one) => one.state)).toEqual(['seen', 'seen', 'seen']);
    // A later request came and went: ours stays taken by then.
    told.document('restart', { reason: 'x', at: iso('03:02:00.5') }).gone('restart', '03:05:00');
    const later = restart.expect(told.view('03:05:01'), { ...order, stages: first });
    expect(later[0]?.seenAt).toBe(at('03:01:20'));
    expect(later.map((one) => one.state)).toEqual(['seen', 'seen', 'seen']);
  });

  it('does without health where there is no url, and says so', () => {
    const told = well(false);
    const order = orderOf(told, '03:00:00');
    written(told);
    told
      .gone('restart', '03:00:50')
      .document('version', version('03:00:59'))
      .log('project_manager.log', 'x', '03:01:06');
    told.processes = anew('03:01:05');
    const done = states(told, order, '03:01:07')[2];
    expect(done).toMatchObject({ state: 'seen' });
    expect(done?.title).toContain('unchecked');
  });
});

describe('answer', () => {
  const answer = actOf('job.answer');
  const waiting = (more: Record<string, unknown> = {}): unknown => ({
    id: 'task_a1',
    direction: 'Import harbours',
    task_type: 'impl',
    status: 'needs_decision',
    claimed_by: 'w7',
    decision_prompt: 'Which datum?',
    created_at: iso('02:00:00'),
    ...more,
  });
  const asking = (more: Record<string, unknown> = {}): Told =>
    well().document('tasks', { tasks: [waiting(more)] });
  const approval = (told: Told, when = '03:00:00') => {
    const found = told.view(when).entity('approval', 'task_a1');
    if (!found) throw new Error('no approval');
    return found;
  };
  const order: ActOrder = {
    order: 'o',
    act: 'job.answer',
    target: { system: located().system, type: 'approval', id: 'task_a1' },
    params: { decision: 'chart datum' },
    startedAt: at('03:00:00'),
    revision: '',
    baseline: null,
    stepsDone: 1,
  };
  const stages = (told: Told, when: string): string[] =>
    answer.expect(told.view(when), order).map((one) => one.state);

  it('names the worker that holds the claim and frees the task, in one request', () => {
    const told = asking();
    const params = { decision: '--yes\n"; rm -rf /' };
    expect(answer.precondition(told.view('03:00:00'), approval(told))).toBeUndefined();
    expect(answer.plan(told.view('03:00:00'), approval(told), params)).toEqual([
      {
        type: 'http',
        title: 'answer task_a1 as w7',
        method: 'PATCH',
        url: 'http://127.0.0.1:8000/api/agent/tasks/task_a1',
        body: { decision: params.decision, status: 'pending', worker_id: 'w7' },
        timeoutMs: 10_000,
      },
    ]);
  });

  it('binds a task nobody has claimed to the one runner that lives, and warns where there is none', () => {
    const lone = asking({ claimed_by: null });
    expect(approval(lone).cautions?.join()).toContain('"unknown"');
    lone.document('runners', {
      runners: {
        w9: { runner_id: 'w9', pid: 62, lease_expires_at: iso('03:05:00') },
        old: { runner_id: 'old', lease_expires_at: iso('02:00:00') },
      },
    });
    const [step] = answer.plan(lone.view('03:00:00'), approval(lone), { decision: 'x' });
    expect(step).toMatchObject({ body: { worker_id: 'w9' } });
  });

  it('can’t be given without a url, to an API that is down, or for an id no API would give', () => {
    const silent = asking().http('api.health', { error: 'connection refused', failures: 1 }, '03:00:00');
    expect(approval(silent).answerable).toBe(false);
    expect(answer.precondition(silent.view('03:00:01'), approval(silent))).toContain('does not answer');
    const alone = well(false).document('tasks', { tasks: [waiting()] });
    expect(approval(alone).reason).toContain('PATCH /api/agent/tasks/task_a1');
    const hostile = well().document('tasks', { tasks: [waiting({ id: '../../x?y=' })] });
    expect(hostile.view('03:00:00').entity('approval', '../../x?y=')).toMatchObject({
      answerable: false,
      decisions: [],
    });
  });

  it('changes its revision with worker and question only', () => {
    const revision = (more: Record<string, unknown>): string => {
      const told = asking(more);
      return answer.revision(told.view('03:00:00'), approval(told));
    };
    expect(revision({ updated_at: iso('02:59:00') })).toBe(revision({}));
    expect(revision({ claimed_by: 'w8' })).not.toBe(revision({}));
    expect(revision({ decision_prompt: 'Which port?' })).not.toBe(revision({}));
  });

  it('is seen when the store has it, the task is free, and a runner took it after', () => {
    expect(stages(asking(), '03:00:05')).toEqual(['waiting', 'waiting', 'waiting']);
    const stored = asking({ status: 'pending', decision: 'chart datum' });
    expect(stages(stored, '03:00:05')).toEqual(['seen', 'seen', 'waiting']);
    const taken = asking({ status: 'running', decision: 'chart datum', started_at: iso('03:00:08') });
    taken.document('run-state', {
      tasks: {
        task_a1: {
          worker_id: 'w7',
          status: 'running',
          lease_expires_at: iso('03:02:00'),
          last_heartbeat_at: iso('03:00:09'),
        },
      },
    });
    expect(stages(taken, '03:00:10')).toEqual(['seen', 'seen', 'seen']);
  });

  it('is contradicted by an earlier answer that stands, and by a task left running with nobody on it', () => {
    expect(stages(asking({ status: 'pending', decision: 'no' }), '03:00:05')[0]).toBe('contradicted');
    // One that ours begins with is another answer all the same.
    expect(stages(asking({ status: 'pending', decision: 'chart' }), '03:00:05')[0]).toBe('contradicted');
    const lost = asking({
      status: 'running',
      decision: 'chart datum',
      claimed_by: 'h:1',
      started_at: iso('02:00:00'),
    });
    expect(stages(lost, '03:00:31')[1]).toBe('contradicted');
  });
});

describe('playbooks', () => {
  it('exist for every condition that names one, and their acts exist', () => {
    const named = new Set<string>();
    const told = well().document('fatal', {
      at: '2026-02-21T02:00:00Z',
      reason: 'api_start_failed',
      detail: 'x',
    });
    for (const one of told.derive('03:00:00').entities)
      if (one.attention?.playbook) named.add(one.attention.playbook);
    for (const id of [
      'api-unreachable',
      'pipeline-stuck',
      'runner-pm-not-seen',
      'unblock-decision',
      'stale-version',
      'orphans',
      'restart-hangs',
      'no-watchdog',
    ])
      named.add(id);
    const ids = coherencePlaybooks.map((one) => one.id);
    for (const id of named) expect(ids).toContain(id);
    const acts = coherencePlaybooks.flatMap((one) =>
      one.steps.flatMap((step) => (step.type === 'act' ? [step.act] : [])),
    );
    for (const id of acts) expect(coherenceActs.map((one) => one.id)).toContain(id);
  });

  it('check what is so now', () => {
    const view = well().view('03:00:00');
    const on = target(view, 'issue', 'stale_version');
    const steps = coherencePlaybooks.find((one) => one.id === 'stale-version')?.steps ?? [];
    const checks = steps.flatMap((step) => (step.type === 'check' ? [step.holds(view, on)] : []));
    expect(checks).toEqual([true, true, true, true, false]);
    expect(find(well().derive('03:00:00'), 'issue', 'stale_version')?.since).toBeDefined();
  });
});

import { describe, expect, it } from 'vitest';
import type { Derived } from '../../../src/systems/system.ts';
import { costRatio } from '../../cost.ts';
import { at, find, located, pipeline, process, queue, ROOT, scripts, Told } from './facts.ts';

const version = (started: string, sha = 'abc'): unknown => ({
  git_sha: sha,
  started_at: `2026-02-21T${started}Z`,
});
const stamp = (time: string): string => `2026-02-21 ${time},000`;
const asked = (...times: readonly string[]): string =>
  times.map((time) => `${stamp(time)} INFO Restart requested: stale_version`).join('\n');
const managerWorked = (time: string): string => `${stamp(time)} INFO created spec for item 0 (buffer)\n`;
const task = (id: string, more: Record<string, unknown>): unknown => ({
  id,
  direction: `work of ${id}`,
  task_type: 'impl',
  status: 'running',
  created_at: '2026-02-21T02:00:00+00:00',
  updated_at: 'None',
  ...more,
});
const iso = (time: string): string => `2026-02-21T${time}+00:00`;

describe('a request for a restart', () => {
  function pending(): Told {
    const told = new Told()
      .document('version', version('01:00:00'))
      .log('project_manager.log', managerWorked('02:59:50'));
    told.processes = pipeline('01:00:00');
    return told.document(
      'restart',
      { reason: 'stale_version', at: iso('03:00:00') },
      { modified: '03:00:00', born: '03:00:00' },
    );
  }

  it('is no trouble while a watchdog still has its time, and says when it would be', () => {
    const derived = pending().derive('03:01:00');
    expect(derived.entities.filter((one) => one.type === 'issue')).toEqual([]);
    expect(derived.nextInstant).toBe(at('03:01:45'));
  });

  it('is unheard from the moment a living watchdog would have taken it', () => {
    expect(find(pending().derive('03:01:45'), 'issue', 'restart_not_taken')).toMatchObject({
      since: at('03:00:00'),
      attention: { rank: 4, label: 'UNHEARD' },
    });
  });

  it('counts since its birth, however often the monitor has written it anew', () => {
    const told = pending().document(
      'restart',
      { reason: 'stale_version', at: iso('03:09:30') },
      { modified: '03:09:30', born: '03:00:00' },
    );
    expect(find(told.derive('03:10:00'), 'issue', 'restart_not_taken')?.since).toBe(at('03:00:00'));
  });

  it('that was born after an earlier one was asked tells that the earlier one was eaten', () => {
    const told = pending()
      .log('monitor.log', asked('02:55:00', '02:56:00', '03:00:00'))
      .document(
        'restart',
        { reason: 'stale_version', at: iso('03:00:00') },
        { modified: '03:00:00', born: '03:00:00' },
      );
    const issue = find(told.derive('03:00:10'), 'issue', 'restart_hangs');
    expect(issue).toMatchObject({ since: at('02:55:00'), attention: { label: 'HUNG' } });
    expect(issue?.suggestedAction).toContain('kill 70');
    expect(find(told.derive('03:00:10'), 'service', 'watchdog')?.status).toBe('degraded');
  });

  it('that is gone while the version is old and the old manager lives has hung the watchdog', () => {
    const told = pending().log('monitor.log', asked('03:00:00')).gone('restart', '03:01:20');
    expect(find(told.derive('03:02:04'), 'issue', 'restart_hangs')).toBeUndefined();
    expect(told.derive('03:02:04').nextInstant).toBe(at('03:02:05'));
    expect(find(told.derive('03:02:05'), 'issue', 'restart_hangs')?.title).toContain('waits for manager 70');
  });

  it('that is gone with no watchdog left was eaten by somebody else', () => {
    const told = pending().log('monitor.log', asked('03:00:00')).gone('restart', '03:01:20');
    told.processes = told.processes.filter((one) => one.pid !== 50);
    expect(find(told.derive('03:05:00'), 'issue', 'restart_hangs')?.attention?.label).toBe('EATEN');
  });

  it('that was answered by a new version and a new manager is over', () => {
    const told = pending()
      .log('monitor.log', asked('03:00:00'))
      .gone('restart', '03:01:20')
      .document('version', version('03:01:30'));
    told.processes = pipeline('03:01:31');
    expect(queue(told.derive('03:10:00'))).toEqual([]);
  });
});

describe('a pipeline that does not come up', () => {
  function dead(): Told {
    const told = new Told()
      .document('version', version('03:13:46'))
      .log('project_manager.log', managerWorked('03:05:49'));
    told.processes = [process(50, '01:00:00', scripts.watchdog)];
    return told;
  }

  it('is fatal once the restarts asked had their time, with their number and the first one’s time', () => {
    const told = dead().log('monitor.log', asked('03:04:00', '03:06:10', '03:07:10', '03:08:10'));
    expect(find(told.derive('03:09:10'), 'issue', 'restart_without_effect')).toBeUndefined();
    expect(find(told.derive('03:14:10'), 'issue', 'restart_without_effect')).toMatchObject({
      title: 'restart asked 3 times, nothing runs',
      severity: 'fatal',
      since: at('03:06:10'),
      attention: { rank: 2, act: 'pipeline.restart' },
    });
  });

  it('offers a start and no restart where no watchdog would take one', () => {
    const told = dead().log('monitor.log', asked('03:06:10'));
    told.processes = [];
    const issue = find(told.derive('03:20:00'), 'issue', 'restart_without_effect');
    expect(issue?.attention?.act).toBe('pipeline.start');
    expect(issue?.suggestedAction).toContain('run_overnight_pipeline.sh');
  });

  it('does not take a start that ends with a failed check for work', () => {
    const told = dead()
      .log('monitor.log', asked('03:06:10', '03:08:10'))
      .log(
        'project_manager.log',
        `${managerWorked('03:05:49')}${stamp('03:09:00')} INFO Project Manager started API=http://x backlog=/b executor=c\n${stamp('03:09:01')} ERROR API check failed: timed out\n`,
      );
    expect(find(told.derive('03:14:10'), 'issue', 'restart_without_effect')?.title).toContain('2 times');
  });

  it('is told by a version newer than any work, once a start had its time', () => {
    const told = dead();
    told.processes = [];
    expect(find(told.derive('03:14:40'), 'issue', 'version_without_manager')).toBeUndefined();
    expect(find(told.derive('03:14:46'), 'issue', 'version_without_manager')?.severity).toBe('fatal');
  });

  it('is told although each start writes a newer version, since the last work was longer ago than a restart takes', () => {
    const told = dead().document('version', version('03:14:40'));
    expect(find(told.derive('03:14:45'), 'issue', 'version_without_manager')?.severity).toBe('fatal');
  });

  it('that ended by itself is said to have ended, and is not urgent', () => {
    const told = new Told()
      .document('version', version('01:00:00'))
      .log('project_manager.log', `${managerWorked('02:00:00')}${stamp('02:30:00')} INFO Backlog complete\n`);
    expect(queue(told.derive('03:00:00'))).toEqual(['7 ENDED pipeline']);
  });
});

describe('processes', () => {
  it('count for this checkout by where their script lies, not by their name', () => {
    const told = new Told().document('version', version('01:00:00'));
    told.processes = [
      process(1, '01:00:00', scripts.manager, { cwd: '/srv/other/api' }),
      process(2, '01:00:00', scripts.manager, { cwd: `${ROOT}/.worktrees/x/api` }),
      { ...process(3, '01:00:00', scripts.manager), argv: ['vim', 'scripts/project_manager.py'] },
      { ...process(4, '01:00:00', scripts.manager), argv: ['tail', '-f', 'scripts/project_manager.py'] },
      process(5, '01:00:00', scripts.manager, { state: 'Z' }),
    ];
    expect(find(told.derive('03:00:00'), 'service', 'project-manager')?.status).toBe('down');
    told.processes.push({
      ...process(6, '01:00:00', ''),
      argv: ['python3', `${ROOT}/api/scripts/project_manager.py`],
      cwd: '/',
    });
    expect(find(told.derive('03:00:00'), 'service', 'project-manager')?.detail).toContain('pid 6');
  });

  it('of another user, whose directory is hidden, are unknown and not absent', () => {
    const told = new Told();
    const { cwd: _hidden, ...foreign } = process(7, '01:00:00', scripts.manager);
    told.processes = [foreign];
    expect(find(told.derive('03:00:00'), 'service', 'project-manager')?.status).toBe('unknown');
    expect(find(told.derive('03:00:00'), 'layer', 'orchestration')?.status).toBe('unknown');
  });

  it('that lost their pipeline are orphans, and the status loop is no second pipeline', () => {
    const told = new Told().document('version', version('01:00:00'));
    const loop = {
      ...process(61, '01:00:00', 'scripts/run_overnight_pipeline.sh'),
      argv: ['/bin/bash', ...scripts.shell.split(' ')],
    };
    told.processes = [...pipeline('01:00:00'), { ...loop, parentPid: 60 }];
    expect(find(told.derive('03:00:00'), 'issue', 'orphans')).toBeUndefined();
    expect(find(told.derive('03:00:00'), 'service', 'pipeline')?.detail).toContain('shell 60');
    told.processes = [
      loop,
      process(62, '01:00:00', scripts.runner),
      process(63, '01:00:00', scripts.monitor),
    ];
    const orphans = find(told.derive('03:00:00'), 'issue', 'orphans');
    expect(orphans?.title).toContain('runner 62, monitor 63, status loop 61');
  });

  it('started by hand without a pipeline are no orphans', () => {
    const told = new Told();
    told.processes = [process(62, '01:00:00', scripts.runner), process(70, '01:00:00', scripts.manager)];
    expect(find(told.derive('03:00:00'), 'issue', 'orphans')).toBeUndefined();
  });
});

describe('the API', () => {
  const withUrl = (): Told => {
    const told = new Told(located({ url: 'http://127.0.0.1:8000' }));
    told.processes = pipeline('01:00:00');
    return told;
  };
  const health = { status: 'ok', started_at: '2026-02-21T01:00:00Z' };

  it('is down at once when nobody listens, and after three silences when it had answered', () => {
    const refused = withUrl().http(
      'api.health',
      { error: 'connect ECONNREFUSED 127.0.0.1:8000' },
      '03:00:00',
    );
    expect(find(refused.derive('03:00:01'), 'service', 'api')?.status).toBe('down');
    const slow = withUrl().http('api.health', { status: 200, body: health }, '02:59:00');
    slow.http('api.health', { error: 'no answer in 5 s', failures: 1 }, '02:59:20');
    expect(find(slow.derive('03:00:01'), 'service', 'api')?.status).toBe('degraded');
    slow.http('api.health', { error: 'no answer in 5 s', failures: 3 }, '03:00:00');
    expect(find(slow.derive('03:00:01'), 'issue', 'api_hangs')?.title).toBe('API hangs: pid 11 holds :8000');
  });

  it('that holds its port and answers 5xx fails, and does not hang; one that refuses is no outage', () => {
    const answering = (status: number, body: unknown = { detail: 'x' }): Derived =>
      withUrl().http('api.health', { status, body, failures: 3 }, '03:00:00').derive('03:00:01');
    const fails = answering(500);
    expect(find(fails, 'issue', 'api_hangs')).toBeUndefined();
    expect(find(fails, 'issue', 'api_fails')).toMatchObject({
      title: 'API answers 500',
      attention: { rank: 2, act: 'pipeline.restart', playbook: 'api-unreachable' },
    });
    expect(find(fails, 'service', 'api')?.status).toBe('down');
    for (const status of [401, 403, 404, 429]) {
      const refuses = answering(status);
      expect(find(refuses, 'service', 'api')).toMatchObject({
        status: 'degraded',
        detail: expect.stringContaining(`answered ${status}`),
      });
      expect(refuses.entities.filter(({ id }) => /^api_/.test(id))).toEqual([]);
    }
    // A proxy, or another server, on the same port.
    for (const body of ['<html>', { hello: 'there' }, [1]])
      expect(find(answering(200, body), 'service', 'api')?.status).toBe('degraded');
  });

  it('that answers is up, whatever the monitor’s last check says', () => {
    const told = withUrl().http('api.health', { status: 200, body: health }, '03:00:00');
    told.document('issues', {
      issues: [{ condition: 'api_unreachable', severity: 'high' }],
      last_check: iso('02:59:30'),
    });
    expect(find(told.derive('03:00:01'), 'layer', 'execution')?.status).toBe('ok');
  });

  it('without a url is what the monitor last said, until the monitor is overdue', () => {
    const told = new Told().document('issues', { issues: [], last_check: iso('02:59:30') });
    expect(find(told.derive('03:00:00'), 'service', 'api')?.status).toBe('up');
    expect(find(told.derive('03:05:30'), 'service', 'api')?.status).toBe('unknown');
  });
});

describe('issues of the monitor', () => {
  const check = (last: string, ...conditions: readonly string[]): unknown => ({
    issues: conditions.map((condition, index) => ({
      id: `${last}${index}`,
      condition,
      severity: 'high',
      priority: 1,
      message: condition,
      created_at: iso(last),
    })),
    last_check: iso(last),
    history: [],
  });

  it('keep their identity and their since while ids and times are new at every check', () => {
    const log = (time: string): string => `${stamp(time)} INFO Detected 1 issue(s): ['stale_version']\n`;
    const told = new Told()
      .log('monitor.log', log('02:00:00') + log('02:01:00'))
      .document('issues', check('02:01:00', 'stale_version'));
    const before = find(told.derive('02:01:30'), 'issue', 'stale_version');
    told
      .log('monitor.log', log('02:00:00') + log('02:01:00') + log('02:02:00'))
      .document('issues', check('02:02:00', 'stale_version'));
    const after = find(told.derive('02:02:30'), 'issue', 'stale_version');
    expect([before?.since, after?.since]).toEqual([at('02:00:00'), at('02:00:00')]);
    expect(after?.key).toBe('stale_version');
  });

  it('become unchecked, not gone, when a check can’t look, and come back or go with the next good one', () => {
    const seen = [iso('02:59:00'), iso('02:59:00')];
    const history = [
      { at: seen[0], condition: 'stale_version', severity: 'high' },
      { at: seen[1], condition: 'low_success_rate', severity: 'medium' },
      { at: iso('03:00:00'), condition: 'api_unreachable', severity: 'high' },
    ];
    const blind = { ...(check('03:00:00', 'api_unreachable') as object), history };
    const told = new Told()
      .document('issues', blind)
      .log('resolutions', `{"condition": "low_success_rate", "resolved_at": "${iso('02:59:30')}"}`);
    const derived = told.derive('03:00:30');
    expect(find(derived, 'issue', 'stale_version')).toMatchObject({
      status: 'unchecked',
      severity: 'error',
      since: at('02:59:00'),
    });
    expect(find(derived, 'issue', 'low_success_rate')).toBeUndefined();
    expect(find(derived, 'issue', 'api_unreachable')?.status).toBe('open');
    told.document('issues', { ...(check('03:01:00') as object), history });
    expect(find(told.derive('03:01:30'), 'issue', 'stale_version')).toBeUndefined();
  });

  it('are all unchecked once the monitor is silent for three intervals, to the second', () => {
    const told = new Told()
      .log(
        'monitor.log',
        `${stamp('01:00:00')} INFO Monitor started interval=60s auto_fix=True auto_recover=True\n`,
      )
      .document('issues', check('02:00:00', 'stale_version'));
    told.processes = pipeline('01:00:00');
    const before = told.derive('02:02:59');
    expect(find(before, 'issue', 'stale_version')?.status).toBe('open');
    expect(before.nextInstant).toBe(at('02:03:00'));
    const after = told.derive('02:03:00');
    expect(find(after, 'issue', 'stale_version')).toMatchObject({ status: 'unchecked' });
    expect(find(after, 'issue', 'stale_version')?.attention).toBeUndefined();
    expect(find(after, 'issue', 'monitor_overdue')?.attention?.label).toBe('SILENT');
  });
});

describe('tasks', () => {
  const lease = (status: string, until: string): unknown => ({
    worker_id: 'w7',
    status,
    attempt: 2,
    lease_expires_at: iso(until),
    last_heartbeat_at: iso('02:58:00'),
  });

  it('run while their lease does, and are deserted from its end on', () => {
    const told = new Told()
      .document('tasks', { tasks: [task('task_a1', { claimed_by: 'w7', started_at: iso('02:50:00') })] })
      .document('run-state', { tasks: { task_a1: lease('running', '03:00:00') } });
    const before = told.derive('02:59:59');
    expect(find(before, 'job', 'task_a1')).toMatchObject({
      status: 'running',
      leaseUntil: at('03:00:00'),
      attempts: 2,
    });
    expect(before.nextInstant).toBe(at('03:00:00'));
    expect(find(told.derive('03:00:00'), 'job', 'task_a1')).toMatchObject({
      status: 'unknown',
      nativeStatus: 'running',
      attention: { rank: 4, label: 'ORPHAN', since: at('02:50:00'), until: at('03:20:00') },
    });
  });

  it('answered but taken up by nobody are deserted', () => {
    const told = new Told()
      .document('tasks', {
        tasks: [
          task('task_a1', {
            claimed_by: 'w7',
            decision: 'yes',
            started_at: iso('02:40:00'),
            updated_at: iso('02:50:00'),
          }),
        ],
      })
      .document('run-state', { tasks: { task_a1: lease('needs_decision', '02:45:00') } });
    expect(find(told.derive('03:00:00'), 'job', 'task_a1')?.attention?.why).toContain(
      'answered, but no runner took it up',
    );
  });

  it('done again by a newer one do not stand in the queue', () => {
    const same = { direction: 'the same', claimed_by: 'h:1', started_at: iso('02:00:00') };
    const told = new Told().document('tasks', {
      tasks: [
        task('task_a1', same),
        task('task_a2', { ...same, status: 'pending', created_at: iso('02:30:00') }),
      ],
    });
    const job = find(told.derive('03:00:00'), 'job', 'task_a1');
    expect(job?.status).toBe('unknown');
    expect(job?.attention).toBeUndefined();
    expect(job?.trail?.[0]?.text).toContain('task_a2');
  });

  it('that wait ask their question from prompt, output or policy, and say where it came from', () => {
    const waits = { status: 'needs_decision' };
    const told = new Told().document('tasks', {
      tasks: [
        task('task_a1', { ...waits, decision_prompt: 'Which datum?', output: 'x' }),
        task('task_a2', { ...waits, output: 'two datums' }),
        task('task_a3', {
          ...waits,
          context: { hold_pattern_policy: { score: 0.9, threshold: 0.8, triggered_at: iso('02:31:00') } },
        }),
        task('task_a4', waits),
      ],
    });
    const derived = told.derive('03:00:00');
    const questions = ['task_a1', 'task_a2', 'task_a3', 'task_a4'].map(
      (id) => find(derived, 'approval', id)?.question,
    );
    expect(questions.slice(0, 2)).toEqual(['Which datum?', 'two datums']);
    expect(questions[2]).toContain('score 0.9 of 0.8');
    expect(questions[3]).toContain('No question is recorded');
    expect(find(derived, 'approval', 'task_a3')?.requestedAt).toBe(at('02:31:00'));
  });

  it('never expire unless run_autonomous.sh or the configuration says so, and press in their last hour', () => {
    const told = new Told()
      .document('tasks', { tasks: [task('task_a1', { status: 'needs_decision' })] })
      .document('manager.overnight', { in_flight: [], blocked: true, blocked_at: at('02:00:00') / 1000 });
    told.processes = pipeline('01:00:00');
    expect(find(told.derive('03:00:00'), 'approval', 'task_a1')?.onExpiry).toContain('never expires');
    told.processes.push({ ...process(40, '01:00:00', 'scripts/run_autonomous.sh') });
    const day = find(told.derive('03:00:00'), 'approval', 'task_a1');
    expect(day).toMatchObject({ expiresAt: at('2026-02-22T02:00:00Z'), attention: { rank: 3 } });
    expect(find(told.derive('2026-02-22T01:00:00Z'), 'approval', 'task_a1')?.attention?.rank).toBe(1);
  });

  it('that the API no longer lists as waiting were flipped by a refused answer', () => {
    const told = new Told(located({ url: 'http://127.0.0.1:8000' }))
      .document(
        'tasks',
        { tasks: [task('task_a1', { status: 'needs_decision', claimed_by: 'w7' })] },
        { modified: '02:00:00' },
      )
      .http('api.attention', { status: 200, body: { tasks: [], total: 0 } }, '03:00:00');
    expect(find(told.derive('03:00:01'), 'approval', 'task_a1')?.cautions?.[0]).toContain('409');
    told.document(
      'tasks',
      { tasks: [task('task_a1', { status: 'needs_decision', claimed_by: 'w7' })] },
      { modified: '03:00:05' },
    );
    expect(find(told.derive('03:00:06'), 'approval', 'task_a1')?.cautions?.[0]).not.toContain(
      'no longer lists',
    );
  });

  it('the project manager waits for and nobody knows are an issue in parallel mode only', () => {
    const told = new Told().document('tasks', { tasks: [task('task_a1', { status: 'completed' })] });
    told.document(
      'manager.overnight',
      { in_flight: [{ item_idx: 0, phase: 'impl', task_id: 'task_gone', iteration: 1 }], blocked: false },
      { modified: '02:00:00' },
    );
    told.processes = pipeline('01:00:00');
    expect(find(told.derive('03:00:00'), 'issue', 'manager_lost_task')?.title).toContain('task_gone');
    const sequential = new Told().document('tasks', { tasks: [] });
    sequential.document(
      'manager',
      { backlog_index: 1, phase: 'impl', current_task_id: 'task_gone', iteration: 1, blocked: false },
      { modified: '02:00:00' },
    );
    sequential.processes = pipeline('01:00:00');
    expect(find(sequential.derive('03:00:00'), 'issue', 'manager_lost_task')).toBeUndefined();
  });
});

describe('a fatal issue', () => {
  const fatal = {
    at: '2026-02-21T02:00:00Z',
    reason: 'api_restart_failed',
    detail: 'gave up',
    recovery_attempted: true,
  };

  it('stands until a pipeline began after it, and is then a leftover', () => {
    const told = new Told().document('fatal', fatal);
    told.processes = pipeline('01:00:00');
    expect(find(told.derive('03:00:00'), 'issue', 'fatal.api_restart_failed')).toMatchObject({
      severity: 'fatal',
      attention: { rank: 2 },
    });
    told.processes = pipeline('02:30:00');
    expect(find(told.derive('03:00:00'), 'issue', 'fatal.api_restart_failed')).toMatchObject({
      severity: 'info',
      attention: { rank: 7 },
    });
  });

  it('that can’t be read is still there', () => {
    const told = new Told().document('fatal', '\u0000\u0000');
    expect(find(told.derive('03:00:00'), 'issue', 'fatal.unreadable')?.severity).toBe('fatal');
  });

  it('that was deleted is gone', () => {
    expect(queue(new Told().document('fatal', fatal).gone('fatal', '02:10:00').derive('03:00:00'))).toEqual(
      [],
    );
  });
});

describe('a large store', () => {
  function store(size: number): Told {
    const tasks = Array.from({ length: size }, (_, index) => {
      const status = ['completed', 'failed', 'running', 'pending'][index % 4];
      return task(`task_${index.toString(16).padStart(16, '0')}`, {
        status,
        claimed_by: `h:${index}`,
        started_at: iso('02:00:00'),
      });
    });
    const leases = Object.fromEntries(
      tasks
        .slice(0, size / 5)
        .map((one) => [
          (one as { id: string }).id,
          { worker_id: 'h:1', status: 'running', lease_expires_at: iso('03:30:00') },
        ]),
    );
    const told = new Told().document('tasks', { tasks }).document('run-state', { tasks: leases });
    told.processes = pipeline('01:00:00');
    return told;
  }

  it('of ten thousand tasks with leases costs in proportion what one of a thousand does', () => {
    const [small, large] = [store(1_000), store(10_000)];
    expect(large.derive('03:00:00').entities.length).toBeGreaterThan(10_000);
    const ratio = costRatio(
      () => small.derive('03:00:00'),
      () => large.derive('03:00:00'),
    );
    expect(ratio).toBeLessThan(25);
  });
});

describe('nothing at all', () => {
  it('gives unknown layers and an empty queue', () => {
    const derived = new Told().derive('03:00:00');
    expect(queue(derived)).toEqual([]);
    expect(find(derived, 'layer', 'goal')?.status).toBe('unknown');
    expect(derived.nextInstant).toBeUndefined();
  });
});

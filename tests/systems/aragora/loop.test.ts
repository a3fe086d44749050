import { describe, expect, it } from 'vitest';
import { at, find, located, loopLog, loopProcess, queue, Told } from './told.ts';

const debate = "[22:10:00]   [timeout] Phase 'debate' has 1800s budget";

function told(...lines: readonly string[]): Told {
  const state = new Told().log('nomic.log', loopLog(...lines), '22:20:00', '.nomic/nomic_loop.log');
  state.processes = [loopProcess('21:59:00')];
  return state;
}

describe('a loop inside its budgets', () => {
  it('runs, says until when its phase may take, and names the moment at which that changes', () => {
    const derived = told(debate).derive('22:39:59');
    expect(queue(derived)).toEqual([]);
    expect(find(derived, 'service', 'loop')).toMatchObject({ status: 'up', detail: 'cycle 1 debate' });
    expect(find(derived, 'layer', 'phase.debate')).toMatchObject({
      status: 'ok',
      summary: 'since 22:10:00Z, 30m until 22:40:00Z',
    });
    expect(find(derived, 'run', '310fcea8')).toMatchObject({ status: 'running', startedAt: at('22:00:00') });
    // The budget's end and its grace; the meters' next tenths come later.
    expect(derived.nextInstant).toBe(at('22:40:15'));
  });

  it('is not stalled by silence while the announced budget runs', () => {
    expect(queue(told(debate).derive('22:39:00'))).toEqual([]);
  });

  it('takes the program’s default where the log announces no budget, and says so', () => {
    const derived = told('[22:10:00] ', 'PHASE 2: IMPLEMENTATION DESIGN').derive('22:20:00');
    expect(find(derived, 'layer', 'phase.design')?.summary).toBe(
      'since 22:10:00Z, 15m (default) until 22:25:00Z',
    );
  });

  it('warns of its deadline when a tenth of the time is left', () => {
    const late = told("[22:50:00]   [timeout] Phase 'implement' has 2400s budget");
    expect(queue(late.derive('22:53:59'))).toEqual([]);
    const derived = late.derive('22:54:00');
    expect(queue(derived)).toEqual(['5 DEADLINE cycle-deadline']);
    expect(find(derived, 'issue', 'cycle-deadline')?.attention?.until).toBe(at('23:00:00'));
    expect(find(derived, 'meter', 'cycle-time')).toMatchObject({
      value: 3240,
      limit: 3600,
      status: 'critical',
    });
  });
});

describe('a loop past a limit', () => {
  it('is stalled when a phase is over its budget and no timeout came', () => {
    const derived = told(debate).derive('22:40:15');
    const issue = find(derived, 'issue', 'loop-stalled');
    expect(issue).toMatchObject({ severity: 'fatal', since: at('22:40:00') });
    expect(issue?.attention).toMatchObject({ rank: 2, label: 'STALLED' });
    expect(find(derived, 'run', '310fcea8')?.status).toBe('stalled');
    expect(find(derived, 'service', 'loop')?.status).toBe('degraded');
  });

  it('counts a phase from its last retry', () => {
    const retried = told(
      debate,
      "[22:40:00]   [TIMEOUT] Phase 'debate' exceeded 1800s timeout",
      "[22:40:01]   [timeout] Phase 'debate' retry 1: escalated to 2340s budget",
    );
    expect(queue(retried.derive('22:45:00'))).toEqual([]);
    expect(find(retried.derive('22:45:00'), 'layer', 'phase.debate')?.summary).toContain('39m until');
  });

  it('is an error, not fatal, while it still writes after the limit', () => {
    const issue = find(
      told(debate, '[22:41:00]     claude: complete').derive('22:42:00'),
      'issue',
      'loop-stalled',
    );
    expect(issue).toMatchObject({ severity: 'error' });
    expect(issue?.attention?.rank).toBe(4);
  });

  it('is stalled past its cycle’s deadline even inside a phase’s budget', () => {
    const derived = told("[22:50:00]   [timeout] Phase 'implement' has 2400s budget").derive('23:00:20');
    expect(find(derived, 'issue', 'loop-stalled')?.title).toBe('cycle 1 past its deadline');
  });

  it('is stalled after half an hour of silence between phases, and not before', () => {
    const between = told(debate, '[22:20:00]   [debate] Completed in 600.0s (33% of 1800s budget)');
    expect(queue(between.derive('22:49:59'))).toEqual([]);
    expect(find(between.derive('22:50:15'), 'issue', 'loop-stalled')?.title).toBe(
      'cycle 1 silent, nothing announced',
    );
  });

  it('is over its budget no more once the timeout is in the log', () => {
    const ended = told(debate, "[22:40:00]   [TIMEOUT] Phase 'debate' exceeded 1800s timeout");
    expect(queue(ended.derive('22:45:00'))).toEqual([]);
    expect(find(ended.derive('22:45:00'), 'layer', 'phase.debate')?.status).toBe('failed');
  });
});

describe('a loop without a process', () => {
  const gone = (): Told => {
    const state = told(debate, '[22:20:00]     claude: thinking...');
    state.processes = [];
    return state;
  };

  it('is not given up while its log is younger than a minute and a half', () => {
    const derived = gone().derive('22:21:00');
    expect(queue(derived)).toEqual([]);
    expect(find(derived, 'run', '310fcea8')?.status).toBe('unknown');
    expect(derived.nextInstant).toBe(at('22:21:30'));
  });

  it('is dead after that, since its last line, and its cycle has failed without an outcome', () => {
    const derived = gone().derive('22:21:30');
    expect(queue(derived)).toEqual(['2 DEAD loop-dead']);
    expect(find(derived, 'issue', 'loop-dead')?.since).toBe(at('22:20:00'));
    expect(find(derived, 'run', '310fcea8')).toMatchObject({ status: 'failed', endedAt: at('22:20:00') });
  });

  it('lives when the server inside it names a running cycle, wherever its process is', () => {
    const where = located({ extra: { nomic: '.nomic', server: 'nomic', stream: [] } });
    const state = (body: unknown): Told =>
      new Told(where)
        .log('nomic.log', loopLog(debate), '22:20:00')
        .http('api.nomic', '22:25:00', { status: 200, body });
    const alive = state({ cycle: 1, phase: 'debate', loop_id: 'loop_20261120_222440_9b52e8cd' }).derive(
      '22:30:00',
    );
    expect(queue(alive)).toEqual([]);
    expect(find(alive, 'service', 'loop')?.status).toBe('up');
    expect(queue(state({ cycle: 0, phase: 'idle' }).derive('22:30:00'))).toEqual(['2 DEAD loop-dead']);
  });

  it('tells of the crash log’s last error where there is one', () => {
    const state = gone().log(
      'nomic.crash',
      '2026-11-20 22:20:01,551 ERROR Nomic loop crashed\nTraceback (most recent call last):\nMemoryError: no\n',
    );
    expect(find(state.derive('22:30:00'), 'issue', 'loop-dead')?.attention?.why).toBe(
      'no process; MemoryError: no',
    );
  });

  it('is neither dead nor alive when another user’s process might be it', () => {
    const state = gone();
    const { cwd: _hidden, ...other } = loopProcess('21:59:00');
    state.processes = [other];
    const derived = state.derive('22:30:00');
    expect(queue(derived)).toEqual([]);
    expect(find(derived, 'issue', 'loop-unseen')?.severity).toBe('info');
  });

  it.each([
    ['a loop of another checkout', { cwd: '/srv/other' }],
    [
      'one that names another path',
      { argv: ['python3', 'scripts/nomic_loop.py', 'run', '--path', '/srv/other'] },
    ],
    ['an editor with the script open', { argv: ['vim', 'scripts/nomic_loop.py', 'run'] }],
    ['the restore of a backup', { argv: ['python3', 'scripts/nomic_loop.py', 'restore'] }],
    ['a zombie', { state: 'Z' }],
  ])('is dead beside %s', (_what, more) => {
    const state = gone();
    state.processes = [loopProcess('21:59:00', more)];
    expect(queue(state.derive('22:30:00'))).toEqual(['2 DEAD loop-dead']);
  });

  it('is not dead once a new loop was started, whose first line is still to come', () => {
    const state = gone();
    state.processes = [loopProcess('22:29:50')];
    const derived = state.derive('22:30:00');
    expect(queue(derived)).toEqual([]);
    expect(find(derived, 'service', 'loop')?.detail).toBe('started, nothing logged yet');
    expect(find(derived, 'run', '310fcea8')?.status).toBe('failed');
  });
});

describe('a loop that was just started', () => {
  it('is not stalled by the open phase of the loop before it, however long that is over', () => {
    const state = told(debate);
    state.processes = [loopProcess('23:30:00')];
    const derived = state.derive('23:30:05');
    expect(queue(derived)).toEqual([]);
    expect(find(derived, 'service', 'loop')?.status).toBe('up');
    expect(find(derived, 'meter', 'cycle-time')).toBeUndefined();
  });
});

describe('several processes with the same words', () => {
  const family = (more: {
    readonly parentPid: number;
    readonly readsTerminal?: boolean;
  }): ReturnType<typeof loopProcess>[] => [
    loopProcess('21:59:00', { pid: 10, argv: ['uv', 'run', 'scripts/nomic_loop.py', 'run'] }),
    loopProcess('21:59:01', { pid: 11, terminal: 'pts/4', ...more }),
  ];

  it('are one loop when one is the other’s child, told by whoever reads the terminal', () => {
    const state = told(debate);
    state.processes = family({ parentPid: 10, readsTerminal: true });
    const derived = state.derive('22:11:00');
    expect(find(derived, 'service', 'loop')?.cautions?.join()).not.toContain('at once');
    expect(derived.data?.['loopPid']).toBe(11);
    expect(queue(derived)).toEqual(['3 ANSWER prompt-310fcea8-unknown']);
  });

  it('are two loops in one log when they are not related, and that is said', () => {
    const state = told(debate);
    state.processes = family({ parentPid: 1 });
    expect(find(state.derive('22:11:00'), 'service', 'loop')?.cautions?.join()).toContain(
      '2 loops run on this root at once',
    );
  });
});

describe('a loop at its terminal', () => {
  const prompt = [
    "[22:10:00]   [timeout] Phase 'commit' has 180s budget",
    '[22:10:05] ',
    'Changes ready for review:',
  ];

  it('waits for a person, not for its budget, and names terminal and user', () => {
    const state = told(...prompt);
    state.processes = [loopProcess('21:59:00', { readsTerminal: true, terminal: 'pts/4', user: 'bob' })];
    const derived = state.derive('22:30:00');
    expect(queue(derived)).toEqual(['3 APPROVE prompt-310fcea8-commit']);
    const approval = find(derived, 'approval', 'prompt-310fcea8-commit');
    expect(approval).toMatchObject({ answerable: false, requestedAt: at('22:10:05') });
    expect(approval?.reason).toBe('only at the terminal pts/4 of bob, pid 4120');
    expect(approval?.payload).toBeUndefined();
    expect(approval?.cautions?.join(' ')).toContain('git add -A');
  });

  it('is guessed from the last line where the process can’t be looked into, and says that it is a guess', () => {
    const state = told(...prompt);
    state.processes = [loopProcess('21:59:00', { terminal: 'pts/4', user: 'bob' })];
    expect(queue(state.derive('22:10:30'))).toEqual([]);
    const approval = find(state.derive('22:10:35'), 'approval', 'prompt-310fcea8-commit');
    expect(approval?.cautions?.[0]).toContain('a guess');
  });

  it('no longer waits once a line follows the question', () => {
    const state = told(...prompt, '[22:10:20]   Committed: 4f0c2b7d');
    state.processes = [loopProcess('21:59:00', { terminal: 'pts/4', user: 'bob' })];
    expect(queue(state.derive('22:11:00'))).toEqual([]);
  });

  it('explains why the server inside it is mute, which is then no issue of its own', () => {
    const where = located({ extra: { nomic: '.nomic', server: 'nomic', stream: [] } });
    const state = new Told(where).log('nomic.log', loopLog(...prompt), '22:10:05');
    state.processes = [loopProcess('21:59:00', { readsTerminal: true, terminal: 'pts/4' })];
    state.http('api.health', '22:30:00', { error: 'timed out' }, 3);
    expect(queue(state.derive('22:30:00'))).toEqual(['3 APPROVE prompt-310fcea8-commit']);
    state.processes = [loopProcess('21:59:00')];
    expect(queue(state.derive('22:12:00'))).toEqual(['2 DOWN api-down']);
  });

  it('asks whether to go on after a failed cycle', () => {
    const state = told('[22:10:05] ', 'Cycle 1 outcome: verification_failed');
    state.processes = [loopProcess('21:59:00', { readsTerminal: true, terminal: 'pts/4' })];
    const derived = state.derive('22:30:00');
    expect(queue(derived)).toEqual(['3 ANSWER prompt-310fcea8-continue']);
    expect(find(derived, 'approval', 'prompt-310fcea8-continue')?.question).toBe(
      'Continue to next cycle? [Y/n]',
    );
  });
});

describe('how cycles ended', () => {
  const over = (outcome: string, ...more: readonly string[]): Told => {
    const state = told(
      '[22:10:05] ',
      `Cycle 1 outcome: ${outcome}`,
      '[22:10:07] NOMIC LOOP COMPLETE',
      ...more,
    );
    state.processes = [];
    return state;
  };

  it.each([
    ['success', 'succeeded', []],
    ['partial_success', 'succeeded', []],
    ['verification_failed', 'failed', ['4 FAILED cycle-failed']],
    ['implement_timeout', 'failed', ['4 FAILED cycle-failed']],
    ['not_committed', 'halted', ['7 NOT KEPT cycle-failed']],
    ['protected_files_damaged', 'failed', ['2 DAMAGED protected-files']],
    ['constitution_violation', 'failed', ['2 DAMAGED protected-files']],
    ['something_new', 'failed', ['4 FAILED cycle-failed']],
  ])('%s makes a run %s', (outcome, status, expected) => {
    const derived = over(outcome).derive('22:30:00');
    expect(find(derived, 'run', '310fcea8')).toMatchObject({
      status,
      nativeStatus: outcome,
      endedAt: at('22:10:05'),
    });
    expect(queue(derived)).toEqual(expected);
  });

  it('is no news after a day', () => {
    expect(queue(over('verification_failed').derive('2026-11-21T22:10:04Z'))).toHaveLength(1);
    expect(queue(over('verification_failed').derive('2026-11-21T22:10:06Z'))).toEqual([]);
  });

  it('is superseded by the next cycle of a loop that goes on', () => {
    const state = told('[22:10:05] ', 'Cycle 1 outcome: verification_failed', '[22:10:09] NOMIC CYCLE 2');
    expect(queue(state.derive('22:11:00'))).toEqual([]);
  });

  it('tells a cycle that a new start cut off', () => {
    const state = told('=== NOMIC LOOP STARTED: 2026-11-20T22:30:00.000000 ===', '[22:30:01] NOMIC CYCLE 1');
    const derived = state.derive('22:31:00');
    const run = find(derived, 'run', '310fcea8');
    expect(run).toMatchObject({ status: 'failed', title: 'cycle 1: ended without an outcome' });
    expect(find(derived, 'run', 'cycle-1@2')?.status).toBe('running');
  });

  it('joins a cycle of the log with its row by the id’s first digits, and keeps older rows', () => {
    const state = over('success').rows('nomic.cycles', 'cycles', [
      {
        cycle_id: '310FCEA8-0508-4781',
        started_at: at('22:00:00') / 1000,
        completed_at: at('22:10:05') / 1000,
        duration_seconds: 605,
        success: 1,
        data_json: '{"commit_sha": "4f0c2b7d9e11"}',
      },
      {
        cycle_id: 'aaaa0000',
        started_at: at('20:00:00') / 1000,
        completed_at: null,
        duration_seconds: null,
        success: 0,
        data_json: null,
      },
    ]);
    const derived = state.derive('22:30:00');
    const runs = derived.entities.filter((one) => one.type === 'run').map((one) => `${one.id} ${one.status}`);
    expect(runs).toEqual(['aaaa0000 failed', '310fcea8 succeeded']);
    const trail = find(derived, 'run', '310fcea8')?.trail?.map((one) => one.text);
    expect(trail).toContain('success, after 10m, commit 4f0c2b7d9e11');
  });

  it('does not take an outcome row of an earlier run of the same number for this one', () => {
    const row = {
      tests_passed: 7,
      tests_failed: 0,
      rollback_triggered: 0,
      failure_reason: null,
      debate_id: 'nomic-cycle-1',
    };
    const old = over('success').rows('nomic.outcomes', 'outcomes', [
      { ...row, timestamp: '2026-11-19T20:00:00' },
    ]);
    const mine = over('success').rows('nomic.outcomes', 'outcomes', [
      { ...row, timestamp: '2026-11-20T22:10:05' },
    ]);
    const tests = (state: Told): boolean =>
      find(state.derive('22:30:00'), 'run', '310fcea8')?.trail?.some((one) =>
        one.text?.startsWith('tests 7'),
      ) === true;
    expect(tests(old)).toBe(false);
    expect(tests(mine)).toBe(true);
  });
});

describe('requests that nothing takes', () => {
  const paused = {
    phase: 'paused',
    cycle: 1,
    paused_at: '2026-11-20T22:15:00.513629+00:00Z',
    paused_by: 'ops',
  };

  it('shows a pause of a loop that goes on', () => {
    const state = told(debate).document('nomic.state', paused);
    expect(queue(state.derive('22:20:00'))).toEqual(['7 NO EFFECT pause-no-effect']);
    expect(find(state.derive('22:20:00'), 'issue', 'pause-no-effect')?.since).toBe(at('22:15:00.513'));
  });

  it('has nothing to say of a pause before this loop, or without a loop', () => {
    const earlier = told(debate).document('nomic.state', {
      ...paused,
      paused_at: '2026-11-20T20:00:00+00:00Z',
    });
    expect(queue(earlier.derive('22:20:00'))).toEqual([]);
    const none = told('[22:10:05] ', 'Cycle 1 outcome: success', '[22:10:07] NOMIC LOOP COMPLETE');
    none.processes = [];
    expect(queue(none.document('nomic.state', paused).derive('22:20:00'))).toEqual([]);
  });

  it('shows a start over HTTP whose process is gone and that left no line', () => {
    const start = { running: true, pid: 999, started_at: '2026-11-20T22:30:00', cycle: 0, phase: 'starting' };
    const state = new Told().document('nomic.state', start);
    expect(queue(state.derive('22:30:29'))).toEqual([]);
    const derived = state.derive('22:30:30');
    expect(queue(derived)).toEqual(['7 NO START start-no-effect']);
    expect(derived.wantedPids).toEqual([999]);
  });

  it('believes the log where the state file says otherwise', () => {
    const state = told('[22:10:05] ', 'Cycle 1 outcome: success', '[22:10:07] NOMIC LOOP COMPLETE');
    state.processes = [];
    state.document('nomic.state', { phase: 'cycle_start', cycle: 1, saved_at: '2026-11-20T22:00:00' });
    const service = find(state.derive('22:30:00'), 'service', 'loop');
    expect(service?.status).toBe('unknown');
    expect(service?.cautions).toContain(
      'nomic_state.json still says cycle_start: it is not kept, the log is',
    );
  });
});

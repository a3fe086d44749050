import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SystemKind } from '../../../src/systems/system.ts';
import { costRatio } from '../../cost.ts';
import { deriveLocated, locateCase } from '../fixture-case.ts';
import { at, find, Installation, queueOf, type TurnName } from './installation.ts';

const TURN: TurnName = ['aaaa1111', 'TIDE-3', 5, 'coder'];
const ID = 'aaaa1111:tide-3:5:coder';

describe('what an Orket installation on disk means', () => {
  let orket: Installation;
  beforeEach(() => {
    orket = new Installation();
  });
  afterEach(() => orket.remove());

  describe('a turn that asked the model and has no answer', () => {
    beforeEach(() => {
      orket.run('aaaa1111', 'running', 0);
      orket.card('TIDE-3', 'in_progress');
      orket.turn(10, TURN, 'asked');
    });

    it('is in flight while its process lives and its time is not over, and says when that will be', async () => {
      orket.process(77, ['python', 'main.py', '--epic', 'tide_ledger'], -3);
      const derived = await orket.derive(309);
      expect(find(derived, 'turn', ID)).toMatchObject({ state: 'in-flight' });
      expect(derived.nextInstant).toBe(at(310));
      expect(queueOf(derived)).toEqual([]);
    });

    it('is stalled from the very instant announced, since its last sign of life', async () => {
      orket.process(77, ['python', 'main.py', '--epic', 'tide_ledger'], -3);
      const derived = await orket.derive(310);
      const turn = find(derived, 'turn', ID);
      expect(turn).toMatchObject({
        state: 'stalled',
        attention: { rank: 4, label: 'STALLED', since: at(10) },
      });
      expect(turn?.attention?.why).toContain('pid 77');
      expect(queueOf(derived)).toEqual([`4 STALLED turn/${ID}`]);
    });

    it('takes the silence allowed from the settings', async () => {
      orket.process(77, ['python', 'main.py', '--epic', 'tide_ledger'], -3);
      const derived = await orket.derive(71, { stalledAfter: '60' } as object);
      expect(find(derived, 'turn', ID)?.state).toBe('stalled');
    });

    it('is dead when no process of this checkout is left, and its run is a zombie', async () => {
      const derived = await orket.derive(71);
      expect(find(derived, 'turn', ID)).toMatchObject({ state: 'dead', attention: { label: 'DEAD' } });
      expect(find(derived, 'issue', 'run.zombie:aaaa1111')).toMatchObject({
        severity: 'fatal',
        since: at(10),
      });
      expect(find(derived, 'run', 'aaaa1111')).toMatchObject({ status: 'stalled', nativeStatus: 'running' });
    });

    it('is given a minute when no process is seen, since it may run in a container', async () => {
      const derived = await orket.derive(69);
      expect(find(derived, 'turn', ID)?.state).toBe('in-flight');
      expect(derived.nextInstant).toBe(at(70));
    });

    it('is not kept alive by a process of another checkout, a replay or a younger run', async () => {
      orket.process(77, ['python', 'main.py', '--epic', 'x'], -3, { cwd: '/srv/other' });
      orket.process(78, ['python', 'main.py', '--replay-turn', 'a:b:1'], -3);
      orket.process(79, ['python', 'main.py', '--epic', 'x'], 20);
      expect(find(await orket.derive(100), 'turn', ID)?.state).toBe('dead');
    });

    it('is not kept alive by the process of another epic that is open too, but by a rock it is', async () => {
      orket.run('bbbb2222', 'running', -50, undefined, { name: 'reef_watch', build: 'build-reef_watch' });
      orket.card('REEF-1', 'in_progress', { build: 'build-reef_watch' });
      orket.process(77, ['python', 'main.py', '--epic=reef_watch'], -53);
      const derived = await orket.derive(100);
      expect(find(derived, 'turn', ID)?.state).toBe('dead');
      expect(find(derived, 'run', 'bbbb2222')?.status).toBe('running');
      orket.process(78, ['python', 'main.py', '--rock', 'run_the_business'], -60);
      expect(find(await orket.derive(100), 'turn', ID)?.state).toBe('in-flight');
    });

    it('is stalled and not dead when the process table could not be read', async () => {
      const { orketKind } = await import('../../../src/systems/orket/index.ts');
      const fixture = orket.caseAt(400);
      const located = locateCase(orketKind, orket.dir, fixture);
      const blind: SystemKind = {
        ...orketKind,
        derive: (context) =>
          orketKind.derive({
            ...context,
            facts: {
              files: (source) => context.facts.files(source),
              status: (source) => {
                const status = context.facts.status(source);
                return source === 'programs' && status ? { ...status, state: 'error' } : status;
              },
            },
          }),
      };
      const derived = deriveLocated(blind, located, fixture);
      expect(queueOf(derived)).toEqual([`4 STALLED turn/${ID}`]);
      expect(find(derived, 'turn', ID)?.attention?.why).toContain('its run may live');
    });

    it('keeps its process when the file of its epic has another name than the run', async () => {
      orket.process(77, ['python', 'main.py', '--epic', 'tide_ledger_v2'], -3);
      expect(find(await orket.derive(100), 'turn', ID)?.state).toBe('in-flight');
    });

    it.each([
      [0, 'dead'],
      [1, 'in-flight'],
    ])('believes the API that has %i runs under way', async (active, state) => {
      orket.process(80, ['python', 'server.py'], -100, { ports: [8082] });
      const body = JSON.stringify({ status: 'online', active_tasks: active });
      orket.http = { '/v1/system/heartbeat': { status: 200, body } };
      const settings = { url: 'http://127.0.0.1:8082', keyEnv: 'ORKET_API_KEY' };
      expect(find(await orket.derive(100, settings), 'turn', ID)?.state).toBe(state);
    });

    it('is dead when the API restarted its worker after the run began', async () => {
      orket.process(80, ['python', 'server.py'], -100);
      orket.process(81, ['python', '-c', 'from multiprocessing.spawn import spawn_main'], 5, {
        parentPid: 80,
      });
      orket.process(82, ['python', '-c', 'from multiprocessing.spawn import spawn_main'], 30, {
        parentPid: 80,
      });
      expect(find(await orket.derive(100), 'turn', ID)?.state).toBe('dead');
    });

    it('is dead with the reason when the run failed on a model timeout and no turn_failed was written', async () => {
      orket.run('aaaa1111', 'failed', 0, 320, { failureClass: 'ModelTimeoutError', reason: 'exceeded' });
      const derived = await orket.derive(330);
      const turn = find(derived, 'turn', ID);
      expect(turn).toMatchObject({
        state: 'dead',
        attention: { why: 'model timed out, run over, no turn_failed' },
      });
      expect(turn?.cautions?.[0]).toContain('no turn_failed');
      expect(find(derived, 'issue', 'model.failed:build-tide_ledger')?.severity).toBe('fatal');
      expect(find(derived, 'job', 'TIDE-3')).toMatchObject({
        status: 'waiting',
        nativeStatus: 'in_progress',
      });
    });

    it('asks for nobody once a newer run of the build exists', async () => {
      orket.run('aaaa1111', 'failed', 0, 320, { failureClass: 'ModelTimeoutError', reason: 'exceeded' });
      orket.run('bbbb2222', 'done', 400, 500);
      const derived = await orket.derive(600);
      expect(find(derived, 'turn', ID)).toMatchObject({ state: 'dead' });
      expect(queueOf(derived)).toEqual([]);
    });

    it('is not superseded by a run of another card alone, but by a run of its own card', async () => {
      orket.run('aaaa1111', 'failed', 0, 320, { failureClass: 'ModelTimeoutError', reason: 'exceeded' });
      orket.card('TIDE-9', 'done');
      orket.run('bbbb2222', 'done', 400, 500, { target: 'TIDE-9' });
      expect(queueOf(await orket.derive(600))).toContain(`4 DEAD turn/${ID}`);
      orket.run('cccc3333', 'done', 510, 550, { target: 'TIDE-3' });
      expect(queueOf(await orket.derive(600))).toEqual([]);
    });

    it('asks for nobody once its card is archived', async () => {
      orket.card('TIDE-3', 'archived');
      expect(queueOf(await orket.derive(600))).toEqual([]);
    });
  });

  describe('what the files of a turn tell when the log was emptied', () => {
    beforeEach(() => {
      orket.run('aaaa1111', 'failed', 0, 60, { failureClass: 'ExecutionFailed', reason: 'x' });
      orket.card('TIDE-3', 'in_progress');
      orket.write('workspace/default/orket.log', '');
    });

    it('tells an answer without a checkpoint as no progress', async () => {
      orket.turn(10, TURN, 'answered');
      expect(find(await orket.derive(100), 'turn', ID)?.state).toBe('no-progress');
    });

    it('tells a result that is not ok as a failure, with its error', async () => {
      orket.turn(10, TURN, 'done', [{ ok: false, error: 'Is a directory' }, { missing: true }]);
      expect(find(await orket.derive(100), 'turn', ID)).toMatchObject({
        state: 'failed',
        attention: { why: 'write_file failed: Is a directory' },
      });
    });

    it('tells missing results of a run that is over as dead', async () => {
      orket.turn(10, TURN, 'done', [{ ok: true }, { missing: true }]);
      expect(find(await orket.derive(100), 'turn', ID)).toMatchObject({
        state: 'dead',
        attention: { why: 'run over, 1 of 2 tool calls ran' },
      });
    });

    it('tells a complete turn as completed, also one without tool calls', async () => {
      orket.turn(10, TURN, 'done', [{ ok: true }, { ok: true }]);
      orket.turn(20, ['aaaa1111', 'TIDE-4', 6, 'coder'], 'done', []);
      const derived = await orket.derive(100);
      expect(find(derived, 'turn', ID)?.state).toBe('completed');
      expect(find(derived, 'turn', 'aaaa1111:tide-4:6:coder')?.state).toBe('completed');
    });

    it('takes a prompt newer than the checkpoint for a second use of the directory', async () => {
      const dir = orket.turn(10, TURN, 'done', [{ ok: true }]);
      orket.write(`${dir}/messages.json`, '[]', at(40));
      const turn = find(await orket.derive(100), 'turn', ID);
      expect(turn).toMatchObject({ state: 'dead', startedAt: at(40) });
      expect(turn?.capturedAt).toBeUndefined();
    });
  });

  it('believes what the log says about the end over what the files look like', async () => {
    orket.run('aaaa1111', 'running', 0);
    orket.card('TIDE-3', 'in_progress');
    orket.turn(10, TURN, 'done', [{ ok: true }]);
    orket.turnLog(10, 'turn_start', TURN, { selected_model: 'm' });
    orket.turnLog(12, 'turn_non_progress', TURN, { reason: 'required_action_missing_after_reprompt' });
    expect(find(await orket.derive(20), 'turn', ID)).toMatchObject({
      state: 'no-progress',
      attention: { why: 'required_action_missing_after_reprompt', since: at(10) },
    });
  });

  it('finds the role of a turn_failed, which is written with the role system, in its trace', async () => {
    orket.run('aaaa1111', 'failed', 0, 20, { failureClass: 'ExecutionFailed', reason: 'x' });
    orket.card('TIDE-3', 'in_progress');
    orket.turn(10, TURN, 'asked');
    const ids = {
      issue_id: 'TIDE-3',
      session_id: 'aaaa1111',
      turn_index: 5,
      turn_trace_id: 'aaaa1111:TIDE-3:coder:5',
    };
    orket.log(15, 'turn_failed', { ...ids, error: 'no right to write', type: 'tool_violation' });
    const derived = await orket.derive(30);
    expect(derived.entities.filter((one) => one.type === 'turn')).toHaveLength(1);
    expect(find(derived, 'turn', ID)).toMatchObject({
      state: 'failed',
      attention: { why: 'tool_violation: no right to write' },
    });
  });

  it('makes one turn of lines that stand in two logs', async () => {
    orket.run('aaaa1111', 'running', 0);
    orket.card('TIDE-3', 'in_progress');
    orket.turnLog(10, 'turn_start', TURN, { selected_model: 'm' });
    orket.turnLog(30, 'turn_complete', TURN, { duration_ms: 5 });
    const { readFileSync } = await import('node:fs');
    orket.write(
      'orket.log',
      readFileSync(`${orket.dir}/workspace/default/orket.log`, 'utf8').split('\n')[0] ?? '',
    );
    const turns = (await orket.derive(40)).entities.filter((one) => one.type === 'turn');
    expect(turns.map((turn) => [turn.id, turn.state])).toEqual([[ID, 'completed']]);
  });

  describe('runs that are over', () => {
    beforeEach(() => orket.card('TIDE-3', 'ready', { retries: 1 }));

    it('ask for a rerun when they stopped for a retry', async () => {
      orket.run('aaaa1111', 'failed', 0, 60, {
        failureClass: 'ExecutionFailed',
        reason: 'Orchestration Turn Failed (Retry 1/3): no right to write',
      });
      const found = find(await orket.derive(100), 'issue', 'retry.wanted:build-tide_ledger');
      expect(found).toMatchObject({
        severity: 'fatal',
        since: at(60),
        attention: { rank: 2, why: 'nobody reruns it: no right to write' },
      });
      expect(found?.cautions?.join(' ')).toContain('done and archived ones too');
    });

    it('ask for nothing when every card of their build is finished or put away', async () => {
      orket.card('TIDE-3', 'done');
      orket.card('TIDE-4', 'archived');
      orket.run('aaaa1111', 'failed', 0, 60, { failureClass: 'ExecutionFailed', reason: 'x' });
      expect(queueOf(await orket.derive(100))).toEqual([]);
    });

    it('of one card that went through are no failure, whatever their exit says', async () => {
      orket.card('TIDE-9', 'done');
      const reason = 'No executable candidates while backlog incomplete.';
      orket.run('aaaa1111', 'failed', 0, 60, { failureClass: 'ExecutionFailed', reason, target: 'TIDE-9' });
      const derived = await orket.derive(100);
      expect(find(derived, 'issue', 'backlog.stalled:build-tide_ledger/TIDE-9')?.severity).toBe('info');
      expect(queueOf(derived)).toEqual([]);
    });

    it('with terminal failures are fatal although the command exited 0', async () => {
      orket.run('aaaa1111', 'terminal_failure', 0, 60);
      const derived = await orket.derive(100);
      expect(find(derived, 'issue', 'run.terminal-failure:build-tide_ledger')?.severity).toBe('fatal');
      expect(find(derived, 'run', 'aaaa1111')?.cautions).toContain('The command of this run exited 0.');
    });

    it('keep the same key when the same trouble comes back with a new run', async () => {
      orket.run('aaaa1111', 'failed', 0, 60, { failureClass: 'ModelTimeoutError', reason: 'x' });
      orket.run('bbbb2222', 'failed', 70, 99, { failureClass: 'ModelTimeoutError', reason: 'x' });
      const issues = (await orket.derive(100)).entities.filter((one) => one.type === 'issue');
      expect(issues.map((one) => [one.id, one.since])).toEqual([['model.failed:build-tide_ledger', at(99)]]);
    });
  });

  describe('a verification that failed', () => {
    const report = {
      run_id: 'aaaa1111',
      issue_id: 'TIDE-3',
      ok: false,
      errors: ['NameError'],
      checked_files: ['a.py'],
    };
    beforeEach(() => {
      orket.card('TIDE-3', 'code_review');
      orket.write(
        'workspace/default/agent_output/verification/runtime_verification.json',
        JSON.stringify(report),
      );
    });
    const failed = '4 FAILED issue/verification.failed:TIDE-3';

    it('asks for nobody while its run lives, and for somebody when the run is over', async () => {
      orket.run('aaaa1111', 'running', 0);
      orket.process(77, ['python', 'main.py', '--epic', 'tide_ledger'], -3);
      const alive = await orket.derive(50);
      expect(find(alive, 'issue', 'verification.failed:TIDE-3')?.detail).toContain('NameError');
      expect(queueOf(alive)).toEqual([]);
      orket.run('aaaa1111', 'failed', 0, 60, { failureClass: 'ExecutionFailed', reason: 'x' });
      expect(queueOf(await orket.derive(100))).toContain(failed);
    });

    it('asks for nobody once a newer run has the build in its hands', async () => {
      orket.run('aaaa1111', 'failed', 0, 60, { failureClass: 'ExecutionFailed', reason: 'x' });
      orket.run('bbbb2222', 'running', 70);
      orket.process(77, ['python', 'main.py', '--epic', 'tide_ledger'], 69);
      expect(queueOf(await orket.derive(100))).toEqual([]);
    });
  });

  it('never puts a name that could run something into a command to be copied', async () => {
    orket.card('TIDE-3', 'ready');
    orket.run('aaaa1111', 'failed', 0, 60, {
      failureClass: 'ModelTimeoutError',
      reason: 'x',
      name: '$(reboot)',
    });
    const issue = find(await orket.derive(100), 'issue', 'model.failed:build-tide_ledger');
    expect(issue?.suggestedAction).toContain('not safe to copy');
    expect(issue?.suggestedAction).not.toContain('reboot');
  });

  it('tells a halted run from a killed one by its one log line', async () => {
    orket.run('aaaa1111', 'running', 0);
    orket.card('TIDE-3', 'in_progress');
    orket.log(30, 'session_halted', { session_id: 'aaaa1111' });
    const derived = await orket.derive(3000);
    expect(find(derived, 'run', 'aaaa1111')).toMatchObject({ status: 'halted', nativeStatus: 'running' });
    expect(queueOf(derived)).toEqual(['7 HALTED issue/run.halted:build-tide_ledger']);
  });

  it('follows the workspace outside the root that the ledger names, and reads its turns', async () => {
    const other = new Installation();
    try {
      const workspace = `${other.dir}/elsewhere`;
      orket.run('aaaa1111', 'running', 0, undefined, { workspace });
      orket.card('TIDE-3', 'in_progress');
      const dir = `elsewhere/observability/aaaa1111/tide-3/005_coder`;
      other.write(`${dir}/messages.json`, '[]', at(10));
      const derived = await orket.derive(71);
      expect(derived.data).toEqual({ workspaces: [workspace] });
      expect(find(derived, 'turn', ID)).toMatchObject({ state: 'dead', path: `${other.dir}/${dir}` });
    } finally {
      other.remove();
    }
  });

  it('never makes a source of a hostile workspace path', async () => {
    orket.run('aaaa1111', 'failed', 0, 1, { workspace: '/etc/../root/*' });
    orket.run('bbbb2222', 'failed', 0, 1, { workspace: 'relative', build: 'b' });
    expect((await orket.derive(10)).data).toEqual({});
  });

  describe('cards', () => {
    it('are judged by their row, a history that ends otherwise is told', async () => {
      orket.card('TIDE-3', 'code_review');
      orket.move(5, 'TIDE-3', "Set Status to 'code_review' (from 'in_progress')");
      orket.move(
        6,
        'TIDE-3',
        `Set Status to 'ready' (from 'in_progress') reason='retry_scheduled' meta={"error": "e"}`,
      );
      const derived = await orket.derive(10);
      expect(find(derived, 'job', 'TIDE-3')).toMatchObject({ nativeStatus: 'code_review', updatedAt: at(5) });
      expect(find(derived, 'issue', 'card.drift:TIDE-3')).toMatchObject({ severity: 'info' });
      expect(queueOf(derived)).toEqual([]);
    });

    it('that were finished and are ready again without a history row are told as redone', async () => {
      orket.card('TIDE-3', 'ready');
      orket.move(5, 'TIDE-3', "Set Status to 'done' (from 'code_review')");
      expect(queueOf(await orket.derive(10))).toEqual(['7 DRIFT issue/card.drift:TIDE-3']);
    });

    it('that a finished turn claims to have moved, and that did not move, are told', async () => {
      orket.card('TIDE-3', 'in_progress');
      orket.move(5, 'TIDE-3', "Set Status to 'in_progress' (from 'ready')");
      orket.run('aaaa1111', 'incomplete', 0, 60);
      const dir = orket.turn(20, TURN, 'done', [{ ok: true }]);
      const unmoved = '7 DRIFT issue/card.unmoved:TIDE-3';
      expect(queueOf(await orket.derive(100))).not.toContain(unmoved);
      orket.write(`${dir}/tool_result_update_issue_status_0123456789ab.json`, '{"ok": true}', at(20));
      expect(queueOf(await orket.derive(100))).toContain(unmoved);
      orket.move(20, 'TIDE-3', "Set Status to 'code_review' (from 'in_progress')");
      expect(queueOf(await orket.derive(100))).not.toContain(unmoved);
    });

    it('given up for good are dead, blocked by a dependency they are not', async () => {
      orket.card('TIDE-3', 'blocked');
      orket.move(5, 'TIDE-3', "Set Status to 'blocked' (from 'in_progress') reason='governance_violation'");
      orket.card('TIDE-4', 'blocked', { note: 'runtime_guard_terminal_failure:no file' });
      orket.card('TIDE-5', 'blocked');
      orket.move(6, 'TIDE-5', "Set Status to 'blocked' (from 'ready') reason='dependency_blocked'");
      const derived = await orket.derive(10);
      expect(queueOf(derived)).toEqual(['4 DEAD issue/card.dead:TIDE-3', '4 DEAD issue/card.dead:TIDE-4']);
      expect(find(derived, 'job', 'TIDE-4')?.status).toBe('failed');
      expect(find(derived, 'job', 'TIDE-5')?.status).toBe('blocked');
    });
  });

  it('finds the API hanging, and says which process does', async () => {
    orket.http = { '/health': { error: 'no answer in 5s' } };
    orket.process(80, ['python', 'server.py'], -100, { ports: [8082] });
    const derived = await orket.derive(10, { url: 'http://127.0.0.1:8082' });
    expect(find(derived, 'service', 'api')?.status).toBe('down');
    expect(find(derived, 'issue', 'api.down')?.detail).toBe('no answer, while pid 80 lives');
  });

  it('takes a page that is not Orket for a degraded API', async () => {
    orket.http = { '/health': { status: 200, body: '<html>' } };
    const derived = await orket.derive(10, { url: 'http://127.0.0.1:8082' });
    expect(find(derived, 'service', 'api')?.status).toBe('degraded');
  });

  it('derives ten thousand turns and cards at a cost in proportion to that of a thousand', async () => {
    const { orketKind } = await import('../../../src/systems/orket/index.ts');
    const { bigFacts } = await import('./big-facts.ts');
    const [small, large] = [bigFacts(1_000), bigFacts(10_000)];
    expect(orketKind.derive(large).entities.length).toBeGreaterThan(20_000);
    const ratio = costRatio(
      () => orketKind.derive(small),
      () => orketKind.derive(large),
    );
    expect(ratio).toBeLessThan(25);
  });
});

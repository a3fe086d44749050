import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { orketSimulator } from '../../../fixtures/demo/orket/simulator.ts';
import type { LaidSystem } from '../../../fixtures/demo/simulator.ts';
import type { StepAnswer } from '../../../src/domain/act.ts';
import type { EntityOf, EntityType } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { replayTurn } from '../../../src/systems/orket/act-replay.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import type { Derived, StateView } from '../../../src/systems/system.ts';
import { deriveCase, type FixtureCase, locateCase } from '../fixture-case.ts';
import { writeInterpreter } from '../interpreter.ts';
import { find, queueOf } from './installation.ts';

const PACE = 20;

describe('the simulated Orket', () => {
  let home: string;
  let python: string;
  let laid: LaidSystem;
  const laidAt = Date.now();

  beforeEach(async () => {
    home = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-orket-demo-')));
    python = join(home, 'python');
    writeInterpreter(python, new URL('./stand-in.ts', import.meta.url));
    laid = await orketSimulator.lay(join(home, 'orket'), { pace: PACE, python, now: () => laidAt });
  });
  afterEach(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));

  const caseAt = (now: number, processes: readonly ProcessInfo[] = []): FixtureCase => ({
    at: instant(now),
    settings: laid.settings,
    mtimes: {},
    processes,
    http: { '/health': { status: 200, body: '{"status":"ok"}' } },
  });
  const derive = async (now = laidAt, processes: readonly ProcessInfo[] = []): Promise<Derived> =>
    await deriveCase(orketKind, laid.dir, caseAt(now, processes));

  it('opens with everything it promises needing a human, and nothing else', async () => {
    const derived = await derive();
    expect(queueOf(derived)).toEqual([
      '2 FATAL issue/backlog.stalled:build-sand_grain',
      '2 FATAL issue/model.failed:build-reef_watch',
      '2 FATAL issue/retry.wanted:build-kelp_count',
      '2 FATAL issue/retry.wanted:build-moon_phase',
      '2 FATAL issue/retry.wanted:build-shell_index',
      '2 FATAL issue/run.zombie:0dd5e11e',
      '3 APPROVE approval/b46c22b1',
      '4 DEAD issue/card.dead:SAND-1',
      '4 DEAD turn/0dd5e11e:coral-2:1:coder',
      '4 DEAD turn/4e1f0b37:reef-2:2:coder',
      '4 FAILED turn/b81e44c6:shell-4:1:coder',
      '4 FAILED turn/c3a90e58:moon-1:1:coder',
      '4 NO-PROG turn/7c20d9a1:kelp-1:1:coder',
    ]);
    expect(find(derived, 'service', 'api')?.status).toBe('up');
    expect(find(derived, 'run', '5a5e0001')?.status).toBe('succeeded');
    expect(find(derived, 'job', 'MOON-2')).toMatchObject({
      status: 'waiting',
      nativeStatus: 'awaiting_guard_review',
    });
  });

  it('tells the same states since the same times after a good run emptied the log', async () => {
    const told = (derived: Derived): unknown[] =>
      derived.entities
        .filter((one) => one.type !== 'layer')
        .map((one) => [
          one.type,
          one.id,
          'state' in one ? one.state : 'status' in one ? one.status : '',
          one.attention?.label,
          one.attention?.since,
        ])
        .sort();
    const before = told(await derive());
    writeFileSync(join(laid.dir, 'workspace/default/orket.log'), '');
    expect(told(await derive())).toEqual(before);
  });

  describe('--replay-turn', () => {
    const viewOf = async (settings: Readonly<Record<string, string>> = laid.settings): Promise<StateView> => {
      const fixture = { ...caseAt(laidAt), settings };
      const derived = await deriveCase(orketKind, laid.dir, fixture);
      return {
        located: locateCase(orketKind, laid.dir, fixture),
        now: instant(laidAt),
        data: {},
        processes: [],
        entity: (type, id) => find(derived, type, id),
        entities: <T extends EntityType>(type: T) =>
          derived.entities.filter((entity): entity is EntityOf<T> => entity.type === type),
      };
    };
    /** Plans the act on that turn, really starts the program, and reads its answer. */
    const replay = async (
      id: string,
      lies = '',
    ): Promise<{ answer: StepAnswer | undefined; exit: number | null; stdout: string }> => {
      const view = await viewOf();
      const turn = view.entity('turn', id);
      if (!turn) throw new Error(`no turn ${id}`);
      expect(replayTurn.precondition(view, turn)).toBeUndefined();
      const step = replayTurn.plan(view, turn, {})[0];
      if (step?.type !== 'process') throw new Error('no process planned');
      const output = await start(step.argv, step.cwd, lies);
      const answer = replayTurn.read?.([{ title: '', truncated: false, exitCode: output.exit, ...output }], {
        order: 'o',
        act: replayTurn.id,
        target: { system: turn.system, type: 'turn', id },
        params: {},
        startedAt: instant(laidAt),
        revision: '',
        baseline: replayTurn.baseline?.(view, turn) ?? null,
        stepsDone: 1,
      });
      return { answer, exit: output.exit, stdout: output.stdout };
    };

    it('prints a whole turn behind the banner of the first run, and the banner only once', async () => {
      const first = await replay('5a5e0001:sane-1:1:coder');
      expect(first.stdout.startsWith('[FIRST RUN]')).toBe(true);
      expect(first.answer).toMatchObject({ ok: true, summary: 'the whole turn was printed' });
      const second = await replay('5a5e0001:sane-1:1:coder');
      expect(second.stdout.startsWith('{')).toBe(true);
      expect(second.answer?.ok).toBe(true);
    });

    it('prints nulls for what a turn without an answer never had, and that is an answer', async () => {
      const { answer } = await replay('4e1f0b37:reef-2:2:coder');
      expect(answer).toMatchObject({
        ok: true,
        summary: 'printed; null for checkpoint, model_response, parsed_tool_calls',
      });
    });

    it('leaves behind what its warnings say', async () => {
      await replay('5a5e0001:sane-1:1:coder');
      expect(readFileSync(join(laid.dir, 'workspace/default/orket.log'), 'utf8')).toContain(
        '"reconciler_start"',
      );
      expect(statSync(join(laid.dir, 'model/core/rocks/run_the_business.json')).size).toBeGreaterThan(10);
    });

    it.each([
      ['fatal-exit-0', /^\[FATAL\] Replay artifacts not found.* \(exit 0\)$/],
      [
        'nulls',
        /^printed null for checkpoint, messages, model_response, parsed_tool_calls, though the files are there$/,
      ],
      ['silent', /^exit 0 and not a word/],
    ])('is seen through when it lies: %s', async (lie, summary) => {
      const { answer, exit } = await replay('5a5e0001:sane-1:1:coder', lie);
      expect(exit).toBe(0);
      expect(answer?.ok).toBe(false);
      expect(answer?.summary).toMatch(summary);
    });

    it('does not find a card by its own spelling, as the real one does not', async () => {
      const { stdout, exit } = await start(
        [python, 'main.py', '--replay-turn', '5a5e0001:SANE-1:1'],
        laid.dir,
      );
      expect(stdout).toContain('[FATAL] Replay artifacts not found');
      expect(exit).toBe(0);
    });

    it("does nothing at all the way Orket's runbook starts it", async () => {
      const argv = [python, '-m', 'orket.interfaces.cli', '--replay-turn', '5a5e0001:sane-1:1'];
      expect(await start(argv, laid.dir)).toEqual({ exit: 0, stdout: '', stderr: '' });
    });
  });

  it('counts no model timeout in the failure report of the log', async () => {
    const { stdout } = await start([python, 'scripts/report_failure_modes.py'], laid.dir);
    expect(JSON.parse(stdout)).toMatchObject({
      failure_by_type: { tool_violation: 1, state_violation: 1 },
      non_progress_by_role: { coder: 1 },
    });
    expect(stdout).not.toContain('Timeout');
  });

  it('goes on live: turns advance, one stalls while its program lives, and a good run empties the log', async () => {
    const ending = new AbortController();
    const running = orketSimulator.run(laid, { pace: PACE, python, now: Date.now }, ending.signal);
    try {
      const log = join(laid.dir, 'workspace/default/orket.log');
      const before = statSync(log).size;
      await until('the log to grow', () => statSync(log).size > before);
      let turns = 0;
      await until('three turns of the live run to complete', async () => {
        const live = (await derive(Date.now())).entities.filter(
          (one): one is EntityOf<'turn'> => one.type === 'turn' && (one.issue ?? '').startsWith('TIDE-'),
        );
        turns = live.filter((turn) => turn.state === 'completed').length;
        return turns >= 3 && live.some((turn) => turn.issue === 'TIDE-7' && turn.state === 'in-flight');
      });
      const derived = await derive(Date.now());
      const run = derived.entities.find(
        (one): one is EntityOf<'run'> => one.type === 'run' && one.title.startsWith('tide_ledger'),
      );
      expect(run?.nativeStatus).toBe('running');
      const program: ProcessInfo = {
        pid: 4242,
        parentPid: 1,
        groupId: 4242,
        startedAt: instant((run?.startedAt ?? 0) - 300),
        argv: [process.execPath, 'demo.js', 'stand-in', 'orket', '--', 'main.py', '--epic', 'tide_ledger'],
        cwd: laid.dir,
        state: 'S',
        ports: [],
        readsTerminal: false,
      };
      const later = Date.now() + 46_000;
      const stalled = (await derive(later, [program])).entities.find(
        (one): one is EntityOf<'turn'> => one.type === 'turn' && one.issue === 'TIDE-7',
      );
      expect(stalled).toMatchObject({ state: 'stalled', attention: { label: 'STALLED' } });
      const grown = statSync(log).size;
      await until('the log to be emptied by the good run', () => statSync(log).size < grown);
      const calm = queueOf(await derive(Date.now()));
      expect(calm).toContain('4 DEAD turn/4e1f0b37:reef-2:2:coder');
      expect(calm).toContain('4 NO-PROG turn/7c20d9a1:kelp-1:1:coder');
      expect(calm).toContain('2 FATAL issue/backlog.stalled:build-sand_grain');
    } finally {
      ending.abort();
      await running;
    }
  }, 60_000);
});

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 25_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(50);
  }
}

/** Starts a program and collects what it says. */
async function start(
  argv: readonly string[],
  cwd: string,
  lies = '',
): Promise<{ exit: number | null; stdout: string; stderr: string }> {
  const child = spawn(argv[0] ?? '', argv.slice(1), { cwd, env: { ...process.env, DEMO_LIES: lies } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  child.stdin.end();
  const exit = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { exit, stdout, stderr };
}

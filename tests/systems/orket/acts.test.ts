import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepOutput } from '../../../src/domain/act.ts';
import type { Entity } from '../../../src/domain/entity.ts';
import type { Json } from '../../../src/lib/json.ts';
import { inspectTurn } from '../../../src/systems/orket/act-inspect.ts';
import { readReplay, replayTargetOf, replayTurn } from '../../../src/systems/orket/act-replay.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import type { ActOrder, StateView } from '../../../src/systems/system.ts';
import { at, Installation, type TurnName } from './installation.ts';

const TURN: TurnName = ['aaaa1111', 'TIDE-3', 5, 'coder'];
const ID = 'aaaa1111:tide-3:5:coder';
const DIR = 'workspace/default/observability/aaaa1111/tide-3/005_coder';
const SETTINGS = { python: '/usr/bin/python3' };

function order(act: string, target: Entity, baseline: Json): ActOrder {
  return {
    order: 'o1',
    act,
    target: { system: target.system, type: target.type, id: target.id },
    params: {},
    startedAt: at(100),
    revision: '',
    baseline,
    stepsDone: 1,
  };
}

function said(stdout: string, more: Partial<StepOutput> = {}): StepOutput {
  return { title: 'x', exitCode: 0, stdout, stderr: '', truncated: false, ...more };
}

describe('acts on a turn', () => {
  let orket: Installation;
  let view: StateView;
  let turn: Entity;

  const look = async (): Promise<void> => {
    view = await orket.view(100, SETTINGS);
    const found = view.entity('turn', ID);
    if (!found) throw new Error('no turn derived');
    turn = found;
  };

  beforeEach(async () => {
    orket = new Installation();
    orket.run('aaaa1111', 'failed', 0, 60, { failureClass: 'ExecutionFailed', reason: 'x' });
    orket.card('TIDE-3', 'in_progress');
    orket.turn(10, TURN, 'done', [{ ok: true }, { ok: false, error: 'Is a directory' }]);
    await look();
  });
  afterEach(() => orket.remove());

  describe('inspect', () => {
    it('reads the files of the turn and starts nothing', () => {
      expect(inspectTurn.risk).toBe('read');
      expect(inspectTurn.precondition(view, turn)).toBeUndefined();
      expect(inspectTurn.plan(view, turn, {})).toEqual([
        {
          type: 'read',
          title: `read ${DIR}`,
          paths: [
            'checkpoint.json',
            'messages.json',
            'model_response.txt',
            'model_response_raw.json',
            'parsed_tool_calls.json',
            'prompt_layers.json',
            'tool_parser_diagnostics.json',
            'tool_result_write_file_000000000000.json',
            'tool_result_write_file_000000000001.json',
          ].map((name) => `${DIR}/${name}`),
          maxBytes: 1_048_576,
        },
      ]);
    });

    it('is refused for a turn known from log lines only', async () => {
      orket.turnLog(20, 'turn_start', ['aaaa1111', 'TIDE-3', 6, 'coder']);
      const later = await orket.view(100, SETTINGS);
      const logged = later.entity('turn', 'aaaa1111:tide-3:6:coder') as Entity;
      expect(inspectTurn.precondition(later, logged)).toContain('log lines only');
    });

    it('tells the state first, then checkpoint, calls with their results, model and messages', () => {
      const files = [
        {
          path: `${DIR}/checkpoint.json`,
          text: JSON.stringify({
            run_id: 'aaaa1111',
            issue_id: 'TIDE-3',
            turn_index: 5,
            role: 'coder',
            tool_calls: [{ tool: 'write_file', args: { path: 'f' } }],
            state_delta: { from: 'in_progress', to: 'code_review' },
          }),
        },
        { path: `${DIR}/messages.json`, text: '[{"role":"system","content":"You hold a seat"}]' },
        { path: `${DIR}/model_response.txt`, text: null },
        { path: `${DIR}/model_response_raw.json`, text: '{"model":"m","latency_ms":1200,"retries":1}' },
        { path: `${DIR}/parsed_tool_calls.json`, text: '[{"tool"' },
        { path: `${DIR}/tool_result_write_file_0.json`, text: '{"ok":false,"error":"Is a directory"}' },
      ];
      const baseline = inspectTurn.baseline?.(view, turn) ?? null;
      const answer = inspectTurn.read?.([said('', { files })], order('turn.inspect', turn, baseline));
      expect(answer?.ok).toBe(true);
      expect(answer?.summary).toBe('failed: write_file failed: Is a directory (5 files read)');
      expect(answer?.sections?.map((section) => section.title)).toEqual([
        'classification',
        'checkpoint',
        'tool calls',
        'model',
        'last messages (1 in all)',
      ]);
      const text = JSON.stringify(answer?.sections);
      expect(text).toContain('unreadable: parsed_tool_calls.json');
      expect(text).toContain('FAILED Is a directory');
      expect(text).toContain('what the model asked, not what happened');
      expect(text).toContain('latency 1200 ms, retries 1');
    });

    it.each([
      [['messages.json'], 'asked, no answer (1 files read)'],
      [['messages.json', 'model_response.txt'], 'answered, its answer met no contract (2 files read)'],
    ])('tells how far it got from the files %j alone', (names, summary) => {
      const files = names.map((name) => ({ path: `${DIR}/${name}`, text: '[]' }));
      expect(inspectTurn.read?.([said('', { files })], order('turn.inspect', turn, null))?.summary).toBe(
        summary,
      );
    });

    it('counts results against different calls when it has the files alone', () => {
      const call = { tool: 'read_file', args: { path: 'a' } };
      const files = [
        { path: `${DIR}/checkpoint.json`, text: JSON.stringify({ tool_calls: [call, call, { tool: 'x' }] }) },
        { path: `${DIR}/tool_result_read_file_0.json`, text: '{"ok":false}' },
      ];
      const answer = inspectTurn.read?.([said('', { files })], order('turn.inspect', turn, null));
      expect(answer?.summary).toBe('1 of 2 tool calls ran, 1 failed (2 files read)');
    });

    it('says so when the files have gone since', () => {
      const files = [{ path: `${DIR}/checkpoint.json`, text: null }];
      expect(inspectTurn.read?.([said('', { files })], order('turn.inspect', turn, null))).toMatchObject({
        ok: false,
        summary: "none of the turn's files is there any more",
      });
    });
  });

  describe('replay', () => {
    it("is the program's own, from the root, with the lower-case directory name of the card", () => {
      expect(replayTurn.precondition(view, turn)).toBeUndefined();
      expect(replayTurn.plan(view, turn, {})).toEqual([
        {
          type: 'process',
          title: `main.py --replay-turn ${ID}`,
          argv: ['/usr/bin/python3', 'main.py', '--replay-turn', ID],
          cwd: orket.dir,
          env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' },
          timeoutMs: 60_000,
        },
      ]);
    });

    it('names the workspace when it is not the default one', async () => {
      orket.write('workspace/night/observability/aaaa1111/tide-4/001_coder/messages.json', '[]', at(20));
      const later = await orket.view(100, SETTINGS);
      const other = later.entity('turn', 'aaaa1111:tide-4:1:coder') as Entity;
      expect(replayTurn.plan(later, other, {})[0]).toMatchObject({
        argv: ['/usr/bin/python3', 'main.py', '--workspace', 'workspace/night', '--replay-turn', other.id],
      });
    });

    it('lists what starting main.py leaves behind, and that exit 0 means little', () => {
      const warnings = replayTurn.warnings?.(view, turn)?.join('\n') ?? '';
      expect(warnings).toContain('run_the_business.json');
      expect(warnings).toContain('reconciler_start');
      expect(warnings).toContain('exits 0');
      expect(replayTurn.risk).toBe('reversible');
    });

    it('is refused without an interpreter, without main.py and without a directory', async () => {
      expect(replayTurn.precondition(await orket.view(100), turn)).toContain('no Python interpreter');
      const noMain = { ...view, located: { ...view.located, extra: { hasMain: false } } };
      expect(replayTurn.precondition(noMain, turn)).toContain('no main.py');
      const { path: _path, ...pathless } = turn as Extract<Entity, { type: 'turn' }>;
      expect(replayTurn.precondition(view, pathless)).toContain('[FATAL]');
    });

    it.each([
      'aaaa1111:--help:5:coder',
      'aaaa1111:..:5:coder',
      '-rf:tide-3:5:coder',
      'aaaa1111:tide-3:5:co der',
      'aaaa1111:tide-3:5:a:b',
      'aaaa1111:tide-3:x:coder',
      'aaaa1111:ti\nde:5:coder',
      'aaaa1111:tide-3:5:',
      'aaaa1111:tide/3:5:coder',
    ])('never makes an argument of %j', (id) => {
      const hostile = { ...(turn as Extract<Entity, { type: 'turn' }>), id };
      expect(replayTargetOf(hostile)).toBeUndefined();
      expect(replayTurn.precondition(view, hostile)).toContain('not safe');
      expect(replayTurn.plan(view, hostile, {})).toEqual([]);
    });

    const baseline = {
      target: ID,
      names: ['checkpoint.json', 'messages.json', 'model_response.txt', 'parsed_tool_calls.json'],
    };
    const whole = {
      turn_dir: DIR,
      checkpoint: { run_id: 'aaaa1111', tool_calls: [] },
      messages: [{ role: 'system', content: 'x' }],
      model_response: 'words',
      parsed_tool_calls: [],
    };

    it('finds the JSON behind the banner of a first run', () => {
      const banner =
        '[FIRST RUN] No user settings found.\n[FIRST RUN] {defaults} are used.\n[FIRST RUN] Done.\n';
      const answer = readReplay(said(`${banner}${JSON.stringify(whole, null, 2)}\n`), baseline);
      expect(answer).toMatchObject({ ok: true, summary: 'the whole turn was printed' });
      expect(answer.sections?.[0]).toEqual({ title: 'turn directory', text: DIR });
    });

    it.each([
      [
        '[FATAL] No artifacts',
        said('[FATAL] Replay artifacts not found\n'),
        '[FATAL] Replay artifacts not found (exit 0)',
      ],
      [
        'a crash',
        said('[CRITICAL ERROR] Orket CLI crashed: x\n', { exitCode: 1 }),
        '[CRITICAL ERROR] Orket CLI crashed: x (exit 1)',
      ],
      ['silence', said(''), 'exit 0 and not a word: nothing was run'],
      ['only a banner', said('[FIRST RUN] hello\n'), 'exit 0, but no JSON was printed'],
      ['a usage error', said('', { exitCode: 2, stderr: 'usage: main.py' }), 'exit 2: usage: main.py'],
      ['its deadline', said('', { exitCode: null, timedOut: true }), 'no end within its time'],
      ['no start', said('', { exitCode: null, error: 'ENOENT' }), 'could not be started: ENOENT'],
      [
        'another turn',
        said(JSON.stringify({ ...whole, turn_dir: DIR.replace('005', '006') })),
        `printed another turn: ${DIR.replace('005', '006')}`,
      ],
      [
        'nulls for files that are there',
        said(
          JSON.stringify({
            turn_dir: DIR,
            checkpoint: null,
            messages: whole.messages,
            model_response: null,
            parsed_tool_calls: null,
          }),
        ),
        'printed null for checkpoint, model_response, parsed_tool_calls, though the files are there',
      ],
    ])('is not ok when the program ends in %s', (_what, output, summary) => {
      expect(readReplay(output, baseline)).toMatchObject({ ok: false, summary });
    });

    it('is ok with nulls for files the turn never had', () => {
      const printed = { ...whole, checkpoint: null, model_response: null, parsed_tool_calls: null };
      const answer = readReplay(said(JSON.stringify(printed)), { target: ID, names: ['messages.json'] });
      expect(answer).toMatchObject({
        ok: true,
        summary: 'printed; null for checkpoint, model_response, parsed_tool_calls',
      });
    });
  });

  it('applies each act to the sort of thing it is about, and to nothing else', () => {
    const everything = (['turn', 'run', 'job', 'service', 'issue', 'layer'] as const).flatMap((type) =>
      view.entities(type),
    );
    const offered = (id: string): string[] => {
      const act = orketKind.acts.find((one) => one.id === id);
      return [...new Set(everything.filter((one) => act?.appliesTo(one)).map(({ type }) => type))];
    };
    expect(offered('turn.inspect')).toEqual(['turn']);
    expect(offered('turn.fetch')).toEqual(['turn']);
    expect(offered('run.resume')).toEqual(['run', 'issue']);
    expect(offered('run.halt')).toEqual(['run']);
    expect(offered('job.resume')).toEqual(['job']);
    expect(offered('job.archive')).toEqual(['job']);
    expect(offered('epic.run')).toEqual(['service']);
  });

  it('says of every act how it runs, what is watched for and what undoes it', () => {
    for (const act of orketKind.acts) {
      expect(act.runs, act.id).toBeTruthy();
      expect(act.outcome, act.id).toBeTruthy();
      expect(act.undo?.text, act.id).toBeTruthy();
      if (act.undo?.act !== undefined) expect(orketKind.acts.map(({ id }) => id)).toContain(act.undo.act);
    }
  });

  it('leads every condition of the queue to a playbook that exists, whose acts exist', async () => {
    const playbooks = new Set(orketKind.playbooks.map((one) => one.id));
    const acts = new Set(orketKind.acts.map((one) => one.id));
    const derived = await orket.derive(100, SETTINGS);
    const needy = derived.entities.filter((entity) => entity.attention);
    expect(needy.length).toBeGreaterThan(0);
    for (const { attention } of needy) {
      if (attention?.playbook !== undefined) expect(playbooks).toContain(attention.playbook);
      if (attention?.act !== undefined) expect(acts).toContain(attention.act);
    }
    for (const step of orketKind.playbooks.flatMap((one) => one.steps)) {
      if (step.type === 'act') expect(acts).toContain(step.act);
    }
  });

  it('holds the last check of the stalled pipeline once a newer run of the build is alive', async () => {
    const steps = orketKind.playbooks.find((one) => one.id === 'stalled-role-pipeline')?.steps ?? [];
    const last = steps.at(-1);
    if (last?.type !== 'check') throw new Error('the last step is no check');
    const issue = view.entities('issue')[0];
    if (!issue) throw new Error('no issue');
    expect(last.holds(view, issue)).toBe(false);
    orket.run('bbbb2222', 'running', 90);
    orket.process(9, ['python', 'main.py', '--epic', 'tide_ledger'], 89);
    expect(last.holds(await orket.view(100, SETTINGS), issue)).toBe(true);
  });
});

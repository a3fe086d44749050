/**
 * Every act that starts a program, sends a request or signals, with what goes wrong: it is refused, exits 0 and does
 * nothing, never ends, does half. The server is the simulated one, with its lies; programs are a shell that does as told.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lookInto } from '../../../src/config/look.ts';
import type { EntityType, SystemId } from '../../../src/domain/entity.ts';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import type { Located } from '../../../src/systems/system.ts';
import { Acting, type Doing, type Ended, until, watchOf } from '../acting.ts';
import { layLive, zone } from './live.ts';

type Given = readonly [act: string, type: EntityType, id: string, params?: Readonly<Record<string, string>>];
/** What a program does: nothing known is what the simulated one does. */
type Play = 'honest' | 'refuse' | 'silent' | 'half' | 'hang' | 'deaf';

const REFUSAL = 'ModuleNotFoundError: No module named httpx';
/** A word the masker of the tests knows as a secret: of what holds it no copy is kept, so it is not touched. */
const SECRET = 'the-toy-secret';

let dir: string;
let root: string;
let located: Located;
let watch: SystemWatch;
let api: ChildProcess;
const children: ChildProcess[] = [];
const hands = new Map<string, Acting>();

const logFile = (name: string): string => join(root, 'api/logs', name);
const lie = (...names: string[]): void => writeFileSync(join(root, '.lies'), names.join(' '));
const play = (what: Play): void => writeFileSync(join(dir, 'play'), `${what}\n`);

/** Does it, each act as a cockpit of its own: so several run at once, and none waits for its turn. */
async function act([id, type, on, params = {}]: Given, doing: Doing = {}): Promise<Ended> {
  const name = [id, ...Object.values(params)].join(' ');
  const own = hands.get(name) ?? new Acting(coherenceKind, located, watch, join(dir, `state-${hands.size}`));
  hands.set(name, own);
  return await own.act(id, type, on, { hurry: 1_000, ...doing, params });
}

async function each(given: readonly Given[], doing: Doing = {}): Promise<readonly Ended[]> {
  return await Promise.all(given.map((one) => act(one, doing)));
}

/** Act and outcome, to be compared in one go. */
function outcomes(given: readonly Given[], ended: readonly Ended[]): readonly string[] {
  return given.map(([id], index) => `${id}: ${ended[index]?.outcome}`);
}

/** Everything the checkout holds but what the server says of requests. */
function snapshot(): Readonly<Record<string, string>> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const files = names.filter(
    (name) => !name.endsWith('autonomous_api.log') && name !== '.lies' && statSync(join(root, name)).isFile(),
  );
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(root, name), 'utf8')]));
}

/** Pids of the programs played by the shell that live now. */
function playing(): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const line = /^\d+$/.test(name) ? readFileSync(join('/proc', name, 'cmdline'), 'utf8') : '';
      return line.startsWith('/bin/sh\0') && line.includes(`${dir}/python\0`) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Starts a part of the pipeline by hand; it lives, and does what `what` says of TERM. */
function part(words: readonly string[], what: 'hang' | 'deaf' = 'hang'): ChildProcess {
  const child = spawn(join(dir, 'python'), words, {
    cwd: join(root, 'api'),
    stdio: 'ignore',
    env: { ...process.env, PLAY: what },
  });
  children.push(child);
  return child;
}

/** Looks until it holds. */
async function reread(holds: () => boolean): Promise<void> {
  await until(async () => {
    await watch.refresh();
    return holds();
  });
}

async function clear(): Promise<void> {
  for (const pid of playing()) process.kill(pid, 'SIGKILL');
  await until(async () => {
    await watch.refresh();
    const { processes } = watch.view();
    return playing().length === 0 && !processes.some((one) => one.argv.includes(join(dir, 'python')));
  });
}

beforeAll(async () => {
  const { dir: made, laid, options } = await layLive();
  dir = made;
  root = laid.dir;
  renameSync(options.python, join(dir, 'simulated'));
  spawnSync('mkfifo', [join(dir, 'never')]);
  // A shell that waits for a writer that never comes has no child: TERM ends it, and nothing is left of it.
  writeFileSync(
    join(dir, 'python'),
    `#!/bin/sh
read -r what < '${dir}/play'
case "\${PLAY:-$what}" in
  refuse) echo '${REFUSAL}' >&2; exit 3 ;;
  silent) exit 0 ;;
  half) printf '{"running": [\\nDRY-RUN: back\\n[OK] API rea\\n'; kill -KILL $$ ;;
  hang) read -r _ < '${dir}/never' ;;
  deaf) trap '' TERM; echo deaf > '${dir}/deaf'; read -r _ < '${dir}/never' ;;
  *) exec '${dir}/simulated' "$@" ;;
esac
`,
  );
  chmodSync(join(dir, 'python'), 0o755);
  writeFileSync(join(root, 'Makefile'), `start-gate:\n\t@'${dir}/python' scripts/start_gate.py\n`);
  play('honest');
  lie();
  const port = /:(\d+)$/.exec(laid.settings['url'] ?? '')?.[1] ?? '';
  const env = { ...process.env, DEMO_PYTHON: options.python, DEMO_PORT: port, DEMO_PARENT: `${process.pid}` };
  const words = ['-m', 'uvicorn', 'app.main:app', `--port=${port}`];
  api = spawn(join(dir, 'simulated'), words, { cwd: join(root, 'api'), stdio: 'ignore', env });
  children.push(api);
  await until(
    async () => (await fetch(`${laid.settings['url']}/api/health`).catch(() => undefined))?.ok === true,
  );
  const settings = { ...laid.settings, timezone: zone() };
  located = coherenceKind.locate(root, lookInto(root, {}), 'coherence' as SystemId, settings);
  watch = watchOf(coherenceKind, located);
  await watch.start();
  await until(() => watch.view().data['apiState'] === 'up');
}, 60_000);

afterAll(async () => {
  for (const one of hands.values()) one.close();
  await watch.close();
  for (const pid of playing()) process.kill(pid, 'SIGKILL');
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

describe('acts that ask the API', () => {
  const url = (path: string): string => `${located.url}/api/agent/${path}`;
  const send = async (method: string, path: string, body: object): Promise<{ id: string }> =>
    (await (await fetch(url(path), { method, body: JSON.stringify(body) })).json()) as { id: string };

  /** A task that runs as far as the store and its lease tell, with no runner to hear anything. */
  async function running(): Promise<string> {
    const { id } = await send('POST', 'tasks', { direction: 'Chart the sandbank', task_type: 'spec' });
    await send('PATCH', `tasks/${id}`, { status: 'running', worker_id: 'w9' });
    await send('POST', 'run-state', { task_id: id, run_id: 'r', worker_id: 'w9', status: 'running' });
    return id;
  }

  let given: readonly Given[] = [];
  beforeAll(async () => {
    const ids = [await running(), await running()];
    // What an abort left behind has to go with the same request.
    await send('PATCH', 'tasks/task_1b09199f1e3d9185', { context: { control: { action: 'abort' } } });
    given = [
      ['job.answer', 'approval', 'task_864e65b18d8b704c', { decision: 'chart datum' }],
      ['job.requeue', 'job', 'task_1b09199f1e3d9185'],
      ['job.fail', 'job', 'task_d3b5ad02de209cc6', { output: 'no pilot aboard' }],
      ['job.cancel', 'job', ids[0] ?? ''],
      ['job.diagnose', 'job', ids[1] ?? '', { command: 'df -h' }],
    ];
    await until(async () => {
      await watch.refresh();
      const view = watch.view();
      return (
        ids.every((id) => view.entity('job', id)?.status === 'running') &&
        view.entity('job', 'task_1b09199f1e3d9185')?.data?.['abortAsked'] === true
      );
    });
  });

  it.each([
    ['refuses', 'patch-refused', 'failed', /HTTP 503|the store is read-only/],
    ['says 200 and stores nothing', 'patch-lost', 'not-seen', /^not seen in|no result/],
    ['never answers', 'patch-hang', 'timed-out', /^no answer in/],
  ] as const)('fail, time out or are not seen where it %s, and nothing has changed', async (...row) => {
    const [, name, outcome, why] = row;
    const before = snapshot();
    lie(name);
    const ended = await each(given, name === 'patch-hang' ? { runMs: 300 } : {});
    lie();
    expect(outcomes(given, ended)).toEqual(given.map(([id]) => `${id}: ${outcome}`));
    for (const { summary } of ended) expect(summary).toMatch(why);
    if (name === 'patch-refused')
      for (const { row: kept } of ended)
        expect(kept.progress.answer?.summary).toBe('the API says: 503 the store is read-only');
    expect(snapshot()).toEqual(before);
  });

  it('are verified by what the store says, though the answer to the request never came', async () => {
    const diagnose = given[4] as Given;
    const { id } = await send('POST', 'tasks', { direction: 'Sound the bar', task_type: 'spec' });
    await until(async () => {
      await watch.refresh();
      return watch.view().entity('job', id) !== undefined;
    });
    lie('patch-mute');
    const [failed, asked] = await Promise.all([
      act(['job.fail', 'job', id, { output: 'no boat' }], { runMs: 300, hurry: 1 }),
      act(diagnose, { runMs: 300, hurry: 1 }),
      answerDiagnostic(diagnose[2]),
    ]);
    lie();
    expect(failed).toMatchObject({ outcome: 'verified', summary: expect.stringContaining('no answer in') });
    expect(asked).toMatchObject({ outcome: 'verified', summary: expect.stringContaining('ran: df -h') });
  });

  /** What a runner does with a request that it finds: its result is in the context then. */
  async function answerDiagnostic(id: string): Promise<void> {
    type Stored = { tasks: { id: string; context: { diagnostic_request?: { id: string } } }[] };
    let wanted: string | undefined;
    await until(() => {
      const { tasks } = JSON.parse(
        readFileSync(logFile('agent_tasks.json'), 'utf8') || '{"tasks":[]}',
      ) as Stored;
      wanted = tasks.find((task) => task.id === id)?.context.diagnostic_request?.id;
      return wanted !== undefined;
    });
    const result = { id: wanted, status: 'completed', exit_code: 0, output: 'ran: df -h' };
    const body = JSON.stringify({ context: { diagnostic_last_result: result } });
    const signal = AbortSignal.timeout(200);
    await fetch(url(`tasks/${id}`), { method: 'PATCH', body, signal }).catch(() => undefined);
  }

  it('are not seen where it stores half of what it was told, and say which half is missing', async () => {
    lie('patch-half');
    // What was stored has to be read before the time is up.
    const hurries = [15, 15, 15, 25, 100];
    const ended = await Promise.all(given.map((one, index) => act(one, { hurry: hurries[index] ?? 1 })));
    lie();
    expect(outcomes(given, ended)).toEqual(given.map(([id]) => `${id}: not-seen`));
    const missing = [
      /says running and nobody runs it/,
      /an abort is still in its context/,
      /failed by itself, with other words/,
      /its runner ended it/,
      /no result yet/,
    ];
    missing.forEach((one, index) => {
      expect(ended[index]?.summary).toMatch(one);
    });
  });
});

describe('acts that run a program to its end', () => {
  const given: readonly Given[] = [
    ['pipeline.report', 'service', 'pipeline'],
    ['pipeline.check', 'service', 'pipeline'],
    ['fatal.report', 'service', 'pipeline'],
    ['manager.preview', 'service', 'project-manager'],
    ['failures.report', 'layer', 'goal'],
    ['surface.report', 'service', 'api'],
    ['tests.check', 'service', 'api'],
    ['specs.check', 'service', 'pipeline'],
    ['web.check', 'service', 'api'],
    ['worktree.check', 'service', 'pipeline'],
    ['start.check', 'service', 'pipeline'],
    ['prs.check', 'service', 'pipeline'],
    ['telemetry.migrate', 'service', 'api'],
    ['monitor.check', 'service', 'monitor'],
  ];

  it.each([
    ['refuses', 'refuse', 'failed', /ModuleNotFoundError: No module named httpx/],
    ['exits 0 and says and does nothing', 'silent', 'not-seen', /\S/],
    ['never ends', 'hang', 'timed-out', /did not end in/],
    ['is killed halfway', 'half', 'failed', /exit|killed|no verdict/i],
  ] as const)('fail, time out or are not seen where it %s, and nothing has changed', async (...row) => {
    const [, what, outcome, why] = row;
    const token = process.env['GITHUB_TOKEN'];
    process.env['GITHUB_TOKEN'] = 'stand-in';
    const before = snapshot();
    play(what);
    const ended = await each(given, what === 'hang' ? { runMs: 300 } : {});
    play('honest');
    if (token === undefined) delete process.env['GITHUB_TOKEN'];
    else process.env['GITHUB_TOKEN'] = token;
    expect(outcomes(given, ended)).toEqual(given.map(([id]) => `${id}: ${outcome}`));
    ended.forEach(({ summary }, index) => {
      expect(summary, given[index]?.[0]).toMatch(why);
    });
    expect(snapshot()).toEqual(before);
    expect(playing()).toEqual([]);
  });
});

describe('acts that start a part of the pipeline', () => {
  beforeEach(clear);
  const given: readonly Given[] = [
    ['runner.start', 'service', 'agent-runner', { worker: 'w7' }],
    ['manager.start', 'service', 'project-manager'],
    ['pipeline.start', 'service', 'pipeline'],
    ['pipeline.start', 'service', 'pipeline', { mode: 'autonomous' }],
    ['pipeline.start', 'service', 'pipeline', { mode: 'once' }],
  ];

  it.each([
    ['refuses', 'refuse'],
    ['exits 0 at once', 'silent'],
    ['is killed halfway', 'half'],
  ] as const)('are not done where it %s, and nothing of it lives', async (_what, what) => {
    const before = snapshot();
    play(what);
    const ended = await each(given);
    await until(() => playing().length === 0);
    play('honest');
    // Of a program that ends at once the runner sees either its end or nothing.
    for (const outcome of outcomes(given, ended)) expect(outcome).toMatch(/: (failed|not-seen)$/);
    expect(snapshot()).toEqual(before);
  });

  it('fail with the reason where there is no program to start, and nothing is changed', async () => {
    const before = snapshot();
    chmodSync(join(dir, 'python'), 0o644);
    const ended = await each(given.slice(0, 2)).finally(() => chmodSync(join(dir, 'python'), 0o755));
    for (const one of ended)
      expect(one).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('EACCES') });
    expect(snapshot()).toEqual(before);
  });

  it('are not seen where it lives and does nothing, and say what is missing', async () => {
    play('hang');
    const before = snapshot();
    // That they live has to be seen before the time is up.
    const parts = await each(given.slice(0, 2), { hurry: 15 });
    expect(playing()).toHaveLength(2);
    await clear();
    const ended = [...parts, await act(given[2] as Given)];
    await clear();
    play('honest');
    expect(ended.map((one) => one.outcome)).toEqual(['not-seen', 'not-seen', 'not-seen']);
    expect(ended[0]?.summary).toMatch(/its log says that it started \(no such line since\)/);
    expect(ended[1]?.summary).toMatch(/project manager \d+ lives, its log has not moved/);
    expect(ended[2]?.summary).toMatch(/started_at is as it was/);
    expect(snapshot()).toEqual(before);
  });
});

describe('acts that change a file', () => {
  const request = (note: string): void =>
    writeFileSync(
      logFile('restart_requested.json'),
      JSON.stringify({ reason: 'stale_version', at: '2026-01-01T00:00:00Z', note }),
    );
  const fatal = (note: string): void =>
    writeFileSync(
      logFile('fatal_issues.json'),
      JSON.stringify({ at: '2026-01-01T00:00:00Z', reason: 'api_start_failed', detail: 'x', note }),
    );

  it('fail where no copy of what is there may be kept, and leave it as it is', async () => {
    const watchdog = part(['scripts/run_overnight_pipeline_watchdog.sh']);
    // A fatal file is left over once a pipeline runs again.
    part(['scripts/project_manager.py']);
    request(SECRET);
    fatal(SECRET);
    const view = () => watch.view();
    await reread(
      () =>
        view().data['watchdogPid'] === watchdog.pid &&
        view().data['requestPresent'] === true &&
        view().entity('issue', 'fatal.api_start_failed')?.attention?.label === 'LEFTOVER',
    );
    const before = snapshot();
    const ended = await each([
      ['restart.withdraw', 'service', 'pipeline'],
      ['pipeline.restart', 'service', 'pipeline'],
      ['fatal.clear', 'issue', 'fatal.api_start_failed'],
    ]);
    for (const one of ended)
      expect(one).toMatchObject({
        outcome: 'failed',
        summary: expect.stringContaining('looks like a secret'),
      });
    expect(snapshot()).toEqual(before);
  });

  it('pipeline.restart is not seen where the watchdog never looks: the request lies there, and is withdrawn', async () => {
    request('');
    const ended = await act(['pipeline.restart', 'service', 'pipeline']);
    expect(ended).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('the watchdog takes the request'),
    });
    await reread(() => watch.view().data['requestPresent'] === true);
    const withdrawn = await act(['restart.withdraw', 'service', 'pipeline'], { hurry: 1 });
    expect(withdrawn).toMatchObject({ outcome: 'verified' });
    await clear();
  });
});

describe('acts that end processes', () => {
  beforeEach(clear);

  it('pipeline.halt fails at the part that ignores TERM: those before it are gone, those after it go on', async () => {
    const watchdog = part(['scripts/run_overnight_pipeline_watchdog.sh']);
    const runner = part(['scripts/agent_runner.py'], 'deaf');
    const manager = part(['scripts/project_manager.py']);
    const { pid } = runner;
    await reread(() => {
      const pids = watch.view().processes.map((one) => one.pid);
      return (
        existsSync(join(dir, 'deaf')) &&
        [watchdog, runner, manager].every((one) => pids.includes(one.pid ?? 0))
      );
    });
    const before = snapshot();
    const ended = await act(['pipeline.halt', 'service', 'pipeline'], { hurry: 12 });
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toContain(`process ${pid} took SIGTERM and still lives`);
    expect([...playing()].sort()).toEqual([pid, manager.pid].sort());
    expect(snapshot()).toEqual(before);
  });

  it('orphans.end fails at the one that ignores TERM, and names it', async () => {
    rmSync(join(dir, 'deaf'), { force: true });
    const both = 'PLAY=deaf "$0" scripts/agent_runner.py & PLAY=hang "$0" scripts/monitor_pipeline.py &';
    spawnSync('/bin/sh', ['-c', both, join(dir, 'python')], { cwd: join(root, 'api'), stdio: 'ignore' });
    await reread(
      () =>
        existsSync(join(dir, 'deaf')) &&
        watch.view().entity('issue', 'orphans')?.title.startsWith('2 orphans') === true,
    );
    const words = ['/bin/sh', join(dir, 'python'), 'scripts/agent_runner.py'];
    const runner = watch.view().processes.find((one) => one.argv.join(' ') === words.join(' '));
    const ended = await act(['orphans.end', 'issue', 'orphans'], { hurry: 100 });
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toContain(`process ${runner?.pid} took SIGTERM and still lives`);
    expect(playing()).toHaveLength(2);
  });
});

describe('api.restart', () => {
  const given: Given = ['api.restart', 'service', 'api'];
  beforeEach(clear);

  it('fails where the old one ignores TERM, and starts no second one beside it', async () => {
    lie('api-hang');
    const ended = await act(given, { hurry: 30 });
    lie();
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toContain(`process ${api.pid} took SIGTERM and still lives`);
    expect(playing()).toEqual([]);
    expect((await fetch(`${located.url}/api/health`)).status).toBe(200);
  });

  it('is half done where the old one is gone and the new one refuses: its words are in the server’s log', async () => {
    play('refuse');
    const ended = await act(given, { hurry: 12 });
    await until(() => playing().length === 0);
    play('honest');
    expect(ended.outcome).toMatch(/^(failed|not-seen)$/);
    expect(ended.summary).toContain('a new API runs (no new process yet)');
    expect(api.exitCode).toBe(0);
    expect(readFileSync(logFile('autonomous_api.log'), 'utf8')).toContain(REFUSAL);
  });

  it('is not seen where the new one lives and answers nothing', async () => {
    play('hang');
    const ended = await act(given, { hurry: 15 });
    play('honest');
    expect(ended).toMatchObject({ outcome: 'not-seen', summary: expect.stringContaining('it answers 200') });
    expect(playing()).toHaveLength(1);
  });
});

describe('logs.clean', () => {
  it('is not seen where find deletes nothing: it does not follow a link to the logs', async () => {
    const old = logFile('task_task_0123456789abcdef.log');
    writeFileSync(old, 'old\n');
    const then = Date.now() / 1000 - 9 * 86_400;
    utimesSync(old, then, then);
    renameSync(join(root, 'api/logs'), join(root, 'api/kept-logs'));
    symlinkSync('kept-logs', join(root, 'api/logs'));
    await reread(
      () =>
        (watch.view().data['taskLogAges'] as readonly number[] | undefined)?.some(
          (at) => at < then * 1_000 + 1_000,
        ) === true,
    );
    const before = snapshot();
    const ended = await act(['logs.clean', 'service', 'agent-runner']);
    expect(ended).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('an older one is there'),
    });
    expect(ended.row.progress.answer?.summary).toBe('0 files deleted, exit 0');
    expect(snapshot()).toEqual(before);
  });
});

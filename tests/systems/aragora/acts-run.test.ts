/** The two other ways a server is run, and a loop that takes no SIGTERM: done to real processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { layProgram } from '../../../fixtures/demo/aragora/simulator.ts';
import { lookInto } from '../../../src/config/look.ts';
import type { SystemId } from '../../../src/domain/entity.ts';
import { addMs, instant, toIso } from '../../../src/domain/instant.ts';
import { processTableReader } from '../../../src/host/process-table.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import type { CommonSettings } from '../../../src/systems/system.ts';
import { deriveLocated } from '../fixture-case.ts';
import { type Live, locateLaid, startLive } from './live.ts';
import { actOf, type Doing, type Done, type Looked, perform, targetIn, viewOf } from './perform.ts';

const onApi = ['service', 'api'] as const;

describe('a server run by', () => {
  let live: Live;
  /** The same checkout as a configuration with that `run=` sees it. */
  const runBy = (run: string): Looked => {
    const located = locateLaid(live.laid, { run } as CommonSettings);
    const look = async () => ({
      derived: await live.look(0, located),
      processes: await live.processes(),
    });
    return { located, look };
  };
  const act = (system: Looked, id: string, doing?: Doing): Promise<Done> => perform(system, id, onApi, doing);

  beforeAll(async () => {
    live = await startLive(40);
    await live.until('API up', 20, ({ data }) => (data?.['apiState'] === 'up' ? true : undefined));
  }, 40_000);
  afterAll(() => live.end());
  beforeEach(() => live.lie());

  it('docker: restarted, stopped and started, and none of it believed of a docker that only says so', async () => {
    const python = String(live.laid.settings['python']);
    const system = runBy(`${layProgram(live.laid.dir, 'docker', python)}:aragora`);
    live.lie('unit-nothing');
    expect(await act(system, 'api.restart', { isHopeful: false })).toMatchObject({
      outcome: 'not-seen',
      ends: [{ end: 'ok' }],
    });
    live.lie('unit-denied');
    expect(await act(system, 'api.stop', { isHopeful: false })).toMatchObject({ outcome: 'failed' });
    live.lie('unit-hang');
    expect(await act(system, 'api.restart', { timeoutMs: 400, isHopeful: false })).toMatchObject({
      outcome: 'timed-out',
    });
    live.lie();
    const done = await act(system, 'api.restart');
    expect(done).toMatchObject({ outcome: 'verified', answer: { ok: true } });
    expect(done.stages.map(({ state }) => state)).toEqual(['seen', 'seen']);
    expect(await act(system, 'api.stop')).toMatchObject({ outcome: 'verified' });
    expect(await act(system, 'api.start')).toMatchObject({ outcome: 'verified' });
    expect((await viewOf(system)).entity('service', 'api')?.status).toBe('up');
  });

  it('nobody: SIGTERM to its pid, then its own command; half done is not done, and a second one is refused', async () => {
    const python = String(live.laid.settings['python']);
    const port = String(live.located.url?.split(':').at(-1));
    const system = runBy(`process:${python} -m aragora.server --http-port ${port}`);
    const before = (await viewOf(system)).data['server'];
    const done = await act(system, 'api.restart');
    expect(done).toMatchObject({ outcome: 'verified', ends: [{ end: 'ok' }, { end: 'ok' }] });
    const after = await viewOf(system);
    expect(after.data['server']).not.toEqual(before);
    expect(actOf('api.start').precondition(after, targetIn(after, ...onApi))).toMatch(/it runs already: pid/);
    expect(await act(system, 'api.stop')).toMatchObject({ outcome: 'verified' });
    const gone = await viewOf(system);
    expect(actOf('api.restart').precondition(gone, targetIn(gone, ...onApi))).toContain('start it');
    live.lie('not-ready');
    const half = await act(system, 'api.start', { isHopeful: false, meanwhile: answering });
    expect(half).toMatchObject({ outcome: 'not-seen' });
    expect(half.stages.map(({ state }) => state)).toEqual(['seen', 'waiting']);
    live.lie();
    await live.until('API up', 10, ({ data }) => (data?.['apiState'] === 'up' ? true : undefined));
    const up = await viewOf(system);
    expect(actOf('api.kill').precondition(up, targetIn(up, ...onApi))).toContain('stop it in order');
    live.lie('api-hang');
    await live.until('API hangs', 10, ({ data }) => (data?.['apiState'] === 'down' ? true : undefined));
    const hanging = await viewOf(system);
    const issue = targetIn(hanging, 'issue', 'api-down');
    expect(actOf('api.kill').appliesTo(issue)).toBe(true);
    expect(await act(system, 'api.kill')).toMatchObject({ outcome: 'verified' });
  });

  /** Until the new server takes connections. */
  async function answering(): Promise<void> {
    await live.until('the server answers', 10, ({ data }) =>
      data?.['apiState'] === 'degraded' || data?.['apiState'] === 'up' ? true : undefined,
    );
  }
});

describe('loop.kill', () => {
  let root: string;
  let loop: ChildProcess;
  let laterMs: number;
  let system: Looked;
  const onLoop = ['service', 'loop'] as const;

  beforeEach(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-aragora-kill-')));
    mkdirSync(join(root, 'scripts'));
    mkdirSync(join(root, '.nomic'));
    writeFileSync(join(root, 'scripts/nomic_loop.py'), "trap '' TERM\necho up\nwhile :; do sleep 1; done\n");
    // The kernel shows its arguments as those of an interpreter with this script.
    loop = spawn('/bin/sh', ['scripts/nomic_loop.py', 'run', '--no-stream'], { cwd: root, argv0: 'python3' });
    await new Promise((resolve) => loop.stdout?.once('data', resolve));
    const now = toIso(instant(Date.now() + 2_000));
    const [day = '', clock = ''] = [now.slice(0, 10), now.slice(11, 19)];
    const lines = [
      `=== NOMIC LOOP STARTED: ${day}T${clock}.000000 ===`,
      `[${clock}] NOMIC CYCLE 1`,
      `[${clock}]   Creating backup: backup_cycle_1_20261120_220000`,
      `[${clock}]   [timeout] Phase 'debate' has 1s budget`,
    ];
    writeFileSync(join(root, '.nomic/nomic_loop.log'), `${lines.join('\n')}\n`);
    const settings = { timezone: 'UTC', python: '/usr/bin/python3' };
    const located = aragoraKind.locate(root, lookInto(root, process.env), 'aragora' as SystemId, settings);
    const reader = processTableReader();
    laterMs = 30_000;
    system = {
      located,
      async look() {
        const spec = aragoraKind.sources(located, {}).find(({ type }) => type === 'process');
        const words = spec?.type === 'process' ? spec.match : { words: [] };
        const { processes } = await reader.read(words, instant(Date.now()));
        const at = addMs(instant(Date.now()), laterMs);
        const fixture = { at, settings, mtimes: {}, http: {}, processes };
        return { derived: deriveLocated(aragoraKind, located, fixture), processes };
      },
    };
  });
  afterEach(() => {
    loop.kill('SIGKILL');
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  });

  it('ends the one process that took no SIGTERM, says what that strands, and is refused for one that works', async () => {
    const view = await viewOf(system);
    const target = targetIn(view, ...onLoop);
    expect(view.data['loopState']).toBe('stalled');
    expect(actOf('loop.kill').strands?.(view, target)).toEqual([
      expect.stringContaining('cycle 1 in debate ends without an outcome'),
      expect.stringContaining('backup_cycle_1_20261120_220000'),
    ]);
    laterMs = 2_000;
    const working = await viewOf(system);
    expect(actOf('loop.kill').precondition(working, targetIn(working, ...onLoop))).toContain('it works');
    laterMs = 30_000;
    const ended = new Promise((resolve) => loop.once('exit', (_code, signal) => resolve(signal)));
    expect(await perform(system, 'loop.kill', onLoop)).toMatchObject({ outcome: 'verified' });
    expect(await ended).toBe('SIGKILL');
    const gone = await viewOf(system);
    expect(gone.data['loopPid']).toBeNull();
    expect(actOf('loop.kill').precondition(gone, targetIn(gone, ...onLoop))).toBe(
      'no loop of this root runs',
    );
  });
});

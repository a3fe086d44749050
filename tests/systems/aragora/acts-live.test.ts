import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loopUrl } from '../../../src/systems/aragora/act-approve.ts';
import { until } from '../acting.ts';
import { type Live, startLive } from './live.ts';
import { actOf, type Doing, type Done, type Looked, perform, targetIn, viewOf } from './perform.ts';

/** The checkout of the demo with its loop and server as real processes. */
let live: Live;
let system: Looked;

beforeAll(async () => {
  live = await startLive(40);
  system = {
    located: live.located,
    look: async () => ({ derived: await live.look(), processes: await live.processes() }),
  };
  await live.until('loop and API up', 20, (derived) => {
    const up = derived.entities
      .filter((one) => one.type === 'service' && one.status === 'up')
      .map((one) => one.id);
    return up.includes('loop') && up.includes('api') && up.includes('unit') ? true : undefined;
  });
  // The server inside the loop's program listens a moment after its process is there.
  await until(async () => loopUrl(await viewOf(system)) !== undefined);
}, 40_000);
afterAll(() => live.end());
beforeEach(() => live.lie());

const act = (
  id: string,
  on: readonly ['service' | 'approval' | 'layer', string],
  doing?: Doing,
): Promise<Done> => perform(system, id, on, doing);
const onApi = ['service', 'api'] as const;
const onLoop = ['service', 'loop'] as const;

describe('approvals', () => {
  const pending = (id: string, title: string): void => {
    const file = {
      id,
      title,
      description: 'x',
      changes: [{ path: 'a.py', change_type: 'modify' }],
      risk_level: 'high',
      requested_at: new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 23),
      requested_by: 'nomic-loop',
      timeout_seconds: 3600,
      status: 'pending',
    };
    writeFileSync(join(live.laid.dir, `.approvals/${id}.json`), JSON.stringify(file));
  };
  const statusOf = (id: string): string =>
    (JSON.parse(readFileSync(join(live.laid.dir, `.approvals/${id}.json`), 'utf8')) as { status: string })
      .status;

  it('in files are decided through the server inside the loop’s program, on the port its process has', async () => {
    pending('aaaa000011112222', 'approve me');
    pending('bbbb000011112222', 'reject me');
    expect(await act('approval.approve', ['approval', 'aaaa000011112222'])).toMatchObject({
      outcome: 'verified',
    });
    expect(statusOf('aaaa000011112222')).toBe('approved');
    const denied = await act('approval.deny', ['approval', 'bbbb000011112222'], {
      params: { reason: 'too much' },
    });
    expect(denied).toMatchObject({ outcome: 'verified' });
    expect(statusOf('bbbb000011112222')).toBe('rejected');
  });

  it('are not believed decided by an answer of 200', async () => {
    pending('cccc000011112222', 'nothing happens');
    live.lie('approve-nothing');
    const done = await act('approval.approve', ['approval', 'cccc000011112222'], { isHopeful: false });
    expect(done).toMatchObject({ outcome: 'not-seen', answer: { ok: true } });
  });

  it('are refused by the server without its key, and by us without one', async () => {
    pending('dddd000011112222', 'no key');
    const view = await viewOf(system);
    const target = targetIn(view, 'approval', 'dddd000011112222');
    const { keyEnv: _key, ...settings } = view.located.settings;
    const keyless = { ...view, located: { ...view.located, settings } };
    expect(actOf('approval.approve').precondition(keyless, target)).toContain('key-env');
    writeFileSync(join(live.laid.dir, '.env.other'), 'ARAGORA_DEMO_KEY=ara_wrong\n');
    const located = { ...live.located, settings: { ...live.located.settings, envFile: '.env.other' } };
    const done = await perform({ ...system, located }, 'approval.approve', ['approval', target.id], {
      isHopeful: false,
    });
    expect(done).toMatchObject({
      outcome: 'failed',
      answer: { ok: false, summary: expect.stringContaining('401') },
    });
  });

  it('of the inbox are decided by the request each carries, and seen to have left it', async () => {
    const item = ['approval', 'inbox-apr-91c2'] as const;
    live.lie('resolve-nothing');
    expect(await act('approval.approve', item, { isHopeful: false })).toMatchObject({ outcome: 'not-seen' });
    live.lie();
    expect(await act('approval.approve', item)).toMatchObject({ outcome: 'verified' });
  });

  it('that name a path of elsewhere are not sent', async () => {
    const view = await viewOf(system);
    const target = view.entities('approval').find((one) => one.data?.['form'] === 'file');
    const item = (path: string) => ({
      ...(target ?? expect.fail('no approval')),
      id: 'inbox-x',
      data: { form: 'inbox', item: { approve: { method: 'POST', path, body: {} } } },
      answerable: true,
      status: 'pending' as const,
    });
    for (const path of [
      'http://elsewhere/api/x',
      '//elsewhere/api',
      '/api/../admin',
      '/etc/passwd',
      '/api/a?b=c',
    ])
      expect(actOf('approval.approve').precondition(view, item(path))).toContain('no request');
    expect(actOf('approval.approve').precondition(view, item('/api/v1/x/approve'))).toBeUndefined();
  });
});

describe('debates and copies', () => {
  const params = { question: 'Is the tide in?', agents: 'claude', rounds: '1' };
  it('are there when the list shows them, not when the server says "created"', async () => {
    live.lie('debate-nothing');
    expect(await act('debate.start', onApi, { params, isHopeful: false })).toMatchObject({
      outcome: 'not-seen',
      answer: { ok: true },
    });
    live.lie('debate-dies');
    const died = await act('debate.start', onApi, { params, isHopeful: false });
    expect(died).toMatchObject({ outcome: 'not-seen' });
    expect(died.summary).toContain('Only 0 agents initialized');
    live.lie();
    expect(await act('debate.start', onApi, { params })).toMatchObject({ outcome: 'verified' });
    const again = await viewOf(system);
    expect(
      again.entities('job').some((job) => job.title === params.question && job.status === 'running'),
    ).toBe(true);
  });

  it('a copy of a database is there when its file is', async () => {
    live.lie('backup-nothing');
    const lied = await act('database.backup', onApi, { params: { database: 'users.db' }, isHopeful: false });
    expect(lied).toMatchObject({ outcome: 'not-seen', answer: { ok: true } });
    live.lie();
    const done = await act('database.backup', onApi, { params: { database: 'users.db' } });
    expect(done).toMatchObject({ outcome: 'verified' });
    const view = await viewOf(system);
    expect(view.entities('restorePoint').some((one) => one.label === 'copy of users.db')).toBe(true);
  });
});

describe('the server', () => {
  it('is not believed restarted when systemctl exits 0 and the same process answers', async () => {
    live.lie('unit-nothing');
    expect(await act('api.restart', onApi, { isHopeful: false })).toMatchObject({
      outcome: 'not-seen',
      ends: [{ end: 'ok' }],
    });
  });

  it('that may not be restarted says so, one that hangs is given up, and the old one is not taken for new', async () => {
    live.lie('unit-denied');
    const denied = await act('api.restart', onApi, { isHopeful: false });
    expect(denied).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('Access denied') });
    live.lie('unit-hang');
    expect(await act('api.restart', onApi, { timeoutMs: 400, isHopeful: false })).toMatchObject({
      outcome: 'timed-out',
    });
  });

  it('is restarted when a process begun after it says that it is ready; half done is not done', async () => {
    live.lie('not-ready');
    const half = await act('api.restart', onApi, { isHopeful: false, meanwhile: answering });
    expect(half).toMatchObject({ outcome: 'not-seen' });
    expect(half.stages.map((stage) => stage.state)).toEqual(['seen', 'waiting']);
    live.lie();
    const done = await act('api.restart', onApi);
    expect(done).toMatchObject({ outcome: 'verified' });
    expect(done.stages.map((stage) => stage.state)).toEqual(['seen', 'seen']);
  });

  it('that systemd gave up on is an issue, and its start says what was seen instead', async () => {
    live.lie('unit-fails');
    const failed = await act('api.restart', onApi, { isHopeful: false });
    expect(failed).toMatchObject({ outcome: 'not-seen' });
    expect(failed.summary).toContain('start-limit-hit');
    const view = await viewOf(system);
    expect(view.entity('issue', 'unit-failed')).toMatchObject({ severity: 'fatal', playbook: 'api-down' });
    expect(actOf('api.stop').precondition(view, targetIn(view, ...onApi))).toContain('no server process');
    live.lie();
    const started = await act('api.start', onApi);
    expect(started, JSON.stringify(started)).toMatchObject({ outcome: 'verified' });
    const up = await viewOf(system);
    expect(actOf('api.start').precondition(up, targetIn(up, ...onApi))).toContain('it runs already');
    expect(await act('api.stop', onApi)).toMatchObject({ outcome: 'verified' });
  });

  /** Until the new server takes connections. */
  async function answering(): Promise<void> {
    await live.until('the server answers', 10, (derived) =>
      derived.data?.['apiState'] === 'degraded' || derived.data?.['apiState'] === 'up' ? true : undefined,
    );
  }
});

describe('the loop', () => {
  it('is stopped by SIGTERM to its pid alone, and started again; a second one is refused', async () => {
    const before = await viewOf(system);
    const loop = targetIn(before, ...onLoop);
    expect(actOf('loop.start').precondition(before, loop)).toMatch(/runs already: pid \d+/);
    const stopped = await act('loop.stop', onLoop);
    expect(stopped).toMatchObject({ outcome: 'verified' });
    const view = await viewOf(system);
    expect(actOf('loop.stop').precondition(view, targetIn(view, ...onLoop))).toBe(
      'no loop of this root runs',
    );
    const started = await act('loop.start', onLoop, { params: { cycles: '2' } });
    expect(started).toMatchObject({ outcome: 'verified' });
    expect(started.stages.map((stage) => stage.state)).toEqual(['seen', 'seen']);
  });

  it('that dies at its start is not called started, though its process was there', async () => {
    await act('loop.stop', onLoop);
    live.lie('start-crash');
    const done = await act('loop.start', onLoop, { params: { cycles: '1' } });
    expect(done.outcome).not.toBe('verified');
    expect(done.summary).toContain('GEMINI_API_KEY');
    const view = await viewOf(system);
    expect(actOf('loop.kill').precondition(view, targetIn(view, ...onLoop))).toBeDefined();
  });
});

/**
 * Every act that sends a request, and loop.stop, with what goes wrong: it is refused, answered and not done, never
 * answered, done by half. Server and loop are the simulated ones with their lies. That they work: acts-live.test.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import { type Given, ManyActing, outcomesOf, until } from '../acting.ts';
import { Played } from './played.ts';

let played: Played;
let watch: SystemWatch;
let many: ManyActing;

/** A loop that takes no SIGTERM and stands still in its first phase: nothing moves but what acts move. */
const STILL = ['loop-deaf', 'loop-hang'];

beforeAll(async () => {
  played = await Played.lay();
  played.lie(...STILL);
  played.simulate('-m', 'aragora.server');
  const loop = played.simulate('scripts/run_nomic_with_stream.py', 'run', '--cycles', '1');
  watch = await played.watch();
  many = new ManyActing(watch, join(played.dir, 'states'));
  const log = () => readFileSync(join(played.root, '.nomic/nomic_loop.log'), 'utf8');
  // It says six things in its first phase.
  await until(() => (log().match(/: thinking|: complete/g) ?? []).length >= 6);
  await played.reread(watch, () => {
    const { data } = watch.view();
    const isUp = data['apiState'] === 'degraded' || data['apiState'] === 'up';
    return (
      isUp &&
      data['loopPid'] === loop.pid &&
      (data['loopPorts'] as readonly number[]).length > 0 &&
      watch.view().entity('approval', 'inbox-apr-91c2') !== undefined
    );
  });
}, 60_000);

afterAll(async () => {
  many.close();
  await played.end();
});

describe('acts that send a request', () => {
  const FILE = '337b18338016a2fb';
  const given: readonly Given[] = [
    ['approval.approve', 'approval', FILE],
    ['approval.deny', 'approval', FILE, { reason: 'not at night' }],
    ['approval.approve', 'approval', 'inbox-apr-91c2'],
    ['approval.deny', 'approval', 'inbox-apr-91c2', { reason: 'not at night' }],
    ['debate.start', 'service', 'api', { question: 'Is the tide in?', agents: 'claude', rounds: '1' }],
    ['database.backup', 'service', 'api', { database: 'users.db' }],
  ];
  const nothing = ['approve-nothing', 'resolve-nothing', 'debate-nothing', 'backup-nothing'];

  it.each([
    ['refuses', ['post-refused'], 'failed', /^HTTP 503/],
    ['says 200 and does nothing', nothing, 'not-seen', /^not seen in/],
    ['never answers', ['post-hang'], 'timed-out', /^no answer in/],
  ] as const)('fail, are not seen or time out where it %s, and nothing has changed', async (...row) => {
    const [, lies, outcome, why] = row;
    const before = played.snapshot();
    played.lie(...STILL, ...lies);
    const ended = await many.each(given, outcome === 'timed-out' ? { runMs: 300 } : {});
    played.lie(...STILL);
    expect(outcomesOf(given, ended)).toEqual(given.map(([id]) => `${id}: ${outcome}`));
    for (const { summary } of ended) expect(summary).toMatch(why);
    if (outcome === 'failed')
      for (const { row: kept } of ended)
        expect(kept.progress.answer?.summary).toContain('answered 503: {"error":"storage is read-only"}');
    expect(played.snapshot()).toEqual(before);
    await watch.refresh();
    expect(watch.view().entity('approval', 'inbox-apr-91c2')?.status).toBe('pending');
  });

  /** Questions of their own, since an answer is given once. */
  async function ask(...ids: readonly string[]): Promise<void> {
    const path = (id: string): string => join(played.root, `.approvals/${id}.json`);
    const known = JSON.parse(readFileSync(path(FILE), 'utf8')) as object;
    for (const id of ids) writeFileSync(path(id), JSON.stringify({ ...known, id }));
    await played.reread(watch, () => ids.every((id) => watch.view().entity('approval', id) !== undefined));
  }

  it('are verified by what is seen though the answer never came, but where anybody’s would look the same', async () => {
    await ask('aaaa', 'bbbb');
    const own: readonly Given[] = [
      ['approval.approve', 'approval', 'aaaa'],
      ['approval.deny', 'approval', 'bbbb', { reason: 'not at night' }],
      given[4] as Given,
      given[5] as Given,
    ];
    played.lie(...STILL, 'post-mute');
    const ended = await many.each(own, { runMs: 300, hurry: 1 });
    played.lie(...STILL);
    expect(ended.map(({ outcome }) => outcome)).toEqual(['verified', 'verified', 'verified', 'timed-out']);
    for (const { summary } of ended) expect(summary).toContain('no answer in');
    expect(ended[3]?.summary).toContain('a new copy of it, and whether ours was taken is not known');
  });

  it('are not done where it does half or somebody else was first, and say what is seen instead', async () => {
    await ask('cccc', 'dddd');
    played.lie(...STILL, 'approve-late', 'resolve-taken', 'debate-dies', 'backup-cut');
    const own: readonly Given[] = [
      ['approval.approve', 'approval', 'cccc'],
      ['approval.deny', 'approval', 'dddd', { reason: 'not at night' }],
      ...given.slice(2, 5),
      ['database.backup', 'service', 'api', { database: 'core.db' }],
    ];
    const ended = await many.each(own, { hurry: 1 });
    played.lie(...STILL);
    expect(ended.map(({ outcome }) => outcome)).toEqual([
      ...['not-seen', 'not-seen', 'failed', 'failed', 'not-seen', 'failed'],
    ]);
    const instead = [
      /its file says timeout/,
      /its file says timeout/,
      /it has left the inbox, and ours was not taken: HTTP 409/,
      /it has left the inbox, and ours was not taken: HTTP 409/,
      /Only 0 agents initialized/,
      /a new copy of it, and ours was not taken: HTTP 500/,
    ];
    instead.forEach((one, index) => {
      expect(ended[index]?.summary).toMatch(one);
    });
  });
});

describe('loop.stop', () => {
  it('fails where the loop ignores SIGTERM, and says that it lives', async () => {
    const before = played.snapshot();
    const pid = watch.view().data['loopPid'];
    const ended = await many.act(['loop.stop', 'service', 'loop'], { hurry: 50 });
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toContain(`process ${pid} took SIGTERM and still lives`);
    expect(played.snapshot()).toEqual(before);
  });
});

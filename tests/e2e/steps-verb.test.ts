/** `binnacle steps`, and what `show`, `timeline` and `handover` tell of steps: the built program on a tree as Orket leaves it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { layOutCase } from '../systems/fixture-case.ts';
import { startDemo, temporaryDirectory } from './cockpit.ts';
import { type EndedVerb, runVerb } from './verb.ts';

const TURN = '9c41e7b0:tide-3:3:coder';

interface Shown {
  readonly playbook: string;
  readonly next: number | null;
  readonly steps: readonly {
    readonly number: number;
    readonly type: string;
    readonly state: string;
    readonly by: string;
  }[];
}

it('shows, records and opens steps; a read leaves nothing behind; all of it is told by show, timeline and handover', async ({
  onTestFinished: atEnd,
}) => {
  const fixture = await layOutCase('orket', 'stalled-turn');
  const home = temporaryDirectory('steps-verb');
  const state = join(home.path, 'state');
  atEnd(() => {
    fixture.remove();
    home.remove();
  });
  const run = (...args: string[]): Promise<EndedVerb> =>
    runVerb([...args, '-s', `orket=${fixture.dir}`], { env: { BINNACLE_STATE_DIR: state } });

  const first = await run('steps', TURN, '--json');
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(existsSync(state)).toBe(false);
  const shown = JSON.parse(first.stdout) as Shown;
  expect(shown.playbook).toBe('stalled-role-pipeline');
  const note = shown.steps.find(({ type, state }) => type === 'note' && state === 'open')?.number ?? 0;
  const act = shown.steps.find(({ type, state }) => type === 'act' && state === 'open')?.number ?? 0;
  const check = shown.steps.find(({ type }) => type === 'check')?.number ?? 0;

  expect(await run('steps', TURN, '--done', `${note}`, '--note', 'told Kim')).toMatchObject({ code: 0 });
  expect(await run('steps', TURN, '--skip', `${act}`, '--note', 'no use')).toMatchObject({ code: 0 });
  expect(await run('steps', TURN, '--done', `${note}`)).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(/was first/),
  });
  expect((await run('steps', TURN, '--done', `${check}`)).stderr).toMatch(/checked off by what is seen/);
  const text = (await run('steps', TURN)).stdout;
  expect(text).toMatch(/^Stalled role pipeline: \d+ of \d+, 1 skipped, .* \d{4}-/);
  expect(text).toMatch(/done .*-- .*: told Kim/);
  expect(text).toMatch(/skipped .*-- .*: no use/);

  const attention = JSON.parse((await run('show', 'attention', TURN, '--json')).stdout) as { steps: Shown };
  expect(attention.steps.steps[note - 1]).toMatchObject({ state: 'done', remark: 'told Kim' });
  expect(await run('show', 'turn', TURN)).toMatchObject({
    stdout: expect.stringMatching(/steps\n +Stalled role pipeline: /),
    code: 0,
  });
  const timeline = (await run('timeline', '--since', '1h')).stdout;
  expect(timeline).toMatch(new RegExp(`step ${note} done: .*\\(told Kim\\)`));
  expect(timeline).toMatch(new RegExp(`WARNING.*step ${act} SKIPPED: .*\\(no use\\)`));
  expect((await run('handover')).stdout).toMatch(
    /Steps under way \(1\)\n.*Stalled role pipeline, \d+ of \d+/,
  );

  await run('steps', TURN, '--open', `${note}`);
  const again = JSON.parse((await run('steps', TURN, '--json')).stdout) as Shown;
  expect(again.steps[note - 1]?.state).toBe('open');
}, 60_000);

it('wants one step by its number, and an item that has steps', async ({ onTestFinished: atEnd }) => {
  const fixture = await layOutCase('orket', 'stalled-turn');
  atEnd(() => fixture.remove());
  const wrong = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await runVerb(['steps', ...args, '-s', `orket=${fixture.dir}`]);
    expect(code).toBe(2);
    return stderr;
  };
  const all = await Promise.all([
    wrong(),
    wrong(TURN, '--done', 'two'),
    wrong(TURN, '--done', '1', '--skip', '2'),
    wrong(TURN, '--note', 'x'),
    wrong('nobody'),
  ]);
  expect(all.map((text) => text.split('\n')[0])).toEqual([
    expect.stringMatching(/whose steps/),
    expect.stringMatching(/the number of a step/),
    expect.stringMatching(/one step at a time/),
    expect.stringMatching(/--note goes with/),
    expect.stringMatching(/there is no "nobody"/),
  ]);
});

it('act --undo shows what compensates an order, asks for the same yes, and says why nothing does', async ({
  onTestFinished: atEnd,
}) => {
  const home = temporaryDirectory('undo-verb');
  const demo = await startDemo('openclaw');
  atEnd(async () => {
    await demo.close();
    home.remove();
  });
  const run = (...args: string[]): Promise<EndedVerb> =>
    runVerb([...args, ...demo.args], { env: { BINNACLE_STATE_DIR: home.path } });
  const yes = ['--yes', '--reason', 'tested'];
  const listed = JSON.parse((await run('list', 'approvals', '--json')).stdout) as {
    id: string;
    title: string;
  }[];
  const id = listed.find(({ title }) => title.includes('Draft the tide table'))?.id ?? '';
  const done = await run('act', 'job.approve', id, ...yes);
  expect(done).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/; can be undone by job.cancel: binnacle act --undo \S+\n/),
  });
  const order = /--undo (\S+)/.exec(done.stdout)?.[1] ?? '';
  expect((await run('act', '--undo', order, '--dry-run')).stdout).toMatch(/runs .*cancel/);
  expect(await run('act', '--undo', order)).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(/not confirmed: add --yes/),
  });
  expect(await run('act', '--undo', 'nonsense', ...yes)).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(/nonsense is not undone: there is no order nonsense/),
  });
  expect(await run('act', 'job.cancel', id, '--undo', order)).toMatchObject({ code: 2 });
}, 60_000);

/** The built program beside a system that tells its secrets wherever it can: none of them leaves it again. */
import { readFileSync } from 'node:fs';
import { describe, type ExpectStatic, it } from 'vitest';
import { shapes } from '../acts/secret-shapes.ts';
import { pressFor, selectRow, startCockpit, textOf } from './cockpit.ts';
import { type LeakySystem, LINES, layOutLeaks, leaksBelow, leaksIn, SECRETS } from './leaky-system.ts';
import { runVerb } from './verb.ts';

/** Some thirty programs, one after the other, on a machine that may have much else to do. */
const PATIENCE_MS = 180_000;
const TOKEN = shapes[1]?.[1] ?? '';

/** Runs verbs; what each prints is searched. */
async function layOut(
  expect: ExpectStatic,
  atEnd: (step: () => Promise<void>) => void,
): Promise<{
  readonly system: LeakySystem;
  run(...words: string[]): Promise<{ readonly text: string; readonly code: number | null }>;
  runAll(...lines: readonly string[]): Promise<void>;
}> {
  const system = await layOutLeaks();
  atEnd(system.close);
  const run = async (...words: string[]): Promise<{ text: string; code: number | null }> => {
    const { code, stdout, stderr } = await runVerb([...system.args, ...words], { env: system.env });
    expect(leaksIn(stdout), words.join(' ')).toEqual([]);
    expect(leaksIn(stderr), words.join(' ')).toEqual([]);
    return { text: stdout + stderr, code };
  };
  const runAll = async (...lines: readonly string[]): Promise<void> => {
    await Promise.all(lines.map((line) => run(...line.split(' '))));
  };
  return { system, run, runAll };
}

describe.concurrent('secrets of a watched system', () => {
  it('are told to be there by the test itself', ({ expect }) => {
    // A search that finds nothing proves nothing.
    expect(leaksIn(LINES.join('\n'))).toHaveLength(SECRETS.length - 1);
    expect(SECRETS.length).toBeGreaterThan(40);
  });

  it('are in nothing that verbs print which look', { timeout: PATIENCE_MS }, async ({
    expect,
    onTestFinished,
  }) => {
    const { system, run, runAll } = await layOut(expect, onTestFinished);
    const { text: log } = await run('logs', '-n', '200');
    for (const [index] of LINES.entries()) expect(log).toMatch(new RegExp(`leak-${index} .*\\*\\*\\*`));
    expect(log).toMatch(/leak-colour \*\*\* end/);
    expect(log).toContain('leak-end');
    expect((await run('status')).text).toContain('leak-0 got *** from the vault');
    expect((await run('list', 'sources')).text).toMatch(/check .*\*\*\*/s);
    expect((await run('show', 'approval', 'q1', '--json')).text).toContain('leak-0 got *** from the vault');
    await runAll(
      'logs --json -n 200',
      'logs --json --resume watcher',
      'status --json',
      'status --tmux',
      'show job j1',
      'list attention',
    );
    // Its name can't be told, and it is found by what is told instead.
    const { text: jobs } = await run('list', 'jobs', '--json');
    const told = /"id":\s*"(\*\*\*~\w+)"/.exec(jobs)?.[1] ?? '';
    expect((await run('show', 'job', told)).code).toBe(0);
    expect((await run('act', 'job.retry', told, '--dry-run')).text).toMatch(/looks like a secret/);
    // What was typed is no safer to print.
    await runAll(`show job ${TOKEN}`, `logs --system ${TOKEN}`);
    expect(leaksBelow(system.state)).toEqual([]);
  });

  it('are in nothing that verbs print which act, and in no file they write', {
    timeout: PATIENCE_MS,
  }, async ({ expect, onTestFinished }) => {
    const { system, run, runAll } = await layOut(expect, onTestFinished);
    await run('act', 'job.retry', 'j1', '--dry-run');
    // The server says no, and everything else with it.
    expect((await run('act', 'job.send', 'j1', '--yes', '--json')).text).toMatch(/500/);
    const { code } = await run('act', 'job.retry', 'j1', '--yes', '--reason', `because of ${TOKEN}`);
    expect(code).toBe(0);
    expect((await run('act', 'job.send', 'j1', '--yes', '--param', `note=${TOKEN}`)).code).toBe(4);
    // A decision is bound to the bytes of the plan, secrets and all. This one runs, and its effect is not seen.
    expect((await run('act', 'plan.approve', 'q1', '--yes', '--reason', 'read')).code).toBe(6);
    await run('steps', 'j1', '--done', '1', '--note', `seen ${TOKEN}`);
    await run('handover', '--note', `the key is ${TOKEN}`);
    expect((await run('ledger')).text).toContain('because of ***');
    await runAll('steps j1', 'ledger --json', 'list acts --json', 'timeline --since 1d --markdown');
    await runAll('timeline --since 1d --json', 'doctor');
    expect((await run('hooks', 'test')).text).toMatch(/\*\*\*/);

    const wrong = await runVerb(['-C', system.wrongConfig, 'config', 'check'], { env: system.env });
    expect(wrong.code).toBe(2);
    expect(leaksIn(wrong.stdout + wrong.stderr)).toEqual([]);

    expect(leaksBelow(system.state)).toEqual([]);
    expect(leaksIn(textOf(system.told) + system.posted.join('\n'))).toEqual([]);
  });

  it('are on no screen and no clipboard, in no record, and no hook is told them', {
    timeout: PATIENCE_MS,
  }, async ({ expect, onTestFinished }) => {
    const system = await layOutLeaks();
    onTestFinished(system.close);
    const cockpit = startCockpit({
      args: system.args,
      state: system.state,
      env: system.env,
      columns: 160,
      rows: 50,
    });
    onTestFinished(() => cockpit.close());
    await cockpit.waitFor('leaky question', 20_000);
    const screens: string[] = [];
    // What is wrapped over rows is one text all the same.
    const keep = (): void => void screens.push(cockpit.text(), cockpit.text().replace(/[\s|]+/g, ''));

    for (const row of ['leaky job', 'named ***', 'leaky question']) {
      await selectRow(cockpit, row);
      keep();
      for (const letter of ['l', 'i', 'x', 'e']) {
        await cockpit.press('c');
        await cockpit.press(letter);
      }
    }
    await pressFor(cockpit, 'a', /=APPROVE/);
    keep();
    for (let page = 0; page < 4; page += 1) {
      await cockpit.press('pagedown');
      keep();
    }
    await cockpit.press('escape');
    await cockpit.waitGone(/=APPROVE/);
    await cockpit.press('6', 'z', 'L');
    await cockpit.waitFor(/leak-end/);
    keep();
    for (let page = 0; page < 3; page += 1) {
      await cockpit.press('pageup');
      keep();
    }
    system.break();
    await cockpit.waitFor(() => textOf(system.told) !== '' && system.posted.length > 0, 20_000);
    await cockpit.waitFor(/HOOK FAILS/, 20_000);
    keep();
    await cockpit.settled();

    const output = cockpit.output();
    const copies = [...output.toString('latin1').matchAll(/\x1b\]52;[^;]*;([A-Za-z0-9+/=]+)/g)].map(
      ([, text]) => Buffer.from(text ?? '', 'base64').toString('utf8'),
    );
    expect(copies.length).toBeGreaterThanOrEqual(8);
    expect(copies.join('\n')).toContain('***');
    expect(leaksIn(copies.join('\n'))).toEqual([]);
    expect(output.toString('utf8')).toMatch(/\x1b\]9;[^\x07\x1b]*mill stands: \*\*\*/);
    expect(screens.join('\n')).toMatch(/leak-12 .*\*\*\*/);
    expect(leaksIn(output)).toEqual([]);
    expect(leaksIn(screens.join('\n'))).toEqual([]);
    expect(textOf(system.told)).toContain('mill stands: ***');
    expect(leaksIn(textOf(system.told) + system.posted.join('\n'))).toEqual([]);

    await cockpit.press('Q');
    await cockpit.exit;
    expect(readFileSync(`${system.state}/history.db`).includes('leaky')).toBe(true);
    expect(leaksBelow(system.state)).toEqual([]);
  });
});

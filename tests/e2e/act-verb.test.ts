/** `binnacle act` and `binnacle ledger` of the built program, against programs that record how they were started. */
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { act as actSchema } from '../headless/status-schema.ts';
import { layOutCase } from '../systems/fixture-case.ts';
import { jsonLines, type LedgerLine, temporaryDirectory } from './cockpit.ts';
import { layOutQueue, type QueueSystem, type RetryManner } from './queue-system.ts';
import { type EndedVerb, runVerb } from './verb.ts';

const undo: (() => void)[] = [];
afterAll(() => {
  for (const step of undo.splice(0)) step();
});

async function queueOf(
  manner: RetryManner,
  more: Parameters<typeof layOutQueue>[1] = {},
): Promise<{ queue: QueueSystem; state: string; run: (...args: string[]) => Promise<EndedVerb> }> {
  const queue = await layOutQueue(manner, more);
  const state = temporaryDirectory('act-verb');
  undo.push(queue.remove, state.remove);
  return {
    queue,
    state: state.path,
    run: (...args) => runVerb([...args, ...queue.args], { env: { BINNACLE_STATE_DIR: state.path } }),
  };
}

const YES = ['--yes', '--reason', 'asked by phone'];

describe.concurrent('act', () => {
  it('runs, is seen in the state itself, ends with 0 and is recorded', async () => {
    const { queue, run } = await queueOf('honest');
    const { code, stdout, stderr } = await run('act', 'job.retry', 'j-3', ...YES);
    expect(stdout).toMatch(/seen: j-3 becomes queued or running/);
    expect(stdout).toMatch(/job\.retry mail digest: verified, exit 0/);
    expect({ code, stderr, now: queue.stateOf('j-3') }).toEqual({ code: 0, stderr: '', now: 'RUN' });
    expect(queue.runs()).toEqual([{ argv: ['--job', 'j-3', '--name', 'mail digest'], cwd: queue.root }]);
    const rows = jsonLines<LedgerLine>((await run('ledger', '--json')).stdout);
    expect(rows.map(({ record }) => [record.phase, record.act, record.outcome])).toEqual([
      ['started', 'job.retry', undefined],
      ['finished', 'job.retry', 'verified'],
    ]);
    expect(rows[0]?.record.reason).toBe('asked by phone');
    expect((await run('ledger')).stdout).toMatch(
      /^SEQ +WHEN +WHO +WHAT +TARGET +RESULT\n1 .* job\.retry +nightly\/j-3 +started: asked by phone\n2 .*verified/,
    );
    expect((await run('list', 'acts')).stdout).toMatch(/job\.retry +nightly\/j-3 +verified/);
    const { done } = JSON.parse((await run('list', 'acts', '--json')).stdout) as { done: unknown[] };
    expect(actSchema.parse(done[0])).toMatchObject({
      act: 'job.retry',
      target: 'nightly/j-3',
      status: 'verified',
    });
  });

  it('--json prints the end of it as one object', async () => {
    const { run } = await queueOf('slow');
    const { code, stdout } = await run('act', 'job.retry', 'nightly/j-3', ...YES, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      act: 'job.retry',
      status: 'verified',
      exitCode: 0,
      startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(code).toBe(0);
  });

  it('is not believed when the program exits 0 and nothing happened: exit 6', async () => {
    const { queue, run } = await queueOf('idle', { within: '1s' });
    const { code, stdout } = await run('act', 'job.retry', 'j-3', ...YES);
    expect(stdout).toMatch(/job\.retry mail digest: not-seen, exit 0/);
    expect({ code, runs: queue.runs().length, now: queue.stateOf('j-3') }).toEqual({
      code: 6,
      runs: 1,
      now: 'ERR',
    });
    // Tried again, the first result is shown before anything is asked.
    expect((await run('act', 'job.retry', 'j-3', '--dry-run')).stdout).toMatch(/earlier +attempt 1: .*not/);
  });

  it('ends with 5 when the program fails and nothing is seen', async () => {
    const { run } = await queueOf('fails', { within: '1s' });
    expect(await run('act', 'job.retry', 'j-3', ...YES)).toMatchObject({
      code: 5,
      stdout: expect.stringMatching(/failed, exit 3/),
    });
  });

  it.each([
    [[], 'not confirmed: add --yes and --reason TEXT'],
    [['--yes'], 'a reason is needed: --reason TEXT'],
    [['--reason', 'x'], 'not confirmed: add --yes and --reason TEXT'],
  ])('with %j it is refused, shows what it would run, and starts nothing', async (given, what) => {
    const { queue, run } = await queueOf('honest');
    const { code, stdout, stderr } = await run('act', 'job.retry', 'j-3', ...given);
    expect({ code, stderr }).toEqual({ code: 4, stderr: `refused: ${what}\n` });
    expect(stdout).toMatch(/runs +cd .* && .*bin\/retry --job j-3 --name 'mail digest'/);
    expect(queue.runs()).toEqual([]);
    expect((await run('ledger', '--json')).stdout).toBe('');
    const json = await run('act', 'job.retry', 'j-3', ...given, '--json');
    expect(JSON.parse(json.stdout)).toEqual({ refused: what });
  });

  it('in production it wants the code that is shown, and no other', async () => {
    const { queue, run } = await queueOf('honest', { system: ', environment: prod' });
    const shown = await run('act', 'job.retry', 'j-3', ...YES);
    const code = /--confirm ([A-Z]{4})/.exec(shown.stderr)?.[1] ?? '';
    expect({ code: shown.code, isShown: code !== '' }).toEqual({ code: 4, isShown: true });
    const wrong = code === 'AAAA' ? 'BBBB' : 'AAAA';
    expect(await run('act', 'job.retry', 'j-3', '--confirm', wrong)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining(`the code is not ${wrong}`),
    });
    expect(queue.runs()).toEqual([]);
    expect(await run('act', 'job.retry', 'j-3', '--confirm', code, '--reason', 'now')).toMatchObject({
      code: 0,
    });
  });

  it.each([
    ['a job that is running', 'it is running; wanted: failed', 'j-1'],
    ['an id that would be an option', 'its id has characters', '-rf'],
  ])('is refused for %s', async (_what, why, id) => {
    const { queue, state } = await queueOf('honest');
    const env = { BINNACLE_STATE_DIR: state };
    const { code, stderr } = await runVerb(['act', 'job.retry', ...YES, ...queue.args, '--', id], { env });
    expect(stderr).toContain(why);
    expect({ code, runs: queue.runs() }).toEqual({ code: 4, runs: [] });
  });

  it('says what acts there are for a thing it does not apply to, and what is near', async () => {
    const { run } = await queueOf('honest');
    expect(await run('act', 'job.explode', 'j-3', ...YES)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /job\.explode does not apply to job nightly\/j-3\n {2}acts for it: job\.retry/,
      ),
    });
    expect(await run('act', 'job.retry', 'j-33', ...YES)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no "j-33"'),
    });
  });

  it('names the candidates of a target that two systems have', async () => {
    const { queue, run } = await queueOf('honest');
    const other = temporaryDirectory('act-verb-two');
    undo.push(other.remove);
    const text = readFileSync(queue.config, 'utf8');
    const twice = text.replace(/systems: \[(\{.*\})\]/, 'systems: [$1, $1]');
    writeFileSync(queue.config, twice);
    const { code, stderr } = await run('act', 'job.retry', 'j-3', ...YES);
    expect(stderr).toMatch(/"j-3" names 2 things[\s\S]*nightly\/job\/j-3[\s\S]*nightly-2\/job\/j-3/);
    expect({ code, runs: queue.runs() }).toEqual({ code: 2, runs: [] });
  });

  it('is refused where the cockpit or the configuration only reads, or denies it', async () => {
    const { queue, run } = await queueOf('honest');
    expect(await run('act', 'job.retry', 'j-3', ...YES, '--read-only')).toMatchObject({
      code: 4,
      stderr: 'refused: read-only: this cockpit changes nothing in this system\n',
    });
    const denied = await queueOf('honest', { config: 'acts: { deny: [job.*] }' });
    expect(await denied.run('act', 'job.retry', 'j-3', ...YES)).toMatchObject({
      code: 4,
      stderr: `refused: job.retry is denied by "job.*" (${denied.queue.config}:3: acts.deny.0)\n`,
    });
    const allowed = await queueOf('honest', { system: ', acts: { allow: [], at-once: 1 }' });
    expect(await allowed.run('act', 'job.retry', 'j-3', ...YES)).toMatchObject({
      code: 4,
      stderr: `refused: job.retry is not on the list of allowed acts (${allowed.queue.config}:2: systems.0.acts.allow)\n`,
    });
    expect([...queue.runs(), ...denied.queue.runs(), ...allowed.queue.runs()]).toEqual([]);
  });
});

describe.concurrent('act on several targets', () => {
  async function twoFailed(manner: RetryManner, more: Parameters<typeof layOutQueue>[1] = {}) {
    const made = await queueOf(manner, more);
    const path = join(made.queue.root, 'state', 'queue.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('PONDERING', 'ERR'));
    return made;
  }

  it('shows each command, is confirmed once, does them in order and records each', async () => {
    const { queue, run } = await twoFailed('honest', { system: ', acts: { at-once: 1 }' });
    const dry = await run('act', 'job.retry', 'j-5', 'j-3', '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.stdout.match(/^ {2}runs .*$/gm)).toEqual([
      expect.stringContaining('--job j-5 --name'),
      expect.stringContaining('--job j-3 --name'),
    ]);
    expect(dry.stdout).toMatch(/^2 of 2 can be done, one confirmation: yes-and-reason$/m);
    expect(await run('act', 'job.retry', 'j-5', 'j-3', '--yes')).toMatchObject({ code: 4 });
    expect(queue.runs()).toEqual([]);
    const { code, stdout } = await run('act', 'job.retry', 'j-5', 'j-3', ...YES);
    expect(stdout).toMatch(/unheard of: verified, exit 0[\s\S]*mail digest: verified, exit 0/);
    expect({ code, jobs: queue.runs().map(({ argv }) => argv[1]) }).toEqual({
      code: 0,
      jobs: ['j-5', 'j-3'],
    });
    const rows = jsonLines<LedgerLine>((await run('ledger', '--json')).stdout);
    expect(rows.filter(({ record }) => record.phase === 'started')).toHaveLength(2);
    expect(rows.filter(({ record }) => record.outcome === 'verified')).toHaveLength(2);
  });

  it('tells one by one what was not done, and ends with the worst of them', async () => {
    const { queue, run } = await twoFailed('honest');
    const { code, stdout, stderr } = await run('act', 'job.retry', 'j-3', 'j-1', ...YES);
    expect(stdout).toMatch(/mail digest: verified/);
    expect(stderr).toMatch(/^nightly import: refused: /);
    expect({ code, jobs: queue.runs().map(({ argv }) => argv[1]) }).toEqual({ code: 4, jobs: ['j-3'] });
  });

  it('takes in production the letters of the whole list, and those of no part of it', async () => {
    const { queue, run } = await twoFailed('honest', { system: ', environment: prod' });
    const codeIn = (text: string): string => /confirmation: code ([A-Z]{4})$/m.exec(text)?.[1] ?? '';
    const one = codeIn((await run('act', 'job.retry', 'j-3', '--dry-run')).stdout);
    const list = /one confirmation: code ([A-Z]{4})$/m.exec(
      (await run('act', 'job.retry', 'j-3', 'j-5', '--dry-run')).stdout,
    )?.[1];
    expect(await run('act', 'job.retry', 'j-3', 'j-5', '--confirm', one)).toMatchObject({ code: 4 });
    expect(queue.runs()).toEqual([]);
    expect(await run('act', 'job.retry', 'j-3', 'j-5', '--confirm', list ?? '')).toMatchObject({ code: 0 });
    expect(queue.runs()).toHaveLength(2);
  });
});

describe.concurrent('act --dry-run', () => {
  it('prints exactly what the real run starts: a shell given that line starts the same', async () => {
    const orket = await layOutCase('orket', 'stalled-turn');
    const state = temporaryDirectory('act-dry');
    undo.push(orket.remove, state.remove);
    const record = join(state.path, 'record.jsonl');
    const python = join(state.path, 'python3 of ours');
    writeFileSync(
      python,
      `#!${process.execPath}\nrequire('node:fs').appendFileSync(${JSON.stringify(record)}, JSON.stringify({` +
        'argv: process.argv.slice(1), cwd: process.cwd(), env: {' +
        'PYTHONDONTWRITEBYTECODE: process.env.PYTHONDONTWRITEBYTECODE,' +
        'PYTHONIOENCODING: process.env.PYTHONIOENCODING } }) + "\\n");\n',
    );
    chmodSync(python, 0o755);
    const options = { env: { BINNACLE_STATE_DIR: join(state.path, 'state') } };
    const args = [
      ...['act', 'turn.replay', '9c41e7b0:tide-2:2:coder'],
      ...['-s', `orket=${orket.dir},timezone=UTC,python=${python}`],
    ];
    const dry = await runVerb([...args, '--dry-run'], options);
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    const line = /^ {2}runs {6}(.*)$/m.exec(dry.stdout)?.[1] ?? '';
    spawnSync('/bin/sh', ['-c', line], { cwd: '/', env: { PATH: '/nowhere' } });
    await runVerb([...args, '--yes'], options);
    const [byShell, byAct, more] = jsonLines<object>(readFileSync(record, 'utf8'));
    expect(byShell).toEqual({
      argv: [python, 'main.py', '--replay-turn', '9c41e7b0:tide-2:2:coder'],
      cwd: orket.dir,
      env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' },
    });
    expect(byAct).toEqual(byShell);
    expect(more).toBeUndefined();
  });

  it('leaves nothing behind, and tells what would refuse it with exit 4', async () => {
    const { state, run, queue } = await queueOf('honest');
    const plain = await run('act', 'job.retry', 'j-3', '--dry-run');
    expect(plain.code).toBe(0);
    expect(plain.stdout).toMatch(/risk +costly, confirmation: yes-and-reason\n/);
    const refused = await run('act', 'job.retry', 'j-1', '--dry-run', '--json');
    expect(refused.code).toBe(4);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      act: 'job.retry',
      refused: 'it is running; wanted: failed',
    });
    expect(spawnSync('ls', ['-A', state], { encoding: 'utf8' }).stdout).toBe('');
    expect(queue.runs()).toEqual([]);
  });
});

describe.concurrent('ledger verify', () => {
  it('says that the record is whole, and names the first row that was edited with exit 3', async () => {
    const { state, run } = await queueOf('honest');
    await run('act', 'job.retry', 'j-3', ...YES);
    expect(await run('ledger', 'verify')).toMatchObject({ code: 0, stdout: 'the record is whole: 2 rows\n' });
    const database = new Database(join(state, 'ledger.db'));
    database.exec('DROP TRIGGER ledger_no_update');
    database.exec("UPDATE ledger SET body = replace(body, 'asked by phone', 'nobody asked') WHERE seq = 1");
    database.close();
    const told = await run('ledger', 'verify');
    expect(told.stdout).toMatch(/^row 1 is not what was written: /);
    expect(told.code).toBe(3);
    expect(JSON.parse((await run('ledger', 'verify', '--json')).stdout)).toMatchObject({
      ok: false,
      firstBad: { seq: 1 },
    });
  });

  it('names rows that were cut off at the end', async () => {
    const { state, run } = await queueOf('honest');
    await run('act', 'job.retry', 'j-3', ...YES);
    const database = new Database(join(state, 'ledger.db'));
    database.exec('DROP TRIGGER ledger_no_delete');
    database.exec('DELETE FROM ledger WHERE seq = 2');
    database.close();
    expect(await run('ledger', 'verify')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/rows 2 to 2 were recorded and are gone/),
    });
  });

  it('has nothing to say where nothing was ever done', async () => {
    const { run } = await queueOf('honest');
    expect(await run('ledger', 'verify')).toMatchObject({
      code: 0,
      stderr: 'binnacle: there is no ledger yet: nothing was ever done from here\n',
    });
  });
});

/** The verbs of the built program on trees of watched systems: what they print, and the code they end with. */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { helpOf, OPTIONS, VERBS } from '../../src/config/verbs.ts';
import { builtInKinds } from '../../src/systems/registry.ts';
import { listedSource } from '../headless/status-schema.ts';
import { layOutCase } from '../systems/fixture-case.ts';
import { jsonLines, mainPath, temporaryDirectory } from './cockpit.ts';
import { findOldNode } from './launched.ts';
import { endOf, runVerb, startVerb } from './verb.ts';

const allKinds = await builtInKinds();

const AT = ['--at', '2026-02-20T04:30:00Z'];
const STALLED = '9c41e7b0:tide-3:3:coder';

let orket: Awaited<ReturnType<typeof layOutCase>>;
let openclaw: Awaited<ReturnType<typeof layOutCase>>;
let here: string[];
let both: string[];
const home = temporaryDirectory('verbs');

beforeAll(async () => {
  orket = await layOutCase('orket', 'stalled-turn');
  openclaw = await layOutCase('openclaw', 'states-side-by-side');
  here = ['-s', `orket=${orket.dir},timezone=UTC`, ...AT];
  const project = openclaw.case.settings.project;
  const claw = `openclaw=${openclaw.dir},timezone=UTC${project === undefined ? '' : `,project=${project}`}`;
  both = [...here, '-s', claw];
});
afterAll(() => {
  orket.remove();
  openclaw.remove();
  home.remove();
});

describe.concurrent('status', () => {
  it('tells what needs a human, the systems and their layers, and ends with 1', async ({ expect }) => {
    const { code, stdout, stderr } = await runVerb(['status', ...here]);
    expect(stdout).toMatchInlineSnapshot(`
      "04:30:00Z  1 needs a human  (x0 !0 ~1 >4)

      WHAT     SYSTEM  SINCE  UNTIL  REF                      WHY
      STALLED  orket   10m    -      9c41e7b0:tide-3:3:coder  9c41:TIDE-3/3 coder: no answer from the model; its run may live

      SYSTEM  KIND   STATE  SOURCES  LAYERS
      orket   orket  ok     6/6      ?api +runs !turns +cards +gates
      "
    `);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  });

  it('is one short line for a tmux status bar', async () => {
    expect(await runVerb(['status', '--tmux', ...here])).toMatchObject({ code: 1, stdout: 'x0 !0 ~1 >4\n' });
  });

  it('ends with 0 where nothing needs a human, and leaves nothing behind', async () => {
    const quiet = await layOutCase('orket', 'stalled-turn');
    const state = join(quiet.dir, 'state');
    try {
      const at = ['--at', '2026-02-20T04:16:30Z'];
      const { code, stdout } = await runVerb(['status', '-s', `orket=${quiet.dir},timezone=UTC`, ...at], {
        env: { BINNACLE_STATE_DIR: state },
      });
      expect({ code, first: stdout.split('\n')[0] }).toEqual({
        code: 0,
        first: '04:16:30Z  nothing needs a human  (x0 !0 ~0 >4)',
      });
      expect(existsSync(state)).toBe(false);
    } finally {
      quiet.remove();
    }
  });

  it('--json is one object with every time in ISO 8601 and evidence for every entity', async () => {
    const { stdout, code } = await runVerb(['status', '--json', ...both]);
    expect(code).toBe(1);
    const told = JSON.parse(stdout) as Record<string, unknown>;
    expect(Object.keys(told)).toEqual([
      'schema',
      'generatedAt',
      'factsSince',
      'systems',
      'attention',
      'approvals',
      'issues',
      'layers',
      'runs',
      'turns',
      'jobs',
      'services',
      'meters',
      'restorePoints',
      'acts',
    ]);
    expect(told).toMatchObject({ schema: 'binnacle/1', generatedAt: '2026-02-20T04:30:00.000Z', acts: [] });
    let count = 0;
    for (const list of ['approvals', 'issues', 'layers', 'runs', 'turns', 'jobs', 'services', 'meters']) {
      for (const entity of told[list] as Record<string, unknown>[]) {
        count += 1;
        expect(entity).toMatchObject({
          system: expect.stringMatching(/^(orket|openclaw)$/),
          id: expect.any(String),
          title: expect.any(String),
          observedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
          evidence: { source: expect.any(String) },
        });
      }
    }
    expect(count).toBeGreaterThan(20);
    expect(instantNumbers(told, '')).toEqual([]);
  });

  it('finds the system of the working directory, and reads binnacle.yaml there first', async () => {
    expect((await runVerb(['list', 'systems', ...AT], { cwd: orket.dir })).stdout).toMatch(
      /^orket +orket +ok/m,
    );
    const cwd = temporaryDirectory('verbs-cwd');
    writeFileSync(
      join(cwd.path, 'binnacle.yaml'),
      `systems:\n  - { kind: orket, root: ${orket.dir}, name: tide }\n`,
    );
    try {
      expect((await runVerb(['list', 'systems', ...AT], { cwd: cwd.path })).stdout).toMatch(
        /^tide +orket +ok/m,
      );
    } finally {
      cwd.remove();
    }
  });
});

/** Fields that hold a number that can only be an instant. */
function instantNumbers(value: unknown, path: string): string[] {
  if (typeof value === 'number') return value > 1_500_000_000_000 && value < 2_000_000_000_000 ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => instantNumbers(inner, `${path}.${key}`));
}

describe.concurrent('list and show', () => {
  it.each([
    ['attention', 'RANK  WHAT', 1],
    ['approvals', 'ID  SYSTEM', 0],
    ['issues', 'ID  SYSTEM', 0],
    ['layers', 'ID     SYSTEM', 5],
    ['runs', 'ID        SYSTEM', 1],
    ['turns', 'ID  ', 4],
    ['jobs', 'ID      SYSTEM', 5],
    ['services', 'ID ', 2],
    ['meters', 'ID  SYSTEM', 0],
    ['restore-points', 'ID  SYSTEM', 0],
    ['sources', 'SOURCE ', 13],
    ['verbs', 'ACT ', 25],
    ['systems', 'SYSTEM  KIND', 1],
  ])('list %s has a header and a row for each, and as many in --json', async (what, header, rows) => {
    const [text, json] = await Promise.all([
      runVerb(['list', what, ...here]),
      runVerb(['list', what, '--json', ...here]),
    ]);
    const lines = text.stdout.trimEnd().split('\n');
    expect(lines[0]?.startsWith(header), text.stdout).toBe(true);
    expect(lines).toHaveLength(rows + 1);
    expect(text.code).toBe(0);
    expect(JSON.parse(json.stdout)).toHaveLength(rows);
    expect(json.code).toBe(0);
  });

  it('list acts has every act of every kind, how it runs, what is watched for and what undoes it', async () => {
    // Nothing to watch is no reason not to tell what can be done.
    const { code, stdout } = await runVerb(['list', 'acts', '--json'], { cwd: home.path });
    const { declared, done } = JSON.parse(stdout) as Record<'declared' | 'done', Record<string, unknown>[]>;
    expect({ code, done }).toEqual({ code: 0, done: [] });
    expect(declared.map(({ kind, act }) => `${kind} ${act}`)).toEqual(
      allKinds.flatMap(({ kind, acts }) => acts.map(({ id }) => `${kind} ${id}`)),
    );
    for (const act of declared) {
      expect(act).toEqual({
        kind: expect.any(String),
        act: expect.stringMatching(/^[a-z]+\.[a-z-]+$/),
        title: expect.stringMatching(/./),
        does: expect.stringMatching(/./),
        risk: expect.stringMatching(/^(read|reversible|costly|destructive)$/),
        menu: expect.any(String),
        params: expect.any(String),
        runs: expect.stringMatching(/./),
        outcome: expect.stringMatching(/./),
        undo: expect.stringMatching(/./),
        undoAct: act['undoAct'] === null ? null : expect.stringMatching(/^[a-z]+\.[a-z-]+$/),
        systems: [],
      });
    }
    const text = await runVerb(['list', 'acts', ...here]);
    expect(text.stdout).toMatch(/^KIND +ACT +RISK +RUNS +OUTCOME +UNDO\norket +turn\.inspect +read +/);
    expect(text.stdout).toMatch(/\n\nSTARTED +ORDER +ACT +TARGET +STATUS +BY +SUMMARY\n$/);
  });

  it.each([
    [
      ['turn', STALLED],
      /^turn orket\/9c41e7b0:tide-3:3:coder\n[\s\S]*state +stalled[\s\S]*evidence\n +turns /,
    ],
    [['job', 'TIDE-3'], /^job orket\/TIDE-3\n[\s\S]*state +running/],
    [['run', '9c41e7b0'], /^run orket\/9c41e7b0\n/],
    [['layer', 'turns'], /^layer orket\/turns\n[\s\S]*state +attention/],
    [['service', 'orket/api'], /^service orket\/api\n/],
    [['turns', `orket/turn/${STALLED}`], /^turn orket\//],
  ])('show %j prints it with its evidence', async (words, expected) => {
    const { code, stdout, stderr } = await runVerb(['show', ...words, ...here]);
    expect(stdout).toMatch(expected);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('list sources --json has the fields status --json has', async () => {
    const rows = JSON.parse((await runVerb(['list', 'sources', '--json', ...here])).stdout) as unknown[];
    expect(rows.map((row) => listedSource.parse(row))).toHaveLength(13);
  });

  it('show --json is the entity of status --json, with the steps of its playbook', async () => {
    const [one, all] = await Promise.all([
      runVerb(['show', 'turn', STALLED, '--json', ...here]),
      runVerb(['status', '--json', ...here]),
    ]);
    const { turns } = JSON.parse(all.stdout) as { turns: { id: string }[] };
    const { steps, ...entity } = JSON.parse(one.stdout) as Record<string, unknown>;
    expect(entity).toEqual(turns.find(({ id }) => id === STALLED));
    expect(steps).toMatchObject({ playbook: 'stalled-role-pipeline', run: null });
  });

  it('an approval is shown with its payload and digest', async () => {
    const listed = await runVerb(['list', 'approvals', '--json', ...both]);
    const approvals = JSON.parse(listed.stdout) as {
      id: string;
      payload?: { text: string };
      payloadDigest?: string;
    }[];
    const planned = approvals.find(({ payload }) => payload !== undefined);
    if (!planned) throw new Error('no approval with a payload in this fixture');
    const { stdout } = await runVerb(['show', 'approval', planned.id, ...both]);
    expect(stdout).toContain(`sha256 ${planned.payloadDigest}`);
    expect(stdout).toContain(planned.payload?.text.split('\n')[0]);
  });

  it('names what is near an id there is not, and the candidates of an ambiguous one', async () => {
    expect(await runVerb(['show', 'turn', 'tide-3', ...here])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /there is no "tide-3"\n {2}near it:\n {4}orket\/9c41e7b0:tide-3:3:coder /,
      ),
    });
    const twice = [...here, '-s', `orket=${orket.dir},name=other`];
    const { code, stderr } = await runVerb(['show', 'turn', STALLED, ...twice]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: [
        `binnacle: "${STALLED}" names 2 things`,
        '  say which one:',
        `    orket/turn/${STALLED}  9c41:TIDE-3/3 coder`,
        `    other/turn/${STALLED}  9c41:TIDE-3/3 coder`,
        '',
      ].join('\n'),
    });
    expect(await runVerb(['show', 'turn', `other/${STALLED}`, ...twice])).toMatchObject({ code: 0 });
  });

  it('says that a thing is of another type', async () => {
    expect(await runVerb(['show', 'run', STALLED, ...here])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`binnacle show turn ${STALLED}`),
    });
  });
});

describe.concurrent('logs', () => {
  const texts = async (...args: string[]): Promise<string[]> => {
    const { stdout, stderr, code } = await runVerb(['logs', '--json', ...here, ...args]);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    return jsonLines<{ text: string }>(stdout).map(({ text }) => text);
  };

  it('prints a line a row: time, system, origin, level, text', async ({ expect }) => {
    const { stdout } = await runVerb(['logs', '-n', '2', ...here]);
    expect(stdout).toMatchInlineSnapshot(`
      " 2026-02-20 04:20:47 orket orket.log WARNING model_timeout_retry model=qwen2.5-coder:14b attempt=1 retry_delay_sec=2 (x2)
       2026-02-20 04:29:30 orket reviewer INFO turn_start TIDE-4 #4 reviewer selected_model=qwen2.5-coder:14b run=9c41e7b0 (x2)
      "
    `);
  });

  it.each<[string[], RegExp[]]>([
    [['--level', 'warning'], [/^model_timeout_retry/]],
    [['--level', 'warn'], [/^model_timeout_retry/]],
    [
      ['--grep', 'TIDE-4|TIDE-3 #'],
      [/^turn_start TIDE-3/, /^turn_start TIDE-4/],
    ],
    [['--since', '2026-02-20T04:16:00Z', '--until', '2026-02-20T04:21:00Z'], [/^model_timeout_retry/]],
    [
      ['--since', '10m'],
      [/^model_timeout_retry/, /^turn_start TIDE-4/],
    ],
    [['--run', '9c41e7b0', '-n', '1'], [/^turn_start TIDE-4/]],
    [['--system', 'orket', '-n', '1'], [/^turn_start TIDE-4/]],
    [['--grep', 'TIDE-4|TIDE-3 #', '--not', 'TIDE-3'], [/^turn_start TIDE-4/]],
    [['--grep', 'TIDE', '--grep', 'reviewer', '--source', 'orket.log', '-n', '1'], [/^turn_start TIDE-4/]],
    [['--source', 'crash'], []],
    [
      ['--field', 'run=9c41e7b0', '--field', 'selected_model=qwen2.5-coder:14b', '-n', '1'],
      [/^turn_start TIDE-4/],
    ],
    [
      ['--grep', '^model_timeout', '-n', '1', '--context', '1'],
      [/^\w/, /^model_timeout_retry/, /^turn_start TIDE-4/],
    ],
    [['-n', '0'], []],
  ])('%j leaves these rows', async (args, expected) => {
    const found = await texts(...args);
    expect(found).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern);
  });

  it('counts rows, in all and by time and level', async () => {
    const rows = await texts('--since', '2026-01-01T00:00:00Z');
    const told = async (...args: string[]) => (await runVerb(['logs', ...here, ...args])).stdout;
    expect(await told('--count')).toBe(`${rows.length}\n`);
    expect(JSON.parse(await told('--count', '--json', '--grep', '^model_timeout'))).toEqual({ count: 1 });
    const spans = jsonLines<{ warning: number; error: number }>(await told('--histogram', '--json'));
    // A row that was written twice counts as often.
    expect(spans.reduce((sum, { warning }) => sum + warning, 0)).toBe(2);
    expect(await told('--histogram')).toMatch(/^ 2026-02-20 \d\d:\d\d:00 +\d+ {2}#+.* 2 warning$/m);
  });

  it('has place, level and both times of a row in --json', async () => {
    const { stdout } = await runVerb(['logs', '--json', '-n', '1', ...here]);
    expect(JSON.parse(stdout)).toMatchObject({
      time: '2026-02-20T04:29:30.000Z',
      sortTime: '2026-02-20T04:29:30.000Z',
      system: 'orket',
      path: 'workspace/default/orket.log',
      offset: expect.any(Number),
      level: 'info',
      count: 2,
      wiped: false,
    });
  });

  it('refuses a system that is not watched, with those that are', async () => {
    expect(await runVerb(['logs', '--system', 'aragora', ...here])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'binnacle: --system aragora: no system of that name is watched\n  systems: orket\n',
    });
  });
});

describe.concurrent('logs --follow', () => {
  interface Followed {
    readonly root: string;
    readonly log: string;
    readonly args: string[];
    remove(): void;
  }
  function plainSystem(): Followed {
    const dir = temporaryDirectory('verbs-follow');
    const log = join(dir.path, 'app.log');
    writeFileSync(log, `${line(0)}\n`);
    writeFileSync(
      join(dir.path, 'binnacle.yaml'),
      [
        'kinds:',
        '  plain:',
        '    title: Plain',
        '    sources: { app: { type: log, glob: app.log, format: json, time: ts, message: msg } }',
        '    entities: []',
        `systems: [{ kind: plain, root: ${dir.path} }]`,
      ].join('\n'),
    );
    return { root: dir.path, log, args: ['-C', join(dir.path, 'binnacle.yaml')], remove: dir.remove };
  }
  const line = (number: number): string =>
    JSON.stringify({ ts: new Date(Date.UTC(2026, 0, 1) + number).toISOString(), msg: `line ${number}` });

  it('prints each of 4,000 lines written in 2 s exactly once and in order, and ends with 0 on SIGINT', async () => {
    const system = plainSystem();
    try {
      const child = startVerb(['logs', '--follow', '--json', ...system.args]);
      const end = endOf(child);
      let seen = '';
      await new Promise<void>((resolve) => {
        child.stdout?.on('data', (part: string) => {
          seen += part;
          if (seen.includes('line 0"')) resolve();
        });
      });
      for (let batch = 0; batch < 100; batch += 1) {
        let text = '';
        for (let index = 1; index <= 40; index += 1) text += `${line(batch * 40 + index)}\n`;
        appendFileSync(system.log, text);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await until(() => seen.includes('line 4000"'));
      child.kill('SIGINT');
      const { code, signal, stdout, stderr } = await end;
      expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
      const texts = jsonLines<{ text: string }>(stdout).map(({ text }) => text);
      expect(texts).toEqual(Array.from({ length: 4_001 }, (_, number) => `line ${number}`));
    } finally {
      system.remove();
    }
  });

  it('-n 0 prints what comes, and nothing of what was there', async () => {
    const system = plainSystem();
    try {
      const child = startVerb(['logs', '--follow', '-n', '0', '--json', ...system.args]);
      const end = endOf(child);
      let seen = '';
      child.stdout?.on('data', (part: string) => {
        seen += part;
      });
      let number = 0;
      await until(() => {
        number += 1;
        appendFileSync(system.log, `${line(number)}\n`);
        return seen.includes('"text":');
      });
      child.kill('SIGTERM');
      const { code, stdout } = await end;
      expect(code).toBe(0);
      expect(stdout).not.toContain('"line 0"');
    } finally {
      system.remove();
    }
  });

  it.each([
    ['a pipe whose reader took what it wanted', 'head -n 1'],
    ['a pipe handed on to a second reader', "sh -c 'read -r _; exec head -c 0; true'"],
  ])('row 47: ends with its reader while the log is silent: %s', async (_what, reader) => {
    const system = plainSystem();
    try {
      const words = [process.execPath, mainPath, 'logs', '--follow', ...system.args];
      const follower = words.map((word) => `'${word}'`).join(' ');
      const shell = spawn('/bin/sh', ['-c', `{ ${follower}; echo "code $?" >&2; } | ${reader}`], {
        env: { PATH: process.env['PATH'], HOME: '/dev/null' },
      });
      expect(await endOf(shell)).toMatchObject({ code: 0, stderr: 'code 0\n' });
    } finally {
      system.remove();
    }
  });

  it('ends with the other end of a socket while the log is silent', async () => {
    const system = plainSystem();
    try {
      const child = startVerb(['logs', '--follow', ...system.args]);
      const end = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
      await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
      child.stdout?.destroy();
      expect(await end).toBe(0);
    } finally {
      system.remove();
    }
  });

  it('row 47: ends quietly when its reader has gone', async () => {
    const system = plainSystem();
    try {
      const child = startVerb(['logs', '--follow', ...system.args]);
      const end = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
      let stderr = '';
      child.stderr?.setEncoding('utf8').on('data', (part: string) => {
        stderr += part;
      });
      await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
      child.stdout?.destroy();
      let number = 0;
      const writing = setInterval(() => {
        number += 1;
        appendFileSync(system.log, `${line(number)}\n`);
      }, 20);
      const code = await end;
      clearInterval(writing);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    } finally {
      system.remove();
    }
  });
});

describe.concurrent('what was typed wrong', () => {
  it.each<[string[], string]>([
    [['stauts'], 'there is no verb "stauts"'],
    [['status', '--jsn'], 'there is no option --jsn'],
    [['status', '--yes'], '--yes is no option of `binnacle status`'],
    [['status', 'now'], '`binnacle status` takes no word after it'],
    [['status', '--json', '--tmux'], '--json and --tmux are not given together'],
    [['act', 'turn.replay', 'x', '--yes', '--dry-run'], '--yes and --dry-run are not given together'],
    [['status', '--since', '3h'], '--since is no option of `binnacle status`'],
    [['demo', '-s', 'orket=/srv/orket'], '--system is no option of `binnacle demo`'],
    [['status', '--or-demo'], '--or-demo is no option of `binnacle status`'],
    [['help', 'stauts'], 'there is no verb "stauts"'],
    [['stauts', '--help'], 'there is no verb "stauts"'],
    [['status', '--json=yes'], '--json takes no value'],
    [['status', '-s'], '--system needs a value'],
    [['status', '--toString'], 'there is no option --toString'],
    [['list'], 'list what?'],
    [['list', 'bananas'], 'there is no list "bananas"'],
    [['show'], 'show what?'],
    [['show', 'banana', 'x'], 'nothing is called "banana"'],
    [['show', 'job'], 'which job?'],
    [['act', 'turn.replay'], '`binnacle act ACT TARGET...`'],
    [['act', 'turn.replay', 'x', '--param', 'y'], '--param y: name=value is wanted'],
    [['ledger', 'verfiy'], '`ledger verfiy` is not known'],
    [['ledger', '-n', 'all'], '-n all: a number of lines is wanted'],
    [['config'], 'config what?'],
    [['config', 'chekc'], '`config chekc` is not known'],
    [['pane'], 'which pane?'],
    [['pane', 'logz'], 'there is no pane "logz"'],
    [['logs', '--level', 'loud'], '--level loud: there is no such level'],
    [['logs', '--grep', '('], '--grep (: Invalid regular expression'],
    [['logs', '--not', '['], '--not [: Invalid regular expression'],
    [['logs', '--field', 'status'], '--field status: NAME=VALUE is wanted'],
    [['logs', '--context', '0'], '--context 0: a number of lines, 100 at most, is wanted'],
    [['logs', '--count', '--follow'], '--count and --follow are not given together'],
    [['logs', '--since', 'noon'], '--since noon: not a time'],
    [['logs', '-n', '-1'], '-n -1: a number of lines is wanted'],
    [['status', '--at', '2026-02-30'], '--at 2026-02-30: not a time'],
  ])('%j ends with 2, says what and what to do, and prints nothing else', async (args, message) => {
    const { code, stdout, stderr } = await runVerb(args);
    const [first = '', ...rest] = stderr.trimEnd().split('\n');
    expect(first).toContain(`binnacle: ${message}`);
    expect(rest.length, stderr).toBeGreaterThan(0);
    for (const next of rest) expect(next).toMatch(/^ {2}\S/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('says the ways to name a system where there is none', async () => {
    const { code, stderr } = await runVerb(['status'], { cwd: home.path });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /there is nothing to watch[\s\S]*-s orket=[\s\S]*binnacle\.yaml[\s\S]*binnacle demo/,
    );
  });
});

describe.concurrent('help and version', () => {
  it('of a verb is the same with --help and -h after it and with help before it', async () => {
    for (const args of [
      ['status', '--help'],
      ['status', '-h'],
      ['help', 'status'],
      ['help', 'status', '--help'],
    ]) {
      expect(await runVerb(args), args.join(' ')).toMatchObject({ code: 0, stdout: `${helpOf('status')}\n` });
    }
  });

  it.each(VERBS.map(({ name }) => name).filter((name) => name !== ''))(
    'of %s has its options and no other',
    (verb) => {
      const help = helpOf(verb) ?? '';
      const everywhere = ['--read-only', '--no-color', '--ascii', '--at'];
      for (const [option, { verbs }] of Object.entries(OPTIONS)) {
        const isTold = new RegExp(`^ {2}(-\\w, )?${option}( |$)`, 'm').test(help);
        expect(isTold, option).toBe(verbs.includes(verb) && !everywhere.includes(option));
      }
    },
  );

  it('are told alike by both Nodes of the host', async () => {
    const old = findOldNode();
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    const nodes = [process.execPath, ...(old === undefined ? [] : [old])];
    for (const node of nodes) {
      const [help, told, word] = await Promise.all([
        runVerb(['--help'], { node }),
        runVerb(['--version'], { node }),
        runVerb(['help'], { node }),
      ]);
      expect(told).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
      expect(help.code).toBe(0);
      expect(help.stdout).toMatch(/^binnacle +the cockpit[\s\S]*exit codes: 0 done/);
      expect(word.stdout).toBe(help.stdout);
    }
  });

  it('a verb ends with its own code under the old Node too', async ({ skip }) => {
    const node = findOldNode();
    if (node === undefined) return skip('no Node older than 22.22 on this host');
    expect(await runVerb(['status', '--tmux', ...here], { node })).toMatchObject({
      code: 1,
      stdout: 'x0 !0 ~1 >4\n',
    });
    expect(await runVerb(['list', 'bananas'], { node })).toMatchObject({ code: 2 });
  });
});

describe.concurrent('config', () => {
  it('schema prints a JSON Schema with every kind and its settings', async () => {
    const { stdout, code, stderr } = await runVerb(['config', 'schema']);
    expect([code, stderr]).toEqual([0, '']);
    const schema = JSON.parse(stdout) as {
      $schema: string;
      properties: { systems: { items: { allOf: unknown[] } } };
    };
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.properties.systems.items.allOf).toHaveLength(5);
  });

  it('check tells what is watched, and a mistake in a described kind by its line', async () => {
    const path = join(home.path, 'described.yaml');
    const kind = readFileSync(new URL('../../fixtures/custom/queue/kind.yaml', import.meta.url), 'utf8');
    const write = (text: string): void =>
      writeFileSync(
        path,
        `systems: [{ kind: nightly, root: ${orket.dir} }]\nkinds:\n  nightly:\n${text.replace(/^/gm, '    ')}\n`,
      );
    write(kind);
    expect(await runVerb(['config', 'check', '-C', path])).toEqual({
      code: 0,
      signal: null,
      stdout: `${path} is right; 1 systems\n  nightly  nightly  ${orket.dir}\n`,
      stderr: '',
    });
    write(kind.replace('risk: costly', 'risk: cheap'));
    const line = kind.slice(0, kind.indexOf('risk: costly')).split('\n').length + 3;
    const wrong = await runVerb(['config', 'check', '-C', path]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain(
      `${path}:${line}: kinds.nightly.acts.0.risk: one of these is wanted: read, reversible`,
    );
  });
});

async function until(isSo: () => boolean, withinMs = 30_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`not so within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

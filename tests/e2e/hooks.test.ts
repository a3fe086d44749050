/** Hooks and watches of the built cockpit: what reaches terminals, programs and servers when something happens. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import xterm from '@xterm/headless';
import { describe, it } from 'vitest';
import { jsonLines, mainPath, startCockpit, temporaryDirectory, textOf } from './cockpit.ts';
import { type DrivenTerminal, startTerminal } from './terminal.ts';
import { runVerb } from './verb.ts';

interface Told {
  readonly on: string;
  readonly severity: string;
  readonly title: string;
  readonly text: string;
  readonly item: string;
  readonly count: number;
  readonly others: readonly { readonly item: string }[];
}

/** A board described in `binnacle.yaml`: jobs and issues in one file, rewritten whole. */
function layOutBoard(hooks: readonly object[] | undefined): {
  readonly dir: string;
  readonly args: readonly string[];
  readonly told: string;
  write(jobs: Record<string, string>, issues: Record<string, string>): void;
  remove(): void;
} {
  const home = temporaryDirectory('e2e-hooks');
  const root = join(home.path, 'root');
  mkdirSync(root);
  const board = join(root, 'board.json');
  const told = join(home.path, 'told.jsonl');
  const program = join(home.path, 'page');
  writeFileSync(program, `#!/bin/sh\ncat >> '${told}'\n`);
  chmodSync(program, 0o755);
  const kind = {
    title: 'Board',
    recognise: ['board.json'],
    sources: { board: { type: 'document', glob: 'board.json' } },
    entities: [
      {
        type: 'job',
        from: 'board',
        each: 'jobs',
        id: 'id',
        title: '{name}',
        status: { field: 'state', map: { RUN: 'running', ERR: 'failed', OK: 'done' } },
      },
      {
        type: 'issue',
        from: 'board',
        each: 'issues',
        id: 'id',
        title: '{name}',
        severity: { field: 'bad', map: { yes: 'fatal' } },
        attention: [{ when: {}, rank: 2, label: 'FATAL', why: '{name}' }],
      },
    ],
  };
  const withProgram = JSON.stringify(hooks)?.replaceAll('"PROGRAM"', JSON.stringify(program));
  const config = join(home.path, 'binnacle.yaml');
  writeFileSync(
    config,
    [
      `kinds: { board: ${JSON.stringify(kind)} }`,
      `systems: [{ kind: board, root: ${JSON.stringify(root)} }]`,
      withProgram === undefined ? '' : `hooks: ${withProgram}`,
    ].join('\n'),
  );
  const write = (jobs: Record<string, string>, issues: Record<string, string>): void => {
    const rows = {
      jobs: Object.entries(jobs).map(([id, state]) => ({ id, name: `job ${id}`, state })),
      issues: Object.entries(issues).map(([id, name]) => ({ id, name, bad: 'yes' })),
    };
    writeFileSync(`${board}.new`, JSON.stringify(rows));
    renameSync(`${board}.new`, board);
  };
  return { dir: home.path, args: ['-C', config], told, write, remove: home.remove };
}

/** How often a terminal was rung, and the notifications it was shown, as a terminal takes the bytes. */
async function heard(
  terminal: DrivenTerminal,
): Promise<{ bells: number; notifications: string[]; titles: string[] }> {
  await terminal.settled();
  const emulator = new xterm.Terminal({ cols: 120, rows: 40, allowProposedApi: true });
  const told = { bells: 0, notifications: [] as string[], titles: [] as string[] };
  emulator.onBell(() => {
    told.bells += 1;
  });
  emulator.onTitleChange((title) => told.titles.push(title));
  emulator.parser.registerOscHandler(9, (text) => {
    told.notifications.push(text);
    return true;
  });
  await new Promise<void>((resolve) => emulator.write(terminal.output(), resolve));
  emulator.dispose();
  return told;
}

async function until<T>(look: () => T | undefined | false): Promise<T> {
  const end = performance.now() + 20_000;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error('it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The same, once it is what is waited for; what was heard at the end, if it never is. */
async function heardWhen(
  terminal: DrivenTerminal,
  holds: (told: Awaited<ReturnType<typeof heard>>) => boolean,
): ReturnType<typeof heard> {
  const end = performance.now() + 20_000;
  for (;;) {
    const told = await heard(terminal);
    if (holds(told) || performance.now() > end) return told;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const HOSTILE = '4;1;50 \x1b]0;owned\x07\x1b[2J\u009d9;x\x07 the mill\nstands; $(reboot)';

function cockpit(
  atEnd: (step: () => Promise<void>) => void,
  args: readonly string[],
  state: string,
): DrivenTerminal {
  const terminal = startCockpit({ args, state, env: { TMUX: undefined } });
  atEnd(() => terminal.close());
  return terminal;
}

/** Watches the only job there is. On a loaded host two keys may come in one read, and such a key is refused. */
async function watchWork(terminal: DrivenTerminal): Promise<void> {
  await terminal.press('5');
  await terminal.waitFor(/=5 Work/);
  for (let tries = 0; tries < 5; tries += 1) {
    await terminal.press('M');
    await terminal.waitFor(/@job j1|typed too fast/);
    if (terminal.text().includes('@job j1')) return;
  }
}

describe.concurrent('hooks of the built cockpit', () => {
  it('ring each screen once and start a program once for two cockpits, with hostile text as plain data', async ({
    expect,
    onTestFinished,
  }) => {
    const board = layOutBoard([
      { on: ['fatal'], do: 'bell' },
      { on: ['fatal'], do: 'osc9' },
      { on: ['fatal', 'watch'], do: { program: ['PROGRAM'] } },
    ]);
    onTestFinished(board.remove);
    board.write({ j1: 'RUN' }, { old: 'it stood before' });
    const state = join(board.dir, 'state');
    const first = cockpit(onTestFinished, board.args, state);
    const second = cockpit(onTestFinished, board.args, state);
    for (const terminal of [first, second]) await terminal.waitFor('it stood before');
    // The job is watched from one cockpit, and marked in both.
    await watchWork(first);
    for (const terminal of [first, second]) await terminal.waitFor('@job j1');
    expect(textOf(board.told)).toBe('');

    board.write({ j1: 'RUN' }, { old: 'it stood before', mill: HOSTILE });
    for (const terminal of [first, second]) await terminal.waitFor('the mill');
    await until(() => jsonLines(textOf(board.told)).length === 1);
    const [fatal] = jsonLines<Told>(textOf(board.told));
    expect(fatal).toMatchObject({ on: 'fatal', severity: 'fatal', item: 'mill', title: HOSTILE, count: 1 });
    for (const terminal of [first, second]) {
      const { bells, notifications, titles } = await heardWhen(terminal, ({ bells }) => bells > 0);
      expect(bells).toBe(1);
      expect(titles).not.toContain('owned');
      expect(notifications).toEqual([
        expect.stringMatching(
          /^binnacle: board 4;1;50 \\x1b\]0;owned\\x07\\x1b\[2J\\x9d9;x\\x07 the mill\\nstands/,
        ),
      ]);
    }

    board.write({ j1: 'OK' }, { old: 'it stood before', mill: HOSTILE });
    for (const terminal of [first, second]) {
      await terminal.waitFor('watched: board job j1: ended: running (RUN) -> done (OK)');
      await terminal.waitGone('@job j1');
    }
  });

  it('tells at the next start what a watched item did while nobody looked', async ({
    expect,
    onTestFinished,
  }) => {
    const board = layOutBoard([
      { on: ['watch'], do: { program: ['PROGRAM'] } },
      { on: ['watch'], do: { program: ['/bin/false'] } },
    ]);
    onTestFinished(board.remove);
    board.write({ j1: 'RUN' }, {});
    const state = join(board.dir, 'state');
    const first = cockpit(onTestFinished, board.args, state);
    await first.waitFor('job j1');
    await watchWork(first);
    await first.waitFor('@job j1');
    await first.press('Q');
    await first.exit;

    board.write({ j1: 'ERR' }, {});
    const second = cockpit(onTestFinished, board.args, state);
    // The watch is told at the foot, then the hook that does not work, which stands in the first row from then on.
    await second.waitFor('hook: program /bin/false: exit 1');
    await second.waitFor('HOOK FAILS: program /bin/false: exit 1');
    const [told] = await until(() => {
      const rows = jsonLines<Told>(textOf(board.told));
      return rows.length > 0 && rows;
    });
    expect(told).toMatchObject({ on: 'watch', severity: 'error', item: 'j1' });
    await second.press(':');
    second.type('what you watch');
    await second.waitFor('what you watch, and how');
    await second.press('enter');
    await second.waitFor(/failed \(ERR\) .*not known yet.*once/);
  });

  const hasTmux = spawnSync('tmux', ['-V']).status === 0;
  it.skipIf(!hasTmux)(
    'lets nothing of an event become an escape in tmux',
    async ({ expect, onTestFinished }) => {
      const board = layOutBoard([
        { on: ['fatal'], do: 'osc9' },
        { on: ['fatal'], do: 'bell' },
        { on: ['fatal'], do: { program: ['PROGRAM'] } },
      ]);
      onTestFinished(board.remove);
      board.write({}, { old: 'it stood before' });
      const socket = join(board.dir, 'tmux');
      const tmux = (...args: string[]): string =>
        spawnSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' }).stdout;
      const outer = startTerminal({
        command: 'tmux',
        args: [
          '-S',
          socket,
          '-f',
          '/dev/null',
          'new-session',
          '-x',
          '120',
          '-y',
          '40',
          process.execPath,
          mainPath,
          ...board.args,
        ],
        env: { BINNACLE_STATE_DIR: join(board.dir, 'state'), BINNACLE_HOST_DIR: '' },
      });
      onTestFinished(async () => {
        tmux('kill-server');
        await outer.close();
      });
      await outer.waitFor('it stood before');
      tmux('set', '-g', 'allow-passthrough', 'on');
      board.write({}, { old: 'it stood before', mill: HOSTILE });
      await outer.waitFor('the mill');
      await until(() => textOf(board.told) !== '');
      const { notifications, titles, bells } = await heardWhen(
        outer,
        (told) => told.notifications.length > 0 && told.bells > 0,
      );
      expect(bells).toBe(1);
      expect(notifications).toEqual([expect.stringMatching(/^binnacle: board 4;1;50 \\x1b\]0;owned/)]);
      expect(titles).not.toContain('owned');
      expect(tmux('display-message', '-p', '#{pane_title}')).not.toContain('owned');
    },
  );

  it('are tried by a verb, which says what each did', async ({ expect, onTestFinished }) => {
    const board = layOutBoard([
      { on: ['fatal'], do: 'bell' },
      { on: ['act'], do: { program: ['PROGRAM', 'two words'] } },
      { on: ['act'], do: { program: ['/bin/false'] } },
    ]);
    onTestFinished(board.remove);
    board.write({}, {});
    const { code, stdout } = await runVerb([...board.args, 'hooks', 'test']);
    expect(stdout.split('\n')).toEqual([
      'hooks.0 on fatal: bell: FAILED: there is no terminal here to ring on',
      `hooks.1 on act: program ${join(board.dir, 'page')}: exit 0`,
      'hooks.2 on act: program /bin/false: FAILED: exit 1',
      '',
    ]);
    expect(code).toBe(5);
    expect(jsonLines(textOf(board.told))).toMatchObject([{ test: true, on: 'act', type: 'issue' }]);
  });
});

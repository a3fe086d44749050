/** Hostile text from a watched system, everywhere the built program shows it: it is shown, and no terminal obeys it. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { safeText } from '../../src/lib/safe-text.ts';
import { mainPath, pressFor, startCockpit } from './cockpit.ts';
import { type HostileSystem, layOutHostile } from './hostile-system.ts';
import { codePoints, HOSTILE_TEXTS } from './hostile-texts.ts';
import { closeTerminals, type DrivenTerminal, startTerminal } from './terminal.ts';
import { strayIn } from './terminal-sequences.ts';

/** The corpus and a few hundred characters of all planes; each character has its turn in the long tests. */
const TEXTS = [...HOSTILE_TEXTS, ...codePoints(30, 4_999)];
const UNTOUCHED = { alternateScreen: false, cursorVisible: true, mouse: 'none', paste: false, focus: false };

let system: HostileSystem;
beforeAll(() => {
  system = layOutHostile(TEXTS);
});
afterEach(closeTerminals);
afterAll(() => system.remove());

/** Without runs of blanks: how wide a tab is depends on where it stands. */
const evened = (text: string): string => text.replaceAll(/ +/g, ' ');
/** Texts of the corpus whose notation, or as much of it as has room, is not there. */
const missingFrom = (shown: string, columns: number): string[] =>
  HOSTILE_TEXTS.filter((text) => !evened(shown).includes(evened(safeText(text)).slice(0, columns)));

it('the oracle lets no text of the corpus pass but words, and what the program itself has to write', () => {
  const passing = HOSTILE_TEXTS.filter((text) => strayIn(Buffer.from(text)).length === 0);
  expect(passing.filter((text) => text.includes('\x1b')).map((text) => text.slice(1))).toEqual([
    ...['[H', '[999;999H', '[?1049h', '[?1049l', '[?25h', '[?25l', '[?1000h', '[?1003h\x1b[?1006h'],
    ...['[?2004l', '[?1004l', '[?7l', '[?2026h', '[31;1;5mred\x1b[0m', '[38;2;255;0;0mred'],
  ]);
  expect(HOSTILE_TEXTS.length - passing.length).toBeGreaterThan(81);
});

describe('hostile text', () => {
  it.each([
    ['text', ['logs -n 5000', 'list jobs', 'status']],
    ['json', ['logs --json -n 5000', 'status --json']],
  ] as const)(
    'rows 13 and 15: is notation in all that verbs print as %s: lines, ids, names, keys, errors',
    async (as, verbs) => {
      const terminal = startTerminal({
        command: '/bin/sh',
        args: [
          '-c',
          verbs.map((verb) => `"$0" ${mainPath} ${verb} "$@"`).join('; '),
          process.execPath,
          ...system.args,
        ],
        env: { BINNACLE_STATE_DIR: system.state, BINNACLE_HOST_DIR: '' },
        columns: 500,
      });
      await terminal.exit;
      const output = terminal.output();
      expect(strayIn(output, as)).toEqual([]);
      expect(output.includes('\x1b')).toBe(false);
      if (as === 'text') expect(missingFrom(output.toString(), 400)).toEqual([]);
    },
  );

  it('rows 13 and 15: is notation on queue, card, logs and pages of the cockpit, which gives the terminal back', async () => {
    const cockpit = startCockpit({ ...system, columns: 160, rows: TEXTS.length + 20 });
    await walk(cockpit);
    expect(strayIn(cockpit.output())).toEqual([]);
    expect(cockpit.modes()).toEqual(UNTOUCHED);
  });
});

const hasTmux = spawnSync('tmux', ['-V']).status === 0;
describe.skipIf(!hasTmux)('hostile text inside tmux', () => {
  let tmux: (...args: string[]) => string;
  let pane: DrivenTerminal;
  beforeEach(async () => {
    const server = ['-S', join(dirname(system.state), 'tmux'), '-f', '/dev/null'];
    tmux = (...args) => spawnSync('tmux', [...server, ...args], { encoding: 'utf8' }).stdout;
    pane = startTerminal({
      command: 'tmux',
      args: [...server, 'new-session', 'env', 'PS1=ready> ', '/bin/sh'],
      env: { BINNACLE_STATE_DIR: system.state, BINNACLE_HOST_DIR: '', TMUX: undefined },
      columns: 150,
    });
    await pane.waitFor(/^ready> *\n/);
    tmux('set', '-s', 'set-clipboard', 'on');
    tmux('set', '-g', 'allow-passthrough', 'on');
    tmux('select-pane', '-T', 'before');
  });
  afterEach(() => void tmux('kill-server'));

  const flags =
    'alternate_on mouse_any_flag mouse_sgr_flag cursor_flag insert_flag keypad_flag origin_flag wrap_flag';
  const asked = `#{pane_title} ${flags
    .split(' ')
    .map((flag) => `#{${flag}}`)
    .join('')} #{scroll_region_lower}`;
  const state = (): string => `${tmux('display-message', '-p', asked)}${tmux('list-buffers')}`;
  const run = (line: string): void => pane.type(`clear; ${line}; echo "at the end"\r`);
  /** Nothing was typed at the prompt: no terminal has answered what a text asked. */
  const atPrompt = /^at the end\nready> *$/m;

  it('row 14: changes no title, no buffer, no mode, and has the terminal answer nothing', async () => {
    const before = state();
    run(`${process.execPath} ${mainPath} logs -n 5000 ${system.args.join(' ')}`);
    await pane.waitFor(atPrompt, 20_000);
    expect(state()).toBe(before);
    run(`${process.execPath} ${mainPath} ${system.args.join(' ')}`);
    await pane.waitFor(`x${TEXTS.length} FATAL`, 30_000);
    await pressFor(pane, 'G', /^>/m);
    // The screen of the cockpit, without a cursor and without the wrapping of rows.
    expect(state()).toBe('before 10000000 38\n');
    await pressFor(pane, 'Q', atPrompt);
    expect(state()).toBe(before);
  });

  it('row 14: would change them if it came through', async () => {
    const before = state();
    run(`cat ${join(dirname(system.state), 'root', 'raw', 'all')}`);
    await expect.poll(state, { timeout: 20_000 }).not.toBe(before);
    expect(state()).toContain('owned');
    expect(tmux('list-buffers')).not.toBe('');
  });
});

/** Through what there is to see, to the end of the program. */
async function walk(cockpit: DrivenTerminal): Promise<void> {
  await cockpit.waitFor(`x${TEXTS.length} FATAL`, 30_000);
  await cockpit.press('z');
  // No row becomes two, however wide this terminal takes its characters to be.
  const items = (rows: readonly string[]) =>
    rows.filter((row) => /^[> ]x FATAL {3}hostile /.test(row)).length;
  await cockpit.waitFor((rows) => items(rows) === TEXTS.length && /^ .* fresh /.test(rows[0] ?? ''));
  expect(missingFrom(cockpit.text(), 40)).toEqual([]);
  await pressFor(cockpit, 'enter', /^\| title /m);
  await pressFor(cockpit, 'escape', /^(?![\s\S]*\| title )/);
  await pressFor(cockpit, '6', /^=6 Logs/m);
  await pressFor(cockpit, 'L', /=6 Logs \+ changes: all|=6 Logs[^\n]*all/);
  await pressFor(cockpit, 'z', /^(?![\s\S]*Needs-you)/);
  await pressFor(cockpit, 'k', /^>/m);
  await pressFor(cockpit, 'enter', /^=Log row /m);
  await pressFor(cockpit, 'escape', /^(?![\s\S]*=Log row )/);
  // Read together with the key before it, it would be asked for again.
  await pressFor(cockpit, 'Q', /^\s*$/);
  expect(await cockpit.exit).toEqual({ code: 0, signal: null });
}

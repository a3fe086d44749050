/** `binnacle pane NAME`, and a described kind, in a real terminal. */
import { chmodSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { layOutCase } from '../systems/fixture-case.ts';
import {
  giveReason,
  jsonLines,
  type LedgerLine,
  mainPath,
  pressFor,
  selectRow,
  startCockpit,
  temporaryDirectory,
} from './cockpit.ts';
import { layOutQueue } from './queue-system.ts';
import { closeTerminals, type DrivenTerminal, startTerminal } from './terminal.ts';
import { runVerb } from './verb.ts';

const undo: (() => void)[] = [];
afterEach(async () => {
  await closeTerminals();
  for (const step of undo.splice(0)) step();
});

function stateDirectory(): string {
  const made = temporaryDirectory('pane-verb');
  undo.push(made.remove);
  return made.path;
}

async function orketArgs(): Promise<string[]> {
  const { dir, remove } = await layOutCase('orket', 'stalled-turn');
  undo.push(remove);
  return ['-s', `orket=${dir},timezone=UTC`, '--at', '2026-02-20T04:30:00Z'];
}

async function quit(terminal: DrivenTerminal): Promise<void> {
  await terminal.press('Q');
  expect(await terminal.exit).toMatchObject({ code: 0 });
}

describe('binnacle pane', () => {
  it.each([
    ['queue', /1 Needs-you\(1\)/, /STALLED .*9c41:TIDE-3\/3 coder +10m /],
    ['approvals', /2 Approvals\(0\)/, / none\b/],
    ['fatal', /3 Fatal\(0\)/, / none\b/],
    ['pipeline', /4 Pipeline/, /turns .*1 stalled/],
    ['work', /5 Work/, /9c41e7b0:TIDE-4\/4 reviewer/],
    ['logs', /6 Logs \+ changes/, /turn_start TIDE-3/],
    ['acts', /7 Acts/, /nothing was done yet/],
    ['card', /=Why: 9c41/, /asked, no answer/],
    ['9', /9 Steps/, /\[x\]3 the turn in trouble is found/],
  ])('%s alone has the terminal to itself', async (name, title, content) => {
    const terminal = startCockpit({
      args: ['pane', name, ...(await orketArgs())],
      state: stateDirectory(),
      columns: 100,
      rows: 16,
    });
    await terminal.waitFor(title);
    await terminal.waitFor(content);
    const titles = terminal.screen().filter((row) => /^[-=](\d |Why)/.test(row));
    expect(titles, terminal.text()).toHaveLength(1);
    await quit(terminal);
  });

  it('says which panes there are where the name is wrong, with exit 2 and without taking the terminal', async () => {
    const terminal = startTerminal({
      command: process.execPath,
      args: [mainPath, 'pane', 'logz', ...(await orketArgs())],
      columns: 100,
      env: { BINNACLE_STATE_DIR: stateDirectory() },
    });
    expect(await terminal.exit).toMatchObject({ code: 2 });
    expect(terminal.output().toString()).toBe(
      'binnacle: there is no pane "logz"\r\n  panes: queue approvals fatal pipeline work logs acts card steps\r\n',
    );
  });
});

describe('options of the cockpit', () => {
  it('--no-color writes no colour, --ascii nothing beyond ASCII', async () => {
    const args = await orketArgs();
    const colours = /\u001b\[[0-9;]*3[0-7][;m]/;
    for (const [options, plain, ascii] of [
      [[], false, false],
      [['--no-color'], true, false],
      [['--no-color', '--ascii'], true, true],
    ] as const) {
      const terminal = startCockpit({ args: [...options, ...args], state: stateDirectory() });
      await terminal.waitFor(/STALLED/);
      await terminal.waitFor(/turn_start TIDE-3/);
      const output = terminal.output().toString();
      expect(colours.test(output), options.join(' ')).toBe(!plain);
      if (ascii) expect(output).toMatch(/^[\u0000-\u007f]*$/);
      await quit(terminal);
    }
  });

  it('--read-only leaves acts that read, and says so in the first row', async () => {
    const terminal = startCockpit({
      args: ['--read-only', ...(await orketArgs())],
      state: stateDirectory(),
      columns: 160,
    });
    await selectRow(terminal, 'STALLED');
    expect(terminal.screen()[0]).toMatch(/read-only/);
    await pressFor(terminal, 'A', /Enter choose/);
    await terminal.waitFor(/inspect turn/);
    expect(terminal.text()).toMatch(/read-only: this cockpit changes nothing/);
    await terminal.press('escape');
    await terminal.waitGone(/Enter choose/);
    await quit(terminal);
  });

  it.runIf(process.getuid?.() === 0)(
    'a place that can not be written to is said, and everything is shown',
    async () => {
      const state = stateDirectory();
      chmodSync(state, 0o755);
      const [, system = '', ...rest] = await orketArgs();
      const root = /=([^,]+)/.exec(system)?.[1] ?? '';
      chmodSync(root, 0o755);
      const run = ['-s', system, ...rest];
      const terminal = startTerminal({
        command: 'setpriv',
        args: ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, mainPath, ...run],
        columns: 120,
        rows: 40,
        env: { BINNACLE_STATE_DIR: `${state}/x`, BINNACLE_HOST_DIR: '', HOME: '/dev/null' },
      });
      await terminal.waitFor(/ACTS OFF: see :notices/);
      await terminal.waitFor(/STALLED/);
      await pressFor(terminal, 'K', /acts are off: the state directory/);
      await quit(terminal);
    },
  );
});

describe('a kind described in binnacle.yaml, in the cockpit', () => {
  const ledgerOf = async (state: string): Promise<LedgerLine[]> =>
    jsonLines<LedgerLine>(
      (await runVerb(['ledger', '--json'], { env: { BINNACLE_STATE_DIR: state, HOME: state } })).stdout,
    );

  async function retryByKeys(terminal: DrivenTerminal): Promise<void> {
    await selectRow(terminal, 'mail digest');
    // The key of the row is the one that works.
    await terminal.waitFor(/^>. FAILED .* r\|/m);
    await terminal.waitFor(/^ r (?!- )/m);
    await pressFor(terminal, 'r', /Enter choose|>no, back/);
    if (/Enter choose/.test(terminal.text())) await terminal.press('enter');
    await terminal.waitFor(/bin\/retry --job j-3/);
    await giveReason(terminal, 'mail is due');
  }

  it('shows its jobs, and its act is verified when the queue itself has changed', async () => {
    const queue = await layOutQueue('honest');
    undo.push(queue.remove);
    const state = stateDirectory();
    const terminal = startCockpit({ args: queue.args, state });
    await terminal.waitFor(/FAILED .*mail digest/);
    expect(terminal.text()).toMatch(/STALLED .*reindex/);
    await retryByKeys(terminal);
    await terminal.waitFor(/job\.retry .*verified|[Rr]etry.*verified/, 30_000);
    expect(queue.stateOf('j-3')).toBe('RUN');
    expect((await ledgerOf(state)).at(-1)?.record).toMatchObject({
      act: 'job.retry',
      outcome: 'verified',
      exitCode: 0,
    });
    // The row stays as a ghost under the cursor until a key moves it.
    await terminal.press('j');
    await terminal.waitGone(/FAILED .*mail digest/);
    await quit(terminal);
  });

  it('is not believed when its program exits 0 and did nothing', async () => {
    const queue = await layOutQueue('idle', { within: '1s' });
    undo.push(queue.remove);
    const state = stateDirectory();
    const terminal = startCockpit({ args: queue.args, state });
    await retryByKeys(terminal);
    await terminal.waitFor(/NOT SEEN/, 30_000);
    expect((await ledgerOf(state)).at(-1)?.record).toMatchObject({
      act: 'job.retry',
      outcome: 'not-seen',
      exitCode: 0,
    });
    expect(queue.runs()).toHaveLength(1);
    await quit(terminal);
  });
});

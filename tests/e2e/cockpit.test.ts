import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { attentionOf } from '../../src/domain/attention.ts';
import { toIso } from '../../src/domain/instant.ts';
import { builtInKinds } from '../../src/systems/registry.ts';
import { deriveCase, layOutCase } from '../systems/fixture-case.ts';
import { mainPath, startCockpit, temporaryDirectory } from './cockpit.ts';
import { closeTerminals, startShell } from './terminal.ts';

const allKinds = await builtInKinds();

const state = temporaryDirectory('e2e-state');
afterEach(closeTerminals);
afterAll(() => state.remove());

/** A case of each kind with several things in the queue. */
const CASES: Readonly<Record<string, string>> = {
  orket: 'model-timeout',
  reflexive: 'cost-near-limit',
  coherence: 'left-over',
  aragora: 'cycle-over-budget',
  openclaw: 'words-that-mislead',
};

describe('the cockpit on a fixture of each kind', () => {
  it.each(allKinds.map((kind) => [kind.kind, kind] as const))(
    'shows what needs a human in %s',
    async (name, kind) => {
      const laid = await layOutCase(name, CASES[name] ?? '');
      try {
        const fixture = { ...laid.case, processes: [], http: {}, settings: { timezone: 'UTC' } };
        const derived = await deriveCase(kind, laid.dir, fixture);
        const items = attentionOf(derived.entities);
        expect(items.length).toBeGreaterThan(0);
        const terminal = startCockpit({
          args: ['-s', `${name}=${laid.dir},timezone=UTC`, '--at', toIso(fixture.at)],
          state: state.path,
          columns: 200,
          rows: 50,
        });
        for (const item of items.slice(0, 3)) {
          await terminal.waitFor(item.label.slice(0, 6), 20_000);
          await terminal.waitFor(item.title.slice(0, 24));
        }
        await terminal.press('Q');
        expect(await terminal.exit).toEqual({ code: 0, signal: null });
      } finally {
        laid.remove();
      }
    },
  );
});

describe('the cockpit on a live Orket', () => {
  let laid: Awaited<ReturnType<typeof layOutCase>>;
  beforeAll(async () => {
    laid = await layOutCase('orket', 'model-timeout');
  });
  afterAll(() => laid.remove());

  it('starts, shows a line the moment it is written, and leaves the screen as it was', async () => {
    const terminal = startCockpit({ args: ['-s', `orket=${laid.dir}`], state: state.path });
    await terminal.waitFor('fresh', 20_000);
    expect(terminal.modes()).toMatchObject({ alternateScreen: true, paste: true });
    await terminal.press('L');
    const line = {
      timestamp: new Date().toISOString(),
      role: 'coder',
      event: 'tool_call_start',
      data: { issue_id: 'TIDE-9', tool: 'lantern_check', runtime_event: {} },
    };
    const log = join(laid.dir, 'workspace/default/orket.log');
    appendFileSync(log, `${JSON.stringify(line)}\n`);
    await terminal.waitFor('lantern_check', 5_000);
    await terminal.press('Q');
    expect(await terminal.exit).toEqual({ code: 0, signal: null });
    expect(terminal.modes()).toMatchObject({
      alternateScreen: false,
      cursorVisible: true,
      paste: false,
      mouse: 'none',
    });
  });

  it('gives the terminal back to the shell it was started from', async () => {
    const shell = await startShell({ env: { BINNACLE_STATE_DIR: state.path, BINNACLE_HOST_DIR: '' } });
    const before = shell.lineModes();
    shell.type(`${process.execPath} ${mainPath} -s orket=${laid.dir}`);
    await shell.press('enter');
    await shell.waitFor('fresh', 20_000);
    expect(shell.lineModes().raw).toBe(true);
    await shell.press('Q');
    await shell.waitFor(/ready>\s*$/m);
    expect(shell.lineModes()).toEqual(before);
  });

  it('shows a turn change when its checkpoint appears', async () => {
    const run = 'aa11bb22';
    const turn = join(laid.dir, `workspace/default/observability/${run}/lamp-7/001_coder`);
    const terminal = startCockpit({
      args: ['-s', `orket=${laid.dir}`],
      state: state.path,
      columns: 200,
      rows: 50,
    });
    await terminal.waitFor('fresh', 20_000);
    await terminal.press('L');
    mkdirSync(turn, { recursive: true });
    writeFileSync(join(turn, 'messages.json'), '[]');
    writeFileSync(join(turn, 'prompt_layers.json'), '{}');
    await terminal.waitFor(/CHANGE\s+turn aa11/, 10_000);
    writeFileSync(join(turn, 'parsed_tool_calls.json'), '[]');
    writeFileSync(
      join(turn, 'checkpoint.json'),
      JSON.stringify({
        run_id: run,
        issue_id: 'LAMP-7',
        turn_index: 1,
        role: 'coder',
        prompt_hash: '986b43e0bb57d2c7',
        model: 'qwen2.5-coder:14b',
        tool_calls: [],
        state_delta: { from: 'in_progress', to: 'code_review' },
        prompt_metadata: {},
        captured_at: new Date().toISOString().replace('Z', '+00:00'),
      }),
    );
    await terminal.waitFor(/CHANGE\s+turn aa11.*-> completed/, 10_000);
  });

  it('opens at every size down to one cell and follows a resize', async () => {
    const terminal = startCockpit({ args: ['-s', `orket=${laid.dir}`], state: state.path });
    await terminal.waitFor('fresh', 20_000);
    for (const [columns, rows] of [
      [200, 50],
      [80, 24],
      [60, 15],
      [30, 3],
      [1, 1],
      [120, 40],
    ] as const) {
      terminal.resize(columns, rows);
      await terminal.settled();
    }
    await terminal.waitFor('Needs-you');
    await terminal.press('Q');
    expect((await terminal.exit).code).toBe(0);
  });

  it('row 46: is whole again after any storm of sizes, as if drawn for the first time', async () => {
    // Judged as of a fixed time nothing but the sizes changes the picture.
    const terminal = startCockpit({
      args: ['-s', `orket=${laid.dir}`, '--at', '2026-02-10T05:00:00Z'],
      state: state.path,
    });
    const body = (rows: readonly string[]): string => rows.slice(1).join('\n');
    await terminal.waitFor((rows) => {
      const text = rows.join('\n');
      return (
        /(\d+)\/\1 fresh {3}/.test(text) &&
        /Steps: .* \d of \d/.test(text) &&
        text.includes('session_end') &&
        !text.includes('reading')
      );
    }, 20_000);
    const first = body(terminal.screen());
    for (let round = 0; round < 8; round += 1) {
      for (const [columns, rows] of [
        [200, 50],
        [80, 24],
        [60, 15],
        [30, 3],
        [1, 1],
      ] as const) {
        terminal.resize(columns, rows);
        // Now within one window of the store, now over several frames.
        if (round % 2 === 1) await new Promise((resolve) => setTimeout(resolve, round * 4));
      }
      terminal.resize(120, 40);
      await terminal.waitFor((rows) => body(rows) === first, 5_000);
    }
    // What has scrolled out above belongs to the shell.
    expect(terminal.output().includes('\x1b[3J')).toBe(false);
  });
});

describe('bad input', () => {
  it('says where a system is missing and what to do', async () => {
    const terminal = startCockpit({ args: ['-s', 'orket=/nowhere/at/all'], state: state.path });
    await terminal.waitFor('/nowhere/at/all does not exist');
    expect((await terminal.exit).code).toBe(2);
  });

  it('shows a database that is none as an error and goes on with the rest', async () => {
    const laid = await layOutCase('orket', 'model-timeout');
    try {
      const database = join(laid.dir, '.orket/durable/db/orket_persistence.db');
      expect(existsSync(database)).toBe(true);
      writeFileSync(
        database,
        'this is no database, and it is long enough to be looked at as one '.repeat(40),
      );
      const terminal = startCockpit({ args: ['-s', `orket=${laid.dir}`], state: state.path });
      await terminal.waitFor('UNREAD', 20_000);
      await terminal.waitFor(/source db: not a SQLite database/);
    } finally {
      laid.remove();
    }
  });
});

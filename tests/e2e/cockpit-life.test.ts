/** The built program, whole: however it ends, the terminal is the shell's again and nobody is left behind. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { layOutCase } from '../systems/fixture-case.ts';
import { findOldNode } from './launched.ts';
import { childrenOf, isAlive } from './processes.ts';
import { closeTerminals, type DrivenTerminal, startShell } from './terminal.ts';

const PROGRAM = new URL('../../dist/main.js', import.meta.url).pathname;

let home = '';
let laid: Awaited<ReturnType<typeof layOutCase>>;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'binnacle-life-'));
  laid = await layOutCase('openclaw', 'states-side-by-side');
});
afterEach(closeTerminals);
afterAll(() => {
  laid.remove();
  rmSync(home, { recursive: true, force: true });
});

/** The cockpit in a shell, with every process of it. */
async function start(node: string): Promise<{ shell: DrivenTerminal; first: number; all: number[] }> {
  const shell = await startShell({ env: { HOME: home, BINNACLE_STATE_DIR: join(home, 'state') } });
  shell.type(`${node} ${PROGRAM} -s openclaw=${laid.dir}; code=$?; echo "status $code"\r`);
  await shell.waitFor('9/9 fresh', 20_000);
  const first = childrenOf(shell.pid)[0] ?? Number.NaN;
  const all = [first];
  for (let at = 0; at < all.length; at += 1) all.push(...childrenOf(all[at] ?? Number.NaN));
  return { shell, first, all };
}

async function expectGone(shell: DrivenTerminal, all: readonly number[]): Promise<void> {
  await expect.poll(() => all.filter(isAlive), { timeout: 3000 }).toEqual([]);
  await expect
    .poll(() => ({ ...shell.modes(), cooked: shell.lineModes().cooked }), { timeout: 2000 })
    .toEqual({
      alternateScreen: false,
      cursorVisible: true,
      mouse: 'none',
      paste: false,
      focus: false,
      cooked: true,
    });
  const diagnostics = join(home, 'state', 'diagnostics.log');
  expect(existsSync(diagnostics) ? readFileSync(diagnostics, 'utf8') : '').toBe('');
}

const oldNode = findOldNode();

for (const [name, node] of [
  ['this Node', process.execPath],
  ['a Node that is too old', oldNode],
] as const) {
  describe.skipIf(node === undefined)(`the cockpit started by ${name}`, () => {
    it('quits', async () => {
      const { shell, all } = await start(node ?? '');
      await shell.press('Q');
      await shell.waitFor(/status \d/);
      expect(shell.text()).toContain('status 0');
      await expectGone(shell, all);
    });

    it.each(['SIGTERM', 'SIGHUP'] as const)('row 17: ends on %s, and says so', async (signal) => {
      const { shell, first, all } = await start(node ?? '');
      process.kill(first, signal);
      await shell.waitFor(`binnacle: ended by ${signal}`);
      await expectGone(shell, all);
    });

    it('row 16: killed, is cleaned up after', async () => {
      const { shell, first, all } = await start(node ?? '');
      process.kill(first, 'SIGKILL');
      await shell.waitFor('its terminal was put back');
      await expectGone(shell, all);
    });

    it('is gone two seconds after its connection', async () => {
      const { shell, all } = await start(node ?? '');
      shell.hangUp();
      await expect.poll(() => all.filter(isAlive), { timeout: 2000 }).toEqual([]);
    });

    it('row 45: stops on Ctrl-Z and is whole again after fg', async () => {
      const { shell } = await start(node ?? '');
      await shell.press('ctrl-z');
      await shell.waitFor(/Stopped[\s\S]*\nready>\s*$/);
      expect(shell.lineModes().cooked).toBe(true);
      shell.resize(100, 30);
      shell.type('fg; echo "then $?"\r');
      await shell.waitFor('9/9 fresh');
      expect(shell.lineModes().raw).toBe(true);
      await shell.press('Q');
      await shell.waitFor('then 0');
    });
  });
}

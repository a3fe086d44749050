/** What a demo whose cockpit is killed leaves behind, and for how long. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startCockpit, temporaryDirectory } from './cockpit.ts';
import { isAlive } from './processes.ts';
import { closeTerminals } from './terminal.ts';

afterEach(closeTerminals);

/** Processes that work below a directory. */
function workersIn(directory: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(directory) && isAlive(Number(pid));
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe('a demo', () => {
  it('killed -9 ends its simulators, and the next one removes its directory', async () => {
    const temporary = temporaryDirectory('demo-killed');
    const state = join(temporary.path, 'state');
    const start = (): ReturnType<typeof startCockpit> =>
      startCockpit({ args: ['demo'], state, env: { TMPDIR: temporary.path } });
    const directories = (): string[] =>
      readdirSync(temporary.path).filter((name) => name.startsWith('binnacle-demo-'));
    try {
      const first = start();
      await first.waitFor('DEMO', 30_000);
      const [left = 'none'] = directories();
      const home = join(temporary.path, left);
      expect(workersIn(home).length).toBeGreaterThan(0);
      first.kill('SIGKILL');
      await first.exit;
      for (const end = performance.now() + 30_000; workersIn(home).length > 0; ) {
        if (performance.now() > end) throw new Error(`still there: ${workersIn(home).join(' ')}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(existsSync(home)).toBe(true);
      const second = start();
      await second.waitFor('DEMO', 30_000);
      expect(directories()).toHaveLength(1);
      expect(existsSync(home)).toBe(false);
      await second.press('Q');
      expect(await second.exit).toMatchObject({ code: 0 });
      expect(directories()).toEqual([]);
    } finally {
      temporary.remove();
    }
  });
});

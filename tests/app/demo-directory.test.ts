import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeDemoDirectory } from '../../src/app/demo-directory.ts';
import { processStartedAt } from '../../src/host/process-stat.ts';
import { temporaryDirectory } from '../e2e/cockpit.ts';

/** A pid nobody has any more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid ?? 0;
}

describe('the directory of a demo', () => {
  it('is made beside those of living cockpits; what dead ones left is removed, and nothing else', async () => {
    const { path: parent, remove } = temporaryDirectory('demo-dirs');
    try {
      const lay = (name: string, marker?: unknown): void => {
        mkdirSync(join(parent, name, 'orket'), { recursive: true });
        writeFileSync(join(parent, name, 'orket', 'orket.log'), 'a line\n');
        if (marker !== undefined) {
          const text = typeof marker === 'string' ? marker : JSON.stringify(marker);
          writeFileSync(join(parent, name, '.cockpit.json'), text);
        }
      };
      const startedAt = processStartedAt(process.pid) ?? 0;
      lay('binnacle-demo-dead', { pid: await deadPid(), startedAt });
      lay('binnacle-demo-reused', { pid: process.pid, startedAt: startedAt - 3_600_000 });
      lay('binnacle-demo-alive', { pid: process.pid, startedAt });
      lay('binnacle-demo-starting');
      lay('binnacle-demo-torn', '{"pid": 1');
      lay('elsewhere', { pid: await deadPid(), startedAt });
      symlinkSync(join(parent, 'elsewhere'), join(parent, 'binnacle-demo-link'));
      const made = makeDemoDirectory(parent);
      expect(readdirSync(parent).sort()).toEqual(
        [
          'binnacle-demo-alive',
          'binnacle-demo-link',
          'binnacle-demo-starting',
          'binnacle-demo-torn',
          'elsewhere',
          made.slice(parent.length + 1),
        ].sort(),
      );
      expect(existsSync(join(parent, 'elsewhere', 'orket', 'orket.log'))).toBe(true);
      expect(JSON.parse(readFileSync(join(made, '.cockpit.json'), 'utf8'))).toEqual({
        pid: process.pid,
        startedAt,
      });
      // Its cockpit lives: the next demo leaves it alone.
      makeDemoDirectory(parent);
      expect(existsSync(made)).toBe(true);
    } finally {
      remove();
    }
  });
});

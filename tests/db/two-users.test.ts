import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openHostStore } from '../../src/db/host-store.ts';
import { openSpool } from '../../src/db/spool.ts';
import { systemClock } from '../../src/host/clock.ts';
import { temporaryDirectory } from './temporary.ts';

/** No account of this host needs to have it. */
const OTHER = 54_321;
const GROUP = 54_322;

function asOther(source: string): string {
  const src = new URL('../../src/', import.meta.url).pathname;
  const program = `const { openHostStore } = await import('${src}db/host-store.ts'); const { openSpool } = await import('${src}db/spool.ts'); process.umask(0o077); ${source}`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    uid: OTHER,
    gid: GROUP,
    encoding: 'utf8',
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', HOME: '/' },
  });
  if (child.status !== 0) throw new Error(child.stderr);
  return child.stdout.trim();
}

describe.skipIf(process.getuid?.() !== 0)('two users of one host', () => {
  it("see the same holds, claim a key once, and write each other's spool folder, whoever came first", () => {
    const base = temporaryDirectory();
    chmodSync(base, 0o755);
    for (const first of ['us', 'them'] as const) {
      const directory = join(base, first);
      mkdirSync(directory);
      chownSync(directory, 0, GROUP);
      chmodSync(directory, 0o2770);
      const now = systemClock().now();
      const order = (id: string, user: string) => ({
        id,
        act: 'job.run',
        system: 's',
        slot: 'job.run',
        target: 's/job/1',
        revision: 'r',
        attempt: 1,
        user,
        plan: '{}',
        createdAt: now,
        placedBy: { pid: 1, startedAt: now },
      });
      const theirs = () =>
        asOther(`
        const store = openHostStore({ directory: '${directory}', now: ${now}, mode: 0o660 });
        const placed = store.orders.place(${JSON.stringify(order('theirs', 'bob'))}).placed;
        const held = store.holds.take('k', 'bob', ${now}).held;
        const writer = openSpool('${directory}', { mode: 0o660 }).open('theirs'); writer.write('hello'); writer.close();
        store.close(); console.log(JSON.stringify([placed, held]));`);
      const ours = () => {
        const previous = process.umask(0o077);
        const store = openHostStore({ directory, now, mode: 0o660 });
        const placed = store.orders.place(order('ours', 'alice')).placed;
        const held = store.holds.take('k', 'alice', now).held;
        const writer = openSpool(directory, { mode: 0o660 }).open('ours');
        writer.write('hello');
        writer.close();
        store.close();
        process.umask(previous);
        return JSON.stringify([placed, held]);
      };
      const answers = first === 'us' ? [ours(), theirs()] : [theirs(), ours()];
      expect(answers).toEqual(['[true,true]', '[false,false]']);
      expect(statSync(join(directory, 'host.db')).gid).toBe(GROUP);
      expect(readdirSync(join(directory, 'spool')).sort()).toEqual(['ours.out', 'theirs.out']);
    }
  });
});

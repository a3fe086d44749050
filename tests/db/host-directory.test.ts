import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lookAtHostDirectory, makeHostDirectory } from '../../src/db/host-directory.ts';
import { ledgerFiles, ledgerPath, readingLedger } from '../../src/db/ledger-files.ts';
import { stateDirectories } from '../../src/db/state-dir.ts';
import { ledgerOf } from './ledger-records.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

const isRoot = process.getuid?.() === 0;
/** No accounts of this host need to have these. */
const ALICE = 54_331;
const BOB = 54_332;
const STRANGER = 54_333;
const GROUP = { name: 'operators', gid: 54_340 };
const OWN_GROUP = { name: 'own', gid: process.getgid?.() ?? 0 };

function envOf(path: string) {
  return { BINNACLE_STATE_DIR: '/s', BINNACLE_HOST_DIR: path };
}

describe('the directory of the host', () => {
  it('is made with its group and setgid whatever the umask, and put right when it was not', () => {
    const path = join(temporaryDirectory(), 'host');
    const before = process.umask(0o077);
    try {
      expect(makeHostDirectory(path, OWN_GROUP)).toEqual([
        `made ${path}`,
        'set its mode to 2770: its group reads and writes, nobody else',
      ]);
    } finally {
      process.umask(before);
    }
    expect(statSync(path).mode & 0o7777).toBe(0o2770);
    expect(makeHostDirectory(path, OWN_GROUP)).toEqual([`${path} was right already: group own, mode 2770`]);
    chmodSync(path, 0o2777);
    writeFileSync(join(path, 'host.db'), '');
    expect(makeHostDirectory(path, OWN_GROUP)).toEqual([
      'set its mode to 2770: its group reads and writes, nobody else',
    ]);
    expect(stateDirectories(envOf(path))).toEqual({ state: '/s', shared: path, isHostWide: true });
  });

  it('is not made of a link, a file, or a directory that holds something else', () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'etc'));
    writeFileSync(join(directory, 'etc', 'passwd'), '');
    symlinkSync(join(directory, 'etc'), join(directory, 'link'));
    for (const [name, why] of [
      ['link', /is a link/],
      ['etc', /holds what is none of Binnacle's: passwd/],
      ['etc/passwd', /not a directory/],
      ['none/host', /none does not exist/],
    ] as const)
      expect(() => makeHostDirectory(join(directory, name), OWN_GROUP)).toThrow(why);
    expect(statSync(join(directory, 'etc')).mode & 0o2020).toBe(0);
  });

  it('is used only where nobody but its operators can swap the files in it, and says why not', () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'host');
    const why = (env = envOf(path)) => {
      const look = lookAtHostDirectory(env);
      return look.state === 'refused' ? look.why : look.state;
    };
    expect(why()).toBe('absent');
    mkdirSync(path);
    chmodSync(path, 0o2770);
    expect(why()).toBe('open');
    chmodSync(path, 0o777);
    expect(why()).toBe('everybody may write to it');
    expect(stateDirectories(envOf(path))).toEqual({
      state: '/s',
      shared: '/s',
      isHostWide: false,
      refused: `${path}: everybody may write to it`,
    });
    chmodSync(path, 0o2770);
    symlinkSync(path, join(directory, 'link'));
    expect(why(envOf(join(directory, 'link')))).toBe('it is a link');
    writeFileSync(join(directory, 'file'), '');
    expect(why(envOf(join(directory, 'file')))).toBe('it is not a directory');
    chmodSync(directory, 0o777);
    expect(why()).toMatch(/^everybody may replace it/);
    chmodSync(directory, 0o1777);
    expect(why()).toBe('open');
    expect(lookAtHostDirectory({ BINNACLE_HOST_DIR: '' }).state).toBe('absent');
    expect(() => lookAtHostDirectory({ BINNACLE_HOST_DIR: 'relative' })).toThrow(/not an absolute path/);
    if (isRoot) {
      chownSync(path, STRANGER, 0);
      expect(why()).toBe(`it belongs to user ${STRANGER}`);
    }
  });

  it('holds a ledger per user, under no name that leads out of it', () => {
    const shared = { shared: '/h', isHostWide: true };
    expect(ledgerPath(shared, { user: 'alice' })).toBe('/h/ledger-alice.db');
    expect(ledgerPath(shared, { user: '../../root', uid: 7 })).toBe('/h/ledger-uid-7.db');
    expect(ledgerPath({ shared: '/s', isHostWide: false }, { user: 'alice' })).toBe('/s/ledger.db');
  });
});

const source = (name: string) => new URL(`../../src/${name}`, import.meta.url).pathname;

/** Runs a program as one of the operators, with this umask; what it prints is JSON. */
function as<T>(uid: number, gids: readonly number[], umask: number, program: string): T {
  const child = spawnSync(
    'setpriv',
    [
      `--reuid=${uid}`,
      `--regid=${uid}`,
      gids.length > 0 ? `--groups=${gids.join(',')}` : '--clear-groups',
      process.execPath,
      '--input-type=module',
      '-e',
      `process.umask(${umask});
       const { openHostStore } = await import('${source('db/host-store.ts')}');
       const { openLedger } = await import('${source('db/ledger.ts')}');
       const { ledgerFiles, ownLedgerOptions, readingLedger } = await import('${source('db/ledger-files.ts')}');
       const { stateDirectories } = await import('${source('db/state-dir.ts')}');
       const directories = stateDirectories(process.env);
       const own = (user) => openLedger({ ...ownLedgerOptions(process.env, directories, { user, uid: ${uid} }), now: ${NIGHT} });
       const record = (user, order) => ({ phase: 'settled', at: ${NIGHT}, version: '0', who: { user, host: 'h' }, order, act: 'job.run', target: { system: 's', type: 'job', id: 'j' }, note: 'by ' + user });
       console.log(JSON.stringify(await (async () => { ${program} })() ?? null));`,
    ],
    { encoding: 'utf8', cwd: '/', env: { PATH: '/usr/bin:/bin', HOME: '/', ...hostEnv } },
  );
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout) as T;
}
let hostEnv: Record<string, string> = {};

const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0;

describe.skipIf(!isRoot || !hasSetpriv)('row 53 and 66: users of one host', () => {
  it('share orders and holds, write a ledger each, read all, and keep strangers out, whatever their umask', () => {
    const base = temporaryDirectory();
    chmodSync(base, 0o755);
    const path = join(base, 'host');
    makeHostDirectory(path, GROUP);
    hostEnv = { BINNACLE_HOST_DIR: path, BINNACLE_STATE_DIR: '/nonexistent' };
    const act = (user: string, order: string) => `
      const store = openHostStore({ directory: directories.shared, now: ${NIGHT}, mode: 0o660 });
      const placed = store.orders.place({ id: '${order}', act: 'job.run', system: 's', slot: 'job.run', target: 's/job/1', revision: 'r',
        attempt: 1, user: '${user}', plan: '{}', createdAt: ${NIGHT}, placedBy: { pid: 1, startedAt: ${NIGHT} } }).placed;
      const held = store.holds.take('k', '${user} pts/1', ${NIGHT});
      const ledger = own('${user}'); ledger.append(record('${user}', '${order}'));
      const seen = [store.orders.list(9).map((row) => row.user), store.holds.list(${NIGHT}).map((hold) => hold.by)];
      ledger.close(); store.close();
      return [placed, held.held, held.by, ...seen];`;
    expect(as(ALICE, [GROUP.gid], 0o000, act('alice', 'a1'))).toEqual([
      true,
      true,
      'alice pts/1',
      ['alice'],
      ['alice pts/1'],
    ]);
    expect(as(BOB, [GROUP.gid], 0o077, act('bob', 'b1'))).toEqual([
      false,
      false,
      'alice pts/1',
      ['alice'],
      ['alice pts/1'],
    ]);

    const modes = (name: string) => (statSync(join(path, name)).mode & 0o7777).toString(8);
    expect(modes('host.db')).toBe('660');
    for (const user of ['alice', 'bob']) {
      expect(modes(`ledger-${user}.db`)).toBe('640');
      expect(modes(`ledger-${user}.db.head`)).toBe('640');
      expect(modes(`ledger-${user}.db.ballast`)).toBe('600');
      expect(statSync(join(path, `ledger-${user}.db`)).gid).toBe(GROUP.gid);
    }

    // Each reads both, verified, and leaves nothing of theirs beside the other's.
    const reads = `return ledgerFiles(directories, { user: 'bob' }).map((file) =>
      readingLedger(file, ${NIGHT}, (ledger) => [file.user, ledger.rows().map(({ record }) => record.note), ledger.verify().ok]));`;
    const before = spawnSync('ls', ['-n', path], { encoding: 'utf8' }).stdout;
    expect(as(BOB, [GROUP.gid], 0o077, reads)).toEqual([
      ['bob', ['by bob'], true],
      ['alice', ['by alice'], true],
    ]);
    const owners = (text: string) => text.split('\n').filter((line) => line.includes('alice'));
    expect(owners(spawnSync('ls', ['-n', path], { encoding: 'utf8' }).stdout)).toEqual(owners(before));

    // Nobody writes another's record; who is not of the group is alone.
    expect(
      as(
        BOB,
        [GROUP.gid],
        0o077,
        `try { own('alice').append(record('alice', 'x')); } catch (error) { return error.message; }`,
      ),
    ).toMatch(/belongs to another user/);
    expect(as(STRANGER, [], 0, 'return [directories.isHostWide, directories.refused]')).toEqual([
      false,
      `${path}: this user is not in its group`,
    ]);
    expect(
      as(
        STRANGER,
        [],
        0,
        `try { openHostStore({ directory: '${path}', now: 0, mode: 0o660 }); } catch (error) { return error.message; }`,
      ),
    ).toMatch(/EACCES/);
  });

  it('a user who may not make it is given the line for one who may', () => {
    const base = temporaryDirectory();
    chmodSync(base, 0o755);
    hostEnv = {};
    const told = as<string[]>(
      ALICE,
      [],
      0o022,
      `const { makeHostDirectory } = await import('${source('db/host-directory.ts')}');
       try { makeHostDirectory('${base}/host', { name: 'operators', gid: ${GROUP.gid} }); } catch (error) { return error.nextSteps; }`,
    );
    expect(told).toEqual([`sudo install -d -o root -g operators -m 2770 ${base}/host`]);
  });
});

describe('reading a ledger of another user', () => {
  it('finds it whole while its owner writes, again and again', () => {
    const shared = temporaryDirectory();
    const { ledger } = ledgerOf(5, { path: join(shared, 'ledger-alice.db') });
    const files = ledgerFiles({ state: '/s', shared, isHostWide: true }, { user: 'bob' });
    expect(files).toEqual([{ path: join(shared, 'ledger-alice.db'), user: 'alice', isOwn: false }]);
    for (let n = 0; n < 5; n += 1) {
      const row = ledger.rows({ limit: 1 })[0];
      if (row?.record.phase === 'started') ledger.append({ ...row.record, order: `more-${n}` });
      const seen = files.map((file) => readingLedger(file, NIGHT, (one) => one.verify()));
      expect(seen).toEqual([{ ok: true, rows: 6 + n, notes: [] }]);
    }
    ledger.close();
  });
});

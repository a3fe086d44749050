import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import * as pty from '@lydell/node-pty';
import { afterEach, describe, expect, test } from 'vitest';
import { instant } from '../../src/domain/instant.ts';
import { readIdentity } from '../../src/host/identity.ts';
import { parseLsofPorts, parsePs } from '../../src/host/process-ps.ts';
import { parseProcessStat } from '../../src/host/process-stat.ts';
import { processTableReader } from '../../src/host/process-table.ts';
import { terminalName } from '../../src/host/terminal-wait.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A program that has begun, with the first it said. */
type Started = ChildProcess & { readonly pid: number; readonly said: string };

function start(script: string, ...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, ['-e', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/tmp',
  });
  children.push(child);
  return new Promise((resolve) =>
    child.stdout?.once('data', (said) => resolve(Object.assign(child, { said: String(said) }) as Started)),
  );
}

const at = instant(1_000);
const mark = `mark-${process.pid}`;

describe.skipIf(process.platform !== 'linux')('the process table', () => {
  test('does not tell of a process that ended meanwhile as of one whose directory is hidden', async () => {
    const child = await start(`console.log('up'); setTimeout(() => {}, 20_000)`, mark);
    const reader = processTableReader();
    await reader.read({ words: ['no such word'] }, at);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    const table = await reader.read({ words: [mark] }, at, 600_000);
    expect(table.processes.filter(({ pid }) => pid === child.pid)).toEqual([]);
  });

  test('finds a process by a word of its arguments, with what is known of it, and its descendants', async () => {
    const child = await start(
      `require('child_process').spawn('/bin/sleep', ['20'], { stdio: 'ignore' }).once('spawn', () => console.log('up'))`,
      mark,
      'two words',
      '',
    );
    const table = await processTableReader().read({ words: [mark] }, at);
    const parent = table.processes.find((one) => one.pid === child.pid);
    expect(table.readAt).toBe(at);
    expect(parent).toMatchObject({
      parentPid: process.pid,
      cwd: '/tmp',
      state: expect.stringMatching(/^[RS]$/),
      ports: [],
      readsTerminal: false,
    });
    expect(parent?.argv.slice(-3)).toEqual([mark, 'two words', '']);
    expect(parent?.executable).toMatch(/node/);
    expect(Math.abs((parent?.startedAt ?? 0) - Date.now())).toBeLessThan(5000);
    const descendant = table.processes.find((one) => one.parentPid === child.pid);
    expect(descendant?.argv).toEqual(['/bin/sleep', '20']);
    process.kill(descendant?.pid ?? 0, 'SIGKILL');
    expect(table.processes.some((one) => one.pid === process.pid)).toBe(false);
  });

  test('finds who listens on a port, and sees a port that is opened later', async () => {
    const reader = processTableReader();
    const free = createServer();
    const port = await new Promise<number>((resolve) =>
      free.listen(0, '127.0.0.1', () => {
        const address = free.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      }),
    );
    await new Promise((resolve) => free.close(resolve));
    const child = await start(
      `console.log('up'); setTimeout(() => require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('open')), 300)`,
      mark,
    );
    expect((await reader.read({ words: [mark] }, at)).processes[0]?.ports).toEqual([]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const byPort = await reader.read({ words: [], ports: [port] }, at);
    expect(byPort.processes).toMatchObject([{ pid: child.pid, ports: [port] }]);
    expect((await reader.read({ words: [mark] }, at)).processes[0]?.ports).toEqual([port]);
  });

  test('finds every listener of both versions, whatever connections there are', async () => {
    const child = await start(
      `const { connect, createServer } = require('net');
      const ports = [];
      const open = (host, count, then) => {
        if (count === 0) return then();
        const server = createServer(() => {});
        server.once('error', () => open(host, 0, then));
        server.listen(0, host, () => {
          ports.push(server.address().port);
          connect(server.address().port, host, () => open(host, count - 1, then));
        });
      };
      open('127.0.0.1', 20, () => open('::1', 3, () => console.log(JSON.stringify(ports))));`,
      mark,
    );
    const opened = JSON.parse(child.said) as number[];
    expect(opened.length).toBeGreaterThanOrEqual(20);
    const table = await processTableReader().read({ words: [mark] }, at);
    expect(table.processes[0]?.ports).toEqual(opened.sort((a, b) => a - b));
  });

  test('finds processes by pid, and knows nothing of one that ended', async () => {
    const child = await start(`console.log('up'); setInterval(() => {}, 1000)`);
    const reader = processTableReader();
    expect((await reader.read({ words: [], pids: [child.pid] }, at)).processes).toHaveLength(1);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    expect((await reader.read({ words: [], pids: [child.pid] }, at)).processes).toHaveLength(0);
  });

  test('tells a program that waits for typing at a terminal from one that works there', async () => {
    const word = `${mark}-tty`;
    const waiting = pty.spawn('/bin/sh', ['-c', 'printf ready; read answer; printf got; sleep 20', word], {
      cwd: '/tmp',
    });
    try {
      await new Promise<void>((resolve) => {
        let text = '';
        const end = waiting.onData((data) => {
          text += data;
          if (text.includes('ready')) {
            end.dispose();
            resolve();
          }
        });
      });
      const reader = processTableReader();
      const find = async () =>
        (await reader.read({ words: [word] }, at)).processes.find((one) => one.pid === waiting.pid);
      await expect.poll(async () => (await find())?.readsTerminal).toBe(true);
      expect((await find())?.terminal).toMatch(/^pts\/\d+$/);
      waiting.write('yes\r');
      await expect.poll(async () => (await find())?.readsTerminal).toBe(false);
    } finally {
      waiting.kill('SIGKILL');
    }
  });

  test('reads a few hundred processes in milliseconds', async () => {
    const reader = processTableReader();
    for (let index = 0; index < 100; index += 1) {
      const child = spawn('/bin/sleep', ['30'], { stdio: 'ignore' });
      children.push(child);
    }
    await reader.read({ words: ['sleep'] }, at);
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round += 1) {
      const before = process.cpuUsage();
      const { processes } = await reader.read({ words: ['sleep'] }, at);
      const used = process.cpuUsage(before);
      least = Math.min(least, (used.user + used.system) / 1000);
      expect(processes.length).toBeGreaterThanOrEqual(100);
    }
    expect(least).toBeLessThan(30);
  });
});

test('a command name with parentheses and spaces does not shift the fields', () => {
  const rest = 'S 7 8 9 34817 8 4194304 1 0 0 0 0 0 0 0 20 0 1 0 123456 0 0';
  expect(parseProcessStat(`42 (evil) R 1 (x) ${rest}`)).toEqual({
    name: 'evil) R 1 (x',
    state: 'S',
    parentPid: 7,
    groupId: 8,
    sessionId: 9,
    terminalDevice: 34817,
    startTicks: 123456,
  });
  expect(parseProcessStat('garbage')).toBeUndefined();
  expect(terminalName(34817)).toBe('pts/1');
  expect(terminalName(0)).toBeUndefined();
  expect(terminalName(1025)).toBe('tty1');
});

test('reads the table that ps and lsof print where there is no /proc', () => {
  const text = [
    '  501   1   501 Sat Feb 21 03:14:07 2026     ttys003  S+   alice            /usr/bin/python3 api.py --port 8000',
    '  502 501   501 Sat Feb 21 03:14:08 2026     ??       Ss   root             (launchd helper)',
    'not a row',
  ].join('\n');
  const rows = parsePs(text);
  expect(rows).toMatchObject([
    {
      pid: 501,
      parentPid: 1,
      groupId: 501,
      terminal: 'ttys003',
      state: 'S',
      user: 'alice',
      argv: ['/usr/bin/python3', 'api.py', '--port', '8000'],
    },
    { pid: 502, parentPid: 501, state: 'S', user: 'root' },
  ]);
  expect(rows[1]).not.toHaveProperty('terminal');
  expect(rows[0]?.startedAt).toBe(new Date(2026, 1, 21, 3, 14, 7).getTime());
  expect(parseLsofPorts('p501\nn*:8000\nn127.0.0.1:8001\np502\nn[::1]:53\n')).toEqual(
    new Map([
      [501, [8000, 8001]],
      [502, [53]],
    ]),
  );
});

test('knows who runs this, and shows the person behind sudo and the address behind ssh', () => {
  const identity = readIdentity({ SUDO_USER: 'alice', SSH_CONNECTION: '192.0.2.7 50022 192.0.2.1 22' });
  expect(identity.uid).toBe(process.geteuid?.());
  expect(identity.user).not.toBe('');
  expect(identity.cameFrom).toBeTruthy();
  expect(identity.sshFrom).toBe('192.0.2.7');
  expect(identity.host).not.toBe('');
});

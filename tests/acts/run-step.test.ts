import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hostHands, isAlive } from '../../src/acts/hands.ts';
import { createMasker } from '../../src/acts/mask.ts';
import { runStep, type StepSurroundings } from '../../src/acts/run-step.ts';
import type { Step } from '../../src/domain/act.ts';
import { addMs } from '../../src/domain/instant.ts';
import type { KeptFile } from '../../src/domain/order.ts';
import { systemClock } from '../../src/host/clock.ts';
import { allowedEnv } from '../../src/host/process.ts';
import { temporaryDirectory } from '../db/temporary.ts';

const started: number[] = [];
afterAll(() => {
  for (const pid of started) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
});

interface Try {
  readonly root: string;
  readonly printed: string[];
  readonly kept: KeptFile[];
  run(step: Step, more?: Partial<StepSurroundings>): ReturnType<typeof runStep>;
}

function place(): Try {
  const root = realpathSync(temporaryDirectory());
  const printed: string[] = [];
  const kept: KeptFile[] = [];
  return {
    root,
    printed,
    kept,
    run: (step, more = {}) =>
      runStep(step, {
        clock: systemClock(),
        hands: hostHands,
        masker: createMasker(['s3cret-value']),
        root,
        signal: new AbortController().signal,
        secret: (name) => (name === 'KEY' ? 's3cret-value' : undefined),
        print: (text) => void printed.push(text),
        keep: (file) => void kept.push(file),
        ...more,
      }),
  };
}

function node(root: string, source: string, more: object = {}): Step {
  return {
    type: 'process',
    title: 'run',
    argv: [process.execPath, '-e', source],
    cwd: root,
    timeoutMs: 10_000,
    ...more,
  };
}

describe('a program', () => {
  it('row 43: has the environment of the allow list, what the step sets, and its secrets; nothing else of ours', async () => {
    process.env['SECRET_OF_OURS'] = 'x';
    try {
      const { root, run } = place();
      const { output } = await run(
        node(root, 'console.log(JSON.stringify(process.env))', { env: { A: '1' }, secretEnv: ['KEY'] }),
        { masker: createMasker() },
      );
      expect(JSON.parse(output.stdout)).toEqual({ ...allowedEnv(), A: '1', KEY: 's3cret-value' });
    } finally {
      delete process.env['SECRET_OF_OURS'];
    }
  });

  it('is not started without a secret it needs', async () => {
    const { root, run } = place();
    const { end } = await run(
      node(root, 'require("fs").writeFileSync("ran", "")', { secretEnv: ['NO_SUCH'] }),
    );
    expect(end).toEqual({ end: 'not-started', detail: 'the variable NO_SUCH is not set' });
    expect(() => readFileSync(join(root, 'ran'))).toThrow(/ENOENT/);
  });

  it('row 44: may print a flood: a part is kept, the hash is of all of it, and no secret in it is told', async () => {
    const { root, run, printed } = place();
    const line = `${'x'.repeat(80)} s3cret-value\n`;
    const { output, end } = await run(
      node(
        root,
        `const line = ${JSON.stringify(line.repeat(1_000))}; let n = 0; (function more() { while (n++ < 200) if (!process.stdout.write(line)) return process.stdout.once('drain', more); })()`,
      ),
    );
    expect(end).toEqual({ end: 'ok' });
    const hash = createHash('sha256');
    for (let n = 0; n < 200; n += 1) hash.update(line.repeat(1_000));
    expect(output).toMatchObject({
      truncated: true,
      sizeBytes: line.length * 200_000,
      sha256: hash.digest('hex'),
    });
    expect(output.stdout.length).toBeLessThan(1_100_000);
    expect(output.stdout).not.toContain('s3cret');
    expect(printed.join('')).not.toContain('s3cret');
  });

  it('says with its last words why it failed', async () => {
    const { root, run } = place();
    expect(
      (
        await run(
          node(root, 'console.error("Traceback"); console.error("KeyError: s3cret-value"); process.exit(3)'),
        )
      ).end,
    ).toEqual({ end: 'refused', detail: 'exit 3: KeyError: ***' });
    expect((await run(node(root, 'process.kill(process.pid, "SIGSEGV")'))).end).toEqual({
      end: 'refused',
      detail: 'ended by SIGSEGV',
    });
    expect((await run(node(root, '', { argv: ['/no/such'] }))).end).toMatchObject({ end: 'not-started' });
    expect((await run(node(root, '', { cwd: '/no/such' }))).end).toMatchObject({ end: 'not-started' });
  });

  it('is ended on request', async () => {
    const { root, run } = place();
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 300);
    expect((await run(node(root, 'setTimeout(() => {}, 30_000)'), { signal: abort.signal })).end).toEqual({
      end: 'refused',
      detail: 'the program was ended on request',
    });
    expect((await run(node(root, ''), { signal: abort.signal })).end).toEqual({
      end: 'not-started',
      detail: 'cancelled before it was started',
    });
  });
});

describe('a request', () => {
  const servers: { close(): void }[] = [];
  afterAll(() => {
    for (const server of servers) server.close();
  });

  async function serve(answer: Parameters<typeof createServer>[1]): Promise<string> {
    const server: Server = createServer(answer as never);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  const post = (url: string, timeoutMs = 5_000): Step => ({
    type: 'http',
    title: 'ask',
    method: 'POST',
    url,
    body: { a: 1 },
    timeoutMs,
  });

  it('that is answered with an error was refused', async () => {
    const url = await serve(
      (_request: unknown, response: { writeHead(status: number): { end(text: string): void } }) =>
        response.writeHead(409).end('taken s3cret-value'),
    );
    const { end, output } = await place().run(post(url));
    expect(end).toEqual({ end: 'refused', detail: 'HTTP 409: taken ***' });
    expect(output).toMatchObject({ httpStatus: 409, stdout: 'taken ***' });
  });

  it('that nobody listens to was not sent', async () => {
    expect((await place().run(post('http://127.0.0.1:1/'))).end).toEqual({
      end: 'not-started',
      detail: 'connection refused: nothing listens there',
    });
  });

  it('that is not answered in time timed out', async () => {
    const url = await serve(() => {});
    expect((await place().run(post(url, 300))).end).toEqual({
      end: 'timed-out',
      detail: 'no answer in 300 ms',
    });
  });

  it('whose connection breaks may have worked, unless it only asks', async () => {
    const server = createSocket((socket) => socket.once('data', () => socket.destroy()));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect((await place().run(post(url))).end).toMatchObject({ end: 'no-answer' });
    const ask: Step = { type: 'http', title: 'ask', method: 'GET', url, timeoutMs: 5_000 };
    const asksOnly: Step = { ...ask, method: 'POST', body: {}, asksOnly: true };
    for (const harmless of [ask, asksOnly])
      expect((await place().run(harmless)).end).toMatchObject({
        end: 'refused',
        detail: expect.stringMatching(/./),
      });
  });
});

describe('a file', () => {
  it('is replaced or removed, and what was there is kept', async () => {
    const { root, run, kept } = place();
    writeFileSync(join(root, 'a.json'), 'old', { mode: 0o640 });
    expect((await run({ type: 'file', title: 'write', path: 'a.json', text: 'new' })).end).toEqual({
      end: 'ok',
    });
    expect(readFileSync(join(root, 'a.json'), 'utf8')).toBe('new');
    expect((await run({ type: 'file', title: 'remove', path: 'a.json' })).end).toEqual({ end: 'ok' });
    expect((await run({ type: 'file', title: 'remove', path: 'a.json' })).end).toEqual({ end: 'ok' });
    expect(kept).toEqual([
      { path: 'a.json', content: Buffer.from('old').toString('base64'), mode: 0o640 },
      { path: 'a.json', content: Buffer.from('new').toString('base64'), mode: 0o640 },
      { path: 'a.json' },
    ]);
  });

  it('is not touched where it holds a secret, of which no copy may be kept', async () => {
    const { root, run, kept, printed } = place();
    writeFileSync(join(root, 'a.json'), '{"key":"s3cret-value"}');
    const { end } = await run({ type: 'file', title: 'remove', path: 'a.json' });
    expect(end).toEqual({
      end: 'not-started',
      detail: 'what is in a.json looks like a secret, of which no copy is kept',
    });
    expect(readFileSync(join(root, 'a.json'), 'utf8')).toContain('s3cret-value');
    expect([...kept, ...printed]).toEqual([]);
  });

  it('row 52: outside the root, or too large to keep, is not touched', async () => {
    const { root, run } = place();
    const outside = join(temporaryDirectory(), 'x');
    writeFileSync(outside, 'theirs');
    symlinkSync(outside, join(root, 'link'));
    expect((await run({ type: 'file', title: 'write', path: 'link', text: 'mine' })).end).toMatchObject({
      end: 'not-started',
    });
    expect(readFileSync(outside, 'utf8')).toBe('theirs');
    writeFileSync(join(root, 'large'), Buffer.alloc(9 * 1024 * 1024));
    expect((await run({ type: 'file', title: 'write', path: 'large', text: 'mine' })).end).toMatchObject({
      end: 'not-started',
      detail: expect.stringContaining('too large'),
    });
  });
});

describe('a signal', () => {
  function child(source: string): { pid: number; startedAt: number } {
    const pid =
      spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'ignore'], detached: true }).pid ??
      0;
    started.push(pid);
    return { pid, startedAt: hostHands.startedAt(pid) ?? 0 };
  }

  it('is sent to the process meant, and its end is waited for', async () => {
    const { run } = place();
    const { pid, startedAt } = child('setTimeout(() => {}, 60_000)');
    expect(
      (await run({ type: 'signal', title: 'end', pid, startedAt: startedAt as never, signal: 'SIGTERM' }))
        .end,
    ).toEqual({ end: 'ok' });
    expect(hostHands.startedAt(pid)).toBeUndefined();
  });

  it('is not sent to a process that got the number later', async () => {
    const { run } = place();
    const { pid, startedAt } = child('setTimeout(() => {}, 60_000)');
    const { end } = await run({
      type: 'signal',
      title: 'end',
      pid,
      startedAt: addMs(startedAt as never, -60_000),
      signal: 'SIGKILL',
    });
    expect(end).toMatchObject({ end: 'not-started', detail: expect.stringContaining('another one now') });
    expect(hostHands.startedAt(pid)).toBeDefined();
  });

  it('that is taken and ignored was refused', async () => {
    const { run } = place();
    const { pid, startedAt } = child('process.on("SIGTERM", () => {}); setTimeout(() => {}, 60_000)');
    const abort = new AbortController();
    // The handler must be in place, or the signal ends it.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    setTimeout(() => abort.abort(), 500);
    const { end } = await run(
      { type: 'signal', title: 'end', pid, startedAt: startedAt as never, signal: 'SIGTERM' },
      { signal: abort.signal },
    );
    expect(end).toEqual({ end: 'refused', detail: `process ${pid} took SIGTERM and still lives` });
  });
});

describe('a service', () => {
  it('is started in its own session and let go, its output in a file', async () => {
    const { root, run } = place();
    const outputPath = join(root, 'service.log');
    const { end, output } = await run({
      type: 'service',
      title: 'start',
      argv: [
        process.execPath,
        '-e',
        'console.log(process.env.A, process.env.KEY); setTimeout(() => {}, 60_000)',
      ],
      cwd: root,
      env: { A: 'here' },
      secretEnv: ['KEY'],
      outputPath,
    });
    expect(end).toEqual({ end: 'ok' });
    const pid = Number(/process (\d+)/.exec(output.stdout)?.[1]);
    started.push(pid);
    expect(isAlive(hostHands, { pid, startedAt: hostHands.startedAt(pid) ?? 0 })).toBe(true);
    // Field 6 of the process's stat is its session: its own.
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[5]).toBe(String(pid));
    expect(readFileSync(outputPath, 'utf8')).toBe('here s3cret-value\n');
  });

  it('that ends at once has not been started', async () => {
    const { root, run } = place();
    const { end } = await run({
      type: 'service',
      title: 'start',
      argv: ['/bin/sh', '-c', 'exit 1'],
      cwd: root,
    });
    expect(end).toMatchObject({
      end: 'refused',
      detail: expect.stringMatching(/^process \d+ ended within 1 s/),
    });
  });
});

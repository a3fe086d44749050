import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addMs } from '../../src/domain/instant.ts';
import { allowedEnv, runProcess, signalProcess, startService } from '../../src/host/process.ts';
import { processStartedAt } from '../../src/host/process-stat.ts';

let dir: string;
const toEnd = new Set<number>();
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'process-test-')));
});
afterEach(() => {
  for (const pid of toEnd) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Ended by itself.
    }
  }
  toEnd.clear();
  rmSync(dir, { recursive: true, force: true });
});

const run = (argv: readonly string[], more: Partial<Parameters<typeof runProcess>[0]> = {}) =>
  runProcess({ argv, cwd: dir, env: {}, timeoutMs: 5000, ...more });
const node = (script: string, ...args: string[]): string[] => [process.execPath, '-e', script, ...args];
const sh = (script: string): string[] => ['/bin/sh', '-c', script];

function isAlive(pid: number): boolean {
  return processStartedAt(pid) !== undefined;
}

describe('running a program', () => {
  test('gives exit code, both outputs and where it ran', async () => {
    const result = await run(node('console.log(process.cwd()); console.error("bad"); process.exit(3)'));
    expect(result).toMatchObject({ exitCode: 3, timedOut: false, aborted: false, escaped: [] });
    expect(result.stdout).toMatchObject({ text: `${dir}\n`, truncated: false });
    expect(result.stderr.text).toBe('bad\n');
  });

  test('gives the signal that ended it', async () => {
    const result = await run(sh('kill -SEGV $$'));
    expect(result).toMatchObject({ exitCode: null, signal: 'SIGSEGV' });
  });

  test('passes the environment it is given and nothing of its own', async () => {
    process.env['SECRET_TOKEN'] = 'hush';
    const result = await run(['/usr/bin/env'], { env: { A: '1', B: 'two words' } });
    delete process.env['SECRET_TOKEN'];
    expect(result.stdout.text.trim().split('\n').sort()).toEqual(['A=1', 'B=two words']);
    expect(Object.keys(allowedEnv({ PATH: '/bin', API_KEY: 'x', HOME: '/h' }))).toEqual(['PATH', 'HOME']);
  });

  test('row 23: passes hostile arguments each as exactly one, and no shell sees them', async () => {
    const words = [
      '--version',
      '-rf',
      '$(touch hit)',
      '; touch hit',
      '..',
      'a\nb',
      'x'.repeat(10_000),
      'a\u202eb',
      '`touch hit`',
      '',
    ];
    const result = await run(node('console.log(JSON.stringify(process.argv.slice(1)))', '--', ...words));
    expect(JSON.parse(result.stdout.text)).toEqual(words);
    expect(existsSync(join(dir, 'hit'))).toBe(false);
  });

  test('refuses what is not an absolute program or holds a NUL', async () => {
    expect((await run(['echo', 'x'])).error).toMatch(/not an absolute program/);
    expect((await run([])).error).toMatch(/not an absolute program/);
    expect((await run(['/bin/echo', 'a\0b'])).error).toMatch(/NUL/);
    expect((await run(['/no/such/program'])).error).toMatch(/could not start.*ENOENT/);
    expect((await run(['/bin/echo'], { cwd: '/no/such/dir' })).error).toMatch(/could not start/);
  });

  test('row 44: caps the output it keeps, and knows size and hash of all of it', async () => {
    // In a process of its own: what a worker of the tests holds of other files moves by as much as is measured here.
    const flood =
      'const b = Buffer.alloc(1e6, "y\\n"); let n = 0; (function w(){ while (n < 300) { n++; if (!process.stdout.write(b)) return process.stdout.once("drain", w); } })()';
    const keeper = `
      import { runProcess } from ${JSON.stringify(new URL('../../src/host/process.ts', import.meta.url).href)};
      const before = process.memoryUsage().rss;
      const argv = [process.execPath, '-e', ${JSON.stringify(flood)}];
      const { stdout } = await runProcess({ argv, cwd: '/', env: {}, timeoutMs: 30_000, maxBytes: 10_000 });
      console.log(JSON.stringify({ stdout, grown: process.memoryUsage().rss - before }));`;
    const kept = await run([process.execPath, '--input-type=module', '-e', keeper], { timeoutMs: 40_000 });
    const result = JSON.parse(kept.stdout.text) as { stdout: { text: string }; grown: number };
    const hash = createHash('sha256');
    for (let count = 0; count < 300; count += 1) hash.update(Buffer.alloc(1e6, 'y\n'));
    expect(result.stdout).toMatchObject({ sizeBytes: 300e6, truncated: true, sha256: hash.digest('hex') });
    expect(result.stdout.text.length).toBeLessThan(10_100);
    expect(result.stdout.text).toContain('[299990000 bytes left out]');
    expect(result.grown).toBeLessThan(100e6);
  });

  test('hands output on while the program runs', async () => {
    const parts: string[] = [];
    const go = join(mkdtempSync(join(tmpdir(), 'process-test-')), 'go');
    // It goes on once its first line has been handed on.
    const script = `const { existsSync } = require('fs'); console.log('one');
      const timer = setInterval(() => { if (existsSync(process.argv[1])) { clearInterval(timer); console.log('two'); } }, 5);`;
    await run(node(script, go), {
      onOutput: (_stream, bytes) => {
        parts.push(bytes.toString());
        writeFileSync(go, '');
      },
    });
    rmSync(join(go, '..'), { recursive: true });
    expect(parts).toEqual(['one\n', 'two\n']);
  });
});

describe('deadlines', () => {
  test('row 22: returns soon after the deadline although a grandchild ignores TERM and holds the output', async () => {
    const result = await run(sh("trap '' TERM; sleep 31 & echo $! ; sleep 32"), {
      timeoutMs: 700,
      graceMs: 300,
    });
    // Long before the grandchild would have ended by itself.
    expect(result.durationMs).toBeLessThan(20_000);
    expect(result).toMatchObject({ timedOut: true, signal: 'SIGKILL', escaped: [] });
    expect(isAlive(Number(result.stdout.text))).toBe(false);
    expect(isAlive(result.pid ?? 0)).toBe(false);
  });

  test('gives a program its grace: TERM first, with what it says then', async () => {
    const script =
      'process.on("SIGTERM", () => { console.log("saving"); process.exit(7); }); setInterval(() => {}, 1e3); console.log("up")';
    const result = await run(node(script), { timeoutMs: 400, graceMs: 2000 });
    expect(result).toMatchObject({ timedOut: true, exitCode: 7 });
    expect(result.stdout.text).toBe('up\nsaving\n');
  });

  test('row 63: lists a child that left the group for a session of its own as escaped', async () => {
    const script = `const c = require('child_process').spawn('/bin/sleep', ['40'], { detached: true, stdio: 'inherit' });
      console.log(c.pid); setInterval(() => {}, 1000);`;
    const result = await run(node(script), { timeoutMs: 500, graceMs: 200 });
    const pid = Number(result.stdout.text);
    toEnd.add(pid);
    expect(result.timedOut).toBe(true);
    expect(result.escaped).toEqual([pid]);
    expect(isAlive(pid)).toBe(true);
  });

  test('row 63: lists a daemon that was left behind by a program which ended', async () => {
    const script = `const c = require('child_process').spawn('/bin/sleep', ['40'], { detached: true, stdio: 'inherit' });
      c.unref(); console.log(c.pid);`;
    const result = await run(node(script));
    // Long before the daemon would have ended by itself.
    expect(result.durationMs).toBeLessThan(20_000);
    const pid = Number(result.stdout.text);
    toEnd.add(pid);
    expect(result).toMatchObject({ exitCode: 0, timedOut: false, escaped: [pid] });
  });

  test('an abort ends it like a deadline', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    const result = await run(['/bin/sleep', '30'], { signal: stop.signal, graceMs: 200 });
    expect(result).toMatchObject({ aborted: true, timedOut: false, signal: 'SIGTERM' });
    expect(result.durationMs).toBeLessThan(20_000);
  });
});

describe('services and signals', () => {
  test('a service runs in its own session, appends its output, and is found again by pid and start time', async () => {
    const outputPath = join(dir, 'service.log');
    const started = await startService({
      argv: sh('echo up; sleep 30'),
      cwd: dir,
      env: { PATH: '/bin:/usr/bin' },
      outputPath,
    });
    if (!started.ok) throw new Error(started.error);
    const { pid, startedAt } = started.value;
    toEnd.add(pid);
    if (startedAt === undefined) throw new Error('no start time');
    await expect.poll(() => readFileSync(outputPath, 'utf8')).toBe('up\n');
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3]).toBe(String(pid));
    expect(signalProcess({ pid, startedAt: addMs(startedAt, -10_000), signal: 'SIGTERM' })).toMatchObject({
      ok: false,
    });
    expect(isAlive(pid)).toBe(true);
    expect(signalProcess({ pid, startedAt, signal: 'SIGTERM', group: true }).ok).toBe(true);
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(signalProcess({ pid, startedAt, signal: 'SIGTERM' })).toMatchObject({
      ok: false,
      error: expect.stringMatching(/ended/),
    });
  });

  test('says why a service could not start', async () => {
    const none = await startService({ argv: ['/no/such'], cwd: dir, env: {} });
    expect(none).toMatchObject({ ok: false, error: expect.stringMatching(/ENOENT/) });
  });

  test('never signals itself, nobody, or the process with number one', () => {
    const startedAt = addMs(processStartedAt(process.pid) ?? (0 as never), 0);
    for (const pid of [process.pid, 0, 1, -1, 1.5, Number.NaN]) {
      expect(signalProcess({ pid, startedAt, signal: 'SIGTERM' }).ok).toBe(false);
    }
  });

  test('a program outlives the one that started it', async () => {
    const script = `import { startService } from '${join(import.meta.dirname, '../../src/host/process.ts')}';
      const r = await startService({ argv: ['/bin/sleep', '30'], cwd: '/', env: {} }); console.log(r.value.pid);`;
    const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    starter.stdout.on('data', (part) => {
      text += part;
    });
    await new Promise((resolve) => starter.on('close', resolve));
    toEnd.add(Number(text));
    expect(isAlive(Number(text))).toBe(true);
  });
});

import { spawnSync } from 'node:child_process';
import { realpathSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostHands } from '../../src/acts/hands.ts';
import { createMasker } from '../../src/acts/mask.ts';
import { runStep } from '../../src/acts/run-step.ts';
import { shellLine } from '../../src/acts/shell-text.ts';
import { describeStep } from '../../src/acts/step-text.ts';
import type { HttpStep, ProcessStep } from '../../src/domain/act.ts';
import { systemClock } from '../../src/host/clock.ts';
import { temporaryDirectory } from '../db/temporary.ts';

const around = (root: string, secrets: Record<string, string> = {}) => ({
  clock: systemClock(),
  hands: hostHands,
  masker: createMasker(),
  root,
  signal: new AbortController().signal,
  secret: (name: string) => secrets[name],
  print: () => {},
  keep: () => {},
});

/** Prints what it was started with. */
function echoProgram(directory: string): string {
  const path = join(directory, 'echo.mjs');
  writeFileSync(
    path,
    'console.log(JSON.stringify({ argv: process.argv.slice(2), cwd: process.cwd(), A: process.env.A, KEY: process.env.KEY }));',
  );
  return path;
}

describe('the text of a step', () => {
  it('is, pasted into a shell, exactly what the runner starts', async () => {
    const directory = realpathSync(temporaryDirectory());
    const step: ProcessStep = {
      type: 'process',
      title: 'echo',
      cwd: directory,
      timeoutMs: 10_000,
      env: { A: "it's $HOME; `x`" },
      secretEnv: ['KEY'],
      argv: [
        process.execPath,
        echoProgram(directory),
        '--card',
        'tide-3',
        'a b\'c"d',
        '',
        '$(touch x)',
        '*',
        'line\nbreak',
        '\u202e',
        '--',
        '-rf',
      ],
    };
    const run = await runStep(step, around(directory, { KEY: 'k-123' }));
    const pasted = spawnSync('/bin/sh', ['-c', describeStep(step)], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], KEY: 'k-123' },
    });
    expect(run.output.exitCode).toBe(0);
    expect(JSON.parse(run.output.stdout)).toEqual({
      argv: step.argv.slice(2),
      cwd: directory,
      A: "it's $HOME; `x`",
      KEY: 'k-123',
    });
    expect(pasted.stdout).toBe(run.output.stdout);
    expect(describeStep(step)).not.toContain('k-123');
    expect(describeStep(step)).toContain('KEY="$KEY"');
  });

  it('quotes any words so that a shell gives them back', () => {
    const word = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom("'", '"', '$', '`', '\\', ' ', '\n', '=', '-', ';', '*', '!'),
          fc.string({ minLength: 1, maxLength: 1 }),
        ),
      })
      .filter((text) => !text.includes('\0') && text.isWellFormed());
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
        const out = spawnSync('/bin/sh', ['-c', `printf '%s\\0' ${shellLine(words)}`], {
          encoding: 'utf8',
        }).stdout;
        expect(out.split('\0').slice(0, -1)).toEqual(words);
      }),
      { numRuns: 60 },
    );
  });

  it('says for a request what the server receives, and names the key without telling it', async () => {
    const received: {
      method: string | undefined;
      url: string | undefined;
      key: unknown;
      type: unknown;
      body: string;
    }[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => {
        received.push({
          method: request.method,
          url: request.url,
          key: request.headers['x-api-key'],
          type: request.headers['content-type'],
          body,
        });
        response.writeHead(202).end('{"ok":true}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const step: HttpStep = {
        type: 'http',
        title: 'restart',
        method: 'POST',
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/restart?why=x%20y`,
        body: { reason: "operator's", n: 1 },
        secretHeader: { name: 'X-Api-Key', variable: 'COHERENCE_KEY' },
        timeoutMs: 5_000,
      };
      const run = await runStep(step, around('/', { COHERENCE_KEY: 's3cret-value' }));
      expect(run).toMatchObject({ end: { end: 'ok' }, output: { httpStatus: 202, stdout: '{"ok":true}' } });
      const text = describeStep(step);
      expect(received[0]).toEqual({
        method: 'POST',
        url: '/api/restart?why=x%20y',
        key: 's3cret-value',
        type: 'application/json',
        body: JSON.stringify(step.body),
      });
      expect(text).not.toContain('s3cret-value');
      expect(text).toBe(
        `curl -sS -X POST -H 'Content-Type: application/json' -H "X-Api-Key: $COHERENCE_KEY" --data-raw '{"reason":"operator'\\''s","n":1}' '${step.url}'`,
      );
    } finally {
      server.close();
    }
  });

  it('names files, signals and services as one would type them', () => {
    expect(describeStep({ type: 'file', title: 'x', path: "api/logs/a 'b'.json", text: '{"a":1}' })).toBe(
      `printf %s '{"a":1}' > 'api/logs/a '\\''b'\\''.json'`,
    );
    expect(describeStep({ type: 'file', title: 'x', path: 'pause' })).toBe('rm -f -- pause');
    expect(
      describeStep({ type: 'signal', title: 'x', pid: 2210, startedAt: 0 as never, signal: 'SIGTERM' }),
    ).toBe('kill -TERM 2210');
    expect(
      describeStep({
        type: 'service',
        title: 'x',
        argv: ['/usr/bin/python3', 'pm.py'],
        cwd: '/srv/c',
        env: { A: '1' },
        outputPath: '/srv/c/pm.log',
      }),
    ).toBe('cd /srv/c && A=1 setsid /usr/bin/python3 pm.py >>/srv/c/pm.log 2>&1 &');
    expect(describeStep({ type: 'read', title: 'x', paths: ['a', 'b c'], maxBytes: 1 })).toBe(
      "cat -- a 'b c'",
    );
  });
});

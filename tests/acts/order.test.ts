import { describe, expect, it } from 'vitest';
import { claimKeyOf, stepsRefusal } from '../../src/acts/order.ts';
import type { SystemId } from '../../src/domain/entity.ts';

const target = { system: 'claw' as SystemId, type: 'job', id: 'a1' } as const;

function refusal(
  targetId: string,
  argv: readonly string[],
  params: Record<string, string> = {},
): string | undefined {
  return stepsRefusal(
    [{ type: 'process', title: 'run', argv: ['/usr/bin/python3', ...argv], cwd: '/srv', timeoutMs: 1 }],
    { targetId, params },
  );
}

describe('steps that must not run', () => {
  it.each([
    '--version',
    '-rf',
    '$(x)',
    ';',
    '..',
    'a..b',
    'a\u0000b',
    'a\nb',
    'x'.repeat(10_240),
    '\u202ea',
    '',
    'a b',
    '/etc/passwd',
    'é',
  ])('those with the id %j as an argument', (id) => {
    expect(refusal(id, ['approve.py', id])).toBeDefined();
    expect(refusal(id, ['approve.py', `--job=${id}`])).toBeDefined();
  });

  it.each(['a1b2', 'TIDE-3', '2026-02-21T03:14', 'job_9.x', 'task_864e65b18d8b704c'])(
    'not those with the id %s',
    (id) => {
      expect(refusal(id, ['approve.py', id])).toBeUndefined();
      expect(refusal(id, ['approve.py', `--job=${id}`])).toBeUndefined();
    },
  );

  it('row 23: those where a value from outside would be taken for an option', () => {
    expect(refusal('a1', ['x.py', '--answer', '--force'], { answer: '--force' })).toMatch(
      /taken for an option/,
    );
    expect(refusal('a1', ['x.py', '--answer=--force'], { answer: '--force' })).toBeUndefined();
    expect(refusal('a1', ['x.py', '--', '--force'], { answer: '--force' })).toBeUndefined();
    expect(refusal('a1', ['x.py', '--force'])).toBeUndefined();
  });

  it('those without an absolute program, with NUL, with an argument too long for the kernel', () => {
    const step = { type: 'process', title: 'run', cwd: '/srv', timeoutMs: 1 } as const;
    const ask = (argv: string[], more = {}) =>
      stepsRefusal([{ ...step, argv, ...more }], { targetId: 'a', params: {} });
    expect(ask(['python3'])).toMatch(/absolute path: python3/);
    expect(ask([])).toMatch(/absolute path/);
    expect(ask(['/bin/x', 'a\0b'])).toMatch(/NUL/);
    expect(ask(['/bin/x', 'x'.repeat(140_000)])).toMatch(/128 KiB/);
    expect(ask(['/bin/x'], { cwd: 'srv' })).toMatch(/directory is not absolute/);
    expect(ask(['/bin/x'], { env: { 'A B': '1' } })).toMatch(/name of a variable: A B/);
    expect(ask(['/bin/x'], { secretEnv: ['A=1'] })).toMatch(/name of a variable/);
    expect(ask(['/bin/x'], { env: { A: 'x\0' } })).toMatch(/NUL/);
  });

  it('requests, files and signals that lead elsewhere', () => {
    const ask = (step: Parameters<typeof stepsRefusal>[0][number]) =>
      stepsRefusal([step], { targetId: 'a', params: {} });
    const http = { type: 'http', title: 't', method: 'GET', timeoutMs: 1 } as const;
    expect(ask({ ...http, url: 'file:///etc/passwd' })).toMatch(/not a web address/);
    expect(ask({ ...http, url: 'http://h/a b' })).toMatch(/white space/);
    expect(ask({ ...http, url: 'http://h/a', headers: { X: 'a\r\nY: b' } })).toMatch(/not one line/);
    expect(ask({ ...http, url: 'http://h/a' })).toBeUndefined();
    expect(ask({ type: 'file', title: 't', path: '../x', text: '' })).toMatch(/below the root/);
    expect(ask({ type: 'signal', title: 't', pid: 1, startedAt: 0 as never, signal: 'SIGTERM' })).toMatch(
      /pid 1/,
    );
    expect(ask({ type: 'signal', title: 't', pid: -5, startedAt: 0 as never, signal: 'SIGTERM' })).toMatch(
      /pid -5/,
    );
    expect(ask({ type: 'read', title: 't', paths: ['x'], maxBytes: 1 })).toMatch(/only a read act/);
    expect(stepsRefusal([], { targetId: 'a', params: {} })).toBe('there is nothing to run');
  });
});

describe('what may happen once', () => {
  it('is a decision per approval and revision, else the act itself', () => {
    const key = (id: string, menu: 'approve' | 'cancel') => claimKeyOf({ id, menu }, target, 'r1');
    expect(key('job.approve', 'approve')).toEqual(key('job.deny', 'approve'));
    expect(key('job.cancel', 'cancel')).toEqual({
      slot: 'job.cancel',
      target: 'claw/job/a1',
      revision: 'r1',
    });
  });
});

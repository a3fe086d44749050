import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { lookInto } from '../../../src/config/look.ts';
import type { SystemId } from '../../../src/domain/entity.ts';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import type { CommonSettings } from '../../../src/systems/system.ts';

let dir = '';
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-coherence-')));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(path: string, text = '', mode = 0o644): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text, { mode });
}

const look = (at = dir, env: Record<string, string> = {}) => lookInto(at, env);
const locate = (settings: CommonSettings = {}, at = dir, env: Record<string, string> = {}) =>
  coherenceKind.locate(at, look(at, env), 'coherence' as SystemId, settings);

describe('a checkout', () => {
  it('is recognised by its scripts or by what they write, from its root or its api directory', () => {
    expect(coherenceKind.recognise(look())).toBeUndefined();
    put('api/logs/pipeline_version.json');
    expect(coherenceKind.recognise(look())?.confidence).toBe(0.6);
    put('api/scripts/run_overnight_pipeline_watchdog.sh');
    expect(coherenceKind.recognise(look())).toMatchObject({ confidence: 0.95 });
    expect(coherenceKind.recognise(look(join(dir, 'api')))).toMatchObject({ confidence: 0.95 });
  });

  it('is located at its root, whether root, root with a slash or api was named', () => {
    put('api/logs/monitor.log');
    for (const named of [dir, `${dir}/`, join(dir, 'api'), `${join(dir, 'api')}/`]) {
      expect(locate({}, named).root).toBe(dir);
    }
  });

  it('that does not exist is the operator’s mistake, said with the way to name one', () => {
    expect(() => locate({}, join(dir, 'nowhere'))).toThrow('does not exist');
  });

  it('takes the interpreter of the settings, else its environment’s, else the one on PATH, else none', () => {
    put('api/logs/monitor.log');
    expect(locate().python).toBeUndefined();
    put('bin/python3', '#!/bin/sh\n', 0o755);
    expect(locate({}, dir, { PATH: join(dir, 'bin') }).python).toBe(join(dir, 'bin/python3'));
    put('api/.venv/bin/python', '#!/bin/sh\n', 0o755);
    expect(locate().python).toBe(join(dir, 'api/.venv/bin/python'));
    expect(locate({ python: '/opt/python' }).python).toBe('/opt/python');
  });

  it('takes the port of its url, with the scheme’s own where none is written', () => {
    put('api/logs/monitor.log');
    const port = (settings: CommonSettings): unknown => locate(settings).extra['port'];
    expect(port({})).toBe(8000);
    expect(port({ port: '9001' } as CommonSettings)).toBe(9001);
    expect(port({ url: 'http://127.0.0.1:8123/' })).toBe(8123);
    expect(port({ url: 'https://coherence.example' })).toBe(443);
    expect(port({ url: 'http://[::1]:81' })).toBe(81);
    expect(locate({ url: 'http://127.0.0.1:8123/' }).url).toBe('http://127.0.0.1:8123');
  });

  it('knows a linked worktree by its .git file', () => {
    put('api/logs/monitor.log');
    put('.git', 'gitdir: ../other/.git/worktrees/night\n');
    expect(locate().extra['linkedWorktree']).toBe('../other/.git/worktrees/night');
  });
});

describe('sources', () => {
  it('ask the API only where a url is given, and seldom', () => {
    put('api/logs/monitor.log');
    const types = (settings: CommonSettings): string[] =>
      coherenceKind.sources(locate(settings), {}).map((one) => one.type);
    expect(types({})).not.toContain('http');
    const polled = coherenceKind
      .sources(locate({ url: 'http://127.0.0.1:8000' }), {})
      .flatMap((one) => (one.type === 'http' ? [one] : []));
    expect(polled.map((one) => one.id)).toEqual([
      'api.health',
      'api.attention',
      'api.runners',
      'api.fatal',
      'api.ready',
    ]);
    const perMinute = polled.reduce((sum, one) => sum + 60_000 / one.everyMs, 0);
    expect(perMinute).toBeLessThan(8);
  });

  it('have ids of their own and parsers that exist', () => {
    put('api/logs/monitor.log');
    const specs = coherenceKind.sources(locate({ url: 'http://127.0.0.1:8000' }), {});
    expect(new Set(specs.map((one) => one.id)).size).toBe(specs.length);
    for (const spec of specs) expect(Object.keys(coherenceKind.parsers)).toContain(spec.parser);
  });
});

describe('settings', () => {
  it('take numbers as text, and refuse anything else', () => {
    const read = (value: unknown): boolean => z.safeParse(coherenceKind.settings, value).success;
    expect(read({ poll: '90', pace: '10', decisionTimeout: '24', port: '8000' })).toBe(true);
    expect(read({ poll: 'soon' })).toBe(false);
    expect(read({ port: '-1' })).toBe(false);
  });
});

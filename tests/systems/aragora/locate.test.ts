import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookInto } from '../../../src/config/look.ts';
import type { SystemId } from '../../../src/domain/entity.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import { wordsOf } from '../../../src/systems/aragora/manager.ts';
import type { CommonSettings, Located, SourceSpec } from '../../../src/systems/system.ts';

let dir: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-aragora-locate-')));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), 'x');
  }
}

function locate(settings: Record<string, string> = {}, where = dir): Located {
  const look = lookInto(where, { PATH: '/nowhere' });
  return aragoraKind.locate(where, look, 'aragora' as SystemId, settings as CommonSettings);
}

function source(located: Located, id: string): SourceSpec | undefined {
  return aragoraKind.sources(located, {}).find((one) => one.id === id);
}

describe('recognising an installation', () => {
  it('knows a checkout by its scripts and a copied tree by the loop’s files, and nothing else', () => {
    const recognise = (): number | undefined => aragoraKind.recognise(lookInto(dir, {}))?.confidence;
    put('scripts/other.py', '.nomic/notes.txt');
    expect(recognise()).toBeUndefined();
    put('.nomic/nomic_loop.log');
    expect(recognise()).toBe(0.7);
    put('scripts/nomic_loop.py');
    expect(recognise()).toBe(0.95);
  });
});

describe('locating an installation', () => {
  it('takes the checkout of a `.nomic` directory that was named', () => {
    put('.nomic/nomic_loop.log');
    expect(locate({}, join(dir, '.nomic')).root).toBe(dir);
  });

  it('says which directory does not exist and how to name one', () => {
    expect(() => locate({}, join(dir, 'gone'))).toThrow(/does not exist/);
  });

  it('prefers the python that was given, then the checkout’s own', () => {
    expect(locate().python).toBeUndefined();
    put('.venv/bin/python');
    expect(locate().python).toBe(join(dir, '.venv/bin/python'));
    expect(locate({ python: '/opt/py' }).python).toBe('/opt/py');
  });

  it('reads the server only where it was told where: a log, a stream, an address', () => {
    const ids = (located: Located): string[] => aragoraKind.sources(located, {}).map((one) => one.id);
    expect(ids(locate()).filter((id) => /^(api|server)\./.test(id))).toEqual([]);
    const given = locate({
      log: '/var/log/a.log',
      stream: 'journalctl -u aragora -o cat -f',
      url: 'http://h:8080/',
    });
    expect(source(given, 'server.log')).toMatchObject({ type: 'log', glob: '/var/log/a.log' });
    expect(source(given, 'server.stream')).toMatchObject({
      argv: ['journalctl', '-u', 'aragora', '-o', 'cat', '-f'],
    });
    expect(given.url).toBe('http://h:8080');
    expect(ids(given)).toContain('api.breakers');
  });

  it('asks the loop’s own server only what it has', () => {
    const ids = aragoraKind
      .sources(locate({ url: 'http://h:8080', server: 'nomic' }), {})
      .filter((one) => one.type === 'http')
      .map((one) => one.id);
    expect(ids).toEqual(['api.health', 'api.nomic']);
  });

  it('stays far below the server’s limits, never asks an admin path, and sends a key only where one is needed', () => {
    const http = aragoraKind
      .sources(locate({ url: 'http://h', keyEnv: 'ARAGORA_KEY' }), {})
      .filter((one) => one.type === 'http');
    expect(http.length).toBeGreaterThan(0);
    // The budget is counted by host: two cockpits that ask every path must fit into each path's.
    const asked = http.reduce((sum, spec) => sum + 60_000 / spec.everyMs, 0);
    for (const spec of http) {
      expect(spec.perMinute).toBeGreaterThanOrEqual(2 * asked);
      expect(spec.perMinute).toBeLessThanOrEqual(60);
      expect(spec.path).not.toContain('admin');
      const isPublic = ['/healthz', '/readyz', '/api/health', '/api/v1/health/build'].includes(spec.path);
      expect(spec.secretHeader === undefined).toBe(isPublic);
    }
  });

  it('takes a loop directory elsewhere', () => {
    expect(source(locate({ nomic: '/data/nomic/' }), 'nomic.log')).toMatchObject({
      glob: '/data/nomic/nomic_loop.log',
    });
  });
});

describe('words of a stream command', () => {
  it('are parted by blanks and kept together by quotes; nothing is expanded', () => {
    expect(wordsOf(`kubectl logs -l 'app.kubernetes.io/name=aragora' "a b" $HOME;x`)).toEqual([
      'kubectl',
      'logs',
      '-l',
      'app.kubernetes.io/name=aragora',
      'a b',
      '$HOME;x',
    ]);
    expect(wordsOf('   ')).toEqual([]);
  });
});

describe('settings', () => {
  it('refuse what is none of theirs to mean', () => {
    const parse = (value: unknown): boolean => aragoraKind.settings.safeParse(value).success;
    expect(parse({ total: '7200', server: 'nomic', maxCost: '50' })).toBe(true);
    expect(parse({ total: 'long' })).toBe(false);
    expect(parse({ server: 'fastapi' })).toBe(false);
  });
});

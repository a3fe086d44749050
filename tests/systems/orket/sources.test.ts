import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookInto } from '../../../src/config/look.ts';
import type { SystemId } from '../../../src/domain/entity.ts';
import { UserError } from '../../../src/domain/error.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import type { CommonSettings, Located } from '../../../src/systems/system.ts';
import { Installation } from './installation.ts';

describe('finding an Orket installation', () => {
  let orket: Installation;
  beforeEach(() => {
    orket = new Installation();
  });
  afterEach(() => orket.remove());

  const locate = (settings: CommonSettings & object = {}, env: Record<string, string> = {}): Located =>
    orketKind.locate(orket.dir, lookInto(orket.dir, env), 'orket' as SystemId, settings);

  it('knows a checkout by its files, and what is left of one by its database or log', () => {
    const look = lookInto(orket.dir, {});
    expect(orketKind.recognise(look)).toBeUndefined();
    orket.write('workspace/default/orket.log', '');
    expect(orketKind.recognise(look)?.because).toBe('workspace/default/orket.log');
    orket.card('A', 'ready');
    expect(orketKind.recognise(look)?.because).toContain('orket_persistence.db');
    orket.write('orket/logging.py', '');
    expect(orketKind.recognise(look)?.confidence).toBeGreaterThan(0.9);
  });

  it('says what is missing and what to name when the directory is none', () => {
    const look = lookInto('/usr/lib', {});
    expect(() => orketKind.locate('/usr/lib', look, 'orket' as SystemId, {})).toThrow(UserError);
  });

  it("takes the setting's interpreter, else that of the venv, else python3 on PATH, else none", () => {
    expect(locate().python).toBeUndefined();
    orket.write('bin/python3', '#!/bin/sh\n');
    chmodSync(join(orket.dir, 'bin/python3'), 0o755);
    const env = { PATH: join(orket.dir, 'bin') };
    expect(locate({}, env).python).toBe(join(orket.dir, 'bin/python3'));
    orket.write('.venv/bin/python', '');
    expect(locate({}, env).python).toBe(join(orket.dir, '.venv/bin/python'));
    expect(locate({ python: '/opt/python' }, env).python).toBe('/opt/python');
    expect(locate({ python: 'bin/python3' }).python).toBe(join(orket.dir, 'bin/python3'));
    expect(locate({ python: 'python3' }, env).python).toBe(join(orket.dir, 'bin/python3'));
  });

  it('finds the database where the setting, .env or environment put it', () => {
    const path = (located: Located): unknown =>
      orketKind.sources(located, {}).find((source) => source.id === 'db' && source.type === 'database');
    expect(path(locate())).toMatchObject({ path: '.orket/durable/db/orket_persistence.db' });
    expect(path(locate({}, { ORKET_DURABLE_ROOT: '/srv/d/' }))).toMatchObject({
      path: '/srv/d/db/orket_persistence.db',
    });
    orket.write('.env', 'export ORKET_DURABLE_ROOT="/data"\nORKET_VERIFY_TIMEOUT_SEC=90\n');
    expect(path(locate({}, { ORKET_DURABLE_ROOT: '/srv/d' }))).toMatchObject({
      path: '/data/db/orket_persistence.db',
    });
    expect(locate().extra['verifyTimeoutMs']).toBe(90_000);
    expect(path(locate({ durable: 'elsewhere' } as object))).toMatchObject({
      path: 'elsewhere/db/orket_persistence.db',
    });
  });

  it('keeps what .env says about keys out of what travels', () => {
    orket.write('.env', 'ORKET_API_KEY=hush-hush\n');
    expect(JSON.stringify(locate())).not.toContain('hush');
  });

  it('asks the API how many runs it has only when it was told the key, by name', () => {
    const ids = (settings: CommonSettings): string[] =>
      orketKind.sources(locate(settings), {}).map((one) => one.id);
    expect(ids({ url: 'http://h:8082' })).not.toContain('api.heartbeat');
    const settings = { url: 'http://h:9999/', keyEnv: 'ORKET_API_KEY' };
    expect(ids(settings)).toContain('api.heartbeat');
    const sources = orketKind.sources(locate(settings), {});
    expect(sources.find((one) => one.id === 'api.heartbeat')).toMatchObject({
      secretHeader: { name: 'X-API-Key', variable: 'ORKET_API_KEY' },
    });
    expect(sources.find((one) => one.type === 'process')).toMatchObject({ match: { ports: [9999] } });
  });

  it('reads workspaces elsewhere under ids of their own, never those with wildcards', () => {
    const sources = orketKind.sources(locate(), { workspaces: ['/data/w1', '/data/*', '/data/../etc', 7] });
    const ids = sources.map((one) => one.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => id.includes('@'))).toEqual([
      'orket.log@/data/w1',
      'events@/data/w1',
      'crash@/data/w1',
      'turns@/data/w1',
      'violations@/data/w1',
      'verification@/data/w1',
    ]);
  });

  it('refuses settings it does not have and numbers that are none', () => {
    expect(orketKind.settings.safeParse({}).success).toBe(true);
    expect(orketKind.settings.safeParse({ stalledAfter: '60' }).success).toBe(true);
    expect(orketKind.settings.safeParse({ stalledAfter: 'soon' }).error?.issues[0]?.message).toBe(
      'is a number of seconds, from 1 to 99999',
    );
    expect(orketKind.settings.safeParse({ stalled: '60' }).success).toBe(false);
  });
});

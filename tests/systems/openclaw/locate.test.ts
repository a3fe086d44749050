import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lookInto } from '../../../src/config/look.ts';
import type { SystemId } from '../../../src/domain/entity.ts';
import { UserError } from '../../../src/domain/error.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import { placeOf } from '../../../src/systems/openclaw/schema.ts';
import type { CommonSettings, Located } from '../../../src/systems/system.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'binnacle-openclaw-locate-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(path: string, text = ''): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

function skill(at: string, env?: string): void {
  for (const name of ['control.py', 'worker.py', 'submit.py']) put(`${at}/scripts/${name}`);
  if (env !== undefined) put(`${at}/.env`, env);
}

function locate(
  path: string,
  settings: CommonSettings & { skill?: string; interval?: string } = {},
): Located {
  const at = join(dir, path);
  return openclawKind.locate(at, lookInto(at, { PATH: '/nowhere' }), 'openclaw' as SystemId, settings);
}

describe('the skill directory', () => {
  test('leads to the BASE_PATH and PROJECT_ID of its .env, quotes taken off', () => {
    skill('skill', 'BASE_PATH="/srv/orch" \nPROJECT_ID=harbour # ours\n');
    expect(locate('skill')).toMatchObject({
      root: '/srv/orch',
      extra: { projects: ['harbour'], servedProject: 'harbour', skill: join(dir, 'skill') },
    });
  });

  test('takes a relative BASE_PATH from itself, and ./workspace and default_project without one', () => {
    skill('a', 'BASE_PATH=../data\n');
    expect(locate('a').root).toBe(join(dir, 'data'));
    skill('b');
    expect(locate('b')).toMatchObject({
      root: join(dir, 'b/workspace'),
      extra: { projects: ['default_project'] },
    });
  });

  test('gives the limits its .env sets for the worker, and nothing for what is no number', () => {
    skill('a', 'ORCH_WORKER_JOB_TIMEOUT_SECONDS=7200\nORCH_RUNNING_STALE_SECONDS=5\nORCH_OTHER=1\n');
    expect(placeOf(locate('a'))).toMatchObject({ jobTimeoutMs: 7_200_000, staleMs: 30_000 });
    skill('b', 'ORCH_WORKER_JOB_TIMEOUT_SECONDS=long\n');
    expect(placeOf(locate('b'))).toMatchObject({ jobTimeoutMs: 2_400_000, staleMs: 300_000 });
  });

  test('uses the python of its own venv, which a setting overrides', () => {
    skill('skill');
    put('skill/.venv/bin/python');
    expect(locate('skill').python).toBe(join(dir, 'skill/.venv/bin/python'));
    expect(locate('skill', { python: '/opt/py/bin/python3' }).python).toBe('/opt/py/bin/python3');
  });
});

describe('BASE_PATH', () => {
  test('shows every queue project below it when none is named, run directories left out', () => {
    put('north/.orchestrator/state/orchestrator.db');
    put('south/.orchestrator/queue/jobs/a.json');
    put('draft-the-notice_a1c0ffee00000001/.orchestrator/state/audit_x.json');
    expect(locate('.').extra).toMatchObject({ projects: ['north', 'south'] });
    expect(locate('.', { project: 'south' }).extra).toMatchObject({ projects: ['south'] });
  });

  test('knows the skill only from the setting, and the project from its .env', () => {
    put('base/harbour/.orchestrator/state/orchestrator.db');
    put('base/other/.orchestrator/state/orchestrator.db');
    skill('skill', 'PROJECT_ID=harbour\n');
    expect(locate('base').extra['skill']).toBeUndefined();
    expect(locate('base', { skill: join(dir, 'skill') }).extra).toMatchObject({
      skill: join(dir, 'skill'),
      projects: ['harbour'],
    });
    expect(locate('base', { skill: join(dir, 'nowhere') }).extra).toMatchObject({
      skillMissing: join(dir, 'nowhere'),
    });
  });

  test('may be named by one of its projects', () => {
    put('base/harbour/.orchestrator/state/orchestrator.db');
    expect(locate('base/harbour')).toMatchObject({
      root: join(dir, 'base'),
      extra: { projects: ['harbour'] },
    });
  });

  test('refuses a project that is no directory name', () => {
    for (const project of ['../x', 'a/b', '-x', '', 'a\nb'])
      expect(() => locate('.', { project })).toThrow(UserError);
  });
});

test('recognises skill, project, BASE_PATH and branch queue, and nothing else', () => {
  const sure = (path: string): number | undefined =>
    openclawKind.recognise(lookInto(join(dir, path), {}))?.confidence;
  skill('skill');
  put('base/harbour/.orchestrator/state/orchestrator.db');
  put('branch/_orchestrator_queue/jobs/x.json');
  put('else/.orchestrator-not/x');
  expect(sure('skill')).toBeGreaterThan(0.5);
  expect(sure('base')).toBeGreaterThan(0.5);
  expect(sure('base/harbour')).toBeGreaterThan(0.5);
  expect(sure('branch')).toBeGreaterThan(0.5);
  expect(sure('else')).toBeUndefined();
});

test('takes its own settings and no unknown ones', () => {
  expect(openclawKind.settings.safeParse({ skill: '/s', interval: '5' }).success).toBe(true);
  expect(openclawKind.settings.safeParse({ skil: '/s' }).success).toBe(false);
  expect(locate('.', { interval: '5' }).extra['pollMs']).toBe(5000);
  expect(locate('.', { interval: 'often' }).extra['pollMs']).toBe(2000);
});

/**
 * Bad input through the real sources: what the API answers that is none of its answers, and what stands in the files. It
 * is said on the source, what was known stays, and nothing is made of it that is not so.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import { Answered, type BadAnswer, badAnswers, type Watched } from '../bad-answers.ts';
import { layOutCase } from '../fixture-case.ts';

const HTTP = ['api.health', 'api.attention', 'api.runners', 'api.fatal', 'api.ready'];
/** Known to the API alone: what it holds in memory is in its file at its next save. */
const LISTED = 'task_aaaa000000000001';
/** In the store of the fixture. */
const STORED = 'task_a3f0000000000003';

const good: BadAnswer = (request, response) => {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const task = { direction: 'Chart the bank', task_type: 'impl', created_at: '2026-02-21T10:00:00Z' };
  const waiting = { ...task, id: LISTED, status: 'needs_decision', decision_prompt: 'North or south?' };
  const bodies: { readonly [path: string]: unknown } = {
    '/api/health': { status: 'ok', version: '0.1.0', started_at: '2026-02-21T03:10:06Z' },
    '/api/ready': { status: 'ready' },
    '/api/agent/tasks/attention': { tasks: [waiting], total: 1 },
    '/api/agent/runners': { runners: [{ runner_id: 'tidehost:9', status: 'idle', pid: 9 }], total: 1 },
    '/api/agent/fatal-issues': { fatal: true, at: '2026-02-21T09:00:00Z', reason: 'api_start_failed' },
  };
  response.writeHead(bodies[path] === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(bodies[path] ?? { detail: 'Not Found' }));
};

/** Whose answer is an outage: those that give none, and those that fail inside. */
const OUTAGES = /^(500|502|a connection that is reset|silence)/;

function expectFilesWhole(seen: Watched): void {
  expect(seen.entity('job', STORED)).toBeDefined();
  expect(seen.entities.filter(({ type }) => type === 'run').length).toBeGreaterThanOrEqual(0);
  for (const { id, type, state } of seen.sources)
    if (type !== 'http') expect([id, state]).toEqual([id, expect.stringMatching(/fresh|waiting|off/)]);
}

describe.concurrent('an API that answers', () => {
  it.each(badAnswers)('%s: it is said, what was known stays, nothing is made up', async (name, bad, said) => {
    const laid = await layOutCase('coherence', 'decision-waits');
    const api = await Answered.start(good);
    try {
      const before = await api.watch(coherenceKind, laid.dir, {});
      expect(before.entity('service', 'api')?.status).toBe('up');
      expect(before.entity('approval', LISTED)).toMatchObject({ status: 'pending' });
      expect(before.entity('issue', 'fatal.api_start_failed')).toBeDefined();
      api.turn(bad);
      await before.refresh();
      const { asked } = api;
      for (const id of HTTP)
        expect(before.source(id), id).toMatchObject({
          state: expect.stringMatching(/error|stale|limited/),
          error: expect.stringMatching(said),
        });
      expect(before.entity('service', 'api')?.status).not.toBe('up');
      expect(before.entity('approval', LISTED)).toMatchObject({ status: 'pending' });
      expect(before.entity('issue', 'fatal.api_start_failed')).toBeDefined();
      expect(before.entity('issue', 'api_hangs')).toBeUndefined();
      expectFilesWhole(before);
      await before.refresh();
      // A pause that was asked for is kept, however often somebody asks for a new look.
      if (/Retry-After/.test(name)) {
        expect(api.asked).toBe(asked);
        expect(before.source('api.health')?.error).toMatch(/asked for a pause; asked again in \d+ s/);
      }
      // The same server, come upon afterwards: nothing was known, and nothing is concluded from it.
      const after = await api.watch(coherenceKind, laid.dir, {});
      const isOutage = OUTAGES.test(name);
      expect(after.entity('service', 'api')?.status).toMatch(isOutage ? /^down$/ : /^(degraded|unknown)$/);
      expect(after.entity('approval', LISTED)).toBeUndefined();
      expect(after.entity('issue', 'fatal.api_start_failed')).toBeUndefined();
      expect(after.entity('issue', 'api_fails')?.title).toBe(
        /^50[02]/.test(name) ? `API answers ${name.slice(0, 3)}` : undefined,
      );
      expectFilesWhole(after);
    } finally {
      await api.close();
      laid.remove();
    }
  });
});

describe('files', () => {
  let laid: Awaited<ReturnType<typeof layOutCase>>;
  let api: Answered;
  const log = (name: string): string => join(laid.dir, 'api/logs', name);
  beforeEach(async () => {
    laid = await layOutCase('coherence', 'decision-waits');
    api = await Answered.start(good);
  });
  afterEach(async () => {
    await api.close();
    laid.remove();
  });

  /** What is written, the source that says so, and what must not come of it when nothing was known before. */
  const documents: readonly (readonly [file: string, source: string, text: string])[] = [
    ['agent_tasks.json', 'tasks', '{"tasks": [{"id": "task_a3f0000000000003", "stat'],
    ['agent_tasks.json', 'tasks', '{"tasks": {"task_a3f0000000000003": {}}}'],
    ['agent_tasks.json', 'tasks', ''],
    ['monitor_issues.json', 'issues', '{"issues": "none", "last_check": 5}'],
    ['monitor_issues.json', 'issues', '<html>'],
    ['pipeline_status_report.json', 'report', '[]'],
    ['pipeline_version.json', 'version', '{"git_sha": "68705017", "started_at": "this morning"}'],
    ['agent_runners.json', 'runners', '{"runners": 3}'],
    ['agent_run_state.json', 'run-state', '{"tasks": []}'],
    ['project_manager_state.json', 'manager', '{"phase": "spec"}'],
  ];

  it.each(documents)(
    '%s (%s) that holds %s: said, and what it said before stays',
    async (file, source, text) => {
      const before = await api.watch(coherenceKind, laid.dir, {});
      const known = before.entities.map(({ type, id }) => `${type}/${id}`).sort();
      writeFileSync(log(file), text);
      await before.refresh();
      expect(before.source(source)).toMatchObject({
        state: 'error',
        error: expect.stringMatching(/^api\/logs\/.*: .+; what it said before is shown$/),
      });
      expect(before.entities.map(({ type, id }) => `${type}/${id}`).sort()).toEqual(known);
      const after = await api.watch(coherenceKind, laid.dir, {}, true);
      expect(after.source(source)).toMatchObject({ state: 'error', error: expect.stringContaining(file) });
      if (source === 'tasks') expect(after.entity('job', STORED)).toBeUndefined();
      if (source === 'issues')
        expect(after.entities.filter((one) => one.evidence.source === 'issues')).toEqual([]);
    },
  );

  it('a status and a condition of another version are shown as they are', async () => {
    const task = { id: STORED, direction: 'Chart', task_type: 'moor', status: 'becalmed', moon: [1] };
    writeFileSync(log('agent_tasks.json'), JSON.stringify({ tasks: [task], tide: {} }));
    const issue = { condition: 'moon_rises', severity: 'purple', message: 'no such thing yet' };
    writeFileSync(
      log('monitor_issues.json'),
      JSON.stringify({ issues: [issue, { condition: 7 }, null], last_check: new Date().toISOString() }),
    );
    const seen = await api.watch(coherenceKind, laid.dir, {}, true);
    expect(seen.entity('job', STORED)).toMatchObject({ nativeStatus: 'becalmed', status: 'unknown' });
    expect(seen.entity('issue', 'moon_rises')).toMatchObject({
      detail: expect.stringContaining('no such thing'),
    });
  });

  it('log lines that are none, half-written or without a time are counted or shown, and stop nothing', async () => {
    const before = await api.watch(coherenceKind, laid.dir, {});
    writeFileSync(
      log('metrics.jsonl'),
      '{"status": "completed", "created_at": 5}\nnot JSON\n{"status": "fai',
    );
    writeFileSync(log('monitor_resolutions.jsonl'), '{"condition": ["x"]}\nnot JSON\n', { flag: 'a' });
    await before.refresh();
    expect(before.source('metrics')?.badRecords).toBeGreaterThan(0);
    expect(before.source('resolutions')?.badRecords).toBeGreaterThan(0);
    expectFilesWhole(before);
  });

  it('nothing of it is there yet: every source waits and says for what, and nothing is claimed', async () => {
    rmSync(join(laid.dir, 'api/logs'), { recursive: true });
    mkdirSync(dirname(log('x')), { recursive: true });
    const seen = await api.watch(coherenceKind, laid.dir, {}, true);
    for (const one of seen.sources.filter(({ type }) => type === 'document' || type === 'log'))
      expect(one, one.id).toMatchObject({
        state: 'waiting',
        error: expect.stringContaining('not there yet'),
      });
    expect(seen.entities.filter(({ type }) => type === 'job').map(({ id }) => id)).toEqual([LISTED]);
  });
});

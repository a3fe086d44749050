/**
 * Bad input through the real sources: what the API answers that is none of its answers, and what stands in the files and
 * the database. It is said on the source, what was known stays, and nothing is made of it that is not so.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Entity } from '../../../src/domain/entity.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import { Answered, type BadAnswer, badAnswers, type Watched } from '../bad-answers.ts';
import { Installation } from './installation.ts';

const PROPOSAL = 'proposal:cccc3333:file.write:0001';
const HTTP = ['api.health', 'api.heartbeat', 'api.approvals', 'api.session@aaaa1111'];
const GATES =
  'CREATE TABLE IF NOT EXISTS pending_gate_requests (request_id TEXT PRIMARY KEY, session_id TEXT, issue_id TEXT, ' +
  'seat_name TEXT, gate_mode TEXT, request_type TEXT, reason TEXT, payload_json TEXT, status TEXT, ' +
  'resolution_json TEXT, created_at TEXT, updated_at TEXT, resolved_at TEXT)';

/** A later version, which lists a request that its database here does not have. */
const good: BadAnswer = (request, response) => {
  const item = { proposal_id: PROPOSAL, run_id: 'cccc3333', tool: 'file.write', args_preview: { path: 'a' } };
  const bodies: { readonly [path: string]: unknown } = {
    '/health': { status: 'ok' },
    '/v1/system/heartbeat': { status: 'online', active_tasks: 1 },
    '/v1/approvals': { items: [{ ...item, status: 'pending' }], count: 1, filters: {} },
    '/v1/sessions/aaaa1111/status': { session_id: 'aaaa1111', active: true, task_state: 'running' },
  };
  const body = bodies[request.url ?? ''];
  response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body ?? { detail: 'Not Found' }));
};

function lay(): Installation {
  const orket = new Installation();
  orket.run('aaaa1111', 'running', 0);
  orket.card('TIDE-3', 'in_progress');
  orket.card('TIDE-4', 'done');
  orket.log(1, 'session_start', { epic: 'tide_ledger', run_id: 'aaaa1111', build_id: 'build-tide_ledger' });
  orket.turn(5, ['aaaa1111', 'TIDE-3', 1, 'coder'], 'asked');
  orket.sql(GATES);
  orket.sql(
    "INSERT INTO pending_gate_requests VALUES ('dddd4444', 'aaaa1111', 'TIDE-3', 'coder', 'approval_required', " +
      `'tool_approval', 'approval_required_tool:write_file', '{"tool": "write_file"}', 'pending', '{}', '', '', NULL)`,
  );
  return orket;
}

/** What files and database say stands, however the API answers. */
function expectFilesWhole(seen: Watched): void {
  expect(seen.entity('job', 'TIDE-3')).toMatchObject({ nativeStatus: 'in_progress' });
  expect(seen.entity('job', 'TIDE-4')).toMatchObject({ status: 'done' });
  expect(seen.entity('run', 'aaaa1111')).toMatchObject({ nativeStatus: 'running' });
  expect(seen.entity('turn', 'aaaa1111:tide-3:1:coder')).toBeDefined();
  for (const { id, type, state } of seen.sources)
    if (type !== 'http') expect([id, state]).toEqual([id, expect.stringMatching(/fresh|waiting|off/)]);
}

describe.concurrent('an API that answers', () => {
  it.each(badAnswers)(
    '%s: it is said, what was known stays, nothing is made up',
    async (_name, bad, said) => {
      const orket = lay();
      const api = await Answered.start(good);
      try {
        const settings = { keyEnv: 'ORKET_API_KEY' };
        const before = await api.watch(orketKind, orket.dir, settings);
        expect(before.entity('service', 'api')?.status).toBe('up');
        expect(before.entity('approval', PROPOSAL)).toMatchObject({ status: 'pending', answerable: true });
        api.turn(bad);
        await before.refresh();
        const asked = api.asked;
        for (const id of HTTP)
          expect(before.source(id), id).toMatchObject({
            state: expect.stringMatching(/error|stale|limited/),
            error: expect.stringMatching(said),
          });
        expect(before.entity('service', 'api')?.status).not.toBe('up');
        expect(before.entity('approval', PROPOSAL)).toMatchObject({ status: 'pending', answerable: true });
        expect(before.entity('approval', 'dddd4444')).toMatchObject({ status: 'pending', answerable: true });
        expect(JSON.stringify(before.entity('run', 'aaaa1111')?.trail)).toContain('under way in its process');
        expectFilesWhole(before);
        await before.refresh();
        // A pause that was asked for is kept, however often somebody asks for a new look.
        if (/Retry-After/.test(_name)) {
          expect(api.asked).toBe(asked);
          expect(before.source('api.health')?.error).toMatch(/asked for a pause; asked again in \d+ s/);
        }
        // The same server, come upon afterwards: nothing was known, and nothing is concluded from it.
        const after = await api.watch(orketKind, orket.dir, settings);
        expect(after.entity('service', 'api')?.status).not.toBe('up');
        expect(after.entity('approval', PROPOSAL)).toBeUndefined();
        expect(after.entity('approval', 'dddd4444')).toMatchObject({
          answerable: false,
          reason: expect.stringContaining('is not known'),
        });
        expectFilesWhole(after);
      } finally {
        await api.close();
        orket.remove();
      }
    },
  );
});

describe('files and database', () => {
  let orket: Installation;
  let api: Answered;
  beforeEach(async () => {
    orket = lay();
    api = await Answered.start(good);
  });
  afterEach(async () => {
    await api.close();
    orket.remove();
  });

  const rows: readonly (readonly [string, (orket: Installation) => void, (seen: Watched) => void])[] = [
    [
      'a missing table: the rest is read, and no card is said to be gone with it',
      (at) => at.sql('DROP TABLE card_transactions'),
      (seen) => {
        expect(seen.source('db')?.state).toBe('fresh');
        expect(seen.entity('job', 'TIDE-3')).toMatchObject({ nativeStatus: 'in_progress' });
        expect(seen.entity('run', 'aaaa1111')).toMatchObject({ nativeStatus: 'running' });
      },
    ],
    [
      'a missing column of the cards: they are shown without it, and the source names it',
      (at) => at.sql('ALTER TABLE issues DROP COLUMN note'),
      (seen) => {
        expect(seen.source('db')?.error).toMatch(/cards: no such column: note/);
        expect(seen.entity('job', 'TIDE-3')).toMatchObject({ nativeStatus: 'in_progress' });
      },
    ],
    [
      'a missing column of the runs: they are shown without it, and the source names it',
      (at) => at.sql('ALTER TABLE run_ledger DROP COLUMN failure_class'),
      (seen) => {
        expect(seen.source('db')?.error).toMatch(/runs: no such column: failure_class/);
        expect(seen.entity('run', 'aaaa1111')).toMatchObject({ nativeStatus: 'running' });
      },
    ],
    [
      'columns and fields nobody knows change nothing',
      (at) => {
        at.sql('ALTER TABLE issues ADD COLUMN moon TEXT DEFAULT 1');
        at.log(9, 'moon_rises', { run_id: 'aaaa1111', moon: { phase: [1] } });
      },
      (seen) => {
        expect(seen.source('db')).toMatchObject({ state: 'fresh' });
        expect(seen.source('orket.log')).toMatchObject({ badRecords: 0 });
        expectFilesWhole(seen);
      },
    ],
    [
      'a status of another version is shown as it is, and taken for nothing else',
      (at) => {
        at.card('TIDE-3', 'moored');
        at.run('aaaa1111', 'becalmed', 0);
      },
      (seen) => {
        expect(seen.entity('job', 'TIDE-3')).toMatchObject({ nativeStatus: 'moored', status: 'unknown' });
        expect(seen.entity('run', 'aaaa1111')).toMatchObject({ nativeStatus: 'becalmed', status: 'unknown' });
      },
    ],
    [
      'wrong types in columns: the row stays, the value is left out',
      (at) =>
        at.sql(
          "UPDATE issues SET retry_count = x'00ff', depends_on_json = '{\"a\": 1}', created_at = 'tomorrow', summary = 17 WHERE id = 'TIDE-3'",
        ),
      (seen) => expect(seen.entity('job', 'TIDE-3')).toMatchObject({ nativeStatus: 'in_progress' }),
    ],
    [
      'a database that is none: said on its source, and no card is claimed',
      (at) => at.write('.orket/durable/db/orket_persistence.db', 'SQLite format 3\0and then nothing of it'),
      (seen) => {
        expect(seen.source('db')).toMatchObject({
          state: 'error',
          error: expect.stringMatching(/not a SQLite database/),
        });
        expect(seen.entities.filter(({ type }) => type === 'job')).toEqual([]);
        expect(seen.entity('turn', 'aaaa1111:tide-3:1:coder')).toMatchObject({ issue: 'tide-3' });
      },
    ],
    [
      'a half-written line, a line that is none and one of wrong types: counted, with their place',
      (at) =>
        writeFileSync(
          join(at.dir, 'workspace/default/orket.log'),
          'no line\n{"timestamp": 5, "role": [], "event": {}, "data": "x"}\n{"timestamp": "2026-02-20T03:00:05+00:00", "role": "co',
          { flag: 'a' },
        ),
      (seen) => {
        expect(seen.source('orket.log')).toMatchObject({
          badRecords: expect.any(Number),
          lastBad: { path: 'workspace/default/orket.log', offset: expect.any(Number) },
        });
        expectFilesWhole(seen);
      },
    ],
    [
      'a half-written checkpoint: the turn is there, and not called finished',
      (at) => {
        const dir = at.turn(9, ['aaaa1111', 'TIDE-3', 2, 'coder'], 'done', [{ ok: true }]);
        at.write(`${dir}/checkpoint.json`, '{"run_id": "aaaa1111", "tool_ca');
      },
      (seen) => {
        expect(seen.entity('turn', 'aaaa1111:tide-3:2:coder')).toBeDefined();
        expect(seen.entity('turn', 'aaaa1111:tide-3:2:coder')?.state).not.toBe('completed');
      },
    ],
    [
      'documents that are half-written or of another sort: said, and nothing is concluded',
      (at) => {
        at.write(
          'workspace/default/agent_output/policy_violation_TIDE-3.json',
          '{"card_id": "TIDE-3", "viol',
        );
        at.write('workspace/default/agent_output/verification/runtime_verification.json', '[]');
        at.write('benchmarks/results/failure_modes.json', '"none"');
      },
      (seen) => {
        for (const id of ['violations', 'verification', 'report.failures'])
          expect(seen.source(id), id).toMatchObject({
            state: 'error',
            error: expect.stringContaining('.json: '),
          });
        expect(seen.entity('issue', 'policy.violation:TIDE-3')).toBeUndefined();
      },
    ],
  ];

  it.each(rows)('%s', async (_name, happens, check) => {
    const before = await api.watch(orketKind, orket.dir, {});
    happens(orket);
    await before.refresh();
    if (!/is none: said/.test(_name)) check(before);
    check(await api.watch(orketKind, orket.dir, {}, true));
  });

  it('a database that is torn under our eyes keeps what it said before', async () => {
    const before = await api.watch(orketKind, orket.dir, {});
    const database = orketKind.playbooks
      .find(({ id }) => id === 'api-5xx')
      ?.steps.find(({ text }) => text === 'the database is there and can be read');
    const holds = (): boolean | undefined =>
      database?.type === 'check'
        ? database.holds(before.view, before.view.entities('service')[0] as Entity)
        : undefined;
    expect(holds()).toBe(true);
    orket.write('.orket/durable/db/orket_persistence.db', 'SQLite format 3\0and then nothing of it');
    await before.refresh();
    expect(holds()).toBe(false);
    expect(before.source('db')?.state).toBe('error');
    expect(before.entity('job', 'TIDE-3')).toMatchObject({ nativeStatus: 'in_progress' });
    expect(before.entity('run', 'aaaa1111')).toMatchObject({ nativeStatus: 'running' });
  });
});

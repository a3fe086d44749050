/**
 * Bad input through the real sources: what the server answers that is none of its answers, and what stands in the files
 * and databases of the loop. It is said on the source, what was known stays, and nothing is made of it that is not so.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import { Answered, type BadAnswer, badAnswers, type Watched } from '../bad-answers.ts';
import { layOutCase } from '../fixture-case.ts';

const HTTP = ['healthz', 'health', 'readyz', 'status', 'breakers', 'build', 'limits', 'debates', 'approvals'];
const settings = { keyEnv: 'ARAGORA_KEY', timezone: 'UTC' };

const good: BadAnswer = (request, response) => {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const open = {
    status: 'open',
    failures: 6,
    failure_threshold: 5,
    cooldown_remaining: 53,
    open_duration: 6,
  };
  const bodies: { readonly [path: string]: unknown } = {
    '/healthz': { status: 'ok' },
    '/api/health': { status: 'healthy', timestamp: '2026-11-20T22:13:30.589878+00:00Z' },
    '/readyz': { status: 'ready', checks: { degraded_mode: true, startup_complete: true } },
    '/api/v1/status': {
      status: 'degraded',
      components: [{ id: 'redis', name: 'Cache', status: 'degraded' }],
    },
    '/api/circuit-breakers': { circuit_breakers: { claude: open } },
    '/api/v1/health/build': { version: '2.8.0', sha_short: 'cd2985a' },
    '/api/auth/stats': { enabled: true, rate_limit_per_minute: 60, stats: { revoked_tokens: 1 } },
    '/api/debates': { debates: [{ id: 'adhoc_1', task: 'Is the tide in?', status: 'running' }], count: 1 },
    '/api/v1/approvals': { approvals: [{ id: 'a1', kind: 'workflow', status: 'pending', title: 'Gate' }] },
  };
  const isMetrics = path === '/metrics';
  response.writeHead(bodies[path] !== undefined || isMetrics ? 200 : 404, {
    'content-type': isMetrics ? 'text/plain; version=0.0.4' : 'application/json',
  });
  response.end(
    isMetrics
      ? '# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 1.2e+08\n'
      : JSON.stringify(bodies[path] ?? { error: 'API endpoint not found', code: 'not_found' }),
  );
};

/** What the server told while it answered: all of it is still shown. */
function expectKnown(seen: Watched): void {
  expect(seen.entity('service', 'breaker.claude')).toBeDefined();
  expect(seen.entity('approval', 'inbox-a1')).toMatchObject({ status: 'pending' });
  expect(seen.entity('job', 'debate-adhoc_1')).toMatchObject({ title: 'Is the tide in?' });
  expect(seen.entity('service', 'limits')).toBeDefined();
  expect(seen.entity('meter', 'memory')).toBeDefined();
}

const isKnown = (seen: Watched): boolean =>
  seen.entity('service', 'api')?.status === 'up' &&
  seen.entity('service', 'breaker.claude') !== undefined &&
  seen.entity('approval', 'inbox-a1') !== undefined &&
  seen.entity('job', 'debate-adhoc_1') !== undefined &&
  seen.entity('service', 'limits') !== undefined &&
  seen.entity('meter', 'memory') !== undefined;

/** What the files of the loop say stands, however the server answers. */
function expectFilesWhole(seen: Watched): void {
  expect(seen.entity('approval', '337b18338016a2fb')).toBeDefined();
  expect(seen.entities.filter(({ type }) => type === 'run').length).toBeGreaterThan(1);
  expect(seen.entity('restorePoint', 'backup_cycle_1_20261120_213404')).toBeDefined();
  for (const { id, type, state } of seen.sources)
    if (type !== 'http') expect([id, state]).toEqual([id, expect.stringMatching(/fresh|waiting|off/)]);
}

/** Refusals prove that somebody of this server is there; a page, half an answer or silence prove nothing. */
const LIVES = /^(401|403|404|429)/;

describe.concurrent('a server that answers', () => {
  it.each(badAnswers)('%s: it is said, what was known stays, nothing is made up', async (name, bad, said) => {
    const laid = await layOutCase('aragora', 'cycle-over-budget');
    const server = await Answered.start(good);
    try {
      const before = await server.watch(aragoraKind, laid.dir, settings);
      // On a busy machine the last answers are made something of a moment after they came.
      for (let tries = 0; tries < 1000 && !isKnown(before); tries += 1) await sleep(10);
      expect(before.entity('service', 'api')?.status).toBe('up');
      expectKnown(before);
      server.turn(bad);
      await before.refresh();
      const { asked } = server;
      for (const id of [...HTTP, 'metrics'])
        expect(before.source(`api.${id}`), id).toMatchObject({
          state: expect.stringMatching(/error|stale|limited/),
          error: expect.stringMatching(id === 'metrics' ? /./ : said),
        });
      expectKnown(before);
      expect(before.entity('service', 'api')?.status).toMatch(LIVES.test(name) ? /^up$/ : /^unknown$/);
      expect(before.entity('approval', 'inbox-a1')?.answerable).toBe(false);
      for (const id of ['breaker-open/claude', 'component/redis'])
        expect(before.entity('issue', id), id).toMatchObject({ status: 'unchecked' });
      expectFilesWhole(before);
      await before.refresh();
      // A pause that was asked for is kept, however often somebody asks for a new look.
      if (/Retry-After/.test(name)) {
        expect(server.asked).toBe(asked);
        expect(before.source('api.health')?.error).toMatch(/asked for a pause; asked again in \d+ s/);
      }
      // The same server, come upon afterwards: nothing was known, and nothing is concluded from it.
      const after = await server.watch(aragoraKind, laid.dir, settings);
      expect(after.entity('service', 'breaker.claude')).toBeUndefined();
      expect(after.entity('approval', 'inbox-a1')).toBeUndefined();
      expect(after.entity('job', 'debate-adhoc_1')).toBeUndefined();
      expect(after.entity('layer', 'breakers')?.status).not.toBe('ok');
      // Nobody was asked again while the pause goes on.
      const isAsked = LIVES.test(name) && !/Retry-After/.test(name);
      expect(after.entity('service', 'api')?.status).toMatch(isAsked ? /^up$/ : /^(unknown|down)$/);
      expectFilesWhole(after);
    } finally {
      await server.close();
      laid.remove();
    }
  });
});

describe('files and databases of the loop', () => {
  let laid: Awaited<ReturnType<typeof layOutCase>>;
  let server: Answered;
  const file = (name: string): string => join(laid.dir, name);
  const sql = (name: string, text: string): void => {
    const database = new Database(file(name));
    database.exec(text);
    database.close();
  };
  beforeEach(async () => {
    laid = await layOutCase('aragora', 'cycle-over-budget');
    server = await Answered.start(good);
  });
  afterEach(async () => {
    await server.close();
    laid.remove();
  });

  /** What is written, and the source that says so. */
  const documents: readonly (readonly [file: string, source: string, text: string])[] = [
    ['.nomic/nomic_state.json', 'nomic.state', '{"phase": "debate", "sta'],
    ['.nomic/nomic_state.json', 'nomic.state', '{"tide": "in"}'],
    ['.nomic/circuit_breaker.json', 'nomic.breakers', '[]'],
    ['.nomic/circuit_breaker.json', 'nomic.breakers', ''],
    ['.approvals/337b18338016a2fb.json', 'approvals', '{"id": "337b18338016a2fb", "status": "pend'],
    ['.approvals/337b18338016a2fb.json', 'approvals', '<html>'],
    ['.rollback/ab12cd34ef56ab78.json', 'rollback', '"none"'],
  ];

  it.each(documents)(
    '%s (%s) that holds %s: said, and what it said before stays',
    async (path, source, text) => {
      const before = await server.watch(aragoraKind, laid.dir, settings);
      const known = before.entities.map(({ type, id }) => `${type}/${id}`).sort();
      writeFileSync(file(path), text);
      await before.refresh();
      expect(before.source(source)).toMatchObject({
        state: 'error',
        error: expect.stringMatching(/\.json: .+; what it said before is shown$/),
      });
      expect(before.entities.map(({ type, id }) => `${type}/${id}`).sort()).toEqual(known);
      const after = await server.watch(aragoraKind, laid.dir, settings, true);
      expect(after.source(source)).toMatchObject({ state: 'error', error: expect.stringContaining('.json') });
      if (source === 'approvals') expect(after.entity('approval', '337b18338016a2fb')).toBeUndefined();
    },
  );

  const rows: readonly (readonly [string, () => void, (seen: Watched) => void])[] = [
    [
      'a missing column of the cycles: they are shown without it, and the source names it',
      () => sql('.nomic/cycles.db', 'ALTER TABLE cycles DROP COLUMN data_json'),
      (seen) => {
        expect(seen.source('nomic.cycles')?.error).toMatch(/no such column: data_json/);
        expect(seen.entities.some(({ evidence }) => evidence.source === 'nomic.cycles')).toBe(true);
      },
    ],
    [
      'a missing column of the outcomes: the log still tells how each cycle ended',
      () => sql('.nomic/outcomes.db', 'ALTER TABLE outcomes DROP COLUMN failure_reason'),
      (seen) => {
        expect(seen.source('nomic.outcomes')?.error).toMatch(/no such column: failure_reason/);
        expect(seen.entities.filter(({ type }) => type === 'run').length).toBeGreaterThan(1);
      },
    ],
    [
      'a missing table: cycles are known by the log alone',
      () => sql('.nomic/cycles.db', 'DROP TABLE cycles'),
      (seen) => expect(seen.entities.filter(({ type }) => type === 'run').length).toBeGreaterThan(1),
    ],
    [
      'columns nobody knows and wrong types change nothing',
      () =>
        sql(
          '.nomic/cycles.db',
          "ALTER TABLE cycles ADD COLUMN moon TEXT DEFAULT 1; UPDATE cycles SET started_at = 'noon', success = 'so', data_json = '[1'",
        ),
      (seen) => {
        expect(seen.source('nomic.cycles')?.state).toBe('fresh');
        expectFilesWhole(seen);
      },
    ],
    [
      'a database that is none: said on its source, the loop is told by its log',
      () => {
        rmSync(file('.nomic/cycles.db'));
        writeFileSync(file('.nomic/cycles.db'), 'SQLite format 3\0and then nothing of it');
      },
      (seen) => {
        expect(seen.source('nomic.cycles')).toMatchObject({
          state: 'error',
          error: expect.stringMatching(/not a SQLite database/),
        });
        expect(seen.entities.filter(({ type }) => type === 'run').length).toBeGreaterThan(1);
      },
    ],
    [
      'an approval with a status of another version: shown as it is, and offered to nobody',
      () =>
        writeFileSync(
          file('.approvals/337b18338016a2fb.json'),
          '{"id": "337b18338016a2fb", "title": "x", "status": "becalmed", "moon": [1], "changes": 7}',
        ),
      (seen) => {
        expect(JSON.stringify(seen.entity('approval', '337b18338016a2fb'))).toContain('becalmed');
        expect(seen.entity('approval', '337b18338016a2fb')?.answerable).toBe(false);
      },
    ],
    [
      'lines that are none, half-written ones and an outcome nobody knows: told as they stand',
      () =>
        writeFileSync(
          file('.nomic/nomic_loop.log'),
          '\u0000\u0001\n[99:99:99] no time\n[22:59:00] \nCycle 2 outcome: becalmed_by_moon\n[22:59',
          { flag: 'a' },
        ),
      (seen) => {
        expect(seen.entities.some((one) => JSON.stringify(one).includes('becalmed_by_moon'))).toBe(true);
        expect(seen.entity('restorePoint', 'backup_cycle_1_20261120_213404')).toBeDefined();
      },
    ],
    [
      'a risk register with lines of other sorts: counted, with their place',
      () => writeFileSync(file('.nomic/risk_register.jsonl'), 'no line\n{"cycle": "x"}\n[]\n', { flag: 'a' }),
      (seen) => expect(seen.source('risks')?.badRecords).toBeGreaterThan(0),
    ],
  ];

  it.each(rows)('%s', async (_name, happens, check) => {
    const before = await server.watch(aragoraKind, laid.dir, settings);
    happens();
    await before.refresh();
    check(before);
    check(await server.watch(aragoraKind, laid.dir, settings, true));
  });

  it('nothing of it is there yet: every source waits and says for what, and nothing is claimed', async () => {
    for (const name of ['.nomic', '.approvals', '.rollback', 'logs'])
      rmSync(file(name), { recursive: true, force: true });
    const seen = await server.watch(aragoraKind, laid.dir, settings, true);
    for (const one of seen.sources.filter(({ type }) => type === 'document' || type === 'log'))
      expect(one, one.id).toMatchObject({
        state: 'waiting',
        error: expect.stringContaining('not there yet'),
      });
    expect(seen.entities.filter(({ type }) => type === 'run')).toEqual([]);
    expect(seen.entity('service', 'loop')?.status).toBe('unknown');
  });
});

/**
 * Bad input through the real sources: files half-written, of another version or none at all, databases of another shape,
 * programs that print something else. It is said on the source, what was known stays, and nothing is made up.
 */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reflexiveKind } from '../../../src/systems/reflexive/index.ts';
import { Answered, type Watched } from '../bad-answers.ts';
import { layOutCase } from '../fixture-case.ts';
import { Rig } from './rig.ts';

/** Has a log, an audit log, operations of every sort, counters and a schedule. */
const CASE = 'cost-near-limit';

describe('files and database of a reflexive installation', () => {
  let laid: Awaited<ReturnType<typeof layOutCase>>;
  let host: Answered;
  const file = (name: string): string => join(laid.dir, name);
  const sql = (text: string): void => {
    const database = new Database(file('workspace/analytics.db'));
    database.exec(text);
    database.close();
  };
  /** No server is asked of this kind: the host of the watches alone is wanted. */
  const watch = (once = false): Promise<Watched> => host.watch(reflexiveKind, laid.dir, {}, once);
  const known = (seen: Watched): string[] => seen.entities.map(({ type, id }) => `${type}/${id}`).sort();
  const jobs = (seen: Watched): string[] => known(seen).filter((one) => one.startsWith('job/op-'));

  beforeEach(async () => {
    laid = await layOutCase('reflexive', CASE);
    host = await Answered.start((_request, response) => response.end());
  });
  afterEach(async () => {
    await host.close();
    laid.remove();
  });

  const documents: readonly (readonly [file: string, source: string, text: string])[] = [
    ['workspace/cost_tracker.json', 'cost', '{"date": "2026-02-25", "total_co'],
    ['workspace/cost_tracker.json', 'cost', ''],
    ['workspace/cost_tracker.json', 'cost', '[1, 2]'],
    ['workspace/cost_tracker.json', 'cost', '{"date": "yesterday", "total_cost": "much"}'],
    ['state/rate_limiter.json', 'rate', '{"rate_limits": ["github"]}'],
    ['state/roadmap_schedule.json', 'roadmap', '<html>'],
    ['config/orchestrator-config.yaml', 'config', 'safety: [1,\n  2'],
  ];

  it.each(documents)(
    '%s (%s) that holds %j: said, and what it said before stays',
    async (path, source, text) => {
      const before = await watch();
      const was = known(before);
      writeFileSync(file(path), text);
      await before.refresh();
      expect(before.source(source)).toMatchObject({
        state: 'error',
        error: expect.stringMatching(/: .+; what it said before is shown$/),
      });
      // Nothing that was known is gone; what is wrong now may be told by an item of its own.
      expect(known(before)).toEqual(expect.arrayContaining(was));
      if (source === 'cost' || source === 'roadmap')
        expect(before.entity('issue', 'state-unreadable')).toMatchObject({
          playbook: 'state-corruption',
          attention: { tells: expect.arrayContaining([source]) },
        });
      const after = await watch(true);
      expect(after.source(source)).toMatchObject({ state: 'error', error: expect.stringContaining(path) });
      expect(jobs(after)).toEqual(jobs(before));
    },
  );

  const rows: readonly (readonly [string, () => void, (seen: Watched, isCold: boolean) => void])[] = [
    [
      'a missing table of details: operations are shown without them',
      () => sql('DROP TABLE issue_processing'),
      (seen) => {
        expect(seen.source('analytics.db')?.state).toBe('fresh');
        expect(jobs(seen).length).toBeGreaterThan(0);
      },
    ],
    [
      'missing columns of the operations: they are shown without them',
      () => sql('ALTER TABLE operations DROP COLUMN error_type; ALTER TABLE operations DROP COLUMN context'),
      (seen) => expect(jobs(seen).length).toBeGreaterThan(0),
    ],
    [
      'missing columns of the details: operations are shown without them, and the source names one',
      () => sql('ALTER TABLE issue_processing DROP COLUMN failure_reason'),
      (seen) => {
        expect(seen.source('analytics.db')?.error).toMatch(/no such column: failure_reason/);
        expect(jobs(seen).length).toBeGreaterThan(0);
      },
    ],
    [
      'the table of operations missing: said, and what was known stays',
      () => sql('PRAGMA foreign_keys = OFF; DROP TABLE operations'),
      (seen, isCold) => {
        expect(seen.source('analytics.db')).toMatchObject({
          state: 'error',
          error: expect.stringMatching(/no such table: operations/),
        });
        expect(jobs(seen).length > 0).toBe(!isCold);
        expect(seen.entity('issue', 'state-unreadable')).toMatchObject({ playbook: 'state-corruption' });
      },
    ],
    [
      'columns nobody knows, a later version and wrong types: rows stay, values are left out',
      () =>
        sql(
          "ALTER TABLE operations ADD COLUMN moon TEXT DEFAULT 1; INSERT INTO schema_version(version) VALUES (99); UPDATE operations SET retry_count = 'many', duration_seconds = x'00', context = '{\"title', started_at = 'noon', operation_type = 'moor_ship'",
        ),
      (seen) => {
        expect(seen.source('analytics.db')?.state).toBe('fresh');
        expect(jobs(seen).length).toBeGreaterThan(0);
        expect(JSON.stringify(seen.entities)).toContain('moor_ship');
      },
    ],
    [
      'a database that is none: said on its source, and the log still tells what it knows',
      () => {
        rmSync(file('workspace/analytics.db'));
        writeFileSync(file('workspace/analytics.db'), 'SQLite format 3\0and then nothing of it');
      },
      (seen, isCold) => {
        expect(seen.source('analytics.db')).toMatchObject({
          state: 'error',
          error: expect.stringMatching(/not a SQLite database/),
        });
        expect(jobs(seen).length > 0).toBe(!isCold);
        expect(seen.entity('meter', 'cost')).toBeDefined();
      },
    ],
    [
      'lines that are none, half-written ones and events nobody knows: counted or shown, with their place',
      () => {
        appendFileSync(
          file('logs/orchestrator.log'),
          '\u0000\u0001\n{"event": 5, "timestamp": []}\n{"event": "Starting orch\n{"event": "moon_rises", "level": "purple", "logger": "orchestrator", "timestamp": "2026-02-25T09:39:00Z"}\n{"event": "Sta',
        );
        appendFileSync(
          file('logs/audit.log'),
          '{"event_type": {}, "timestamp": 7}\n{"event_type": "orch\n{"eve',
        );
      },
      (seen) => {
        expect(seen.source('orchestrator.log')?.badRecords).toBeGreaterThan(0);
        expect(seen.source('audit.log')?.badRecords).toBeGreaterThan(0);
        expect(seen.source('orchestrator.log')?.lastBad?.path).toBe('logs/orchestrator.log');
        expect(jobs(seen).length).toBeGreaterThan(0);
      },
    ],
  ];

  it.each(rows)('%s', async (_name, happens, check) => {
    const before = await watch();
    happens();
    await before.refresh();
    check(before, false);
    check(await watch(true), true);
  });

  it('nothing of it is there yet: every source waits and says for what, and nothing is claimed', async () => {
    for (const name of ['logs', 'workspace', 'state', 'config'])
      rmSync(file(name), { recursive: true, force: true });
    const seen = await watch(true);
    for (const one of seen.sources.filter(({ type }) => ['document', 'log', 'database'].includes(type)))
      expect(one, one.id).toMatchObject({
        state: 'waiting',
        error: expect.stringContaining('not there yet'),
      });
    expect(jobs(seen)).toEqual([]);
    expect(seen.entity('meter', 'cost')).toBeUndefined();
    expect(seen.entity('service', 'daemon')?.status).toBe('unknown');
  });
});

describe('programs asked of a reflexive installation', () => {
  const pages = '<html>Bad gateway</html>';
  it.each([
    ['print a page', `printf '%s' '${pages}'`],
    ['print nothing', 'exit 0'],
    ['fail', 'echo refused >&2; exit 4'],
    ['print half', `printf '%s' '{"Status": "run'`],
  ])(
    'that %s: said on the source, no point, no approval and no state of a keeper is made up',
    async (_name, body) => {
      const rig = new Rig('listing');
      try {
        rig.layCheckout();
        for (const name of ['git', 'systemctl', 'python']) rig.tool(name, body);
        rig.settings = { keeper: 'systemd:orchestrator' } as never;
        const watch = await rig.look(true);
        const view = watch.view();
        const isFailing = body.includes('exit 4');
        for (const id of ['git.tags', 'keeper', 'approvals']) {
          const source = watch.summary().sources.find((one) => one.id === id);
          // No output at all is what git says where there is no tag.
          if (isFailing || id === 'keeper') expect(source, id).toMatchObject({ state: 'error' });
        }
        expect(view.entities('restorePoint')).toEqual([]);
        expect(view.entities('approval').filter((one) => one.answerable)).toEqual([]);
        expect(view.entity('service', 'daemon')?.status).toBe('unknown');
        expect(view.data['changedFiles']).not.toBe(0);
      } finally {
        await rig.end();
      }
    },
  );
});

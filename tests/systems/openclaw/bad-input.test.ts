/**
 * Bad input through the real sources: a database and files as another version, a full disk or a hand leaves them. It is
 * said on the source, what was known stays, and nothing is made of it that is not so. Each is watched, and come upon.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { submit } from '../../../fixtures/demo/openclaw/control.ts';
import { stamp } from '../../../fixtures/demo/openclaw/formats.ts';
import { endPlanning, endRun, openRun } from '../../../fixtures/demo/openclaw/pass.ts';
import {
  newSignal,
  type QueueHome,
  type QueueStore,
  withStore,
  writeSignals,
} from '../../../fixtures/demo/openclaw/queue-store.ts';
import { lookInto } from '../../../src/config/look.ts';
import type { Entity, EntityOf, EntityType, SystemId } from '../../../src/domain/entity.ts';
import type { SourceStatus } from '../../../src/domain/source.ts';
import { SystemWatch } from '../../../src/engine/system-watch.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { createPump } from '../../../src/ingest/pump.ts';
import { LogStore } from '../../../src/logs/log-store.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import type { CommonSettings, Located } from '../../../src/systems/system.ts';
import { actOf } from './demo-system.ts';

const REVIEW = 'bad0000000000001';
const ASKING = 'bad0000000000002';
const RUNNING = 'bad0000000000003';
const DONE = 'bad0000000000004';
const STATE = 'harbour/.orchestrator/state';

/** A queue with one job of each sort that matters: to review, asking, at work, completed. */
class LaidQueue {
  readonly base = mkdtempSync(join(tmpdir(), 'binnacle-openclaw-bad-'));
  readonly home: QueueHome = { base: this.base, project: 'harbour' };
  readonly located: Located;
  readonly #watches: SystemWatch[] = [];

  constructor() {
    this.#store((store) => {
      const at = Date.now() - 60_000;
      const open = (id: string, goal: string, status: string): ReturnType<typeof openRun> => {
        submit(store, id, goal, at);
        store.update(id, { status, updated_at: stamp(at) });
        const job = store.job(id);
        if (!job) throw new Error('no job');
        return openRun(store, job, at);
      };
      endPlanning(store, open(REVIEW, 'Draw the map', 'planning'), at);
      endRun(store, open(ASKING, 'Write a letter', 'running'), { question: 'To whom?' }, at);
      open(RUNNING, 'Count the boats', 'running');
      store.update(RUNNING, {
        heartbeat_at: stamp(Date.now()),
        lease_until: stamp(Date.now() + 600_000),
        worker_id: 'worker-1',
      });
      endRun(store, open(DONE, 'Sweep the quay', 'running'), {}, at);
    });
    writeSignals(this.home, [newSignal(REVIEW, 'revise', {}, 'r', Date.now())]);
    // With a skill, so that no act is refused for want of one.
    this.write('skill/scripts/control.py', '');
    const look = lookInto(this.base, { PATH: '/nowhere' });
    const settings = { timezone: 'UTC', skill: 'skill', python: '/usr/bin/env' } as CommonSettings;
    this.located = openclawKind.locate(this.base, look, 'openclaw' as SystemId, settings);
  }

  #store(task: (store: QueueStore) => void): void {
    withStore(this.home, task);
  }

  sql(text: string): void {
    const database = new Database(join(this.base, STATE, 'orchestrator.db'));
    database.exec(text);
    database.close();
  }

  write(path: string, text: string | Buffer, flag: 'w' | 'a' = 'w'): void {
    const full = join(this.base, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text, { flag });
  }

  /** Path of a file of the run directory of a job. */
  ofRun(slug: string, id: string, name: string): string {
    return `${slug}_${id}/.orchestrator/state/${name}`;
  }

  runOf(id: string): string {
    let run = '';
    this.#store((store) => {
      run = store.job(id)?.run_id ?? '';
    });
    return run;
  }

  async watch(once = false): Promise<Seen> {
    const watch = new SystemWatch(openclawKind, this.located, {
      clock: systemClock(),
      logs: new LogStore(),
      once,
      hideProcesses: true,
      makePump: createPump,
      secret: () => undefined,
      onChange: () => {},
      onStatus: () => {},
    });
    this.#watches.push(watch);
    await watch.start();
    return new Seen(watch);
  }

  async remove(): Promise<void> {
    for (const watch of this.#watches) await watch.close();
    rmSync(this.base, { recursive: true, maxRetries: 5 });
  }
}

/** What a watch shows. */
class Seen {
  readonly #watch: SystemWatch;

  constructor(watch: SystemWatch) {
    this.#watch = watch;
  }

  /** Which run directories matter follows from the database: a second look finds what the first one named. */
  async refresh(): Promise<this> {
    await this.#watch.refresh();
    await this.#watch.refresh();
    return this;
  }

  source(id: string): SourceStatus | undefined {
    return this.#watch.summary().sources.find((one) => one.id === id);
  }

  entity<T extends EntityType>(type: T, id: string): EntityOf<T> | undefined {
    return this.#watch.view().entity(type, id);
  }

  get jobs(): readonly (readonly [string, string | undefined])[] {
    return this.#watch
      .view()
      .entities('job')
      .map((job) => [job.id, job.nativeStatus] as const)
      .sort();
  }

  refusal(act: string, target: Entity): string | undefined {
    return actOf(act).precondition(this.#watch.view(), target);
  }
}

const ALL = [
  [REVIEW, 'awaiting_audit'],
  [ASKING, 'waiting_human'],
  [RUNNING, 'running'],
  [DONE, 'completed'],
];

interface BadInput {
  readonly name: string;
  happens(queue: LaidQueue): void;
  /** What must be so for one who watched and for one who comes upon it. */
  check(seen: Seen): void;
  /** What only one who watched still knows. */
  kept?(seen: Seen): void;
  /** What one who comes upon it must not claim. */
  found?(seen: Seen): void;
}

const rows: readonly BadInput[] = [
  {
    name: 'no table of jobs: said, the jobs that were known stay, and none is made up',
    happens: (queue) => queue.sql('PRAGMA foreign_keys = OFF; DROP TABLE jobs'),
    check: (seen) =>
      expect(seen.source('orchestrator.db')).toMatchObject({
        state: 'error',
        error: expect.stringContaining('no such table: jobs'),
      }),
    kept: (seen) => expect(seen.jobs).toEqual(ALL),
    found: (seen) => {
      expect(seen.jobs).toEqual([]);
      expect(seen.entity('layer', 'queue')?.status).toBe('unknown');
    },
  },
  {
    name: 'no table of events: every job is there, and the source names what is missing',
    happens: (queue) => queue.sql('DROP TABLE events'),
    check(seen) {
      expect(seen.jobs).toEqual(ALL);
      expect(seen.source('orchestrator.db')?.lastBad?.reason).toContain('no such table: events');
    },
  },
  {
    name: 'a missing column: no job is lost with it, running and finished ones neither',
    happens: (queue) => queue.sql('ALTER TABLE jobs DROP COLUMN attempt_count'),
    check(seen) {
      expect(seen.jobs).toEqual(ALL);
      expect(seen.source('orchestrator.db')?.error).toContain('finished: no such column: attempt_count');
      expect(seen.entity('job', RUNNING)?.status).toBe('running');
    },
  },
  {
    name: 'a column, a table and fields nobody knows change nothing',
    happens(queue) {
      queue.sql("ALTER TABLE jobs ADD COLUMN moon TEXT DEFAULT 'full'; CREATE TABLE tides (at TEXT)");
      queue.write(
        `${STATE}/temporal_signals.json`,
        JSON.stringify({ signals: [], dedupe: {}, moon: { phase: [1] } }),
      );
    },
    check(seen) {
      expect(seen.jobs).toEqual(ALL);
      for (const id of ['orchestrator.db', 'signals'])
        expect(seen.source(id), id).toMatchObject({ state: 'fresh', badRecords: 0 });
    },
  },
  {
    name: 'a status of another version is shown as it is, and taken for nothing else',
    happens: (queue) => queue.sql(`UPDATE jobs SET status = 'becalmed' WHERE job_id = '${RUNNING}'`),
    check: (seen) =>
      expect(seen.entity('job', RUNNING)).toMatchObject({
        nativeStatus: 'becalmed',
        status: 'unknown',
        attention: { label: 'UNKNOWN', playbook: 'unknown-status' },
      }),
  },
  {
    name: 'values of wrong types: the rows stay, what cannot be read is left out',
    happens: (queue) =>
      queue.sql(
        `UPDATE jobs SET goal = x'00ff', attempt_count = 'many', runner_pid = -7, worker_id = 3.5, human_inputs = '{', lease_until = 'tomorrow' WHERE job_id = '${RUNNING}'`,
      ),
    check(seen) {
      expect(seen.jobs).toEqual(ALL);
      const job = seen.entity('job', RUNNING);
      expect(job).toMatchObject({ attempts: 0 });
      expect(job?.leaseUntil).toBeUndefined();
      expect(job?.data?.['pid']).toBeNull();
    },
  },
  {
    name: 'a plan torn in the row: no review of it is offered, whatever its file says',
    happens: (queue) =>
      queue.sql(`UPDATE jobs SET last_result = '{"status": "awaiting' WHERE job_id = '${REVIEW}'`),
    check(seen) {
      const approval = seen.entity('approval', REVIEW);
      expect(approval).toMatchObject({ answerable: false, reason: 'the plan can not be read' });
      expect(seen.refusal('job.approve', approval as Entity)).toContain('unreviewed');
    },
  },
  {
    name: 'a row without an id: counted as bad, the others are read',
    happens: (queue) =>
      queue.sql(
        `INSERT INTO jobs (job_id, project_id, goal, status, created_at, updated_at) VALUES ('', 'harbour', 'x', 'queued', '', '')`,
      ),
    check(seen) {
      expect(seen.jobs).toEqual(ALL);
      expect(seen.source('orchestrator.db')?.badRecords).toBeGreaterThan(0);
    },
  },
  {
    name: 'an id that would be an option or a path: shown, and given to no program',
    happens: (queue) =>
      queue.sql(
        `INSERT INTO jobs (job_id, project_id, goal, status, created_at, updated_at) VALUES ('../--help', 'harbour', 'x', 'queued', '', '')`,
      ),
    check(seen) {
      const job = seen.entity('job', '../--help');
      expect(job?.nativeStatus).toBe('queued');
      expect(job && seen.refusal('job.cancel', job)).toBeDefined();
    },
  },
  {
    name: 'a database that is none: said on its source, and no job is claimed',
    happens(queue) {
      for (const end of ['-wal', '-shm'])
        rmSync(join(queue.base, STATE, `orchestrator.db${end}`), { force: true });
      queue.write(`${STATE}/orchestrator.db`, 'SQLite format 3\0and then nothing of it');
    },
    check: (seen) =>
      expect(seen.source('orchestrator.db')).toMatchObject({
        state: 'error',
        error: expect.stringMatching(/not a SQLite database/),
      }),
    kept: (seen) => expect(seen.jobs).toEqual(ALL),
    found: (seen) => expect(seen.jobs).toEqual([]),
  },
  {
    name: 'half-written signals: said, and the commands that were known still count',
    happens: (queue) => queue.write(`${STATE}/temporal_signals.json`, '{"signals": [{"job_id": "ba'),
    check: (seen) =>
      expect(seen.source('signals')).toMatchObject({
        state: 'error',
        error: expect.stringContaining('not JSON'),
      }),
    kept: (seen) =>
      expect(seen.entity('job', REVIEW)?.data?.['pending']).toMatchObject([{ action: 'revise' }]),
    found: (seen) => expect(seen.entity('job', REVIEW)?.data?.['pending']).toBeUndefined(),
  },
  {
    name: 'signals of another sort: read as far as they are some',
    happens: (queue) =>
      queue.write(
        `${STATE}/temporal_signals.json`,
        JSON.stringify({
          signals: [7, null, { job_id: 5 }, { job_id: ASKING, action: 'cancel', ts: 'soon' }],
        }),
      ),
    check(seen) {
      expect(seen.entity('job', ASKING)?.data?.['pending']).toMatchObject([{ action: 'cancel', at: null }]);
      expect(seen.jobs).toEqual(ALL);
    },
  },
  {
    name: "a half-written plan: said, and the review shows what the job's result lists, with that warning",
    happens: (queue) =>
      queue.write(
        queue.ofRun('draw-the-map', REVIEW, `audit_${queue.runOf(REVIEW)}.json`),
        '{"run_id": "2026", "tasks": [{"id',
      ),
    check(seen) {
      expect(seen.source(`plan.${REVIEW}`)).toMatchObject({ state: 'error' });
      expect(seen.entity('approval', REVIEW)?.cautions?.join('\n')).toMatch(/can't be read|torn now/);
      expect(seen.entity('approval', REVIEW)?.answerable).toBe(true);
    },
  },
  {
    name: 'a question half-written beside a row that has it: the question stays',
    happens: (queue) =>
      queue.write(
        queue.ofRun('write-a-letter', ASKING, `waiting_${queue.runOf(ASKING)}.json`),
        '{"items": [{',
      ),
    check(seen) {
      expect(seen.source(`question.${ASKING}`)).toMatchObject({ state: 'error' });
      expect(seen.entity('approval', ASKING)).toMatchObject({ ask: 'answer', question: 'To whom?' });
    },
  },
  {
    name: 'task states of another sort: the run goes on, and no progress is invented',
    happens(queue) {
      const dir = queue.ofRun('count-the-boats', RUNNING, '20260101_000000');
      queue.write(`${dir}/m4_state.json`, '{"tasks": [1, 2]}');
      queue.write(`${dir}/m4_events.jsonl`, 'no line\n{"timestamp": 5, "task_id": {}}\n{"timestamp": "20');
    },
    check(seen) {
      expect(seen.entity('job', RUNNING)?.status).toBe('running');
      expect(seen.source(`task-events.${RUNNING}`)?.badRecords).toBe(1);
    },
  },
  {
    name: 'a canary file of another sort: said or empty, never a stage',
    happens: (queue) => queue.write('harbour/.orchestrator/runs/canary_rollout.json', '["promote"]'),
    check(seen) {
      expect(seen.source('canary')).toMatchObject({ state: 'error' });
      expect(seen.entity('meter', 'canary')).toBeUndefined();
    },
  },
  {
    name: 'lines that are none among those of the loop: counted with their place, the good one told',
    happens: (queue) =>
      queue.write(
        `${STATE}/scheduler_exceptions.jsonl`,
        Buffer.concat([
          Buffer.from('no line\n'),
          Buffer.from([0xff, 0xfe, 0x0a]),
          Buffer.from(
            `${JSON.stringify({ ts: stamp(Date.now()), op: 'claim_jobs', error_code: 'SCHED_CLAIM_JOBS_RESOURCE', kind: 'resource', root_cause: 'OSError: disk full' })}\n{"ts": "20`,
          ),
        ]),
      ),
    check(seen) {
      expect(seen.source('scheduler')).toMatchObject({
        badRecords: 2,
        lastBad: { path: `${STATE}/scheduler_exceptions.jsonl`, offset: expect.any(Number) },
      });
      expect(seen.entity('issue', 'scheduler:harbour:claim_jobs:SCHED_CLAIM_JOBS_RESOURCE')).toMatchObject({
        attention: { why: 'claim_jobs: OSError: disk full' },
      });
    },
  },
];

// Beside each other: a torn file is waited for, in case its writer is at it.
describe.concurrent('bad input', () => {
  it.each(rows)('$name', async ({ happens, check, kept, found }) => {
    const queue = new LaidQueue();
    try {
      const before = await (await queue.watch()).refresh();
      expect(before.jobs).toEqual(ALL);
      happens(queue);
      await before.refresh();
      check(before);
      kept?.(before);
      const after = await (await queue.watch()).refresh();
      check(after);
      found?.(after);
    } finally {
      await queue.remove();
    }
  });

  it('has no answers of servers or programs to go wrong: it is read from files, a database and the process table', async () => {
    const queue = new LaidQueue();
    const types = openclawKind.sources(queue.located, {}).map(({ type }) => type);
    await queue.remove();
    expect([...new Set(types)].sort()).toEqual(['database', 'document', 'log', 'process']);
  });
});

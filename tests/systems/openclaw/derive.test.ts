import { describe, expect, test } from 'vitest';
import { attentionOf } from '../../../src/domain/attention.ts';
import type { Entity, SystemId } from '../../../src/domain/entity.ts';
import { addMs, type Instant, parseInstant, toIso } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { FactStore } from '../../../src/engine/fact-store.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import type { Derived, Located } from '../../../src/systems/system.ts';
import { costRatio } from '../../cost.ts';
import { deriveCase, layOutCase } from '../fixture-case.ts';

const NOW = parseInstant('2026-03-02T03:14:07Z') as Instant;
const DB = 'harbour/.orchestrator/state/orchestrator.db';
const SIGNALS = 'harbour/.orchestrator/state/temporal_signals.json';
type Row = Record<string, string | number | null>;

const located: Located = {
  system: 'openclaw' as SystemId,
  kind: 'openclaw',
  root: '/base',
  timezone: 'UTC',
  settings: {},
  extra: { projects: ['harbour'], pollMs: 2000, skill: '/skill', servedProject: 'harbour' },
};

/** An installation whose sources are handed in as they would be read. */
class Installation {
  readonly facts = new FactStore(located, openclawKind.parsers);
  constructor() {
    this.facts.setSpecs(openclawKind.sources(located, {}));
  }
  database(jobs: readonly Row[], events: readonly Row[] = [], at = NOW): this {
    const closed = ['completed', 'cancelled'];
    const open = jobs.filter((job) => !closed.includes(String(job['status'])));
    const counts = new Map<string, number>();
    for (const { status } of jobs) counts.set(String(status), (counts.get(String(status)) ?? 0) + 1);
    this.facts.take({
      type: 'chunk',
      source: 'orchestrator.db',
      path: DB,
      at,
      fresh: true,
      chunk: {
        type: 'database',
        failed: {},
        results: {
          open,
          finished: jobs.filter((job) => closed.includes(String(job['status']))),
          counts: [...counts].map(([status, count]) => ({ status, jobs: count })),
          opened: events,
          recent: events,
        },
      },
    });
    return this;
  }
  signals(text: string): this {
    this.facts.take({
      type: 'chunk',
      source: 'signals',
      path: SIGNALS,
      at: NOW,
      fresh: true,
      chunk: { type: 'document', text },
    });
    return this;
  }
  derive(now = NOW, processes: readonly ProcessInfo[] = []): Derived {
    return openclawKind.derive({ located, facts: this.facts, processes: { readAt: now, processes }, now });
  }
}

function job(id: string, status: string, more: Row = {}): Row {
  return {
    job_id: id,
    project_id: 'harbour',
    goal: `Goal of ${id}`,
    status,
    created_at: toIso(addMs(NOW, -600_000)),
    updated_at: toIso(addMs(NOW, -300_000)),
    ...more,
  };
}

const beating = (more: Row = {}): Row => ({
  heartbeat_at: toIso(addMs(NOW, -1_000)),
  lease_until: toIso(addMs(NOW, 59_000)),
  worker_id: 'worker-10',
  ...more,
});

const worker = (pid = 10): ProcessInfo => ({
  pid,
  parentPid: 1,
  groupId: pid,
  startedAt: addMs(NOW, -1_000_000),
  argv: ['python3', '/skill/scripts/worker.py', '--interval', '2'],
  state: 'S',
  ports: [],
  readsTerminal: false,
});

const byId = (derived: Derived, type: Entity['type'], id: string): Entity | undefined =>
  derived.entities.find((entity) => entity.type === type && entity.id === id);
const issueKeys = (derived: Derived): readonly string[] =>
  derived.entities.flatMap((entity) => (entity.type === 'issue' ? [entity.key] : [])).sort();

describe('a queue without a worker', () => {
  test('is fatal only after a worker has had time to claim, and says when that will be', () => {
    const fresh = new Installation().database([
      job('a1', 'queued', { updated_at: toIso(addMs(NOW, -4_000)) }),
    ]);
    const now = fresh.derive();
    expect(issueKeys(now)).toEqual([]);
    expect(now.nextInstant).toBe(addMs(NOW, 6_000));
    const later = fresh.derive(addMs(NOW, 6_000));
    expect(byId(later, 'issue', 'no-worker:harbour')).toMatchObject({
      severity: 'fatal',
      attention: { rank: 2, label: 'FATAL' },
    });
  });

  test('is not fatal while every worker is busy with a pass, and is when one is free and claims nothing', () => {
    const queue = new Installation().database([job('a1', 'queued'), job('b1', 'running', beating())]);
    expect(issueKeys(queue.derive(NOW, [worker(10)]))).toEqual([]);
    expect(byId(queue.derive(NOW, [worker(10)]), 'job', 'a1')).toMatchObject({
      waitingFor: "the worker's pass, busy with b1",
    });
    const withFree = queue.derive(NOW, [worker(10), worker(11)]);
    expect(byId(withFree, 'issue', 'no-worker:harbour')).toMatchObject({
      title: 'worker 11 runs and claims nothing',
    });
  });

  test('is not fatal while a lease of an earlier claim is set: the next look is at its end', () => {
    const lease = addMs(NOW, 30_000);
    const queue = new Installation().database([
      job('a1', 'approved', { audit_passed: 1, lease_until: toIso(lease) }),
    ]);
    const derived = queue.derive();
    expect(issueKeys(derived)).toEqual([]);
    expect(derived.nextInstant).toBe(lease);
    expect(byId(derived, 'job', 'a1')).toMatchObject({ waitingFor: 'the end of a lease at 03:14:37Z' });
    expect(issueKeys(queue.derive(addMs(lease, 10_000)))).toEqual(['no-worker:harbour']);
  });

  test('does not take an editor, a pager or another project for a worker', () => {
    const queue = new Installation().database([job('a1', 'queued')]);
    const editor: ProcessInfo = { ...worker(20), argv: ['/usr/bin/vim', '/skill/scripts/worker.py'] };
    const other: ProcessInfo = { ...worker(21), argv: [...worker(21).argv, '--project-id', 'south'] };
    const elsewhere: ProcessInfo = { ...worker(22), argv: ['python3', '/other/scripts/worker.py'] };
    for (const process of [editor, other, elsewhere]) {
      expect(byId(queue.derive(NOW, [process]), 'service', 'worker')).toMatchObject({ status: 'down' });
    }
    expect(byId(queue.derive(NOW, [other]), 'issue', 'no-worker:harbour')).toMatchObject({
      detail: 'worker 21 serves another project or installation',
    });
  });
});

describe('signals', () => {
  const signal = (id: string, action: string, secondsAgo: number): object => ({
    job_id: id,
    action,
    request_id: 'r',
    payload: {},
    ts: toIso(addMs(NOW, -secondsAgo * 1000)),
  });
  const file = (...signals: object[]): string => JSON.stringify({ signals });

  test('of an unknown job are poison, but only when every job was read', () => {
    const text = file(signal('zz', 'approve', 1), signal('a1', 'cancel', 1));
    const queue = new Installation().database([job('a1', 'awaiting_audit')]).signals(text);
    expect(issueKeys(queue.derive())).toContain('poison:harbour');
    const empty = new Installation().signals(text);
    expect(issueKeys(empty.derive())).toEqual([]);
  });

  test('left lying are told after a worker has had time, and explained while a pass is busy', () => {
    const text = file(signal('b1', 'cancel', 4));
    const idle = new Installation().database([job('b1', 'cancelled')]).signals(text);
    expect(issueKeys(idle.derive())).toEqual([]);
    expect(idle.derive().nextInstant).toBe(addMs(NOW, 6_000));
    expect(byId(idle.derive(addMs(NOW, 6_000)), 'issue', 'undrained:harbour')).toMatchObject({
      severity: 'warning',
    });
    const busy = new Installation().database([job('b1', 'running', beating())]).signals(text);
    const explained = byId(busy.derive(addMs(NOW, 6_000)), 'issue', 'undrained:harbour');
    expect(explained).toMatchObject({ severity: 'info', detail: expect.stringContaining('applied again') });
    expect(explained?.attention).toBeUndefined();
  });

  test('keep their last good state when the file is torn', () => {
    const queue = new Installation()
      .database([job('a1', 'awaiting_audit')])
      .signals(file(signal('a1', 'approve', 60)))
      .signals('{"signals": [{"job');
    expect(issueKeys(queue.derive())).toContain('undrained:harbour');
  });
});

describe('a swallowed answer', () => {
  const asked = JSON.stringify({ status: 'waiting_human', run_id: 'r', waiting: { t: 'Which?' } });
  const event = (id: number, secondsAgo: number, name: string, payload: object): Row => ({
    id,
    job_id: 'a1',
    ts: toIso(addMs(NOW, -secondsAgo * 1000)),
    event: name,
    payload: JSON.stringify(payload),
  });
  const waits = event(5, 100, 'status_changed', { status: 'waiting_human' });
  const takenUp = (givenSecondsAgo: number): Row =>
    event(6, 50, 'control_signal_applied', {
      action: 'resume',
      result_status: 'waiting_human',
      signal_ts: toIso(addMs(NOW, -givenSecondsAgo * 1000)),
    });
  const cautions = (...events: Row[]): string => {
    const queue = new Installation().database([job('a1', 'waiting_human', { last_result: asked })], events);
    return byId(queue.derive(), 'approval', 'a1')?.cautions?.join('\n') ?? '';
  };

  test('is one that was given to this question and resumed nothing', () => {
    expect(cautions(waits, takenUp(60))).toContain('swallowed');
  });

  test('is not one that answered the question before and was taken up late', () => {
    expect(cautions(waits, takenUp(200))).not.toContain('swallowed');
  });

  test('is not one that resumed the job', () => {
    const resumed = event(7, 40, 'job_resumed', { answer: 'x', dedupe_key: 'k' });
    expect(cautions(waits, takenUp(60), resumed)).not.toContain('swallowed');
  });
});

test('issues of a database that cannot be read now are unchecked, and its jobs stay', () => {
  const queue = new Installation().database([job('a1', 'failed', { error: 'x' })]);
  expect(byId(queue.derive(), 'issue', 'failed:a1')).toMatchObject({ status: 'open' });
  queue.facts.take({ type: 'failed', source: 'orchestrator.db', path: DB, at: NOW, error: 'not a database' });
  expect(byId(queue.derive(), 'issue', 'failed:a1')).toMatchObject({ status: 'unchecked' });
  expect(byId(queue.derive(), 'job', 'a1')).toBeDefined();
});

test('says so when there are more open jobs than are read', () => {
  const queue = new Installation().database([job('a1', 'awaiting_audit')]);
  expect(issueKeys(queue.derive())).not.toContain('unlisted:harbour');
  const many = new Installation();
  many.facts.take({
    type: 'chunk',
    source: 'orchestrator.db',
    path: DB,
    at: NOW,
    fresh: true,
    chunk: {
      type: 'database',
      failed: {},
      results: {
        open: [job('a1', 'awaiting_audit')],
        counts: [
          { status: 'awaiting_audit', jobs: 12_001 },
          { status: 'completed', jobs: 50_000 },
        ],
      },
    },
  });
  expect(byId(many.derive(), 'issue', 'unlisted:harbour')).toMatchObject({
    title: '12000 open jobs more than are listed',
  });
});

test('nothing read yet is unknown, not idle', () => {
  const layers = new Installation().derive().entities.filter((entity) => entity.type === 'layer');
  expect(layers.map((layer) => layer.type === 'layer' && layer.status)).toEqual(Array(5).fill('unknown'));
});

test('a beat changes nothing but the beat: no since, reason or source moves', () => {
  const at = (seconds: number): Derived => {
    const now = addMs(NOW, seconds * 1000);
    const beat = beating({
      heartbeat_at: toIso(addMs(now, -500)),
      lease_until: toIso(addMs(now, 59_500)),
      updated_at: toIso(addMs(now, -500)),
    });
    const events: Row[] = [
      {
        id: 1,
        job_id: 'b1',
        ts: toIso(addMs(NOW, -60_000)),
        event: 'status_changed',
        payload: '{"status": "running"}',
      },
    ];
    return new Installation()
      .database([job('b1', 'running', beat), job('a1', 'awaiting_audit')], events, now)
      .derive(now);
  };
  const [first, second] = [at(0), at(2)];
  expect(second.data).toEqual(first.data);
  const changed = second.entities.filter((entity) => {
    const before = first.entities.find((one) => one.type === entity.type && one.id === entity.id);
    return JSON.stringify({ ...before, observedAt: 0 }) !== JSON.stringify({ ...entity, observedAt: 0 });
  });
  expect(changed.map((entity) => `${entity.type}/${entity.id}`)).toEqual(['job/b1']);
});

test('reads the run directories of jobs that matter and never makes a path of a hostile id', () => {
  const ids = ['../../etc', '*', 'a/b', '--help', 'a1'];
  const queue = new Installation().database(ids.map((id) => job(id, 'awaiting_audit')));
  const specs = openclawKind.sources(located, queue.derive().data ?? {});
  const own = specs.filter((spec) => spec.id.startsWith('run-log.'));
  expect(own.map((spec) => spec.id)).toEqual(['run-log.a1']);
  expect(specs.filter((spec) => JSON.stringify(spec).includes('etc'))).toEqual([]);
});

test('ten thousand jobs cost in proportion what a thousand do, with a bounded number of sources', () => {
  const statuses = ['awaiting_audit', 'waiting_human', 'queued', 'failed', 'completed', 'running'];
  const result = JSON.stringify({
    status: 'awaiting_audit',
    run_id: '20260302_030000',
    orchestration: { summary: { total_tasks: 1 }, tasks: [{ task_id: 't', title: 'x' }] },
  });
  const queueOf = (size: number): Installation => {
    const jobs = Array.from({ length: size }, (_, index) =>
      job(index.toString(16).padStart(16, '0'), statuses[index % statuses.length] ?? 'queued', {
        last_result: result,
        worker_id: 'worker-10',
        heartbeat_at: toIso(addMs(NOW, -90_000)),
      }),
    );
    return new Installation().database(jobs);
  };
  const [small, large] = [queueOf(1_000), queueOf(10_000)];
  expect(openclawKind.sources(located, large.derive().data ?? {}).length).toBeLessThan(600);
  const ratio = costRatio(
    () => small.derive(),
    () => large.derive(),
  );
  expect(ratio).toBeLessThan(25);
});

test('row 70: the same system read cold has the since-times that watching would have given', async () => {
  const laid = await layOutCase('openclaw', 'states-side-by-side');
  try {
    const derived = await deriveCase(openclawKind, laid.dir, laid.case);
    const since = new Map(
      attentionOf(derived.entities).map((item) => [item.label, item.since && toIso(item.since)]),
    );
    expect(since.get('DEAD')).toBe('2026-03-02T02:56:12.000Z');
    expect(since.get('REVIEW')).toBe('2026-03-02T03:01:22.877Z');
    expect(since.get('ANSWER')).toBe('2026-03-02T02:46:12.420Z');
  } finally {
    laid.remove();
  }
});

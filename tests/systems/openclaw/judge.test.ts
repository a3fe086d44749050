import { describe, expect, test } from 'vitest';
import { addMs, type Instant, parseInstant } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import type { EventFact, JobFact } from '../../../src/systems/openclaw/facts.ts';
import { judge, type Surroundings } from '../../../src/systems/openclaw/judge.ts';

const NOW = parseInstant('2026-03-02T03:14:07Z') as Instant;
const ago = (seconds: number): Instant => addMs(NOW, -seconds * 1000);

const base: JobFact = {
  id: 'a1c0ffee00000001',
  project: 'harbour',
  goal: 'Draft the notice',
  goalCut: false,
  status: 'running',
  decision: 'approve',
  revision: '',
  passed: true,
  run: null,
  result: null,
  resultBad: null,
  error: null,
  answers: [],
  worker: 'worker-10',
  pid: 77,
  lease: addMs(NOW, 59_000),
  beat: ago(1),
  attempts: 0,
  created: ago(600),
  updated: ago(1),
  events: [],
};

function runnerProcess(
  pid: number,
  parentPid: number,
  argv = ['python3', '/s/runner.py', 'run'],
): ProcessInfo {
  return {
    pid,
    parentPid,
    groupId: pid,
    startedAt: ago(500),
    argv,
    state: 'S',
    ports: [],
    readsTerminal: false,
  };
}

function around(
  options: {
    processes?: readonly ProcessInfo[];
    now?: Instant;
    newest?: [string, Instant][];
    question?: string;
  } = {},
): Surroundings {
  const { processes = [], now = NOW, newest = [], question = '' } = options;
  return {
    now,
    hasLeases: true,
    staleMs: 300_000,
    newestByGoal: new Map(newest),
    process: (pid) => processes.find((one) => one.pid === pid),
    isWorkerPid: (pid) => pid === 10,
    question: () => question,
  };
}

const event = (
  id: number,
  name: string,
  status: string | null,
  at: Instant,
  run: string | null = null,
): EventFact => ({
  id,
  run,
  at,
  event: name,
  status,
  action: null,
  answer: null,
  dedupe: null,
  given: null,
  pid: null,
  text: name,
});

describe('a working job', () => {
  /** The eight cases in which scripts/state_store.py was seen to take a job back or to keep it. */
  test.each([
    ['running', 400, -340, true],
    ['running', 70, -10, true],
    ['running', 10, 50, false],
    ['running', null, null, true],
    ['running', 10, null, false],
    ['running', 400, 50, true],
    ['planning', 70, -10, true],
  ] as const)(
    '%s with a beat %s s old and a lease of %s s is taken back: %s',
    (status, beat, lease, isStale) => {
      const job: JobFact = {
        ...base,
        status,
        pid: null,
        beat: beat === null ? null : ago(beat),
        lease: lease === null ? null : addMs(NOW, lease * 1000),
      };
      const { condition } = judge(job, around());
      expect(condition).toBe(isStale ? 'silent-dead' : 'running');
    },
  );

  test('becomes silent at the moment its lease ends, and names that moment before', () => {
    const job: JobFact = { ...base, beat: ago(30), lease: addMs(NOW, 30_000) };
    const verdict = judge(job, around());
    expect(verdict).toMatchObject({ condition: 'running', until: addMs(NOW, 30_000) });
    expect(judge(job, around({ now: addMs(NOW, 29_999) })).condition).toBe('running');
    expect(judge(job, around({ now: addMs(NOW, 30_000) })).condition).toBe('silent-dead');
  });

  test('just claimed, with the beat of an earlier run, is not called silent before a new beat is due', () => {
    const job: JobFact = { ...base, pid: null, beat: ago(4000), lease: addMs(NOW, 58_000), updated: ago(2) };
    expect(judge(job, around()).condition).toBe('running');
    expect(judge(job, around({ now: addMs(NOW, 9_000) })).condition).toBe('silent-dead');
  });

  test('whose runner lives is a danger of a double run, not a dead job', () => {
    const job: JobFact = { ...base, beat: ago(100), lease: ago(40) };
    const orphan = runnerProcess(77, 1);
    expect(judge(job, around({ processes: [orphan] }))).toMatchObject({
      condition: 'silent-alive',
      runner: 'alive',
    });
    expect(judge(job, around())).toMatchObject({ condition: 'silent-dead', runner: 'gone' });
  });

  test('whose pid now belongs to another program has lost its runner', () => {
    const job: JobFact = { ...base, beat: ago(100), lease: ago(40) };
    const other = runnerProcess(77, 1, ['/usr/sbin/cron']);
    expect(judge(job, around({ processes: [other] }))).toMatchObject({
      condition: 'silent-dead',
      runner: 'gone',
    });
  });

  test('is called orphaned within its lease when its worker is gone and 10 s passed without a beat', () => {
    const job: JobFact = { ...base, beat: ago(11), lease: addMs(NOW, 49_000) };
    expect(judge(job, around({ processes: [runnerProcess(77, 1)] }))).toMatchObject({
      condition: 'orphaned',
      until: addMs(NOW, 49_000),
    });
    expect(judge(job, around({ processes: [runnerProcess(77, 10)] })).condition).toBe('running');
    const fresh: JobFact = { ...job, beat: ago(3) };
    expect(judge(fresh, around({ processes: [runnerProcess(77, 1)] })).condition).toBe('running');
  });
});

describe('a job that is over for the queue', () => {
  test('and whose runner still works is overtaken', () => {
    const job: JobFact = { ...base, status: 'cancelled' };
    expect(judge(job, around({ processes: [runnerProcess(77, 10)] })).condition).toBe('overtaken');
    expect(judge(job, around()).condition).toBe('cancelled');
  });

  test('and completed with failed tasks is a fake success by either count', () => {
    const result = {
      status: 'finished',
      run: 'r',
      waiting: [],
      total: 3,
      done: 2,
      tasks: [],
      errorCode: null,
    };
    const job: JobFact = { ...base, status: 'completed', pid: null };
    const by = (failed: number | null, convergedFailed: number | null): string =>
      judge({ ...job, result: { ...result, failed, convergedFailed } }, around()).condition;
    expect(by(1, null)).toBe('fake-success');
    expect(by(0, 1)).toBe('fake-success');
    expect(by(0, 0)).toBe('done');
    expect(by(null, null)).toBe('done');
  });

  test('is stood for by a newer job of the same goal, never by an older one', () => {
    const job: JobFact = { ...base, status: 'failed', pid: null };
    expect(judge(job, around({ newest: [['Draft the notice', ago(10)]] })).superseded).toBe(true);
    expect(judge(job, around({ newest: [['Draft the notice', base.created as Instant]] })).superseded).toBe(
      false,
    );
    expect(judge(job, around({ newest: [['Another goal', ago(10)]] })).superseded).toBe(false);
  });
});

describe('a queued or approved job', () => {
  test('is leased while an earlier claim lasts and claimable from its end', () => {
    const job: JobFact = { ...base, status: 'approved', pid: null, lease: addMs(NOW, 20_000) };
    expect(judge(job, around())).toMatchObject({ condition: 'leased', until: job.lease });
    expect(judge(job, around({ now: addMs(NOW, 20_000) }))).toMatchObject({
      condition: 'claimable',
      since: job.lease,
    });
  });
});

describe('a review', () => {
  const task = { id: 't', title: 'x', agent: null, status: null };
  const result = {
    status: 'awaiting_audit',
    run: 'r1',
    waiting: [],
    total: 1,
    done: 0,
    failed: 0,
    convergedFailed: null,
    errorCode: null,
    tasks: [task],
  };
  const job: JobFact = { ...base, status: 'awaiting_audit', pid: null, passed: false, run: 'r1', result };

  test('has a plan when its result lists tasks', () => {
    expect(judge(job, around()).condition).toBe('review');
  });

  test('has none when the result is empty, or lists no task', () => {
    expect(judge({ ...job, result: null }, around()).condition).toBe('no-plan');
    expect(judge({ ...job, result: { ...result, tasks: [], total: 0 } }, around()).condition).toBe('no-plan');
  });

  test('with an error counts as planned only when the plan came after the error', () => {
    const withError = (...events: EventFact[]): string =>
      judge({ ...job, error: 'boom', events }, around()).condition;
    const failed = event(1, 'job_failed', null, ago(60));
    const plannedAfter = event(2, 'status_changed', 'awaiting_audit', ago(30), 'r1');
    const gate = event(3, 'audit_gate_blocked', null, ago(20));
    expect(withError(failed, plannedAfter)).toBe('review');
    expect(withError(failed, plannedAfter, gate)).toBe('no-plan');
    expect(withError()).toBe('no-plan');
  });
});

describe('since when', () => {
  test('a status set by a runner counts from its event, one set by a command from the row', () => {
    const waiting: JobFact = {
      ...base,
      status: 'waiting_human',
      pid: null,
      updated: ago(5),
      events: [event(1, 'status_changed', 'waiting_human', ago(300))],
    };
    expect(judge(waiting, around({ question: 'Which?' }))).toMatchObject({
      condition: 'question',
      since: ago(300),
    });
    const revised: JobFact = { ...waiting, status: 'revise_requested' };
    expect(judge(revised, around())).toMatchObject({ condition: 'dead-end', since: ago(5) });
  });

  test('a wait without a question is a missing signal', () => {
    expect(judge({ ...base, status: 'waiting_human', pid: null }, around()).condition).toBe('no-signal');
  });
});

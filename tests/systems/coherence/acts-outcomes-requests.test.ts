/**
 * Every act that asks the API, and its restart, with what goes wrong: it refuses, stores nothing, never answers, does
 * half. The server is the simulated one with its lies. That they work: acts-live.test.ts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { type Given, ManyActing, outcomesOf, until } from '../acting.ts';
import { Played, REFUSAL } from './played.ts';

let played: Played;
let watch: SystemWatch;
let many: ManyActing;

beforeAll(async () => {
  played = await Played.lay();
  watch = await played.watch();
  many = new ManyActing(watch, join(played.dir, 'states'));
}, 60_000);

afterAll(async () => {
  many.close();
  await played.end();
});

describe('acts that ask the API', () => {
  const url = (path: string): string => `${played.located.url}/api/agent/${path}`;
  const send = async (method: string, path: string, body: object): Promise<{ id: string }> =>
    (await (await fetch(url(path), { method, body: JSON.stringify(body) })).json()) as { id: string };

  /** A task that runs as far as the store and its lease tell, with no runner to hear anything. */
  async function running(): Promise<string> {
    const { id } = await send('POST', 'tasks', { direction: 'Chart the sandbank', task_type: 'spec' });
    await send('PATCH', `tasks/${id}`, { status: 'running', worker_id: 'w9' });
    await send('POST', 'run-state', { task_id: id, run_id: 'r', worker_id: 'w9', status: 'running' });
    return id;
  }

  let given: readonly Given[] = [];
  beforeAll(async () => {
    const ids = [await running(), await running()];
    // What an abort left behind has to go with the same request.
    await send('PATCH', 'tasks/task_1b09199f1e3d9185', { context: { control: { action: 'abort' } } });
    given = [
      ['job.answer', 'approval', 'task_864e65b18d8b704c', { decision: 'chart datum' }],
      ['job.requeue', 'job', 'task_1b09199f1e3d9185'],
      ['job.fail', 'job', 'task_d3b5ad02de209cc6', { output: 'no pilot aboard' }],
      ['job.cancel', 'job', ids[0] ?? ''],
      ['job.diagnose', 'job', ids[1] ?? '', { command: 'df -h' }],
    ];
    await until(async () => {
      await watch.refresh();
      const view = watch.view();
      return (
        ids.every((id) => view.entity('job', id)?.status === 'running') &&
        view.entity('job', 'task_1b09199f1e3d9185')?.data?.['abortAsked'] === true
      );
    });
  });

  it.each([
    ['refuses', 'patch-refused', 'failed', /HTTP 503|the store is read-only/],
    ['says 200 and stores nothing', 'patch-lost', 'not-seen', /^not seen in|no result/],
    ['never answers', 'patch-hang', 'timed-out', /^no answer in/],
  ] as const)('fail, time out or are not seen where it %s, and nothing has changed', async (...row) => {
    const [, name, outcome, why] = row;
    const before = played.snapshot();
    played.lie(name);
    const ended = await many.each(given, name === 'patch-hang' ? { runMs: 300 } : {});
    played.lie();
    expect(outcomesOf(given, ended)).toEqual(given.map(([id]) => `${id}: ${outcome}`));
    for (const { summary } of ended) expect(summary).toMatch(why);
    if (name === 'patch-refused')
      for (const { row: kept } of ended)
        expect(kept.progress.answer?.summary).toBe('the API says: 503 the store is read-only');
    expect(played.snapshot()).toEqual(before);
  });

  it('are verified by what the store says, though the answer to the request never came', async () => {
    const diagnose = given[4] as Given;
    const { id } = await send('POST', 'tasks', { direction: 'Sound the bar', task_type: 'spec' });
    await until(async () => {
      await watch.refresh();
      return watch.view().entity('job', id) !== undefined;
    });
    played.lie('patch-mute');
    const [failed, asked] = await Promise.all([
      many.act(['job.fail', 'job', id, { output: 'no boat' }], { runMs: 300, hurry: 1 }),
      many.act(diagnose, { runMs: 300, hurry: 1 }),
      answerDiagnostic(diagnose[2]),
    ]);
    played.lie();
    expect(failed).toMatchObject({ outcome: 'verified', summary: expect.stringContaining('no answer in') });
    expect(asked).toMatchObject({ outcome: 'verified', summary: expect.stringContaining('ran: df -h') });
  });

  /** What a runner does with a request that it finds: its result is in the context then. */
  async function answerDiagnostic(id: string): Promise<void> {
    type Stored = { tasks: { id: string; context: { diagnostic_request?: { id: string } } }[] };
    let wanted: string | undefined;
    await until(() => {
      const { tasks } = JSON.parse(
        readFileSync(played.logFile('agent_tasks.json'), 'utf8') || '{"tasks":[]}',
      ) as Stored;
      wanted = tasks.find((task) => task.id === id)?.context.diagnostic_request?.id;
      return wanted !== undefined;
    });
    const result = { id: wanted, status: 'completed', exit_code: 0, output: 'ran: df -h' };
    const body = JSON.stringify({ context: { diagnostic_last_result: result } });
    const signal = AbortSignal.timeout(200);
    await fetch(url(`tasks/${id}`), { method: 'PATCH', body, signal }).catch(() => undefined);
  }

  it('are not seen where it stores half of what it was told, and say which half is missing', async () => {
    played.lie('patch-half');
    const stored = (view: StateView, id: string): string => {
      const job = view.entity('job', id);
      return JSON.stringify([job?.nativeStatus, job?.data]);
    };
    const ended = await Promise.all(
      given.map((one) => {
        const before = stored(watch.view(), one[2]);
        // What was stored has to be read before the time is up. A request for a diagnostic is all that it stores of one.
        const isStored = (view: StateView): boolean =>
          one[0] === 'job.diagnose' || stored(view, one[2]) !== before;
        return many.act(one, { patientUntil: isStored });
      }),
    );
    played.lie();
    expect(outcomesOf(given, ended)).toEqual(given.map(([id]) => `${id}: not-seen`));
    const missing = [
      /says running and nobody runs it/,
      /an abort is still in its context/,
      /failed by itself, with other words/,
      /its runner ended it/,
      /no result yet/,
    ];
    missing.forEach((one, index) => {
      expect(ended[index]?.summary).toMatch(one);
    });
  });
});

describe('api.restart', () => {
  const given: Given = ['api.restart', 'service', 'api'];
  beforeEach(() => played.clear(watch));

  it('fails where the old one ignores TERM, and starts no second one beside it', async () => {
    played.lie('api-hang');
    const ended = await many.act(given);
    played.lie();
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toContain(`process ${played.api.pid} took SIGTERM and still lives`);
    expect(played.living()).toEqual([]);
    expect((await fetch(`${played.located.url}/api/health`)).status).toBe(200);
  });

  it('is half done where the old one is gone and the new one refuses: its words are in the server’s log', async () => {
    played.play('refuse');
    const ended = await many.act(given, { patientUntil: () => played.api.exitCode !== null });
    await until(() => played.living().length === 0);
    expect(ended.outcome).toMatch(/^(failed|not-seen)$/);
    expect(ended.summary).toContain('a new API runs (no new process yet)');
    expect(played.api.exitCode).toBe(0);
    expect(readFileSync(played.logFile('autonomous_api.log'), 'utf8')).toContain(REFUSAL);
  });

  it('is not done where the new one exits 0 at once, as if it had done something', async () => {
    played.play('silent');
    const ended = await many.act(given);
    await until(() => played.living().length === 0);
    expect(ended.outcome).toMatch(/^(failed|not-seen)$/);
    expect(ended.summary).toContain('a new API runs (no new process yet)');
  });

  it('is not seen where the new one lives and answers nothing', async () => {
    played.play('hang');
    const program = join(played.dir, 'python');
    const lives = ({ processes }: StateView): boolean => processes.some((one) => one.argv.includes(program));
    const ended = await many.act(given, { patientUntil: lives });
    expect(ended).toMatchObject({ outcome: 'not-seen', summary: expect.stringContaining('it answers 200') });
    expect(played.living()).toHaveLength(1);
  });
});

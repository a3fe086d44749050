/** Acts done by the real runner: programs, signals and processes are real; each with the honest program and with its lies. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import type { Params } from '../../../src/domain/act.ts';
import type { EntityType } from '../../../src/domain/entity.ts';
import { type Live, startLive } from './live.ts';

const workersIn = (live: Live): readonly { readonly pid: number }[] =>
  live.watch.view().entity('service', 'worker')?.data?.['workers'] as { pid: number }[];

describe('with workers at work', () => {
  let live: Live;
  beforeAll(async () => {
    live = await startLive({ workers: true });
  });
  afterAll(() => live.end());

  test('an approval is verified by the claim of a worker', async () => {
    await live.until((watch) => watch.view().entity('service', 'worker')?.status === 'up');
    expect(await live.act('job.approve', 'approval', STORY.review)).toMatchObject({ outcome: 'verified' });
  });

  test('a job is stopped: its runner is gone, and it stays cancelled after its worker wrote over the mark', async () => {
    await live.until((watch) => {
      const job = watch.view().entity('job', STORY.running);
      const pid = job?.data?.['pid'];
      return watch.view().processes.some((process) => process.pid === pid);
    });
    const preview = await live.preview('job.stop', 'job', STORY.running);
    expect(preview.confirmation).toBe('code');
    expect(await live.act('job.stop', 'job', STORY.running)).toMatchObject({ outcome: 'verified' });
    expect(live.watch.view().entity('job', STORY.running)?.nativeStatus).toBe('cancelled');
  });

  test('a goal submitted anew is half done when its old job stays: that is not called done', async () => {
    live.lie('cancel-lost');
    const ended = await live.act('job.retry', 'approval', STORY.noPlan, { hurry: 200 });
    live.lie();
    expect(ended).toMatchObject({ outcome: 'not-seen' });
    await live.until((watch) =>
      watch
        .view()
        .entities('job')
        .some((job) => job.id !== STORY.noPlan && job.data?.['goal'] === 'Plan the winter dredging'),
    );
    expect(live.watch.view().entity('job', STORY.noPlan)?.nativeStatus).toBe('awaiting_audit');
  });

  test('an approval that an older cancel takes back is not verified', async () => {
    // The same job once more, as its own program would bring it to a review: by its goal.
    await live.until((watch) =>
      watch
        .view()
        .entities('approval')
        .some((one) => one.ask === 'review' && one.answerable),
    );
    const review = live.watch
      .view()
      .entities('approval')
      .find((one) => one.ask === 'review' && one.answerable);
    live.lie('flip-back');
    const ended = await live.act('job.approve', 'approval', review?.id ?? '');
    live.lie();
    expect(ended).toMatchObject({ outcome: 'not-seen', summary: expect.stringContaining('took it back') });
  });
});

describe('without a worker', () => {
  let live: Live;
  beforeAll(async () => {
    live = await startLive({ workers: false });
  });
  afterAll(() => live.end());

  /** Each on something of its own, so that all of them run beside each other. */
  const GIVEN: readonly (readonly [act: string, type: EntityType, id: string, params?: Params])[] = [
    ['job.approve', 'approval', STORY.review],
    ['job.answer', 'approval', STORY.question, { answer: 'the eastern one' }],
    ['job.rerun', 'job', STORY.done],
    ['job.retry', 'job', STORY.fakeSuccess],
    ['job.resubmit', 'job', STORY.deadEnd, { answer: 'in two parts' }],
    ['job.cancel', 'job', STORY.noSignal],
    ['job.revise', 'approval', STORY.noPlan, { revision: 'smaller' }],
    ['job.submit', 'service', 'worker', { goal: 'Paint the pier' }],
  ];

  test.each([
    ['prints success and does nothing', 'accepted-not-found', 'not-seen', {}],
    ['fails with a word', 'crash', 'failed', {}],
    ['never ends', 'hang', 'timed-out', { runMs: 400 }],
  ] as const)(
    'no act is verified when its program %s, and nothing has changed',
    async (_what, lie, outcome, doing) => {
      const before = live.watch
        .view()
        .entities('job')
        .map(({ id, nativeStatus }) => [id, nativeStatus]);
      live.lie(lie);
      const ended = await Promise.all(
        GIVEN.map(async ([act, type, id, params = {}]) => {
          const { outcome: how } = await live.act(act, type, id, { ...doing, params, hurry: 200 });
          return [act, how];
        }),
      );
      live.lie();
      expect(ended).toEqual(GIVEN.map(([act]) => [act, outcome]));
      await live.watch.refresh();
      const after = live.watch
        .view()
        .entities('job')
        .map(({ id, nativeStatus }) => [id, nativeStatus]);
      expect(after).toEqual(before);
    },
  );

  test('an approval is refused where there is no plan, before anything runs', async () => {
    await expect(live.act('job.approve', 'approval', STORY.noPlan)).rejects.toThrow(/refused.*unreviewed/s);
  });

  test('a pass that exits 0 and takes nothing up is not verified; an honest one is', async () => {
    await live.act('job.retry', 'approval', STORY.noPlan);
    live.lie('nothing');
    expect(await live.act('worker.pass', 'service', 'worker', { hurry: 200 })).toMatchObject({
      outcome: 'not-seen',
    });
    live.lie();
    expect(await live.act('worker.pass', 'service', 'worker')).toMatchObject({ outcome: 'verified' });
  });

  test('a goal submitted anew is undone by the cancel of the new job, not of the old one', async () => {
    const params = { answer: 'the northern berth' };
    const ended = await live.act('job.resubmit', 'approval', STORY.question, { params });
    expect(ended).toMatchObject({ outcome: 'verified' });
    await live.watch.refresh();
    const undo = live.undo();
    expect(undo).toMatchObject({ offer: { act: 'job.cancel' }, target: { type: 'job' } });
    expect(undo.why).toBeUndefined();
    const id = undo.target?.id ?? '';
    expect(id).not.toBe(STORY.question);
    expect(live.watch.view().entity('job', id)).toMatchObject({
      nativeStatus: 'queued',
      data: { goal: expect.stringContaining('the northern berth') },
    });
    const { order: undoes = '' } = undo;
    const otherwise = live.act('job.cancel', 'job', STORY.stalled, { undoes });
    await expect(otherwise).rejects.toThrow(/does not undo order/);
    expect(await live.act('job.cancel', 'job', id, { undoes })).toMatchObject({ outcome: 'verified' });
    expect(live.watch.view().entity('job', id)?.nativeStatus).toBe('cancelled');
  });

  test('a worker that ends at once is not called started', async () => {
    live.lie('nothing');
    const ended = await live.act('worker.start', 'service', 'worker', { hurry: 200 });
    await live.begunWith('nothing');
    live.lie();
    expect(ended.outcome).not.toBe('verified');
    await live.until(() => workersIn(live).length === 0);
  });

  test('a worker that lives and takes nothing up is not verified', async () => {
    await live.act('job.retry', 'job', STORY.fakeSuccess);
    live.lie('idle');
    expect(await live.act('worker.start', 'service', 'worker', { hurry: 200 })).toMatchObject({
      outcome: 'not-seen',
    });
    await live.begunWith('idle');
    live.lie();
    await live.until(() => workersIn(live).length === 1);
    for (const { pid } of workersIn(live)) process.kill(pid, 'SIGTERM');
    await live.until(() => workersIn(live).length === 0);
  });

  test('a gate that blocks is told as failed, with what blocks it', async () => {
    live.lie('blocked');
    const ended = await live.act('gate.latency', 'service', 'worker');
    live.lie();
    expect(ended).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('P95 95.2 ms') });
  });

  test('a canary decision that is printed and not written is not verified', async () => {
    live.lie('unwritten');
    const params = { metrics: 'metrics.json' };
    expect(await live.act('canary.decide', 'service', 'worker', { params, hurry: 200 })).toMatchObject({
      outcome: 'not-seen',
    });
    live.lie();
    expect(await live.act('canary.decide', 'service', 'worker', { params })).toMatchObject({
      outcome: 'verified',
    });
  });

  test('what needs a worker is verified once one was started from here', async () => {
    expect(
      await live.act('job.submit', 'service', 'worker', { params: { goal: 'Paint the pier' } }),
    ).toMatchObject({ outcome: 'verified' });
    expect(await live.act('worker.start', 'service', 'worker')).toMatchObject({ outcome: 'verified' });
    const other = live.watch
      .view()
      .entities('approval')
      .find(({ ask, answerable, id }) => ask === 'review' && answerable && id !== STORY.review);
    // One after the other: control.py loses one of two that write the file of signals in one moment.
    const given = [
      ['job.approve', 'approval', STORY.review, {}],
      ['job.rerun', 'job', STORY.done, {}],
      ['job.revise', 'approval', other?.id ?? '', { revision: 'smaller' }],
    ] as const;
    for (const [act, type, id, params] of given)
      expect([act, await live.act(act, type, id, { params })]).toMatchObject([act, { outcome: 'verified' }]);
  });
});

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { job, stepBench } from './step-bench.ts';

const ready = { a1: { status: 'ready' } };

describe('undo', () => {
  it('offers the compensating act for the newest order; both are in the ledger, the second names the first', async () => {
    const bench = stepBench(ready);
    const { service } = bench;
    expect(service.undo({})).toEqual({ why: 'you have done nothing yet' });
    const first = await bench.done('job.begin');
    const undo = service.undo({});
    expect(undo).toMatchObject({ order: first.order, offer: { act: 'job.reset' }, target: job });
    expect(undo.why).toBeUndefined();
    expect(first.undoAct).toBe('job.reset');
    const second = await bench.done('job.reset', {}, { undoes: first.order });
    expect(second).toMatchObject({ status: 'verified', undoes: first.order });
    const records = bench.ledger.rows().map(({ record }) => record);
    expect(records.map((record) => 'undoes' in record && record.undoes)).toEqual([
      false,
      false,
      first.order,
      first.order,
    ]);
    // Once undone it is not undone again.
    expect(service.undo({ order: first.order }).why).toMatch(/^it was undone by alice at .* \(job.reset\)$/);
    await expect(bench.done('job.reset', {}, { undoes: first.order })).rejects.toThrow(/undone by alice/);
  });

  it('gives the reason when the world moved on', async () => {
    const bench = stepBench(ready);
    const { order } = await bench.done('job.begin');
    bench.set(ready);
    expect(bench.service.undo({ order })).toMatchObject({
      offer: { act: 'job.reset' },
      why: 'the job is not done',
    });
    bench.set({});
    expect(bench.service.undo({ order }).why).toMatch(/job.reset would undo it, and applies to nothing/);
  });

  it('is done to another item where the kind says so, with the values of before', async () => {
    const bench = stepBench(ready);
    const { order } = await bench.done('job.copy');
    const copy = { ...job, id: 'a1-copy' };
    const undo = bench.service.undo({});
    expect(undo).toMatchObject({
      offer: { act: 'job.answer' },
      target: copy,
      targetTitle: 'job a1-copy',
      params: { answer: 'no copy of a1' },
    });
    expect(undo.why).toBeUndefined();
    const given = { act: 'job.answer', params: undo.params ?? {}, occasion: { undoes: order } };
    const elsewhere = await bench.start({ ...given, target: job });
    expect(elsewhere.refused).toBe(`job.answer on toy/a1 does not undo order ${order}`);
    const { order: undoing } = await bench.start({ ...given, target: copy });
    const entry = () => bench.service.entries().find((one) => one.order === undoing);
    await expect.poll(() => entry()?.status, { timeout: 15_000 }).toBe('verified');
    expect(readFileSync(join(bench.root, 'answers', 'a1-copy.txt'), 'utf8')).toBe('no copy of a1');
    expect(bench.service.undo({ order }).why).toMatch(/^it was undone by alice/);
  });

  it('says so when what it would be done to is gone', async () => {
    const bench = stepBench(ready);
    const { order } = await bench.done('job.copy');
    bench.set(ready);
    expect(bench.service.undo({ order })).toMatchObject({
      order,
      why: 'job.answer would undo it, and applies to nothing that is there now',
    });
  });

  it('says why there is none', async () => {
    const bench = stepBench(ready);
    const { service } = bench;
    const { order } = await bench.done('job.run');
    expect(service.undo({ order })).toMatchObject({ order, why: 'cannot be undone' });
    expect(service.undo({ order: 'nonsense' }).why).toBe('there is no order nonsense');
    const missing = await stepBench(ready);
    const failed = await missing.done('job.missing');
    expect(missing.service.undo({ order: failed.order }).why).toBe('cannot be undone');
  });

  it('of another operator is offered when their order is named, and mine is the default', async () => {
    const alice = stepBench(ready);
    const { order } = await alice.done('job.begin');
    const bob = alice.beside();
    expect(bob.service.undo({})).toEqual({ why: 'you have done nothing yet' });
    expect(bob.service.undo({ order })).toMatchObject({ offer: { act: 'job.reset' } });
  });

  it('refuses an act that does not undo the order it names', async () => {
    const bench = stepBench(ready);
    const { order } = await bench.done('job.begin');
    const { refused } = await bench.start({
      act: 'job.inspect',
      target: job,
      params: {},
      occasion: { undoes: order },
    });
    expect(refused).toBe(`job.inspect on toy/a1 does not undo order ${order}`);
  });
});

describe('undo of an act that changed files', () => {
  const pathOf = (root: string): string => join(root, 'notes', 'a1.txt');

  it('puts back what was there, and sees that it is', async () => {
    const bench = stepBench(ready);
    mkdirSync(join(bench.root, 'notes'));
    writeFileSync(pathOf(bench.root), 'before: höhe\n');
    const { order } = await bench.done('job.write', { text: 'ours' });
    expect(bench.service.undo({})).toMatchObject({
      offer: { act: 'file.restore', does: expect.stringMatching(/notes\/a1/) },
    });
    const end = await bench.done('file.restore', {}, { undoes: order });
    expect(end).toMatchObject({ status: 'verified', act: 'file.restore', undoes: order });
    expect(readFileSync(pathOf(bench.root), 'utf8')).toBe('before: höhe\n');
  });

  it('removes what was not there', async () => {
    const bench = stepBench(ready);
    const { order } = await bench.done('job.write', { text: 'ours' });
    expect(await bench.done('file.restore', {}, { undoes: order })).toMatchObject({ status: 'verified' });
    expect(existsSync(pathOf(bench.root))).toBe(false);
  });

  it('leaves alone what somebody changed since, took away, or what was no text', async () => {
    const bench = stepBench(ready);
    const { order } = await bench.done('job.write', { text: 'ours' });
    writeFileSync(pathOf(bench.root), 'theirs');
    expect(bench.service.undo({ order }).why).toBe('notes/a1.txt was changed since');
    await expect(bench.done('file.restore', {}, { undoes: order })).rejects.toThrow(/changed since/);
    expect(readFileSync(pathOf(bench.root), 'utf8')).toBe('theirs');
    rmSync(pathOf(bench.root));
    expect(bench.service.undo({ order }).why).toBe('notes/a1.txt is gone: its program has taken it');
    writeFileSync(pathOf(bench.root), Buffer.from([0xff, 0xfe, 0x00]));
    const other = stepBench(ready);
    mkdirSync(join(other.root, 'notes'));
    writeFileSync(pathOf(other.root), Buffer.from([0xff, 0xfe, 0x00]));
    const binary = await other.done('job.write', { text: 'ours' });
    expect(other.service.undo({ order: binary.order }).why).toMatch(/is no text/);
  });

  it('is no act by itself', async () => {
    const bench = stepBench(ready);
    expect(() => bench.service.preview({ act: 'file.restore', target: job, params: {} })).toThrow(
      /no act "file.restore"/,
    );
  });
});

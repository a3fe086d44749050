import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import type { ActServicePorts } from '../../src/acts/ports.ts';
import { type ActService, createActService } from '../../src/acts/service.ts';
import type { ActEntry, Params } from '../../src/domain/act.ts';
import type { Ref, SystemId } from '../../src/domain/entity.ts';
import { temporaryDirectory } from '../db/temporary.ts';
import { shapes } from './secret-shapes.ts';
import { firedIn, layToy, type ToyState } from './toy/kind.ts';
import { type Cockpit, cockpit } from './toy/ports.ts';

const job: Ref = { system: 'toy' as SystemId, type: 'job', id: 'a1' };
const approval: Ref = { ...job, type: 'approval' };
const ready: ToyState = { a1: { status: 'ready' } };

interface Bench extends Cockpit {
  readonly root: string;
  readonly state: string;
  readonly service: ActService;
  set(state: ToyState): void;
  /** Preview and yes, as a screen does it. */
  say(act: string, target?: Ref, params?: Params): ReturnType<ActService['start']>;
  /** The same, to the end. */
  done(act: string, params?: Params): Promise<ActEntry>;
  ended(order: string | undefined): Promise<ActEntry>;
}

const open: (() => void)[] = [];
afterAll(() => {
  for (const close of open.splice(0)) close();
});

function bench(
  mode = 'honest',
  toy = ready,
  more: Partial<ActServicePorts> = {},
  where: { readonly url?: string } = {},
): Bench {
  const base = temporaryDirectory();
  const root = join(base, 'root');
  const state = join(base, 'state');
  const located = { ...layToy(root, toy, mode), ...where };
  const pit = cockpit(located, state, more);
  const service = createActService(pit.ports);
  open.push(() => {
    service.close();
    pit.close();
  });
  const ended = (order: string | undefined) =>
    waitFor(() => service.entries().find((one) => one.order === order && one.status !== 'running'));
  const say: Bench['say'] = (act, target = job, params = {}) => {
    const preview = service.preview({ act, target, params });
    return service.start({
      act,
      target,
      params,
      revision: preview.revision,
      reason: 'tested',
      confirmedBy: preview.confirmation === 'code' ? 'code' : 'yes',
      ...(preview.payloadDigest === undefined ? {} : { payloadDigest: preview.payloadDigest }),
      ...(preview.code === undefined ? {} : { code: preview.code }),
    });
  };
  return {
    ...pit,
    root,
    state,
    service,
    ended,
    say,
    set: (next) => writeFileSync(join(root, 'state.json'), JSON.stringify(next)),
    done: async (act, params) => {
      const answer = await say(act, job, params);
      expect(answer.refused).toBeUndefined();
      return await ended(answer.order);
    },
  };
}

async function waitFor<T>(look: () => T | undefined, withinMs = 15_000): Promise<T> {
  for (const until = Date.now() + withinMs; ; ) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`not seen within ${withinMs} ms: ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Every byte of ours on disk, but for SQLite's table of locks. */
function storedBytes(state: string): string {
  return readdirSync(state, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('-shm'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}

describe.concurrent('an act, from yes to ledger', () => {
  it('is verified when the state shows it, and recorded before and after', async () => {
    const { ledger, root, done, service } = bench();
    const entry = await done('job.run');
    expect(entry).toMatchObject({
      status: 'verified',
      exitCode: 0,
      attempt: 1,
      by: 'alice',
      reason: 'tested',
      summary: 'seen: job is done',
      unseen: true,
    });
    expect(entry.stages).toMatchObject([{ state: 'seen', title: 'job is done' }]);
    expect(firedIn(root)).toEqual(['a1']);
    const [started, finished, ...more] = ledger.rows().map((row) => row.record);
    expect(more).toEqual([]);
    expect(started).toMatchObject({
      phase: 'started',
      order: entry.order,
      act: 'job.run',
      confirmedBy: 'yes',
      reason: 'tested',
      who: { user: 'alice' },
      root,
      commands: [`cd ${root} && ${root}/act.sh a1 honest`],
    });
    expect(finished).toMatchObject({
      phase: 'finished',
      order: entry.order,
      outcome: 'verified',
      exitCode: 0,
      outputs: [{ title: 'approve', sizeBytes: 'approving a1\n'.length }],
    });
    expect(ledger.verify()).toMatchObject({ ok: true, rows: 2 });
    expect(service.output({ order: entry.order }).text).toContain(
      `$ cd ${root} && ${root}/act.sh a1 honest\napproving a1\n`,
    );
  });

  it('is not seen when the program says 0 and does nothing, and a second try shows that and is asked for anew', async () => {
    const { root, done, say, service, set, ended } = bench('lie');
    const first = await done('job.run');
    expect(first).toMatchObject({
      status: 'not-seen',
      exitCode: 0,
      summary: expect.stringMatching(/^not seen in \d+ s: job is done/),
    });
    // The yes that was given to the first attempt is used up.
    const again = { act: 'job.run', target: job, params: {}, revision: 'r1', confirmedBy: 'yes' as const };
    expect((await service.start(again)).refused).toMatch(/tried meanwhile \(not-seen by alice/);
    const preview = service.preview({ act: 'job.run', target: job, params: {} });
    expect(preview).toMatchObject({
      attempt: 2,
      earlier: expect.stringMatching(/^not-seen by alice: not seen/),
    });
    writeFileSync(join(root, 'mode'), 'honest');
    set(ready);
    const second = await ended((await say('job.run')).order);
    expect(second).toMatchObject({ status: 'verified', attempt: 2 });
    expect(firedIn(root)).toHaveLength(2);
  });

  it('that was not seen names the steps that help; one that was verified names none', async () => {
    const { done } = bench('lie');
    expect((await done('job.run')).playbook).toEqual({ id: 'not-ready', title: 'a job waits' });
    expect((await bench('honest').done('job.run')).playbook).toBeUndefined();
  });

  it('is not done again once it was verified', async () => {
    const { done, say, set, service } = bench();
    await done('job.run');
    set(ready);
    const offer = service.offers({ target: job }).offers.find((one) => one.act === 'job.run');
    expect(offer?.disabled).toMatch(/^it was done: job.run by alice .*verified/);
    expect((await say('job.run')).refused).toMatch(/^it was done/);
  });

  it('is verified although the program failed, when the state shows it', async () => {
    expect(await bench('exit1-done').done('job.run')).toMatchObject({
      status: 'verified',
      exitCode: 3,
      summary: 'seen: job is done; the program: exit 3: token none',
    });
  });

  it('failed when the program failed and nothing was seen', async () => {
    expect(await bench('exit1').done('job.run')).toMatchObject({
      status: 'failed',
      exitCode: 1,
      summary: expect.stringMatching(/^exit 1: no API; not seen in/),
    });
  });

  it('ends at once when the opposite is seen', async () => {
    const entry = await bench('reject').done('job.run');
    expect(entry).toMatchObject({ status: 'not-seen', summary: 'job is done: job is rejected' });
    expect((entry.endedAt ?? 0) - entry.startedAt).toBeLessThan(8_000);
  });

  it('sees an effect that comes after the program has ended', async () => {
    expect(await bench('late').done('job.run')).toMatchObject({ status: 'verified', exitCode: 0 });
  });

  it('row 22: timed out when the program was killed at its deadline, with everything it had started', async () => {
    const { done, root } = bench('hang');
    expect(await done('job.run')).toMatchObject({ status: 'timed-out', exitCode: null });
    const left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && processIn(pid, root));
    expect(left).toEqual([]);
  });

  it("row 63: names processes that left the program's group and go on", async () => {
    const { done, service } = bench('escape');
    const entry = await done('job.run');
    expect(entry).toMatchObject({
      status: 'verified',
      summary: expect.stringMatching(/^seen: job is done; left running: \d+/),
    });
    expect(service.output({ order: entry.order }).text).toMatch(
      /still running, in sessions of their own: \d+/,
    );
  });

  it('failed at once when the program is not there', async () => {
    const entry = await bench().done('job.missing');
    expect(entry).toMatchObject({
      status: 'failed',
      summary: expect.stringMatching(/could not start|ENOENT/),
    });
    expect((entry.endedAt ?? 0) - entry.startedAt).toBeLessThan(8_000);
  });

  it('is cancelled: the program is ended, and it says so', async () => {
    const { say, service, ended, root } = bench('hang');
    const { order = '' } = await say('job.run');
    await waitFor(() => (firedIn(root).length > 0 ? true : undefined));
    expect(service.cancel({ order })).toEqual({ cancelled: true });
    expect(await ended(order)).toMatchObject({
      status: 'cancelled',
      summary: 'cancelled by alice; the program was ended, its effect was not seen',
    });
    expect(service.cancel({ order })).toEqual({ cancelled: false, why: 'it has ended' });
    expect(service.cancel({ order: 'none' })).toEqual({ cancelled: false, why: 'there is no such order' });
  });

  it('is proved by its answer where the act only asks, and may be asked again', async () => {
    const { done } = bench('lie');
    expect(await done('job.ask')).toMatchObject({
      status: 'verified',
      answer: { ok: true, summary: 'it said: approving a1' },
    });
    expect(await done('job.ask')).toMatchObject({ status: 'verified', attempt: 2 });
  });

  it('writes a file below the root, keeps what was there, and passes a hostile answer as text', async () => {
    const { done, host, root } = bench();
    const answer = '$(touch /tmp/x); `x`\n\u001b]52;c;x\u0007 --force';
    const entry = await done('job.answer', { answer });
    expect(entry.status).toBe('verified');
    expect(readFileSync(join(root, 'answers', 'a1.txt'), 'utf8')).toBe(answer);
    expect(host.orders.kept(entry.order)).toEqual([{ path: 'answers/a1.txt' }]);
  });

  it.each([
    ['newlines', 'first line\n\nthird line\n'],
    ['quotes', `it's "so" \\ \`date\` $(date) $HOME`],
    ['emoji', '🚢👩‍🔧 naïve e\u0301 \u202Eright to left'],
  ])('delivers an answer with %s exactly, to a file and as one argument', async (_, answer) => {
    const { done, root } = bench('echo');
    const { order } = await done('job.answer', { answer });
    expect(order).toBeDefined();
    expect(readFileSync(join(root, 'answers', 'a1.txt'), 'utf8')).toBe(answer);
    expect(readFileSync(join(root, 'given'), 'utf8')).toBe(`1 of ${answer}`);
  });

  it('failed at once when the program may not be executed', async () => {
    const { done, root } = bench();
    chmodSync(join(root, 'act.sh'), 0o644);
    expect(await done('job.run')).toMatchObject({
      status: 'failed',
      summary: expect.stringMatching(/could not start .*act\.sh: EACCES/),
    });
    expect(firedIn(root)).toEqual([]);
  });

  it('gives a program its secret and stores the secret nowhere', async () => {
    const { done, service, state } = bench();
    const entry = await done('job.keyed');
    expect(entry.status).toBe('verified');
    expect(service.output({ order: entry.order }).text).toContain('token ***');
    expect(storedBytes(state)).not.toContain('the-toy-secret');
    expect(storedBytes(state)).toContain('job.keyed');
  });

  it('row 42: stores nothing of what a program prints that has the shape of a secret', async () => {
    const { done, root, state, service } = bench('leak');
    writeFileSync(join(root, 'leak'), shapes.map(([name, secret]) => `${name}: ${secret}\n`).join(''));
    const entry = await done('job.run');
    expect(entry).toMatchObject({ status: 'failed', exitCode: 1 });
    const stored = storedBytes(state) + JSON.stringify(service.entries());
    for (const [name, secret] of shapes) {
      expect(stored).toContain(`${name}: ***`);
      expect(stored).not.toContain(secret);
    }
  });

  it('refuses to store a secret that its target has: in what it depends on, in the address, in its name', async () => {
    const token = `ghp_${'a1B2'.repeat(9)}`;
    const [dependent, named] = [bench('honest', { a1: { status: 'ready', revision: token } }), bench()];
    const { refused } = await dependent.say('job.run');
    expect(refused).toBe(
      'what it depends on holds what looks like a secret, and that is stored with the order',
    );
    named.set({ '***~1x': { status: 'ready' } });
    expect((await named.say('job.run', { ...job, id: '***~1x' })).refused).toMatch(/its name holds/);
    const url = 'http://app:let9me8in@127.0.0.1:1';
    const addressed = bench('honest', ready, {}, { url });
    expect((await addressed.say('job.run')).refused).toMatch(/configuration of its system holds/);
    for (const { root, state } of [dependent, named, addressed]) {
      expect(firedIn(root)).toEqual([]);
      expect(storedBytes(state)).not.toMatch(/a1B2a1B2|let9me8in/);
    }
  });

  it('refuses to store a secret that was typed', async () => {
    const { say, state } = bench();
    expect((await say('job.answer', job, { answer: 'use the-toy-secret' })).refused).toMatch(
      /looks like a secret/,
    );
    expect((await say('job.answer', job, { answer: `use ghp_${'a1B2'.repeat(9)}` })).refused).toMatch(
      /looks like a secret/,
    );
    expect(storedBytes(state)).not.toContain('a1B2a1B2');
  });

  it('shows results nobody saw before those somebody saw', async () => {
    const { done, say, service, set, ended } = bench('lie');
    const first = await done('job.ask');
    service.saw([first.order]);
    const second = await done('job.ask');
    set({ ...ready, b2: { status: 'ready' } });
    const third = await ended((await say('job.ask', { ...job, id: 'b2' })).order);
    service.saw([third.order]);
    expect(service.entries().map((entry) => [entry.order, entry.unseen ?? false])).toEqual([
      [second.order, true],
      [third.order, false],
      [first.order, false],
    ]);
  });

  it('tells listeners while it goes on', async () => {
    const { done, service } = bench('late');
    const told: string[] = [];
    const stop = service.onChange(() => told.push(service.entries()[0]?.summary ?? ''));
    await done('job.run');
    stop();
    expect(told[0]).toBe('waiting for its runner');
    expect(told.some((text) => text.startsWith('watching until '))).toBe(true);
  });
});

describe('a yes that no longer fits', () => {
  it('row 21: is refused when what it depends on changed, and says what', async () => {
    const { service, set, root } = bench();
    const { revision } = service.preview({ act: 'job.run', target: job, params: {} });
    set({ a1: { status: 'ready', revision: 'r2' } });
    const answer = await service.start({
      act: 'job.run',
      target: job,
      params: {},
      revision,
      confirmedBy: 'yes',
    });
    expect(answer.refused).toBe('it changed since it was shown: it was r1, now it is r2');
    expect(firedIn(root)).toEqual([]);
  });

  it('is refused when the payload is not the one that was shown, or is gone', async () => {
    const { service, set, root } = bench('honest', { a1: { status: 'ready', plan: 'delete nothing' } });
    const preview = service.preview({ act: 'job.approve', target: approval, params: {} });
    expect(preview).toMatchObject({
      confirmation: 'yes-and-reason',
      payloadDigest: 'digest of delete nothing',
      warnings: ['it plans again'],
      strands: ['the old plan'],
    });
    const yes = {
      act: 'job.approve',
      target: approval,
      params: {},
      revision: preview.revision,
      payloadDigest: preview.payloadDigest ?? '',
      confirmedBy: 'card' as const,
      reason: 'ok',
    };
    set({ a1: { status: 'ready', plan: 'delete everything' } });
    expect((await service.start(yes)).refused).toMatch(/not what was shown/);
    set({ a1: { status: 'ready', plan: '' } });
    expect((await service.start(yes)).refused).toMatch(/not what was shown/);
    const { payloadDigest: _, ...bare } = yes;
    expect((await service.start(bare)).refused).toMatch(/^nothing to approve/);
    set({});
    expect((await service.start(yes)).refused).toMatch(/not there any more/);
    expect(firedIn(root)).toEqual([]);
  });

  it('is refused after the opposite was decided', async () => {
    const { say, ended, set } = bench('honest', { a1: { status: 'ready', plan: 'x' } });
    expect(await ended((await say('job.deny', approval)).order)).toMatchObject({ status: 'verified' });
    set({ a1: { status: 'ready', plan: 'x' } });
    expect((await say('job.approve', approval)).refused).toMatch(/^it was done: job.deny by alice/);
  });

  it('is refused without confirmation, reason or letters', async () => {
    const { service, root } = bench('honest', { a1: { status: 'ready', plan: 'x' } });
    const start = (act: string, target: Ref, more: object) =>
      service.start({ act, target, params: {}, revision: 'r1', confirmedBy: 'none', ...more } as never);
    expect((await start('job.run', job, {})).refused).toBe('it was not confirmed');
    expect(
      (await start('job.approve', approval, { confirmedBy: 'card', payloadDigest: 'digest of x' })).refused,
    ).toBe('it needs a reason');
    expect((await start('job.wipe', job, { confirmedBy: 'yes', reason: 'x' })).refused).toBe(
      'it needs the four letters shown',
    );
    expect((await start('job.wipe', job, { confirmedBy: 'code', code: 'AAAA' })).refused).toBe(
      'these are not the four letters shown',
    );
    expect((await start('job.none', job, {})).refused).toMatch(/no act "job.none"/);
    expect(firedIn(root)).toEqual([]);
  });

  it('is refused with parameters that do not fit', async () => {
    const { service } = bench();
    const ask = (params: Params) => service.preview({ act: 'job.answer', target: job, params }).refused;
    expect(ask({})).toBe('the answer is needed');
    expect(ask({ answer: 'x'.repeat(201) })).toBe('the answer is longer than 200 characters');
    expect(ask({ answer: 'a\0b' })).toMatch(/NUL/);
    expect(ask({ answer: 'x', other: 'y' })).toMatch(/no parameter "other"/);
    expect(ask({ answer: 'x' })).toBeUndefined();
  });

  it('is refused while another operator holds the item, and when nothing can be recorded', async () => {
    const { host, say, service } = bench();
    host.holds.take('toy/job/a1', 'bob', Date.now() as never);
    expect((await say('job.run')).refused).toMatch(/^held by bob until/);
    // What would run is shown all the same.
    expect(service.preview({ act: 'job.run', target: job, params: {} }).commands).toEqual([
      expect.stringContaining('act.sh a1 honest'),
    ]);
    expect(service.offers({ target: job }).offers.find((one) => one.act === 'job.run')?.disabled).toMatch(
      /^held by bob/,
    );
    host.holds.release('toy/job/a1', 'bob');
    host.holds.take('toy/job/a1', 'alice', Date.now() as never);
    expect(service.preview({ act: 'job.run', target: job, params: {} }).refused).toBeUndefined();
    const deaf = bench('honest', ready, { ledger: { ok: false, error: 'the ledger is damaged' } });
    expect((await deaf.say('job.run')).refused).toBe(
      "nothing is done that can't be recorded: the ledger is damaged",
    );
    expect(firedIn(deaf.root)).toEqual([]);
  });

  it('is refused when the runner can not be started, and leaves the key free', async () => {
    const { say, service, ledger } = bench('honest', ready, {
      spawnRunner: () => {
        throw new Error('no dist/runner.js');
      },
    });
    expect((await say('job.run')).refused).toBe('nothing was started: no dist/runner.js');
    expect(service.preview({ act: 'job.run', target: job, params: {} })).toMatchObject({
      attempt: 2,
      earlier: 'failed by alice: nothing was started: no dist/runner.js',
    });
    expect(ledger.rows().map((row) => row.record.phase)).toEqual(['started', 'finished']);
  });

  it('does not reach an order that somebody changed in the shared store', async () => {
    const { say, ended, root, state } = bench('honest', ready, {
      spawnRunner: async ({ order }) => {
        const other = new Database(join(state0(), 'host.db'));
        other.prepare("UPDATE orders SET plan = replace(plan, 'honest', 'reject') WHERE id = ?").run(order);
        other.close();
        const { spawnRunner } = await import('./toy/ports.ts');
        spawnRunner(state0(), order);
      },
    });
    function state0(): string {
      return state;
    }
    // The ledger, which the other user can't write, has the last word.
    const { order } = await say('job.run');
    expect(await ended(order)).toMatchObject({
      status: 'failed',
      summary: 'the order is not the one that was confirmed: nothing was run',
    });
    expect(firedIn(root)).toEqual([]);
  });
});

describe('a record that can not be written in its place', () => {
  it.each(['on ballast', 'journal only'] as const)(
    '(%s) asks for a typed yes, and says why',
    async (state) => {
      const base = temporaryDirectory();
      const { ledger, ports, close } = cockpit(layToy(join(base, 'root'), ready), join(base, 'state'));
      const service = createActService({
        ...ports,
        ledger: {
          ok: true,
          value: {
            append: (record) => ledger.append(record),
            appendOnce: (record) => ledger.appendOnce(record),
            find: (order, phase) => ledger.find(order, phase),
            state: () => ({ state, why: 'the disk is full' }),
          },
        },
      });
      open.push(() => {
        service.close();
        close();
      });
      const { confirmation, revision, warnings } = service.preview({
        act: 'job.run',
        target: job,
        params: {},
      });
      expect({ confirmation, warnings }).toEqual({
        confirmation: 'code',
        warnings: ["its record can't be written in its place: the disk is full"],
      });
      expect(
        await service.start({ act: 'job.run', target: job, params: {}, revision, confirmedBy: 'yes' }),
      ).toEqual({ refused: 'it needs the four letters shown' });
      expect(service.preview({ act: 'job.inspect', target: job, params: {} }).confirmation).toBe('none');
    },
  );
});

describe('a read act', () => {
  it('reads below the root at once, and leaves no order and no record', async () => {
    const { say, service, ledger, root, state } = bench();
    const before = storedBytes(state);
    writeFileSync(join(root, '..', 'outside'), 'not yours');
    expect(service.preview({ act: 'job.inspect', target: job, params: {} })).toMatchObject({
      confirmation: 'none',
      attempt: 1,
    });
    const { read, order } = await say('job.inspect');
    expect(order).toBeUndefined();
    expect(read).toMatchObject({ ok: true, summary: '1 of 3 files' });
    expect(read?.sections).toEqual([
      { title: 'state.json', text: '{"a1":{"status":"ready"}}' },
      { title: 'answers/a1.txt', text: 'not there' },
      { title: '../outside', text: expect.stringContaining('lies outside') },
    ]);
    expect([ledger.rows(), service.entries()]).toEqual([[], []]);
    expect(storedBytes(state)).toBe(before);
  });

  it('is refused when it would do more than read', async () => {
    const { say, root } = bench();
    expect((await say('job.fakeread')).refused).toMatch(/says that it only reads, and would do more/);
    expect(firedIn(root)).toEqual([]);
  });
});

describe('a playbook', () => {
  it('shows each step with its state: done, open, or unknown when a check fails on what it sees', async () => {
    const { service, done, set } = bench('honest', { a1: { status: 'ready', stuck: true } });
    const states = () =>
      service
        .playbook({ target: job })
        .playbook?.steps.map((step) => [step.text, step.state, step.offer?.disabled]);
    expect(states()).toEqual([
      ['it is ready', 'done', undefined],
      ['a check of ours that fails', 'unknown', undefined],
      ['run it', 'open', undefined],
      ['tell the team', 'open', undefined],
    ]);
    await done('job.run');
    set({ a1: { status: 'done', stuck: true } });
    expect(states()).toEqual([
      ['it is ready', 'open', undefined],
      ['a check of ours that fails', 'unknown', undefined],
      ['run it', 'done', 'the job is not ready'],
      ['tell the team', 'open', undefined],
    ]);
    set(ready);
    expect(service.playbook({ target: job }).playbook).toBeNull();
    expect(service.playbook({ target: { ...job, id: 'none' } }).playbook).toBeNull();
  });
});

function processIn(pid: string, directory: string): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`PWD=${directory}`) ||
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(directory)
    );
  } catch {
    return false;
  }
}

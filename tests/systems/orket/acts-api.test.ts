import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Proposals } from '../../../fixtures/demo/orket/proposals.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { LiveOrket } from './live.ts';

describe('acts through the API and on the servers', () => {
  let orket: LiveOrket;
  beforeEach(() => {
    orket = new LiveOrket();
  });
  afterEach(async () => await orket.remove());

  const running = (view: StateView): string | undefined =>
    view.entities('run').find(({ data }) => data?.['carrier'] === 'server')?.id;

  describe('where there is no main.py to start', () => {
    /** Without an interpreter the API is the only way. */
    const lay = async (): Promise<void> => {
      await orket.lay();
      await orket.startApi();
      const { python: _python, ...rest } = orket.settings;
      orket.settings = rest;
    };

    it('an epic is run in the API process, seen in the ledger, and halted there', async () => {
      await lay();
      const started = await orket.act('run.resume', 'run', '4e1f0b37');
      expect(started).toMatchObject({
        outcome: 'verified',
        answer: { summary: expect.stringMatching(/^run \w{8} was announced$/) },
      });
      expect(started.preview.commands[0]).toMatch(/POST .*\/v1\/system\/run-active/);
      const view = await orket.until(
        'the API to say that it carries it',
        (now) => running(now) !== undefined,
      );
      const run = running(view) ?? '';
      const halted = await orket.act('run.halt', 'run', run);
      expect(halted).toMatchObject({
        outcome: 'verified',
        answer: { summary: 'it says ok, as to every halt' },
      });
      expect(halted.summary).toContain('its ledger row stays on running');
      const after = await orket.look();
      expect(after.entity('run', run)).toMatchObject({ status: 'halted', nativeStatus: 'running' });
      expect(after.entity('issue', 'run.halted:build-reef_watch')?.attention?.playbook).toBe('zombie-run');
    });

    it('a halt is not believed where the API says ok, writes session_halted and carries the run on', async () => {
      await lay();
      await orket.act('run.resume', 'run', '4e1f0b37');
      const view = await orket.until('the run', (now) => running(now) !== undefined);
      orket.lie('halt-ignored');
      const { outcome, summary } = await orket.act('run.halt', 'run', running(view) ?? '', { inVain: true });
      const { status } = (await orket.look()).entity('run', running(view) ?? '') ?? {};
      // It goes on. Where it comes to its own end before the deadline, that is what is told, and no halt.
      expect(['running', 'succeeded']).toContain(status);
      if (outcome === 'verified') expect(summary).toContain('it had ended: ');
      else expect(outcome).toBe('not-seen');
    });

    it('a run that was announced and never began is not believed', async () => {
      await lay();
      orket.lie('run-nothing');
      const { outcome, answer } = await orket.act('run.resume', 'run', '4e1f0b37', { inVain: true });
      expect({ outcome, said: answer?.summary }).toEqual({
        outcome: 'not-seen',
        said: expect.stringMatching(/^run \w{8} was announced$/),
      });
    });

    it('cards are archived over HTTP', async () => {
      await lay();
      const { outcome, preview, answer } = await orket.act('job.archive', 'job', 'KELP-1');
      expect({ outcome, said: answer?.summary }).toEqual({
        outcome: 'verified',
        said: 'it says 1 card archived',
      });
      expect(preview.commands[0]).toContain('/v1/cards/archive');
    });
  });

  it('a turn is printed by the API, by the lower-case name of its card', async () => {
    await orket.lay();
    await orket.startApi();
    const { outcome, preview, summary } = await orket.act('turn.fetch', 'turn', '5a5e0001:sane-1:1:coder');
    expect({ outcome, summary }).toEqual({ outcome: 'verified', summary: 'the whole turn was printed' });
    expect(preview.commands[0]).toContain('issue_id=sane-1&turn_index=1&role=coder');
    expect(preview.commands.join()).not.toContain('demo-key-of-no-worth');
  });

  it('an API that answers otherwise than it should is told as such, the act fails, and nothing else changes', async () => {
    await orket.lay();
    await orket.startApi();
    const statesOf = (view: StateView): unknown => view.entities('run').map(({ id, status }) => [id, status]);
    const before = statesOf(await orket.look());
    for (const [lie, outcome, what] of [
      ['api-500', 'failed', /^HTTP 500 \(as told: 500\)/],
      ['api-401', 'failed', /the key is not accepted/],
      ['api-404', 'failed', /^HTTP 404/],
      ['api-429', 'failed', /^HTTP 429/],
      ['api-html', 'not-seen', /no JSON was printed/],
    ] as const) {
      orket.lie(lie);
      const ended = await orket.act('turn.fetch', 'turn', '5a5e0001:sane-1:1:coder');
      expect({ lie, outcome: ended.outcome, summary: ended.summary }).toEqual({
        lie,
        outcome,
        summary: expect.stringMatching(what),
      });
      const after = await orket.look();
      expect(after.entity('service', 'api')?.status).toBe('degraded');
      expect(after.entity('issue', 'api.down')?.playbook).toBe('api-5xx');
      // What the API could not say is no fact: runs stay what the database and the process table make them.
      expect(statesOf(after)).toEqual(before);
    }
  });

  it('the log is emptied, and a clear that was skipped is not believed though the API says ok', async () => {
    await orket.lay();
    await orket.startApi();
    orket.lie('clear-skipped');
    expect(await orket.act('log.clear', 'service', 'orket', { inVain: true })).toMatchObject({
      outcome: 'not-seen',
      answer: { summary: 'it says ok, as it does when it skips it' },
    });
    orket.lie();
    expect(await orket.act('log.clear', 'service', 'orket')).toMatchObject({ outcome: 'verified' });
    expect(statSync(join(orket.dir, 'workspace/default/orket.log')).size).toBe(0);
    expect((await orket.preview('log.clear', 'service', 'orket')).refused).toContain('is empty');
  });

  describe('a gate', () => {
    it('can only be watched where the API has no address for it', async () => {
      await orket.lay();
      orket.lie('no-approvals');
      await orket.startApi();
      expect((await orket.look()).entity('approval', 'b46c22b1')).toMatchObject({
        answerable: false,
        reason: 'this Orket has no command or endpoint that answers a gate',
      });
      expect((await orket.preview('approval.approve', 'approval', 'b46c22b1')).refused).toContain(
        'no command or endpoint',
      );
    });

    it('is decided where it has one, seen in its row, and not believed without', async () => {
      await orket.lay();
      await orket.startApi();
      orket.lie('gate-ignored');
      const ignored = await orket.act('approval.deny', 'approval', 'b46c22b1', { inVain: true });
      expect(ignored.outcome).toBe('not-seen');
      orket.lie();
      const { outcome, summary } = await orket.act('approval.approve', 'approval', 'b46c22b1', {
        params: { notes: 'fine' },
      });
      expect({ outcome, summary }).toEqual({ outcome: 'verified', summary: 'seen: its row says approved' });
      expect((await orket.look()).entity('approval', 'b46c22b1')?.status).toBe('decided');
    });

    it('that expired meanwhile contradicts the decision at once', async () => {
      await orket.lay();
      await orket.startApi();
      orket.lie('gate-expired');
      const { outcome, summary } = await orket.act('approval.approve', 'approval', 'b46c22b1');
      expect({ outcome, summary }).toEqual({
        outcome: 'not-seen',
        summary: expect.stringContaining('its row says expired'),
      });
    });

    it('of an outward run is listed with its clock, decided over HTTP and seen in its row', async () => {
      await orket.lay();
      const proposals = new Proposals(orket.dir);
      const ask = (run: string): string =>
        proposals.ask(Date.now(), run, 'file.write', { path: 'chart.md' }, 300);
      const [wanted, refused, late] = [ask('aaaa0001'), ask('aaaa0002'), ask('aaaa0003')];
      proposals.close();
      await orket.startApi();
      const view = await orket.look();
      expect(view.entity('approval', wanted)).toMatchObject({
        answerable: true,
        risk: 'high',
        payload: { form: 'arguments', text: '{\n  "path": "chart.md"\n}' },
        attention: { rank: 1, onExpiry: 'counts as denied, and its run fails', until: expect.any(Number) },
      });
      expect(await orket.act('approval.approve', 'approval', wanted)).toMatchObject({
        outcome: 'verified',
        answer: { summary: 'it says approved' },
      });
      const denied = await orket.act('approval.deny', 'approval', refused);
      expect(denied).toMatchObject({ outcome: 'verified', summary: 'seen: its row says denied' });
      expect(denied.preview.strands).toEqual(['run aaaa0002 ends as failed, and does not go on']);
      // Trap: what has expired meanwhile is answered 200 and "resolved" all the same.
      orket.lie('gate-expired');
      expect(await orket.act('approval.approve', 'approval', late)).toMatchObject({
        outcome: 'not-seen',
        answer: { ok: false, summary: 'it says expired: it was not ours to decide' },
        summary: expect.stringContaining('its row says expired'),
      });
    });
  });

  describe('the servers', () => {
    it('the API is started, restarted and stopped, each seen by its process and its health', async () => {
      await orket.lay();
      const started = await orket.act('service.start', 'service', 'api');
      expect(started.outcome).toBe('verified');
      expect(started.stages.map((stage) => stage.split(':')[0])).toEqual(['started seen', 'done seen']);
      expect((await orket.preview('service.start', 'service', 'api')).refused).toMatch(
        /^it runs as pid \d+$/,
      );
      const before = (await orket.look()).entity('service', 'api')?.data?.['pid'];
      const again = await orket.act('service.restart', 'service', 'api');
      expect(again.outcome).toBe('verified');
      expect((await orket.look()).entity('service', 'api')?.data?.['pid']).not.toBe(before);
      const stopped = await orket.act('service.stop', 'service', 'api');
      expect(stopped).toMatchObject({
        outcome: 'verified',
        summary: expect.stringMatching(/^seen: pid \d+ is gone/),
      });
      expect(readFileSync(join(orket.dir, 'workspace/default/api-server.out'), 'utf8')).toContain(
        'Uvicorn running',
      );
    });

    it('a server that ends at once is not called started', async () => {
      await orket.lay();
      orket.lie('server-dies');
      const { outcome } = await orket.act('service.start', 'service', 'api', { inVain: true });
      expect(outcome).toMatch(/failed|not-seen/);
    });

    it('a server that hangs after its restart is started and not done', async () => {
      await orket.lay();
      orket.lie('api-hang');
      const { outcome, summary, stages } = await orket.act('service.start', 'service', 'api', {
        inVain: true,
      });
      expect({ outcome, summary }).toEqual({
        outcome: 'not-seen',
        summary: expect.stringContaining('/health answers well'),
      });
      expect(stages[0]).toMatch(/^started seen: pid/);
    });

    it('the webhook server is started and asked without a signature', async () => {
      await orket.lay();
      expect((await orket.act('service.start', 'service', 'webhook')).outcome).toBe('verified');
      const probe = await orket.act('webhook.probe', 'service', 'webhook');
      expect(probe).toMatchObject({ outcome: 'verified', summary: '401: unsigned requests are refused' });
      orket.lie('unsigned');
      const open = await orket.act('webhook.probe', 'service', 'webhook');
      expect(open).toMatchObject({
        outcome: 'not-seen',
        summary: expect.stringContaining('takes unsigned requests'),
      });
    });
  });
});

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StateView } from '../../../src/systems/system.ts';
import { LiveOrket } from './live.ts';

describe('acts on a simulated checkout', () => {
  let orket: LiveOrket;
  const cardStatus = (view: StateView, id: string): string | undefined =>
    view.entity('job', id)?.nativeStatus;
  beforeEach(async () => {
    orket = new LiveOrket();
    await orket.lay();
  });
  afterEach(async () => await orket.remove());

  describe('rerunning an epic', () => {
    it('is seen by its new row in the ledger, and leaves the program running', async () => {
      const view = await orket.look();
      expect(cardStatus(view, 'REEF-1')).toBe('code_review');
      const { outcome, summary, preview } = await orket.act('run.resume', 'run', '4e1f0b37');
      expect({ outcome, summary }).toEqual({
        outcome: 'verified',
        summary: expect.stringMatching(/^seen: run \w{8}, running/),
      });
      expect(preview.commands[0]).toMatch(/main\.py --epic=reef_watch/);
      expect(preview.warnings.join('\n')).toContain('EVERY card of its build back to ready');
      const after = await orket.look();
      const run = after
        .entities('run')
        .find((one) => one.status === 'running' && one.title.startsWith('reef_watch'));
      expect(run?.data?.['carrier']).toBe('main.py');
      expect(after.entity('issue', 'model.failed:build-reef_watch')).toBeUndefined();
    });

    it.each([
      ['silent', /not seen in/],
      ['fatal-exit-0', /not seen in/],
    ])('is not believed when it exits 0 and nothing ran: %s', async (lie, what) => {
      orket.lie(lie);
      const { outcome, summary } = await orket.act('run.resume', 'run', '4e1f0b37', { inVain: true });
      expect({ outcome, summary }).toEqual({
        outcome: expect.stringMatching(/not-seen|failed/),
        summary: expect.stringMatching(what),
      });
    });

    it('is refused while a run of the build is under way, and where every card is finished', async () => {
      await orket.act('run.resume', 'run', '4e1f0b37');
      expect((await orket.preview('run.resume', 'run', '4e1f0b37')).refused).toMatch(
        /of the same build is under way/,
      );
      expect((await orket.preview('job.resume', 'job', 'REEF-2')).refused).toMatch(
        /of its build is under way/,
      );
      expect((await orket.preview('run.resume', 'run', '5a5e0001')).refused).toMatch(
        /every card of its build is finished/,
      );
    });

    it('shows an epic by its effect before the yes: which cards are done again', async () => {
      const shown = await orket.preview('epic.run', 'service', 'orket', { epic: 'sanity_test' });
      expect(shown.strands).toEqual(['done, and done again: SANE-1']);
      expect(shown.refused).toBeUndefined();
      const wrong = await orket.preview('epic.run', 'service', 'orket', { epic: 'no_such' });
      expect(wrong.refused).toContain('no model/*/epics/no_such.json');
      const hostile = await orket.preview('epic.run', 'service', 'orket', { epic: '--help' });
      expect(hostile.refused).toContain('no name of an epic');
    });

    it('gives a policy to one run by its environment', async () => {
      const params = { epic: 'sanity_test', architecture: 'force_monolith' };
      const { outcome, preview } = await orket.act('epic.run', 'service', 'orket', { params });
      expect(outcome).toBe('verified');
      expect(preview.commands[0]).toContain('ORKET_ARCHITECTURE_MODE=force_monolith');
    });
  });

  it('one card alone is run: the run fails while others are open, and is seen for what it is', async () => {
    const { outcome, preview, summary } = await orket.act('job.resume', 'job', 'REEF-2');
    expect({ outcome, summary }).toEqual({
      outcome: 'verified',
      summary: expect.stringMatching(/^seen: run \w{8}/),
    });
    expect(preview.warnings[0]).toContain('even when this card went through: REEF-1 are open');
    // The log tells the end of a run before its row tells how it ended: both are waited for.
    const issue = 'backlog.stalled:build-reef_watch/REEF-2';
    const view = await orket.until(
      'the run of one card to end',
      (now) =>
        now.entities('run').some((run) => run.data?.['target'] === 'REEF-2' && run.endedAt !== undefined) &&
        now.entity('issue', issue) !== undefined,
    );
    expect(cardStatus(view, 'REEF-2')).toBe('done');
    // Trap: the program exits 1 though the card went through.
    expect(view.entity('issue', issue)).toMatchObject({
      severity: 'info',
      title: 'REEF-2: went through, its run says failed',
    });
  });

  describe('archiving', () => {
    it('a card: by its row, with what it said shown', async () => {
      const params = { reason: '--not an option' };
      const { outcome, answer } = await orket.act('job.archive', 'job', 'KELP-1', { params });
      expect({ outcome, said: answer?.summary }).toEqual({
        outcome: 'verified',
        said: 'it says 1 card archived',
      });
      expect((await orket.preview('job.archive', 'job', 'KELP-1')).refused).toContain('it is archived');
    });

    it('nothing: a program that says it did is not believed', async () => {
      orket.lie('archive-nothing');
      const { outcome, answer } = await orket.act('job.archive', 'job', 'KELP-1', { inVain: true });
      expect({ outcome, said: answer?.summary }).toEqual({
        outcome: 'not-seen',
        said: 'it says 1 card archived',
      });
    });

    it('half a build: says how many of how many, and which are left', async () => {
      orket.lie('archive-half');
      const { outcome, summary } = await orket.act('run.archive', 'run', 'ee07f2ab', { inVain: true });
      expect({ outcome, summary }).toEqual({
        outcome: 'not-seen',
        summary: expect.stringContaining('1 of 2, still open: SAND-2'),
      });
    });

    it('related cards, named before the yes', async () => {
      const words = { words: 'reef\nkelp beds' };
      const shown = await orket.preview('cards.archive', 'service', 'orket', words);
      expect(shown.warnings.slice(0, 2)).toEqual([
        expect.stringMatching(/^3 cards: /),
        'KELP-1, REEF-1, REEF-2',
      ]);
      expect(shown.confirmation).toBe('code');
      const { outcome } = await orket.act('cards.archive', 'service', 'orket', { params: words });
      expect(outcome).toBe('verified');
      for (const [given, why] of [
        ['zzz_none', 'no card matches'],
        ['a', 'would match too much'],
        ['%%%', 'would match too much'],
      ] as const)
        expect(
          (await orket.preview('cards.archive', 'service', 'orket', { words: given })).refused,
        ).toContain(why);
    });

    it('ends where the program hangs: it is killed, and the rows tell that nothing was done', async () => {
      orket.lie('hang');
      const { outcome, summary } = await orket.act('job.archive', 'job', 'KELP-1', {
        inVain: true,
        timeoutMs: 300,
      });
      expect({ outcome, summary }).toEqual({
        outcome: 'timed-out',
        summary: expect.stringContaining('was killed'),
      });
    });
  });

  it('migrations find the module, name what they applied, and a second time have nothing to do', async () => {
    const first = await orket.act('database.migrate', 'service', 'orket');
    expect(first).toMatchObject({ outcome: 'verified', summary: 'applied 0001_card_indexes.sql; 1 skipped' });
    const second = await orket.act('database.migrate', 'service', 'orket');
    expect(second).toMatchObject({ outcome: 'verified', summary: 'nothing was missing; 2 skipped' });
    orket.lie('silent');
    const silent = await orket.act('database.migrate', 'service', 'orket');
    expect(silent).toMatchObject({
      outcome: 'not-seen',
      summary: 'exit 0, and no migration was named: nothing was run',
    });
  });

  it('reports say what they can not know', async () => {
    const report = await orket.act('report.failures', 'service', 'orket');
    expect(report.outcome).toBe('verified');
    expect(report.summary).toMatch(
      /^\d+ events: .*no progress: coder.*; the ledger has 1 run ended by the model, in no such report$/,
    );
    expect(
      JSON.parse(readFileSync(join(orket.dir, 'benchmarks/results/failure_modes.json'), 'utf8')),
    ).toHaveProperty('events');
    const prompts = await orket.act('report.prompts', 'service', 'orket');
    expect(prompts).toMatchObject({
      outcome: 'verified',
      summary: expect.stringMatching(/^\d+ turns: tool_parse_rate /),
    });
    const view = await orket.look();
    expect(view.entity('meter', 'prompts.tool_parse_rate')).toMatchObject({ unit: '%', limit: 100 });
    expect(view.entity('meter', 'report.failures')).toMatchObject({ unit: 'turns' });
    // Trap: after a good run the log is empty, the report is empty, and the program exits 0.
    writeFileSync(join(orket.dir, 'workspace/default/orket.log'), '');
    const empty = await orket.act('report.failures', 'service', 'orket');
    expect(empty.summary).toMatch(
      /^empty: the log has no line \(a good run empties it\); the ledger has 1 run/,
    );
  });

  it('checks of the release gate speak by their exit code, and a silent exit 0 says nothing', async () => {
    for (const act of ['check.smoke', 'check.security', 'check.boundaries', 'check.golden-flow']) {
      const { outcome, summary } = await orket.act(act, 'service', 'orket');
      expect({ act, outcome, summary }).toEqual({
        act,
        outcome: 'verified',
        summary: expect.stringMatching(/^holds: .*4 checks passed$/),
      });
    }
    orket.lie('gate-fails');
    expect(await orket.act('check.boundaries', 'service', 'orket')).toMatchObject({
      outcome: 'failed',
      summary: expect.stringMatching(/^does not hold: exit 1/),
    });
    orket.lie('silent');
    expect(await orket.act('check.boundaries', 'service', 'orket')).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('not a word'),
    });
  });

  it('real load is put with the profile that was chosen', async () => {
    const params = { profile: 'aggressive' };
    const { outcome, preview } = await orket.act('check.load', 'service', 'orket', { params });
    expect(outcome).toBe('verified');
    expect(preview.commands[0]).toContain('--profile=aggressive');
    expect(existsSync(join(orket.dir, 'benchmarks/results/real_service_stress.json'))).toBe(true);
  });

  it('a run of the command line is interrupted, and what it leaves is shown as a zombie', async () => {
    orket.start('main.py', '--epic', 'tide_ledger');
    const view = await orket.until('the run', (now) =>
      now.entities('run').some(({ data }) => data?.['carrier'] === 'main.py'),
    );
    const run = view.entities('run').find(({ data }) => data?.['carrier'] === 'main.py');
    const { outcome, summary, preview } = await orket.act('run.halt', 'run', run?.id ?? '');
    expect({ outcome, summary }).toEqual({
      outcome: 'verified',
      summary: expect.stringMatching(/is gone; its ledger row stays on running/),
    });
    expect(preview.warnings[0]).toContain('stay on running for ever');
    expect((await orket.look()).entity('run', run?.id ?? '')?.nativeStatus).toBe('running');
    expect((await orket.preview('run.halt', 'run', '0dd5e11e')).refused).toContain('nobody runs it any more');
  });
});

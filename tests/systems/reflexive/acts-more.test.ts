import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../acting.ts';
import { Rig } from './rig.ts';

describe('checks of the reflexive kind', () => {
  let rig: Rig;
  afterEach(() => rig.end());

  it('judge health anew: the check of GitHub that always fails does not count, a full disk does', async () => {
    rig = new Rig();
    const fine = await rig.act('health.check', 'service', 'daemon');
    expect(fine).toMatchObject({ outcome: 'verified', summary: '4 parts healthy' });
    expect(fine.row.progress.exitCode).toBe(1);
    expect(JSON.stringify(fine.row.progress.answer)).toContain('its own verdict: unhealthy, exit 1');
    rig.lie('disk-full');
    const full = await rig.act('health.check', 'service', 'daemon');
    expect(full.outcome).not.toBe('verified');
    expect(full.summary).toContain('disk_space unhealthy: Disk usage: 97.2%');
  });

  it('do not call a program healthy that left GitHub out because it could not reach it', async () => {
    rig = new Rig();
    rig.lie('github-down');
    const { outcome, summary, row } = await rig.act('health.check', 'service', 'daemon');
    expect(row.progress.exitCode).toBe(0);
    expect(outcome).toBe('not-seen');
    expect(summary).toContain('GitHub was not checked');
  });

  it('tell GitHub’s answer or its refusal, and a configuration that is valid or not', async () => {
    rig = new Rig();
    expect(await rig.act('github.check', 'service', 'daemon')).toMatchObject({
      outcome: 'verified',
      summary: '1 open issues',
    });
    expect((await rig.act('config.validate', 'service', 'daemon')).summary).toBe('valid');
    rig.lie('github-down');
    const refused = await rig.act('github.check', 'service', 'daemon');
    expect(refused.outcome).toBe('failed');
    expect(refused.summary).toContain('401');
  });

  it('end by their time when the program hangs', async () => {
    rig = new Rig();
    rig.lie('hangs');
    rig.longestRunMs = 400;
    const { outcome, summary } = await rig.act('config.validate', 'service', 'daemon');
    expect(outcome).toBe('timed-out');
    expect(summary).toBe('no end within its time');
  });

  it('ask gh for the CI of a pull request that nobody else watches', async () => {
    rig = new Rig();
    const answer = {
      number: 455,
      title: 'Escape pipes',
      state: 'OPEN',
      url: 'https://github.com/acme/widgets/pull/455',
      reviewDecision: 'REVIEW_REQUIRED',
      statusCheckRollup: [
        { name: 'lint', conclusion: 'SUCCESS', status: 'COMPLETED' },
        { name: 'tests', conclusion: 'FAILURE', status: 'COMPLETED' },
      ],
    };
    rig.world.write('said.json', JSON.stringify(answer));
    rig.tool('gh', `echo "$@" > '${join(rig.dir, 'asked')}'; cat '${join(rig.dir, 'said.json')}'`);
    const stamp = new Date().toISOString();
    rig.world.write(
      'logs/audit.log',
      `${JSON.stringify({ timestamp: stamp.slice(0, -1), event_type: 'human_approval_requested', message: 'merge', actor: 'orchestrator', resource_type: 'pr', resource_id: '455', metadata: { action: 'merge PR #455' } })}\n`,
    );
    await rig.find('approval', 'merge-pr-455');
    const { outcome, summary } = await rig.act('pr.check', 'approval', 'merge-pr-455');
    expect(summary).toBe('open, CI fails: tests, review required');
    expect(outcome).toBe('not-seen');
    expect(readFileSync(join(rig.dir, 'asked'), 'utf8')).toContain('pr view 455 --repo=acme/widgets');
    rig.world.write('said.json', JSON.stringify({ ...answer, statusCheckRollup: [] }));
    expect((await rig.act('pr.check', 'approval', 'merge-pr-455')).outcome).toBe('verified');
  });
});

describe('a value of the configuration, set from the cockpit', () => {
  let rig: Rig;
  afterEach(() => rig.end());
  const config = () => readFileSync(join(rig.dir, 'config/orchestrator-config.yaml'), 'utf8');

  it('changes its own line alone, comment and all, and is seen in the file', async () => {
    rig = new Rig();
    await rig.find('service', 'daemon');
    const before = config();
    const params = { key: 'safety.max_api_cost_per_day', value: '80' };
    const { outcome, summary } = await rig.act('config.set', 'service', 'daemon', params);
    expect(summary).toContain('safety.max_api_cost_per_day: 80');
    expect(outcome).toBe('verified');
    expect(config()).toBe(before.replace('50.0  # USD', '80  # USD'));
  });

  it.each([
    [{ key: 'safety.max_api_cost_per_day', value: '1/e rm' }, 'takes dollars'],
    [{ key: 'logging.level', value: 'INFO' }, 'is INFO already'],
    [{ key: 'issue_processing.max_complexity', value: '8' }, 'is not written in the file'],
    [{ key: 'safety.cost_limits', value: '8' }, 'key is one of'],
  ])('is refused for %j', async (params, words) => {
    rig = new Rig();
    await rig.find('service', 'daemon');
    expect((await rig.preview('config.set', 'service', 'daemon', params)).refused).toContain(words);
  });

  it('is not called set when sed ends well and the file stays as it was', async () => {
    rig = new Rig();
    rig.tool('sed', 'exit 0');
    await rig.find('service', 'daemon');
    rig.hurry = 60;
    const params = { key: 'orchestrator.poll_interval', value: '60' };
    expect((await rig.act('config.set', 'service', 'daemon', params)).outcome).toBe('not-seen');
  });
});

describe('a roll back', () => {
  let rig: Rig;
  afterEach(() => rig.end());

  it('to a lightweight tag goes by the tag, to an annotated one, which the program does not find, by its commit', async () => {
    rig = new Rig();
    rig.layCheckout();
    const old = 'rollback-point-20260301-060000';
    const annotated = 'rollback-pr-458-20260302-060000';
    await rig.find('restorePoint', old);
    const byTag = await rig.preview('checkout.rollback', 'restorePoint', old, { reason: 'x' });
    expect(byTag.commands[0]).toContain(`--type=tag --no-cleanup --reason=x -- ${old}`);
    expect(byTag.confirmation).toBe('code');
    const byCommit = await rig.act('checkout.rollback', 'restorePoint', annotated, {
      reason: '--hard-reset',
    });
    expect(byCommit.summary).toContain('Rollback to rollback-to-');
    expect(byCommit.outcome).toBe('verified');
    expect(readFileSync(join(rig.dir, 'NOTES.md'), 'utf8')).not.toContain('deduplicate');
    const again = await rig.act('checkout.rollback', 'restorePoint', old, { reason: 'still bad' });
    expect(again.summary).toContain(`Rollback to ${old}`);
    expect(readFileSync(join(rig.dir, 'NOTES.md'), 'utf8')).not.toContain('remaining budget');
    expect(rig.git('branch', '--list')).toBe('* main');
  });

  it('is not called done by the program’s own word of success', async () => {
    rig = new Rig();
    rig.layCheckout();
    rig.lie('rollback-does-nothing');
    const tag = 'rollback-point-20260301-060000';
    await rig.find('restorePoint', tag);
    rig.hurry = 600;
    const { outcome, summary, row } = await rig.act('checkout.rollback', 'restorePoint', tag, {
      reason: 'x',
    });
    expect(row.progress.exitCode).toBe(0);
    expect(outcome).toBe('not-seen');
    expect(summary).toContain('HEAD has not moved');
  });

  it('is refused on a checkout with changes that are not committed, and fails by exit 1 where git refuses', async () => {
    rig = new Rig();
    rig.layCheckout();
    const tag = 'rollback-point-20260301-060000';
    await rig.find('restorePoint', tag);
    rig.world.write('NOTES.md', 'edited by hand\n');
    rig.hurry = 600;
    const failed = await rig.act('checkout.rollback', 'restorePoint', tag, { reason: 'x' });
    expect(failed.outcome).toBe('failed');
    expect(failed.summary).toContain('returned non-zero exit status 128');
    const cold = await rig.look(true);
    const view = cold.view();
    expect(view.data['changedFiles']).toBe(1);
  });
});

describe('a roadmap', () => {
  let rig: Rig;
  afterEach(() => rig.end());

  it('is seen in the schedule, contradicted by the error noted there, and not believed without either', async () => {
    rig = new Rig();
    await rig.find('service', 'daemon');
    const made = await rig.act('roadmap.generate', 'service', 'daemon', {
      goals: '--force\nfewer pages at night',
    });
    expect(made.outcome).toBe('verified');
    expect(existsSync(join(rig.dir, 'roadmaps'))).toBe(true);
    await rig.find('job', 'roadmap');
    rig.lie('roadmap-fails');
    await until(async () => (await rig.view()).data['roadmapCount'] === 1);
    const failed = await rig.act('roadmap.generate', 'job', 'roadmap');
    expect(failed.outcome).toBe('failed');
    await rig.find('issue', 'roadmap-error');
    rig.lie('roadmap-does-nothing');
    rig.hurry = 10_000;
    const nothing = await rig.act('roadmap.generate', 'issue', 'roadmap-error');
    expect(nothing.outcome).toBe('not-seen');
  });
});

describe('approvals that the program keeps', () => {
  let rig: Rig;
  afterEach(() => rig.end());
  const request = (id: string, operation: string) => ({
    request_id: id,
    operation,
    risk_level: 'medium',
    concerns: [`${operation} requires careful review`],
    context: { pr_number: 456 },
    timeout_hours: 24,
    created_at: new Date(Date.now() - 7_300_000).toISOString(),
  });

  it.each([
    ['listing', 'approval-dependency_update-1795212705', '-m src.cli approve --rationale=ok -- '],
    ['runbook', 'apr_1234', '-m src.cli approvals approve --comment=ok -- '],
  ] as const)(
    'by the words of the %s program are listed, approved, and seen in the log',
    async (generation, id, words) => {
      rig = new Rig(generation);
      rig.world.write(
        '.approvals.json',
        JSON.stringify([request(id, 'dependency_update'), request('apr_9', 'merge_pr_9')]),
      );
      const found = await rig.find('approval', id);
      expect(found).toMatchObject({
        answerable: true,
        risk: 'medium',
        decisions: ['request.approve', 'request.deny'],
      });
      const preview = await rig.preview('request.approve', 'approval', id, { comment: 'ok' });
      expect(preview.commands[0]).toContain(`${words}${id}`);
      expect((await rig.act('request.approve', 'approval', id, { comment: 'ok' })).outcome).toBe('verified');
      rig.lie('somebody-denied');
      const other = await rig.act('request.approve', 'approval', 'apr_9');
      expect(other.summary).toContain('somebody was first');
      expect(other.outcome).not.toBe('verified');
    },
  );

  it('are not called decided by a program that says so and does nothing', async () => {
    rig = new Rig('runbook');
    rig.world.write('.approvals.json', JSON.stringify([request('apr_1', 'merge_pr_1')]));
    await rig.find('approval', 'apr_1');
    rig.lie('decision-does-nothing');
    rig.hurry = 300;
    const { outcome, row } = await rig.act('request.deny', 'approval', 'apr_1', { reason: '-x' });
    expect(row.progress.exitCode).toBe(0);
    expect(outcome).toBe('not-seen');
  });

  it('of the published program can’t be listed, and are offered no yes', async () => {
    rig = new Rig();
    rig.world.write('.approvals.json', JSON.stringify([request('apr_1', 'merge_pr_1')]));
    const watch = await rig.look();
    expect(watch.specs.some(({ id }) => id === 'approvals')).toBe(false);
    expect(watch.view().entities('approval')).toEqual([]);
  });
});

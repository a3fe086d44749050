/** The acts that cost or destroy, each with the outcomes it may have: done, refused, nothing, half, no end. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EntityType } from '../../../src/domain/entity.ts';
import { until } from '../acting.ts';
import { Rig } from './rig.ts';
import { line } from './world.ts';

const PR = 455;
const POINT = 'rollback-point-20260301-060000';

/** An installation with an issue whose pull request the daemon opened, points to go back to, and a request that waits. */
async function installation(): Promise<Rig> {
  const rig = new Rig('listing');
  rig.layCheckout();
  const stamp = (secondsAgo: number): string => new Date(Date.now() - secondsAgo * 1000).toISOString();
  const row = (secondsAgo: number): string => stamp(secondsAgo).slice(0, 19).replace('T', ' ');
  rig.world.write('workspace/.keep', '');
  rig.database(
    `INSERT INTO operations VALUES (1, 'process_issue', '12', '${row(600)}', '${row(60)}', 540, 1, NULL, NULL, 0, '{"title": "Escape pipes"}', '${row(600)}')`,
  );
  rig.world.write(
    'logs/orchestrator.log',
    line(stamp(600), 'operation_started', { operation_type: 'process_issue', operation_id: '12', db_id: 1 }) +
      line(stamp(60), 'Successfully processed work item 12', {
        work_item_id: '12',
        pr_created: true,
        pr_number: PR,
      }),
  );
  rig.world.write(
    '.approvals.json',
    JSON.stringify([
      {
        request_id: 'apr_1',
        operation: 'dependency_update',
        risk_level: 'medium',
        concerns: [],
        context: { package: 'requests' },
        timeout_hours: 24,
        created_at: stamp(60),
      },
    ]),
  );
  await rig.find('restorePoint', POINT);
  await rig.find('approval', 'apr_1');
  await until(async () => (await rig.view()).entity('job', 'op-1')?.data?.['pr'] === PR);
  return rig;
}

/** The pull request, merged on main as GitHub merges: a merge commit of its own. */
function merge(rig: Rig): void {
  rig.git('checkout', '-q', '-b', 'escape-pipes');
  rig.world.write('NOTES.md', 'pipes are escaped\n');
  rig.git('commit', '-q', '-a', '-m', 'escape pipes');
  rig.git('checkout', '-q', 'main');
  rig.git('merge', '-q', '--no-ff', '-m', `Merge pull request #${PR} from acme/escape-pipes`, 'escape-pipes');
}

/** Act, what it is done to, and parameters. */
const COSTLY: readonly (readonly [string, EntityType, string, Readonly<Record<string, string>>])[] = [
  ['checkout.rollback', 'restorePoint', POINT, { reason: 'x' }],
  ['pr.revert', 'job', 'op-1', { reason: 'x' }],
  ['roadmap.generate', 'service', 'daemon', {}],
  ['request.approve', 'approval', 'apr_1', {}],
  ['request.deny', 'approval', 'apr_1', { reason: 'x' }],
  ['daemon.start', 'service', 'daemon', { mode: 'supervised' }],
  ['config.validate', 'service', 'daemon', {}],
  ['health.check', 'service', 'daemon', {}],
  ['github.check', 'service', 'daemon', {}],
];

describe('acts that cost or destroy', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await installation();
  });
  afterEach(() => rig.end());

  it('time out, each of them, when the program never ends, and nothing has changed', async () => {
    const head = rig.git('rev-parse', 'HEAD');
    rig.tool('python', 'exec sleep 20');
    rig.longestRunMs = 80;
    rig.hurry = 50_000;
    for (const [act, type, id, params] of COSTLY)
      expect(`${act}: ${(await rig.act(act, type, id, params)).outcome}`).toBe(`${act}: timed-out`);
    expect(rig.git('rev-parse', 'HEAD')).toBe(head);
  });

  it('fail, each of them, with the program’s own word when it refuses', async () => {
    rig.tool('python', "echo '✗ Error: Logging not set up. Call setup_logging() first.'; exit 1");
    rig.hurry = 50_000;
    for (const [act, type, id, params] of COSTLY) {
      const { outcome, summary } = await rig.act(act, type, id, params);
      expect(`${act}: ${outcome}`).toBe(`${act}: failed`);
      expect(summary, act).toContain('Logging not set up');
    }
  });

  it('are not called done, any of them, by exit 0 of a program that says nothing and does nothing', async () => {
    rig.tool('python', 'exit 0');
    rig.hurry = 50_000;
    for (const [act, type, id, params] of COSTLY) {
      const { outcome } = await rig.act(act, type, id, params);
      // Of a daemon that ends at once the runner sees either its end or nothing.
      expect(`${act}: ${outcome}`).toMatch(act === 'daemon.start' ? /: (failed|not-seen)$/ : /: not-seen$/);
    }
  });

  it('are done: pr.revert by one commit on HEAD that takes the merge back, request.deny by a word in the log', async () => {
    merge(rig);
    await until(async () => (await rig.view()).data['head'] === rig.git('rev-parse', 'HEAD'));
    const preview = await rig.preview('pr.revert', 'job', 'op-1', { reason: '--hard-reset' });
    expect(preview.commands[0]).toContain(`rollback --type=pr --no-cleanup --reason=--hard-reset -- ${PR}`);
    expect(preview.confirmation).toBe('code');
    const { outcome, summary } = await rig.act('pr.revert', 'job', 'op-1', { reason: 'breaks tables' });
    expect(summary).toMatch(/Revert "Merge pull request #455/);
    expect(outcome).toBe('verified');
    expect(readFileSync(join(rig.dir, 'NOTES.md'), 'utf8')).not.toContain('pipes are escaped');
    const denied = await rig.act('request.deny', 'approval', 'apr_1', { reason: 'too much' });
    expect(denied.outcome).toBe('verified');
    expect(readFileSync(join(rig.dir, '.approvals.json'), 'utf8')).toBe('[]');
  });

  it('pr.revert: refused by GitHub’s word for one that is not merged; half done on a conflict, which is said', async () => {
    rig.hurry = 600;
    const open = await rig.act('pr.revert', 'job', 'op-1', { reason: 'x' });
    expect(open).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('HEAD has not moved') });
    merge(rig);
    rig.world.write('NOTES.md', 'pipes are escaped, and so are tabs\n');
    rig.git('commit', '-q', '-a', '-m', 'escape tabs');
    await until(async () => (await rig.view()).data['head'] === rig.git('rev-parse', 'HEAD'));
    const half = await rig.act('pr.revert', 'job', 'op-1', { reason: 'x' });
    expect(half.outcome).toBe('failed');
    const view = (await rig.look(true)).view();
    expect(view.data).toMatchObject({ conflicts: 1, changedFiles: 1 });
  });
});

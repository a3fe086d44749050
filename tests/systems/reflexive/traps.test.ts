/**
 * What a person is told wrongly by the program or its runbook, one by one. Each is looked at twice: by a watch that was
 * there before it happened, and by one that came after.
 */
import { appendFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepOutput } from '../../../src/domain/act.ts';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import { readHealth } from '../../../src/systems/reflexive/act-check.ts';
import { reflexiveKind } from '../../../src/systems/reflexive/index.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { until } from '../acting.ts';
import { Rig } from './rig.ts';
import { beginning, costFile, line } from './world.ts';

const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
const minute = 60_000;

/** An audit event as the program writes it: twice, in two shapes. */
function pair(time: string, type: string, metadata: object, resource: string | null = null): string {
  const entry = {
    event_type: type,
    message: type,
    actor: 'orchestrator',
    resource_type: resource && 'pr',
    resource_id: resource,
    metadata,
  };
  const first = { timestamp: time, ...entry, event: 'audit_event', level: 'info', logger: 'audit' };
  return `${JSON.stringify(first)}\n${JSON.stringify({ timestamp: time.slice(0, -1), ...entry })}\n`;
}

describe('traps of the Self-Reflexive Orchestrator', () => {
  let rig: Rig;
  let before: SystemWatch;
  beforeEach(async () => {
    rig = new Rig();
    mkdirSync(join(rig.dir, 'logs'), { recursive: true });
    mkdirSync(join(rig.dir, 'workspace'), { recursive: true });
    mkdirSync(join(rig.dir, 'state'), { recursive: true });
    before = await rig.look();
  });
  afterEach(() => rig.end());

  const log = (text: string): void => appendFileSync(join(rig.dir, 'logs/orchestrator.log'), text);
  const audit = (text: string): void => appendFileSync(join(rig.dir, 'logs/audit.log'), text);

  /** Comes to hold for the one who watched, and for the one who comes now. */
  async function both(holds: (view: StateView) => void): Promise<void> {
    await comesToHold(before, holds);
    await comesToHold(await rig.look(), holds);
  }

  async function comesToHold(watch: SystemWatch, holds: (view: StateView) => void): Promise<void> {
    let failure: unknown;
    await until(() => {
      try {
        holds(watch.view());
        return true;
      } catch (error) {
        failure = error;
        return false;
      }
    }).catch(() => {
      throw failure;
    });
  }

  /** A daemon with that daily limit, begun a moment ago, as its log and the process table have it. */
  async function daemonOf(limit: number): Promise<void> {
    rig.stillDaemon();
    await until(() => before.view().entity('service', 'daemon')?.status === 'up');
    log(beginning(ago(0), limit));
  }
  const labels = (view: StateView): (string | undefined)[] =>
    (['service', 'issue', 'job', 'approval', 'meter'] as const).flatMap((type) =>
      view.entities(type).flatMap((one) => (one.attention ? [`${one.id} ${one.attention.label}`] : [])),
    );

  it('audit.log has each event twice: it is counted once', async () => {
    audit(
      pair(ago(minute), 'safety_guard_triggered', {
        guard: 'complexity',
        reason: 'score 9 > 8',
        blocked_action: 'process_issue 124',
      }),
    );
    await both((view) => {
      const guard = view.entity('issue', 'guard-complexity');
      expect(guard?.title).toBe('guard complexity blocked process_issue 124');
    });
  });

  it('grep safety_violation finds nothing: a guard that blocked has a row all the same', async () => {
    audit(
      pair(ago(minute), 'safety_guard_triggered', { guard: 'complexity', reason: 'x', blocked_action: 'y' }),
    );
    await both((view) => expect(labels(view)).toContain('guard-complexity GUARD'));
  });

  it('orchestrator_started is written by every status command: no daemon was started by it', async () => {
    log(beginning(ago(3 * 60 * minute)));
    audit(pair(ago(minute), 'orchestrator_started', { mode: 'supervised' }));
    log(line(ago(minute), 'cost_tracker_initialized', { max_daily_cost: 50 }));
    await both((view) => {
      expect(view.entity('service', 'daemon')).toMatchObject({
        status: 'down',
        attention: { label: 'DOWN' },
      });
      expect(view.entities('run')).toHaveLength(1);
    });
  });

  it('SIGTERM is no clean exit: without a stop event it is down, not stopped', async () => {
    log(beginning(ago(60 * minute)));
    await both((view) => expect(view.entity('service', 'daemon')?.attention?.label).toBe('DOWN'));
    log(line(ago(minute), 'Orchestrator stopped'));
    audit(pair(ago(minute), 'orchestrator_stopped', {}));
    await both((view) => expect(view.entity('service', 'daemon')?.attention?.label).toBe('STOPPED'));
  });

  it('an idle daemon writes nothing: silence is no death', async () => {
    log(beginning(ago(5 * 60 * minute)));
    rig.stillDaemon();
    await both((view) => expect(view.entity('service', 'daemon')).toMatchObject({ status: 'up' }));
    expect(before.view().entity('service', 'daemon')?.attention).toBeUndefined();
  });

  it('the log that was moved goes on growing under its new name', async () => {
    const path = join(rig.dir, 'logs/orchestrator.log');
    await daemonOf(50);
    renameSync(path, `${path}.20260101`);
    rig.world.write('logs/orchestrator.log', '');
    const spent = { cost: 1, daily_total_cost: 41, daily_total_tokens: 2 };
    appendFileSync(`${path}.20260101`, line(ago(-5_000), 'api_request_tracked', spent));
    await both((view) => {
      expect(view.entity('issue', 'log-moved')).toBeDefined();
      expect(view.entity('meter', 'cost')?.value).toBe(41);
    });
  });

  it('state/cost_tracker.json is a file nobody counts in', async () => {
    const today = ago(0).slice(0, 10);
    rig.world.write('state/cost_tracker.json', costFile(today, 49, ago(minute)));
    rig.world.write('workspace/cost_tracker.json', costFile(today, 3, ago(minute)));
    await both((view) => expect(view.entity('meter', 'cost')?.value).toBe(3));
  });

  it('midnight resets nothing while the daemon lives', async () => {
    const yesterday = ago(24 * 60 * minute);
    log(beginning(yesterday));
    rig.world.write('workspace/cost_tracker.json', costFile(yesterday.slice(0, 10), 44, ago(minute)));
    rig.stillDaemon();
    await both((view) => {
      expect(view.entity('issue', 'cost-window')).toBeDefined();
      expect(view.entity('meter', 'cost')).toMatchObject({ value: 44, status: 'warning' });
    });
  });

  it('the counter never reaches the limit: requests that are refused are paid for', async () => {
    await daemonOf(50);
    const error = 'Daily cost limit would be exceeded: $50.2 > $50.00';
    log(line(ago(0), 'Unexpected error calling multi-agent-coder', { error }, 'error'));
    rig.world.write('workspace/cost_tracker.json', costFile(ago(0).slice(0, 10), 49.9, ago(0)));
    await both((view) =>
      expect(view.entity('issue', 'cost-refused')).toMatchObject({
        severity: 'fatal',
        attention: { rank: 1, act: 'daemon.stop' },
      }),
    );
  });

  it('success 0 without completed_at is no failure', async () => {
    rig.database(
      "INSERT INTO operations (operation_type, operation_id, started_at, success) VALUES ('process_issue','7',datetime('now','-5 minutes'),0)",
    );
    await both((view) =>
      expect(view.entity('job', 'op-1')).toMatchObject({ status: 'unknown', attention: { label: 'ORPHAN' } }),
    );
  });

  it('grep ERROR finds nothing: levels are in lower case, and five errors are a burst', async () => {
    rig.stillDaemon();
    for (let n = 0; n < 6; n += 1)
      log(line(ago(minute), `Failed to analyze issue ${n}`, { error: 'x' }, 'error'));
    await both((view) => expect(view.entity('issue', 'error-burst')).toBeDefined());
  });

  it('process-issue says queued and reaches nobody: it is no act, and what it left is lost', async () => {
    audit(pair(ago(minute), 'issue_claimed', { title: 'x' }, '77'));
    log(line(ago(minute), 'Manually triggered processing for issue #77', { issue_number: 77 }));
    await both((view) => expect(labels(view)).toContain('request-77 LOST'));
    expect(reflexiveKind.acts.some((act) => act.runs?.includes('process-issue'))).toBe(false);
  });

  it('approvals approve does not exist, and approve ends in an error: what waits is watched, and counts as denied in a day', async () => {
    log(
      line(ago(60 * minute), 'approval_requested', {
        operation: 'merge_to_main',
        context: { pr_number: 456 },
      }),
    );
    await both((view) => {
      const [approval] = view.entities('approval');
      expect(approval).toMatchObject({
        answerable: false,
        decisions: [],
        status: 'pending',
        onExpiry: 'counts as denied',
      });
      for (const act of reflexiveKind.acts.filter(({ menu }) => menu === 'approve')) {
        expect(approval && act.appliesTo(approval)).toBe(false);
      }
    });
  });

  it('supervised mode does not wait for a merge: with auto_merge it approves itself', async () => {
    audit(pair(ago(minute), 'human_approval_requested', { action: 'merge PR #456', reason: 'x' }, '456'));
    await both((view) => {
      expect(view.entity('approval', 'merge-pr-456')).toMatchObject({ status: 'decided', answerable: false });
      expect(view.entity('approval', 'merge-pr-456')?.attention).toBeUndefined();
    });
  });

  it('the keys of the runbook end the next start', async () => {
    for (const [section, key] of [
      ['safety', 'auto_approve_low_risk'],
      ['safety', 'cost_limits'],
      ['safety', 'complexity'],
    ]) {
      rig.world.write(
        'config/orchestrator-config.yaml',
        `github:\n  repository: a/b\n${section}:\n  ${key}: true\n`,
      );
      await both((view) =>
        expect(view.entity('issue', 'config-invalid')?.title).toContain(`${section}.${key}`),
      );
    }
  });

  it('an edited limit is not in force before a restart', async () => {
    await daemonOf(50);
    rig.world.write(
      'config/orchestrator-config.yaml',
      'github:\n  repository: a/b\nsafety:\n  max_api_cost_per_day: 90\n',
    );
    await both((view) =>
      expect(view.entity('issue', 'config-not-in-force')).toMatchObject({
        title: 'daily limit $90.00 is written, $50.00 is in force',
        attention: { act: 'daemon.restart' },
      }),
    );
  });

  it('seconds_until_reset is frozen: a limit that began anew since is over', async () => {
    rig.world.write(
      'state/rate_limiter.json',
      JSON.stringify({
        rate_limits: {
          openai: {
            limit: 60,
            remaining: 1,
            used: 59,
            reset_time: ago(minute),
            percentage_used: 98.3,
            seconds_until_reset: 39.9,
          },
        },
      }),
    );
    await both((view) =>
      expect(view.entity('meter', 'rate-openai')).toMatchObject({ status: 'ok', value: 0 }),
    );
  });

  it('next_scheduled_time passes and nothing happens', async () => {
    rig.world.write(
      'state/roadmap_schedule.json',
      JSON.stringify({
        last_generation_time: ago(9 * 24 * 60 * minute),
        next_scheduled_time: ago(60 * minute),
        generation_count: 3,
        last_error: 'timed out',
        last_error_time: ago(60 * minute),
      }),
    );
    await both((view) => {
      expect(labels(view)).toContain('roadmap-error ROADMAP');
      expect(view.entity('job', 'roadmap')?.cautions?.[0]).toContain('is a note');
    });
  });

  it('a pull request that was opened is the end: nobody watches its CI, nothing is fixed by itself', async () => {
    rig.database(
      "INSERT INTO operations (operation_type, operation_id, started_at, completed_at, success) VALUES ('process_issue','7',datetime('now','-9 minutes'),datetime('now','-2 minutes'),1)",
    );
    log(
      line(ago(9 * minute), 'operation_started', {
        operation_type: 'process_issue',
        operation_id: '7',
        db_id: 1,
      }),
    );
    log(line(ago(2 * minute), 'operation_completed', { operation_db_id: 1, success: true }));
    log(
      line(ago(2 * minute), 'Successfully processed work item 7', {
        work_item_id: '7',
        pr_created: true,
        pr_number: 461,
      }),
    );
    await both((view) =>
      expect(view.entity('job', 'op-1')).toMatchObject({
        status: 'done',
        attention: { rank: 7, label: 'PR', playbook: 'ci-failure' },
      }),
    );
  });

  it('structured: false gives coloured text, read like the rest', async () => {
    const [blue, off] = ['\u001b[2m', '\u001b[0m'];
    log(
      `${blue}${ago(minute)}${off} [\u001b[32m\u001b[1minfo     ${off}] \u001b[1mStarting orchestrator          ${off} [\u001b[34m\u001b[1morchestrator${off}] \u001b[36mmode${off}=\u001b[35msupervised${off}\n`,
    );
    await both((view) => expect(view.entities('run')).toHaveLength(1));
  });

  it('rollback deletes branches, on GitHub too, unless it is told not to', async () => {
    rig.layCheckout();
    const tag = 'rollback-point-20260301-060000';
    const cold = await rig.look(true);
    for (const id of [tag, 'rollback-pr-458-20260302-060000']) {
      const point = cold.view().entity('restorePoint', id);
      const act = reflexiveKind.acts.find(({ id: name }) => name === 'checkout.rollback');
      const [step] = (point && act?.plan(cold.view(), point, { reason: 'x' })) ?? [];
      expect(step?.type === 'process' && step.argv).toContain('--no-cleanup');
      expect(step?.type === 'process' && step.argv).not.toContain('--hard-reset');
      // The runbook's own words would ask for a tag called "list", and for options that do not exist.
      expect(JSON.stringify(step)).not.toMatch(/rollback","list|--latest|--pr\b/);
    }
  });
});

describe('what the health check prints', () => {
  const said = (stdout: string, exitCode: number, stderr = ''): StepOutput => ({
    title: 'x',
    exitCode,
    stdout,
    stderr,
    truncated: false,
  });
  const report = (checks: readonly object[]): string =>
    `${JSON.stringify({ overall_status: 'x', checks }, null, 2)}\n`;
  const ok = { name: 'memory', status: 'healthy', message: 'fine' };
  const broken = {
    name: 'github_api',
    status: 'unhealthy',
    message: "'GitHubClient' object has no attribute 'get_rate_limit'",
  };

  it('is found behind log lines that begin with a brace too', () => {
    expect(readHealth(said(`{"event": "health_check_started"}\n${report([ok, broken])}`, 1))).toMatchObject({
      ok: true,
    });
  });

  it('is no report where exit 2 means a usage error of Click', () => {
    const usage = "Usage: cli.py [OPTIONS] COMMAND\n\nError: No such command 'health-check'.\n";
    expect(readHealth(said('', 2, usage))).toMatchObject({
      ok: false,
      summary: expect.stringContaining('No such command'),
    });
  });

  it('is unhealthy for a GitHub that fails for another reason than the fault of the check', () => {
    const failing = { ...broken, message: 'GitHub API unreachable: 503' };
    expect(readHealth(said(report([ok, failing]), 1))).toMatchObject({
      ok: false,
      summary: expect.stringContaining('503'),
    });
  });

  it('is read in the form of the runbook', () => {
    const text =
      'Overall Status: HEALTHY\n\nComponents:\n✓ CPU Usage: 45% (HEALTHY)\n✓ GitHub API: Connected (HEALTHY)\n';
    expect(readHealth(said(text, 0))).toMatchObject({ ok: true, summary: '2 parts healthy' });
    const bad = text.replace('45% (HEALTHY)', '99% (UNHEALTHY)');
    expect(readHealth(said(bad, 1))).toMatchObject({
      ok: false,
      summary: expect.stringContaining('CPU Usage unhealthy: 99%'),
    });
  });

  it('shows a status it does not know as it is, and does not call it healthy', () => {
    expect(readHealth(said(report([{ ...ok, status: 'wobbly' }, broken]), 2))).toMatchObject({
      ok: false,
      summary: 'memory wobbly: fine',
    });
  });
});

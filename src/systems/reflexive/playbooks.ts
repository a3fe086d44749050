import type { Entity, Ref } from '../../domain/entity.ts';
import type { Playbook, PlaybookStep, StateView } from '../system.ts';

/**
 * The runbook's procedures for this kind, with what works in place of what does not exist, in the order that loses
 * nothing: what only looks first, what ends a process after what it would cut off is known.
 */
const note = (text: string): PlaybookStep => ({ type: 'note', text });
const check = (text: string, holds: (view: StateView, target: Entity) => boolean): PlaybookStep => ({
  type: 'check',
  text,
  holds,
});

const daemonRef = (view: StateView): Ref => ({ system: view.located.system, type: 'service', id: 'daemon' });

/** An act on the daemon, whatever the item is. */
const onDaemon = (act: string, text: string, params?: { readonly [name: string]: string }): PlaybookStep => ({
  type: 'act',
  text,
  act,
  on: daemonRef,
  ...(params ? { params: () => params } : {}),
});

const isDaemonUp = (view: StateView): boolean => view.entity('service', 'daemon')?.status === 'up';
const hasNoIssue = (view: StateView, ...keys: string[]): boolean =>
  keys.every((key) => view.entity('issue', key) === undefined);
const nothingInFlight = (view: StateView): boolean =>
  view.entities('job').every((job) => job.status !== 'running');

const daemonIsUp = check('the daemon runs', isDaemonUp);
const daemonIsDown = check('the daemon does not run', (view) => {
  const status = view.entity('service', 'daemon')?.status;
  return status !== 'up' && status !== 'degraded';
});
const restartSafely = check('no operation is in flight (a restart orphans it)', nothingInFlight);
const costBelowWarning = check('cost below 80 % of the limit', (view) => {
  const status = view.entity('meter', 'cost')?.status;
  return status !== 'warning' && status !== 'critical';
});
const configWouldStart = check('the configuration would start', (view) => hasNoIssue(view, 'config-invalid'));
const noOrphan = check('no operation was left in flight', (view) =>
  view.entities('job').every((job) => job.attention?.label !== 'ORPHAN'),
);
const validate = onDaemon('config.validate', 'validate the configuration, as a start would');
const health = onDaemon('health.check', 'check health; the check of GitHub that always fails is not counted');
const restart = onDaemon('daemon.restart', 'restart the daemon: validated first, interrupted, started anew');
const stop = onDaemon('daemon.stop', 'stop the daemon (SIGINT: SIGTERM leaves no stop event)');
const start = onDaemon('daemon.start', 'start the daemon in supervised mode', { mode: 'supervised' });

/** The newest point to roll back to. */
const newestPoint = (view: StateView): Ref | undefined => {
  const points = [...view.entities('restorePoint')].sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0));
  const [point] = points;
  return point && { system: point.system, type: 'restorePoint', id: point.id };
};

const rollBackByHand = note(
  'if it fails: git revert --abort, then git revert the commits one by one; git reset --hard loses uncommitted work, and git push --force loses the commits of others: neither is offered',
);

export const reflexivePlaybooks: readonly Playbook[] = [
  {
    id: 'health-degraded',
    title: 'Health degraded',
    steps: [
      daemonIsUp,
      check('no burst of errors', (view) => hasNoIssue(view, 'error-burst')),
      check('main loop and GitHub check pass', (view) =>
        hasNoIssue(view, 'main-loop', 'github-check', 'work-loop'),
      ),
      health,
      note(
        'its own verdict is inverted: unhealthy whenever GitHub can be reached, and with GitHub down the check is left out',
      ),
      check('no operation in flight over an hour', (view) =>
        view.entities('job').every((job) => job.attention?.label !== 'STALLED'),
      ),
      restartSafely,
      note('there is no pause: the next step ends the daemon, in the middle of whatever it does'),
      stop,
    ],
  },
  {
    id: 'cost-limit',
    title: 'Daily cost near or at its limit',
    steps: [
      costBelowWarning,
      check('no answer is paid for and refused', (view) => hasNoIssue(view, 'cost-refused')),
      check('the window is of today (a running daemon never resets)', (view) =>
        hasNoIssue(view, 'cost-window'),
      ),
      note(
        'per provider on the card of the cost meter; usage-report reads another file, metrics are always zero',
      ),
      note('a) stop it: the only pause there is; it stays stopped until somebody starts it'),
      stop,
      note(
        'b) or raise the limit (not safety.cost_limits.daily_limit, which ends the next start), then restart',
      ),
      onDaemon('config.set', 'raise safety.max_api_cost_per_day', { key: 'safety.max_api_cost_per_day' }),
      configWouldStart,
      validate,
      restartSafely,
      restart,
      check('the limit written is the limit in force', (view) => hasNoIssue(view, 'config-not-in-force')),
    ],
  },
  {
    id: 'high-cost',
    title: 'High API cost',
    steps: [
      check('one daemon only', (view) => hasNoIssue(view, 'two-daemons')),
      note('dearest requests: lines api_request_tracked, field cost (track_request is in no line)'),
      note(
        'each issue is analysed, planned and written by every provider: multi_agent_coder.default_providers limits them',
      ),
      check('no issue fails again and again', (view) =>
        view.entities('job').every((job) => job.attention?.label !== 'FAILED'),
      ),
      costBelowWarning,
      note(
        'models, max_tokens and temperature (section llm) are edited by hand, then validated and taken by a restart',
      ),
      validate,
      restartSafely,
      restart,
    ],
  },
  {
    id: 'will-not-start',
    title: 'Daemon down or will not start',
    steps: [
      configWouldStart,
      validate,
      note('it needs GITHUB_TOKEN and ANTHROPIC_API_KEY in .env, and code_review.multi_agent_coder_path'),
      health,
      note(
        'run from the checkout: the orchestrator console script cannot import; --log-level does not exist',
      ),
      note(
        '.orchestrator-state.json and Redis are used by nothing: deleting the one changes nothing, FLUSHALL wipes what others keep in that Redis',
      ),
      noOrphan,
      start,
      daemonIsUp,
    ],
  },
  {
    id: 'not-processing',
    title: 'Issues are not processed',
    steps: [
      daemonIsUp,
      check('main loop and GitHub check pass', (view) =>
        hasNoIssue(view, 'main-loop', 'github-check', 'work-loop'),
      ),
      check('GitHub limit not used up', (view) => view.entity('issue', 'github-limit')?.severity !== 'error'),
      onDaemon('github.check', "ask GitHub with the program's own token (there is no test-github)"),
      check('claimed issues are begun', (view) => hasNoIssue(view, 'not-processing')),
      onDaemon('config.set', 'set issue_processing.enable_auto_implementation to true, where it is false', {
        key: 'issue_processing.enable_auto_implementation',
        value: 'true',
      }),
      check('no operation in flight over an hour (it holds up all others)', (view) =>
        view.entities('job').every((job) => job.attention?.label !== 'STALLED'),
      ),
      note(
        'an issue must be open and carry a label of issue_processing.auto_claim_labels; process-issue reaches nobody',
      ),
      note('an issue done or failed once is not taken again before a restart'),
      restart,
      onDaemon(
        'daemon.kill',
        'one that takes no interrupt (suspended, or started by a script): kill this one pid',
      ),
      note('pkill -9 -f src.cli would end the daemons of other checkouts too'),
    ],
  },
  {
    id: 'two-daemons',
    title: 'Two daemons on one checkout',
    steps: [
      check('one daemon only', (view) => hasNoIssue(view, 'two-daemons')),
      { type: 'act', text: 'interrupt the newer one', act: 'daemon.stop' },
      { type: 'act', text: 'one that goes on: kill the newer one', act: 'daemon.kill' },
      note('the counter of the one that stays knows nothing of what the other spent'),
      restartSafely,
      restart,
    ],
  },
  {
    id: 'safety-violation',
    title: 'A safety guard blocked something',
    steps: [
      note('the line: event_type safety_guard_triggered in audit.log (safety_violation is in no line)'),
      note('right to block: nothing to do; it stays blocked'),
      note('wrong: raise the limit by its real key (not safety.complexity, which ends the next start)'),
      onDaemon('config.set', 'raise issue_processing.max_complexity', {
        key: 'issue_processing.max_complexity',
      }),
      configWouldStart,
      validate,
      restartSafely,
      restart,
    ],
  },
  {
    id: 'ci-failure',
    title: 'CI of a pull request, which nobody watches',
    steps: [
      note(
        'the daemon opens the pull request and stops there: nobody watches its CI, nothing is fixed by itself',
      ),
      { type: 'act', text: 'look at the pull request and its checks', act: 'pr.check' },
      note('fix it by hand or close it'),
      note('close the issue or take its label off, or a restarted daemon opens a second pull request'),
      { type: 'act', text: 'merged and wrong: revert the merge in this checkout', act: 'pr.revert' },
    ],
  },
  {
    id: 'approval-request',
    title: 'An approval is asked for',
    steps: [
      {
        type: 'act',
        text: 'look at the pull request, where it is about one',
        act: 'pr.check',
      },
      { type: 'act', text: 'approve, where the program can be told', act: 'request.approve' },
      { type: 'act', text: 'or deny', act: 'request.deny' },
      note(
        'the published program keeps requests in memory: approval-list, approve and deny end in an error, and it can only be watched',
      ),
      note('after 24 h it counts as denied; a restart forgets it'),
      note('merge by hand: gh pr review N, gh pr merge N'),
      check('nothing waits', (view) => view.entities('approval').every((one) => one.status !== 'pending')),
    ],
  },
  {
    id: 'roadmap',
    title: 'A roadmap failed',
    steps: [
      note('nothing tries again: the daemon makes no roadmap, whatever next_scheduled_time says'),
      health,
      costBelowWarning,
      onDaemon('roadmap.generate', 'generate one (minutes, and money outside the daily limit)'),
      check('the last try went well', (view) => hasNoIssue(view, 'roadmap-error')),
    ],
  },
  {
    id: 'log-moved',
    title: 'The log was moved from under the daemon',
    steps: [
      note('the daemon writes on into the moved file: neither delete nor compress it before a restart'),
      restartSafely,
      restart,
      check('its lines go to the usual name', (view) => hasNoIssue(view, 'log-moved')),
      note('rotate with copytruncate, as there is no logs rotate'),
    ],
  },
  {
    id: 'rollback',
    title: 'Roll the checkout back',
    steps: [
      check('no operation is in flight', nothingInFlight),
      stop,
      check('nothing is changed and not committed', (view) => view.data['changedFiles'] === 0),
      {
        type: 'act',
        text: 'roll back to the newest point: one commit on this branch, nothing is pushed',
        act: 'checkout.rollback',
        on: newestPoint,
      },
      note(
        'points are the tags rollback-* and pre-merge-* of git; the running program makes none, make your own with git tag',
      ),
      rollBackByHand,
      health,
      start,
      daemonIsUp,
    ],
  },
  {
    id: 'state-corruption',
    title: 'State or repository corrupt',
    steps: [
      stop,
      daemonIsDown,
      note(
        '.orchestrator-state.json does not exist: work items are in memory and gone with the process; analytics.db and cost_tracker.json are the state',
      ),
      check(
        'cost_tracker.json can be read',
        (view) => view.entity('layer', 'cost')?.summary !== 'counter unreadable',
      ),
      onDaemon('repository.check', 'have git verify every object'),
      note(
        'corrupt: clone beside it, copy config/ and .env over; keep workspace/ with analytics.db, which rm *.db would lose',
      ),
      validate,
      start,
      daemonIsUp,
    ],
  },
  {
    id: 'system-failure',
    title: 'Complete failure',
    steps: [
      stop,
      onDaemon('daemon.kill', 'where it takes no interrupt: kill it'),
      daemonIsDown,
      check('nothing is changed and not committed', (view) => view.data['changedFiles'] === 0),
      onDaemon('repository.check', 'have git verify every object'),
      health,
      {
        type: 'act',
        text: 'roll back to the newest point (there is no --latest)',
        act: 'checkout.rollback',
        on: newestPoint,
      },
      rollBackByHand,
      validate,
      note('manual mode proves nothing: it polls nothing and no command reaches it'),
      start,
      daemonIsUp,
    ],
  },
  {
    id: 'security-incident',
    title: 'Security incident',
    steps: [
      stop,
      onDaemon('daemon.kill', 'where it takes no interrupt: kill it'),
      daemonIsDown,
      note('revoke and renew GITHUB_TOKEN and ANTHROPIC_API_KEY at their issuers, then in .env'),
      onDaemon('activity.review', 'what was committed and merged lately'),
      { type: 'act', text: 'look at one pull request', act: 'pr.check' },
      { type: 'act', text: 'revert a suspicious one in this checkout', act: 'pr.revert' },
      note('protected_files is no key of the configuration: adding it ends the next start'),
      onDaemon('config.set', 'log everything from the next start on (start has no --log-level)', {
        key: 'logging.level',
        value: 'DEBUG',
      }),
      validate,
      start,
    ],
  },
  {
    id: 'data-loss',
    title: 'Data loss',
    steps: [
      stop,
      daemonIsDown,
      onDaemon('backup.create', 'keep what is left before anything is put over it'),
      note(
        'tar -xzf of a backup replaces config/ and .env as they are now; one made by the runbook’s command holds no database',
      ),
      validate,
      onDaemon('repository.check', 'have git verify every object'),
      start,
      daemonIsUp,
    ],
  },
];

import type { Playbook } from '../system.ts';
import { approveRequest, denyRequest } from './act-approve.ts';
import { checkPullRequest } from './act-pull-request.ts';
import { revertPullRequest } from './act-rollback.ts';
import {
  check,
  configWouldStart,
  costBelowWarning,
  daemonIsUp,
  hasNoIssue,
  health,
  note,
  onDaemon,
  onItem,
  restart,
  restartSafely,
  stop,
  validate,
} from './playbook-steps.ts';

/** What the runbook calls an alert: health, money, guards, CI, approvals. */
export const alertPlaybooks: readonly Playbook[] = [
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
      onItem(checkPullRequest, 'look at the pull request and its checks'),
      note('fix it by hand or close it'),
      note('close the issue or take its label off, or a restarted daemon opens a second pull request'),
      onItem(revertPullRequest, 'merged and wrong: revert the merge in this checkout'),
    ],
  },
  {
    id: 'issue-failed',
    title: 'An issue failed or was turned down',
    steps: [
      check('multi-agent-coder answers', (view) => hasNoIssue(view, 'coder')),
      check('no answer is paid for and refused', (view) => hasNoIssue(view, 'cost-refused')),
      note('the card names stage and error; the log of the issue has what the models and the tests said'),
      note('a branch of it may exist: look at GitHub before anybody works on the issue'),
      onItem(checkPullRequest, 'look at its pull request, where it opened one'),
      note('not actionable, or a plan nobody trusts: say more in the issue itself'),
      note(
        'this daemon does not try it again: close it or take its label off, else a restart claims and pays it anew',
      ),
      restartSafely,
      restart,
    ],
  },
  {
    id: 'approval-request',
    title: 'An approval is asked for',
    steps: [
      onItem(checkPullRequest, 'look at the pull request, where it is about one'),
      onItem(approveRequest, 'approve, where the program can be told'),
      onItem(denyRequest, 'or deny'),
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
];

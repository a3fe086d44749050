import type { Entity } from '../../domain/entity.ts';
import type { Playbook, PlaybookStep, StateView } from '../system.ts';

/** The runbook's procedures for this kind, with the commands that exist in place of those that do not. */
const note = (text: string): PlaybookStep => ({ type: 'note', text });
const check = (text: string, holds: (view: StateView, target: Entity) => boolean): PlaybookStep => ({
  type: 'check',
  text,
  holds,
});

const isDaemonUp = (view: StateView): boolean => view.entity('service', 'daemon')?.status === 'up';
const hasNoIssue = (view: StateView, ...keys: string[]): boolean =>
  keys.every((key) => view.entity('issue', key) === undefined);
const nothingInFlight = (view: StateView): boolean =>
  view.entities('job').every((job) => job.status !== 'running');

const daemonIsUp = check('the daemon runs', isDaemonUp);
const restartSafely = check('no operation is in flight (a restart orphans it)', nothingInFlight);

const howToRestart = note(
  'stop with SIGINT (Ctrl-c), then python -m src.cli start --mode supervised from the checkout; SIGTERM and systemctl stop leave no stop event',
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
      note(
        'python -m src.cli health --json-output (there is no health-check); exit 1 unhealthy, 2 degraded, 3 crashed',
      ),
      note(
        'github_api with "get_rate_limit" in its message is a fault of the check: ignore it; with GitHub down the check is left out',
      ),
      check('no operation in flight over an hour', (view) =>
        view.entities('job').every((job) => job.attention?.label !== 'STALLED'),
      ),
      note('there is no pause: to stop work, stop the daemon with SIGINT'),
    ],
  },
  {
    id: 'cost-limit',
    title: 'Daily cost near or at its limit',
    steps: [
      check(
        'cost below 80 % of the limit',
        (view) =>
          view.entity('meter', 'cost')?.status !== 'warning' &&
          view.entity('meter', 'cost')?.status !== 'critical',
      ),
      check('no answer is paid for and refused', (view) => hasNoIssue(view, 'cost-refused')),
      check('the window is of today (a running daemon never resets)', (view) =>
        hasNoIssue(view, 'cost-window'),
      ),
      note(
        'read workspace/cost_tracker.json per provider; usage-report reads another file, metrics are always zero',
      ),
      note(
        'to raise it: safety.max_api_cost_per_day (not cost_limits.daily_limit, which ends the next start)',
      ),
      check('the configuration would start', (view) => hasNoIssue(view, 'config-invalid')),
      restartSafely,
      howToRestart,
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
      check(
        'cost below 80 % of the limit',
        (view) =>
          view.entity('meter', 'cost')?.status !== 'warning' &&
          view.entity('meter', 'cost')?.status !== 'critical',
      ),
    ],
  },
  {
    id: 'will-not-start',
    title: 'Daemon down or will not start',
    steps: [
      check('the configuration would start', (view) => hasNoIssue(view, 'config-invalid')),
      note(
        'python -m src.cli validate-config; needs GITHUB_TOKEN, ANTHROPIC_API_KEY, code_review.multi_agent_coder_path',
      ),
      note(
        'run it from the checkout: the orchestrator console script cannot import; --log-level does not exist',
      ),
      note(
        '.orchestrator-state.json and Redis are used by nothing: deleting or flushing them changes nothing here',
      ),
      check('no operation was left in flight', (view) =>
        view.entities('job').every((job) => job.attention?.label !== 'ORPHAN'),
      ),
      note('python -m src.cli start --mode supervised, kept alive by systemd, tmux or the like'),
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
      check('claimed issues are begun', (view) => hasNoIssue(view, 'not-processing')),
      check('no operation in flight over an hour (it holds up all others)', (view) =>
        view.entities('job').every((job) => job.attention?.label !== 'STALLED'),
      ),
      note(
        'an issue must be open and carry a label of issue_processing.auto_claim_labels; process-issue reaches nobody',
      ),
      note('an issue done or failed once is not taken again before a restart'),
    ],
  },
  {
    id: 'safety-violation',
    title: 'A safety guard blocked something',
    steps: [
      note('the line: event_type safety_guard_triggered in audit.log (safety_violation is in no line)'),
      note('right to block: nothing to do; it stays blocked'),
      note(
        'wrong: issue_processing.max_complexity and its like (not safety.complexity, which ends the next start), then restart',
      ),
      check('the configuration would start', (view) => hasNoIssue(view, 'config-invalid')),
      restartSafely,
    ],
  },
  {
    id: 'ci-failure',
    title: 'CI failed on a pull request',
    steps: [
      note(
        'the daemon opens the pull request and stops there: nobody watches its CI, nothing is fixed by itself',
      ),
      note('gh pr view N, gh pr checks N; fix by hand or close it'),
      note('close the issue or take its label off, or a restarted daemon opens a second pull request'),
    ],
  },
  {
    id: 'approval-request',
    title: 'An approval is asked for',
    steps: [
      note(
        'approval-list, approve and deny crash in every process but the one that asked: it can only be watched',
      ),
      note('after 24 h it counts as denied; a restart forgets it'),
      note('merge by hand: gh pr review N, gh pr merge N'),
      check('nothing waits', (view) => view.entities('approval').every((one) => one.status !== 'pending')),
    ],
  },
];

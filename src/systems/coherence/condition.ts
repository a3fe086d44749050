import type { AttentionRank, Issue } from '../../domain/entity.ts';

/** Requests a restart of the pipeline. */
export const RESTART_ACT = 'pipeline.restart';
/** How much of a stored answer is kept, in characters. */
export const DECISION_CHARS = 400;
/** Answers a task that waits for a decision. */
export const ANSWER_ACT = 'job.answer';

/** Marks a task failed, which also skips the decision it waits for. */
export const FAIL_ACT = 'job.fail';
/** Sets a task to pending. */
export const REQUEUE_ACT = 'job.requeue';
/** Has a runner end the program of a task. */
export const ABORT_ACT = 'job.cancel';
/** Has a runner run a command beside a task. */
export const DIAGNOSE_ACT = 'job.diagnose';

/** Starts the pipeline. */
export const START_ACT = 'pipeline.start';
/** Conditions under which nothing of the pipeline runs, or nothing that can be restarted: a start is offered. */
export const START_ISSUES: readonly string[] = [
  'runner_pm_not_seen',
  'restart_not_taken',
  'restart_hangs',
  'restart_without_effect',
  'version_without_manager',
];
/** Ends all its parts. */
export const STOP_ACT = 'pipeline.halt';
/** Ends the project manager that a hanging watchdog waits for. */
export const END_MANAGER_ACT = 'manager.end';
/** Ends the parts of a dead pipeline. */
export const END_ORPHANS_ACT = 'orphans.end';
/** Takes a restart request back. */
export const WITHDRAW_ACT = 'restart.withdraw';
/** Restarts the API by itself. */
export const API_ACT = 'api.restart';
/** Starts one part beside what runs. */
export const START_RUNNER_ACT = 'runner.start';
export const START_MANAGER_ACT = 'manager.start';
/** One check of the monitor, now. */
export const CHECK_ACT = 'monitor.check';
/** Deletes a stale fatal_issues.json. */
export const CLEAR_FATAL_ACT = 'fatal.clear';
/** Deletes old task logs. */
export const CLEAN_ACT = 'logs.clean';

/** What a condition of the monitor means for the operator. No `rank`: it does not need a human. */
interface ConditionRule {
  readonly rank?: AttentionRank;
  readonly label?: string;
  readonly act?: string;
  readonly playbook?: string;
  readonly why?: string;
}

/** Conditions of scripts/monitor_pipeline.py that are more than a remark. */
const RULES: { readonly [condition: string]: ConditionRule } = {
  api_unreachable: {
    rank: 2,
    label: 'API DOWN',
    act: RESTART_ACT,
    playbook: 'api-unreachable',
    why: 'no task starts or ends while it does not answer',
  },
  api_error: {
    rank: 2,
    label: 'API',
    act: RESTART_ACT,
    playbook: 'api-unreachable',
    why: 'it answers with an error; nothing else was checked',
  },
  runner_pm_not_seen: {
    rank: 2,
    label: 'DOWN',
    act: RESTART_ACT,
    playbook: 'runner-pm-not-seen',
    why: 'neither runner nor project manager runs',
  },
  no_task_running: {
    rank: 2,
    label: 'STUCK',
    act: RESTART_ACT,
    playbook: 'pipeline-stuck',
    why: 'tasks wait and none runs',
  },
  stale_version: {
    rank: 4,
    label: 'OLD CODE',
    act: RESTART_ACT,
    playbook: 'stale-version',
    why: 'the pipeline runs an older commit than the checkout has',
  },
  effectiveness_404: {
    rank: 4,
    label: 'OLD CODE',
    act: RESTART_ACT,
    playbook: 'stale-version',
    why: 'the API runs without a route the checkout has',
  },
  orphan_running: {
    rank: 4,
    label: 'ORPHAN',
    playbook: 'pipeline-stuck',
    why: 'running longer than any runner would let it',
  },
  public_deploy_contract_blocked: {
    rank: 4,
    label: 'BLOCKED',
    why: 'deployment is blocked',
    playbook: 'ci-blocks',
  },
  paid_service_readiness_blocked: { rank: 4, label: 'BLOCKED', why: 'a paid service is not ready' },
  paid_service_validation_blocked: { rank: 4, label: 'BLOCKED', why: 'a paid service fails its validation' },
  paid_provider_blocked_friction: { rank: 4, label: 'BLOCKED', why: 'a paid provider is blocked' },
  paid_service_usage_alerts: { rank: 5, label: 'USAGE', why: 'a paid service is near its limit' },
  // The approval itself stands in the queue.
  needs_decision: { playbook: 'unblock-decision' },
  metrics_unavailable: {},
};

/** Steps for what the monitor reports and nothing stands still for. */
const PROCEDURES: { readonly [condition: string]: string } = {
  github_actions_high_failure_rate: 'ci-blocks',
  github_actions_unowned_workflow_failures: 'ci-blocks',
  github_actions_waiver_expiring: 'ci-blocks',
  low_success_rate: 'failing-work',
  low_phase_coverage: 'failing-work',
  expensive_failed_task: 'failing-work',
  repeated_failures: 'failing-work',
  output_empty: 'failing-work',
  executor_fail: 'failing-work',
  runner_log_errors: 'failing-work',
  architecture_maintainability_drift: 'failing-work',
  runtime_placeholder_debt: 'failing-work',
};

/** The rule of a condition; one we do not know ranks by the severity its program gave it. */
export function conditionRule(condition: string, severity: Issue['severity']): ConditionRule {
  if (Object.hasOwn(RULES, condition)) return RULES[condition] ?? {};
  if (severity === 'info') return {};
  const playbook = Object.hasOwn(PROCEDURES, condition) ? PROCEDURES[condition] : undefined;
  return {
    rank: 7,
    label: 'ISSUE',
    why: 'the monitor reports it; nothing stands still for it',
    ...(playbook === undefined ? {} : { playbook }),
  };
}

/** The monitor's words for severity. */
export function severityOf(word: string | undefined): Issue['severity'] {
  return word === 'high' ? 'error' : word === 'low' ? 'info' : 'warning';
}

/** Why a request is written: what the watchdog does depends on it. */
export const RESTART_REASONS: { readonly [condition: string]: string } = {
  api_unreachable: 'api_unreachable',
  api_error: 'api_unreachable',
  api_hangs: 'api_unreachable',
  api_fails: 'api_unreachable',
  stale_version: 'stale_version',
  effectiveness_404: 'effectiveness_404',
  runner_pm_not_seen: 'runner_pm_not_seen',
  restart_without_effect: 'runner_pm_not_seen',
  version_without_manager: 'runner_pm_not_seen',
  no_task_running: 'no_task_running_stuck',
  orphan_running: 'stale_running_orphan',
};

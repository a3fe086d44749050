import type { Playbook } from '../system.ts';
import { killDaemon, stopDaemon } from './act-daemon.ts';
import {
  check,
  configWouldStart,
  daemonIsUp,
  hasNoIssue,
  health,
  noOrphan,
  note,
  onDaemon,
  onItem,
  restart,
  restartSafely,
  start,
  validate,
} from './playbook-steps.ts';

/** A daemon that is down, stands still, is one too many, or writes elsewhere. */
export const daemonPlaybooks: readonly Playbook[] = [
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
      onItem(stopDaemon, 'interrupt the newer one'),
      onItem(killDaemon, 'one that goes on: kill the newer one'),
      note('the counter of the one that stays knows nothing of what the other spent'),
      restartSafely,
      restart,
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
];

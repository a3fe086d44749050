import type { Issue } from '../../domain/entity.ts';
import { getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { Playbook, PlaybookStep, StateView } from '../system.ts';
import { ANSWER_ACT, RESTART_ACT } from './condition.ts';

const isApiUp = (view: StateView): boolean => getString(view.data, 'apiState') === 'up';
const hasWatchdog = (view: StateView): boolean => getNumber(view.data, 'watchdogPid') !== undefined;
const hasManager = (view: StateView): boolean => getNumber(view.data, 'managerPid') !== undefined;
const isFree = (view: StateView): boolean => getNumber(view.data, 'hangsOnPid') === undefined;
const noneWaits = (view: StateView): boolean =>
  view.entities('approval').every((one) => one.status !== 'pending');

function isSettled(view: StateView, key: string): boolean {
  const issue: Issue | undefined = view.entity('issue', key);
  return issue === undefined;
}

const check = (text: string, holds: (view: StateView) => boolean): PlaybookStep => ({
  type: 'check',
  text,
  holds,
});
const note = (text: string): PlaybookStep => ({ type: 'note', text });
const restart: PlaybookStep = {
  type: 'act',
  text: 'request a restart with the right reason',
  act: RESTART_ACT,
};

const watchdogLives = check(
  'a watchdog of this checkout lives and is free',
  (view) => hasWatchdog(view) && isFree(view),
);
const nobodyWaits = check('nothing claimed by the old runner waits for an answer', noneWaits);
const managerWorks = check('a project manager of this checkout lives', hasManager);
const apiAnswers = check('the API answers with health 200', isApiUp);
const startByHand = note(
  'without a watchdog: cd api && ./scripts/run_overnight_pipeline.sh --hours=8 (with a space the hours are ignored)',
);

/** Procedures for the conditions an operator is paged for. */
export const coherencePlaybooks: readonly Playbook[] = [
  {
    id: 'api-unreachable',
    title: 'API unreachable',
    steps: [
      check('no hanging process holds the port', (view) => isSettled(view, 'api_hangs')),
      note(
        'a hanging holder: kill its pid, not "pkill -f uvicorn" (that ends every uvicorn of this machine)',
      ),
      nobodyWaits,
      watchdogLives,
      restart,
      startByHand,
      apiAnswers,
      managerWorks,
      check('no orphans of the dead pipeline are left', (view) => isSettled(view, 'orphans')),
    ],
  },
  {
    id: 'pipeline-stuck',
    title: 'Pipeline stuck',
    steps: [
      apiAnswers,
      check('nothing waits for a decision', noneWaits),
      note(
        'a task that says running with nobody on it blocks its item until the monitor fails it after 30 min',
      ),
      watchdogLives,
      restart,
      startByHand,
      managerWorks,
    ],
  },
  {
    id: 'runner-pm-not-seen',
    title: 'Runner and project manager not seen',
    steps: [
      apiAnswers,
      note('read the last lines of project_manager.log and agent_runner.log: both exit when the API is down'),
      watchdogLives,
      restart,
      startByHand,
      managerWorks,
    ],
  },
  {
    id: 'no-watchdog',
    title: 'Restart asked, no watchdog',
    steps: [
      note(
        'a leftover request makes a new watchdog restart once more: rm api/logs/restart_requested.json first',
      ),
      check('no request is left', (view) => getBoolean(view.data, 'requestPresent') !== true),
      startByHand,
      check('a watchdog of this checkout lives', hasWatchdog),
      managerWorks,
    ],
  },
  {
    id: 'restart-hangs',
    title: 'Restart hangs',
    steps: [
      note(
        'the pipeline’s shell runs its TERM trap only after its foreground child, the project manager, has ended',
      ),
      nobodyWaits,
      note('end the project manager by its pid (kill PID, as the issue names it)'),
      check('the watchdog is free again', isFree),
      managerWorks,
    ],
  },
  {
    id: 'unblock-decision',
    title: 'Unblock a decision',
    steps: [
      apiAnswers,
      note('read the question: where decision_prompt is empty it stands at the end of the output'),
      { type: 'act', text: 'answer it under its worker’s name and set it to pending', act: ANSWER_ACT },
      note(
        'by hand: PATCH /api/agent/tasks/ID {"decision": "...", "worker_id": "<claimed_by>", "status": "pending"}',
      ),
      note(
        'the runbook’s {"decision": "yes"} alone is refused (409) for a claimed task and leaves it running with nobody',
      ),
      check('nothing waits for a decision', noneWaits),
    ],
  },
  {
    id: 'stale-version',
    title: 'Pipeline runs old code',
    steps: [
      check('the start script knows its commit (no linked worktree)', (view) => {
        const issue = view.entity('issue', 'stale_version');
        return (issue?.cautions ?? []).length === 0;
      }),
      nobodyWaits,
      watchdogLives,
      restart,
      managerWorks,
      check('the monitor no longer reports stale_version', (view) => isSettled(view, 'stale_version')),
    ],
  },
  {
    id: 'orphans',
    title: 'Orphans of a dead pipeline',
    steps: [
      note(
        'they keep the name of their worker: answer what waits for it and set it to pending while they live',
      ),
      nobodyWaits,
      note('end them by pid (kill PID, as the issue names them); a restart starts new ones and leaves these'),
      check('no orphans are left', (view) => isSettled(view, 'orphans')),
      managerWorks,
    ],
  },
];

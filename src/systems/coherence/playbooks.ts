import { getBoolean } from '../../lib/json.ts';
import type { Playbook } from '../system.ts';
import { API_ACT, CLEAR_FATAL_ACT, FAIL_ACT, REQUEUE_ACT } from './condition.ts';
import {
  act,
  actOn,
  answerFirst,
  apiAnswers,
  check,
  checkNow,
  effectiveness,
  endOrphans,
  hasWatchdog,
  isFree,
  isSettled,
  managerWorks,
  nobodyWaits,
  noOrphans,
  notByName,
  note,
  onDeserted,
  release,
  restart,
  restartApi,
  start,
  watchdogLives,
  withdraw,
} from './playbook-steps.ts';
import { workPlaybooks } from './playbooks-work.ts';

/** Procedures for the conditions an operator is paged for; each loses nothing that can be kept. */
export const coherencePlaybooks: readonly Playbook[] = [
  {
    id: 'api-unreachable',
    title: 'API unreachable',
    steps: [
      check('no hanging process holds the port', (view) => isSettled(view, 'api_hangs')),
      notByName,
      actOn(
        'without a project manager or watchdog, or with a holder that hangs: restart the API by its pid',
        API_ACT,
        'service',
        'api',
      ),
      apiAnswers,
      answerFirst,
      nobodyWaits,
      watchdogLives,
      restart,
      start,
      managerWorks,
      endOrphans,
      noOrphans,
    ],
  },
  {
    id: 'pipeline-stuck',
    title: 'Pipeline stuck',
    steps: [
      effectiveness,
      apiAnswers,
      answerFirst,
      nobodyWaits,
      onDeserted(
        'requeue what says running with nobody on it; without its worker it waits for a runner of that name',
        REQUEUE_ACT,
      ),
      onDeserted('or fail it: the project manager tries the item again', FAIL_ACT),
      watchdogLives,
      release,
      restart,
      start,
      managerWorks,
    ],
  },
  {
    id: 'runner-pm-not-seen',
    title: 'Runner and project manager not seen',
    steps: [
      note(
        'the monitor sees any process of the machine with those names; the services list shows this checkout’s own',
      ),
      apiAnswers,
      restartApi,
      answerFirst,
      watchdogLives,
      restart,
      withdraw,
      endOrphans,
      start,
      managerWorks,
      checkNow,
    ],
  },
  {
    id: 'no-watchdog',
    title: 'Restart asked, no watchdog',
    steps: [
      withdraw,
      check('no request is left', (view) => getBoolean(view.data, 'requestPresent') !== true),
      endOrphans,
      start,
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
      answerFirst,
      nobodyWaits,
      release,
      check('the watchdog is free again', isFree),
      managerWorks,
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
      answerFirst,
      nobodyWaits,
      watchdogLives,
      restart,
      managerWorks,
      checkNow,
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
      answerFirst,
      nobodyWaits,
      endOrphans,
      noOrphans,
      managerWorks,
    ],
  },
  {
    id: 'fatal',
    title: 'The supervisor gave up',
    steps: [
      actOn('read the fatal report', 'fatal.report', 'service', 'pipeline'),
      note(
        'pr_followthrough_blocked: merge, close or update the open codex pull requests; no act of the pipeline does it',
      ),
      actOn('look which of them fail', 'prs.check', 'service', 'pipeline'),
      restartApi,
      apiAnswers,
      answerFirst,
      endOrphans,
      start,
      managerWorks,
      act('delete the file once it is over: nothing else does', CLEAR_FATAL_ACT),
    ],
  },
  {
    id: 'monitor-silent',
    title: 'Monitor silent',
    steps: [
      note(
        'nothing it reported is confirmed any more; processes, API and tasks are looked at by this cockpit',
      ),
      checkNow,
      check('its last check is new', (view) => isSettled(view, 'monitor_overdue')),
      answerFirst,
      watchdogLives,
      restart,
      start,
    ],
  },
  ...workPlaybooks,
];

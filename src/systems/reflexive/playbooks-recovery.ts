import { type Ref, refOf } from '../../domain/entity.ts';
import type { Playbook, StateView } from '../system.ts';
import { isArchive, restoreArchive } from './act-archive.ts';
import {
  check,
  daemonIsDown,
  daemonIsUp,
  hasNoIssue,
  health,
  note,
  nothingInFlight,
  nothingUncommitted,
  onDaemon,
  rollBackByHand,
  rollBackToNewest,
  start,
  stop,
  validate,
} from './playbook-steps.ts';

/** The newest archive that is older than an hour: a younger one was made to keep what is there now. */
function newestArchive(view: StateView): Ref | undefined {
  const [archive] = view
    .entities('restorePoint')
    .filter((one) => isArchive(one) && (one.createdAt ?? 0) < view.now - 3_600_000)
    .sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0));
  return archive && refOf(archive);
}

/** Going back, and what is done when much is lost. */
export const recoveryPlaybooks: readonly Playbook[] = [
  {
    id: 'rollback',
    title: 'Roll the checkout back',
    steps: [
      check('no operation is in flight', nothingInFlight),
      stop,
      nothingUncommitted,
      rollBackToNewest(
        'roll back to this point, or the newest: one commit on this branch, nothing is pushed',
      ),
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
      check('counter and database can be read', (view) => hasNoIssue(view, 'state-unreadable')),
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
      nothingUncommitted,
      onDaemon('repository.check', 'have git verify every object'),
      health,
      rollBackToNewest('roll back to the newest point (there is no --latest)'),
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
      note('a pull request is looked at, and its merge reverted in this checkout, on the card of its issue'),
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
      {
        type: 'act',
        text: 'put back this archive, or the newest: over what is there now',
        act: restoreArchive.id,
        on: (view, target) => (isArchive(target) ? refOf(target) : newestArchive(view)),
      },
      note(
        'one made by the runbook’s command holds .env and no database; .env of another is put back by hand',
      ),
      validate,
      onDaemon('repository.check', 'have git verify every object'),
      start,
      daemonIsUp,
    ],
  },
];

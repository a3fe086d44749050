import { getArray, getString } from '../../lib/json.ts';
import type { Playbook } from '../system.ts';
import { approve, deny } from './act-approve.ts';
import {
  check,
  compare,
  hasBackup,
  isSettled,
  lookAtTree,
  loopGone,
  loopState,
  loopWorks,
  noPlainKill,
  note,
  onItem,
  onService,
  preflight,
  restore,
  startLoop,
  stash,
  stopLoop,
} from './playbook-steps.ts';

/** The Nomic loop: what stalls, dies, asks, fails or is to be gone back from. */
export const loopPlaybooks: readonly Playbook[] = [
  {
    id: 'loop-stalled',
    title: 'Loop stalled',
    steps: [
      check('it does not wait at a terminal', (view) => getString(view.data, 'question') === undefined),
      note('see where it hangs: py-spy dump --pid PID, or the last lines of nomic_loop.log'),
      note(
        'no .nomic/*.lock is ever written: there is none to remove. Pause, skip and reset over HTTP only edit a file',
      ),
      lookAtTree,
      stopLoop,
      noPlainKill,
      onService('only if SIGTERM did not end it', 'loop.kill', 'loop'),
      loopGone,
      compare,
      startLoop,
      loopWorks,
    ],
  },
  {
    id: 'loop-dead',
    title: 'Loop died',
    steps: [
      loopGone,
      note('read nomic_crash.log and the end of nomic_loop.log; dmesg for the out-of-memory killer'),
      lookAtTree,
      hasBackup,
      compare,
      stash,
      restore,
      note('aragora nomic resume ID says SUCCESS and starts a new cycle: it resumes nothing'),
      preflight,
      startLoop,
      loopWorks,
    ],
  },
  {
    id: 'terminal-prompt',
    title: 'Loop asks at its terminal',
    steps: [
      onService('what a commit would take (git add -A takes all of it)', 'tree.inspect', 'loop'),
      note(
        'go there (T), read what it shows, answer at that terminal; the HTTP server of the loop is mute meanwhile',
      ),
      check('the loop no longer waits', (view) => loopState(view) !== 'waiting'),
      note('a commit shows as "Committed:" in the log and a new commit in the log of git'),
    ],
  },
  {
    id: 'file-approval',
    title: 'Approval with a deadline',
    steps: [
      note('read the changes on the card; silence counts as not approved'),
      onItem('approve it through the server of the loop', approve),
      onItem('or reject it', deny),
      note('the unified server does not have that path (404)'),
      check('no approval is pending', (view) =>
        view.entities('approval').every((one) => one.status !== 'pending'),
      ),
    ],
  },
  {
    id: 'inbox-approval',
    title: 'Approval in the inbox',
    steps: [
      note('read what it is about on the card'),
      onItem('approve it by its own request', approve),
      onItem('or reject it', deny),
      note('proposals of the loop are not in this inbox, and their own paths answer 500'),
    ],
  },
  {
    id: 'cycle-failed',
    title: 'Cycle failed',
    steps: [
      note('the outcome names the phase; its last lines in nomic_loop.log name the cause'),
      lookAtTree,
      check('no agent is left out by a breaker', (view) => getArray(view.data, 'openBreakers').length === 0),
      loopGone,
      preflight,
      startLoop,
      loopWorks,
    ],
  },
  {
    id: 'rollback',
    title: 'Roll the last cycle back',
    steps: [
      stopLoop,
      loopGone,
      lookAtTree,
      compare,
      stash,
      restore,
      note('restore knows protected files alone. The commit of a cycle: git revert COMMIT keeps the branch'),
      note(
        'not git checkout HEAD~1 (leaves a detached HEAD), not git push --force, not git reset --hard: .rollback points do just that',
      ),
    ],
  },
  {
    id: 'protected-files',
    title: 'Protected files damaged',
    steps: [
      stopLoop,
      loopGone,
      hasBackup,
      compare,
      stash,
      restore,
      onService('verify the constitution', 'constitution.check', 'loop'),
      note('signing anew (sign_constitution.py sign) takes the private key: its holder does it'),
      check('no damage is reported', (view) => isSettled(view, 'protected-files')),
    ],
  },
  {
    id: 'stop-loop',
    title: 'Stop a running loop',
    steps: [stopLoop, loopGone, lookAtTree],
  },
  {
    id: 'start-loop',
    title: 'Start a loop',
    steps: [
      loopGone,
      preflight,
      note(
        'GEMINI_API_KEY or GOOGLE_API_KEY is needed though preflight does not ask for it; --auto wants NOMIC_AUTO_COMMIT=1 and commits without asking',
      ),
      startLoop,
      loopWorks,
    ],
  },
];

import { getArray, getNumber, getString } from '../../lib/json.ts';
import type { Playbook, PlaybookStep, StateView } from '../system.ts';

const check = (text: string, holds: (view: StateView) => boolean): PlaybookStep => ({
  type: 'check',
  text,
  holds,
});
const note = (text: string): PlaybookStep => ({ type: 'note', text });

const loopState = (view: StateView): string => getString(view.data, 'loopState') ?? 'never';
const hasLoop = (view: StateView): boolean => getNumber(view.data, 'loopPid') !== undefined;
const isSettled = (view: StateView, key: string): boolean => view.entity('issue', key) === undefined;

const loopGone = check('no loop of this root runs', (view) => !hasLoop(view));
const loopWorks = check(
  'a loop of this root runs within its limits',
  (view) => loopState(view) === 'running',
);
const apiAnswers = check(
  'the API answers and is not degraded',
  (view) => getString(view.data, 'apiState') === 'up',
);
const hasBackup = check('a backup with a manifest is there', (view) =>
  view.entities('restorePoint').some((one) => (getNumber(one.data, 'files') ?? 0) > 0),
);
const lookAtTree = note(
  'git status and git diff --stat: a stopped loop leaves its changes, nothing is rolled back',
);
const startLoop = note(
  'start: PYTHONPATH=. python scripts/run_nomic_with_stream.py run --cycles N (costs money; the runbook’s "run --cycles 3" alone exits 1)',
);
const restore = note(
  'restore: PYTHONPATH=. python scripts/nomic_loop.py restore --backup NAME (the name, not a path; no question asked; believe "Restored N files", never the exit code)',
);

/** Procedures for the conditions an operator is paged for. */
export const aragoraPlaybooks: readonly Playbook[] = [
  {
    id: 'loop-stalled',
    title: 'Loop stalled',
    steps: [
      check('it does not wait at a terminal', (view) => getString(view.data, 'question') === undefined),
      note('see where it hangs: py-spy dump --pid PID, or the last lines of nomic_loop.log'),
      note('pause, skip and reset over HTTP only edit nomic_state.json: the loop never reads it'),
      note('end it: kill -TERM PID (exit 143); not "pkill -f aragora", which ends the server and more'),
      loopGone,
      lookAtTree,
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
      restore,
      note('aragora nomic resume ID says SUCCESS and starts a new cycle: it resumes nothing'),
      startLoop,
      loopWorks,
    ],
  },
  {
    id: 'terminal-prompt',
    title: 'Loop asks at its terminal',
    steps: [
      note('go there (T), read what it shows; git diff --stat tells what a commit would take (git add -A)'),
      note('answer at that terminal; the HTTP server of the loop is mute meanwhile'),
      check('the loop no longer waits', (view) => loopState(view) !== 'waiting'),
      note('a commit shows as "Committed:" in the log and a new git rev-parse HEAD'),
    ],
  },
  {
    id: 'file-approval',
    title: 'Approval with a deadline',
    steps: [
      note('read the changes on the card; silence counts as not approved'),
      note(
        'with a login at the server of the loop: POST /api/v1/autonomous/approvals/ID/approve {"approved_by": "you"}',
      ),
      note('the unified server does not have that path (404)'),
      check('no approval is pending', (view) =>
        view.entities('approval').every((one) => one.status !== 'pending'),
      ),
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
      startLoop,
      loopWorks,
    ],
  },
  {
    id: 'protected-files',
    title: 'Protected files damaged',
    steps: [
      note('end the loop before anything else: kill -TERM PID'),
      loopGone,
      hasBackup,
      note('save what is in the tree: git stash or a branch; restore overwrites uncommitted edits'),
      restore,
      note('python scripts/sign_constitution.py verify: exit 0 and "VALID"'),
      check('no damage is reported', (view) => isSettled(view, 'protected-files')),
    ],
  },
  {
    id: 'breaker-open',
    title: 'Circuit breaker open',
    steps: [
      note('see the provider’s status page; the log has the failures before it opened'),
      note('it goes half-open after its cooldown and closes with one success; a restart does not clear it'),
      note('POST /api/agents/NAME/reset-circuit does not exist; the admin reset resets an empty registry'),
      check('no breaker of the server is open', (view) => getArray(view.data, 'openBreakers').length === 0),
    ],
  },
  {
    id: 'api-down',
    title: 'API down or degraded',
    steps: [
      note('systemctl status aragora; journalctl -u aragora -n 100 (there is no /var/log/aragora)'),
      note('never kill -USR1: it has no handler and ends the server'),
      note('never rm /var/lib/aragora/*.db or redis-cli FLUSHALL: that is the data'),
      note('systemctl restart aragora: ends running debates; ready again in about 10 s'),
      apiAnswers,
    ],
  },
  {
    id: 'stop-loop',
    title: 'Stop a running loop',
    steps: [note('kill -TERM PID of the loop; its changes stay in the working tree'), loopGone, lookAtTree],
  },
  {
    id: 'start-loop',
    title: 'Start a loop',
    steps: [
      loopGone,
      note(
        'PYTHONPATH=. python scripts/nomic_loop.py preflight must exit 0; GEMINI_API_KEY is needed all the same',
      ),
      startLoop,
      loopWorks,
    ],
  },
];

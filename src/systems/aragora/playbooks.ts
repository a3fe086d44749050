import type { Ref } from '../../domain/entity.ts';
import { refOf } from '../../domain/entity.ts';
import { getArray, getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { Playbook, PlaybookStep, StateView } from '../system.ts';

const check = (text: string, holds: (view: StateView) => boolean): PlaybookStep => ({
  type: 'check',
  text,
  holds,
});
const note = (text: string): PlaybookStep => ({ type: 'note', text });

/** An act on a service of this system, by its id. */
const onService = (
  text: string,
  act: string,
  id: string,
  params?: { readonly [name: string]: string },
): PlaybookStep => ({
  type: 'act',
  text,
  act,
  on: (view) => serviceRef(view, id),
  ...(params ? { params: () => params } : {}),
});
/** An act on the item the steps are shown for. */
const onItem = (text: string, act: string): PlaybookStep => ({ type: 'act', text, act });

function serviceRef(view: StateView, id: string): Ref | undefined {
  const service = view.entity('service', id);
  return service && refOf(service);
}

/** What a restore goes back to: the backup of the open cycle, else the newest one with files. */
function backupRef(view: StateView): Ref | undefined {
  const backups = view.entities('restorePoint').filter((one) => (getNumber(one.data, 'files') ?? 0) > 0);
  const current = getString(view.data, 'openBackup');
  const chosen =
    backups.find((one) => one.id === current) ??
    [...backups].sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0))[0];
  return chosen && refOf(chosen);
}
const onBackup = (text: string, act: string): PlaybookStep => ({ type: 'act', text, act, on: backupRef });

function deploymentRef(view: StateView): Ref | undefined {
  const all = view.entities('service').filter((one) => one.data?.['form'] === 'deployment');
  const chosen = all.find((one) => one.status !== 'up') ?? all[0];
  return chosen && refOf(chosen);
}
const onDeployment = (text: string, act: string): PlaybookStep => ({
  type: 'act',
  text,
  act,
  on: (view, target) => (target.id.startsWith('deployment') ? refOf(target) : deploymentRef(view)),
});

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
const hasBackup = check('a backup with a manifest is there', (view) => backupRef(view) !== undefined);
const noBreaker = check(
  'no breaker of the server is open',
  (view) => getArray(view.data, 'openBreakers').length === 0,
);

const lookAtTree = onService(
  'see what is uncommitted: a stopped loop rolls nothing back',
  'tree.inspect',
  'loop',
);
const stopLoop = onService('end the loop: SIGTERM to its pid alone', 'loop.stop', 'loop');
const preflight = onService('preflight', 'loop.check', 'loop');
const startLoop = onService('start a loop (it costs money)', 'loop.start', 'loop', { cycles: '1' });
const compare = onBackup('see what a restore would overwrite', 'backup.compare');
const stash = onService('put uncommitted changes aside', 'tree.stash', 'loop');
const restore = onBackup('restore the protected files', 'backup.restore');
const restartServer = onService('restart the server: running debates are lost', 'api.restart', 'api');
const noPlainKill = note(
  'not "pkill -9 -f aragora", nor kill -USR1 "$(pgrep -f aragora)": both end the server, the loop and whatever else has that word in its command line',
);
const noWipe = note(
  'not redis-cli FLUSHALL, FLUSHDB or rm /var/lib/aragora/*.db: these are users, debates and sessions, not a cache. Nothing writes /tmp/aragora_*.lock',
);
const placebo = note(
  'ARAGORA_AGENT_TIMEOUT_SECONDS, ARAGORA_MAX_CONCURRENT_DEBATES and ARAGORA_DB_POOL_SIZE are read, from the unit’s own environment file; an export before systemctl restart reaches nothing',
);
const readLog = note('the log: pane logs, or journalctl -u aragora -n 100; nothing writes /var/log/aragora');

/** Procedures for the conditions an operator is paged for. */
export const aragoraPlaybooks: readonly Playbook[] = [
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
      onItem('approve it through the server of the loop', 'approval.approve'),
      onItem('or reject it', 'approval.deny'),
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
      onItem('approve it by its own request', 'approval.approve'),
      onItem('or reject it', 'approval.deny'),
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
    id: 'breaker-open',
    title: 'Circuit breaker open',
    steps: [
      note('see the provider’s status page; the log has the failures before it opened'),
      note('it goes half-open after its cooldown and closes with one success; a restart does not clear it'),
      note(
        'POST /api/agents/NAME/reset-circuit and /api/debug/agent-test do not exist; the admin reset resets an empty registry',
      ),
      onItem('an agent the loop leaves out: clear it while the loop is down', 'breaker.clear'),
      noBreaker,
    ],
  },
  {
    id: 'api-down',
    title: 'API down or degraded',
    steps: [
      readLog,
      note('dependencies first: redis-cli ping, pg_isready, disk'),
      onService('start it, where nothing runs', 'api.start', 'api'),
      restartServer,
      noPlainKill,
      noWipe,
      apiAnswers,
      note('not up in ten minutes: escalate'),
    ],
  },
  {
    id: 'error-rate',
    title: 'Requests fail',
    steps: [
      readLog,
      noBreaker,
      check('no component is down', (view) =>
        view.entities('service').every((one) => !one.id.startsWith('component.') || one.status !== 'down'),
      ),
      note(
        'after a deployment: roll it back. A flood: limit it in front of the server, it has no emergency switch',
      ),
      onDeployment('in Kubernetes: the revision before', 'deployment.rollback'),
      check(
        'requests no longer fail',
        (view) => isSettled(view, 'error-rate') && isSettled(view, 'server-errors'),
      ),
    ],
  },
  {
    id: 'agent-timeouts',
    title: 'Agents time out, debates end without an answer',
    steps: [
      noBreaker,
      note(
        'the log tells which: "Agent NAME timed out after Ns", or "Only 0 agents initialized": a key is missing',
      ),
      placebo,
      note(
        'ARAGORA_CONSENSUS_THRESHOLD is read by nothing; more rounds or other agents are asked for with the debate',
      ),
      onService('try one small debate', 'debate.start', 'api', {
        question: 'Say hello',
        agents: 'claude',
        rounds: '1',
      }),
    ],
  },
  {
    id: 'rate-limit',
    title: 'Requests are turned away (429)',
    steps: [
      check('the limits in force are known', (view) => view.entity('service', 'limits') !== undefined),
      note(
        'one address for many (a proxy, a VPN) counts as one; admin paths take ten requests a minute, a poll of them locks its owner out',
      ),
      check('the cache answers', (view) => view.entity('service', 'component.redis')?.status !== 'down'),
      note('ARAGORA_RATE_LIMIT_DEBATE_RPM, _WHITELIST, _DISABLED and _EMERGENCY are read by no program'),
    ],
  },
  {
    id: 'redis-down',
    title: 'Redis down',
    steps: [
      note('redis-cli ping; journalctl -u redis -n 50; systemctl restart redis'),
      noWipe,
      note('meanwhile limits are counted in memory, each process for itself'),
      check('the cache answers', (view) => view.entity('service', 'component.redis')?.status === 'up'),
    ],
  },
  {
    id: 'database',
    title: 'Database down or out of connections',
    steps: [
      note(
        'psql -c "SELECT state, count(*) FROM pg_stat_activity WHERE datname=\'aragora\' GROUP BY 1"; pg_terminate_backend ends idle ones, and what they were doing',
      ),
      note('ARAGORA_DB_POOL_SIZE and ARAGORA_DB_POOL_MAX_OVERFLOW are read (not ARAGORA_DB_MAX_OVERFLOW)'),
      onService(
        'copy a database before touching it: cp without its -wal is half of it',
        'database.backup',
        'api',
        { database: 'users.db' },
      ),
      note(
        'a restore of Postgres (pg_restore, after DROP DATABASE) has no way back: dump what is there first',
      ),
      restartServer,
      apiAnswers,
    ],
  },
  {
    id: 'websockets',
    title: 'WebSockets drop',
    steps: [
      note(
        'they are served on port 8765 at /ws (8766 is the control plane); one must subscribe, else nothing comes',
      ),
      check('the server is up', (view) => getString(view.data, 'apiState') === 'up'),
      note('there is no reload: kill -USR1 ends the server'),
      restartServer,
    ],
  },
  {
    id: 'memory',
    title: 'Memory high',
    steps: [
      note(
        'the meter shows process_resident_memory_bytes; /api/admin/cleanup-caches and memory-dump do not exist',
      ),
      placebo,
      note('restart in a quiet hour, or now if the kernel is about to end it'),
      restartServer,
      onDeployment('in Kubernetes: pod by pod', 'deployment.restart'),
      check('memory is below its limit', (view) => isSettled(view, 'memory-high')),
    ],
  },
  {
    id: 'rollout',
    title: 'Deployment not available',
    steps: [
      onDeployment('describe, history, events', 'deployment.inspect'),
      note(
        'k8s/ is a broken link in the checkout: kubectl apply -f k8s/... fails; the files are in deploy/kubernetes',
      ),
      onDeployment('back to the revision before', 'deployment.rollback'),
      onDeployment('or replace the pods', 'deployment.restart'),
      onDeployment('more replicas through the autoscaler', 'autoscaler.raise'),
      check(
        'every deployment is available',
        (view) =>
          getBoolean(view.data, 'isClusterKnown') === true &&
          view.entities('issue').every((one) => !one.key.startsWith('deployment/')),
      ),
    ],
  },
  {
    id: 'deployment-rollback',
    title: 'Roll a deployment back (releases)',
    steps: [
      note('what runs: the trail of the API’s card has version and commit (/api/health has no version)'),
      note('ls /opt/aragora/releases; ln -sfn releases/vX.Y.Z /opt/aragora/current'),
      restartServer,
      apiAnswers,
    ],
  },
  {
    id: 'security-incident',
    title: 'Security incident',
    steps: [
      note(
        'contain: a firewall rule for the address; rotate-keys, revoke-all-tokens and force-password-reset do not exist, nor does an emergency rate limit',
      ),
      onService('keep the evidence: a checked copy of the users', 'database.backup', 'api', {
        database: 'users.db',
      }),
      note('journalctl -u aragora -o json for the time of it, netstat -tupn; /var/log/aragora is empty'),
      note(
        'one token: POST /api/auth/revoke with it; logout-all ends the caller’s own sessions only. Provider keys: at the provider',
      ),
      note('ARAGORA_JWT_SECRET changed in the environment file and a restart end every session'),
      restartServer,
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

import { getBoolean, getString } from '../../lib/json.ts';
import type { Playbook } from '../system.ts';
import { clearBreaker } from './act-breaker.ts';
import {
  apiAnswers,
  check,
  isSettled,
  noBreaker,
  noPlainKill,
  note,
  noWipe,
  onDeployment,
  onItem,
  onService,
  placebo,
  readLog,
  restartServer,
} from './playbook-steps.ts';

/** The server, what it needs, and where it is deployed. */
export const serverPlaybooks: readonly Playbook[] = [
  {
    id: 'breaker-open',
    title: 'Circuit breaker open',
    steps: [
      note('see the provider’s status page; the log has the failures before it opened'),
      note('it goes half-open after its cooldown and closes with one success; a restart does not clear it'),
      note(
        'POST /api/agents/NAME/reset-circuit and /api/debug/agent-test do not exist; the admin reset resets an empty registry',
      ),
      onItem('an agent the loop leaves out: clear it while the loop is down', clearBreaker),
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
      onService('one of its own that takes no SIGTERM: kill this one pid, then start it', 'api.kill', 'api'),
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
];

import { type Keeper, keeperOf } from '../../domain/keeper.ts';
import { getArray, getString, type JsonObject } from '../../lib/json.ts';
import type { Located, SourceSpec } from '../system.ts';
import { API_PORT, DEFAULT_DURABLE, portOf } from './locate.ts';
import { proposalQueries } from './parse-approvals.ts';
import { databaseQueries } from './parse-database.ts';
import { isSafeDirectory, isSafeName } from './schema.ts';

/** Words of the programs of a checkout: the CLI, the API server and its reloader's child, the webhook server. */
const PROGRAM_WORDS = ['main.py', 'server.py', 'orket.webhook_server', 'orket.interfaces.api'];
const WEBHOOK_PORT = 8080;
/** Runs whose state the API is asked for. */
const MOST_ASKED_RUNS = 5;

/** Workspaces outside `<root>/workspace/` that the run ledger names, from `derive`'s data. */
function outsideWorkspaces(data: JsonObject): readonly string[] {
  const listed = data['workspaces'];
  if (!Array.isArray(listed)) return [];
  return (listed as readonly unknown[])
    .filter((path): path is string => typeof path === 'string')
    .filter(isSafeDirectory);
}

/** Everything read of one installation. */
export function orketSources(located: Located, data: JsonObject): readonly SourceSpec[] {
  const { settings, extra } = located;
  const sources: SourceSpec[] = [
    {
      id: 'orket.log',
      type: 'log',
      parser: 'log',
      glob: settings.log ?? 'workspace/*/orket.log',
      volatile: true,
    },
    // The API process logs here too, and into the workspace as well: the same lines twice.
    { id: 'orket.log.api', type: 'log', parser: 'log', glob: 'orket.log' },
    ...workspaceSources('', 'workspace/*'),
    ...outsideWorkspaces(data).flatMap((path): SourceSpec[] => [
      { id: `orket.log@${path}`, type: 'log', parser: 'log', glob: `${path}/orket.log` },
      ...workspaceSources(`@${path}`, path),
    ]),
    {
      id: 'db',
      type: 'database',
      parser: 'database',
      path: `${String(extra['durable'] ?? DEFAULT_DURABLE)}/db/orket_persistence.db`,
      queries: databaseQueries,
    },
    ...(extra['hasControlPlane'] === true || data['answersGates'] === true
      ? [
          {
            id: 'proposals',
            type: 'database' as const,
            parser: 'proposals',
            path: String(extra['controlPlane'] ?? ''),
            queries: proposalQueries,
          },
        ]
      : []),
    {
      id: 'programs',
      type: 'process',
      parser: 'processes',
      match: {
        words: PROGRAM_WORDS,
        ports: [portOf(located.url, API_PORT), ...webhookPorts(located)],
      },
    },
    {
      id: 'report.failures',
      type: 'document',
      parser: 'failures',
      glob: 'benchmarks/results/failure_modes.json',
      maxBytes: 1_048_576,
    },
    {
      id: 'report.prompts',
      type: 'document',
      parser: 'prompts',
      glob: 'benchmarks/results/prompt_eval_metrics.json',
      maxBytes: 1_048_576,
    },
    { id: 'epics', type: 'document', parser: 'epic', glob: 'model/*/epics/*.json', maxBytes: 1_048_576 },
    { id: 'api.health', type: 'http', parser: 'health', path: '/health', everyMs: 10_000, timeoutMs: 5_000 },
  ];
  const webhookUrl = webhookUrlOf(located);
  if (webhookUrl !== undefined) {
    sources.push({
      id: 'webhook.health',
      type: 'http',
      parser: 'webhook',
      path: `${webhookUrl}/health`,
      everyMs: 15_000,
      timeoutMs: 5_000,
    });
  }
  for (const server of ['api', 'webhook'] as const) {
    const argv = keeperQuestion(located, server);
    if (argv === undefined) continue;
    sources.push({
      id: `${server}.keeper`,
      type: 'probe',
      parser: 'keeper',
      argv,
      everyMs: 10_000,
      timeoutMs: 5_000,
      sideEffects: 'none',
    });
  }
  if (located.url !== undefined && settings.keyEnv !== undefined) {
    const secretHeader = { name: 'X-API-Key', variable: settings.keyEnv };
    const asked = (id: string, parser: string, path: string, everyMs: number) => ({
      id,
      type: 'http' as const,
      parser,
      path,
      everyMs,
      timeoutMs: 5_000,
      secretHeader,
    });
    sources.push(
      asked('api.heartbeat', 'heartbeat', '/v1/system/heartbeat', 15_000),
      // Later versions alone have this address; that it answers is how they are told.
      { ...asked('api.approvals', 'approvals', '/v1/approvals', 30_000), accepts: [404] },
      ...openRuns(data).map((run) =>
        asked(`api.session@${run}`, 'session', `/v1/sessions/${run}/status`, 15_000),
      ),
    );
  }
  return sources;
}

/** The ids of the sources of one sort: those below the root first, then those of workspaces elsewhere. */
export function sourceIdsOf(sort: string, outside: readonly string[]): readonly string[] {
  return [sort, ...outside.map((path) => `${sort}@${path}`)];
}

function workspaceSources(suffix: string, workspace: string): readonly SourceSpec[] {
  return [
    {
      id: `events${suffix}`,
      type: 'log',
      parser: 'events',
      glob: `${workspace}/agent_output/observability/runtime_events.jsonl`,
    },
    { id: `crash${suffix}`, type: 'log', parser: 'crash', glob: `${workspace}/orket_crash.log` },
    {
      id: `turns${suffix}`,
      type: 'tree',
      parser: 'turn',
      glob: `${workspace}/observability/*/*/*`,
      read: ['checkpoint.json', 'tool_result_*.json'],
      maxBytes: 1_048_576,
    },
    {
      id: `violations${suffix}`,
      type: 'document',
      parser: 'violation',
      glob: `${workspace}/agent_output/policy_violation_*.json`,
      maxBytes: 262_144,
    },
    {
      id: `verification${suffix}`,
      type: 'document',
      parser: 'verification',
      glob: `${workspace}/agent_output/verification/runtime_verification.json`,
      maxBytes: 4_194_304,
    },
  ];
}

/** Ids of runs that say they run, from `derive`'s data: those the API is asked about. */
function openRuns(data: JsonObject): readonly string[] {
  return getArray(data, 'openRuns')
    .filter((id): id is string => typeof id === 'string' && isSafeName(id))
    .slice(0, MOST_ASKED_RUNS);
}

/** Its port is everybody's favourite: looked at only where there is such a server. */
function webhookPorts(located: Located): readonly number[] {
  const url = webhookUrlOf(located);
  return url === undefined && located.extra['hasWebhook'] !== true ? [] : [portOf(url, WEBHOOK_PORT)];
}

/** Base URL of the webhook server, where it was given. */
export function webhookUrlOf(located: Located): string | undefined {
  return getString(located.settings, 'webhookUrl')?.replace(/\/+$/, '');
}

/** What starts and stops a server of this installation. */
export function keeperFor(located: Located, server: 'api' | 'webhook'): Keeper {
  const keeper = keeperOf(getString(located.settings, server === 'api' ? 'keeper' : 'webhookKeeper'));
  // The schema takes no wrong one.
  return keeper === 'wrong' ? { by: 'process' } : keeper;
}

/** The command that tells how the keeper sees the server; undefined where it is a process of its own. */
function keeperQuestion(located: Located, server: 'api' | 'webhook'): readonly string[] | undefined {
  const keeper = keeperFor(located, server);
  if (keeper.by === 'process') return undefined;
  if (keeper.by === 'docker') {
    const docker = getString(located.extra, 'docker');
    const format = '--format={{.State.Status}} {{.State.Pid}} {{.State.StartedAt}}';
    return docker === undefined ? undefined : [docker, 'inspect', '--type=container', format, keeper.name];
  }
  const systemctl = getString(located.extra, 'systemctl');
  if (systemctl === undefined) return undefined;
  const user = keeper.by === 'systemd-user' ? ['--user'] : [];
  const properties = '--property=ActiveState,MainPID,ActiveEnterTimestamp';
  return [systemctl, ...user, 'show', '--timestamp=unix', properties, '--', keeper.name];
}

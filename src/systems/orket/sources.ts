import { UserError } from '../../domain/error.ts';
import { type Keeper, keeperOf } from '../../domain/keeper.ts';
import { getArray, getString, type JsonObject } from '../../lib/json.ts';
import type { CommonSettings, Located, Look, Recognition, SourceSpec } from '../system.ts';
import { proposalQueries } from './parse-approvals.ts';
import { databaseQueries } from './parse-database.ts';
import { isSafeDirectory, isSafeName } from './schema.ts';

const DEFAULT_DURABLE = '.orket/durable';
const DEFAULT_SILENCE_SECONDS = 300;
/** Words of the programs of a checkout: the CLI, the API server and its reloader's child, the webhook server. */
const PROGRAM_WORDS = ['main.py', 'server.py', 'orket.webhook_server', 'orket.interfaces.api'];
const API_PORT = 8082;
const WEBHOOK_PORT = 8080;
/** Scripts of the checkout that acts start; those that are not there are not offered. */
const SCRIPTS = [
  'scripts/report_failure_modes.py',
  'scripts/prompt_lab/eval_harness.py',
  'scripts/release_smoke.py',
  'scripts/security_canary.py',
  'scripts/check_volatility_boundaries.py',
  'scripts/real_service_stress.py',
  'scripts/run_migrations.py',
  'tests/integration/test_golden_flow.py',
  'tests/test_golden_flow.py',
] as const;
/** Runs whose state the API is asked for. */
const MOST_ASKED_RUNS = 5;
const KEPT_KNOBS = [
  'ORKET_ARCHITECTURE_MODE',
  'ORKET_FRONTEND_FRAMEWORK_MODE',
  'ORKET_IDESIGN_MODE',
] as const;

/** Tells an Orket checkout, or what is left of one, by the names in it. */
export function recogniseOrket(look: Look): Recognition | undefined {
  if (look.exists('orket/logging.py') && look.exists('main.py')) {
    return { confidence: 0.95, because: 'orket/logging.py and main.py' };
  }
  if (look.exists(`${DEFAULT_DURABLE}/db/orket_persistence.db`)) {
    return { confidence: 0.9, because: `${DEFAULT_DURABLE}/db/orket_persistence.db` };
  }
  if (look.exists('workspace/default/orket.log')) {
    return { confidence: 0.8, because: 'workspace/default/orket.log' };
  }
  return undefined;
}

/** Makes paths and programs of the checkout definite. */
export function locateOrket(
  dir: string,
  look: Look,
  system: Located['system'],
  settings: CommonSettings,
): Located {
  const known = ['main.py', 'orket', 'workspace', '.orket', 'orket.log'].filter((name) => look.exists(name));
  if (known.length === 0) {
    throw new UserError(`${dir} is no Orket checkout: it has no main.py, orket/, workspace/ or .orket/`, [
      'name the directory that holds main.py: -s orket=DIR',
    ]);
  }
  const env = envFileOf(look, settings.envFile ?? '.env');
  const durable =
    getString(settings, 'durable') ??
    env['ORKET_DURABLE_ROOT'] ??
    look.env('ORKET_DURABLE_ROOT') ??
    DEFAULT_DURABLE;
  const controlPlane =
    env['ORKET_OUTWARD_PIPELINE_DB_PATH'] ??
    look.env('ORKET_OUTWARD_PIPELINE_DB_PATH') ??
    `${durable.replace(/\/+$/, '')}/db/control_plane_records.sqlite3`;
  const seconds = Number(getString(settings, 'stalledAfter') ?? DEFAULT_SILENCE_SECONDS);
  const verifySeconds = Number(env['ORKET_VERIFY_TIMEOUT_SEC'] ?? Number.NaN);
  const ownPython = `${dir}/.venv/bin/python`;
  const python =
    settings.python === undefined
      ? look.exists(ownPython)
        ? ownPython
        : look.which('python3')
      : absolutePath(dir, settings.python, look);
  const extra: { [key: string]: JsonObject[string] } = {
    durable: durable.replace(/\/+$/, ''),
    controlPlane,
    // Versions before the outward pipeline have no such file.
    hasControlPlane: look.exists(controlPlane),
    stalledAfterMs: seconds > 0 && seconds < 100_000 ? seconds * 1000 : DEFAULT_SILENCE_SECONDS * 1000,
    hasMain: look.exists('main.py'),
    hasServer: look.exists('server.py'),
    hasWebhook: look.exists('orket/webhook_server.py'),
    hasWorkspace: look.exists('workspace/default'),
    scripts: SCRIPTS.filter((script) => look.exists(script)),
    apiPort: Number(env['ORKET_PORT'] ?? portOf(settings.url, API_PORT)) || API_PORT,
    knobs: KEPT_KNOBS.flatMap((name) => {
      const value = env[name] ?? look.env(name);
      return value === undefined || !/^[a-z_]{1,40}$/.test(value) ? [] : [`${name}=${value}`];
    }),
  };
  if (verifySeconds > 0) extra['verifyTimeoutMs'] = verifySeconds * 1000;
  const rateLimit = Number(env['ORKET_RATE_LIMIT'] ?? Number.NaN);
  if (rateLimit > 0) extra['rateLimit'] = rateLimit;
  for (const program of ['systemctl', 'docker']) {
    const path = look.which(program);
    if (path !== undefined) extra[program] = path;
  }
  return {
    system,
    kind: 'orket',
    root: dir,
    ...(settings.url === undefined ? {} : { url: settings.url.replace(/\/+$/, '') }),
    timezone: settings.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...(python === undefined ? {} : { python }),
    settings,
    extra,
  };
}

/** A name is looked up on PATH, a path is taken from the root. */
function absolutePath(dir: string, program: string, look: Look): string | undefined {
  if (program.startsWith('/')) return program;
  return program.includes('/') ? `${dir}/${program.replace(/^\.\//, '')}` : look.which(program);
}

function envFileOf(look: Look, path: string): { readonly [name: string]: string } {
  const found: { [name: string]: string } = {};
  for (const line of (look.text(path) ?? '').split('\n')) {
    const match = /^\s*(?:export\s+)?(ORKET_[A-Z_]{1,60})\s*=\s*(.*?)\s*$/.exec(line);
    if (match?.[1] && match[2] !== undefined) found[match[1]] = match[2].replace(/^(["'])(.*)\1$/, '$2');
  }
  return found;
}

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

function portOf(url: string | undefined, usual: number): number {
  const port = /^https?:\/\/[^/]*:(\d{1,5})(?:\/|$)/.exec(url ?? '')?.[1];
  return port === undefined ? usual : Number(port);
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

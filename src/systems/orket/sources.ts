import { UserError } from '../../domain/error.ts';
import { getString, type JsonObject } from '../../lib/json.ts';
import type { CommonSettings, Located, Look, Recognition, SourceSpec } from '../system.ts';
import { databaseQueries } from './parse-database.ts';
import { isSafeDirectory } from './schema.ts';

const DEFAULT_DURABLE = '.orket/durable';
const DEFAULT_SILENCE_SECONDS = 300;
/** Words of the programs of a checkout: the CLI, the API server and its reloader's child, the webhook server. */
const PROGRAM_WORDS = ['main.py', 'server.py', 'orket.webhook_server', 'orket.interfaces.api'];
const API_PORT = 8082;

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
    stalledAfterMs: seconds > 0 && seconds < 100_000 ? seconds * 1000 : DEFAULT_SILENCE_SECONDS * 1000,
    hasMain: look.exists('main.py'),
  };
  if (verifySeconds > 0) extra['verifyTimeoutMs'] = verifySeconds * 1000;
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
    {
      id: 'programs',
      type: 'process',
      parser: 'processes',
      match: { words: PROGRAM_WORDS, ports: [portOf(located.url)] },
    },
    { id: 'api.health', type: 'http', parser: 'health', path: '/health', everyMs: 10_000, timeoutMs: 5_000 },
  ];
  if (located.url !== undefined && settings.keyEnv !== undefined) {
    sources.push({
      id: 'api.heartbeat',
      type: 'http',
      parser: 'heartbeat',
      path: '/v1/system/heartbeat',
      everyMs: 15_000,
      timeoutMs: 5_000,
      secretHeader: { name: 'X-API-Key', variable: settings.keyEnv },
    });
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

function portOf(url: string | undefined): number {
  const port = /^https?:\/\/[^/]*:(\d{1,5})(?:\/|$)/.exec(url ?? '')?.[1];
  return port === undefined ? API_PORT : Number(port);
}

import { UserError } from '../../domain/error.ts';
import { getString, type JsonObject } from '../../lib/json.ts';
import type { CommonSettings, Located, Look, Recognition } from '../system.ts';

/** Where its state lies unless it is told otherwise. */
export const DEFAULT_DURABLE = '.orket/durable';
const DEFAULT_SILENCE_SECONDS = 300;
/** Port of its API unless it is told otherwise. */
export const API_PORT = 8082;
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

/** The port an address names, else the usual one. */
export function portOf(url: string | undefined, usual: number): number {
  const port = /^https?:\/\/[^/]*:(\d{1,5})(?:\/|$)/.exec(url ?? '')?.[1];
  return port === undefined ? usual : Number(port);
}

import type { SystemId } from '../../domain/entity.ts';
import { UserError } from '../../domain/error.ts';
import type { Json } from '../../lib/json.ts';
import type { CommonSettings, Located, Look, Recognition } from '../system.ts';
import { clusterOf, managerOf, providerKeys, wordsOf } from './manager.ts';

/** Names only this project has, the loop's own files first. */
const MARKS = [
  '.nomic/nomic_loop.log',
  '.nomic/nomic_state.json',
  '.nomic/cycles.db',
  'scripts/nomic_loop.py',
  'scripts/run_nomic_with_stream.py',
  'aragora/server/unified_server.py',
];

/** Programs that run cycles. */
const LOOP_SCRIPTS = ['scripts/run_nomic_with_stream.py', 'scripts/nomic_loop.py'];

/** Tells a checkout of Aragora, or a directory with the files of its loop, by names. */
export function recogniseAragora(look: Look): Recognition | undefined {
  const found = MARKS.filter((mark) => look.exists(mark));
  const [first] = found;
  if (first === undefined) return undefined;
  return { confidence: found.length > 1 ? 0.95 : 0.7, because: first };
}

/** The checkout an operator named (or whose `.nomic` they named), with every path made definite. */
export function locateAragora(dir: string, look: Look, system: SystemId, settings: CommonSettings): Located {
  const named = dir.length > 1 ? dir.replace(/\/+$/, '') : dir;
  if (!look.exists(named)) {
    throw new UserError(`${dir} does not exist`, ['name the checkout: -s aragora=DIR']);
  }
  const root = named.endsWith('/.nomic') ? named.slice(0, -'/.nomic'.length) || '/' : named;
  const own = settings as { readonly [name: string]: Json | undefined };
  const python =
    settings.python ??
    [`${root}/.venv/bin/python`, `${root}/venv/bin/python`].find((path) => look.exists(path)) ??
    look.which('python3');
  const extra: Record<string, Json> = {
    nomic: textOf(own['nomic'])?.replace(/\/+$/, '') ?? '.nomic',
    server: textOf(own['server']) ?? 'unified',
    stream: wordsOf(textOf(own['stream']) ?? ''),
    manager: managerOf(textOf(own['run']), look, python),
    hasLoopProgram: look.exists(`${root}/scripts/nomic_loop.py`),
    hasConstitutionProgram: look.exists(`${root}/scripts/sign_constitution.py`),
    keys: providerKeys(look, settings.envFile),
  };
  const cluster = clusterOf(textOf(own['cluster']), look);
  if (cluster !== undefined) extra['cluster'] = cluster;
  const git = look.which('git');
  if (git !== undefined) extra['git'] = git;
  const script = LOOP_SCRIPTS.find((path) => look.exists(`${root}/${path}`));
  if (script !== undefined) extra['loopScript'] = script;
  const total = numberOf(own['total']);
  if (total !== undefined) extra['totalS'] = total;
  const cost = numberOf(own['maxCost']);
  if (cost !== undefined) extra['maxCostUsd'] = cost;
  return {
    system,
    kind: 'aragora',
    root,
    timezone: settings.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    settings,
    extra,
    ...(settings.url ? { url: settings.url.replace(/\/+$/, '') } : {}),
    ...(python ? { python } : {}),
  };
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

function numberOf(value: Json | undefined): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number > 0 ? number : undefined;
}

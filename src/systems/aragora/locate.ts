import type { SystemId } from '../../domain/entity.ts';
import { UserError } from '../../domain/error.ts';
import type { Json } from '../../lib/json.ts';
import type { CommonSettings, Located, Look, Recognition, SourceSpec } from '../system.ts';
import { cycleQueries, outcomeQueries } from './parse-database.ts';
import { placeOf } from './schema.ts';

/** Everything that can be asked of a server: an item that tells that it gives no answer tells it of all these. */
export const API_SOURCES: readonly string[] = [
  'api.healthz',
  'api.health',
  'api.readyz',
  'api.status',
  'api.breakers',
  'api.nomic',
];

/** Names only this project has, the loop's own files first. */
const MARKS = [
  '.nomic/nomic_loop.log',
  '.nomic/nomic_state.json',
  '.nomic/cycles.db',
  'scripts/nomic_loop.py',
  'scripts/run_nomic_with_stream.py',
  'aragora/server/unified_server.py',
];

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
  };
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

/** Words of a command: parted by blanks, kept together by quotes. Nothing else means anything here. */
export function wordsOf(command: string): readonly string[] {
  const words = command.match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? [];
  return words.map((word) => (/^(['"]).*\1$/s.test(word) ? word.slice(1, -1) : word));
}

/** Programs of this project by what occurs in their arguments. */
const PROGRAMS = ['nomic_loop.py', 'run_nomic_with_stream.py', 'aragora.server', 'aragora'];

/**
 * Everything this kind reads. Of the HTTP paths only those that need no role are asked: admin endpoints allow ten
 * requests a minute and lock out whoever polls them. The loop's debate checkpoints (`cp-*.json.gz`) are known by name.
 */
export function aragoraSources(located: Located): readonly SourceSpec[] {
  const place = placeOf(located);
  const { nomic } = place;
  const document = (id: string, glob: string, parser: string): SourceSpec => ({
    id,
    type: 'document',
    glob,
    parser,
  });
  const log = (id: string, glob: string, parser: string): SourceSpec => ({ id, type: 'log', glob, parser });
  return [
    log('nomic.log', `${nomic}/nomic_loop.log`, 'loop-log'),
    log('nomic.crash', `${nomic}/nomic_crash.log`, 'crash-log'),
    log('risks', `${nomic}/risk_register.jsonl`, 'risks'),
    document('nomic.state', `${nomic}/nomic_state.json`, 'loop-state'),
    document('nomic.breakers', `${nomic}/circuit_breaker.json`, 'loop-breakers'),
    document('nomic.implement', `${nomic}/implement_progress.json`, 'implement'),
    document('approvals', '.approvals/*.json', 'approval'),
    document('rollback', '.rollback/*.json', 'rollback'),
    { id: 'backups', type: 'tree', glob: `${nomic}/backups/*`, read: ['manifest.json'], parser: 'backup' },
    {
      id: 'checkpoints',
      type: 'tree',
      glob: `${nomic}/checkpoints`,
      read: ['checkpoint_*.json'],
      parser: 'checkpoints',
    },
    {
      id: 'nomic.cycles',
      type: 'database',
      path: `${nomic}/cycles.db`,
      queries: cycleQueries,
      parser: 'cycles',
    },
    {
      id: 'nomic.outcomes',
      type: 'database',
      path: `${nomic}/outcomes.db`,
      queries: outcomeQueries,
      parser: 'outcomes',
    },
    ...(located.settings.log ? [log('server.log', located.settings.log, 'server-log')] : []),
    ...(place.stream.length > 0
      ? [
          {
            id: 'server.stream',
            type: 'stream',
            argv: place.stream,
            cwd: located.root,
            parser: 'server-log',
          } as const,
        ]
      : []),
    { id: 'processes', type: 'process', parser: 'processes', match: { words: PROGRAMS } },
    ...(located.url ? httpSources(located) : []),
  ];
}

/**
 * Requests a minute to the server, all paths and all cockpits of this host together: the budget is counted by host.
 * Twice what one cockpit asks; the loop's own server allows 30 on its nomic paths.
 */
const UNIFIED_PER_MINUTE = 40;
const NOMIC_PER_MINUTE = 20;

/** Public paths, asked far below the server's own limits. */
function httpSources(located: Located): readonly SourceSpec[] {
  const variable = located.settings.keyEnv;
  const key = variable
    ? { secretHeader: { name: 'authorization', variable, prefix: 'Bearer ' } as const }
    : {};
  const isNomic = placeOf(located).server === 'nomic';
  const http = (
    id: string,
    path: string,
    everyMs: number,
    parser: string,
    header: typeof key = {},
  ): SourceSpec => ({
    id,
    type: 'http',
    path,
    everyMs,
    timeoutMs: 4_000,
    perMinute: isNomic ? NOMIC_PER_MINUTE : UNIFIED_PER_MINUTE,
    parser,
    ...header,
  });
  if (isNomic) {
    return [
      http('api.health', '/api/health', 10_000, 'health-answer'),
      http('api.nomic', '/api/nomic/state', 15_000, 'nomic-answer'),
    ];
  }
  return [
    http('api.healthz', '/healthz', 10_000, 'health-answer'),
    http('api.health', '/api/health', 30_000, 'health-answer'),
    http('api.readyz', '/readyz', 20_000, 'ready-answer'),
    http('api.status', '/api/v1/status', 30_000, 'status-answer', key),
    http('api.breakers', '/api/circuit-breakers', 15_000, 'breakers-answer', key),
  ];
}

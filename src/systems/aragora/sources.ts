import type { Located, SourceSpec } from '../system.ts';
import { cycleQueries, outcomeQueries } from './parse-database.ts';
import { type Place, placeOf } from './schema.ts';

/** Everything that can be asked of a server: an item that tells that it gives no answer tells it of all these. */
export const API_SOURCES: readonly string[] = [
  'api.healthz',
  'api.health',
  'api.readyz',
  'api.status',
  'api.breakers',
  'api.nomic',
  'api.build',
  'api.limits',
  'api.debates',
  'api.metrics',
  'api.approvals',
];

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
    log('git.head', '.git/logs/HEAD', 'reflog'),
    log('git.stash', '.git/logs/refs/stash', 'reflog'),
    document('rollback', '.rollback/*.json', 'rollback'),
    { id: 'backups.files', type: 'tree', glob: `${nomic}/backups`, read: [], parser: 'backup-files' },
    { id: 'replays', type: 'tree', glob: `${nomic}/replays/*`, read: ['meta.json'], parser: 'replay' },
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
    ...managerSources(place),
    ...(located.url ? httpSources(located) : []),
  ];
}

const UNIT_FIELDS =
  'ActiveState,SubState,Result,MainPID,NRestarts,ActiveEnterTimestampMonotonic,ActiveEnterTimestamp';

/** What runs the server says of it; asked with programs that change nothing. */
function managerSources({ manager, cluster }: Place): readonly SourceSpec[] {
  const sources: SourceSpec[] = [];
  const nothing = 'nothing';
  if (manager.tool === 'systemctl') {
    // Reading a unit needs no rights: what stands before systemctl is for starting and stopping.
    const argv = [
      ...manager.argv.slice(-1),
      'show',
      `--property=${UNIT_FIELDS}`,
      '--timestamp=unix',
      '--',
      manager.unit,
    ];
    sources.push({ id: 'unit', type: 'probe', argv, everyMs: 5_000, sideEffects: nothing, parser: 'unit' });
  }
  if (manager.tool === 'docker') {
    const argv = [...manager.argv, 'inspect', '--type=container', '--', manager.unit];
    sources.push({
      id: 'container',
      type: 'probe',
      argv,
      everyMs: 5_000,
      sideEffects: nothing,
      parser: 'container',
    });
  }
  if (cluster) {
    const kinds = 'deployments,horizontalpodautoscalers,pods';
    const argv = [
      ...cluster.argv,
      `--namespace=${cluster.namespace}`,
      'get',
      kinds,
      '--output=json',
      '--request-timeout=8s',
    ];
    sources.push({
      id: 'cluster',
      type: 'probe',
      argv,
      everyMs: 10_000,
      sideEffects: nothing,
      parser: 'cluster',
    });
  }
  return sources;
}

/**
 * Requests a minute to the server, all paths and all cockpits of this host together: the budget is counted by host.
 * Twice what one cockpit asks; the loop's own server allows 30 on its nomic paths.
 */
const UNIFIED_PER_MINUTE = 52;
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
    http('api.build', '/api/v1/health/build', 120_000, 'build-answer'),
    http('api.limits', '/api/auth/stats', 60_000, 'limits-answer', key),
    http('api.debates', '/api/debates?limit=20', 30_000, 'debates-answer', key),
    http('api.metrics', '/metrics', 30_000, 'metrics', key),
    // It wants the permission approval:read: without a key every question would be a refusal in its log.
    ...(variable ? [http('api.approvals', '/api/v1/approvals', 20_000, 'inbox-answer', key)] : []),
  ];
}

import { getArray, getString, type JsonObject } from '../../lib/json.ts';
import type { Located, SourceSpec } from '../system.ts';
import { databaseQueries } from './parse-database.ts';
import { isSafeJobId, type Place, placeOf, type RunRole, runSourceIdOf, sourceIdOf } from './schema.ts';

/** Which sources of a run directory are read for a job. */
export type Watched = { readonly job: string; readonly roles: readonly RunRole[] };

/**
 * Everything read of one installation. The run directories (`<slug>_<job_id>/`) of jobs that matter now are named by
 * `data.watched`: a BASE_PATH keeps one for every job there ever was, too many to look at.
 */
export function openclawSources(located: Located, data: JsonObject): readonly SourceSpec[] {
  const place = placeOf(located);
  const specs: SourceSpec[] = place.projects.flatMap((project) => projectSources(project, place));
  if (place.branchQueue) {
    const queue = '_orchestrator_queue';
    specs.push(
      { id: 'branch.jobs', type: 'document', parser: 'queueJob', glob: `${queue}/jobs/*.json` },
      { id: 'branch.audit', type: 'log', parser: 'auditLog', glob: `${queue}/audit/audit_events.jsonl` },
      {
        id: 'branch.chains',
        type: 'log',
        parser: 'auditLog',
        glob: '*/.orchestrator/state/audit_chain_*.jsonl',
      },
    );
  }
  for (const watched of getArray(data, 'watched')) {
    const job = getString(watched, 'job');
    if (job === undefined || !isSafeJobId(job)) continue;
    for (const role of getArray(watched, 'roles')) specs.push(...runSource(job, role as RunRole));
  }
  specs.push({
    id: 'processes',
    type: 'process',
    parser: 'processes',
    match: { words: ['scripts/worker.py', 'worker.py', 'runner.py'] },
  });
  return specs;
}

function projectSources(project: string, place: Place): readonly SourceSpec[] {
  const home = `${project}/.orchestrator`;
  const id = (role: Parameters<typeof sourceIdOf>[0]): string => sourceIdOf(role, project, place);
  return [
    {
      id: id('orchestrator.db'),
      type: 'database',
      parser: 'database',
      path: `${home}/state/orchestrator.db`,
      queries: databaseQueries,
    },
    { id: id('signals'), type: 'document', parser: 'signals', glob: `${home}/state/temporal_signals.json` },
    {
      id: id('scheduler'),
      type: 'log',
      parser: 'scheduler',
      glob: `${home}/state/scheduler_exceptions.jsonl`,
    },
    {
      id: id('queue-log'),
      type: 'log',
      parser: 'orchestratorLog',
      glob: `${home}/logs/orchestrator_log.json`,
    },
    {
      id: id('canary'),
      type: 'document',
      parser: 'canary',
      glob: `${home}/runs/canary_rollout.json`,
    },
    // No version on disk writes these two; where somebody has one, it is read.
    ...(place.auditLog
      ? (
          [
            ['audit', 'audit'],
            ['queue.audit', 'queue/audit'],
          ] as const
        ).map(([role, dir]) => ({
          id: id(role),
          type: 'log' as const,
          parser: 'auditLog',
          glob: `${home}/${dir}/audit_events.jsonl`,
        }))
      : []),
    { id: id('queue.jobs'), type: 'document', parser: 'queueJob', glob: `${home}/queue/jobs/*.json` },
    // Only the older generation writes events beside its job files.
    ...(place.fileQueue
      ? [
          {
            id: id('queue.events'),
            type: 'log' as const,
            parser: 'queueEvents',
            glob: `${home}/queue/jobs/*.events.jsonl`,
          },
        ]
      : []),
  ];
}

function runSource(job: string, role: RunRole): readonly SourceSpec[] {
  const home = `*_${job}/.orchestrator`;
  const id = runSourceIdOf(role, job);
  switch (role) {
    case 'plan':
      return [{ id, type: 'document', parser: 'plan', glob: `${home}/state/audit_*.json` }];
    case 'question':
      return [{ id, type: 'document', parser: 'question', glob: `${home}/state/waiting_*.json` }];
    case 'tasks':
      return [{ id, type: 'document', parser: 'taskState', glob: `${home}/state/*/m4_state.json` }];
    case 'task-events':
      return [{ id, type: 'log', parser: 'taskEvents', glob: `${home}/state/*/m4_events.jsonl` }];
    case 'run-log':
      return [{ id, type: 'log', parser: 'orchestratorLog', glob: `${home}/logs/orchestrator_log.json` }];
    case 'artifacts':
      // A directory per task, named by its id.
      return [{ id, type: 'tree', parser: 'artifacts', glob: `*_${job}/artifacts/*`, read: [] }];
    default:
      return [];
  }
}

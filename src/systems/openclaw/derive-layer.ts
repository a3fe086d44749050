import type { Evidence, Issue, Layer, Service, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { ProcessTable } from '../../domain/process.ts';
import type { JsonObject } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { JudgedJob } from './derive-job.ts';
import type { Queue } from './derive-queue.ts';
import type { Condition } from './judge.ts';
import { clockText } from './words.ts';

/** The five stages a job passes, each with its state in a few words. */
export function layersOf(
  system: SystemId,
  queue: Queue,
  judged: readonly JudgedJob[],
  issues: readonly Issue[],
  many: boolean,
  readAt: Instant,
): readonly Layer[] {
  const count = (...conditions: Condition[]): number =>
    judged.filter((one) => conditions.includes(one.judgement.condition)).length;
  const live = (...conditions: Condition[]): number =>
    judged.filter((one) => conditions.includes(one.judgement.condition) && !one.judgement.superseded).length;
  const has = (prefix: string, severity?: Issue['severity']): boolean =>
    issues.some(
      (issue) => issue.key.startsWith(prefix) && (severity === undefined || issue.severity === severity),
    );
  const isKnown = queue.file !== undefined || queue.jobs.length > 0 || queue.generation === 'branch';
  const evidence: Evidence = {
    source: queue.source,
    ...(queue.file === undefined ? {} : { path: queue.file.path }),
  };
  const layer = (
    order: number,
    name: string,
    playbook: string | undefined,
    status: Layer['status'],
    summary: string,
  ): Layer => ({
    type: 'layer',
    system,
    id: many ? `${queue.project}/${name}` : name,
    title: name,
    observedAt: queue.file?.readAt ?? readAt,
    evidence,
    order,
    name: many ? `${queue.project} ${name}` : name,
    status: isKnown ? status : 'unknown',
    summary: isKnown ? summary : 'no queue read yet',
    ...(playbook === undefined ? {} : { playbook }),
  });
  const older = queue.generation !== 'database';
  const planning = judged.filter(
    (one) => one.job.status === 'planning' && one.judgement.condition === 'running',
  ).length;
  const running = count('running') - planning;
  const waiting = count('claimable', 'leased');
  const stalled = count('silent-dead');
  const orphans = count('silent-alive', 'orphaned', 'overtaken');
  const failedPlans = live('no-plan');
  const reviews = count('review');
  const asking = count('question', 'no-signal');
  const fake = live('fake-success');
  const failed = live('failed');
  const deadEnds = live('dead-end');
  const poison = has('poison:');
  const broken = has('scheduler:', 'error');
  return [
    layer(
      1,
      'queue',
      undefined,
      has('no-worker:') ? 'failed' : has('lost:') ? 'attention' : 'ok',
      words(
        [waiting, 'waiting'],
        [has('no-worker:') ? 1 : 0, 'nobody claims'],
        [queue.strays.length, 'lost'],
      ) || 'empty',
    ),
    layer(
      2,
      'plan',
      undefined,
      failedPlans > 0 ? 'failed' : 'ok',
      words([planning, 'planning'], [failedPlans, 'without a plan']) || 'idle',
    ),
    layer(
      3,
      'audit',
      undefined,
      reviews + deadEnds > 0 ? 'attention' : 'ok',
      words([reviews, 'to review'], [deadEnds, 'dead end']) || 'none',
    ),
    layer(
      4,
      'run',
      undefined,
      stalled + orphans + failed > 0 ? 'failed' : asking + fake > 0 ? 'attention' : 'ok',
      words(
        [running, 'running'],
        [asking, 'asking'],
        [stalled, 'stalled'],
        [orphans, 'orphan'],
        [failed, 'failed'],
        [fake, 'fake ok'],
      ) || 'idle',
    ),
    layer(
      5,
      'signals',
      older ? undefined : 'control',
      poison || broken
        ? 'failed'
        : issues.some((issue) => issue.key.startsWith('undrained:') && issue.attention)
          ? 'attention'
          : 'ok',
      words([queue.signals.length, 'pending'], [poison ? 1 : 0, 'poison'], [broken ? 1 : 0, 'loop broken']) ||
        'drained',
    ),
  ];
}

/** `2 waiting, 1 lost`; parts of zero are left out, and a flag of one is said without its number. */
function words(...parts: readonly (readonly [count: number, word: string])[]): string {
  return parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => (FLAGS.has(word) ? word : `${count} ${word}`))
    .join(', ');
}

const FLAGS = new Set(['nobody claims', 'poison', 'loop broken']);

/** The worker of a queue, by the process table and by the beats of its jobs. */
export function workerService(
  system: SystemId,
  queue: Queue,
  judged: readonly JudgedJob[],
  processes: ProcessTable,
  { many, tableRead }: { readonly many: boolean; readonly tableRead: boolean },
  now: Instant,
): Service {
  const beating = judged.find(({ judgement }) => judgement.condition === 'running');
  const own = queue.workers.filter((worker) => worker.mine === 'yes');
  const maybe = queue.workers.filter((worker) => worker.mine === 'maybe');
  const first = own[0] ?? maybe[0];
  const pids = (own.length > 0 ? own : maybe).map(({ process }) => process.pid).sort((a, b) => a - b);
  const [status, detail] = ((): readonly [Service['status'], string] => {
    if (own.length > 1) return ['up', `${counted(own.length, 'worker')}: pids ${pids.join(', ')}`];
    if (own.length === 1)
      return ['up', `pid ${pids[0]} since ${clockText(own[0]?.process.startedAt ?? null, now)}`];
    if (beating) return ['up', `${beating.job.worker ?? 'a worker'} beats; its process is not on this host`];
    if (maybe.length > 0)
      return ['unknown', `worker.py runs (pid ${pids.join(', ')}), of which installation can't be told`];
    return ['down', `no worker.py on this host; last claim ${clockText(queue.lastClaim, now)}`];
  })();
  return {
    type: 'service',
    system,
    id: many ? `worker@${queue.project}` : 'worker',
    title: many ? `worker of ${queue.project}` : 'worker',
    observedAt: processes.readAt,
    evidence: {
      source: 'processes',
      ...(first === undefined ? {} : { pid: first.process.pid, text: first.process.argv.join(' ') }),
    },
    status,
    detail,
    ...(queue.generation === 'database' ? { playbook: 'stop-all' } : {}),
    data: {
      project: queue.project,
      generation: queue.generation,
      // Before its first reading the table is empty, which proves nobody's end.
      tableRead,
      workers: own.map(({ process }) => ({ pid: process.pid, startedAt: process.startedAt })),
      lastClaim: queue.lastClaim,
      lastDrain: queue.lastDrain,
      lastRecovery: queue.lastRecovery,
      ...toDo(queue, judged, now),
    },
  };
}

/** What a pass would find: jobs to claim or to take back, commands to apply, and runners it would double. */
function toDo(queue: Queue, judged: readonly JudgedJob[], now: Instant): JsonObject {
  const idsOf = (...conditions: readonly Condition[]): readonly string[] =>
    judged
      .filter(({ judgement }) => conditions.includes(judgement.condition))
      .slice(0, 20)
      .map(({ job }) => job.id);
  const stale = judged.filter(
    ({ job, judgement }) => judgement.condition === 'silent-dead' && (job.lease === null || job.lease <= now),
  );
  return {
    claimable: idsOf('claimable'),
    stale: stale.slice(0, 20).map(({ job }) => job.id),
    running: idsOf('running'),
    orphans: idsOf('orphaned', 'silent-alive', 'overtaken'),
    commands: queue.signals.length,
  };
}

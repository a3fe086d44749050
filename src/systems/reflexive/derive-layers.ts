import type { Approval, Entity, Issue, Job, Layer } from '../../domain/entity.ts';
import { type Cost, usd } from './derive-cost.ts';
import { currentLifetime, evidence, isAlive, type Picture, timeWord } from './derive-picture.ts';
import type { RoadmapFact } from './facts.ts';
import { findFact } from './find-facts.ts';

type Part = Pick<Layer, 'name' | 'status' | 'summary' | 'evidence'>;

/** The stages an issue goes through here, in order, each with what stands in its way. */
export function deriveLayers(picture: Picture, cost: Cost | undefined, entities: readonly Entity[]): Layer[] {
  const issues = new Map<string, Issue>();
  const jobs: Job[] = [];
  const approvals: Approval[] = [];
  for (const entity of entities) {
    if (entity.type === 'issue') issues.set(entity.id, entity);
    else if (entity.type === 'job') jobs.push(entity);
    else if (entity.type === 'approval') approvals.push(entity);
  }
  const parts: Part[] = [
    loopLayer(picture, issues),
    githubLayer(picture, issues),
    agentsLayer(picture, issues),
    processingLayer(picture, issues, jobs),
    costLayer(picture, cost, issues),
    safetyLayer(approvals, issues),
    roadmapLayer(picture, issues),
  ];
  return parts.map((part, index) => ({
    type: 'layer',
    system: picture.context.located.system,
    id: part.name,
    title: part.name,
    order: index + 1,
    observedAt: picture.observedAt,
    ...part,
  }));
}

function loopLayer(picture: Picture, issues: ReadonlyMap<string, Issue>): Part {
  const { daemon, now } = picture;
  const lifetime = currentLifetime(picture);
  const place = lifetime?.fact
    ? evidence(lifetime.fact, { offset: lifetime.fact.value.offset, at: lifetime.fact.value.at })
    : { source: 'daemon' };
  const end = lifetime?.end?.at === undefined ? '' : ` ${timeWord(lifetime.end.at, now)}`;
  const part = (status: Layer['status'], summary: string): Part => ({
    name: 'loop',
    status,
    summary,
    evidence: place,
  });
  const failing = issues.get('main-loop') ?? issues.get('work-loop');
  switch (daemon.state) {
    case 'never':
      return part(
        issues.has('config-invalid') ? 'failed' : 'unknown',
        issues.has('config-invalid') ? 'config refused' : 'never started',
      );
    case 'hidden':
      return part('unknown', 'pid hidden');
    case 'suspended':
      return part('failed', 'suspended');
    case 'stopped':
      return part('attention', `stopped${end}`);
    case 'down':
      return part('failed', issues.has('config-invalid') ? 'down, config refused' : `down${end}`);
    case 'up':
      if (failing) return part(failing.severity === 'fatal' ? 'failed' : 'attention', 'passes fail');
      if (issues.has('two-daemons')) return part('failed', `${daemon.processes.length} daemons`);
      if (lifetime?.fact?.value.mode === 'manual') return part('attention', 'manual: polls nothing');
      return part('ok', lifetime === undefined ? 'up' : `up since ${timeWord(lifetime.startedAt, now)}`);
  }
}

function githubLayer(picture: Picture, issues: ReadonlyMap<string, Issue>): Part {
  const failing = issues.get('github-check');
  const limit = issues.get('github-limit');
  const first = failing ?? limit;
  if (!first) {
    return {
      name: 'github',
      status: isAlive(picture) ? 'ok' : 'unknown',
      summary: isAlive(picture) ? 'no errors' : 'not asked',
      evidence: { source: 'orchestrator.log' },
    };
  }
  const failed = first.severity !== 'warning';
  return {
    name: 'github',
    status: failed ? 'failed' : 'attention',
    summary: failing ? 'asking fails' : failed ? 'limit used up' : 'limit low',
    evidence: first.evidence,
  };
}

function agentsLayer(picture: Picture, issues: ReadonlyMap<string, Issue>): Part {
  const coder = issues.get('coder');
  const refused = issues.get('cost-refused');
  const first = refused ?? coder;
  return {
    name: 'agents',
    status: first ? 'failed' : isAlive(picture) ? 'ok' : 'unknown',
    summary: refused ? 'answers refused' : coder ? 'coder fails' : isAlive(picture) ? 'no errors' : 'idle',
    evidence: first?.evidence ?? { source: 'orchestrator.log' },
  };
}

function processingLayer(picture: Picture, issues: ReadonlyMap<string, Issue>, jobs: readonly Job[]): Part {
  const count = { running: 0, queued: 0, failed: 0, trouble: 0 };
  let first: Job | undefined;
  for (const job of jobs) {
    if (job.status === 'running') count.running += 1;
    if (job.status === 'queued') count.queued += 1;
    if (job.attention?.label === 'FAILED') count.failed += 1;
    if (job.attention?.rank === 4) count.trouble += 1;
    if (job.attention || (job.status === 'running' && !first?.attention)) first ??= job;
  }
  const words = [`${count.running} running`];
  if (count.queued > 0) words.push(`${count.queued} queued`);
  if (count.failed > 0) words.push(`${count.failed} failed`);
  if (count.trouble > 0) words.push(`${count.trouble} stuck`);
  const idle = issues.get('not-processing');
  const inTrouble = count.failed + count.trouble > 0 || idle !== undefined;
  return {
    name: 'processing',
    status: inTrouble ? 'attention' : jobs.length > 0 || isAlive(picture) ? 'ok' : 'unknown',
    summary: idle ? 'pending, none begun' : words.join(', '),
    evidence: idle?.evidence ?? first?.evidence ?? { source: 'analytics.db' },
  };
}

function costLayer(picture: Picture, cost: Cost | undefined, issues: ReadonlyMap<string, Issue>): Part {
  if (!cost) {
    const torn = picture.context.facts.files('cost').find((file) => file.error !== undefined);
    if (torn) {
      return {
        name: 'cost',
        status: 'unknown',
        summary: 'counter unreadable',
        evidence: evidence({ file: torn }, { text: torn.error ?? '' }),
      };
    }
    return { name: 'cost', status: 'unknown', summary: 'nothing spent yet', evidence: { source: 'cost' } };
  }
  const refused = issues.get('cost-refused');
  const place = cost.file ?? cost.log;
  const status =
    refused || cost.status === 'critical'
      ? 'failed'
      : cost.status === 'warning' || cost.stale
        ? 'attention'
        : 'ok';
  const full = cost.exhaustsAt === undefined ? '' : `, full ${timeWord(cost.exhaustsAt, picture.now)}`;
  return {
    name: 'cost',
    status,
    summary: refused
      ? `limit ${usd(cost.limit)} reached`
      : `${usd(cost.total)}/${Math.round(cost.limit * 100) / 100}${full}`,
    evidence: refused?.evidence ?? (place ? evidence(place, {}) : { source: 'cost' }),
  };
}

function safetyLayer(approvals: readonly Approval[], issues: ReadonlyMap<string, Issue>): Part {
  const waiting = approvals.filter((one) => one.status === 'pending');
  const guard = [...issues.values()].filter((one) => one.id.startsWith('guard-'));
  const words: string[] = [];
  if (waiting.length > 0) words.push(`${waiting.length} waiting`);
  if (guard.length > 0) words.push(`${guard.length} blocked`);
  return {
    name: 'safety',
    status: words.length > 0 ? 'attention' : 'ok',
    summary: words.length > 0 ? words.join(', ') : 'nothing waits',
    evidence: waiting[0]?.evidence ?? guard[0]?.evidence ?? { source: 'audit.log' },
  };
}

function roadmapLayer(picture: Picture, issues: ReadonlyMap<string, Issue>): Part {
  const found = findFact<RoadmapFact>(picture.context.facts, ['roadmap'], 'roadmap', () => 0);
  const failed = issues.get('roadmap-error');
  const torn = picture.context.facts.files('roadmap').find((file) => file.error !== undefined);
  if (!found && torn) {
    return {
      name: 'roadmap',
      status: 'unknown',
      summary: 'file unreadable',
      evidence: evidence({ file: torn }, { text: torn.error ?? '' }),
    };
  }
  if (!found)
    return { name: 'roadmap', status: 'unknown', summary: 'none yet', evidence: { source: 'roadmap' } };
  const at = found.value.generatedAt;
  return {
    name: 'roadmap',
    status: failed ? 'attention' : 'ok',
    summary: failed ? 'last try failed' : at === undefined ? 'none yet' : `last ${timeWord(at, picture.now)}`,
    evidence: failed?.evidence ?? evidence(found, {}),
  };
}

import type { Approval, Issue, Job, Layer, Run, Service, Turn } from '../../domain/entity.ts';
import type { DeriveContext } from '../system.ts';
import type { Collected } from './collect.ts';
import { compact } from './facts.ts';

/** What the layers are summed up from. */
interface LayerInputs {
  readonly context: DeriveContext;
  readonly facts: Collected;
  readonly services: readonly Service[];
  readonly runs: readonly Run[];
  /** Turns that are not complete. */
  readonly openTurns: readonly Turn[];
  readonly turnCount: number;
  readonly jobs: readonly Job[];
  readonly approvals: readonly Approval[];
  readonly issues: readonly Issue[];
}

/** The pipeline from the API down to the gates, in this order. */
export function layerEntities(inputs: LayerInputs): Layer[] {
  const { context, facts } = inputs;
  const layer = (
    order: number,
    name: string,
    source: string,
    rest: Pick<Layer, 'status' | 'summary'>,
  ): Layer => ({
    type: 'layer',
    system: context.located.system,
    id: name,
    title: name,
    observedAt: facts.db?.readAt ?? context.now,
    evidence: compact({ source, path: source === 'db' ? facts.db?.path : undefined }),
    order,
    name,
    ...rest,
  });
  return [
    layer(1, 'api', 'api.health', apiLayer(inputs)),
    layer(2, 'runs', 'db', runsLayer(inputs)),
    layer(3, 'turns', 'turns', turnsLayer(inputs)),
    layer(4, 'cards', 'db', cardsLayer(inputs)),
    layer(5, 'gates', 'db', gatesLayer(inputs)),
  ];
}

type Sum = Pick<Layer, 'status' | 'summary'>;

function apiLayer({ services, context }: LayerInputs): Sum {
  const api = services.find((service) => service.id === 'api');
  switch (api?.status) {
    case 'up':
      return { status: 'ok', summary: `up, ${api.latencyMs ?? 0} ms` };
    case 'degraded':
      return { status: 'attention', summary: api.detail ?? 'degraded' };
    case 'down':
      return { status: 'failed', summary: api.detail ?? 'down' };
    default:
      return {
        status: 'unknown',
        summary: context.located.url === undefined ? 'not asked: no url' : 'no answer yet',
      };
  }
}

function runsLayer({ runs, issues, facts }: LayerInputs): Sum {
  if (runs.length === 0) {
    return { status: 'unknown', summary: facts.db ? 'no runs yet' : 'no database yet' };
  }
  const count = countBy(runs.map((run) => run.status));
  const broken = issues.some((issue) => issue.severity === 'fatal' && issue.attention);
  const stalled =
    (count.get('stalled') ?? 0) > 0 && runs.some((run) => run.status === 'stalled' && run.attention);
  return {
    status: broken ? 'failed' : stalled ? 'attention' : 'ok',
    summary: inWords(count, ['running', 'stalled', 'halted', 'failed', 'succeeded', 'unknown']),
  };
}

function turnsLayer({ openTurns, turnCount }: LayerInputs): Sum {
  if (turnCount === 0) return { status: 'unknown', summary: 'no turns seen' };
  const current = openTurns.filter((turn) => turn.attention || turn.state === 'in-flight');
  const count = countBy(current.map((turn) => turn.state));
  const needy = current.some((turn) => turn.attention);
  const words = inWords(count, ['in-flight', 'stalled', 'dead', 'no-progress', 'failed']);
  return { status: needy ? 'attention' : 'ok', summary: words || `${turnCount} over, none open` };
}

function cardsLayer({ jobs, issues, facts }: LayerInputs): Sum {
  if (!facts.tables.cards)
    return { status: 'unknown', summary: facts.db ? 'no cards table yet' : 'no database yet' };
  const count = countBy(jobs.map((job) => job.status));
  const dead = issues.some((issue) => issue.key.startsWith('card.dead:'));
  const waiting = (count.get('waiting') ?? 0) > 0;
  return {
    status: dead ? 'failed' : waiting ? 'attention' : 'ok',
    summary:
      inWords(count, [
        'running',
        'waiting',
        'failed',
        'blocked',
        'queued',
        'unknown',
        'done',
        'archived',
        'cancelled',
      ]) || 'no cards',
  };
}

function gatesLayer({ approvals, facts }: LayerInputs): Sum {
  if (!facts.db) return { status: 'unknown', summary: 'no database yet' };
  const pending = approvals.filter((approval) => approval.status === 'pending').length;
  const current = approvals.filter((approval) => approval.attention).length;
  if (pending === 0) return { status: 'ok', summary: 'none pending' };
  return {
    status: current > 0 ? 'attention' : 'ok',
    summary: `${pending} pending, ${pending - current} of them outdated`,
  };
}

function countBy(words: readonly string[]): ReadonlyMap<string, number> {
  const count = new Map<string, number>();
  for (const word of words) count.set(word, (count.get(word) ?? 0) + 1);
  return count;
}

function inWords(count: ReadonlyMap<string, number>, order: readonly string[]): string {
  return order
    .flatMap((word) => ((count.get(word) ?? 0) > 0 ? [`${count.get(word)} ${word}`] : []))
    .join(', ');
}

import type { Issue, Service } from '../../domain/entity.ts';
import { type IssueInputs, issueOf } from './derive-issues.ts';
import { processEvidence } from './derive-runs.ts';
import { oddAnswer } from './derive-services.ts';
import { compact } from './facts.ts';
import { keeperFor, webhookUrlOf } from './sources.ts';

/** The API or the webhook server does not answer, or not as it should. */
export function serverIssues(inputs: IssueInputs): Issue[] {
  return [...serverIssue(inputs, 'api'), ...serverIssue(inputs, 'webhook')];
}

const WORDS = {
  api: {
    name: 'API',
    source: 'api.health',
    playbook: 'api-5xx',
    tells: ['api.health', 'api.heartbeat', 'api.approvals'],
  },
  webhook: {
    name: 'webhook server',
    source: 'webhook.health',
    playbook: 'webhook-storm',
    tells: ['webhook.health'],
  },
} as const;

function serverIssue(inputs: IssueInputs, id: 'api' | 'webhook'): Issue[] {
  const { facts, context, programs } = inputs;
  const words = WORDS[id];
  const service = inputs.services.find((one) => one.id === id);
  const health = id === 'api' ? facts.health : facts.webhookHealth;
  if (!service || !health) return keeperIssue(inputs, id, service);
  const isOdd = health.fact.state === 'odd';
  if (service.status !== 'down' && !isOdd) return [];
  const process = programs[id];
  const httpStatus = health.fact.httpStatus ?? 0;
  const why = isOdd
    ? oddAnswer(health.fact)
    : process === undefined
      ? 'no answer, and no server process is seen'
      : `no answer, while pid ${process.pid} lives`;
  const title =
    httpStatus >= 500
      ? `${words.name} answers ${httpStatus}`
      : httpStatus === 429
        ? `${words.name} turns requests away (429)`
        : isOdd
          ? `${words.name} does not answer as Orket does`
          : process === undefined
            ? `${words.name} is not there`
            : `${words.name} hangs`;
  const url = id === 'api' ? context.located.url : webhookUrlOf(context.located);
  const evidence = compact({
    source: words.source,
    url: `${url ?? ''}/health`,
    text: health.fact.error ?? `HTTP ${health.fact.httpStatus ?? '?'}`,
    at: health.file.readAt,
  });
  return [
    issueOf(
      context.located.system,
      compact({
        key: `${id}.down`,
        title,
        observedAt: health.file.readAt,
        evidence,
        trail: process ? [processEvidence(process)] : undefined,
        severity: 'error' as const,
        detail: why,
        since: health.fact.since,
        suggestedAction: 'runs it had under way stay on running for ever: see them before it is restarted',
        playbook: words.playbook,
        attention: compact({
          rank: 4 as const,
          label: httpStatus === 429 ? 'LIMITED' : 'DOWN',
          why,
          since: health.fact.since,
          playbook: words.playbook,
          tells: words.tells,
        }),
      }),
    ),
  ];
}

/** Nobody asks its health, and what keeps it says that it is not up. */
function keeperIssue(inputs: IssueInputs, id: 'api' | 'webhook', service: Service | undefined): Issue[] {
  const { context, facts } = inputs;
  const kept = facts.keepers[id];
  const keeper = keeperFor(context.located, id);
  if (service?.status !== 'down' || !kept || keeper.by === 'process') return [];
  const why = `${keeper.by} says ${kept.fact.word}`;
  return [
    issueOf(
      context.located.system,
      compact({
        key: `${id}.down`,
        title: `${WORDS[id].name} is not up: ${keeper.name}`,
        observedAt: kept.file.readAt,
        evidence: { source: kept.file.source, text: why, at: kept.file.readAt },
        severity: 'error' as const,
        detail: why,
        playbook: WORDS[id].playbook,
        attention: { rank: 4 as const, label: 'DOWN', why, playbook: WORDS[id].playbook },
      }),
    ),
  ];
}

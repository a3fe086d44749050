import type { Evidence, Issue, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { DeriveContext } from '../system.ts';
import type { Collected } from './collect.ts';
import type { CardState } from './derive-cards.ts';
import { processEvidence, type RunState } from './derive-runs.ts';
import { compact } from './facts.ts';
import type { Programs } from './liveness.ts';

/** What the rules about issues look at. */
export interface IssueInputs {
  readonly context: DeriveContext;
  readonly facts: Collected;
  readonly runs: readonly RunState[];
  /** Runs something newer has taken the place of. */
  readonly isSuperseded: (run: RunState) => boolean;
  readonly cards: ReadonlyMap<string, CardState>;
  readonly cardsOfBuild: ReadonlyMap<string, readonly CardState[]>;
  readonly programs: Programs;
  /** Cards with a turn that shows the trouble already. */
  readonly cardsWithTurnTrouble: ReadonlySet<string>;
  /** For cards whose newest turn is complete and its run over: what that turn asked for. */
  readonly claims: ReadonlyMap<string, Claim>;
  readonly apiStatus: 'up' | 'degraded' | 'down' | 'unknown';
}

/** A status a finished turn asked for, with all its tools saying ok. */
export interface Claim {
  readonly to: string;
  readonly at: Instant;
  readonly evidence: Evidence;
}

type IssueFields = Omit<Issue, 'type' | 'system' | 'id' | 'status'>;

/** An issue, with its key as its id. */
export function issueOf(system: SystemId, fields: IssueFields): Issue {
  return { type: 'issue', system, id: fields.key, status: 'open', ...fields };
}

/** The API does not answer. */
export function apiIssues(inputs: IssueInputs): Issue[] {
  const { facts, context, programs, apiStatus } = inputs;
  const health = facts.health;
  if (!health || (apiStatus !== 'down' && health.fact.state !== 'odd')) return [];
  const pid = programs.api?.pid;
  const why =
    health.fact.state === 'odd'
      ? `GET /health answers ${health.fact.httpStatus ?? '?'}, not as Orket does`
      : pid === undefined
        ? 'no answer, and no server process is seen'
        : `no answer, while pid ${pid} lives`;
  const evidence = compact({
    source: 'api.health',
    url: `${context.located.url ?? ''}/health`,
    text: health.fact.error ?? `HTTP ${health.fact.httpStatus ?? '?'}`,
    at: health.file.readAt,
  });
  return [
    issueOf(
      context.located.system,
      compact({
        key: 'api.down',
        title: pid === undefined ? 'API is not there' : 'API hangs',
        observedAt: health.file.readAt,
        evidence,
        trail: programs.api ? [processEvidence(programs.api)] : undefined,
        severity: 'error',
        detail: why,
        since: health.fact.since,
        suggestedAction: 'python server.py; runs it had under way stay on running for ever',
        attention: compact({
          rank: 4,
          label: 'DOWN',
          why,
          since: health.fact.since,
          tells: ['api.health', 'api.heartbeat'],
        }),
      }),
    ),
  ];
}

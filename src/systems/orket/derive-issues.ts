import type { Evidence, Issue, Service, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { DeriveContext } from '../system.ts';
import type { Collected } from './collect.ts';
import type { CardState } from './derive-cards.ts';
import type { RunState } from './derive-runs.ts';
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
  readonly services: readonly Service[];
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

import { attentionKey } from '../../domain/attention.ts';
import { stateText } from '../../domain/diff.ts';
import type { Approval, Entity, Evidence } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { SourceType } from '../../domain/source.ts';
import type { CockpitState } from '../state.ts';
import type { Subject } from './subject.ts';

/** A place where a statement comes from, as a card names it. */
export interface CardFact {
  /** `log`, `doc`, `db`, `http`, `proc` ... */
  readonly form: string;
  readonly place: string;
  readonly text: string;
  readonly at?: Instant;
}

/** Why an item stands in the queue. All texts raw. */
export interface CardModel {
  readonly title: string;
  readonly observedAt?: Instant;
  /** The source it rests on answers; what it says is so now. */
  readonly isFresh: boolean;
  /** What the program will do differently from what is shown. First, always. */
  readonly cautions: readonly string[];
  readonly why?: string;
  readonly facts: readonly CardFact[];
  readonly approval?: Approval;
  readonly until?: Instant;
  readonly onExpiry?: string;
  readonly heldBy?: string;
  /** When the hold lapses unless its holder presses a key. */
  readonly heldUntil?: Instant;
  readonly ghost?: { readonly at: Instant; readonly word: string };
}

const forms: { readonly [T in SourceType]: string } = {
  log: 'log',
  document: 'doc',
  tree: 'tree',
  database: 'db',
  http: 'http',
  probe: 'probe',
  stream: 'log',
  process: 'proc',
  check: 'check',
};

/** The card of a subject, or undefined when nothing is selected. */
export function cardOf(state: CockpitState, subject: Subject): CardModel | undefined {
  const { entity, item } = subject;
  if (!entity && !item) return undefined;
  // What was decided has no deadline any more, though its file still names one.
  const isDecided = entity?.type === 'approval' && entity.status === 'decided';
  const clock = isDecided
    ? undefined
    : (item ?? (entity?.type === 'approval' ? { ...entity, until: entity.expiresAt } : entity?.attention));
  const until = clock?.until;
  const onExpiry = clock?.onExpiry;
  const key = item?.key ?? (entity && attentionKey(entity));
  const hold = state.holds.find((one) => one.key === key);
  // What needs nobody has no why: its card says how it stands.
  const stands = entity && entity.type !== 'approval' ? stateText(entity) : undefined;
  const why = item?.why ?? entity?.attention?.why ?? stands;
  return {
    title: item?.title ?? entity?.title ?? '',
    cautions: entity?.cautions ?? [],
    facts: entity ? factsOf(state, entity) : sourceFacts(state, subject),
    isFresh: entity === undefined || isFresh(state, entity),
    ...(entity ? { observedAt: entity.observedAt } : {}),
    ...(why === undefined ? {} : { why }),
    ...(entity?.type === 'approval' ? { approval: entity } : {}),
    ...(until === undefined ? {} : { until }),
    ...(onExpiry === undefined ? {} : { onExpiry }),
    ...(hold ? { heldBy: hold.ours ? 'you' : hold.by, heldUntil: hold.until } : {}),
    ...(subject.ghost ? { ghost: subject.ghost } : {}),
  };
}

/** True while somebody reads the source of an entity, and it answers as it should. */
function isFresh(state: CockpitState, { system, evidence }: Entity): boolean {
  if (state.phase === 'failed') return false;
  const watched = state.systems.find((one) => one.id === system);
  const source = watched?.sources.find((one) => one.id === evidence.source);
  return source === undefined || source.state === 'fresh';
}

/** The places an entity rests on: its own evidence, then the trail, each once. */
export function factsOf(state: CockpitState, entity: Entity): readonly CardFact[] {
  const seen = new Set<string>();
  const facts: CardFact[] = [];
  for (const evidence of [...(entity.trail ?? []), entity.evidence]) {
    const key = `${evidence.source}|${evidence.path ?? ''}|${evidence.offset ?? ''}|${evidence.text ?? ''}|${evidence.pid ?? ''}`;
    if (seen.has(key)) continue;
    seen.add(key);
    facts.push(factOf(state, entity, evidence));
  }
  return facts;
}

function factOf(state: CockpitState, entity: Entity, evidence: Evidence): CardFact {
  const system = state.systems.find((one) => one.id === entity.system);
  const type = system?.sources.find((source) => source.id === evidence.source)?.type;
  return {
    form:
      evidence.pid !== undefined ? 'proc' : evidence.url !== undefined ? 'http' : type ? forms[type] : 'src',
    place: placeOf(evidence),
    text: evidence.text ?? '',
    ...(evidence.at === undefined ? {} : { at: evidence.at }),
  };
}

/** Where to look, short: file and byte offset, URL, query or pid. */
export function placeOf(evidence: Evidence): string {
  if (evidence.pid !== undefined) return `pid ${evidence.pid}`;
  if (evidence.url !== undefined)
    return evidence.url.replace(/^https?:\/\/(localhost|127\.0\.0\.1)(?=:)/, '');
  if (evidence.path !== undefined) {
    return evidence.offset === undefined ? evidence.path : `${evidence.path}@${evidence.offset}`;
  }
  return evidence.query ?? evidence.source;
}

function sourceFacts(state: CockpitState, subject: Subject): readonly CardFact[] {
  const item = subject.item;
  const system = state.systems.find((one) => one.id === item?.system);
  const sources = system?.sources.filter((one) => item?.sources?.includes(one.id)) ?? [];
  return sources.map((source) => ({
    form: forms[source.type],
    place: source.place,
    text: source.error ?? source.state,
    ...(source.lastReadAt === undefined ? {} : { at: source.lastReadAt }),
  }));
}

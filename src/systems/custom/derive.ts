import type { Attention, AttentionRank, Entity, EntityBase } from '../../domain/entity.ts';
import { type Instant, instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import type { DeriveContext, Derived } from '../system.ts';
import { withMenu } from './acts.ts';
import { holdsFor, type Subject } from './condition.ts';
import { fillTemplate, instantAt, numberAt, textAt, textBy } from './field.ts';
import { type Item, itemsOf } from './items.ts';
import type { KindDescription } from './schema.ts';
import type { DescribedEntity, DescribedStatus } from './schema-entity.ts';
import { typedEntity } from './typed.ts';
import { wordOf } from './word.ts';

/** A start time from a file and one from the kernel may differ by that much, in milliseconds. */
const START_GRAIN_MS = 2_000;

/** One derivation: what it found out beside entities. */
interface Round {
  readonly context: DeriveContext;
  readonly due: Instant[];
  readonly pids: Set<number>;
}

/** Entities of a described kind. */
export function deriveDescribed(description: KindDescription, context: DeriveContext): Derived {
  const round: Round = { context, due: [], pids: new Set() };
  const entities = new Map<string, Entity>();
  const alike = new Map<string, number>();
  const nameless = new Map<DescribedEntity, readonly Item[]>();
  for (const rule of description.entities) {
    for (const item of itemsOf(rule, description, context)) {
      const entity = entityOf(rule, item, round);
      if (entity === 'not wanted') continue;
      if (entity === 'no id') {
        nameless.set(rule, [...(nameless.get(rule) ?? []), item]);
        continue;
      }
      const key = `${entity.type}/${entity.id}`;
      alike.set(key, (alike.get(key) ?? 0) + 1);
      if (!entities.has(key)) entities.set(key, withMenu(entity, description.acts ?? []));
    }
  }
  const coming = round.due.filter((at) => at > context.now);
  return {
    entities: [
      ...[...entities].map(([key, entity]) => withAlike(entity, alike.get(key) ?? 1)),
      ...[...nameless].map(([rule, items]) => namelessIssue(rule, items, context)),
    ],
    ...(coming.length > 0 ? { nextInstant: instant(Math.min(...coming)) } : {}),
    ...(round.pids.size > 0 ? { wantedPids: [...round.pids] } : {}),
  };
}

/** Two records with one id can't be told apart on screen, and an act would hit whichever the program takes. */
function withAlike(entity: Entity, count: number): Entity {
  if (count === 1) return entity;
  return {
    ...entity,
    cautions: [`${count} records have this id; this is the first`, ...(entity.cautions ?? [])],
  };
}

/** Records no entity could be made of are told: a description that misses them would hide them for ever. */
function namelessIssue(rule: DescribedEntity, items: readonly Item[], { located }: DeriveContext): Entity {
  const [first] = items as [Item];
  const key = `no-id:${rule.type}:${rule.from}`;
  return {
    system: located.system,
    type: 'issue',
    id: key,
    key,
    title: `${items.length} of ${rule.from} can't be shown: nothing at ${rule.id ?? rule.title}`,
    observedAt: first.readAt,
    evidence: { ...first.evidence, text: JSON.stringify(first.value).slice(0, 200) },
    severity: 'warning',
    status: 'open',
  };
}

function entityOf(rule: DescribedEntity, item: Item, round: Round): Entity | 'not wanted' | 'no id' {
  const { context } = round;
  const zone = context.located.timezone;
  const process = processOf(rule, item, round);
  const alive = item.alive ?? (rule.process === undefined ? undefined : process !== undefined);
  const asked: Subject = {
    value: item.value,
    now: context.now,
    zone,
    ...(alive === undefined ? {} : { alive }),
  };
  if (rule.where && !holds(rule.where, asked, round)) return 'not wanted';
  const id = rule.id === undefined ? fillTemplate(rule.title, item.value) : textBy(rule.id, item.value);
  // That no process is there is told by rules with a title of their own.
  if (id === undefined || id === '') return item.alive === false ? 'not wanted' : 'no id';
  const described = 'status' in rule ? rule.status : undefined;
  const status = statusOf(described, item, asked, round);
  const subject: Subject = { ...asked, status };
  const keys = (rule.keys ?? []).flatMap((path) => textAt(item.value, path) ?? []);
  const attention = attentionOf(rule, subject, round);
  const cautions = (rule.cautions ?? []).filter(({ when }) => !when || holds(when, subject, round));
  const base: EntityBase = {
    system: context.located.system,
    id,
    title: fillTemplate(rule.title, item.value),
    observedAt: item.readAt,
    evidence: process === undefined ? item.evidence : { ...item.evidence, pid: process.pid },
    logKeys: [...new Set([id, ...keys])],
    ...(item.file === undefined ? {} : { logFiles: [item.file] }),
    ...(cautions.length > 0 ? { cautions: cautions.map(({ text }) => fillTemplate(text, item.value)) } : {}),
    data: {
      value: item.value,
      ...(process === undefined ? {} : { pid: process.pid, started: process.startedAt }),
    },
    ...(attention ? { attention } : {}),
  };
  const native = described?.field === undefined ? undefined : textAt(item.value, described.field);
  return typedEntity(rule, base, {
    status,
    value: item.value,
    zone,
    ...(native === undefined ? {} : { native }),
  });
}

function holds(condition: Parameters<typeof holdsFor>[0], subject: Subject, round: Round): boolean {
  const answer = holdsFor(condition, subject);
  if (answer.due !== undefined) round.due.push(answer.due);
  return answer.holds;
}

function statusOf(
  described: DescribedStatus | undefined,
  item: Item,
  subject: Subject,
  round: Round,
): string {
  const rule = described?.rules?.find(({ when }) => holds(when, subject, round));
  if (rule) return rule.is;
  if (described?.field !== undefined)
    return wordOf({ ...described, field: described.field }, item.value) ?? 'unknown';
  if (item.alive !== undefined && described === undefined) return item.alive ? 'up' : 'down';
  return described?.default ?? 'unknown';
}

/** The process an item names, if it lives: one that began after its pid was written down is another. */
function processOf(rule: DescribedEntity, item: Item, { context, pids }: Round): ProcessInfo | undefined {
  if (!rule.process) return undefined;
  const pid = numberAt(item.value, rule.process.pid);
  if (pid === undefined || !Number.isInteger(pid) || pid <= 1) return undefined;
  pids.add(pid);
  const found = context.processes.processes.find((one) => one.pid === pid && one.state !== 'Z');
  const recorded = instantAt(item.value, rule.process.recorded, context.located.timezone);
  return found && recorded !== undefined && found.startedAt > recorded + START_GRAIN_MS ? undefined : found;
}

function attentionOf(rule: DescribedEntity, subject: Subject, round: Round): Attention | undefined {
  const zone = round.context.located.timezone;
  for (const one of rule.attention ?? []) {
    const answer = holdsFor(one.when, subject);
    if (answer.due !== undefined) round.due.push(answer.due);
    if (!answer.holds) continue;
    const since =
      instantAt(subject.value, one.since, zone) ?? answer.since ?? instantAt(subject.value, rule.since, zone);
    const until = instantAt(subject.value, one.until, zone);
    return {
      rank: one.rank as AttentionRank,
      label: one.label,
      why: fillTemplate(one.why, subject.value),
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      ...(one['on-expiry'] === undefined ? {} : { onExpiry: fillTemplate(one['on-expiry'], subject.value) }),
      ...(one.act === undefined ? {} : { act: one.act }),
      ...(one.playbook === undefined ? {} : { playbook: one.playbook }),
      ...(one.group === undefined ? {} : { group: fillTemplate(one.group, subject.value) }),
    };
  }
  return undefined;
}

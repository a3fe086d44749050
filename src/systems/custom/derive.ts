import type { Attention, AttentionRank, Entity, EntityBase, Evidence } from '../../domain/entity.ts';
import { addMs, type Instant, instant } from '../../domain/instant.ts';
import { getNumber, isObject, type Json } from '../../lib/json.ts';
import type { DeriveContext, Derived, FileFacts } from '../system.ts';
import { withMenu } from './acts.ts';
import { fieldAt, fillTemplate, instantAt, textAt } from './field.ts';
import { type DescribedEntity, durationMs, type KindDescription } from './schema.ts';

/** Entities a described kind shows at most per rule, so that a runaway file can't fill the screen's memory. */
const MAX_ITEMS = 20_000;

interface Item {
  readonly value: Json;
  readonly evidence: Evidence;
  readonly readAt: Instant;
  readonly alive?: boolean;
}

/** Entities of a described kind. */
export function deriveDescribed(description: KindDescription, context: DeriveContext): Derived {
  const entities: Entity[] = [];
  const instants: Instant[] = [];
  for (const rule of description.entities) {
    for (const item of itemsOf(rule, description, context)) {
      const entity = entityOf(rule, item, context, instants);
      if (entity) entities.push(withMenu(entity, description.acts ?? []));
    }
  }
  const coming = instants.filter((at) => at > context.now);
  return coming.length > 0 ? { entities, nextInstant: instant(Math.min(...coming)) } : { entities };
}

function* itemsOf(
  rule: DescribedEntity,
  description: KindDescription,
  context: DeriveContext,
): Generator<Item> {
  const [sourceId = '', query] = rule.from.split('.');
  const source = description.sources[sourceId];
  if (!source) return;
  if (source.type === 'process') {
    const found = context.processes.processes.filter((one) =>
      source.words.some((word) => one.argv.some((argument) => argument.includes(word))),
    );
    for (const one of found) {
      yield {
        value: { pid: one.pid, command: one.argv.join(' '), cwd: one.cwd ?? '' },
        evidence: { source: sourceId, pid: one.pid, text: one.argv.join(' ') },
        readAt: context.processes.readAt,
        alive: true,
      };
    }
    if (found.length === 0) {
      yield { value: {}, evidence: { source: sourceId }, readAt: context.processes.readAt, alive: false };
    }
    return;
  }
  for (const file of context.facts.files(sourceId)) yield* itemsOfFile(rule, query ?? 'value', file);
}

function* itemsOfFile(rule: DescribedEntity, key: string, file: FileFacts): Generator<Item> {
  const whole = file.facts.get(key);
  if (whole === undefined) return;
  const found = rule.each === undefined ? whole : fieldAt(whole, rule.each);
  const evidence: Evidence = {
    source: file.source,
    path: file.path,
    ...(key === 'value' ? {} : { query: key }),
  };
  if (rule.each === undefined && !Array.isArray(found)) {
    yield { value: found ?? null, evidence, readAt: file.readAt };
  } else if (Array.isArray(found)) {
    for (const value of (found as readonly Json[]).slice(0, MAX_ITEMS)) {
      yield { value, evidence, readAt: file.readAt };
    }
  } else if (isObject(found)) {
    for (const [name, value] of Object.entries(found).slice(0, MAX_ITEMS)) {
      yield {
        value: isObject(value) ? { key: name, ...value } : { key: name, value },
        evidence,
        readAt: file.readAt,
      };
    }
  }
}

function entityOf(
  rule: DescribedEntity,
  item: Item,
  context: DeriveContext,
  instants: Instant[],
): Entity | undefined {
  const zone = context.located.timezone;
  const id = rule.id === undefined ? fillTemplate(rule.title, item.value) : textAt(item.value, rule.id);
  if (id === undefined) return undefined;
  const native = rule.status === undefined ? undefined : textAt(item.value, rule.status.field);
  const status = item.alive === undefined ? mapped(rule.status, native) : item.alive ? 'up' : 'down';
  const since = instantAt(item.value, rule.since, zone);
  const keys = (rule.keys ?? []).flatMap((path) => textAt(item.value, path) ?? []);
  const attention = attentionFor(rule, item, status, since, context, instants);
  const base: EntityBase = {
    system: context.located.system,
    id,
    title: fillTemplate(rule.title, item.value),
    observedAt: item.readAt,
    evidence: item.evidence,
    logKeys: [id, ...keys],
    data: { value: item.value },
    ...(attention ? { attention } : {}),
  };
  return typed(rule, base, status, native, since, item, zone);
}

function mapped(rule: DescribedEntity['status'], native: string | undefined): string {
  if (!rule) return 'unknown';
  return rule.map?.[native ?? ''] ?? rule.default ?? 'unknown';
}

function oneOf<T extends string>(allowed: readonly T[], value: string, fallback: T): T {
  return allowed.find((one) => one === value) ?? fallback;
}

function typed(
  rule: DescribedEntity,
  base: EntityBase,
  status: string,
  native: string | undefined,
  since: Instant | undefined,
  item: Item,
  zone: string,
): Entity {
  const nativeStatus = native === undefined ? {} : { nativeStatus: native };
  switch (rule.type) {
    case 'job': {
      const heartbeatAt = instantAt(item.value, rule.heartbeat, zone);
      return {
        ...base,
        type: 'job',
        status: oneOf(
          ['queued', 'running', 'waiting', 'done', 'failed', 'cancelled', 'blocked', 'archived'],
          status,
          'unknown' as never,
        ),
        ...nativeStatus,
        ...(heartbeatAt === undefined ? {} : { heartbeatAt }),
        ...(since === undefined ? {} : { updatedAt: since }),
      };
    }
    case 'run':
      return {
        ...base,
        type: 'run',
        status: oneOf(['running', 'succeeded', 'failed', 'halted', 'stalled'], status, 'unknown' as never),
        ...nativeStatus,
        ...(since === undefined ? {} : { startedAt: since }),
      };
    case 'issue': {
      const severity = mapped(rule.severity, textAt(item.value, rule.severity?.field ?? ''));
      return {
        ...base,
        type: 'issue',
        key: base.id,
        severity: oneOf(['fatal', 'error', 'warning', 'info'], severity, 'warning'),
        status: 'open',
        ...(rule.summary === undefined ? {} : { detail: fillTemplate(rule.summary, item.value) }),
        ...(since === undefined ? {} : { since }),
      };
    }
    case 'layer':
      return {
        ...base,
        type: 'layer',
        order: rule.order ?? 0,
        name: base.title,
        status: oneOf(['ok', 'attention', 'failed'], status, 'unknown' as never),
        summary: fillTemplate(rule.summary ?? rule.title, item.value),
      };
    case 'service':
      return {
        ...base,
        type: 'service',
        status: oneOf(['up', 'degraded', 'down'], status, 'unknown' as never),
        ...(rule.summary === undefined ? {} : { detail: fillTemplate(rule.summary, item.value) }),
      };
    case 'meter': {
      const value = numberAt(item.value, rule.value) ?? 0;
      const limit = numberAt(item.value, rule.limit);
      const share = limit === undefined || limit === 0 ? 0 : value / limit;
      return {
        ...base,
        type: 'meter',
        name: base.title,
        value,
        unit: rule.unit ?? '',
        status: share >= 0.95 ? 'critical' : share >= 0.8 ? 'warning' : 'ok',
        ...(limit === undefined ? {} : { limit }),
      };
    }
  }
}

function numberAt(value: Json, path: string | undefined): number | undefined {
  if (path === undefined) return undefined;
  return getNumber({ it: fieldAt(value, path) ?? null }, 'it');
}

function attentionFor(
  rule: DescribedEntity,
  item: Item,
  status: string,
  since: Instant | undefined,
  context: DeriveContext,
  instants: Instant[],
): Attention | undefined {
  for (const one of rule.attention ?? []) {
    if (one.when.status && !one.when.status.includes(status)) continue;
    const silent = one.when.silent;
    let from = since;
    if (silent) {
      const last = instantAt(item.value, silent.field, context.located.timezone);
      const due = last === undefined ? undefined : addMs(last, durationMs(silent.for));
      if (due !== undefined && due > context.now) {
        instants.push(due);
        continue;
      }
      from = last ?? since;
    }
    return {
      rank: one.rank as AttentionRank,
      label: one.label,
      why: fillTemplate(one.why, item.value),
      ...(from === undefined ? {} : { since: from }),
      ...(one.act === undefined ? {} : { act: one.act }),
    };
  }
  return undefined;
}

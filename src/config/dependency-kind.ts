/**
 * A kind that also looks after what its systems need. Dependencies are configured per system and are the same for every
 * kind, so they are put around a kind and no kind knows of them: further sources, and a service for each.
 */
import type { Dependencies, Dependency, DiskAmount } from '../domain/dependency.ts';
import type { Attention, Service } from '../domain/entity.ts';
import type { HostCheckAnswer } from '../domain/host-check.ts';
import { addMs, type Instant, instant, toIso } from '../domain/instant.ts';
import { getNumber, getString, type Json, type JsonObject } from '../lib/json.ts';
import type { Chunk, DeriveContext, FileFacts, Parser, SourceSpec, SystemKind } from '../systems/system.ts';

/** Sources and services of dependencies are called so, which no kind's own are. */
const PREFIX = 'needs.';

/** The kind with the dependencies of its systems. Systems without any are as they were. */
export function withDependencies(kind: SystemKind): SystemKind {
  return {
    ...kind,
    parsers: { ...kind.parsers, [PREFIX]: dependencyParser },
    sources: (located, data) => [
      ...kind.sources(located, data),
      ...Object.entries(located.settings.dependencies ?? {}).flatMap(
        ([name, one]) => sourceOf(name, one) ?? [],
      ),
    ],
    derive(context) {
      const derived = kind.derive(context);
      const needs = needsOf(context.located.settings.dependencies ?? {}, context);
      if (needs.services.length === 0) return derived;
      const next = [derived.nextInstant, ...needs.instants].filter(
        (at) => at !== undefined && at > context.now,
      );
      return {
        ...derived,
        entities: [...derived.entities, ...needs.services],
        ...(next.length > 0 ? { nextInstant: instant(Math.min(...(next as Instant[]))) } : {}),
      };
    },
  };
}

function sourceOf(name: string, one: Dependency): SourceSpec | undefined {
  const common = { id: `${PREFIX}${name}`, parser: PREFIX, everyMs: one.everyMs };
  switch (one.form) {
    case 'http':
      return {
        ...common,
        type: 'http',
        path: one.url,
        ...(one.secretHeader === undefined ? {} : { secretHeader: one.secretHeader }),
      };
    case 'tcp':
      return { ...common, type: 'check', check: { form: 'tcp', host: one.host, port: one.port } };
    case 'disk':
      return { ...common, type: 'check', check: { form: 'disk', path: one.path } };
    case 'key':
      return one.variable === undefined
        ? undefined
        : { ...common, type: 'check', check: { form: 'variable', name: one.variable } };
  }
}

/** The newest answer is the fact; of a body only whether it holds what it must. */
const dependencyParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, { located, source }) {
    if (chunk.type === 'check') return { carry, facts: { answer: { ...chunk.answer } } };
    if (chunk.type !== 'http') return { carry };
    const one = located.settings.dependencies?.[source.slice(PREFIX.length)];
    const wanted = one?.form === 'http' ? one.contains : undefined;
    return { carry, facts: { answer: httpAnswer(chunk, wanted) } };
  },
};

function httpAnswer(
  { status, body = '', error, latencyMs }: Extract<Chunk, { type: 'http' }>,
  wanted: string | undefined,
): Json {
  const isNamed = wanted === undefined || body.includes(wanted);
  return { form: 'http', status: status ?? null, isNamed, error: error ?? null, latencyMs };
}

interface Health {
  readonly status: Service['status'];
  readonly detail: string;
  readonly latencyMs?: number;
  /** When it will change by itself. */
  readonly until?: Instant;
}

function needsOf(
  dependencies: Dependencies,
  { facts, located, now }: DeriveContext,
): { readonly services: readonly Service[]; readonly instants: readonly Instant[] } {
  const instants: Instant[] = [];
  const services = Object.entries(dependencies).map(([name, one]): Service => {
    const source = `${PREFIX}${name}`;
    const file = facts.files(source)[0];
    const health = healthOf(one, file, now, instants);
    const attention = attentionOf(health, source);
    return {
      system: located.system,
      type: 'service',
      id: source,
      title: `${name}: ${placeOf(one)}`,
      status: health.status,
      detail: health.detail,
      ...(health.latencyMs === undefined ? {} : { latencyMs: health.latencyMs }),
      observedAt: file?.readAt ?? now,
      evidence: {
        source,
        ...(one.form === 'http' ? { url: one.url } : one.form === 'disk' ? { path: one.path } : {}),
      },
      ...(attention ? { attention } : {}),
    };
  });
  return { services, instants };
}

function placeOf(one: Dependency): string {
  switch (one.form) {
    case 'http':
      return one.url;
    case 'tcp':
      return `${one.host}:${one.port}`;
    case 'disk':
      return one.path;
    case 'key':
      return one.variable === undefined ? 'key' : `$${one.variable}`;
  }
}

function attentionOf({ status, detail, until }: Health, source: string): Attention | undefined {
  if (status === 'down') return { rank: 4, label: 'DOWN', why: detail, tells: [source] };
  if (status !== 'degraded') return undefined;
  return {
    rank: 5,
    label: 'NEEDS',
    why: detail,
    tells: [source],
    ...(until === undefined ? {} : { until }),
  };
}

function healthOf(one: Dependency, file: FileFacts | undefined, now: Instant, instants: Instant[]): Health {
  const answer = (file?.facts.get('answer') ?? undefined) as JsonObject | undefined;
  if (one.form === 'key') return keyHealth(one, answer, now, instants);
  if (answer === undefined) return { status: 'unknown', detail: file?.error ?? 'not looked at yet' };
  if (one.form === 'http') return httpHealth(one, answer);
  const found = answer as unknown as HostCheckAnswer;
  if (found.form === 'tcp') {
    const { latencyMs, error } = found;
    if (error !== undefined) return { status: 'down', detail: error, latencyMs };
    return slowOr(one.form === 'tcp' ? one.slowMs : 0, latencyMs, `answers in ${latencyMs} ms`);
  }
  if (found.form === 'disk' && one.form === 'disk') return diskHealth(one, found);
  // What could not be looked at is neither up nor down.
  return { status: 'unknown', detail: found.form === 'failed' ? found.error : 'an answer of another form' };
}

function slowOr(slowMs: number, latencyMs: number, detail: string): Health {
  return latencyMs > slowMs
    ? { status: 'degraded', detail: `slow: ${detail}`, latencyMs }
    : { status: 'up', detail, latencyMs };
}

/** What refuses us (4xx) is there; what fails by itself (5xx), or gives no answer, is of no use to anybody. */
function httpHealth(one: Extract<Dependency, { form: 'http' }>, answer: JsonObject): Health {
  const status = getNumber(answer, 'status');
  const latencyMs = getNumber(answer, 'latencyMs') ?? 0;
  const error = getString(answer, 'error');
  if (status === undefined) return { status: 'down', detail: error ?? 'no answer', latencyMs };
  if (status >= 500) return { status: 'down', detail: `HTTP ${status}`, latencyMs };
  if (status === 401 || status === 403)
    return { status: 'degraded', detail: `HTTP ${status}: the key is not accepted`, latencyMs };
  if (status < 200 || status >= 300) return { status: 'degraded', detail: `HTTP ${status}`, latencyMs };
  if (answer['isNamed'] !== true)
    return { status: 'degraded', detail: `its answer does not name ${one.contains}`, latencyMs };
  return slowOr(one.slowMs, latencyMs, `HTTP ${status} in ${latencyMs} ms`);
}

function diskHealth(
  one: Extract<Dependency, { form: 'disk' }>,
  found: Extract<HostCheckAnswer, { form: 'disk' }>,
): Health {
  const { freeBytes, totalBytes, freeFiles, totalFiles } = found;
  const percent = (free: number, total: number): string =>
    `${((100 * free) / Math.max(1, total)).toFixed(1)} %`;
  const detail = [
    `${(freeBytes / 2 ** 30).toFixed(1)} GiB free of ${(totalBytes / 2 ** 30).toFixed(1)} (${percent(freeBytes, totalBytes)})`,
    ...(totalFiles > 0 ? [`${percent(freeFiles, totalFiles)} of its files free`] : []),
  ].join(', ');
  // A disk can be full of small files while most of its bytes are free.
  const isBelow = (amount: DiskAmount): boolean =>
    'bytes' in amount
      ? freeBytes < amount.bytes
      : freeBytes < amount.share * totalBytes || freeFiles < amount.share * totalFiles;
  if (isBelow(one.full)) return { status: 'down', detail };
  return { status: isBelow(one.warn) ? 'degraded' : 'up', detail };
}

function keyHealth(
  { variable, expiresAt, warnMs }: Extract<Dependency, { form: 'key' }>,
  answer: JsonObject | undefined,
  now: Instant,
  instants: Instant[],
): Health {
  if (variable !== undefined && answer === undefined)
    return { status: 'unknown', detail: 'not looked at yet' };
  if (variable !== undefined && answer?.['isSet'] !== true)
    return { status: 'down', detail: `${variable} is not set, here nor in the env-file` };
  const isSet = variable === undefined ? '' : 'it is set';
  if (expiresAt === undefined) return { status: 'up', detail: isSet };
  const end = instant(expiresAt);
  const from = addMs(end, -warnMs);
  instants.push(from, end);
  const day = toIso(end).replace('T00:00:00.000Z', '');
  if (now >= end) return { status: 'down', detail: `it expired ${day}` };
  const detail = [isSet, `it expires ${day}`].filter((part) => part !== '').join(', ');
  return now >= from ? { status: 'degraded', detail, until: end } : { status: 'up', detail };
}

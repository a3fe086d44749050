import { type Instant, instant } from '../../domain/instant.ts';
import type { BadRecord } from '../../domain/source.ts';
import {
  getArray,
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  isObject,
  type Json,
  type JsonObject,
  readJson,
} from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import { instantOf, textOrNull } from './facts.ts';

type HttpChunk = Extract<Chunk, { type: 'http' }>;

type Facts = { readonly [key: string]: Json };

/**
 * A parser of an HTTP answer. Facts: `answer` (how the newest request went, since when it goes like that) and what
 * `read` takes from the newest good body, which stays when later requests fail: a refusal is JSON too, and says nothing
 * of what was asked for. `read` gives undefined for a body that is none of this path's. `readsToo`: statuses beside 2xx
 * whose body tells the same.
 */
export function answerParser(
  read: (body: JsonObject, context: ParseContext) => Facts | undefined,
  readsToo: readonly number[] = [],
): Parser {
  return {
    version: 2,
    start: { ok: null, since: null },
    fold(carry, chunk, context): Folded {
      if (chunk.type !== 'http') return { carry };
      const { status, error } = chunk;
      const isWell = error === undefined && status !== undefined && status >= 200 && status <= 299;
      const json = chunk.body === undefined ? undefined : readJson(chunk.body);
      const body = json?.ok && isObject(json.value) ? json.value : undefined;
      const isRead = isWell || (status !== undefined && readsToo.includes(status));
      const facts = isRead && body ? read(body, context) : undefined;
      const foreign = isWell && !facts ? foreignText(json) : undefined;
      const reason = foreign ?? failureOf(chunk);
      const ok = reason === undefined;
      const before = getField(carry, 'ok');
      const since = before === ok ? (instantOf(carry, 'since') ?? context.now) : context.now;
      const answer: Json = {
        ok,
        since,
        at: context.now,
        status: status ?? null,
        why: reason ?? null,
        failures: chunk.failures,
        latencyMs: Math.round(chunk.latencyMs),
        // Somebody else may answer at this address, or only half of what was said came through.
        isForeign: !ok && status !== undefined && status < 300,
      };
      const bad = foreign === undefined ? [] : [badAnswer(context, foreign, chunk.body)];
      return { carry: { ok, since }, facts: { ...(facts ?? kept(context)), answer }, bad };
    },
  };
}

function failureOf(chunk: HttpChunk): string | undefined {
  if (chunk.error !== undefined) return chunk.error.slice(0, 300);
  if (chunk.status === undefined) return 'no answer';
  return chunk.status < 200 || chunk.status > 299 ? `answered ${chunk.status}` : undefined;
}

function foreignText(json: ReturnType<typeof readJson> | undefined): string {
  return json && !json.ok
    ? `answer is not JSON: ${json.error}`.slice(0, 300)
    : 'not as this path of Aragora answers; is it the server of the url?';
}

/** What the source says of an answer that came well and is none. */
export function badAnswer(context: ParseContext, reason: string, body: string | undefined): BadRecord {
  return { path: context.path, reason, excerpt: (body ?? '').slice(0, 200) };
}

const KEPT = ['health', 'ready', 'status', 'breakers', 'nomic', 'build', 'limits', 'debates', 'inbox'];

function kept(context: ParseContext): { [key: string]: Json } {
  const facts: { [key: string]: Json } = {};
  for (const key of KEPT) {
    const fact = context.fact(key);
    if (fact !== undefined) facts[key] = fact;
  }
  return facts;
}

/** `/healthz` and the public `/api/health`: a status, and a reason where it is degraded. */
export const healthParser: Parser = answerParser((body) => {
  const status = textOrNull(body, 'status', 40);
  if (status === null) return undefined;
  return {
    health: {
      status,
      degraded: getBoolean(body, 'degraded') === true,
      reason: textOrNull(body, 'degraded_reason', 300) ?? textOrNull(body, 'note', 300),
      version: textOrNull(body, 'version', 40),
    },
  };
});

/** `/readyz`: `checks` are true, false or `"not_configured"`; `degraded_mode: true` says that this check passed. */
export const readyParser: Parser = answerParser(
  (body) => {
    const status = textOrNull(body, 'status', 40);
    if (status === null) return undefined;
    const failed = Object.entries(getObject(body, 'checks') ?? {})
      .filter(([, value]) => value === false)
      .map(([name]) => name.slice(0, 60))
      .slice(0, 20);
    const degraded = getObject(body, 'degraded');
    return {
      ready: {
        status,
        failed,
        reason: textOrNull(body, 'reason', 300) ?? textOrNull(degraded, 'reason', 300),
        hint: textOrNull(degraded, 'recovery_hint', 300),
      },
    };
  },
  [503],
);

/** `/api/v1/status`: the public page with a status for each component. */
export const statusParser: Parser = answerParser((body, context) => {
  if (getField(body, 'components') === undefined && getString(body, 'status') === undefined) return undefined;
  const components = getArray(body, 'components')
    .slice(0, 50)
    .flatMap((one): Json[] => {
      const id = textOrNull(one, 'id', 60);
      if (id === null || id === '') return [];
      return [
        {
          id,
          name: textOrNull(one, 'name', 80) ?? id,
          status: textOrNull(one, 'status', 40),
          message: textOrNull(one, 'message', 300),
        },
      ];
    });
  const uptime = getNumber(body, 'uptime_seconds');
  return {
    status: {
      status: textOrNull(body, 'status', 40),
      message: textOrNull(body, 'message', 200),
      startedAt: startedAt(uptime, context),
      components,
    },
  };
});

/** The server's start counted back from its uptime; two answers that agree within seconds keep the first one's. */
function startedAt(uptimeS: number | undefined, context: ParseContext): Instant | null {
  if (uptimeS === undefined || uptimeS < 0) return null;
  return steady(instantOf(context.fact('status'), 'startedAt'), instant(context.now - uptimeS * 1000));
}

const STEADY_MS = 3_000;

/** `fresh` unless the known instant is nearly the same: a time worked out anew at each answer must not waver. */
function steady(known: Instant | undefined, fresh: Instant): Instant {
  const whole = instant(Math.round(fresh / 1000) * 1000);
  return known !== undefined && Math.abs(known - fresh) <= STEADY_MS ? known : whole;
}

/** `/api/circuit-breakers`: `half-open` in the items, `half_open` in the summary; both are taken. */
export const breakersParser: Parser = answerParser((body, context) => {
  const breakers = getObject(body, 'circuit_breakers');
  if (!breakers) return undefined;
  const before = getArray(context.fact('breakers'), 'items');
  const items = Object.entries(breakers)
    .slice(0, 200)
    .map(([name, value]): Json => {
      const known = before.find((one) => getString(one, 'name') === name);
      const status = (getString(value, 'status') ?? 'unknown').toLowerCase().replace('_', '-').slice(0, 20);
      const left = getNumber(value, 'cooldown_remaining');
      const open = getNumber(value, 'open_duration');
      const isOpen = status !== 'closed';
      return {
        name: name.slice(0, 80),
        status,
        failures: getNumber(value, 'failures') ?? null,
        threshold: getNumber(value, 'failure_threshold') ?? null,
        until:
          isOpen && left !== undefined && left > 0
            ? steady(instantOf(known, 'until'), instant(context.now + left * 1000))
            : null,
        since:
          isOpen && open !== undefined && open > 0
            ? steady(instantOf(known, 'since'), instant(context.now - open * 1000))
            : null,
        entities: getArray(getObject(value, 'entity_mode'), 'open_entities')
          .filter((one): one is string => typeof one === 'string')
          .map((one) => one.slice(0, 80))
          .slice(0, 20),
      };
    });
  return { breakers: { items } };
});

/** `/api/nomic/state` of the server inside run_nomic_with_stream.py: the one live phase that is told truly. */
export const nomicParser: Parser = answerParser((body) => {
  const cycle = getNumber(body, 'cycle') ?? null;
  const phase = textOrNull(body, 'phase', 40);
  return cycle === null && phase === null
    ? undefined
    : { nomic: { cycle, phase, loop: textOrNull(body, 'loop_id', 80) } };
});

/** `/api/v1/health/build`: what is deployed. */
export const buildParser: Parser = answerParser((body) => {
  const version = textOrNull(body, 'version', 60);
  const commit = textOrNull(body, 'sha_short', 60) ?? textOrNull(body, 'sha', 60);
  return version === null && commit === null
    ? undefined
    : { build: { version, commit, builtAt: textOrNull(body, 'build_time', 60) } };
});

/** `/api/auth/stats`: the limits as they are in force, in place of the paths under `/api/rate-limits` that never were. */
export const limitsParser: Parser = answerParser((body) => {
  const stats = getObject(body, 'stats');
  const isOn = getBoolean(body, 'enabled') ?? null;
  if (isOn === null && !stats) return undefined;
  return {
    limits: {
      isOn,
      perToken: getNumber(body, 'rate_limit_per_minute') ?? null,
      perAddress: getNumber(body, 'ip_rate_limit_per_minute') ?? null,
      addresses: getNumber(stats, 'ip_entries') ?? null,
      revoked: getNumber(stats, 'revoked_tokens') ?? null,
    },
  };
});

import type { Json } from '../../lib/json.ts';
import type { Folded, Parser } from '../system.ts';
import { badAnswer } from './parse-answers.ts';

/** Families that are kept, summed over their labels; all others of the some 460 are passed over. */
const SUMMED = new Set([
  'process_resident_memory_bytes',
  'aragora_circuit_breakers_open',
  'aragora_active_debates',
  'aragora_websocket_connections_active',
  'aragora_websocket_connections',
  'aragora_rate_limit_hits_total',
  'aragora_slow_debates_total',
  'aragora_consensus_rate',
]);
const STATES = 'aragora_agent_circuit_breaker_state';
const REQUESTS = 'aragora_api_requests_total';
const MOST_AGENTS = 50;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;

/**
 * `/metrics`, the text format of Prometheus. Facts: `answer`, `metrics` (sums by family), `requests` (all and failed),
 * `agents` (breakers that are not closed: 1 and 2 mean open or half-open in one module and the reverse in another).
 */
export const metricsParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'http') return { carry };
    const ok =
      chunk.status !== undefined && chunk.status >= 200 && chunk.status < 300 && chunk.error === undefined;
    const sums: Record<string, number> = {};
    const agents: string[] = [];
    const requests = { all: 0, failed: 0, isKnown: false };
    for (const line of ok ? (chunk.body ?? '').split('\n') : []) {
      const [, name = '', labels = '', text] = SAMPLE.exec(line) ?? [];
      const value = Number(text);
      if (text === undefined || !Number.isFinite(value)) continue;
      if (SUMMED.has(name)) sums[name] = (sums[name] ?? 0) + value;
      else if (name === REQUESTS) {
        requests.isKnown = true;
        requests.all += value;
        if (/(^|,)\s*status="(error|5\d\d)"/.test(labels)) requests.failed += value;
      } else if (name === STATES && value >= 1 && agents.length < MOST_AGENTS) {
        const agent = /agent_type="([^"]{1,80})"/.exec(labels)?.[1];
        if (agent !== undefined) agents.push(agent);
      }
    }
    const isText =
      ok && (Object.keys(sums).length > 0 || requests.isKnown || /^# (HELP|TYPE) /m.test(chunk.body ?? ''));
    const why = isText
      ? null
      : (chunk.error ??
        (chunk.status === undefined
          ? 'no answer'
          : ok
            ? 'answer is no metrics'
            : `answered ${chunk.status}`));
    const answer: Json = { ok: isText, at: context.now, why: why?.slice(0, 300) ?? null };
    const before = (key: string): { [key: string]: Json } => {
      const fact = context.fact(key);
      return fact === undefined ? {} : { [key]: fact };
    };
    if (!isText)
      return {
        carry,
        facts: { answer, ...before('metrics'), ...before('agents'), ...before('requests') },
        bad: ok ? [badAnswer(context, 'answer is no metrics', chunk.body)] : [],
      };
    return {
      carry,
      facts: {
        answer,
        metrics: sums,
        agents: { names: agents },
        ...requestFacts(requests, before('requests'), context.now),
      },
    };
  },
};

/** Counters tell something by their growth only: the newest two looks, as far apart as they were. */
function requestFacts(
  now: { readonly all: number; readonly failed: number; readonly isKnown: boolean },
  before: { readonly [key: string]: Json },
  at: number,
): { [key: string]: Json } {
  if (!now.isKnown) return {};
  const looks =
    (before['requests'] as { looks?: { all: number; failed: number; at: number }[] } | undefined)?.looks ??
    [];
  // A server that began anew counts from zero again.
  const usable = looks.filter(
    (look) => look.all <= now.all && look.failed <= now.failed && look.at > at - 360_000,
  );
  return { requests: { looks: [...usable, { all: now.all, failed: now.failed, at }].slice(-14) } };
}

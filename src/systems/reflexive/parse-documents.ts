import { parseInstant } from '../../domain/instant.ts';
import {
  getNumber,
  getObject,
  getString,
  isObject,
  type Json,
  type JsonObject,
  readJson,
} from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import { readConfig } from './config.ts';
import type { CostFileFact, RateFact, RoadmapFact } from './facts.ts';

type Facts = { readonly [key: string]: Json };
type Read = { readonly facts: Facts } | { readonly bad: string };

/** A parser of a file that is rewritten whole: facts replace what was known, a bad text keeps it. */
function documentParser(read: (text: string) => Read): Parser {
  return {
    version: 2,
    start: null,
    fold(carry: Json, chunk: Chunk, context: ParseContext): Folded {
      if (chunk.type !== 'document') return { carry };
      const result = read(chunk.text);
      if ('facts' in result) return { carry, facts: result.facts };
      return {
        carry,
        bad: [{ path: context.path, reason: result.bad, excerpt: chunk.text.slice(0, 200) }],
      };
    },
  };
}

function jsonDocument(read: (value: JsonObject) => Read): Parser {
  return documentParser((text) => {
    const json = readJson(text);
    // The program opens for writing and then dumps: for a moment the file is empty or half there.
    if (!json.ok) return { bad: json.error === 'empty' ? 'empty: being written' : `not JSON: ${json.error}` };
    return isObject(json.value) ? read(json.value) : { bad: 'not a JSON object' };
  });
}

/** `<work_dir>/cost_tracker.json` (`DailyUsage.to_dict` in `src/safety/cost_tracker.py`). */
export const costParser: Parser = jsonDocument((value) => {
  const date = getString(value, 'date');
  const total = getNumber(value, 'total_cost');
  if (date === undefined || !/^\d{4}-\d\d-\d\d$/.test(date)) return { bad: 'no date' };
  if (total === undefined) return { bad: 'no total_cost' };
  const usage = getObject(value, 'provider_usage') ?? {};
  const providers = Object.keys(usage)
    .slice(0, 20)
    .map((name) => ({
      name: name.slice(0, 40),
      cost: getNumber(usage[name], 'cost') ?? 0,
      requests: getNumber(usage[name], 'requests') ?? 0,
    }));
  const requests = getNumber(value, 'total_requests');
  const startedAt = parseInstant(getString(value, 'started_at'));
  const updatedAt = parseInstant(getString(value, 'last_updated_at'));
  const cost: CostFileFact = {
    date,
    total,
    providers,
    ...(requests === undefined ? {} : { requests }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
  };
  return { facts: { cost } };
});

/** `state/rate_limiter.json` (`src/safety/rate_limiter.py`); `seconds_until_reset` is frozen in it and not used. */
export const rateParser: Parser = jsonDocument((value) => {
  const limits = getObject(value, 'rate_limits');
  if (!limits) return { bad: 'no rate_limits' };
  const facts: Record<string, Json> = {};
  for (const name of Object.keys(limits).slice(0, 20)) {
    const limit = getNumber(limits[name], 'limit');
    if (limit === undefined) continue;
    const remaining = getNumber(limits[name], 'remaining');
    const used = getNumber(limits[name], 'used') ?? (remaining === undefined ? undefined : limit - remaining);
    if (used === undefined) continue;
    const resetAt = parseInstant(getString(limits[name], 'reset_time'));
    const rate: RateFact = {
      limit,
      used,
      remaining: remaining ?? limit - used,
      ...(resetAt === undefined ? {} : { resetAt }),
    };
    facts[`rate:${name.slice(0, 40)}`] = rate;
  }
  return { facts };
});

/** `state/roadmap_schedule.json` (`ScheduleState.to_dict` in `src/cycles/roadmap_scheduler.py`). */
export const roadmapParser: Parser = jsonDocument((value) => {
  const generatedAt = parseInstant(getString(value, 'last_generation_time'));
  const nextAt = parseInstant(getString(value, 'next_scheduled_time'));
  const errorAt = parseInstant(getString(value, 'last_error_time'));
  const error = getString(value, 'last_error')?.slice(0, 500);
  const roadmapId = getString(value, 'last_roadmap_id')?.slice(0, 100);
  const count = getNumber(value, 'generation_count');
  const roadmap: RoadmapFact = {
    ...(generatedAt === undefined ? {} : { generatedAt }),
    ...(nextAt === undefined ? {} : { nextAt }),
    ...(errorAt === undefined ? {} : { errorAt }),
    ...(error === undefined || error === '' ? {} : { error }),
    ...(roadmapId === undefined ? {} : { roadmapId }),
    ...(count === undefined ? {} : { count }),
  };
  return { facts: { roadmap } };
});

/** `orchestrator-config.yaml`. */
export const configParser: Parser = documentParser((text) => {
  const read = readConfig(text);
  return read.ok ? { facts: { config: read.config } } : { bad: read.error };
});

/** Archives `backup-*.tar.gz` in the checkout, as the runbook and `backup.create` name them. */
export const backupsParser: Parser = {
  version: 1,
  start: null,
  fold(carry: Json, chunk: Chunk): Folded {
    if (chunk.type !== 'directory') return { carry };
    const names = chunk.names.filter((name) => /^backup-[\w.-]{1,60}\.tar\.gz$/.test(name)).slice(-50);
    return {
      carry,
      facts: Object.fromEntries(
        names.map((name) => [`backup:${name}`, { at: chunk.modifiedAt[name] ?? null }]),
      ),
    };
  },
};

/** Sources without bytes (the process table). */
export const noParser: Parser = { version: 1, start: null, fold: (carry) => ({ carry }) };

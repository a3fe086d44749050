import type { Meter } from '../../domain/entity.ts';
import { addMs, dayOf, type Instant, instant, parseInstant } from '../../domain/instant.ts';
import { currentLifetime, isAlive, isRecent, nextMidnight, type Picture } from './derive-picture.ts';
import type { CostFileFact, CostLogFact, RefusedFact, SpendFact } from './facts.ts';
import { type Found, findAll, findFact, findFamily } from './find-facts.ts';
import { spendSliceMs } from './fold-cost.ts';
import { logSources } from './locate.ts';

/** `WARNING_THRESHOLD` and `CRITICAL_THRESHOLD` of `src/safety/cost_tracker.py` and `rate_limiter.py`. */
export const warningShare = 0.8;
export const criticalShare = 0.95;
const hourMs = 3_600_000;

/** What lines about money have in common. */
export const costLines: readonly string[] = ['api_request_tracked', 'cost_limit_', 'cost_tracker_'];

/** Everything known of the money. */
export interface Cost {
  readonly total: number;
  /** Day the total counts from, `YYYY-MM-DD` UTC. */
  readonly date: string;
  readonly limit: number;
  /** Where the limit comes from: what the living daemon loaded, or the configuration. */
  readonly limitFrom: 'daemon' | 'configuration' | 'default';
  readonly share: number;
  readonly status: Meter['status'];
  /** The window is of an earlier day and a living daemon goes on counting in it. */
  readonly stale: boolean;
  readonly perHour?: number;
  readonly exhaustsAt?: Instant;
  readonly since?: Instant;
  /** The line that first told of 80 %. */
  readonly warned?: Found<CostLogFact>;
  readonly updatedAt?: Instant;
  readonly refused?: Found<RefusedFact>;
  readonly file?: Found<CostFileFact>;
  readonly log?: Found<CostLogFact>;
}

/** Joins `cost_tracker.json`, the log and the limit in force. Undefined where nothing was ever spent. */
export function costOf(picture: Picture): Cost | undefined {
  const { facts } = picture.context;
  const file = findFact<CostFileFact>(facts, ['cost'], 'cost', (fact) => fact.updatedAt ?? 0);
  const log = findFact<CostLogFact>(facts, logSources, 'cost', (fact) => fact.at);
  const fileAt = file?.value.updatedAt ?? file?.file.modifiedAt;
  // The file is written before the line; a line well after it means that saving failed (cost_tracker_state_save_failed).
  const useLog = log !== undefined && (fileAt === undefined || log.value.at > addMs(fileAt, 2000));
  if (!file && !log) return undefined;
  const total = useLog ? log.value.total : (file?.value.total ?? 0);
  const updatedAt = useLog ? log.value.at : fileAt;
  const date = windowDate(picture, file, useLog ? log : undefined);
  const limit = limitInForce(picture, log);
  const share = limit.value > 0 ? total / limit.value : 1;
  const alive = isAlive(picture);
  const isToday = date >= dayOf(picture.now);
  if (alive) picture.wake(nextMidnight(picture.now));
  const counts = isToday || alive;
  const refused = refusedNow(picture, log);
  const perHour = alive ? (rateOf(picture) ?? averageOf(picture, file)) : undefined;
  const exhaustsAt =
    perHour === undefined || refused ? undefined : exhaustion(picture, limit.value - total, perHour);
  const status = !counts || share < warningShare ? 'ok' : share < criticalShare ? 'warning' : 'critical';
  const warned = log && log.value.total >= total * 0.99 ? firstWarning(picture, log.value, date) : undefined;
  const since = warned?.value.warnedAt;
  return {
    total,
    date,
    limit: limit.value,
    limitFrom: limit.from,
    share,
    status: refused && alive ? 'critical' : status,
    stale: alive && !isToday,
    ...(perHour === undefined ? {} : { perHour }),
    ...(exhaustsAt === undefined ? {} : { exhaustsAt }),
    ...(since === undefined ? {} : { since }),
    ...(warned === undefined ? {} : { warned }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
    ...(refused === undefined ? {} : { refused }),
    ...(file === undefined ? {} : { file }),
    ...(log === undefined ? {} : { log }),
  };
}

/** The tracker looks at the date when its process starts and never again: a total keeps the day of that start. */
function windowDate(
  picture: Picture,
  file: Found<CostFileFact> | undefined,
  log: Found<CostLogFact> | undefined,
): string {
  if (file && !log) return file.value.date;
  const started = picture.lifetimes.filter((one) => one.startedAt <= (log?.value.at ?? 0)).at(-1)?.startedAt;
  return dayOf(started ?? log?.value.at ?? picture.now);
}

function limitInForce(
  picture: Picture,
  log: Found<CostLogFact> | undefined,
): { value: number; from: Cost['limitFrom'] } {
  const run = isAlive(picture) ? currentLifetime(picture) : undefined;
  const fact = log?.value;
  if (run && fact?.maxCost !== undefined && (fact.maxCostAt ?? 0) >= run.startedAt) {
    return { value: fact.maxCost, from: 'daemon' };
  }
  if (run?.fact?.value.limit !== undefined) return { value: run.fact.value.limit, from: 'daemon' };
  return { value: picture.config.maxCostPerDay, from: picture.configFile ? 'configuration' : 'default' };
}

/** Refusals count while none of them was followed by a request that went through, within this daemon's life. */
function refusedNow(picture: Picture, log: Found<CostLogFact> | undefined): Found<RefusedFact> | undefined {
  const { facts } = picture.context;
  const started = currentLifetime(picture)?.startedAt ?? 0;
  const found = findAll<RefusedFact>(facts, logSources, 'refused', (fact) => fact.lastAt).filter(
    (one) => one.value.lastAt >= started,
  );
  const newest = found[0];
  if (!newest || (log && log.value.at > newest.value.lastAt)) return undefined;
  // A log that was moved meanwhile tells one series in two files.
  const firstAt = instant(Math.min(...found.map((one) => one.value.firstAt)));
  const count = found.reduce((sum, one) => sum + one.value.count, 0);
  return { file: newest.file, value: { ...newest.value, firstAt, count } };
}

/**
 * USD an hour over the last hour, or over the daemon's life where that is shorter (five minutes at least). Told in steps
 * of five minutes, so that it stands still while nothing happens.
 */
function rateOf(picture: Picture): number | undefined {
  const spends = findFamily<SpendFact>(picture.context.facts, logSources, 'spend:', (fact) => fact.total);
  if (spends.size === 0) return undefined;
  const end = Math.floor(picture.now / spendSliceMs) * spendSliceMs + spendSliceMs;
  const started = currentLifetime(picture)?.startedAt ?? 0;
  const begin = Math.max(end - hourMs, Math.floor(started / spendSliceMs) * spendSliceMs);
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const [slice, { value }] of spends) {
    const at = Number(slice);
    if (at < begin || at >= end) continue;
    least = Math.min(least, value.before);
    most = Math.max(most, value.total);
  }
  const spent = Math.max(0, most - least);
  if (spent > 0) picture.wake(instant(end));
  const hours = Math.max(end - begin, spendSliceMs) / hourMs;
  return Math.round((spent / hours) * 100) / 100;
}

/**
 * Where the log tells no request (a level above INFO), the average since the counter began; nothing for an hour is
 * nothing an hour.
 */
function averageOf(picture: Picture, file: Found<CostFileFact> | undefined): number | undefined {
  const { startedAt, updatedAt, total } = file?.value ?? {};
  if (startedAt === undefined || updatedAt === undefined || total === undefined) return undefined;
  if (!isRecent(picture, updatedAt, hourMs)) return 0;
  const hours = Math.max(updatedAt - startedAt, spendSliceMs) / hourMs;
  return Math.round((total / hours) * 100) / 100;
}

function exhaustion(picture: Picture, left: number, perHour: number): Instant | undefined {
  if (left <= 0 || perHour <= 0) return undefined;
  const base = Math.floor(picture.now / spendSliceMs) * spendSliceMs;
  const at = base + Math.floor((left / perHour) * 60) * 60_000;
  // A rate that fills the limit in weeks says nothing.
  return at - picture.now > 7 * 24 * hourMs ? undefined : instant(Math.max(at, base + spendSliceMs));
}

/** `$41.20`. */
export function usd(value: number): string {
  return `$${value.toFixed(2)}`;
}

/** The first warning any file of the log has of this window: a log that was moved meanwhile has it in the moved one. */
function firstWarning(picture: Picture, newest: CostLogFact, date: string): Found<CostLogFact> | undefined {
  const from = parseInstant(date) ?? 0;
  return findAll<CostLogFact>(
    picture.context.facts,
    logSources,
    'cost',
    (fact) => -(fact.warnedAt ?? Number.POSITIVE_INFINITY),
  ).find(
    ({ value }) => value.total <= newest.total && value.warnedAt !== undefined && value.warnedAt >= from,
  );
}

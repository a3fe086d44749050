import type { Attention, Evidence, Meter } from '../../domain/entity.ts';
import { addMs, dayOf, type Instant, instant } from '../../domain/instant.ts';
import {
  currentLifetime,
  evidence,
  isAlive,
  isRecent,
  nextMidnight,
  type Picture,
  timeWord,
} from './derive-picture.ts';
import {
  type CostFileFact,
  type CostLogFact,
  type Found,
  findFact,
  findFamily,
  type GithubFact,
  type RateFact,
  type RefusedFact,
  type SpendFact,
} from './facts.ts';
import { spendSliceMs } from './fold-cost.ts';
import { logSources } from './locate.ts';

/** `WARNING_THRESHOLD` and `CRITICAL_THRESHOLD` of `src/safety/cost_tracker.py` and `rate_limiter.py`. */
const warningShare = 0.8;
const criticalShare = 0.95;
const hourMs = 3_600_000;

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
  const since = log && log.value.total >= total * 0.99 ? log.value.warnedAt : undefined;
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
  const refused = findFact<RefusedFact>(facts, logSources, 'refused', (fact) => fact.lastAt);
  const started = currentLifetime(picture)?.startedAt ?? 0;
  if (!refused || refused.value.lastAt < started) return undefined;
  return log && log.value.at > refused.value.lastAt ? undefined : refused;
}

/**
 * USD an hour over the last hour, or over the daemon's life where that is shorter (five minutes at least). Told in steps
 * of five minutes, so that it stands still while nothing happens.
 */
function rateOf(picture: Picture): number | undefined {
  const spends = findFamily<SpendFact>(picture.context.facts, logSources, 'spend:', (fact) => fact.cost);
  if (spends.size === 0) return undefined;
  const end = Math.floor(picture.now / spendSliceMs) * spendSliceMs + spendSliceMs;
  const started = currentLifetime(picture)?.startedAt ?? 0;
  const begin = Math.max(end - hourMs, Math.floor(started / spendSliceMs) * spendSliceMs);
  let spent = 0;
  for (const [slice, { value }] of spends) {
    const at = Number(slice);
    if (at >= begin && at < end) spent += value.cost;
  }
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

/** Cost and rate limits as meters. */
export function deriveMeters(picture: Picture, cost: Cost | undefined): Meter[] {
  const meters: Meter[] = [];
  if (cost) meters.push(costMeter(picture, cost));
  meters.push(...rateMeters(picture));
  return meters;
}

/** `$41.20`. */
export function usd(value: number): string {
  return `$${value.toFixed(2)}`;
}

function costMeter(picture: Picture, cost: Cost): Meter {
  const trail = costTrail(picture, cost);
  const attention = costAttention(picture, cost);
  const cautions: string[] = [];
  const { now } = picture;
  if (cost.stale) {
    cautions.push(
      `counts since ${cost.date}: a running daemon never begins a new day, only a restart does; both days share one limit`,
    );
  } else if (cost.date < dayOf(now)) {
    cautions.push(`this is ${cost.date}; the next start begins a new day at $0`);
  }
  if (cost.limitFrom === 'daemon' && Math.abs(cost.limit - picture.config.maxCostPerDay) > 0.001) {
    cautions.push(
      `the file says ${usd(picture.config.maxCostPerDay)}, the daemon was started with ${usd(cost.limit)}: a restart takes the new one`,
    );
  }
  cautions.push(
    'a request is paid for before the limit is looked at: refused ones cost money and are not counted',
    'usage-report and metrics read other counters than the daemon: they show nothing of this',
  );
  return {
    type: 'meter',
    system: picture.context.located.system,
    id: 'cost',
    title: `API cost ${usd(cost.total)} of ${usd(cost.limit)}`,
    name: 'cost',
    observedAt: cost.file?.file.readAt ?? picture.observedAt,
    evidence: trail[0] ?? { source: 'cost' },
    ...(trail.length > 1 ? { trail: trail.slice(1) } : {}),
    value: Math.round(cost.total * 10_000) / 10_000,
    limit: cost.limit,
    unit: 'USD',
    window: `${cost.date} UTC${cost.stale ? ', not reset since' : ''}`,
    ...(cost.perHour === undefined ? {} : { perHour: cost.perHour }),
    ...(cost.exhaustsAt === undefined ? {} : { exhaustsAt: cost.exhaustsAt }),
    status: cost.status,
    ...(attention === undefined ? {} : { attention }),
    cautions,
  };
}

function costAttention(picture: Picture, cost: Cost): Attention | undefined {
  // Requests refused have an issue of their own, which says what that means.
  if (cost.status === 'ok' || cost.refused !== undefined) return undefined;
  const { now } = picture;
  const soon = cost.exhaustsAt !== undefined && cost.exhaustsAt - now <= 2 * hourMs;
  if (cost.exhaustsAt !== undefined && !soon) picture.wake(addMs(cost.exhaustsAt, -2 * hourMs));
  const rate = cost.perHour === undefined || cost.perHour === 0 ? '' : `, +${usd(cost.perHour)}/h`;
  const old = cost.stale ? `, counting since ${cost.date.slice(5)}` : '';
  const since = cost.since ?? cost.updatedAt;
  return {
    rank: cost.status === 'critical' || soon ? 1 : 5,
    label: 'COST',
    why: `${usd(cost.total)} of ${usd(cost.limit)} (${Math.floor(cost.share * 100)} %)${rate}${old}`,
    ...(since === undefined ? {} : { since }),
    ...(cost.exhaustsAt === undefined ? {} : { until: cost.exhaustsAt }),
    onExpiry: 'every model call is paid for, refused and lost; issues fail',
    playbook: 'cost-limit',
  };
}

function costTrail(picture: Picture, cost: Cost): Evidence[] {
  const trail: Evidence[] = [];
  if (cost.file) {
    const { value, file } = cost.file;
    const at = value.updatedAt ?? file.modifiedAt;
    trail.push(
      evidence(cost.file, {
        text: `date ${value.date}, total_cost ${value.total}`,
        ...(at === undefined ? {} : { at }),
      }),
    );
    const dearest = [...value.providers].sort((a, b) => b.cost - a.cost).slice(0, 4);
    if (dearest.length > 0) {
      const text = dearest
        .map((one) => `${one.name} ${usd(one.cost)} in ${one.requests} requests`)
        .join(', ');
      trail.push(evidence(cost.file, { text }));
    }
  }
  if (cost.log) {
    const { at, offset, total, warnedAt, warnedOffset } = cost.log.value;
    if (warnedAt !== undefined) {
      const text = `80 % passed at ${timeWord(warnedAt, picture.now)}`;
      trail.push(
        evidence(cost.log, {
          at: warnedAt,
          text,
          ...(warnedOffset === undefined ? {} : { offset: warnedOffset }),
        }),
      );
    }
    trail.push(evidence(cost.log, { at, offset, text: `daily_total_cost ${total}` }));
  }
  const config = picture.configFile;
  if (config) {
    const text = `safety.max_api_cost_per_day ${picture.config.maxCostPerDay}`;
    trail.push(
      evidence(
        { file: config },
        { text, ...(config.modifiedAt === undefined ? {} : { at: config.modifiedAt }) },
      ),
    );
  }
  return trail;
}

/** One limit of requests, from `rate_limiter.json` or from what the daemon logged of GitHub's. */
function rateMeters(picture: Picture): Meter[] {
  const { facts } = picture.context;
  const rates = findFamily<RateFact>(facts, ['rate'], 'rate:', (fact) => fact.resetAt ?? 0);
  const meters: Meter[] = [];
  const github = findFact<GithubFact>(facts, logSources, 'github', (fact) => fact.at);
  const written = rates.get('github')?.file.modifiedAt ?? 0;
  const useLog = github !== undefined && github.value.limit !== undefined && github.value.at > written;
  if (useLog) {
    const { at, offset, limit = 0, remaining = 0, resetAt } = github.value;
    const text = `remaining ${remaining} of ${limit}`;
    const rate: RateFact = {
      limit,
      remaining,
      used: limit - remaining,
      ...(resetAt === undefined ? {} : { resetAt }),
    };
    meters.push(
      rateMeter(picture, 'github', rate, evidence(github, { at, offset, text }), github.file.readAt, false),
    );
  }
  for (const [name, found] of rates) {
    if (name === 'github' && useLog) continue;
    const at = found.file.modifiedAt;
    const text = `used ${found.value.used} of ${found.value.limit}`;
    const place = evidence(found, { text, ...(at === undefined ? {} : { at }) });
    meters.push(rateMeter(picture, name, found.value, place, found.file.readAt, true));
  }
  return meters;
}

function rateMeter(
  picture: Picture,
  name: string,
  rate: RateFact,
  place: Evidence,
  observedAt: Instant,
  fromFile: boolean,
): Meter {
  const { now } = picture;
  const isOver = rate.resetAt !== undefined && rate.resetAt <= now;
  if (rate.resetAt !== undefined && !isOver) picture.wake(rate.resetAt);
  const share = rate.limit > 0 ? rate.used / rate.limit : 0;
  const status = isOver || share < warningShare ? 'ok' : share < criticalShare ? 'warning' : 'critical';
  const cautions: string[] = [];
  if (fromFile)
    cautions.push(
      'the daemon never writes this file: the numbers are of another program, as old as the file',
    );
  if (isOver)
    cautions.push(`reset at ${timeWord(rate.resetAt as Instant, now)}: what is used since then is not known`);
  const resetWord = rate.resetAt === undefined ? undefined : timeWord(rate.resetAt, now);
  return {
    type: 'meter',
    system: picture.context.located.system,
    id: `rate-${name}`,
    title: isOver ? `${name} requests, reset since` : `${name} requests ${rate.used} of ${rate.limit}`,
    name: `${name} requests`,
    observedAt,
    evidence: place,
    value: isOver ? 0 : rate.used,
    limit: rate.limit,
    unit: 'requests',
    ...(resetWord === undefined ? {} : { window: isOver ? `reset at ${resetWord}` : `until ${resetWord}` }),
    status,
    ...(cautions.length === 0 ? {} : { cautions }),
  };
}

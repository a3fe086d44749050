import type { Attention, Evidence, Meter } from '../../domain/entity.ts';
import { addMs, dayOf, type Instant } from '../../domain/instant.ts';
import { type Cost, costLines, criticalShare, usd, warningShare } from './derive-cost.ts';
import { evidence, type Picture, timeWord } from './derive-picture.ts';
import type { GithubFact, RateFact } from './facts.ts';
import { findFact, findFamily } from './find-facts.ts';
import { logSources } from './locate.ts';

const hourMs = 3_600_000;

/** Cost and rate limits as meters. */
export function deriveMeters(picture: Picture, cost: Cost | undefined): Meter[] {
  const meters: Meter[] = [];
  if (cost) meters.push(costMeter(picture, cost));
  meters.push(...rateMeters(picture));
  return meters;
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
    ...(attention === undefined ? { playbook: 'high-cost' } : { attention }),
    logKeys: costLines,
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
    why: `${Math.floor(cost.share * 100)} % of the day's limit${rate}${old}`,
    ...(since === undefined ? {} : { since }),
    ...(cost.exhaustsAt === undefined ? {} : { until: cost.exhaustsAt }),
    onExpiry: 'calls are paid for and lost',
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
    const { at, offset, total } = cost.log.value;
    const { warnedAt, warnedOffset } = cost.warned?.value ?? {};
    if (cost.warned && warnedAt !== undefined) {
      const text = `80 % passed at ${timeWord(warnedAt, picture.now)}`;
      const place = warnedOffset === undefined ? {} : { offset: warnedOffset };
      trail.push(evidence(cost.warned, { at: warnedAt, text, ...place }));
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
    ...(name === 'github' ? { logKeys: ['GitHub API rate limit', 'Failed to check rate limit'] } : {}),
    ...(cautions.length === 0 ? {} : { cautions }),
  };
}

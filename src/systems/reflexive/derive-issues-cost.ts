import type { Issue } from '../../domain/entity.ts';
import { addMs, dayOf, parseInstant } from '../../domain/instant.ts';
import { type Cost, costLines, usd } from './derive-cost.ts';
import { dayMs, evidence, isAlive, type Picture, timeWord } from './derive-picture.ts';
import { issueOf } from './issue-parts.ts';

/** Requests paid for and thrown away. */
export function refusedRequests(picture: Picture, cost: Cost | undefined): Issue | undefined {
  const refused = cost?.refused;
  if (!cost || !refused || !isAlive(picture)) return undefined;
  const { firstAt, lastAt, count, offset, text } = refused.value;
  const times = count === 1 ? '1 answer' : `${count} answers`;
  return issueOf(picture, {
    key: 'cost-refused',
    logKeys: ['Daily cost limit would be exceeded'],
    title: `daily limit ${usd(cost.limit)} reached`,
    severity: 'fatal',
    observedAt: refused.file.readAt,
    trail: [evidence(refused, { offset, at: lastAt, text })],
    since: firstAt,
    detail:
      'The model is called before the limit is looked at: the answer is paid for, then refused and lost. The counter stays below the limit while the bill grows.',
    suggestedAction:
      'Stop the daemon (SIGINT) until the limit is raised or the day is over; it never begins a new day by itself.',
    playbook: 'cost-limit',
    row: {
      rank: 1,
      label: 'COST',
      why: `${times} paid for and lost since ${timeWord(firstAt, picture.now)}; the counter hides it`,
      act: 'daemon.stop',
      menu: 'pause',
    },
    cautions: ['midnight does not end this: a running daemon never resets its counter'],
  });
}

/** The condition behind the cost meter, which has the row. */
export function costLimit(picture: Picture, cost: Cost | undefined): Issue | undefined {
  if (!cost || cost.status === 'ok' || cost.refused) return undefined;
  const place = cost.file ?? cost.log;
  if (!place) return undefined;
  const critical = cost.status === 'critical';
  return issueOf(picture, {
    key: 'cost-limit',
    logKeys: costLines,
    title: `cost ${usd(cost.total)} is ${Math.floor(cost.share * 100)} % of ${usd(cost.limit)}`,
    severity: critical ? 'error' : 'warning',
    observedAt: place.file.readAt,
    trail: [
      evidence(place, {
        ...(cost.updatedAt === undefined ? {} : { at: cost.updatedAt }),
        text: `total_cost ${cost.total}`,
      }),
    ],
    since: cost.since ?? cost.updatedAt,
    ...(cost.exhaustsAt === undefined
      ? {}
      : {
          detail: `at ${usd(cost.perHour ?? 0)} an hour the limit is reached at ${timeWord(cost.exhaustsAt, picture.now)}`,
        }),
    playbook: 'cost-limit',
  });
}

/** A counter that goes on over midnight. */
export function staleWindow(picture: Picture, cost: Cost | undefined): Issue | undefined {
  if (!cost?.stale) return undefined;
  const place = cost.file ?? cost.log;
  if (!place) return undefined;
  const dayAfter = parseInstant(cost.date);
  const hasRow = cost.status === 'ok' && cost.share >= 0.5;
  return issueOf(picture, {
    key: 'cost-window',
    logKeys: costLines,
    title: `cost window is still ${cost.date}: one daily limit for all days since`,
    severity: 'warning',
    observedAt: place.file.readAt,
    trail: [evidence(place, { text: `date ${cost.date}, today is ${dayOf(picture.now)}` })],
    since: dayAfter === undefined ? undefined : addMs(dayAfter, dayMs),
    detail: 'The tracker looks at the date when its process starts and never again.',
    suggestedAction: 'Restart the daemon when no operation is in flight; it then begins at $0.',
    playbook: 'cost-limit',
    // Below half the limit this is how every long-lived daemon looks each night: worth knowing, no page.
    ...(hasRow
      ? {
          row: {
            rank: 5,
            label: 'COST',
            why: `${usd(cost.total)} of ${usd(cost.limit)} already, no reset at midnight`,
          } as const,
        }
      : {}),
  });
}

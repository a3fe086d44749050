import type { Evidence } from '../../domain/entity.ts';
import { earliest, type Instant } from '../../domain/instant.ts';
import { getBoolean, getField, getNumber, getString } from '../../lib/json.ts';
import type { Crew } from './derive-process.ts';
import { isMonitorOverdue, type MonitorTimes } from './monitor-check.ts';
import { instantOf, type Seen } from './seen.ts';

/** Whether the API answers, who says so, since when. */
export interface ApiState {
  readonly state: 'up' | 'down' | 'unknown';
  readonly since: Instant | undefined;
  /** One line: the error, or who said it is up. */
  readonly why: string;
  readonly evidence: Evidence | undefined;
  /** It took the connection or the port and gave no answer, as opposed to nobody listening. */
  readonly hangs: boolean;
  /** The status of a 5xx: it is there, answers, and fails inside. */
  readonly failsWith?: number;
}

/** Everything asked of the API: an item that tells that it is down tells it of all these. */
export const API_SOURCES: readonly string[] = [
  'api.health',
  'api.attention',
  'api.runners',
  'api.fatal',
  'api.ready',
];

/** What the state of the API is judged by, beside its own answer. */
interface ApiView extends MonitorTimes {
  readonly monitorLog: Seen | undefined;
  readonly crew: Crew;
}

/**
 * Our own question to the API decides where there is one; else the monitor's last check, while that is not overdue.
 * One missed answer after good ones is not "down" yet, unless nobody listens or the monitor says so too. A refusal
 * (401, 403, 404, 429) or a page that is none of its own is an answer: the API is not down, and not known to be up.
 */
export function apiStateOf(health: Seen | undefined, scene: ApiView): ApiState {
  const said = monitorOnApi(scene);
  const fact = health?.fact('health');
  if (health && fact !== undefined) {
    const evidence = health.at(
      fact,
      getString(fact, 'error') ?? `answered 200 in ${getNumber(fact, 'latencyMs')} ms`,
    );
    if (getBoolean(fact, 'ok') === true) {
      return { state: 'up', since: instantOf(fact, 'startedAt'), why: 'health 200', evidence, hangs: false };
    }
    const error = getString(fact, 'error') ?? 'no answer';
    const refused = /refused|ECONNREFUSED/i.test(error);
    const status = getNumber(fact, 'status');
    const isLasting = (getNumber(fact, 'failures') ?? 0) >= 3 || instantOf(fact, 'okAt') === undefined;
    const isAnswered = status !== undefined && status < 500;
    const isDown = refused || (isLasting && !isAnswered) || said?.state === 'down';
    const since = instantOf(fact, 'failingSince');
    return {
      state: isDown ? 'down' : 'unknown',
      since: said?.state === 'down' ? earliest(said.since, since) : since,
      why: error,
      evidence,
      hangs: status === undefined && !refused && scene.crew.portHolder !== undefined,
      ...(status !== undefined && status >= 500 ? { failsWith: status } : {}),
    };
  }
  return (
    said ?? { state: 'unknown', since: undefined, why: 'nobody asked it', evidence: undefined, hangs: false }
  );
}

function monitorOnApi(scene: ApiView): ApiState | undefined {
  const { check } = scene;
  if (!check || check.lastCheck === undefined || isMonitorOverdue(scene)) return undefined;
  const down = check.issues.find((issue) => getString(issue, 'condition') === 'api_unreachable');
  if (!down) {
    const evidence = check.seen.at({ at: check.lastCheck }, 'the monitor reached it');
    return { state: 'up', since: undefined, why: 'the monitor reached it', evidence, hangs: false };
  }
  const fact = scene.monitorLog?.fact('unreachable');
  const open = getField(scene.monitorLog?.fact('open'), 'api_unreachable');
  const message = getString(down, 'message') ?? 'api_unreachable';
  return {
    state: 'down',
    since: instantOf(fact, 'since') ?? instantOf(open, 'since') ?? instantOf(down, 'createdAt'),
    why: message,
    evidence: check.seen.at({ at: check.lastCheck }, message),
    hangs: !/refused/i.test(message) && scene.crew.portHolder !== undefined,
  };
}

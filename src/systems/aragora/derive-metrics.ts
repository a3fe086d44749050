import type { Issue, Meter, Service } from '../../domain/entity.ts';
import { addMs, instant } from '../../domain/instant.ts';
import { getArray, getBoolean, getNumber, getString } from '../../lib/json.ts';
import { firstLine } from '../../lib/phrase.ts';
import { entityBase, evidenceOf, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import { issueOf } from './issue.ts';
import type { Scene } from './scene.ts';

const MIB = 1024 * 1024;
/** HighMemoryUsage of deploy/alerting/prometheus-rules.yml: 1.5 GiB. */
const MEMORY_LIMIT_MIB = 1536;
/** HighErrorRate of aragora/monitoring/alerts/prometheus_rules.yml: 5 % over five minutes. */
const ERROR_LIMIT = 5;
/** Fewer requests than that say nothing of a rate. */
const FEWEST_REQUESTS = 20;
const WINDOW_MS = 300_000;

/** What `/metrics` tells, each number with the limit its alert rule names. */
export function metricMeters(scene: Scene): readonly Meter[] {
  const file = scene.file('api.metrics');
  const metrics = file?.facts.get('metrics');
  if (!file || metrics === undefined) return [];
  const meter = (
    id: string,
    title: string,
    parts: Pick<Meter, 'value' | 'unit' | 'status'> & Partial<Meter>,
    family: string,
  ): Meter => ({
    ...entityBase(scene, id, file),
    type: 'meter',
    title,
    name: title,
    evidence: evidenceOf(file, undefined, family),
    ...parts,
  });
  const meters: Meter[] = [];
  const bytes = getNumber(metrics, 'process_resident_memory_bytes');
  if (bytes !== undefined) {
    // In steps of 8 MiB: a value that moves with each look is a change each time.
    const value = Math.round(bytes / MIB / 8) * 8;
    meters.push(
      meter(
        'memory',
        'memory of the server',
        {
          value,
          limit: MEMORY_LIMIT_MIB,
          unit: 'MiB',
          window: 'now',
          status: value > MEMORY_LIMIT_MIB ? 'critical' : value > MEMORY_LIMIT_MIB * 0.8 ? 'warning' : 'ok',
        },
        'process_resident_memory_bytes',
      ),
    );
  }
  const rate = errorRate(scene);
  if (rate) {
    const value = Math.round(rate.percent * 10) / 10;
    meters.push(
      meter(
        'error-rate',
        'failed requests',
        {
          value,
          limit: ERROR_LIMIT,
          unit: '%',
          window: `${rate.count} requests of the last minutes`,
          status: value > ERROR_LIMIT ? 'critical' : value > 1 ? 'warning' : 'ok',
        },
        'aragora_api_requests_total',
      ),
    );
  }
  const plain: readonly [string, string, string, string][] = [
    ['debates-active', 'running debates', 'aragora_active_debates', 'debates'],
    ['websockets', 'WebSocket connections', 'aragora_websocket_connections_active', 'connections'],
    ['rate-limit-hits', 'requests turned away', 'aragora_rate_limit_hits_total', 'since the start'],
    ['consensus-rate', 'consensus rate', 'aragora_consensus_rate', ''],
  ];
  for (const [id, title, family, unit] of plain) {
    const value = getNumber(metrics, family);
    if (value !== undefined)
      meters.push(meter(id, title, { value: Math.round(value * 100) / 100, unit, status: 'ok' }, family));
  }
  return meters;
}

interface ErrorRate {
  readonly percent: number;
  readonly count: number;
}

/** Growth of the counters over the newest five minutes, as the rule's `rate(...[5m])`. */
function errorRate(scene: Scene): ErrorRate | undefined {
  const looks = getArray(scene.fact('api.metrics', 'requests'), 'looks');
  const newest = looks.at(-1);
  const at = getNumber(newest, 'at');
  const first = looks.find((look) => (getNumber(look, 'at') ?? 0) >= (at ?? 0) - WINDOW_MS);
  if (newest === undefined || first === undefined || first === newest) return undefined;
  const grown = (key: string): number => (getNumber(newest, key) ?? 0) - (getNumber(first, key) ?? 0);
  const count = grown('all');
  return count < FEWEST_REQUESTS ? undefined : { percent: (grown('failed') / count) * 100, count };
}

/** The conditions of the alert rules that can fire at all, and limits that turned somebody away. */
export function metricIssues(scene: Scene): readonly Issue[] {
  return [memoryIssue(scene), rateIssue(scene), limitIssue(scene)].filter((issue) => issue !== undefined);
}

function memoryIssue(scene: Scene): Issue | undefined {
  const memory = metricMeters(scene).find((one) => one.id === 'memory');
  if (!memory || memory.value <= MEMORY_LIMIT_MIB) return undefined;
  return issueOf(scene, 'memory-high', {
    severity: 'warning',
    title: `server holds ${memory.value} MiB`,
    detail: `above the ${MEMORY_LIMIT_MIB} MiB of its alert rule`,
    since: undefined,
    evidence: memory.evidence,
    attention: {
      rank: 5,
      label: 'MEMORY',
      why: `${memory.value} of ${MEMORY_LIMIT_MIB} MiB`,
      onExpiry: 'ended by the kernel when it has too much',
    },
    playbook: 'memory',
  });
}

function rateIssue(scene: Scene): Issue | undefined {
  const meter = metricMeters(scene).find((one) => one.id === 'error-rate');
  if (!meter || meter.value <= ERROR_LIMIT) return undefined;
  return issueOf(scene, 'error-rate', {
    severity: 'error',
    title: `${meter.value}% of requests fail`,
    detail: meter.window ?? '',
    since: undefined,
    evidence: meter.evidence,
    attention: { rank: 4, label: 'ERRORS', why: `${meter.value}%, the alert rule allows ${ERROR_LIMIT}%` },
    playbook: 'error-rate',
    ...(scene.server ? { logFiles: [scene.server.path] } : {}),
  });
}

const LIMIT_NEWS_MS = 600_000;

/** `Rate limit exceeded for ...` of the server's log; its own poller may be whom it meant. */
function limitIssue(scene: Scene): Issue | undefined {
  const log = scene.server;
  const line = log?.facts.get('rateLimit');
  const at = instantOf(line, 'at');
  if (!log || at === undefined || scene.due.isPast(addMs(instant(at), LIMIT_NEWS_MS))) return undefined;
  return issueOf(scene, 'rate-limited', {
    severity: 'warning',
    title: firstLine(getString(line, 'text') ?? 'rate limit exceeded', 80),
    since: at,
    evidence: evidenceOf(log, line),
    attention: { rank: 5, label: 'LIMIT', why: 'requests are turned away with 429' },
    playbook: 'rate-limit',
    logFiles: [log.path],
  });
}

/** The limits in force, as a service of the server. */
export function limitServices(scene: Scene): readonly Service[] {
  const file = scene.file('api.limits');
  const limits = file?.facts.get('limits');
  if (!file || limits === undefined) return [];
  const number = (key: string): number | undefined => getNumber(limits, key);
  const isOn = getBoolean(limits, 'isOn');
  const detail = textsOf(
    isOn === false && 'login is off',
    number('perToken') !== undefined && `${number('perToken')} a minute per token`,
    number('perAddress') !== undefined && `${number('perAddress')} per address`,
    (number('addresses') ?? 0) > 0 && `${number('addresses')} addresses counted`,
    (number('revoked') ?? 0) > 0 && `${number('revoked')} tokens revoked`,
  ).join(', ');
  return [
    {
      ...entityBase(scene, 'limits', file),
      type: 'service',
      title: 'login and rate limits',
      playbook: 'security-incident',
      status: getBoolean(file.facts.get('answer'), 'ok') === true ? 'up' : 'unknown',
      detail,
      evidence: evidenceOf(file, undefined, detail),
      cautions: [
        'ARAGORA_RATE_LIMIT_DEBATE_RPM, _WHITELIST, _DISABLED and _EMERGENCY are read by no program',
        'variables exported in a shell never reach a systemd unit: it reads its EnvironmentFile',
      ],
    },
  ];
}

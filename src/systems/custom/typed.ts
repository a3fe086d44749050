/** An item of a described kind as an entity of its type. */
import type { Approval, Entity, EntityBase, Job, Run, Service, Turn } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { Json } from '../../lib/json.ts';
import { fieldAt, fillTemplate, instantAt, numberAt, textAt, textBy } from './field.ts';
import type { DescribedEntity } from './schema-entity.ts';
import { wordOf } from './word.ts';

/** What is known of an item beside its base. */
export interface Told {
  readonly status: string;
  /** Its status in the words of the watched system. */
  readonly native?: string;
  readonly value: Json;
  readonly zone: string;
}

type RuleOf<T extends DescribedEntity['type']> = Extract<DescribedEntity, { type: T }>;

/** A status of another vocabulary is shown as it is, beside `unknown`. */
export function typedEntity(rule: DescribedEntity, base: EntityBase, told: Told): Entity {
  const { status, value, zone } = told;
  const since = instantAt(value, rule.since, zone);
  const nativeStatus = told.native === undefined ? {} : { nativeStatus: told.native };
  switch (rule.type) {
    case 'run':
      return {
        ...base,
        type: 'run',
        status: oneOf<Run['status']>(
          ['running', 'succeeded', 'failed', 'halted', 'stalled'],
          status,
          'unknown',
        ),
        ...nativeStatus,
        ...given('startedAt', since),
        ...given('endedAt', instantAt(value, rule.ended, zone)),
      };
    case 'turn':
      return turnOf(rule, base, told, since);
    case 'job':
      return jobOf(rule, base, told, since);
    case 'approval':
      return approvalOf(rule, base, told, since);
    case 'issue': {
      const severity = rule.severity === undefined ? undefined : wordOf(rule.severity, value);
      return {
        ...base,
        type: 'issue',
        key: base.id,
        severity: oneOf(['fatal', 'error', 'warning', 'info'], severity ?? '', 'warning'),
        status: status === 'unchecked' ? 'unchecked' : 'open',
        ...given('detail', filled(rule.summary, value)),
        ...given('since', since),
        ...given('suggestedAction', filled(rule.suggests, value)),
        ...given('playbook', rule.playbook),
      };
    }
    case 'layer':
      return {
        ...base,
        type: 'layer',
        order: rule.order ?? 0,
        name: base.title,
        status: oneOf(['ok', 'attention', 'failed', 'unknown'], status, 'unknown'),
        summary: fillTemplate(rule.summary ?? rule.title, value),
      };
    case 'service':
      return {
        ...base,
        type: 'service',
        status: oneOf<Service['status']>(['up', 'degraded', 'down'], status, 'unknown'),
        ...given('detail', filled(rule.summary, value)),
        ...given('latencyMs', rule.latency === undefined ? undefined : numberAt(value, rule.latency)),
      };
    case 'meter':
      return meterOf(rule, base, value);
    case 'restore-point':
      return {
        ...base,
        type: 'restorePoint',
        label: base.title,
        ...given('createdAt', instantAt(value, rule.created ?? rule.since, zone)),
        ...given('commit', rule.commit === undefined ? undefined : textAt(value, rule.commit)),
      };
  }
}

function turnOf(
  rule: RuleOf<'turn'>,
  base: EntityBase,
  { status, value, zone }: Told,
  since: Instant | undefined,
): Entity {
  const captured = instantAt(value, rule.captured, zone);
  return {
    ...base,
    type: 'turn',
    run: textBy(rule.run, value) ?? '',
    index: (rule.index === undefined ? undefined : numberAt(value, rule.index)) ?? 0,
    role: (rule.role === undefined ? undefined : textBy(rule.role, value)) ?? '',
    state: oneOf<Turn['state']>(
      ['in-flight', 'stalled', 'no-progress', 'failed', 'completed', 'dead'],
      status,
      'unknown',
    ),
    ...given('issue', rule.issue === undefined ? undefined : textBy(rule.issue, value)),
    ...given('model', rule.model === undefined ? undefined : textBy(rule.model, value)),
    ...given('path', base.evidence.path),
    ...given('startedAt', since),
    ...given('capturedAt', captured),
  };
}

function jobOf(rule: RuleOf<'job'>, base: EntityBase, told: Told, since: Instant | undefined): Entity {
  const { status, value, zone, native } = told;
  return {
    ...base,
    type: 'job',
    status: oneOf<Job['status']>(
      ['queued', 'running', 'waiting', 'done', 'failed', 'cancelled', 'blocked', 'archived'],
      status,
      'unknown',
    ),
    ...given('nativeStatus', native),
    ...given('waitingFor', filled(rule['waiting-for'], value)),
    ...given('leaseUntil', instantAt(value, rule.lease, zone)),
    ...given('heartbeatAt', instantAt(value, rule.heartbeat, zone)),
    ...given('attempts', rule.attempts === undefined ? undefined : numberAt(value, rule.attempts)),
    ...given('createdAt', instantAt(value, rule.created, zone)),
    ...given('updatedAt', since),
  };
}

function approvalOf(
  rule: RuleOf<'approval'>,
  base: EntityBase,
  told: Told,
  since: Instant | undefined,
): Entity {
  const { status, value, zone } = told;
  const reason =
    rule['only-watched'] ?? (rule.decisions?.length ? undefined : 'no act is described that decides it');
  const risk = rule.risk === undefined ? undefined : wordOf(rule.risk, value);
  const text = rule.payload === undefined ? undefined : textBy(rule.payload.text, value);
  return {
    ...base,
    type: 'approval',
    ask: rule.ask,
    // What is not known to be decided still waits.
    status: oneOf<Approval['status']>(['pending', 'decided', 'expired'], status, 'pending'),
    answerable: reason === undefined,
    ...given('reason', reason),
    ...given(
      'risk',
      risk === undefined
        ? undefined
        : oneOf<NonNullable<Approval['risk']>>(['low', 'medium', 'high'], risk, 'critical'),
    ),
    ...given('requestedAt', since),
    ...given('expiresAt', instantAt(value, rule.expires, zone)),
    ...given('onExpiry', filled(rule['on-expiry'], value)),
    ...given('question', filled(rule.question, value)),
    ...given('payload', rule.payload === undefined || !text ? undefined : { form: rule.payload.form, text }),
    decisions: rule.decisions ?? [],
    ...given('subject', rule.subject === undefined ? undefined : textBy(rule.subject, value)),
  };
}

function meterOf(rule: RuleOf<'meter'>, base: EntityBase, value: Json): Entity {
  const amount = numberAt(value, rule.value);
  // Nought would be a figure nobody measured.
  if (amount === undefined)
    return {
      ...base,
      type: 'service',
      status: 'unknown',
      detail: `no number at ${rule.value}: ${JSON.stringify(fieldAt(value, rule.value) ?? null).slice(0, 80)}`,
    };
  const limit = typeof rule.limit === 'string' ? numberAt(value, rule.limit) : rule.limit;
  const share = limit === undefined || limit <= 0 ? 0 : amount / limit;
  return {
    ...base,
    type: 'meter',
    name: base.title,
    value: amount,
    unit: rule.unit ?? '',
    status: share >= (rule.critical ?? 0.95) ? 'critical' : share >= (rule.warning ?? 0.8) ? 'warning' : 'ok',
    ...given('limit', limit),
    ...given('window', filled(rule.window, value)),
  };
}

function filled(template: string | undefined, value: Json): string | undefined {
  return template === undefined ? undefined : fillTemplate(template, value);
}

/** A property that is there only where its value is. */
function given<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

function oneOf<T extends string>(allowed: readonly T[], word: string, otherwise: T): T {
  return allowed.find((one) => one === word) ?? otherwise;
}

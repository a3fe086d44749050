import type { ActEntry, DeclaredAct } from '../domain/act.ts';
import { type AttentionItem, attentionKey } from '../domain/attention.ts';
import type { Entity, EntityType } from '../domain/entity.ts';
import { toIso } from '../domain/instant.ts';
import type { SourceStatus } from '../domain/source.ts';
import type { SystemSummary } from '../engine/protocol.ts';
import type { CockpitState } from '../store/state.ts';

/** Fields that hold an instant, by the naming rule of the project. */
const INSTANT_FIELD = /(?:At|Until)$|^(?:at|since|until|deadline|factsSince)$/;
/** What only the program itself uses. */
const INNER_FIELDS: ReadonlySet<string> = new Set(['type', 'attention', 'logKeys', 'logFiles', 'data']);

/** A copy in which every instant is ISO 8601 in UTC. Undefined fields vanish, as JSON wants it. */
export function withIsoTimes(value: unknown, field = ''): unknown {
  if (typeof value === 'number' && INSTANT_FIELD.test(field))
    return toIso(value as Parameters<typeof toIso>[0]);
  if (Array.isArray(value)) return value.map((item) => withIsoTimes(item, field));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withIsoTimes(inner, key)]));
}

/**
 * Fields an entity of each type always has in the output, null where nothing is known: a reader of the JSON asks for
 * them by name and never has to tell "not told" from "not there".
 */
const NAMED_FIELDS: Readonly<Record<EntityType, readonly string[]>> = {
  approval: [
    ...['ask', 'status', 'answerable', 'reason', 'risk', 'requestedAt', 'expiresAt', 'onExpiry'],
    ...['question', 'payloadDigest', 'decisions'],
  ],
  issue: ['key', 'severity', 'status', 'detail', 'since', 'suggestedAction', 'playbook'],
  layer: ['order', 'name', 'status', 'summary'],
  run: ['status', 'nativeStatus', 'startedAt', 'endedAt'],
  turn: ['run', 'issue', 'index', 'role', 'state', 'model', 'path', 'capturedAt'],
  job: ['status', 'nativeStatus', 'waitingFor', 'leaseUntil', 'heartbeatAt', 'attempts'],
  service: ['status', 'latencyMs', 'detail'],
  meter: ['name', 'value', 'limit', 'unit', 'window', 'perHour', 'exhaustsAt', 'status'],
  restorePoint: ['label', 'createdAt', 'commit'],
};

/** An entity as `--json` prints it. An issue somebody has set aside says so. */
export function entityJson(entity: Entity, aside: readonly AttentionItem[] = []): unknown {
  const own = Object.entries(entity).filter(([key]) => !INNER_FIELDS.has(key));
  const named = NAMED_FIELDS[entity.type].map((key) => [key, null]);
  const isAside = entity.type === 'issue' && aside.some(({ key }) => key === attentionKey(entity));
  return withIsoTimes({
    ...Object.fromEntries(own),
    ...Object.fromEntries(named.filter(([key]) => Reflect.get(entity, String(key)) === undefined)),
    ...(isAside ? { status: 'aside' } : {}),
  });
}

/** A row of the queue as `--json` prints it. */
export function attentionJson(item: AttentionItem, state: CockpitState): unknown {
  const aside = state.asides.find((one) => one.key === item.key);
  const hold = state.holds.find((one) => one.key === item.key);
  return withIsoTimes({
    rank: item.rank,
    label: item.label,
    kind: item.kind,
    ref: item.ref ? `${item.ref.system}/${item.ref.id}` : item.key,
    system: item.system,
    title: item.title,
    why: item.why,
    key: item.act ?? null,
    since: item.since ?? null,
    until: item.until ?? null,
    onExpiry: item.onExpiry ?? null,
    playbook: item.playbook ?? null,
    heldBy: hold?.by ?? null,
    asideUntil: aside ? (aside.until ?? (aside.forGood ? 'for good' : 'until it changes')) : null,
    count: item.count,
  });
}

/** A system as `--json` prints it. */
export function systemJson(system: SystemSummary): unknown {
  const { id, kind, root, url, environment, state } = system;
  return withIsoTimes({
    id,
    kind,
    root,
    ...(url === undefined ? {} : { url }),
    ...(environment === undefined ? {} : { environment }),
    state,
    sources: system.sources.map(sourceJson),
  });
}

/** A source as `--json` prints it: its place is a `url` for `http`, else a `path` (a program's words, for a program). */
export function sourceJson({ id, type, place, ...source }: SourceStatus): unknown {
  return withIsoTimes({
    id,
    type,
    [type === 'http' ? 'url' : 'path']: place,
    ...source,
    lastReadAt: source.lastReadAt ?? null,
    lastChangedAt: source.lastChangedAt ?? null,
    error: source.error ?? null,
  });
}

/** An act a kind declares, as `list acts --json` prints it. */
export function declaredActJson(act: DeclaredAct): unknown {
  return {
    kind: act.kind,
    act: act.act,
    title: act.title,
    does: act.does,
    risk: act.risk,
    menu: act.menu,
    params: act.params,
    runs: act.runs ?? null,
    outcome: act.outcome ?? null,
    undo: act.undo ?? null,
    undoAct: act.undoAct ?? null,
    systems: act.systems,
  };
}

/** An act that was done as `--json` prints it, in `status`, in `list acts` and at the end of `act`. */
export function actJson(act: ActEntry): unknown {
  return withIsoTimes({
    order: act.order,
    act: act.act,
    target: `${act.target.system}/${act.target.id}`,
    type: act.target.type,
    title: act.targetTitle,
    status: act.status,
    startedAt: act.startedAt,
    endedAt: act.endedAt ?? null,
    by: act.by,
    attempt: act.attempt,
    reason: act.reason ?? null,
    exitCode: act.exitCode ?? null,
    summary: act.summary ?? null,
    undo: act.undo ?? null,
    undoAct: act.undoAct ?? null,
    undoes: act.undoes ?? null,
    stages: act.stages,
  });
}

/** Name of each type's list in the output, in the order of the output. */
export const LISTS: readonly { readonly name: string; readonly verb: string; readonly type: EntityType }[] = [
  { name: 'approvals', verb: 'approvals', type: 'approval' },
  { name: 'issues', verb: 'issues', type: 'issue' },
  { name: 'layers', verb: 'layers', type: 'layer' },
  { name: 'runs', verb: 'runs', type: 'run' },
  { name: 'turns', verb: 'turns', type: 'turn' },
  { name: 'jobs', verb: 'jobs', type: 'job' },
  { name: 'services', verb: 'services', type: 'service' },
  { name: 'meters', verb: 'meters', type: 'meter' },
  { name: 'restorePoints', verb: 'restore-points', type: 'restorePoint' },
];

/** The one object of `status --json`. */
export function statusJson(state: CockpitState, withAside: boolean): unknown {
  const queue = withAside ? [...state.queue, ...state.aside] : state.queue;
  const lists = LISTS.map(({ name, type }) => [
    name,
    state.lists[type].map((one) => entityJson(one, state.aside)),
  ]);
  return {
    schema: 'binnacle/1',
    generatedAt: toIso(state.now),
    factsSince: state.factsSince === undefined ? null : toIso(state.factsSince),
    systems: state.systems.map(systemJson),
    attention: queue.map((item) => attentionJson(item, state)),
    ...Object.fromEntries(lists),
    acts: state.acts.map(actJson),
  };
}

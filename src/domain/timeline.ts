/** One chronology of an incident: changes of state, acts, what operators did, with the evidence of each. */
import type { AttentionItem } from './attention.ts';
import type { Entity, EntityType, Evidence, Ref, SystemId } from './entity.ts';
import { refKey, refOf } from './entity.ts';
import { moveText, type Remark, type StateChange } from './history.ts';
import type { Instant } from './instant.ts';
import type { LedgerRecord } from './ledger.ts';
import { GONE, sinceOf, stateOf, type Weight, weightOf } from './sighting.ts';
import { markText, type RecordedStep } from './steps.ts';

/** A line of a log that stood around an event. */
export interface LogExcerpt {
  readonly path: string;
  /** Byte offset of the line in the file. */
  readonly offset: number;
  readonly at?: Instant;
  readonly text: string;
}

/** One thing that happened. Texts are raw. */
export interface TimelineEvent {
  readonly at: Instant;
  /** Nobody watched: it came between this time and `at`. */
  readonly notBefore?: Instant;
  readonly kind: 'change' | 'approval' | 'act' | 'step' | 'remark';
  readonly system?: SystemId;
  readonly ref?: Ref;
  /** What it happened to: `job spec`. */
  readonly title: string;
  /** What happened: `queued -> running`. */
  readonly text: string;
  readonly weight: Weight;
  readonly by?: string;
  readonly reason?: string;
  /** What an act ran, secrets masked. */
  readonly commands?: readonly string[];
  readonly evidence?: Evidence;
  readonly logKeys?: readonly string[];
  readonly excerpts?: readonly LogExcerpt[];
}

/** A time in which nothing moved without a human. */
export interface FatalSpan {
  readonly ref: Ref;
  readonly title: string;
  readonly from: Instant;
  /** Undefined: it still is so. */
  readonly to?: Instant;
}

/** What a timeline is made of. */
export interface TimelineParts {
  readonly since: Instant;
  readonly until: Instant;
  /** Oldest first. */
  readonly changes: readonly StateChange[];
  /** What is there now. */
  readonly entities: readonly Entity[];
  readonly ledger: readonly { readonly record: LedgerRecord }[];
  readonly remarks: readonly Remark[];
  /** What was recorded of steps. */
  readonly steps?: readonly RecordedStep[];
  /** Only these systems; default all. */
  readonly systems?: readonly SystemId[];
}

/** The chronology, oldest first. */
export interface Timeline {
  readonly events: readonly TimelineEvent[];
  readonly fatal: readonly FatalSpan[];
}

/** Of two tellings of one beginning, one by the record and one by the thing itself, one is shown. */
const SAME_MS = 1_000;

/** Puts everything of the span in order. */
export function timelineOf(parts: TimelineParts): Timeline {
  const { since, until } = parts;
  const wanted = parts.systems ? new Set<string>(parts.systems) : undefined;
  const isWanted = (system: SystemId | undefined): boolean =>
    !wanted || (system !== undefined && wanted.has(system));
  const changes = parts.changes.filter((change) => isWanted(change.ref.system)).map(changeEvent);
  const told = new Map<string, Instant[]>();
  const tell = (ref: Ref, state: string, at: Instant): boolean => {
    const key = `${refKey(ref)}\n${state}`;
    const known = told.get(key) ?? [];
    if (known.some((one) => Math.abs(one - at) <= SAME_MS)) return false;
    told.set(key, [...known, at]);
    return true;
  };
  for (const change of parts.changes) tell(change.ref, change.to, change.at);
  const before = parts.changes
    .filter(({ ref, from, fromSince }) => isWanted(ref.system) && fromSince !== undefined && from !== GONE)
    .filter(({ ref, from, fromSince }) => tell(ref, from ?? '', fromSince as Instant))
    .map(beginningEvent);
  const present = parts.entities.filter((entity) => isWanted(entity.system)).flatMap(beginningsOf);
  const events = [
    ...changes,
    ...before,
    ...present
      .filter(({ ref, at, state }) => tell(ref, state, at))
      .map(({ state: _state, ...event }) => event),
    ...parts.ledger.flatMap(actEvents).filter((event) => isWanted(event.system)),
    ...(parts.steps ?? []).filter(({ run }) => isWanted(run.target.system)).flatMap(stepEvents),
    // What is of no single system belongs to every report.
    ...parts.remarks.filter(({ system }) => system === undefined || isWanted(system)).map(remarkEvent),
  ];
  return {
    events: events.filter(({ at }) => at >= since && at <= until).sort((a, b) => a.at - b.at),
    fatal: fatalSpans(parts, isWanted),
  };
}

function nameOf(type: EntityType, title: string): string {
  return `${type === 'restorePoint' ? 'restore point' : type} ${title}`;
}

function changeEvent(change: StateChange): TimelineEvent {
  const { ref, at, notBefore, title, evidence, weight, logKeys } = change;
  const isApproval = ref.type === 'approval';
  return {
    at,
    ...(notBefore === undefined ? {} : { notBefore }),
    kind: isApproval ? 'approval' : 'change',
    system: ref.system,
    ref,
    title: nameOf(ref.type, title),
    text: isApproval ? approvalText(change) : moveText(change),
    weight,
    evidence,
    logKeys,
  };
}

function approvalText(change: StateChange): string {
  const more = change.detail === undefined ? '' : ` (${change.detail})`;
  if (change.from === change.to) return moveText(change);
  if (change.to === 'pending') return `requested${more}`;
  return change.to === GONE ? 'withdrawn, or its record removed' : `${change.to}${more}`;
}

function beginningEvent({ ref, title, from, fromSince, logKeys }: StateChange): TimelineEvent {
  return {
    at: fromSince as Instant,
    kind: ref.type === 'approval' ? 'approval' : 'change',
    system: ref.system,
    ref,
    title: nameOf(ref.type, title),
    text: ref.type === 'approval' && from === 'pending' ? 'requested' : (from ?? ''),
    weight: 'info',
    logKeys,
  };
}

/** What a thing itself says of when it came to where it is. */
function beginningsOf(entity: Entity): (TimelineEvent & { readonly ref: Ref; readonly state: string })[] {
  const ref = refOf(entity);
  const state = stateOf(entity);
  const at = sinceOf(entity);
  const common = {
    kind: entity.type === 'approval' ? ('approval' as const) : ('change' as const),
    system: entity.system,
    ref,
    title: nameOf(entity.type, entity.title),
    evidence: entity.evidence,
    logKeys: entity.logKeys ?? [],
  };
  const label = entity.attention?.label;
  const text = entity.type === 'approval' && state === 'pending' ? 'requested' : state;
  const found: (TimelineEvent & { readonly ref: Ref; readonly state: string })[] = [];
  if (at !== undefined)
    found.push({
      ...common,
      at,
      state,
      text: label === undefined || label.toLowerCase() === state ? text : `${text}, ${label}`,
      weight: weightOf(entity),
    });
  const started =
    entity.type === 'run' ? entity.startedAt : entity.type === 'turn' ? entity.startedAt : undefined;
  if (started !== undefined && started !== at)
    found.push({
      ...common,
      at: started,
      state: entity.type === 'run' ? 'running' : 'in-flight',
      text: 'started',
      weight: 'info',
    });
  if (entity.type === 'approval' && entity.requestedAt !== undefined && state !== 'pending')
    found.push({ ...common, at: entity.requestedAt, state: 'pending', text: 'requested', weight: 'info' });
  return found;
}

function actEvents({ record }: { readonly record: LedgerRecord }): TimelineEvent[] {
  if (record.phase === 'sealed') return [];
  const by = record.who.cameFrom ?? record.who.user;
  if (record.phase === 'damage')
    return [
      { at: record.at, kind: 'remark', title: 'ledger', text: `damage: ${record.note}`, weight: 'error', by },
    ];
  const common = {
    at: record.at,
    kind: 'act' as const,
    system: record.target.system,
    ref: record.target,
    by,
  };
  switch (record.phase) {
    case 'started':
      return [
        {
          ...common,
          title: `${record.title}: ${record.targetTitle}`,
          text: record.attempt > 1 ? `started, attempt ${record.attempt}` : 'started',
          weight: 'info',
          commands: record.commands,
          ...(record.reason === undefined ? {} : { reason: record.reason }),
        },
      ];
    case 'finished': {
      const seen = record.stages
        .filter((stage) => stage.required)
        .map((stage) => `${stage.title}: ${stage.state}`);
      const said = [record.summary, ...seen].filter((part) => part !== '').join('; ');
      return [
        {
          ...common,
          title: `${record.act} ${record.target.id}`,
          text: said === '' ? record.outcome : `${record.outcome}: ${said}`,
          weight:
            record.outcome === 'verified' ? 'info' : record.outcome === 'cancelled' ? 'warning' : 'error',
        },
      ];
    }
    case 'settled':
      return [
        {
          ...common,
          title: `${record.act} ${record.target.id}`,
          text: `settled by a person: ${record.note}`,
          weight: 'info',
        },
      ];
  }
}

/** That an act of a step was begun is told by the act. */
function stepEvents(recorded: RecordedStep): TimelineEvent[] {
  const { run, mark } = recorded;
  if (mark.state === 'begun') return [];
  return [
    {
      at: mark.at,
      kind: 'step',
      system: run.target.system,
      ref: run.target,
      title: `${run.playbookTitle}: ${run.title}`,
      text: markText(recorded),
      weight: mark.state === 'skipped' ? 'warning' : 'info',
      ...(mark.by === '' ? {} : { by: mark.by }),
    },
  ];
}

function remarkEvent(remark: Remark): TimelineEvent {
  const { at, kind, by, system, item, text } = remark;
  const firstLine = text.split('\n')[0] ?? '';
  return {
    at,
    kind: 'remark',
    ...(system === undefined ? {} : { system }),
    title: item ?? (kind === 'gap' ? 'history' : kind),
    text: kind === 'hand-over' ? firstLine : firstLine === '' ? kind : `${kind}: ${firstLine}`,
    weight: kind === 'gap' ? 'warning' : 'info',
    by,
  };
}

/** When something was fatal, and until when, as far as the record and the present state say. */
function fatalSpans(
  { changes, entities, since, until }: TimelineParts,
  isWanted: (system: SystemId) => boolean,
): readonly FatalSpan[] {
  const open = new Map<string, FatalSpan>();
  const spans: FatalSpan[] = [];
  for (const change of changes) {
    if (!isWanted(change.ref.system)) continue;
    const key = refKey(change.ref);
    const span = open.get(key);
    if (change.weight === 'fatal' && change.to !== GONE) {
      if (!span) open.set(key, { ref: change.ref, title: change.title, from: change.at });
    } else if (span) {
      spans.push({ ...span, to: change.at });
      open.delete(key);
    }
  }
  for (const entity of entities) {
    if (!isWanted(entity.system) || weightOf(entity) !== 'fatal') continue;
    const key = refKey(entity);
    const from = open.get(key)?.from ?? entity.attention?.since ?? sinceOf(entity);
    open.delete(key);
    if (from !== undefined) spans.push({ ref: refOf(entity), title: entity.title, from });
  }
  // The record has not seen them end, and they are not there: somebody else is to say when.
  spans.push(...open.values());
  return spans
    .filter((span) => span.from <= until && (span.to ?? until) >= since)
    .sort((a, b) => a.from - b.from);
}

/** A report: the chronology with what a reader needs to know about it. */
export interface IncidentReport extends Timeline {
  readonly host: string;
  readonly since: Instant;
  readonly until: Instant;
  readonly generatedAt: Instant;
  readonly systems: readonly {
    readonly id: SystemId;
    readonly kind: string;
    readonly root: string;
    readonly state: string;
  }[];
  /** What needs a human now, most urgent first. */
  readonly open: readonly AttentionItem[];
  /** What the reader should know about the sources of this report. */
  readonly notes: readonly string[];
}

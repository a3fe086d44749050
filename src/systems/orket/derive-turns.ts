import type { Attention, Evidence, SystemId, Turn } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { Collected } from './collect.ts';
import { ledgerEvidence, logEvidence, processEvidence } from './derive-runs.ts';
import {
  clip,
  compact,
  type Found,
  type LoggedTurn,
  type ModelRetry,
  newest,
  type TurnFiles,
  type Violation,
} from './facts.ts';
import { type JudgedTurn, stageOf, type TurnRun, type TurnState, type TurnVerdict } from './judge-turn.ts';
import { cardLinesKey, runLinesKey, turnLinesKey } from './log-text.ts';

/** What the logs tell of one turn. */
export interface TurnLogs {
  readonly logged: Found<LoggedTurn> | undefined;
  readonly events: Found<LoggedTurn> | undefined;
}

/** Joins what is known of one turn; undefined where nothing is. `cardOf`: cards by directory name. */
export function joinTurn(
  id: string,
  files: Found<TurnFiles> | undefined,
  logs: TurnLogs | undefined,
  run: TurnRun | undefined,
  cardOf: ReadonlyMap<string, string>,
): TurnState | undefined {
  const { logged, events } = logs ?? {};
  const named = files?.fact ?? logged?.fact ?? events?.fact;
  if (!named) return undefined;
  return {
    id,
    run,
    runId: run?.id ?? logged?.fact.run ?? named.run,
    card:
      logged?.fact.issue ??
      events?.fact.issue ??
      files?.fact.checkpoint?.issue ??
      cardOf.get(named.issue) ??
      named.issue,
    index: named.index,
    role: logged?.fact.role ?? events?.fact.role ?? named.role,
    files,
    logged,
    events,
    // The files outlive the log: a time taken from them is the same before and after the log is emptied.
    startedAt: files?.fact.openedAt ?? logged?.fact.start?.at,
    lastAt: newest([logged?.fact.last?.at, files?.fact.touchedAt, files?.fact.checkpoint?.capturedAt]),
  };
}

/** Whether both are made of the same: what else a log told meanwhile is no matter of theirs. */
export function isSameTurn(a: TurnState, b: TurnState): boolean {
  return (
    a.run === b.run &&
    a.runId === b.runId &&
    a.card === b.card &&
    a.files === b.files &&
    isSameFound(a.logged, b.logged) &&
    isSameFound(a.events, b.events)
  );
}

function isSameFound(a: Found<unknown> | undefined, b: Found<unknown> | undefined): boolean {
  return a?.fact === b?.fact && a?.file.readAt === b?.file.readAt && a?.file.path === b?.file.path;
}

/** Within a run the index orders turns; across runs their runs' beginnings do. Of what is alike one is chosen, always the same. */
export function isLater(turn: TurnState, known: TurnState): boolean {
  if (turn.runId === known.runId && turn.index !== known.index) return turn.index > known.index;
  const byRun = (turn.run?.startedAt ?? 0) - (known.run?.startedAt ?? 0);
  if (turn.runId !== known.runId && byRun !== 0) return byRun > 0;
  const byTime = (turn.startedAt ?? 0) - (known.startedAt ?? 0);
  return byTime === 0 ? turn.id > known.id : byTime > 0;
}

const LABELS: { readonly [state in Turn['state']]?: string } = {
  stalled: 'STALLED',
  dead: 'DEAD',
  'no-progress': 'NO-PROG',
  failed: 'FAILED',
};

/** Why the turn needs a human, unless something newer has taken its place. */
export function turnAttention(turn: TurnState, verdict: TurnVerdict): Attention | undefined {
  const label = LABELS[verdict.state];
  if (label === undefined) return undefined;
  return compact({
    rank: 4 as const,
    label,
    why: verdict.why,
    since: turn.files?.fact.touchedAt ?? turn.lastAt ?? turn.startedAt,
    act: turn.files ? 'turn.inspect' : undefined,
    playbook: 'stalled-role-pipeline',
  });
}

/** What an open turn is told with, beside what is known of itself. */
interface Setting {
  readonly why: string;
  readonly needsHuman: boolean;
  readonly retry: ModelRetry | undefined;
  readonly violation: Violation | undefined;
  readonly database: string | undefined;
}

/** Turns as they were last derived: there may be ten thousand of them. */
const made = new WeakMap<JudgedTurn, { readonly entity: Turn; readonly setting: Setting | undefined }>();

/** A turn that is complete, as an entity. It is made once. */
export function quietTurnEntity(system: SystemId, judged: JudgedTurn): Turn {
  const known = made.get(judged);
  if (known?.entity.system === system) return known.entity;
  const entity = makeTurn(system, judged, undefined, undefined);
  made.set(judged, { entity, setting: undefined });
  return entity;
}

/** A turn that is not complete, as an entity: made again when anything it tells of has moved. */
export function openTurnEntity(
  system: SystemId,
  judged: JudgedTurn,
  attention: Attention | undefined,
  facts: Collected,
): Turn {
  const setting: Setting = {
    why: judged.verdict.why,
    needsHuman: attention !== undefined,
    retry: facts.modelRetry?.fact,
    violation: facts.violations.get(judged.turn.card)?.fact,
    database: facts.db?.path,
  };
  const known = made.get(judged);
  if (known?.setting && known.entity.system === system && isSameSetting(known.setting, setting))
    return known.entity;
  const entity = makeTurn(system, judged, attention, turnTrail(judged.turn, facts));
  made.set(judged, { entity, setting });
  return entity;
}

function isSameSetting(a: Setting, b: Setting): boolean {
  return (
    a.why === b.why &&
    a.needsHuman === b.needsHuman &&
    a.retry === b.retry &&
    a.violation === b.violation &&
    a.database === b.database
  );
}

/** Makes the entity. Only turns that need a reader carry a long trail: there may be ten thousand others. */
function makeTurn(
  system: SystemId,
  { turn, verdict }: JudgedTurn,
  attention: Attention | undefined,
  trail: readonly Evidence[] | undefined,
): Turn {
  const { files, logged } = turn;
  const checkpoint = files?.fact.reopened ? undefined : files?.fact.checkpoint;
  const evidence = evidenceOf(turn);
  const { issue, run } = { issue: turn.card, run: turn.runId };
  return compact({
    type: 'turn',
    system,
    id: turn.id,
    title: `${run.slice(0, 4)}:${issue}/${turn.index} ${turn.role}`,
    observedAt: (newest([files?.file.readAt, logged?.file.readAt, turn.events?.file.readAt]) ?? 0) as Instant,
    evidence,
    trail,
    attention,
    run,
    issue,
    index: turn.index,
    role: turn.role,
    state: verdict.state,
    model: logged?.fact.model ?? turn.events?.fact.model ?? checkpoint?.model,
    path: files?.file.path,
    capturedAt: checkpoint?.capturedAt,
    startedAt: turn.startedAt,
    logKeys: [turnLinesKey(run, issue, turn.index, turn.role), cardLinesKey(run, issue), runLinesKey(run)],
    cautions: verdict.state === 'completed' ? undefined : cautionsOf(turn, verdict),
    data: files
      ? { workspace: workspaceOf(files.file.path), names: files.fact.names, why: verdict.why || 'finished' }
      : undefined,
  });
}

/** `workspace/default` of `workspace/default/observability/...`. */
function workspaceOf(path: string): string {
  return path.split('/').slice(0, -4).join('/');
}

function evidenceOf(turn: TurnState): Evidence {
  const { files, logged, events } = turn;
  if (files) {
    const stage = stageOf(files.fact);
    const name =
      stage === 'tools' ? 'checkpoint.json' : stage === 'answered' ? 'model_response.txt' : 'messages.json';
    const shown = files.fact.names.includes(name) ? name : (files.fact.names[0] ?? '');
    return compact({
      source: files.file.source,
      path: shown === '' ? files.file.path : `${files.file.path}/${shown}`,
      text: `${filesText(files.fact)}${figuresText(logged?.fact ?? events?.fact)}`,
      at: files.fact.touchedAt,
    });
  }
  if (logged) {
    const mark = logged.fact.end ?? logged.fact.last ?? { offset: 0 };
    return logEvidence(logged, mark, logged.fact.end ? `turn ${logged.fact.end.how}` : 'turn_start, no end');
  }
  if (events)
    return logEvidence(events, events.fact.end ?? events.fact.last ?? { offset: 0 }, 'runtime event');
  return { source: 'turns' };
}

/** How long it took and what it used, as its end tells; the durable events tell it too. */
function figuresText(logged: LoggedTurn | undefined): string {
  const duration = logged?.durationMs === undefined ? '' : `, ${(logged.durationMs / 1000).toFixed(1)} s`;
  return `${duration}${logged?.tokens === undefined ? '' : `, ${logged.tokens} tokens`}`;
}

/** What the files say in one line. */
function filesText(files: TurnFiles): string {
  const { checkpoint } = files;
  if (files.reopened) return 'prompt newer than checkpoint: asked a second time';
  if (checkpoint) {
    const ran = `${files.results.length} of ${checkpoint.distinctCalls} tool calls ran`;
    const asked = checkpoint.to ? `, asks for ${checkpoint.to}` : '';
    return `${checkpoint.tools.slice(0, 6).join(', ') || 'no tool calls'}: ${ran}${asked}`;
  }
  if (files.torn) return 'checkpoint half-written or broken';
  return stageOf(files) === 'answered' ? 'answered, no tool calls accepted' : 'asked, no answer';
}

function turnTrail(turn: TurnState, facts: Collected): readonly Evidence[] | undefined {
  const trail: Evidence[] = [];
  const { files, logged, events, run } = turn;
  const end = logged?.fact.end;
  if (logged && end) {
    const words = [`turn ${end.how}`, end.errorType, end.error].filter((part) => part).join(': ');
    trail.push(logEvidence(logged, end, words));
  } else if (events?.fact.end) {
    const { how, errorType, error } = events.fact.end;
    const words = [`turn ${how}`, errorType, error].filter((part) => part).join(': ');
    trail.push(logEvidence(events, events.fact.end, words));
  }
  for (const result of files?.fact.results ?? []) {
    if (result.ok || files === undefined) continue;
    trail.push({
      source: files.file.source,
      path: `${files.file.path}/${result.name}`,
      text: `${result.tool}: ${result.error ?? 'not ok'}`,
    });
  }
  if (logged?.fact.refused) {
    const { refused } = logged.fact;
    trail.push(logEvidence(logged, refused, `${refused.tool} ${refused.how}: ${refused.reason ?? ''}`));
  }
  if (logged?.fact.reprompt) {
    trail.push(
      logEvidence(logged, logged.fact.reprompt, `asked again: ${logged.fact.reprompt.reason ?? ''}`),
    );
  }
  if (logged?.fact.start) trail.push(logEvidence(logged, logged.fact.start, 'turn_start'));
  const retry = facts.modelRetry;
  const model = logged?.fact.model ?? events?.fact.model;
  if (
    retry &&
    end === undefined &&
    retry.fact.model === model &&
    (retry.fact.at ?? 0) >= (turn.startedAt ?? 0) &&
    (retry.fact.at ?? 0) <= (run?.endedAt ?? Number.POSITIVE_INFINITY)
  ) {
    trail.push(
      logEvidence(retry, retry.fact, `${retry.fact.event} ${retry.fact.model} attempt ${retry.fact.attempt}`),
    );
  }
  const violation = facts.violations.get(turn.card);
  if (violation && violation.fact.run === turn.runId) {
    const { type, detail, at } = violation.fact;
    trail.push(
      compact({
        source: violation.file.source,
        path: violation.file.path,
        text: `${type}: ${detail ?? ''}`,
        at,
      }),
    );
  }
  if (run?.process) trail.push(processEvidence(run.process));
  if (run?.ledger) trail.push(ledgerEvidence(run.ledger, facts));
  return trail.length > 0 ? trail : undefined;
}

function cautionsOf(turn: TurnState, verdict: TurnVerdict): readonly string[] | undefined {
  const cautions: string[] = [];
  if (verdict.state === 'dead' && (turn.run?.ledger?.failureClass ?? '').includes('Timeout')) {
    cautions.push(
      'A model timeout writes no turn_failed: failure reports made from the log do not count it.',
    );
  }
  const to = turn.files?.fact.reopened ? undefined : turn.files?.fact.checkpoint?.to;
  if (to && verdict.state !== 'completed') {
    cautions.push(
      `The checkpoint asks for ${clip(to, 60)}: that is what the model wanted, not what happened.`,
    );
  }
  return cautions.length > 0 ? cautions : undefined;
}

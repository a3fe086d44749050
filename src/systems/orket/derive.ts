import type { Approval, Issue, Job, Run, Turn } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { DeriveContext, Derived } from '../system.ts';
import { type Collected, collect } from './collect.ts';
import { cardIssues, verificationIssues, violationIssues } from './derive-card-issues.ts';
import { type CardState, jobEntity, joinCards } from './derive-cards.ts';
import { checkoutIssues } from './derive-checkout-issues.ts';
import { approvalEntity } from './derive-gates.ts';
import type { Claim, IssueInputs } from './derive-issues.ts';
import { layerEntities } from './derive-layers.ts';
import { meterEntities } from './derive-meters.ts';
import { proposalEntity } from './derive-proposals.ts';
import { runEntity } from './derive-run-entity.ts';
import { exportIssues, runIssues } from './derive-run-issues.ts';
import { joinRuns, newest, type RunState } from './derive-runs.ts';
import { serverIssues } from './derive-server-issues.ts';
import { serviceEntities } from './derive-services.ts';
import { joinTurns, turnAttention, turnEntity } from './derive-turns.ts';
import { compact } from './facts.ts';
import { judgeTurn, type TurnState, type TurnVerdict } from './judge-turn.ts';
import { programsOf } from './liveness.ts';
import { directoryNameOf } from './schema.ts';

/** Joins all facts of one installation into entities with states, as of `context.now`. */
export function deriveOrket(context: DeriveContext): Derived {
  const { located, now } = context;
  const system = located.system;
  const silenceMs = Number(located.extra['stalledAfterMs'] ?? 300_000);
  const facts = collect(context);
  const programs = programsOf(context.processes, located.root);
  const runs = joinRuns(context, facts, programs, activityOfRuns(facts));
  const runOfDirectory = new Map(runs.map((run) => [directoryNameOf(run.id), run]));
  const cards = joinCards(facts);
  const cardsOfBuild = groupByBuild(cards);
  const turns = joinTurns(facts, (directory) => runOfDirectory.get(directory));
  const newestTurn = newestTurnOfCard(turns);
  const verdicts = turns.map((turn) => judgeTurn(turn, silenceMs, now));
  const isSuperseded = supersededBy(troubledCardsOf(turns, verdicts));

  let changesAt: Instant | undefined;
  const later = (at: Instant | undefined): void => {
    if (at !== undefined && at > now && (changesAt === undefined || at < changesAt)) changesAt = at;
  };

  /** Silent runs whose reason is shown already: an open turn, a verification. */
  const silentRuns = new Set<string>();
  const cardsWithTurnTrouble = new Set<string>();
  const beats = new Map<string, Instant>();
  const workedOn = new Set<string>();
  const turnEntities: Turn[] = [];
  for (const [index, turn] of turns.entries()) {
    const verdict = verdicts[index];
    if (!verdict) continue;
    later(verdict.changesAt);
    const needsHuman = isCurrent(turn, verdict, newestTurn, cards, facts, isSuperseded);
    const attention = needsHuman ? turnAttention(turn, verdict) : undefined;
    if (attention) {
      cardsWithTurnTrouble.add(turn.card);
      if (verdict.state === 'stalled') silentRuns.add(turn.runId);
    }
    if (verdict.state === 'in-flight') workedOn.add(turn.card);
    if (turn.lastAt !== undefined && turn.lastAt > (beats.get(turn.card) ?? 0))
      beats.set(turn.card, turn.lastAt);
    turnEntities.push(turnEntity(system, turn, verdict, attention, facts));
  }

  const services = serviceEntities(context, facts, programs, runs);
  const inputs: IssueInputs = {
    context,
    facts,
    runs,
    isSuperseded,
    cards,
    cardsOfBuild,
    programs,
    cardsWithTurnTrouble,
    claims: claimsOf(newestTurn, turns, verdicts),
    services,
  };
  const verification = verificationIssues(inputs);
  later(verification.changesAt);
  for (const run of verification.waitingRuns) silentRuns.add(run);

  const liveBuilds = new Set<string>();
  const runEntities: Run[] = runs.map((run) => {
    later(run.judgedAt);
    const silentAt =
      run.life === 'alive' && run.lastAt !== undefined ? addMs(run.lastAt, silenceMs) : undefined;
    later(silentAt);
    const isSilent = silentAt !== undefined && now >= silentAt;
    if ((run.life === 'alive' || run.life === 'quiet') && run.build !== undefined) liveBuilds.add(run.build);
    return runEntity(
      context,
      run,
      facts,
      isSilent,
      isSilent && !silentRuns.has(run.id) && !isSuperseded(run),
    );
  });

  const jobs: Job[] = [];
  for (const card of cards.values()) {
    const isWorkedOn =
      workedOn.has(card.row.id) || (card.row.build !== undefined && liveBuilds.has(card.row.build));
    jobs.push(jobEntity(system, card, facts, isWorkedOn, beats.get(card.row.id)));
  }
  const gates = facts.gates.map((gate) => {
    const run = gate.run === undefined ? undefined : runOfDirectory.get(directoryNameOf(gate.run));
    const card = gate.card === undefined ? undefined : cards.get(gate.card);
    return approvalEntity(system, gate, facts, card?.isOpen !== false && !(run && isSuperseded(run)));
  });
  for (const { fact } of facts.proposals) if (fact.status === 'pending') later(fact.expiresAt);
  const proposals = facts.proposals.map((proposal) => proposalEntity(system, proposal, facts, now));
  const approvals: readonly Approval[] = [...proposals, ...gates];
  const issues = onePerKey([
    ...runIssues(inputs),
    ...exportIssues(inputs),
    ...cardIssues(inputs),
    ...verification.issues,
    ...violationIssues(inputs),
    ...serverIssues(inputs),
    ...checkoutIssues(inputs),
  ]);
  const layers = layerEntities({
    context,
    facts,
    services,
    runs: runEntities,
    turns: turnEntities,
    jobs,
    approvals,
    issues,
  });
  return compact({
    entities: [
      ...layers,
      ...services,
      ...issues,
      ...approvals,
      ...meterEntities(context, facts),
      ...runEntities,
      ...turnEntities,
      ...jobs,
    ],
    nextInstant: changesAt,
    data: sourceData(context, facts, runs),
  });
}

/** Places and runs that only the facts name: sources are asked for again when they change. */
function sourceData(context: DeriveContext, facts: Collected, runs: readonly RunState[]): JsonObject {
  const { url, settings } = context.located;
  const isAsked = url !== undefined && settings.keyEnv !== undefined;
  const open = isAsked ? runs.filter((run) => run.life !== 'over' && run.life !== 'unknown') : [];
  return {
    ...(facts.outside.length > 0 ? { workspaces: facts.outside } : {}),
    ...(facts.gatesAnswerable === true ? { answersGates: true } : {}),
    ...(open.length > 0 ? { openRuns: open.map((run) => run.id) } : {}),
  };
}

/** The same condition seen twice (one card in two workspaces) is one issue; the first one is the newest. */
function onePerKey(issues: readonly Issue[]): readonly Issue[] {
  const first = new Map<string, Issue>();
  for (const issue of issues) if (!first.has(issue.id)) first.set(issue.id, issue);
  return first.size === issues.length ? issues : [...first.values()];
}

/** Newest sign of life in the turn directories of each run. */
function activityOfRuns(facts: Collected): ReadonlyMap<string, Instant> {
  const activity = new Map<string, Instant>();
  for (const { fact } of facts.turnFiles.values()) {
    const at = newest([fact.touchedAt, fact.checkpoint?.capturedAt]);
    if (at !== undefined && at > (activity.get(fact.run) ?? 0)) activity.set(fact.run, at);
  }
  return activity;
}

function groupByBuild(cards: ReadonlyMap<string, CardState>): ReadonlyMap<string, readonly CardState[]> {
  const groups = new Map<string, CardState[]>();
  for (const card of cards.values()) {
    if (card.row.build === undefined) continue;
    const group = groups.get(card.row.build);
    if (group) group.push(card);
    else groups.set(card.row.build, [card]);
  }
  return groups;
}

function newestTurnOfCard(turns: readonly TurnState[]): ReadonlyMap<string, TurnState> {
  const found = new Map<string, TurnState>();
  for (const turn of turns) {
    const known = found.get(turn.card);
    if (!known || isLater(turn, known)) found.set(turn.card, turn);
  }
  return found;
}

/** Within a run the index orders turns; across runs their runs' beginnings do. */
function isLater(turn: TurnState, known: TurnState): boolean {
  if (turn.runId === known.runId && turn.index !== known.index) return turn.index > known.index;
  const byRun = (turn.run?.startedAt ?? 0) - (known.run?.startedAt ?? 0);
  if (turn.runId !== known.runId && byRun !== 0) return byRun > 0;
  return (turn.startedAt ?? 0) > (known.startedAt ?? 0);
}

/** Cards with an unfinished or failed turn, by run. */
function troubledCardsOf(
  turns: readonly TurnState[],
  verdicts: readonly TurnVerdict[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const troubled = new Map<string, Set<string>>();
  for (const [index, turn] of turns.entries()) {
    const state = verdicts[index]?.state;
    if (state === 'completed' || state === 'in-flight') continue;
    const cards = troubled.get(turn.runId);
    if (cards) cards.add(turn.card);
    else troubled.set(turn.runId, new Set([turn.card]));
  }
  return troubled;
}

/**
 * A newer run of the same build takes the place of an older one, with one exception: runs of single cards do so only
 * when they cover every card the older one had trouble with.
 */
function supersededBy(troubled: ReadonlyMap<string, ReadonlySet<string>>): (run: RunState) => boolean {
  return (run) => {
    if (run.newer.length === 0) return false;
    const targets = new Set(run.newer.map((newer) => newer.ledger?.target));
    if (targets.has(undefined)) return true;
    const own = run.ledger?.target;
    const cards = own === undefined ? [...(troubled.get(run.id) ?? [])] : [own];
    return cards.length > 0 && cards.every((card) => targets.has(card));
  };
}

/** What the newest turns of cards asked for, where they are complete and their run is over. */
function claimsOf(
  newestTurn: ReadonlyMap<string, TurnState>,
  turns: readonly TurnState[],
  verdicts: readonly TurnVerdict[],
): ReadonlyMap<string, Claim> {
  const claims = new Map<string, Claim>();
  for (const [index, turn] of turns.entries()) {
    const life = turn.run?.life;
    if (verdicts[index]?.state !== 'completed' || newestTurn.get(turn.card) !== turn) continue;
    if (turn.files === undefined || turn.run?.isForeign || (life !== 'over' && life !== 'gone')) continue;
    const { file, fact } = turn.files;
    const at = fact.checkpoint?.capturedAt;
    // Without a result of the status tool nobody said that it worked.
    const isSaid = fact.results.some((result) => result.tool === 'update_issue_status' && result.ok);
    if (fact.checkpoint?.to === undefined || at === undefined || !isSaid || fact.reopened) continue;
    const evidence = {
      source: file.source,
      path: `${file.path}/checkpoint.json`,
      text: `asks for ${fact.checkpoint.to}`,
      at,
    };
    claims.set(turn.card, { to: fact.checkpoint.to, at, evidence });
  }
  return claims;
}

/** Whether the turn is the newest word on a card that is still open, in a run nothing has taken the place of. */
function isCurrent(
  turn: TurnState,
  verdict: TurnVerdict,
  newestTurn: ReadonlyMap<string, TurnState>,
  cards: ReadonlyMap<string, CardState>,
  facts: Collected,
  isSuperseded: (run: RunState) => boolean,
): boolean {
  if (verdict.state === 'completed' || verdict.state === 'in-flight' || verdict.state === 'unknown')
    return false;
  if (newestTurn.get(turn.card) !== turn) return false;
  if (cards.get(turn.card)?.isOpen === false) return false;
  // A database that answered and knows neither run nor card: left over from another database.
  if (turn.run === undefined) return !facts.tables.runs;
  if (turn.run.isForeign) return false;
  return turn.run.nativeStatus !== 'done' && !isSuperseded(turn.run);
}

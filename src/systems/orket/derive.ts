import type { Approval, Issue, Job, Run, Turn } from '../../domain/entity.ts';
import { addMs, earliest, type Instant } from '../../domain/instant.ts';
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
import { joinRuns, type RunState } from './derive-runs.ts';
import { serverIssues } from './derive-server-issues.ts';
import { serviceEntities } from './derive-services.ts';
import { isLater, openTurnEntity, turnAttention } from './derive-turns.ts';
import { compact } from './facts.ts';
import type { JudgedTurn } from './judge-turn.ts';
import { programsOf } from './liveness.ts';
import { directoryNameOf } from './schema.ts';
import { type RunTurns, turnBookOf } from './turn-book.ts';

/** Joins all facts of one installation into entities with states, as of `context.now`. */
export function deriveOrket(context: DeriveContext): Derived {
  const { located, now } = context;
  const system = located.system;
  const silenceMs = Number(located.extra['stalledAfterMs'] ?? 300_000);
  const facts = collect(context);
  const programs = programsOf(context.processes, located.root);
  const runs = joinRuns(context, facts, programs, (directory) => facts.turnFiles.runs.get(directory)?.lastAt);
  const runOfDirectory = new Map(runs.map((run) => [directoryNameOf(run.id), run]));
  const cards = joinCards(facts);
  const cardsOfBuild = groupByBuild(cards);
  const runOf = (directory: string): RunState | undefined => runOfDirectory.get(directory);
  const turnsOfRuns = turnBookOf(context.facts).judge(facts, { system, silenceMs, now, runOf });
  const newestTurn = newestTurnOfCard(turnsOfRuns);
  const isSuperseded = supersededBy(troubledCardsOf(turnsOfRuns));

  let changesAt: Instant | undefined;
  const later = (at: Instant | undefined): void => {
    if (at !== undefined && at > now) changesAt = earliest(changesAt, at);
  };

  /** Silent runs whose reason is shown already: an open turn, a verification. */
  const silentRuns = new Set<string>();
  const cardsWithTurnTrouble = new Set<string>();
  const beats = new Map<string, Instant>();
  const workedOn = new Set<string>();
  const openTurns: Turn[] = [];
  for (const { key, open, beats: beatsOfRun, changesAt: judgedAnewAt } of turnsOfRuns) {
    later(judgedAnewAt);
    const run = runOf(key);
    const isOver = run !== undefined && isSuperseded(run);
    for (const judged of open) {
      const { turn, verdict } = judged;
      const needsHuman = !isOver && isCurrent(judged, newestTurn, cards, facts);
      const attention = needsHuman ? turnAttention(turn, verdict) : undefined;
      if (attention) {
        cardsWithTurnTrouble.add(turn.card);
        if (verdict.state === 'stalled') silentRuns.add(turn.runId);
      }
      if (verdict.state === 'in-flight') workedOn.add(turn.card);
      openTurns.push(openTurnEntity(system, judged, attention, facts));
    }
    for (const [card, beat] of beatsOfRun) if (beat > (beats.get(card) ?? 0)) beats.set(card, beat);
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
    claims: claimsOf(newestTurn),
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
    openTurns,
    turnCount: turnsOfRuns.reduce((sum, { turns }) => sum + turns.size, 0),
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
      ...turnsOfRuns.flatMap(({ quiet }) => quiet),
      ...openTurns,
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

function newestTurnOfCard(turnsOfRuns: readonly RunTurns[]): ReadonlyMap<string, JudgedTurn> {
  const found = new Map<string, JudgedTurn>();
  for (const run of turnsOfRuns) {
    for (const [card, judged] of run.newest) {
      const known = found.get(card);
      if (!known || isLater(judged.turn, known.turn)) found.set(card, judged);
    }
  }
  return found;
}

/** Cards with an unfinished or failed turn, by run. */
function troubledCardsOf(turnsOfRuns: readonly RunTurns[]): ReadonlyMap<string, ReadonlySet<string>> {
  const troubled = new Map<string, Set<string>>();
  for (const { turn, verdict } of turnsOfRuns.flatMap(({ open }) => open)) {
    if (verdict.state === 'in-flight') continue;
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
function claimsOf(newestTurn: ReadonlyMap<string, JudgedTurn>): ReadonlyMap<string, Claim> {
  const claims = new Map<string, Claim>();
  for (const { turn, verdict } of newestTurn.values()) {
    const life = turn.run?.life;
    if (verdict.state !== 'completed') continue;
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

/** Whether the turn is the newest word on a card that is still open. */
function isCurrent(
  judged: JudgedTurn,
  newestTurn: ReadonlyMap<string, JudgedTurn>,
  cards: ReadonlyMap<string, CardState>,
  facts: Collected,
): boolean {
  const { turn, verdict } = judged;
  if (verdict.state === 'completed' || verdict.state === 'in-flight' || verdict.state === 'unknown')
    return false;
  if (newestTurn.get(turn.card) !== judged) return false;
  if (cards.get(turn.card)?.isOpen === false) return false;
  // A database that answered and knows neither run nor card: left over from another database.
  if (turn.run === undefined) return !facts.tables.runs;
  return !turn.run.isForeign && turn.run.nativeStatus !== 'done';
}

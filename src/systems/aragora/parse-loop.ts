import { type Instant, instant, parseInstant } from '../../domain/instant.ts';
import type { LogLevel, LogRecord } from '../../domain/log.ts';
import { getNumber, getString, isObject, type Json } from '../../lib/json.ts';
import type { Folded, Line, Parser } from '../system.ts';
import { type CycleFact, cut, FactDraft, type LineFact, type PhaseFact } from './facts.ts';
import {
  anchor,
  dayOfFirstLine,
  instantAt,
  type LoopTime,
  readDated,
  readStamp,
  stepTo,
} from './loop-clock.ts';
import { isPhase, PHASES } from './schema.ts';

/** Cycles of one log that are kept; older ones are in cycles.db. */
const MOST_CYCLES = 40;
/** Retries of a phase beyond this belong to a log that is not one. */
const MOST_PHASES = 60;

interface LoopCarry extends LoopTime {
  /** The newest stamped line, which lines without a stamp go on with. */
  stamped: boolean;
  /** Number of the newest cycle, 0 before the first. */
  seq: number;
  /** Id announced before its cycle's heading. */
  nextId: string | null;
}

/**
 * `.nomic/nomic_loop.log`, appended by `NomicLoop._log` of scripts/nomic_loop.py: a header with the date, then
 * `[HH:MM:SS] message`. Messages that begin with a newline put their text on a line without a stamp.
 * Facts: `loop` (newest start), `cycle/<seq>`, `end`, `last`, `prompt`, `constitution`, `safety`, `deadlock`.
 */
export const loopLogParser: Parser = {
  version: 1,
  start: { day: null, second: 0, stamped: false, seq: 0, nextId: null },
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'lines') return { carry };
    const state = readCarry(carry);
    const zone = context.located.timezone;
    if (chunk.partial) state.day = dayOfFirstLine(chunk.lines, zone, context.modifiedAt);
    const draft = new FactDraft(context);
    if (state.seq === 0) forgetFormerFile(draft);
    const records: LogRecord[] = [];
    for (const line of chunk.lines) {
      const stamp = readStamp(line.text);
      const dated = readDated(line.text);
      if (stamp) {
        stepTo(state, stamp.second, zone);
        state.stamped = true;
      }
      if (dated) {
        if (!stamp) state.second = dated.second;
        anchor(state, dated);
        state.stamped = true;
      }
      const message = (stamp?.message ?? line.text).trim();
      if (message === '') continue;
      const at = state.stamped ? instantAt(state, zone) : undefined;
      takeMessage({ message, at, offset: line.offset }, draft, state, zone);
      records.push(recordOf(line, message, at, draft, state));
    }
    const facts = draft.done();
    return { carry: { ...state }, records, ...(facts ? { facts } : {}) };
  },
};

function readCarry(carry: Json): LoopCarry {
  return {
    day: getString(carry, 'day') ?? null,
    second: getNumber(carry, 'second') ?? 0,
    stamped: isObject(carry) && carry['stamped'] === true,
    seq: getNumber(carry, 'seq') ?? 0,
    nextId: getString(carry, 'nextId') ?? null,
  };
}

/** A file begun anew (the log was removed): its cycles count from one again, so those of the former file go. */
function forgetFormerFile(draft: FactDraft): void {
  const top = getNumber(draft.get('top'), 'seq') ?? 0;
  if (top === 0) return;
  for (let seq = Math.max(1, top - MOST_CYCLES); seq <= top; seq += 1) draft.set(`cycle/${seq}`, null);
  for (const key of ['top', 'loop', 'end', 'prompt', 'constitution', 'safety', 'deadlock'])
    draft.set(key, null);
}

interface Said {
  readonly message: string;
  readonly at: Instant | undefined;
  readonly offset: number;
}

function recordOf(
  line: Line,
  message: string,
  at: Instant | undefined,
  draft: FactDraft,
  state: LoopCarry,
): LogRecord {
  const cycle = cycleOf(draft, state);
  const phase = cycle ? openPhase(cycle) : undefined;
  const keys: string[] = [];
  if (cycle && (cycle.endAt === null || cycle.endAt === at)) keys.push(cycleKey(cycle));
  if (cycle && phase) keys.push(phaseKey(cycle, phase.name));
  const level = levelOf(message);
  return {
    offset: line.offset,
    text: message,
    ...(at === undefined ? {} : { at }),
    ...(level ? { level } : {}),
    ...(keys.length > 0 ? { keys } : {}),
  };
}

/** What marks the lines of a cycle: its id, else its place in the file. */
export function cycleKey(cycle: Pick<CycleFact, 'id' | 'seq' | 'n'>): string {
  return cycle.id ?? `cycle-${cycle.n}@${cycle.seq}`;
}

/** What marks the lines of a phase. */
export function phaseKey(cycle: Pick<CycleFact, 'id' | 'seq' | 'n'>, phase: string): string {
  return `${cycleKey(cycle)}/${phase}`;
}

function levelOf(message: string): LogLevel | undefined {
  if (/^={5,}$/.test(message)) return 'debug';
  const tag = /^\[(TIMEOUT|CYCLE TIMEOUT|CYCLE CRASH|CRITICAL|SAFETY|DEADLOCK|ERROR|WARNING|STALL)\b/.exec(
    message,
  )?.[1];
  if (tag) return tag === 'WARNING' || tag === 'STALL' ? 'warning' : 'error';
  const outcome = /^Cycle \d+ outcome: (\w+)/.exec(message)?.[1];
  if (outcome) return outcome === 'success' ? 'info' : outcome === 'partial_success' ? 'warning' : 'error';
  return undefined;
}

function takeMessage(said: Said, draft: FactDraft, state: LoopCarry, zone: string): void {
  const { message, at, offset } = said;
  const line = { at: at ?? null, offset, text: cut(message, 300) ?? '' };
  draft.set('last', line);
  // The question stands only while nothing follows it.
  draft.set('prompt', /^Changes ready for review:/.test(message) ? line : null);
  const number = /^NOMIC CYCLE (\d{1,6})\b/.exec(message)?.[1];
  if (message.startsWith('=== NOMIC LOOP STARTED')) startLoop(said, draft, state);
  else if (message === 'NOMIC LOOP COMPLETE') endLoop(line, draft, state);
  else if (number) startCycle(Number(number), said, draft, state);
  else {
    takeLoopLine(line, draft, state);
    const cycle = cycleOf(draft, state);
    const changed = cycle && changedCycle(cycle, said, line, zone);
    if (cycle && changed) draft.set(`cycle/${cycle.seq}`, changed);
  }
}

/** What a line says of the loop as a whole. */
function takeLoopLine(line: LineFact, draft: FactDraft, state: LoopCarry): void {
  const { text } = line;
  const loop = draft.get('loop');
  const maxCycles = /^Max cycles: (\d{1,6})$/.exec(text)?.[1];
  if (maxCycles && isObject(loop)) draft.set('loop', { ...loop, maxCycles: Number(maxCycles) });
  const asks = /^Human approval required: (True|False)$/.exec(text)?.[1];
  if (asks && isObject(loop)) draft.set('loop', { ...loop, asks: asks === 'True' });
  if (/^\[constitution\] No constitution\.json/.test(text)) draft.set('constitution', line);
  if (text.startsWith('[SAFETY]')) draft.set('safety', line);
  if (text.startsWith('[DEADLOCK]')) draft.set('deadlock', line);
  const total = /^(Total cycles|Successful commits): (\d{1,6})$/.exec(text);
  const end = draft.get('end');
  if (total && isObject(end)) {
    draft.set('end', { ...end, [total[1] === 'Total cycles' ? 'cycles' : 'commits']: Number(total[2]) });
  }
  const nextId = /^\[cross-cycle\] Started recording cycle ([0-9a-fA-F]{8})/.exec(text)?.[1];
  if (nextId) state.nextId = nextId.toLowerCase();
}

function startLoop(said: Said, draft: FactDraft, state: LoopCarry): void {
  closeCycle(draft, state, undefined);
  const starts = (getNumber(draft.get('loop'), 'starts') ?? 0) + 1;
  draft.set('loop', { at: said.at ?? null, offset: said.offset, starts });
  for (const key of ['end', 'constitution', 'safety', 'deadlock']) draft.set(key, null);
  state.nextId = null;
}

function endLoop(line: { at: Instant | null; offset: number }, draft: FactDraft, state: LoopCarry): void {
  closeCycle(draft, state, line.at);
  draft.set('end', { at: line.at, offset: line.offset });
}

function startCycle(n: number, said: Said, draft: FactDraft, state: LoopCarry): void {
  closeCycle(draft, state, undefined);
  state.seq += 1;
  const fresh: CycleFact = {
    seq: state.seq,
    n,
    id: state.nextId,
    at: said.at ?? null,
    offset: said.offset,
    deadline: null,
    budgetS: null,
    backup: null,
    phases: [],
    warning: null,
    breakLine: null,
    restored: null,
    commit: null,
    refused: false,
    outcome: null,
    outcomeOffset: null,
    success: null,
    endAt: null,
    cut: false,
  };
  state.nextId = null;
  draft.set('top', { seq: state.seq });
  draft.set(`cycle/${state.seq}`, fresh as unknown as Json);
  if (state.seq > MOST_CYCLES) draft.set(`cycle/${state.seq - MOST_CYCLES}`, null);
}

/** A cycle that is open when the next one, a new start or the end comes has no outcome and never will. */
function closeCycle(draft: FactDraft, state: LoopCarry, at: Instant | null | undefined): void {
  const cycle = cycleOf(draft, state);
  if (!cycle || cycle.outcome !== null || cycle.cut) return;
  const known = cycle.endAt ?? (at === undefined ? lastAt(cycle) : at);
  draft.set(`cycle/${cycle.seq}`, { ...cycle, endAt: known, cut: true } as unknown as Json);
}

function lastAt(cycle: CycleFact): Instant | null {
  const phase = cycle.phases.at(-1);
  return phase?.endAt ?? phase?.at ?? cycle.at;
}

function cycleOf(draft: FactDraft, state: LoopCarry): CycleFact | undefined {
  const fact = state.seq === 0 ? undefined : draft.get(`cycle/${state.seq}`);
  return fact === undefined ? undefined : (fact as unknown as CycleFact);
}

function openPhase(cycle: CycleFact): PhaseFact | undefined {
  const last = cycle.phases.at(-1);
  return last && last.endAt === null && last.endOffset === null ? last : undefined;
}

/** The cycle after one of its lines; undefined when the line changes nothing. */
function changedCycle(
  cycle: CycleFact,
  said: Said,
  line: { at: Instant | null; offset: number; text: string },
  zone: string,
): Json | undefined {
  const { message } = said;
  const json = (next: Partial<CycleFact>): Json => ({ ...cycle, ...next }) as unknown as Json;
  const deadline = /^Deadline: (\S{19,32})(?: \((\d{1,7})s budget\))?/.exec(message);
  if (deadline) {
    const budgetS = deadline[2] === undefined ? null : Number(deadline[2]);
    return json({ deadline: parseInstant(deadline[1], zone) ?? null, budgetS });
  }
  const started = /^Started: (\S{19,32})$/.exec(message)?.[1];
  if (started) return json({ at: parseInstant(started, zone) ?? cycle.at });
  const backup = /^Creating backup: (\S{1,120})$/.exec(message)?.[1];
  if (backup) return json({ backup });
  const phases = changedPhases(cycle, said);
  if (phases) return json({ phases });
  if (/^\[(WARNING|CRITICAL)\] Cycle at \d+%/.test(message)) return json({ warning: line });
  if (/^\[CYCLE (TIMEOUT|CRASH)\]/.test(message)) return json({ breakLine: line });
  const restored = /^Restored (\d{1,5}) files$/.exec(message)?.[1];
  if (restored) return json({ restored: Number(restored) });
  const commit = /^Committed: (.{1,80})/.exec(message)?.[1];
  if (commit) return json({ commit });
  if (/^\[commit\] Non-interactive mode detected/.test(message)) return json({ refused: true });
  const recorded = /^\[cross-cycle\] Recorded cycle ([0-9a-fA-F]{8}) \(success=(True|False)/.exec(message);
  if (recorded) return json({ id: cycle.id ?? recorded[1] ?? null, success: recorded[2] === 'True' });
  const outcome = /^Cycle (\d{1,6}) outcome: (\w{1,60})/.exec(message);
  if (outcome && Number(outcome[1]) === cycle.n) {
    const end = { endAt: line.at, outcomeOffset: line.offset, phases: endedPhases(cycle, line, null) };
    return json({ outcome: outcome[2] ?? null, ...end });
  }
  return undefined;
}

function changedPhases(cycle: CycleFact, said: Said): readonly PhaseFact[] | undefined {
  const { message } = said;
  const heading = /^PHASE ([0-5]): /.exec(message)?.[1];
  if (heading) return startPhase(cycle, PHASES[Number(heading)] ?? '', said, null, 0);
  const budget =
    /^\[timeout\] Phase '(\w{1,30})' (?:has|retry (\d{1,3}): escalated to) (\d{1,7})s budget/.exec(message);
  if (budget?.[1]) return startPhase(cycle, budget[1], said, Number(budget[3]), Number(budget[2] ?? 0));
  const done = /^\[(\w{1,30})\] Completed in ([\d.]{1,12})s(?: \(\d+% of (\d{1,7})s budget\))?/.exec(message);
  if (done?.[1] && isPhase(done[1])) {
    const started =
      openPhase(cycle)?.name === done[1] ? cycle.phases : startPhase(cycle, done[1], said, null, 0);
    const seconds = Number(done[2]);
    const last = started.at(-1);
    if (!last) return started;
    const budgetS = last.budgetS ?? (done[3] === undefined ? null : Number(done[3]));
    const isUnseen = started !== cycle.phases;
    const at = isUnseen && said.at !== undefined ? instant(said.at - seconds * 1000) : last.at;
    const end = { endAt: said.at ?? null, endOffset: said.offset, seconds, budgetS, at };
    return [...started.slice(0, -1), { ...last, ...end }];
  }
  const over = /^\[TIMEOUT\] Phase '(\w{1,30})' exceeded/.exec(message)?.[1];
  if (over && openPhase(cycle)?.name === over) return endedPhases(cycle, said, true);
  return undefined;
}

function startPhase(
  cycle: CycleFact,
  name: string,
  said: Said,
  budgetS: number | null,
  retry: number,
): readonly PhaseFact[] {
  const open = openPhase(cycle);
  if (open?.name === name && retry === 0 && (budgetS === null || open.budgetS === null)) {
    return [...cycle.phases.slice(0, -1), { ...open, budgetS: budgetS ?? open.budgetS }];
  }
  const fresh: PhaseFact = {
    name,
    at: said.at ?? null,
    offset: said.offset,
    budgetS,
    retry,
    endAt: null,
    endOffset: null,
    seconds: null,
    timedOut: false,
  };
  return [...endedPhases(cycle, said, null), fresh].slice(-MOST_PHASES);
}

/** The phases with the open one closed; `timedOut` null keeps what it says. */
function endedPhases(
  cycle: CycleFact,
  at: { readonly at?: Instant | null | undefined; readonly offset: number },
  timedOut: boolean | null,
): readonly PhaseFact[] {
  const open = openPhase(cycle);
  if (!open) return cycle.phases;
  const ended = { ...open, endAt: at.at ?? null, endOffset: at.offset, timedOut: timedOut ?? open.timedOut };
  return [...cycle.phases.slice(0, -1), ended];
}

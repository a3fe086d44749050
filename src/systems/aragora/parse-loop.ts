import type { Instant } from '../../domain/instant.ts';
import type { LogLevel, LogRecord } from '../../domain/log.ts';
import { getNumber, getString, isObject, type Json } from '../../lib/json.ts';
import type { Folded, Line, Parser } from '../system.ts';
import { changedCycle, openPhase, type Said } from './cycle-lines.ts';
import { type CycleFact, cut, FactDraft, type LineFact } from './facts.ts';
import {
  anchor,
  dayOfFirstLine,
  instantAt,
  type LoopTime,
  readDated,
  readStamp,
  stepTo,
} from './loop-clock.ts';

/** Cycles of one log that are kept; older ones are in cycles.db. */
const MOST_CYCLES = 40;

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
  showsWritten: true,
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

/** What single lines of the loop's log change in the cycle they belong to. */
import { type Instant, instant, parseInstant } from '../../domain/instant.ts';
import type { Json } from '../../lib/json.ts';
import type { CycleFact, PhaseFact } from './facts.ts';
import { isPhase, PHASES } from './schema.ts';

/** Retries of a phase beyond this belong to a log that is not one. */
const MOST_PHASES = 60;

/** A message with its time and place. */
export interface Said {
  readonly message: string;
  readonly at: Instant | undefined;
  readonly offset: number;
}

/** The phase a cycle is in. */
export function openPhase(cycle: CycleFact): PhaseFact | undefined {
  const last = cycle.phases.at(-1);
  return last && last.endAt === null && last.endOffset === null ? last : undefined;
}

/** The cycle after one of its lines; undefined when the line changes nothing. */
export function changedCycle(
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

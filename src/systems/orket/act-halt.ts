import type { StageState, Step } from '../../domain/act.ts';
import type { Run } from '../../domain/entity.ts';
import { addMs, instant } from '../../domain/instant.ts';
import { getBoolean, getNumber, getString, readJson } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import {
  answerOf,
  apiStep,
  buildOf,
  cardsOf,
  complaintIn,
  isUnderWay,
  listed,
  noApi,
} from './act-program.ts';
import { isSafeName } from './schema.ts';

/** A cancelled task ends at its next await; the API is asked every 15 s. */
const HALTED_MS = 90_000;

/**
 * Ends one run. A program of its own gets Ctrl-C; a task of the API process is cancelled over HTTP, where the answer is
 * `ok: true` whatever happened, for ids it never had too, and `active` is still true right after.
 */
export const haltRun: ActSpec = {
  id: 'run.halt',
  title: 'halt this run',
  menu: 'cancel',
  risk: 'destructive',
  does: 'interrupts the program of the run, or cancels its task in the API; what its turn was doing is lost',
  runs: 'SIGINT to its main.py; POST /v1/sessions/RUN/halt for a run of the API',
  outcome: 'its process is gone, or the API says that it carries it no more',
  params: [],
  appliesTo: (target) => target.type === 'run',
  precondition(view, target) {
    if (target.type !== 'run') return 'not a run';
    const life = getString(target.data, 'life');
    if (life === 'gone')
      return 'nobody runs it any more: its ledger row says running for ever, and halting changes nothing';
    if (!isUnderWay(target)) return 'it is over';
    if (programOf(target)) return undefined;
    if (getString(target.data, 'carrier') === undefined)
      return 'who runs it is not seen: a halt over HTTP reaches runs of the API process alone';
    return isSafeName(target.id) ? noApi(view) : 'the id of this run is not safe in a path';
  },
  warnings: (_view, target) => [
    'Its ledger row and its session stay on running for ever, its cards stay in hand: Orket writes no end for it. It is shown as halted or as a zombie from then on.',
    'Going on takes a rerun of the epic, which sets every card of the build back to ready.',
    ...(target.type === 'run' && !programOf(target)
      ? [
          'The API answers ok to any halt, also of a run it does not carry: what counts is what it says of the run afterwards.',
        ]
      : []),
  ],
  strands(view, target) {
    const build = target.type === 'run' ? buildOf(target) : undefined;
    const held = build === undefined ? [] : cardsOf(view, build).filter(({ status }) => status === 'running');
    return held.length === 0
      ? []
      : [`in hand, and left there: ${listed(held.map(({ id, nativeStatus }) => `${id} ${nativeStatus}`))}`];
  },
  revision: (_view, target) =>
    target.type === 'run' ? `${getString(target.data, 'life')}|${getNumber(target.data, 'pid') ?? ''}` : '',
  baseline(_view, target) {
    const program = target.type === 'run' ? programOf(target) : undefined;
    return { pid: program?.pid ?? null, life: getString(target.data, 'life') ?? '' };
  },
  plan(view, target): readonly Step[] {
    if (target.type !== 'run') return [];
    const program = programOf(target);
    if (program) {
      const title = `Ctrl-C to pid ${program.pid}, main.py of run ${target.id}`;
      return [{ type: 'signal', title, ...program, signal: 'SIGINT' }];
    }
    return [apiStep(view, 'POST', `/v1/sessions/${encodeURIComponent(target.id)}/halt`, `halt ${target.id}`)];
  },
  read(outputs) {
    const output = outputs[0];
    if (!output) return answerOf(undefined, false, 'nothing was sent');
    if (output.httpStatus === undefined)
      return answerOf(output, output.error === undefined, output.error ?? output.stdout);
    const complaint = complaintIn(output);
    if (complaint !== undefined) return answerOf(output, false, complaint);
    const read = readJson(output.stdout);
    const active = read.ok ? getBoolean(read.value, 'active') : undefined;
    return answerOf(
      output,
      true,
      `it says ok, as to every halt${active === false ? '; it did not carry the run' : ''}`,
    );
  },
  expect(view, order): readonly StageState[] {
    const run = view.entity('run', order.target.id);
    return [endStage(view, order, run)];
  },
  undo: { text: 'a halted run does not go on: run.resume starts its epic anew, with every card reset' },
};

function endStage(view: StateView, order: ActOrder, run: Run | undefined): StageState {
  const pid = getNumber(order.baseline, 'pid');
  const base = { stage: 'done' as const, deadline: addMs(order.startedAt, HALTED_MS), required: true };
  const life = getString(run?.data, 'life') ?? '';
  if (pid !== undefined) {
    const isThere = view.processes.some((process) => process.pid === pid);
    const title = `pid ${pid} is gone`;
    return isThere
      ? { ...base, title, state: 'waiting' }
      : { ...base, title, state: 'seen', detail: `pid ${pid} is gone; ${endWords(run, life)}` };
  }
  const title = 'the API carries it no more';
  const isEnded = run !== undefined && run.endedAt !== undefined;
  // The line in the log stands there for every halt that was asked for: the API must say it itself.
  const isDropped = life === 'halted' && getBoolean(run?.data, 'apiActive') === false;
  if (isDropped || life === 'gone' || isEnded)
    return { ...base, title, state: 'seen', detail: endWords(run, life) };
  return { ...base, title, state: 'waiting' };
}

function endWords(run: Run | undefined, life: string): string {
  if (run?.endedAt !== undefined) return `it had ended: ${run.nativeStatus ?? 'over'}`;
  if (life === 'halted') return 'the log has session_halted; its ledger row stays on running';
  return `its ledger row stays on ${run?.nativeStatus ?? 'running'}`;
}

/** The run's own program, by pid and start time. */
function programOf(
  run: Run,
): { readonly pid: number; readonly startedAt: ReturnType<typeof instant> } | undefined {
  const pid = getNumber(run.data, 'pid');
  const since = getNumber(run.data, 'pidSince');
  if (pid === undefined || since === undefined || getString(run.data, 'carrier') !== 'main.py')
    return undefined;
  return { pid, startedAt: instant(since) };
}

import type { ProcessStep, SignalStep, StageState, Step, StepAnswer, StepOutput } from '../../domain/act.ts';
import { type Ref, refTo } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { getString, isObject, type Json, readJson } from '../../lib/json.ts';
import { firstLine } from '../../lib/phrase.ts';
import type { ActOrder, StateView } from '../system.ts';
import { type Crew, crewOf, youngest } from './derive-process.ts';
import { apiPortOf } from './schema.ts';
import { isAnswerableId } from './tasks.ts';

const REQUEST_MS = 10_000;

/** The processes of this checkout as of a view. */
export function crewIn(view: StateView): Crew {
  return crewOf(view.located.root, apiPortOf(view.located), view.processes);
}

/** The pipeline as a whole: a condition that something was done for may be over. */
export function pipelineRef(view: StateView): Ref | undefined {
  return refTo(view.entity('service', 'pipeline'));
}

/** Why no request can be made to the API now. */
export function apiRefusal(view: StateView): string | undefined {
  if (view.located.url === undefined) return 'no url of the API is configured';
  if (getString(view.data, 'apiState') === 'down')
    return `the API does not answer: ${getString(view.data, 'apiWhy') ?? ''}`;
  return undefined;
}

/** Why no request about this task can be made. */
export function taskRefusal(view: StateView, id: string): string | undefined {
  return isAnswerableId(id) ? apiRefusal(view) : 'its id is none the API would give';
}

/** `PATCH /api/agent/tasks/ID`. */
export function patchStep(view: StateView, id: string, title: string, body: Json): Step {
  return {
    type: 'http',
    title,
    method: 'PATCH',
    url: `${view.located.url ?? ''}/api/agent/tasks/${id}`,
    body,
    timeoutMs: REQUEST_MS,
  };
}

/** What the API said to a change of a task. */
export function readTaskAnswer(outputs: readonly StepOutput[]): StepAnswer {
  const output = outputs.at(-1);
  const json = readJson(output?.stdout ?? '');
  const body = json.ok && isObject(json.value) ? json.value : {};
  const status = output?.httpStatus;
  if (status === 200 && getString(body, 'id') === undefined)
    return { ok: false, summary: 'the API answered 200, and with no task' };
  if (status === 200) {
    const worker = getString(body, 'claimed_by');
    const claim = worker === undefined ? '' : `, claimed by ${worker}`;
    return { ok: true, summary: `the API says: ${getString(body, 'status') ?? 'no status'}${claim}` };
  }
  const detail = getString(body, 'detail') ?? output?.error ?? '';
  return { ok: false, summary: firstLine(`the API says: ${status ?? 'nothing'} ${detail}`, 200) };
}

/** The last line a program printed that is its own: `make` adds one about itself. */
export function lastWords(output: StepOutput | undefined): string {
  const lines = `${output?.stdout ?? ''}\n${output?.stderr ?? ''}`.split('\n');
  const own = lines.filter((line) => line.trim() !== '' && !line.startsWith('make: *** '));
  return firstLine(own.at(-1) ?? 'it printed nothing', 160);
}

/** Why no script of this checkout can be run with Python. */
export function pythonRefusal(view: StateView): string | undefined {
  return view.located.python === undefined
    ? 'no python: neither api/.venv nor the setting python'
    : undefined;
}

/** The `api` directory, where every script expects to be started. */
export function apiDirectory(view: StateView): string {
  return `${view.located.root}/api`;
}

/** A Python script below `api`, run to its end there. */
export function scriptStep(
  view: StateView,
  title: string,
  words: readonly string[],
  timeoutMs: number,
): ProcessStep {
  const argv = [view.located.python ?? '', ...words];
  return { type: 'process', title, argv, cwd: apiDirectory(view), timeoutMs };
}

/** A signal to a process by its pid and start. */
export function signalStep(
  process: ProcessInfo,
  name: string,
  signal: SignalStep['signal'] = 'SIGTERM',
): Step {
  const { pid, startedAt } = process;
  return { type: 'signal', title: `${signal.slice(3)} to ${name} ${pid}`, pid, startedAt, signal };
}

/** Pid and start of processes, as part of what a decision depends on. */
export function marksOf(processes: readonly ProcessInfo[]): string {
  return processes.map((one) => `${one.pid}@${Math.round(one.startedAt / 1000)}`).join(',');
}

/** A stage `withinMs` after the act began. */
export function stageOf(
  order: ActOrder,
  stage: StageState['stage'],
  title: string,
  withinMs: number,
  required = true,
): Omit<StageState, 'state'> {
  return { stage, title, deadline: addMs(order.startedAt, withinMs), required };
}

/** The youngest of those processes that began after the act did. */
export function begunSince(order: ActOrder, processes: readonly ProcessInfo[]): ProcessInfo | undefined {
  return youngest(processes.filter((one) => one.startedAt >= order.startedAt - 1_000));
}

/** Times in a baseline are compared with a clock that is read to the millisecond: this much before still is after. */
export const CLOCK_GRAIN_MS = 1_500;

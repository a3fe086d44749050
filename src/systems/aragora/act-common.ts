import type { ProcessStep, StageState, StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import { getNumber } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';

/** The kernel's idea of when a process began may be off by a second from the clock an order was written by. */
export const START_TOLERANCE_MS = 1_500;

/** True for the service of that id, or an issue of one of those keys (`key/...` too). */
export function isAbout(target: Entity, service: string, issues: readonly string[] = []): boolean {
  if (target.type === 'service') return target.id === service;
  return (
    target.type === 'issue' && issues.some((key) => target.key === key || target.key.startsWith(`${key}/`))
  );
}

/** Why a Python program of the checkout can't be started. */
export function pythonRefusal(view: StateView, script: string, isThere: boolean): string | undefined {
  if (view.located.python === undefined) return 'no Python interpreter: set python=PATH for this system';
  return isThere ? undefined : `no ${script} in ${view.located.root}`;
}

/** What every program of the checkout is started with: without PYTHONPATH it can't import its own package. */
export function pythonEnv(view: StateView): { readonly [name: string]: string } {
  return { PYTHONPATH: view.located.root, PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' };
}

/** `python scripts/X.py WORDS` in the checkout. */
export function scriptStep(
  view: StateView,
  title: string,
  words: readonly string[],
  timeoutMs: number,
): ProcessStep {
  const python = view.located.python ?? '';
  return {
    type: 'process',
    title,
    argv: [python, ...words],
    cwd: view.located.root,
    env: pythonEnv(view),
    timeoutMs,
  };
}

/** A stage from what is seen of it: `true`, not yet, or a text that says what was seen instead. */
export function stageOf(
  order: ActOrder,
  stage: StageState['stage'],
  title: string,
  seen: boolean | { readonly instead: string } | { readonly seen: string },
  withinMs: number,
  isRequired = true,
): StageState {
  const detail = typeof seen === 'boolean' ? undefined : 'instead' in seen ? seen.instead : seen.seen;
  const state =
    typeof seen === 'boolean' ? (seen ? 'seen' : 'waiting') : 'instead' in seen ? 'contradicted' : 'seen';
  return {
    stage,
    title,
    state,
    ...(detail === undefined ? {} : { detail }),
    deadline: addMs(order.startedAt, withinMs),
    required: isRequired,
  };
}

/** A time of `data` as an instant. */
export function timeIn(data: unknown, key: string): Instant | undefined {
  return getNumber(data, key) as Instant | undefined;
}

/** Why a program's words are no answer at all; undefined when they may be one. */
export function unansweredText(output: StepOutput | undefined): string | undefined {
  if (!output) return 'it was not started';
  if (output.timedOut) return 'no end within its time';
  if (output.error !== undefined) return output.error;
  return undefined;
}

/** How a program ended that gave no answer: its exit and its last words. */
export function endingText(output: StepOutput | undefined): string {
  const how =
    typeof output?.exitCode === 'number'
      ? `exit ${output.exitCode}`
      : `ended by ${output?.signal ?? 'nobody knows'}`;
  const words = `${output?.stdout ?? ''}\n${output?.stderr ?? ''}`.trim().split('\n').at(-1)?.trim();
  return words ? `${how}: ${words.slice(0, 120)}` : how;
}

/** An answer with everything a program printed below it. */
export function answerOf(ok: boolean, summary: string, outputs: readonly StepOutput[]): StepAnswer {
  const sections = outputs.flatMap((output) => {
    const text = `${output.stdout}${output.stderr}`.trim().slice(0, 12_000);
    return text === '' ? [] : [{ title: output.title, text }];
  });
  return { ok, summary: summary.slice(0, 200), ...(sections.length > 0 ? { sections } : {}) };
}

/** What an HTTP step was answered, in a few words; none of it is believed. */
export function httpAnswer(outputs: readonly StepOutput[]): StepAnswer {
  const output = outputs.at(-1);
  if (!output) return { ok: false, summary: 'nothing was sent' };
  const status = output.httpStatus;
  if (status === undefined) return answerOf(false, output.error ?? 'no answer', outputs);
  const isGood = status >= 200 && status < 300;
  return answerOf(
    isGood,
    `answered ${status}: ${output.stdout.replaceAll(/\s+/g, ' ').slice(0, 150)}`,
    outputs,
  );
}

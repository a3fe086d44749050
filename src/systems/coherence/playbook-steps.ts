import type { Params } from '../../domain/act.ts';
import type { Entity, Ref } from '../../domain/entity.ts';
import { getNumber, getString } from '../../lib/json.ts';
import type { PlaybookStep, StateView } from '../system.ts';
import {
  ANSWER_ACT,
  API_ACT,
  CHECK_ACT,
  END_MANAGER_ACT,
  END_ORPHANS_ACT,
  RESTART_ACT,
  START_ACT,
  START_RUNNER_ACT,
  WITHDRAW_ACT,
} from './condition.ts';

type Type = Ref['type'];

const isApiUp = (view: StateView): boolean => getString(view.data, 'apiState') === 'up';
/** A watchdog of this checkout lives. */
export const hasWatchdog = (view: StateView): boolean => getNumber(view.data, 'watchdogPid') !== undefined;
const hasManager = (view: StateView): boolean => getNumber(view.data, 'managerPid') !== undefined;
/** No watchdog waits for a project manager to end. */
export const isFree = (view: StateView): boolean => getNumber(view.data, 'hangsOnPid') === undefined;
/** No issue of that key is there. */
export const isSettled = (view: StateView, key: string): boolean => view.entity('issue', key) === undefined;
/** No question waits for an answer. */
export const noneWaits = (view: StateView): boolean =>
  view.entities('approval').every((one) => one.status !== 'pending');

/** A check that is computed at each look. */
export const check = (text: string, holds: (view: StateView, target: Entity) => boolean): PlaybookStep => ({
  type: 'check',
  text,
  holds,
});
/** What a person should know before going on. */
export const note = (text: string): PlaybookStep => ({ type: 'note', text });

/** An act on the item itself. */
export const act = (text: string, id: string): PlaybookStep => ({ type: 'act', text, act: id });

/** An act on an entity that is there or not. */
export function actOn(text: string, id: string, type: Type, target: string): PlaybookStep {
  return { type: 'act', text, act: id, on: (view) => refTo(view, type, target) };
}

/** The entity, where it is there. */
export function refTo(view: StateView, type: Type, id: string): Ref | undefined {
  return view.entity(type, id) ? { system: view.located.system, type, id } : undefined;
}

/** On the question at hand, else on the first that waits. */
export function onQuestion(text: string, id: string): PlaybookStep {
  return {
    type: 'act',
    text,
    act: id,
    on(view, target) {
      if (target.type === 'approval') return refTo(view, 'approval', target.id);
      const waiting = view.entities('approval').find((one) => one.status === 'pending');
      return waiting && refTo(view, 'approval', waiting.id);
    },
  };
}

export const answerFirst = onQuestion(
  'answer what waits, under its worker’s name: a restart ends that name',
  ANSWER_ACT,
);

/** The first task that says running with nobody on it. */
export function onDeserted(text: string, id: string): PlaybookStep {
  return {
    type: 'act',
    text,
    act: id,
    on(view) {
      const job = view.entities('job').find((one) => one.attention?.label === 'ORPHAN');
      return job ? refTo(view, 'job', job.id) : undefined;
    },
  };
}

/** The worker a task is bound to: of the item itself, else of the first pending one whose worker is gone. */
function boundTo(view: StateView, target: Entity): string | undefined {
  const bound = (job: Entity | undefined): string | undefined =>
    getString(job?.data, 'workerLife') === 'gone' ? getString(job?.data, 'worker') : undefined;
  const own = bound(view.entity('job', target.id));
  return (
    own ??
    view
      .entities('job')
      .filter((job) => job.nativeStatus === 'pending')
      .map(bound)
      .find(Boolean)
  );
}

/** A runner under the name that tasks are bound to. */
export const startRunner: PlaybookStep = {
  type: 'act',
  text: 'where its worker is gone: start a runner under that name',
  act: START_RUNNER_ACT,
  on: (view) => refTo(view, 'service', 'agent-runner'),
  params(view, target): Params {
    const worker = boundTo(view, target);
    return worker === undefined ? {} : { worker };
  },
};

export const restart = actOn('request a restart with the right reason', RESTART_ACT, 'service', 'pipeline');
export const start = actOn('without a watchdog: start the pipeline', START_ACT, 'service', 'pipeline');
export const release = actOn(
  'where the watchdog hangs: end the project manager it waits for',
  END_MANAGER_ACT,
  'service',
  'watchdog',
);
export const endOrphans = actOn('end the orphans of the dead pipeline', END_ORPHANS_ACT, 'issue', 'orphans');
export const restartApi = actOn('restart the API alone, by its pid', API_ACT, 'service', 'api');
export const withdraw = actOn('take a leftover request away', WITHDRAW_ACT, 'service', 'watchdog');
export const checkNow = actOn('let the monitor look again', CHECK_ACT, 'service', 'monitor');
export const effectiveness = actOn('effectiveness check', 'pipeline.check', 'service', 'pipeline');

export const watchdogLives = check(
  'a watchdog of this checkout lives and is free',
  (view) => hasWatchdog(view) && isFree(view),
);
export const nobodyWaits = check('nothing claimed by the old runner waits for an answer', noneWaits);
export const managerWorks = check('a project manager of this checkout lives', hasManager);
export const apiAnswers = check('the API answers with health 200', isApiUp);
export const noOrphans = check('no orphans of a dead pipeline are left', (view) =>
  isSettled(view, 'orphans'),
);
export const notByName = note(
  'not "pkill -f uvicorn" or "pkill -f": they end every such process of this machine, other checkouts’ too',
);

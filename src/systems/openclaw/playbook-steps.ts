import type { Params } from '../../domain/act.ts';
import { type Job, type Ref, refOf } from '../../domain/entity.ts';
import { getString } from '../../lib/json.ts';
import type { PlaybookStep, StateView } from '../system.ts';
import { conditionOf, jobOf } from './act-common.ts';
import { openclawActs } from './acts.ts';
import { isWorkerService } from './worker-queue.ts';

type Target = Parameters<Extract<PlaybookStep, { type: 'check' }>['holds']>[1];

/** Parameters a step offers its act with. */
type OfferedWith = (view: StateView, target: Target) => Params;

/** Something to look at, answered from the state. */
export function check(text: string, holds: (view: StateView, target: Target) => boolean): PlaybookStep {
  return { type: 'check', text, holds };
}

/** An act on the worker of the item's queue. */
export function onWorker(id: string, text: string, params?: OfferedWith): PlaybookStep {
  return { type: 'act', text, act: id, on: workerOf, ...(params === undefined ? {} : { params }) };
}

/**
 * An act on what the item is about: the approval it is, else the job. Undefined where the act is not for it as it is now:
 * one procedure serves several conditions, and not each of its steps each of them.
 */
export function onJob(id: string, text: string, params?: OfferedWith): PlaybookStep {
  const spec = openclawActs.find((one) => one.id === id);
  return {
    type: 'act',
    text,
    act: id,
    on: (view, target) => {
      const found = target.type === 'approval' ? target : job(view, target);
      return found && spec?.appliesTo(found) === true ? refOf(found) : undefined;
    },
    ...(params === undefined ? {} : { params }),
  };
}

function workerOf(view: StateView, target: Target): Ref | undefined {
  const project = getString(job(view, target)?.data, 'project') ?? getString(target.data, 'project');
  const services = view.entities('service').filter(isWorkerService);
  const own = services.find(({ data }) => getString(data, 'project') === project) ?? services[0];
  return own && refOf(own);
}

/** Something only a person can do or know. */
export function note(text: string): PlaybookStep {
  return { type: 'note', text };
}

/** The job an item is, or is about. */
export function job(view: StateView, target: Target): Job | undefined {
  return jobOf(view, target) ?? view.entity('job', getString(target.data, 'job') ?? '');
}

/** True while the job is in one of these conditions (`judge.ts`). */
export function isIn(...conditions: readonly string[]): (view: StateView, target: Target) => boolean {
  return (view, target) => conditions.includes(conditionOf(job(view, target) ?? ({ data: {} } as Job)));
}

/** True while a worker of any queue of the installation lives. */
export function hasWorker(view: StateView): boolean {
  return view
    .entities('service')
    .some((service) => service.id.startsWith('worker') && service.status === 'up');
}

/** True while no runner goes on without the worker that started it. */
export function noOrphan(view: StateView): boolean {
  return hasNoIssue('orphan:')(view);
}

/** True while no issue of that sort is open; `sort` is the beginning of its key. */
export function hasNoIssue(sort: string): (view: StateView) => boolean {
  return (view) => view.entities('issue').every((issue) => !issue.key.startsWith(sort));
}

/** True while no job is at work. */
export function isIdle(view: StateView): boolean {
  return view
    .entities('job')
    .every((one) => !['running', 'orphaned', 'silent-alive'].includes(conditionOf(one)));
}

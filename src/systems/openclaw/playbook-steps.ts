import { type Job, type Ref, refOf } from '../../domain/entity.ts';
import { getString } from '../../lib/json.ts';
import type { PlaybookStep, StateView } from '../system.ts';
import { conditionOf, jobOf } from './act-common.ts';
import { isWorkerService } from './worker-queue.ts';

type Target = Parameters<Extract<PlaybookStep, { type: 'check' }>['holds']>[1];

export function check(text: string, holds: (view: StateView, target: Target) => boolean): PlaybookStep {
  return { type: 'check', text, holds };
}

export function act(id: string, text: string): PlaybookStep {
  return { type: 'act', text, act: id };
}

/** An act on the worker of the item's queue. */
export function onWorker(id: string, text: string): PlaybookStep {
  return { type: 'act', text, act: id, on: workerOf };
}

/** An act on the job an issue is about. */
export function onJob(id: string, text: string): PlaybookStep {
  return {
    type: 'act',
    text,
    act: id,
    on: (view, target) => {
      const found = job(view, target);
      return found && refOf(found);
    },
  };
}

export function workerOf(view: StateView, target: Target): Ref | undefined {
  const project = getString(job(view, target)?.data, 'project') ?? getString(target.data, 'project');
  const services = view.entities('service').filter(isWorkerService);
  const own = services.find(({ data }) => getString(data, 'project') === project) ?? services[0];
  return own && refOf(own);
}

export function note(text: string): PlaybookStep {
  return { type: 'note', text };
}

export function job(view: StateView, target: Target): Job | undefined {
  return jobOf(view, target) ?? view.entity('job', getString(target.data, 'job') ?? '');
}

export function isIn(...conditions: readonly string[]): (view: StateView, target: Target) => boolean {
  return (view, target) => conditions.includes(conditionOf(job(view, target) ?? ({ data: {} } as Job)));
}

export function hasWorker(view: StateView): boolean {
  return view
    .entities('service')
    .some((service) => service.id.startsWith('worker') && service.status === 'up');
}

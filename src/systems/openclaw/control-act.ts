import type { Params, StageState } from '../../domain/act.ts';
import type { Entity, Job } from '../../domain/entity.ts';
import type { Json } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import {
  argumentOf,
  idOf,
  isJobTarget,
  jobBaseline,
  jobOf,
  type Mark,
  marksSince,
  readControl,
  scriptStep,
  unreachable,
} from './act-common.ts';
import { type Command, undoing } from './act-settled.ts';
import { clockText } from './words.ts';

type Told = Pick<
  ActSpec,
  'id' | 'title' | 'menu' | 'risk' | 'does' | 'runs' | 'outcome' | 'params' | 'strands' | 'undo' | 'read'
>;

/** One command of scripts/control.py as an act: what differs between them. */
export interface ControlForm extends Told {
  readonly command: Command;
  /** Statuses of the job it is offered in, or when it is. */
  readonly on: string | ((job: Entity) => boolean);
  /** What an approval must ask for to offer it; undefined: any, `never` none. */
  readonly ask?: 'review' | 'answer' | 'never';
  /** Why it must not be given to a job that it could be given to. */
  refusal(job: Job, view: StateView): string | undefined;
  /** Statuses by which the program itself says that it took it. */
  readonly accepts: readonly string[];
  warnings?(view: StateView, job: Job, params: Params | undefined): readonly string[];
  /** What the decision depends on beside the status. */
  revision?(job: Job): readonly string[];
  baseline?(view: StateView, job: Job): Json;
  /** Words before the job's id, and the text after it. */
  options?(params: Params): readonly string[];
  text?(job: Job, params: Params): string;
  expect(
    view: StateView,
    order: ActOrder,
    job: Job | undefined,
    marks: readonly Mark[],
  ): readonly StageState[];
}

/** The act: one `control.py COMMAND JOB [TEXT]`, judged by the job's row and events. */
export function controlAct(form: ControlForm): ActSpec {
  const { command, on, ask, refusal, accepts, warnings, revision, baseline, options, text, expect, ...told } =
    form;
  return {
    read: (outputs) => readControl(outputs[0], accepts),
    ...told,
    appliesTo(target) {
      if (!isJobTarget(target)) return false;
      if (target.type === 'approval') return ask === undefined || target.ask === ask;
      return typeof on === 'string' ? target.type === 'job' && target.nativeStatus === on : on(target);
    },
    precondition(view, target) {
      const job = jobOf(view, target);
      const reason = unreachable(view, job);
      return reason !== undefined || job === undefined ? reason : refusal(job, view);
    },
    ...(warnings === undefined
      ? {}
      : {
          warnings(view, target, params) {
            const job = jobOf(view, target);
            return job ? warnings(view, job, params) : [];
          },
        }),
    revision(view, target) {
      const job = jobOf(view, target);
      return [job?.nativeStatus ?? 'gone', ...(job ? (revision?.(job) ?? []) : [])].join('|');
    },
    baseline(view, target) {
      const job = jobOf(view, target);
      return job ? (baseline ?? jobBaseline)(view, job) : {};
    },
    plan(view, target, params) {
      const job = jobOf(view, target);
      if (!job) return [];
      const words = [
        command,
        ...(options?.(params) ?? []),
        idOf(job),
        ...(text ? [argumentOf(text(job, params))] : []),
      ];
      return [scriptStep(view, job, 'control.py', words, command)];
    },
    expect(view, order) {
      const job = jobOf(view, order.target);
      return expect(view, order, job, job ? marksSince(job, order.baseline) : []);
    },
  };
}

/** Why an older command forbids this one: it is still to be applied, and would take it back. */
export function olderRefusal(job: Job, command: Command, view: StateView): string | undefined {
  const older = undoing(job, command);
  return older === undefined
    ? undefined
    : `a ${older.action} given ${clockText(older.at ?? null, view.now)} is still to be applied and would undo it: let a worker pass take it up first`;
}

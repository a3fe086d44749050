import type { StageState } from '../../domain/act.ts';
import { getNumber } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import { conditionOf, idOf, isJobTarget, jobOf, readControl, scriptStep, unreachable } from './act-common.ts';
import {
  AT_WORK,
  cancelBaseline,
  cancelledStage,
  endedStage,
  plannedRunner,
  RUNNER_GOES_ON_MS,
  staysCancelledStage,
} from './act-stop.ts';

/**
 * `control.py cancel`: a word in the database. It is `costly` and not `destructive`: nothing on disk goes away and a
 * resume runs the job again, from its start. It is not `reversible` either: where the job stood is not kept.
 */
export const cancelAct: ActSpec = {
  id: 'job.cancel',
  title: 'cancel the job',
  menu: 'cancel',
  risk: 'costly',
  does: 'marks the job cancelled; a runner at work is NOT stopped, its result overwrites the mark until the next pass',
  runs: 'control.py cancel JOB',
  outcome: 'status cancelled; of a job at work also that its runner has ended and it is cancelled still',
  params: [],
  appliesTo: (target) =>
    isJobTarget(target) && (target.type !== 'job' || target.nativeStatus !== 'cancelled'),
  precondition(view, target) {
    const job = jobOf(view, target);
    const reason = unreachable(view, job);
    if (reason !== undefined || job === undefined) return reason;
    if (job.nativeStatus === 'cancelled') return 'it is cancelled already';
    if (job.nativeStatus === 'completed') return 'it is completed: cancelling would only rewrite the record';
    return undefined;
  },
  warnings(view, target) {
    const job = jobOf(view, target);
    if (!job || !AT_WORK.has(conditionOf(job))) return [];
    const pid = getNumber(job.data, 'pid');
    return [
      `this does not stop ${pid === undefined ? 'its runner' : `runner ${pid}`}: it goes on working and spending`,
      'when it ends, its result replaces "cancelled"; the next worker pass cancels once more',
      'job.stop ends the runner too',
    ];
  },
  strands(view, target) {
    const job = jobOf(view, target);
    return job && AT_WORK.has(conditionOf(job)) ? ['a runner at work on a job that counts as cancelled'] : [];
  },
  revision(view, target) {
    return jobOf(view, target)?.nativeStatus ?? 'gone';
  },
  baseline(view, target) {
    const job = jobOf(view, target);
    return job ? cancelBaseline(view, job) : {};
  },
  plan(view, target) {
    const job = jobOf(view, target);
    return job ? [scriptStep(view, job, 'control.py', ['cancel', idOf(job)], 'cancel')] : [];
  },
  read: (outputs) => readControl(outputs[0], ['cancelled']),
  expect(view, order): readonly StageState[] {
    const accepted = cancelledStage(view, order);
    if (plannedRunner(order) === undefined) return [accepted];
    return [
      accepted,
      endedStage(view, order, RUNNER_GOES_ON_MS, 'go on: cancel does not stop them'),
      staysCancelledStage(view, order, RUNNER_GOES_ON_MS),
    ];
  },
  undo: {
    act: 'job.rerun',
    text: 'job.rerun brings an approved job back, from its start; one never approved stays out',
  },
};

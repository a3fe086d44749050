import { getNumber } from '../../lib/json.ts';
import { conditionOf, jobOf } from './act-common.ts';
import {
  AT_WORK,
  cancelBaseline,
  cancelledStage,
  endedStage,
  plannedRunner,
  staysCancelledStage,
} from './act-stop.ts';
import { controlAct } from './control-act.ts';
import { placeOf } from './schema.ts';

/**
 * `control.py cancel`: a word in the database. It is `costly` and not `destructive`: nothing on disk goes away and a
 * resume runs the job again, from its start. It is not `reversible` either: where the job stood is not kept.
 */
export const cancelAct = controlAct({
  id: 'job.cancel',
  title: 'cancel the job',
  menu: 'cancel',
  risk: 'costly',
  does: 'marks the job cancelled; a runner at work is NOT stopped, its result overwrites the mark until the next pass',
  runs: 'control.py cancel JOB',
  outcome: 'status cancelled; of a job at work also that its runner has ended and it is cancelled still',
  params: [],
  command: 'cancel',
  on: (job) => job.type === 'job' && job.nativeStatus !== 'cancelled',
  accepts: ['cancelled'],
  refusal({ nativeStatus }) {
    if (nativeStatus === 'cancelled') return 'it is cancelled already';
    return nativeStatus === 'completed'
      ? 'it is completed: cancelling would only rewrite the record'
      : undefined;
  },
  warnings(_view, job) {
    if (!AT_WORK.has(conditionOf(job))) return [];
    const pid = getNumber(job.data, 'pid');
    return [
      `this does not stop ${pid === undefined ? 'its runner' : `runner ${pid}`}: it goes on working and spending`,
      'when it ends, its result replaces "cancelled"; the next worker pass cancels once more',
      'job.stop ends the runner too',
    ];
  },
  strands: (view, target) => {
    const job = jobOf(view, target);
    return job && AT_WORK.has(conditionOf(job)) ? ['a runner at work on a job that counts as cancelled'] : [];
  },
  baseline: cancelBaseline,
  expect(view, order) {
    const accepted = cancelledStage(view, order);
    if (plannedRunner(order) === undefined) return [accepted];
    // The runner goes on for as long as the worker lets a job run.
    const { jobTimeoutMs } = placeOf(view.located);
    return [
      accepted,
      endedStage(view, order, jobTimeoutMs, 'go on: cancel does not stop them'),
      staysCancelledStage(view, order, jobTimeoutMs),
    ];
  },
  undo: {
    act: 'job.rerun',
    text: 'job.rerun brings an approved job back, from its start; one never approved is submitted anew by job.retry',
  },
});

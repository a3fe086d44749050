import type { StageState } from '../../domain/act.ts';
import { addMs } from '../../domain/instant.ts';
import { getNumber } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import {
  acceptDeadline,
  conditionOf,
  idOf,
  isJobTarget,
  jobBaseline,
  jobOf,
  marksSince,
  readControl,
  scriptStep,
  unreachable,
} from './act-common.ts';
import { JOB_TIMEOUT_MS } from './schema.ts';

/** Conditions in which a runner may be at work on the job. */
const AT_WORK = new Set(['running', 'orphaned', 'silent-alive', 'overtaken']);

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
    return job ? jobBaseline(view, job) : {};
  },
  plan(view, target) {
    const job = jobOf(view, target);
    return job ? [scriptStep(view, job, 'control.py', ['cancel', idOf(job)], 'cancel')] : [];
  },
  read: (outputs) => readControl(outputs[0], ['cancelled']),
  expect(view, order): readonly StageState[] {
    const job = jobOf(view, order.target);
    const cancelled = job
      ? marksSince(job, order.baseline).find((mark) => mark.event === 'job_cancelled')
      : undefined;
    const native = job?.nativeStatus ?? '';
    const accepted = ((): Pick<StageState, 'state' | 'detail' | 'seenAt'> => {
      if (native === 'cancelled') {
        return { state: 'seen', ...(cancelled?.at === undefined ? {} : { seenAt: cancelled.at }) };
      }
      if (job && cancelled)
        return { state: 'contradicted', detail: `cancelled, and then ${native}: overwritten` };
      if (native === 'completed') return { state: 'contradicted', detail: 'it completed before the cancel' };
      return { state: 'waiting' };
    })();
    const stages: StageState[] = [
      {
        stage: 'accepted',
        title: 'status cancelled',
        ...accepted,
        deadline: acceptDeadline(order),
        required: true,
      },
    ];
    const pid = getNumber(order.baseline, 'pid');
    if (pid !== undefined) {
      const lives = view.processes.some(
        (process) => process.pid === pid && process.argv.some((word) => word.endsWith('runner.py')),
      );
      stages.push({
        stage: 'done',
        title: `runner ${pid} has ended`,
        state: lives ? 'waiting' : 'seen',
        ...(lives ? { detail: 'it goes on: cancel does not stop it' } : {}),
        deadline: addMs(order.startedAt, JOB_TIMEOUT_MS),
        required: false,
      });
    }
    return stages;
  },
  undo: { text: 'control.py resume brings it back, from its start' },
};

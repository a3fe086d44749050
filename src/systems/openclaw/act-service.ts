import type { StepAnswer, StepOutput } from '../../domain/act.ts';
import { getNumber } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActSpec } from '../system.ts';
import { keeperIn, placeOf } from './schema.ts';
import { headline } from './words.ts';
import {
  baselineOf,
  doubled,
  goneStage,
  idsOf,
  isWorkerService,
  keeperMissing,
  keptStep,
  passStage,
  pidsOf,
  queueStep,
  revisionOf,
  serviceOf,
  startStages,
  startStep,
  stayStage,
  stopSteps,
  strandedBy,
  unreachableQueue,
} from './worker-queue.ts';

/** What a pass needs beside its jobs. */
const PASS_SLACK_MS = 120_000;

const startAct: ActSpec = {
  id: 'worker.start',
  title: 'start a worker',
  menu: 'restart',
  risk: 'costly',
  does: 'starts worker.py for this queue and lets it go: it claims jobs and runs agents from then on',
  runs: 'worker.py --interval N, or the keeper starts its unit',
  outcome: 'a new worker in the process table, and a pass where there is work',
  params: [],
  appliesTo: isWorkerService,
  precondition(view, target) {
    const service = serviceOf(view, target);
    const [pid] = pidsOf(service?.data, 'workers');
    return (
      unreachableQueue(view, target, 'scripts/worker.py') ??
      keeperMissing(view, target) ??
      (pid === undefined ? doubled(service) : `worker ${pid.pid} serves this queue already`)
    );
  },
  warnings(view, target) {
    const { data } = serviceOf(view, target) ?? {};
    const claimable = idsOf(data, 'claimable').length;
    return [
      ...(claimable > 0 ? [`${counted(claimable, 'job')} will be claimed at once`] : []),
      ...((getNumber(data, 'commands') ?? 0) > 0
        ? ['commands left among the signals are applied again, a cancel or revise too']
        : []),
      ...(keeperIn(view.located) !== 'wrong' && keptStep(view, 'start') === undefined
        ? ['nothing restarts this worker when it ends: a unit of systemd would']
        : []),
    ];
  },
  revision: revisionOf,
  baseline: baselineOf,
  plan: (view, target) => [keptStep(view, 'start') ?? startStep(view, target)],
  expect: (view, order) => startStages(view, order, 'started'),
  undo: { act: 'worker.stop', text: 'worker.stop ends it; what its runners have begun goes on' },
};

const stopAct: ActSpec = {
  id: 'worker.stop',
  title: 'stop the worker',
  menu: 'pause',
  risk: 'costly',
  does: 'ends the worker: nothing is claimed any more; a runner at work is NOT ended with it',
  runs: 'SIGTERM to the worker, or the keeper stops its unit',
  outcome: 'the worker leaves the process table and none comes in its place',
  params: [],
  appliesTo: isWorkerService,
  precondition(view, target) {
    const workers = pidsOf(serviceOf(view, target)?.data, 'workers');
    return workers.length === 0 ? 'no worker of this queue runs on this host' : keeperMissing(view, target);
  },
  warnings(view, target) {
    const running = idsOf(serviceOf(view, target)?.data, 'running');
    return running.length === 0
      ? []
      : [`${counted(running.length, 'job')} at work: stop when its run is over, or stop the job first`];
  },
  strands: strandedBy,
  revision: revisionOf,
  baseline: baselineOf,
  plan: (view, target) => {
    const step = keptStep(view, 'stop');
    return step ? [step] : stopSteps(serviceOf(view, target));
  },
  expect: (view, order) => [goneStage(view, order, 'started'), stayStage(view, order)],
  undo: { act: 'worker.start', text: 'worker.start starts one again' },
};

const restartAct: ActSpec = {
  id: 'worker.restart',
  title: 'restart the worker',
  menu: 'restart',
  risk: 'costly',
  does: 'ends the worker and starts another; a runner at work is NOT ended, and the new worker may run its job twice',
  runs: 'SIGTERM, then worker.py --interval N; or the keeper restarts its unit',
  outcome: 'the old worker is gone, a new one lives',
  params: [],
  appliesTo: isWorkerService,
  precondition(view, target) {
    const service = serviceOf(view, target);
    const running = idsOf(service?.data, 'running');
    const [first] = running;
    return (
      unreachableQueue(view, target, 'scripts/worker.py') ??
      keeperMissing(view, target) ??
      (pidsOf(service?.data, 'workers').length === 0 ? 'no worker runs: start one' : undefined) ??
      doubled(service) ??
      (first === undefined
        ? undefined
        : `${first.slice(0, 8)} is at work: its runner would outlive the worker and the new one run the job a second time`)
    );
  },
  revision: revisionOf,
  baseline: baselineOf,
  plan(view, target) {
    const step = keptStep(view, 'restart');
    return step ? [step] : [...stopSteps(serviceOf(view, target)), startStep(view, target)];
  },
  expect: (view, order) => [goneStage(view, order, 'accepted'), ...startStages(view, order, 'started')],
  undo: { text: 'there is nothing to undo: a worker keeps no state of its own' },
};

const passAct: ActSpec = {
  id: 'worker.pass',
  title: 'run one worker pass',
  menu: 'resume',
  risk: 'costly',
  does: 'applies pending commands, takes stale jobs back, claims up to two jobs and runs them to their ends',
  runs: 'worker.py --once',
  outcome: 'a claim, a recovery or an applied command in the events',
  params: [],
  appliesTo: isWorkerService,
  precondition(view, target) {
    const service = serviceOf(view, target);
    const { data } = service ?? {};
    const work =
      idsOf(data, 'claimable').length + idsOf(data, 'stale').length + (getNumber(data, 'commands') ?? 0);
    return (
      unreachableQueue(view, target, 'scripts/worker.py') ??
      doubled(service) ??
      (work === 0
        ? 'there is nothing for a pass to take up: no claimable or stale job, no command'
        : undefined)
    );
  },
  warnings(view, target) {
    const [worker] = pidsOf(serviceOf(view, target)?.data, 'workers');
    return [
      `it ends only when the jobs it claims have ended: up to ${counted(Math.ceil(placeOf(view.located).jobTimeoutMs / 60_000), 'minute')}, with agents really at work`,
      ...(worker === undefined ? [] : [`worker ${worker.pid} makes passes of its own`]),
    ];
  },
  revision: revisionOf,
  baseline: baselineOf,
  plan(view, target) {
    const { skill, jobTimeoutMs } = placeOf(view.located);
    return [
      {
        type: 'process',
        title: 'one worker pass',
        argv: [view.located.python ?? '', `${skill ?? ''}/scripts/worker.py`, '--once'],
        ...queueStep(view, target),
        timeoutMs: jobTimeoutMs + PASS_SLACK_MS,
      },
    ];
  },
  read: readPass,
  expect: (view, order) => [passStage(view, order)],
  undo: { text: 'what a pass has claimed runs to its end; job.stop ends one' },
};

/** worker.py prints nothing and exits 0 whatever happened; what broke in its loop goes to stderr as one line of JSON. */
function readPass(outputs: readonly StepOutput[]): StepAnswer {
  const [output] = outputs;
  const text = `${output?.stdout ?? ''}${output?.stderr ?? ''}`.trim();
  return {
    ok: output?.exitCode === 0 && text === '',
    summary: text === '' ? 'the pass ended and said nothing' : headline(text, 200),
    ...(text === '' ? {} : { sections: [{ title: 'worker.py', text }] }),
  };
}

/** Acts on the worker of a queue. */
export const workerActs: readonly ActSpec[] = [startAct, restartAct, passAct, stopAct];

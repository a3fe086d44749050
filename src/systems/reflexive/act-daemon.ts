import type { Step } from '../../domain/act.ts';
import { type Entity, refTo } from '../../domain/entity.ts';
import { getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { ActSpec, StateView, UndoSpec } from '../system.ts';
import {
  answerOf,
  daemonOf,
  daemonState,
  failureOf,
  isDaemon,
  keeper,
  programRefusal,
  runningDaemons,
  stage,
  strandedByEnd,
} from './act-common.ts';
import { awayStage, endMs, endStage, startSlackMs, startStages } from './daemon-outcome.ts';
import {
  aimedAt,
  configRefusal,
  keeperRefusal,
  keptStep,
  modes,
  serviceStep,
  signalSteps,
  startWarnings,
  validateStep,
} from './daemon-step.ts';

/** Binds a yes to the processes there are, and to what would be cut off. */
function daemonRevision(view: StateView): string {
  const pids = runningDaemons(view).map(({ pid, startedAt }) => `${pid}@${Math.round(startedAt / 1000)}`);
  return [daemonState(view), ...pids, ...strandedByEnd(view).map((text) => text.slice(0, 40))].join('|');
}

function daemonBaseline(view: StateView, target: Entity) {
  return {
    pids: aimedAt(view, target).map(({ pid }) => pid),
    known: runningDaemons(view).map(({ pid }) => pid),
    begunAt: getNumber(daemonOf(view)?.data, 'begunAt') ?? 0,
    logs: getBoolean(daemonOf(view)?.data, 'logsLife') === true,
  };
}

/** `start`, the configuration checked first: a refused one ends the daemon within a second of its start. */
export const startDaemon: ActSpec = {
  id: 'daemon.start',
  title: 'start the daemon',
  menu: 'restart',
  risk: 'costly',
  does: 'validates the configuration, then starts the daemon in the background (or has its keeper start it)',
  runs: 'src.cli validate-config, then src.cli start [--mode=M]; systemctl start, docker start',
  outcome: 'a process of the daemon, and its main loop in the log',
  params: [
    {
      name: 'mode',
      title: 'mode',
      form: 'choice',
      required: false,
      choices: modes,
      hint: 'as configured when left out; a keeper has its own',
    },
  ],
  appliesTo: isDaemon,
  precondition(view) {
    const running = runningDaemons(view);
    if (running.length > 0) return `it runs: pid ${running.map(({ pid }) => pid).join(', ')}`;
    if (daemonState(view) === 'hidden')
      return 'a daemon whose directory this user may not see runs on this host: a second one would spend twice';
    const by = keeper(view);
    const isProcess = by !== 'wrong' && by.by === 'process';
    return (
      keeperRefusal(view) ?? (isProcess ? programRefusal(view, 'start') : undefined) ?? configRefusal(view)
    );
  },
  warnings: (view) => startWarnings(view),
  revision: daemonRevision,
  baseline: daemonBaseline,
  plan(view, _target, params): readonly Step[] {
    const kept = keptStep(view, 'start');
    return kept ? [kept] : [validateStep(view), serviceStep(view, params['mode'], 'start the daemon')];
  },
  read: (outputs) => {
    const failed = outputs.map(failureOf).find((text) => text !== undefined);
    return answerOf(failed === undefined, failed ?? 'started', outputs.at(-1));
  },
  expect: startStages,
  undo: { act: 'daemon.stop', text: 'stop it again; what it has claimed meanwhile stays claimed' },
};

/** Also where it was ended for a condition: that is over, and the daemon itself is what is started. */
const startAgain: UndoSpec = {
  act: 'daemon.start',
  text: 'start it again; operations that were cut off are not gone on with',
  on: (view) => refTo(daemonOf(view)),
};

/** SIGINT is what the program calls a shutdown; SIGTERM ends it without a word. */
export const stopDaemon: ActSpec = {
  id: 'daemon.stop',
  title: 'stop the daemon',
  menu: 'pause',
  risk: 'costly',
  does: 'interrupts the daemon (SIGINT), which ends at once, in the middle of whatever it does; a keeper is told to stop it',
  runs: 'SIGINT to its pid; systemctl stop, docker stop',
  outcome: 'the process is gone and none took its place',
  params: [],
  appliesTo: (target) =>
    isDaemon(target) || (target.type === 'issue' && ['cost-refused', 'two-daemons'].includes(target.id)),
  precondition(view) {
    const running = runningDaemons(view);
    const by = keeper(view);
    if (running.length === 0 && (by === 'wrong' || by.by === 'process')) {
      return daemonState(view) === 'hidden'
        ? 'its directory is hidden from this user: whose daemon that is, is not known'
        : 'it does not run';
    }
    if (daemonState(view) === 'suspended')
      return `it is suspended and takes no interrupt: kill -CONT ${running[0]?.pid ?? ''} first, or kill it`;
    return keeperRefusal(view);
  },
  warnings(view) {
    const by = keeper(view);
    const warnings = ['There is no pause, and no "complete current operations": what it does is cut off.'];
    if (by !== 'wrong' && by.by !== 'process') {
      warnings.push(
        'A keeper ends it by SIGTERM, of which the program writes no word: it will look like a crash.',
      );
    } else {
      warnings.push(
        'Started in the background by a shell script it ignores the interrupt; then only kill ends it.',
      );
    }
    return warnings;
  },
  strands: strandedByEnd,
  revision: daemonRevision,
  baseline: daemonBaseline,
  plan(view, target): readonly Step[] {
    // Which of two a keeper keeps, it knows alone.
    const kept = target.type === 'issue' && target.id === 'two-daemons' ? undefined : keptStep(view, 'stop');
    return kept ? [kept] : signalSteps(view, target, 'SIGINT');
  },
  expect(view, order) {
    const stoppedAt = getNumber(daemonOf(view)?.data, 'stoppedAt');
    const said = stoppedAt !== undefined && stoppedAt >= order.startedAt - startSlackMs;
    const goodbye = stage(
      order,
      'done',
      'its log says goodbye',
      endMs,
      { state: said ? 'seen' : 'waiting' },
      false,
    );
    return [endStage(view, order), awayStage(view, order), goodbye];
  },
  undo: startAgain,
};

/** The order that loses least: a configuration that would not start is found while the old daemon still runs. */
export const restartDaemon: ActSpec = {
  id: 'daemon.restart',
  title: 'restart the daemon',
  menu: 'restart',
  risk: 'costly',
  does: 'validates the configuration, interrupts the daemon, starts a new one in the same mode (or has its keeper do so)',
  runs: 'src.cli validate-config, SIGINT, src.cli start [--mode=M]; systemctl restart, docker restart',
  outcome: 'the old process gone, a new one in its main loop',
  params: [],
  appliesTo: (target) =>
    isDaemon(target) ||
    (target.type === 'issue' && ['config-not-in-force', 'cost-window', 'log-moved'].includes(target.id)),
  precondition(view) {
    const running = runningDaemons(view);
    if (running.length === 0)
      return daemonState(view) === 'hidden' ? 'its directory is hidden' : 'it does not run: start it';
    if (daemonState(view) === 'suspended')
      return 'it is suspended and takes no interrupt: kill it, then start one';
    if (running.length > 1) return 'several daemons run: end all but one first';
    const by = keeper(view);
    const isProcess = by !== 'wrong' && by.by === 'process';
    return (
      keeperRefusal(view) ?? (isProcess ? programRefusal(view, 'start') : undefined) ?? configRefusal(view)
    );
  },
  warnings(view) {
    const warnings = [...startWarnings(view)];
    if (getString(daemonOf(view)?.data, 'mode') !== 'manual')
      warnings.unshift(
        'A new day of the cost limit begins only if today is another day (UTC) than that of the counter',
      );
    return warnings;
  },
  strands: strandedByEnd,
  revision: daemonRevision,
  baseline: daemonBaseline,
  plan(view, target): readonly Step[] {
    const kept = keptStep(view, 'restart');
    if (kept) return [kept];
    const mode = getString(daemonOf(view)?.data, 'modeArgument');
    return [
      validateStep(view),
      ...signalSteps(view, target, 'SIGINT'),
      serviceStep(view, mode, 'start a new one'),
    ];
  },
  read: startDaemon.read as NonNullable<ActSpec['read']>,
  expect: (view, order) => [{ ...endStage(view, order), stage: 'accepted' }, ...startStages(view, order)],
  undo: { text: 'cannot be undone: what was cut off is not gone on with' },
};

/** The last resort, for one that takes no interrupt. */
export const killDaemon: ActSpec = {
  id: 'daemon.kill',
  title: 'kill the daemon',
  menu: 'cancel',
  risk: 'destructive',
  does: 'kills the daemon (SIGKILL), by pid and start time; on the row of two daemons, the newer one',
  runs: 'SIGKILL to its pid',
  outcome: 'the process is gone and none took its place',
  params: [],
  appliesTo: (target) => isDaemon(target) || (target.type === 'issue' && target.id === 'two-daemons'),
  precondition: (view) => (runningDaemons(view).length === 0 ? 'no process of it is known' : undefined),
  warnings(view) {
    const by = keeper(view);
    return [
      'It leaves no word: a file it is writing (cost_tracker.json is not written atomically) may be left half there.',
      ...(by !== 'wrong' && by.by !== 'process'
        ? [`${by.name} may start it again at once (Restart=on-failure): stop it there instead.`]
        : []),
    ];
  },
  strands: strandedByEnd,
  revision: daemonRevision,
  baseline: daemonBaseline,
  plan: (view, target) => signalSteps(view, target, 'SIGKILL'),
  expect: (view, order) => [endStage(view, order), awayStage(view, order)],
  undo: startAgain,
};

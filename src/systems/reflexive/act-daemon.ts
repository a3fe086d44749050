import type { Step } from '../../domain/act.ts';
import { type Entity, refTo } from '../../domain/entity.ts';
import { keeperProgram, keeperStep } from '../../domain/keeper.ts';
import { getArray, getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView, UndoSpec } from '../system.ts';
import {
  answerOf,
  cliArgv,
  cliEnvironment,
  cliStep,
  type DaemonMark,
  daemonOf,
  daemonState,
  failureOf,
  isDaemon,
  keeper,
  programRefusal,
  runningDaemons,
  secrets,
  stage,
  strandedByEnd,
} from './act-common.ts';
import { programPath } from './locate.ts';

/** From the word to start to the process, and to its first pass: imports, git and GitHub come before it. */
const processMs = 30_000;
const loopMs = 90_000;
/** A start that fails does so right after its first lines. */
const settleMs = 1_000;
/** SIGINT is taken at the next instruction of Python, which may be after an answer of the network. */
const endMs = 60_000;
const keeperTimeoutMs = 120_000;
/** The kernel's start time of a process, and clocks of a container, may differ by a little. */
const startSlackMs = 1_500;

const modes = ['supervised', 'autonomous', 'manual'] as const;

/** Why nothing can be asked of what keeps the daemon. */
function keeperRefusal(view: StateView): string | undefined {
  const by = keeper(view);
  return by === 'wrong' ? 'the setting keeper names nothing that keeps a daemon' : undefined;
}

/** What is said to the keeper; undefined where the daemon is a process of its own. */
function keptStep(view: StateView, verb: 'start' | 'stop' | 'restart'): Step | undefined {
  const by = keeper(view);
  if (by === 'wrong' || by.by === 'process') return undefined;
  const program = programPath(view.located, keeperProgram(by));
  return keeperStep(by, verb, { program, cwd: view.located.root, timeoutMs: keeperTimeoutMs });
}

function configRefusal(view: StateView): string | undefined {
  const invalid = view.entity('issue', 'config-invalid');
  return invalid ? `start would end with exit 1: ${invalid.title}` : undefined;
}

/** How the daemon is told its mode: as it was asked for, else as the one before was started. */
function modeArgument(mode: string | undefined): readonly string[] {
  return mode !== undefined && (modes as readonly string[]).includes(mode) ? [`--mode=${mode}`] : [];
}

function serviceStep(view: StateView, mode: string | undefined, title: string): Step {
  return {
    type: 'service',
    title,
    argv: cliArgv(view, ['start', ...modeArgument(mode)]),
    cwd: view.located.root,
    env: cliEnvironment,
    ...secrets(view),
  };
}

function validateStep(view: StateView): Step {
  return cliStep(view, ['validate-config'], 'validate the configuration');
}

/** What a start really does, and what it costs. */
function startWarnings(view: StateView): readonly string[] {
  const by = keeper(view);
  const warnings: string[] = [];
  if (by !== 'wrong' && by.by === 'process') {
    warnings.push(
      view.located.settings.envFile === undefined
        ? 'GITHUB_TOKEN and ANTHROPIC_API_KEY must stand in .env or the configuration: none of this cockpit is passed on'
        : 'GITHUB_TOKEN and ANTHROPIC_API_KEY are passed on from the configured file of variables',
      'It belongs to no terminal and to nothing that starts it again; what it prints besides its log is not kept',
    );
  }
  warnings.push(
    'It claims open labelled issues anew, those done or failed before too, and pays for them again',
  );
  const mode = getString(daemonOf(view)?.data, 'mode');
  if (mode === 'autonomous') warnings.push('The mode is autonomous: nothing it does is asked for');
  if (mode === 'manual') warnings.push('The mode is manual: it polls nothing, and no command reaches it');
  return warnings;
}

/** Binds a yes to the processes there are, and to what would be cut off. */
function daemonRevision(view: StateView): string {
  const pids = runningDaemons(view).map(({ pid, startedAt }) => `${pid}@${Math.round(startedAt / 1000)}`);
  return [daemonState(view), ...pids, ...strandedByEnd(view).map((text) => text.slice(0, 40))].join('|');
}

/** All processes of the daemon; of two daemons on one checkout, the one that came last. */
function aimedAt(view: StateView, target: Entity): readonly DaemonMark[] {
  const running = runningDaemons(view);
  return target.type === 'issue' && target.id === 'two-daemons' ? running.slice(-1) : running;
}

function daemonBaseline(view: StateView, target: Entity) {
  return {
    pids: aimedAt(view, target).map(({ pid }) => pid),
    known: runningDaemons(view).map(({ pid }) => pid),
    begunAt: getNumber(daemonOf(view)?.data, 'begunAt') ?? 0,
    logs: getBoolean(daemonOf(view)?.data, 'logsLife') === true,
  };
}

function signalSteps(view: StateView, target: Entity, signal: 'SIGINT' | 'SIGKILL'): readonly Step[] {
  const verb = signal === 'SIGINT' ? 'interrupt' : 'kill';
  return aimedAt(view, target).map(
    ({ pid, startedAt }): Step => ({ type: 'signal', title: `${verb} ${pid}`, pid, startedAt, signal }),
  );
}

/** The daemon that began after the act did, and is none of those of before. */
function newDaemon(view: StateView, order: ActOrder) {
  const before = pidsBefore(order, 'known');
  return runningDaemons(view).find(
    ({ pid, startedAt }) => !before.includes(pid) && startedAt >= order.startedAt - startSlackMs,
  );
}

/** Processes the act is about, or all there were of the daemon. */
function pidsBefore(order: ActOrder, which: 'pids' | 'known' = 'pids'): readonly number[] {
  return getArray(order.baseline, which).filter((pid) => typeof pid === 'number');
}

/** A process is there, and its own log says that it went to work. */
function startStages(view: StateView, order: ActOrder) {
  const found = newDaemon(view, order);
  const data = daemonOf(view)?.data;
  const begunAt = getNumber(data, 'begunAt');
  const endedAt = getNumber(data, 'endedAt');
  const begunBefore = getNumber(order.baseline, 'begunAt') ?? 0;
  const hasBegun = begunAt !== undefined && begunAt > Math.max(begunBefore, order.startedAt - startSlackMs);
  const hasEnded = hasBegun && endedAt !== undefined && endedAt >= begunAt;
  const settlesIn = begunAt === undefined || !hasBegun ? undefined : begunAt + settleMs - view.now;
  const isSettled = settlesIn !== undefined && settlesIn <= 0;
  const pid = found ? `pid ${found.pid}` : undefined;
  const isHidden = !found && daemonState(view) === 'hidden';
  return [
    stage(order, 'started', 'a process of the daemon', processMs, {
      state: found ? 'seen' : hasEnded ? 'contradicted' : 'waiting',
      detail:
        pid ?? (hasEnded ? 'it began and ended again' : isHidden ? 'its directory is hidden' : undefined),
    }),
    stage(
      order,
      'done',
      'its log says that it went to work',
      // Looked at again when it has stood for a moment, though nothing moves until then.
      isSettled || settlesIn === undefined ? loopMs : view.now + settlesIn - order.startedAt,
      {
        state: hasEnded ? 'contradicted' : isSettled && found ? 'seen' : 'waiting',
        detail: hasEnded ? `it ended: ${getString(data, 'endWord') ?? 'no reason written'}` : pid,
      },
      // A log at a level above INFO never says so.
      getBoolean(order.baseline, 'logs') === true,
    ),
  ];
}

/** The processes of before are gone. */
function endStage(view: StateView, order: ActOrder) {
  const before = pidsBefore(order);
  const left = runningDaemons(view).filter(({ pid }) => before.includes(pid));
  return stage(order, 'started', 'the process has ended', endMs, {
    state: left.length === 0 ? 'seen' : 'waiting',
    detail: left.length === 0 ? undefined : `${left.map(({ pid }) => pid).join(', ')} still lives`,
  });
}

/** Somebody else may start it again: a unit with Restart=always, a shell loop, another operator. */
function awayStage(view: StateView, order: ActOrder) {
  const again = newDaemon(view, order);
  const ended = runningDaemons(view).every(({ pid }) => !pidsBefore(order).includes(pid));
  return stage(order, 'done', 'no other took its place', endMs, {
    state: again ? 'contradicted' : ended ? 'seen' : 'waiting',
    detail: again ? `pid ${again.pid} was started in its place: something starts it again` : undefined,
  });
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

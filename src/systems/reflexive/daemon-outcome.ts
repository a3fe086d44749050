import { getArray, getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import { daemonOf, daemonState, runningDaemons, stage } from './act-common.ts';

/** From the word to start to the process, and to its first pass: imports, git and GitHub come before it. */
const processMs = 30_000;

const loopMs = 90_000;

/** A start that fails does so right after its first lines. */
const settleMs = 1_000;

/** SIGINT is taken at the next instruction of Python, which may be after an answer of the network. */
export const endMs = 60_000;

/** The kernel's start time of a process, and clocks of a container, may differ by a little. */
export const startSlackMs = 1_500;

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
export function startStages(view: StateView, order: ActOrder) {
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
export function endStage(view: StateView, order: ActOrder) {
  const before = pidsBefore(order);
  const left = runningDaemons(view).filter(({ pid }) => before.includes(pid));
  return stage(order, 'started', 'the process has ended', endMs, {
    state: left.length === 0 ? 'seen' : 'waiting',
    detail: left.length === 0 ? undefined : `${left.map(({ pid }) => pid).join(', ')} still lives`,
  });
}

/** Somebody else may start it again: a unit with Restart=always, a shell loop, another operator. */
export function awayStage(view: StateView, order: ActOrder) {
  const again = newDaemon(view, order);
  const ended = runningDaemons(view).every(({ pid }) => !pidsBefore(order).includes(pid));
  return stage(order, 'done', 'no other took its place', endMs, {
    state: again ? 'contradicted' : ended ? 'seen' : 'waiting',
    detail: again ? `pid ${again.pid} was started in its place: something starts it again` : undefined,
  });
}

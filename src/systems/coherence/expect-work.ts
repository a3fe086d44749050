import type { StageState } from '../../domain/act.ts';
import { type Instant, instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { getBoolean, getNumber, getObject, getString, type JsonObject } from '../../lib/json.ts';
import type { StateView } from '../system.ts';

/** Start times of processes are known to a hundredth of a second, boot time to a second. */
export const START_JITTER_MS = 1_000;

/** A time among the facts of a view. */
export function instantIn(data: JsonObject, key: string): Instant | undefined {
  const at = getNumber(data, key);
  return at === undefined ? undefined : instant(at);
}

/** The pipeline shell a manager was started by, an interpreter's wrapper between them allowed for. */
export function shellAbove(
  process: ProcessInfo,
  shells: readonly ProcessInfo[],
  processes: readonly ProcessInfo[],
): ProcessInfo | undefined {
  let parentPid = process.parentPid;
  for (let step = 0; step < 4; step += 1) {
    const shell = shells.find((one) => one.pid === parentPid);
    if (shell) return shell;
    parentPid = processes.find((one) => one.pid === parentPid)?.parentPid ?? 0;
  }
  return undefined;
}

/**
 * The last stage of all that starts a pipeline: this project manager's log has moved since it began, and the API has
 * answered 200 after `begin`.
 */
export function atWork(
  view: StateView,
  base: Omit<StageState, 'state'>,
  manager: { readonly pid: number; readonly startedAt: Instant },
  begin: Instant,
): StageState {
  const pid = `project manager ${manager.pid}`;
  const movedAt = getNumber(view.data, 'managerLogMovedAt') ?? 0;
  if (movedAt < manager.startedAt - START_JITTER_MS)
    return { ...base, state: 'waiting', detail: `${pid} lives, its log has not moved` };
  if (view.located.url === undefined)
    return { ...base, state: 'seen', seenAt: manager.startedAt, detail: `${pid} works; health unchecked` };
  const health = getObject(view.data, 'health');
  const isWell = getBoolean(health, 'ok') === true && (getNumber(health, 'at') ?? 0) >= begin;
  if (!isWell) return { ...base, state: 'waiting', detail: `${pid} works, API: ${apiText(view.data)}` };
  const seenAt = instant(getNumber(health, 'at') ?? manager.startedAt);
  return { ...base, state: 'seen', seenAt, detail: `${pid} works, health 200` };
}

/** The API's state in words. */
export function apiText(data: JsonObject): string {
  const state = getString(data, 'apiState');
  const why = getString(data, 'apiWhy') ?? '';
  return state === 'up' ? 'the API answers' : state === 'down' ? `API down (${why})` : `API unknown (${why})`;
}

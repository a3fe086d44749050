import * as z from 'zod/mini';
import { getNumber, getString } from '../../lib/json.ts';
import type { Located } from '../system.ts';

const number = (pattern: RegExp): z.ZodMiniOptional<z.ZodMiniString> =>
  z.optional(z.string().check(z.regex(pattern, 'wants a number such as 90')));

/** Settings of this kind beside the common ones. */
export const coherenceSettings = z.strictObject({
  poll: number(/^\d{1,5}(\.\d{1,6})?$/).check(
    z.describe(
      'seconds between two looks of the watchdog for a restart request; default 90, as its script has it',
    ),
  ),
  pace: number(/^\d{1,3}(\.\d+)?$/).check(
    z.describe('how much faster than live the scripts run, for a simulation: divides every deadline'),
  ),
  decisionTimeout: number(/^\d{1,4}(\.\d+)?$/).check(
    z.describe(
      'hours after which a blocked decision is skipped (PIPELINE_NEEDS_DECISION_TIMEOUT_HOURS); 0 is never',
    ),
  ),
  port: number(/^\d{2,5}$/).check(z.describe('port of the API where no `url` is given; default 8000')),
});

/** Where the scripts write, relative to the checkout. */
export const LOGS = 'api/logs';

/** `PIPELINE_ORPHAN_RUNNING_SECONDS`: a running task older than this is failed by the monitor. */
export const ORPHAN_MS = 1_800_000;
/** `PIPELINE_NEEDS_DECISION_TIMEOUT_HOURS` as run_autonomous.sh sets it. */
export const AUTONOMOUS_TIMEOUT_HOURS = 24;
/** The monitor's own default when its start line is not in the log that was read. */
export const MONITOR_INTERVAL_S = 120;

/** How long the parts of a restart take, in milliseconds. */
interface RestartTimes {
  /** Between two looks of the watchdog for a request: 90 s. */
  readonly pollMs: number;
  /** With an API reason it ends uvicorn, waits 2 s, starts it, waits 5 s and asks for its health for up to 5 s. */
  readonly apiMs: number;
  /** It ends the pipeline, waits 3 s, announces a restart and waits 5 s. */
  readonly pauseMs: number;
  /** From the version file to a project manager: two requests of up to 5 s and one print of the status. */
  readonly startMs: number;
  /** What a busy machine adds. */
  readonly slackMs: number;
}

/** The times of run_overnight_pipeline_watchdog.sh and run_overnight_pipeline.sh for this installation. */
export function restartTimesOf(located: Located): RestartTimes {
  const pace = paceOf(located);
  return {
    pollMs: (getNumber(located.extra, 'pollS') ?? 90) * 1000,
    apiMs: 12_000 / pace,
    pauseMs: 8_000 / pace,
    startMs: 60_000 / pace,
    // A busy machine is as busy in a simulation.
    slackMs: Math.max(8_000, 15_000 / pace),
  };
}

/** How often the API is asked for its health: it writes a line into its own log each time. */
export function healthEveryMs(located: Located): number {
  return Math.max(2_000, 15_000 / paceOf(located));
}

/** Speed of the watched scripts; 1 is live. */
export function paceOf(located: Located): number {
  return Math.max(1, getNumber(located.extra, 'pace') ?? 1);
}

/** Port the API listens on. */
export function apiPortOf(located: Located): number {
  return getNumber(located.extra, 'port') ?? 8000;
}

/** Hours until a blocked decision is skipped, where the operator configured it. */
export function decisionTimeoutOf(located: Located): number | undefined {
  return getNumber(located.extra, 'decisionTimeoutH');
}

/** The worktree a linked checkout belongs to; its start script can't tell its own commit. */
export function linkedWorktreeOf(located: Located): string | undefined {
  return getString(located.extra, 'linkedWorktree');
}

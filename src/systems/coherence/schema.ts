import * as z from 'zod/mini';
import { getNumber, getString } from '../../lib/json.ts';
import type { Located } from '../system.ts';

/** Settings of this kind beside the common ones. */
export const coherenceSettings = z.object({
  /** Seconds between two looks of the watchdog for a request; 90 in run_overnight_pipeline_watchdog.sh. */
  poll: z.optional(z.string().check(z.regex(/^\d{1,5}$/))),
  /** Hours after which a blocked decision is skipped (PIPELINE_NEEDS_DECISION_TIMEOUT_HOURS); 0 is never. */
  'decision-timeout': z.optional(z.string().check(z.regex(/^\d{1,4}(\.\d+)?$/))),
  /** Port of the API where no `url` is given. */
  port: z.optional(z.string().check(z.regex(/^\d{2,5}$/))),
});

/** Where the scripts write, relative to the checkout. */
export const LOGS = 'api/logs';

/** The watchdog ends the pipeline, waits 3 s, announces a restart and waits 5 s (run_overnight_pipeline_watchdog.sh). */
export const WATCHDOG_PAUSE_MS = 8_000;
/** With an API reason it ends uvicorn, waits 2 s, starts it, waits 5 s and asks for its health for up to 5 s. */
export const API_RESTART_MS = 12_000;
/** What a busy machine adds to every step. */
export const SLACK_MS = 15_000;
/** From the version file to a project manager: two requests of up to 5 s and one status print. */
export const START_MS = 60_000;
/** `PIPELINE_ORPHAN_RUNNING_SECONDS`: a running task older than this is failed by the monitor. */
export const ORPHAN_MS = 1_800_000;
/** `PIPELINE_NEEDS_DECISION_TIMEOUT_HOURS` as run_autonomous.sh sets it. */
export const AUTONOMOUS_TIMEOUT_HOURS = 24;
/** The monitor's own default when its start line is not in the log that was read. */
export const MONITOR_INTERVAL_S = 120;

/** Milliseconds between two looks of the watchdog. */
export function pollMsOf(located: Located): number {
  return (getNumber(located.extra, 'pollS') ?? 90) * 1000;
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

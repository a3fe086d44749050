import type { Instant } from '../../domain/instant.ts';
import { getArray, getString, isObject, type Json } from '../../lib/json.ts';
import { instantOf, type Seen } from './seen.ts';

/** `monitor_issues.json` as of its last check. */
export interface MonitorCheck {
  readonly issues: readonly Json[];
  readonly history: readonly {
    readonly condition: string;
    readonly at: Instant;
    readonly severity: string | undefined;
  }[];
  readonly lastCheck: Instant | undefined;
  readonly seen: Seen;
}

/** What tells whether the monitor still checks. */
export interface MonitorTimes {
  readonly now: Instant;
  readonly check: MonitorCheck | undefined;
  readonly monitorIntervalMs: number;
}

/** The facts of `monitor_issues.json`. */
export function checkOf(seen: Seen | undefined): MonitorCheck | undefined {
  const fact = seen?.fact('check');
  if (!seen || !isObject(fact)) return undefined;
  const history = getArray(fact, 'history').flatMap((entry): MonitorCheck['history'][number][] => {
    const condition = getString(entry, 'condition');
    const at = instantOf(entry, 'at');
    if (condition === undefined || at === undefined) return [];
    return [{ condition, at, severity: getString(entry, 'severity') }];
  });
  return { issues: getArray(fact, 'issues'), history, lastCheck: instantOf(fact, 'lastCheck'), seen };
}

/** True when the monitor's last check is too long ago to say anything about now. */
export function isMonitorOverdue(scene: MonitorTimes): boolean {
  const last = scene.check?.lastCheck;
  return last !== undefined && scene.now >= last + overdueMs(scene);
}

/** A check may wait for several requests of 10 s each, so it is overdue after three intervals. */
export function overdueMs(scene: Pick<MonitorTimes, 'monitorIntervalMs'>): number {
  return 3 * scene.monitorIntervalMs;
}

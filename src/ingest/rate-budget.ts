/**
 * How many requests a host may be sent per minute, counted over all cockpits that share a directory: each request is
 * recorded before it is made, under a lock file created exclusively.
 */

import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const WINDOW_MS = 60_000;
/** A lock that old belongs to a process that was killed holding it: the work under it takes microseconds. */
const STALE_LOCK_MS = 2000;

export interface RateBudget {
  /** Takes one request out of the budget. `false`, and when to ask again, once it is used up. */
  take(
    perMinute: number,
  ): { readonly allowed: true } | { readonly allowed: false; readonly retryInMs: number };
}

/** The budget of one host; without `directory` it counts for this process alone. */
export function rateBudget(host: string, directory: string | undefined): RateBudget {
  if (directory === undefined) return ownBudget(host);
  const file = join(directory, `rate-${createHash('sha256').update(host).digest('hex').slice(0, 16)}`);
  const fallback = ownBudget(host);
  return {
    take(perMinute) {
      const lock = `${file}.lock`;
      try {
        if (!acquire(lock)) return { allowed: false, retryInMs: 250 };
      } catch {
        // A directory that can't be written: better counted here than not at all.
        return fallback.take(perMinute);
      }
      try {
        const now = Date.now();
        const answer = decide(readTimes(file), now, perMinute);
        if (answer.allowed) {
          const next = `${file}.${process.pid}`;
          writeFileSync(next, `${answer.times.join('\n')}\n`, { mode: 0o660 });
          renameSync(next, file);
          return { allowed: true };
        }
        return answer;
      } catch {
        return fallback.take(perMinute);
      } finally {
        unlinkSync(lock);
      }
    },
  };
}

const ownTimes = new Map<string, number[]>();

function ownBudget(host: string): RateBudget {
  return {
    take(perMinute) {
      const answer = decide(ownTimes.get(host) ?? [], Date.now(), perMinute);
      if (!answer.allowed) return answer;
      ownTimes.set(host, answer.times);
      return { allowed: true };
    },
  };
}

function decide(
  times: readonly number[],
  now: number,
  perMinute: number,
): { allowed: true; times: number[] } | { allowed: false; retryInMs: number } {
  // A time from the future is of a clock that was set back; counting it could close the budget for ever.
  const recent = times.filter((at) => at > now - WINDOW_MS && at <= now + 1000);
  if (recent.length < perMinute) return { allowed: true, times: [...recent, now] };
  const oldest = recent[recent.length - perMinute] ?? now;
  return { allowed: false, retryInMs: Math.max(50, oldest + WINDOW_MS - now) };
}

function readTimes(file: string): number[] {
  try {
    return readFileSync(file, 'latin1')
      .split('\n')
      .map(Number)
      .filter((at) => Number.isFinite(at) && at > 0);
  } catch {
    return [];
  }
}

/** False when somebody else holds the lock; throws when the directory can't be written. */
function acquire(lock: string): boolean {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      closeSync(openSync(lock, 'wx', 0o660));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const held = statSync(lock, { throwIfNoEntry: false });
      if (held && Date.now() - held.mtimeMs > STALE_LOCK_MS) unlinkSync(lock);
    }
  }
  return false;
}

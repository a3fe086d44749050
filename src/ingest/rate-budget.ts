/**
 * How many requests a host may be sent per minute, counted over all its paths and all cockpits that share a directory:
 * each request is recorded before it is made, under a lock file created exclusively. A pause the server asks for holds
 * for all of them too.
 */

import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const WINDOW_MS = 60_000;
/** A lock that old belongs to a process that was killed holding it: the work under it takes microseconds. */
const STALE_LOCK_MS = 2000;

/** Longest pause a server is given: what it asks for beyond that is taken for a mistake, or for a trick. */
export const LONGEST_PAUSE_MS = 3_600_000;

export interface RateBudget {
  /**
   * Takes one request out of the budget. `false`, why and when to ask again, once it is used up or while the server
   * has asked for a pause.
   */
  take(
    perMinute: number,
  ):
    | { readonly allowed: true }
    | { readonly allowed: false; readonly why: 'used up' | 'paused'; readonly retryInMs: number };
  /** The server wants no request for that long, {@link LONGEST_PAUSE_MS} at most. */
  pause(ms: number): void;
}

/** The budget of one host; without `directory` it counts for this process alone. */
export function rateBudget(host: string, directory: string | undefined): RateBudget {
  if (directory === undefined) return ownBudget(host);
  const file = join(directory, `rate-${createHash('sha256').update(host).digest('hex').slice(0, 16)}`);
  const fallback = ownBudget(host);
  const untilFile = `${file}.until`;
  return {
    pause(ms) {
      fallback.pause(ms);
      try {
        const next = `${untilFile}.${process.pid}`;
        writeFileSync(next, `${Date.now() + Math.min(ms, LONGEST_PAUSE_MS)}\n`, { mode: 0o660 });
        renameSync(next, untilFile);
      } catch {
        // A directory that can't be written: this process at least keeps to it.
      }
    },
    take(perMinute) {
      const pausedMs = Math.max(pauseLeft(readTimes(untilFile)[0]), pauseLeft(ownPauses.get(host)));
      if (pausedMs > 0) return { allowed: false, why: 'paused', retryInMs: pausedMs };
      const lock = `${file}.lock`;
      try {
        if (!acquire(lock)) return { allowed: false, why: 'used up', retryInMs: 250 };
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
const ownPauses = new Map<string, number>();

/** Milliseconds a pause goes on. One that is longer than any can be is of a clock that was set back. */
function pauseLeft(until: number | undefined): number {
  const left = until === undefined ? 0 : until - Date.now();
  return left > LONGEST_PAUSE_MS ? 0 : left;
}

function ownBudget(host: string): RateBudget {
  return {
    pause: (ms) => void ownPauses.set(host, Date.now() + Math.min(ms, LONGEST_PAUSE_MS)),
    take(perMinute) {
      const pausedMs = pauseLeft(ownPauses.get(host));
      if (pausedMs > 0) return { allowed: false, why: 'paused', retryInMs: pausedMs };
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
): { allowed: true; times: number[] } | { allowed: false; why: 'used up'; retryInMs: number } {
  // A time from the future is of a clock that was set back; counting it could close the budget for ever.
  const recent = times.filter((at) => at > now - WINDOW_MS && at <= now + 1000);
  if (recent.length < perMinute) return { allowed: true, times: [...recent, now] };
  const oldest = recent[recent.length - perMinute] ?? now;
  return { allowed: false, why: 'used up', retryInMs: Math.max(50, oldest + WINDOW_MS - now) };
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

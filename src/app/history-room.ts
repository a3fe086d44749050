/** Where the history of a cockpit lives, and how long it is kept. */
import { hostname } from 'node:os';
import type { ConfigFile } from '../config/schema.ts';
import { openHistory } from '../db/history-store.ts';
import { ensurePrivateDirectory, stateDirectories } from '../db/state-dir.ts';
import { messageOf } from '../domain/error.ts';
import { instant } from '../domain/instant.ts';
import type { Who } from '../domain/ledger.ts';
import type { HistoryRoom } from '../engine/history-desk.ts';
import { systemClock } from '../host/clock.ts';
import { readIdentity } from '../host/identity.ts';
import { processStartedAt } from '../host/process-stat.ts';
import type { Result } from '../lib/result.ts';
import { HOST_MODE } from './acts-room.ts';
import { saveText } from './save-text.ts';
import { ownMasker } from './secrets.ts';

const DAY_MS = 24 * 3_600_000;
/** For how long what happened is kept when the configuration says nothing. */
const KEEP_DAYS = 30;

/**
 * Opens the history: one file for all operators of the host where they share a directory, so that a hand-over reaches
 * the next of them whoever that is. The reason where it can't be had: a cockpit goes on without.
 */
export function openHistoryRoom(config: ConfigFile): Result<HistoryRoom & { close(): void }> {
  try {
    const directories = stateDirectories(process.env);
    ensurePrivateDirectory(directories.state);
    const store = openHistory({
      directory: directories.shared,
      now: systemClock().now(),
      ...(directories.isHostWide ? { mode: HOST_MODE } : {}),
    });
    return {
      ok: true,
      value: {
        store,
        self: { pid: process.pid, startedAt: processStartedAt(process.pid) ?? instant(0) },
        me: operatorName(readIdentity()),
        host: hostname(),
        keepMs: keptMs(config),
        mask: ownMasker.text,
        isAlive: ({ pid, startedAt }) => processStartedAt(pid) === startedAt,
        saveHandOver: (text, at) => saveText('hand-over', 'txt', text, at),
        close: () => store.close(),
      },
    };
  } catch (error) {
    return { ok: false, error: messageOf(error) };
  }
}

/** How an operator is called in records: the person behind `sudo` where there is one. */
export function operatorName(who: Who): string {
  return who.cameFrom ?? who.user;
}

/** For how long what happened is kept: changes, acts that ended and what they printed, steps that ended. */
export function keptMs(config: ConfigFile): number {
  const days = /^(\d+)d$/.exec(config.history?.keep ?? '')?.[1];
  return (days === undefined ? KEEP_DAYS : Number(days)) * DAY_MS;
}

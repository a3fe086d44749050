/** Which ledgers there are, and reading them without leaving a trace. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { messageOf } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import { type Ledger, type LedgerOptions, openLedger } from './ledger.ts';
import { unfinishedRepair } from './ledger-repair-mark.ts';
import { copyForLooking, isRecordThere } from './look-at-copy.ts';
import { DamagedError } from './open.ts';
import type { Environment, StateDirectories } from './state-dir.ts';

/** Ledgers in the host's directory are read by its group, so that all acts of a host are listed together. */
const SHARED_LEDGER_MODE = 0o640;

/** One ledger of this host. */
export interface LedgerFile {
  readonly path: string;
  /** Whose record it is; empty where there is only one, in a directory of this user's own. */
  readonly user: string;
  readonly isOwn: boolean;
}

/** Path of the ledger of one user: a file each, so that nobody can rewrite another's. */
export function ledgerPath(
  { shared, isHostWide }: Pick<StateDirectories, 'shared' | 'isHostWide'>,
  { user, uid }: { readonly user: string; readonly uid?: number },
): string {
  if (!isHostWide) return join(shared, 'ledger.db');
  // A name that comes out of the environment must not lead elsewhere.
  const name = /^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$/.test(user) ? user : `uid-${uid ?? 'unknown'}`;
  return join(shared, `ledger-${name}.db`);
}

/** Whether there is a ledger, be it one whose repair was ended early. */
export function isLedgerThere(path: string): boolean {
  return isRecordThere(path) || unfinishedRepair(path) !== undefined;
}

/** Every ledger that is there, this user's first. */
export function ledgerFiles(
  directories: StateDirectories,
  who: { readonly user: string; readonly uid?: number },
): readonly LedgerFile[] {
  const own = ledgerPath(directories, who);
  const user = directories.isHostWide ? who.user : '';
  const files = isLedgerThere(own) ? [{ path: own, user, isOwn: true }] : [];
  if (!directories.isHostWide) return files;
  const others = readdirSync(directories.shared)
    .flatMap((name) => /^ledger-(.+)\.db$/.exec(name)?.[1] ?? [])
    .map((user) => ({ path: join(directories.shared, `ledger-${user}.db`), user, isOwn: false }))
    .filter(({ path }) => path !== own)
    .sort((a, b) => (a.user < b.user ? -1 : 1));
  return [...files, ...others];
}

/**
 * Reads a ledger. This user's own is opened in place where it may be written to; any other one is copied, since opening
 * it would leave files of ours beside it, which its owner then could not write to. `ledger.path` is the true one only
 * in place; archives are looked for beside the true one.
 */
export function readingLedger<T>(file: LedgerFile, now: Instant, read: (ledger: Ledger) => T): T {
  const open = (path: string): T => {
    const ledger = openLedger({ path, now, archivesOf: file.path });
    try {
      return read(ledger);
    } finally {
      ledger.close();
    }
  };
  if (file.isOwn) {
    try {
      return open(file.path);
    } catch (error) {
      if (!isWriteRefused(error)) throw error;
    }
  }
  const { directory, remove } = copyForLooking([file.path]);
  try {
    return open(join(directory, basename(file.path)));
  } catch (error) {
    if (error instanceof DamagedError) throw error.of(file.path);
    throw error;
  } finally {
    remove();
  }
}

/** SQLite writes beside a file to read it; where that is not allowed, a copy is read. */
function isWriteRefused(error: unknown): boolean {
  return /readonly database|unable to open database|EROFS|EACCES|EPERM/.test(messageOf(error));
}

/** How this user's ledger is opened for writing. */
export function ownLedgerOptions(
  env: Environment,
  directories: StateDirectories,
  who: { readonly user: string; readonly uid?: number },
): Pick<LedgerOptions, 'path' | 'mode' | 'oursAlone' | 'journalIn'> {
  return {
    path: ledgerPath(directories, who),
    journalIn: journalDirectories(env, directories, who.uid),
    ...(directories.isHostWide ? { mode: SHARED_LEDGER_MODE, oursAlone: true } : {}),
  };
}

/** Where records wait when the disk of the ledger is full: other disks where there are any. */
function journalDirectories(
  env: Environment,
  { state, shared }: StateDirectories,
  uid: number | undefined,
): readonly string[] {
  const runtime = env['XDG_RUNTIME_DIR'];
  return [
    ...(state === shared ? [] : [state]),
    ...(runtime ? [join(runtime, 'binnacle')] : []),
    join(tmpdir(), `binnacle-${uid ?? 'user'}`),
  ];
}

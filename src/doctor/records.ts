/** Where our own records are kept: the directories, their disk, the record of acts. */
import { accessSync, constants, existsSync, lstatSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasBallast } from '../db/ballast.ts';
import { lookAtHostDirectory } from '../db/host-directory.ts';
import { isLedgerThere, ledgerPath } from '../db/ledger-files.ts';
import { type Environment, stateDirectories, userStateDirectory } from '../db/state-dir.ts';
import type { PartFinding } from '../domain/finding.ts';
import type { Identity } from '../host/identity.ts';

const MIB = 1024 * 1024;
/** A busy night writes a few MiB of history; with less than this it will not be whole. */
const LITTLE_BYTES = 64 * MIB;
/** File systems whose locks are kept by a server, or not at all (statfs(2), `f_type`). */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
]);

/** Checks the directories of this user and of this host. Makes nothing. */
export function checkRecords(env: Environment, who: Identity): readonly PartFinding[] {
  const state = userStateDirectory(env);
  const host = lookAtHostDirectory(env);
  const directories = stateDirectories(env);
  return [
    checkOwn(state),
    env['BINNACLE_HOST_DIR'] === '' ? switchedOff : hostFinding(host),
    ...checkDisk(directories.shared),
    ...checkBallast(ledgerPath(directories, who)),
  ];
}

function checkOwn(path: string): PartFinding {
  const subject = 'state directory';
  const mend = 'name another with BINNACLE_STATE_DIR; looking works without, acts and history do not';
  const there = nearest(path);
  try {
    if (!statSync(there).isDirectory())
      return { subject, level: 'fail', says: `${path} can't be made: ${there} is a file`, mend };
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch {
    const what = there === path ? `${path} can't be written to` : `${path} can't be made in ${there}`;
    return { subject, level: 'fail', says: `${what} by this user`, mend };
  }
  if (there !== path) return { subject, level: 'ok', says: `${path} is made when it is first needed` };
  const { uid } = lstatSync(path);
  if (process.geteuid !== undefined && uid !== process.geteuid())
    return {
      subject,
      level: 'warn',
      says: `${path} belongs to user ${uid}: what is written there may be out of this user's reach later`,
      mend: `chown it, or name another with BINNACLE_STATE_DIR`,
    };
  return { subject, level: 'ok', says: path };
}

const switchedOff: PartFinding = {
  subject: 'host directory',
  level: 'ok',
  says: 'switched off (BINNACLE_HOST_DIR is empty): nothing is shared on this host',
};

function hostFinding(host: ReturnType<typeof lookAtHostDirectory>): PartFinding {
  const subject = 'host directory';
  switch (host.state) {
    case 'open':
      return { subject, level: 'ok', says: `${host.path}: orders and holds are shared on this host` };
    case 'refused':
      return {
        subject,
        level: 'warn',
        says: `${host.path} is not used: ${host.why}; other operators are not seen`,
        mend: 'an administrator: `binnacle init --host`; an operator: join its group and log in again',
      };
    case 'absent':
      return {
        subject,
        level: 'warn',
        says: 'there is none: holds and acts of other operators of this host are not seen',
        mend: 'an administrator: `binnacle init --host --group NAME`; alone on this host: set BINNACLE_HOST_DIR to nothing',
      };
  }
}

function checkDisk(path: string): readonly PartFinding[] {
  const there = nearest(path);
  const subject = 'disk';
  try {
    const { bavail, bsize, ffree, files, type } = statfsSync(there);
    const bytes = bavail * bsize;
    const remote = REMOTE.get(type);
    const noFiles = files > 0 && ffree === 0;
    const free = `${Math.floor(bytes / MIB)} MiB free for ${path}`;
    const mend = 'make room there, or name another place with BINNACLE_STATE_DIR';
    return [
      noFiles || bytes < MIB
        ? { subject, level: 'fail', says: noFiles ? `no file can be made in ${there}` : free, mend }
        : bytes < LITTLE_BYTES
          ? { subject, level: 'warn', says: free, mend }
          : { subject, level: 'ok', says: free },
      ...(remote === undefined
        ? []
        : [
            {
              subject,
              level: 'warn' as const,
              says: `${there} lies on ${remote}, whose locks SQLite can't rely on`,
              mend: 'name a local directory with BINNACLE_STATE_DIR',
            },
          ]),
    ];
  } catch (error) {
    return [{ subject, level: 'warn', says: `how much is free is not known: ${String(error)}` }];
  }
}

/** On a full disk the records of acts under way are written to space that was kept for them. */
function checkBallast(ledger: string): readonly PartFinding[] {
  if (!isLedgerThere(ledger)) return [];
  const subject = 'kept space';
  return hasBallast(ledger)
    ? [{ subject, level: 'ok', says: 'space is kept for the records of acts on a full disk' }]
    : [
        {
          subject,
          level: 'warn',
          says: 'no space is kept: on a full disk an act could not be recorded in its place',
          mend: 'make room; it is laid again with the next act',
        },
      ];
}

/** The path, or the nearest directory above it that is there. */
function nearest(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearest(dirname(path));
}

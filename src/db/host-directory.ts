/** The directory in which the operators of a host share their records: looked at with suspicion, made with care. */
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, isAbsolute } from 'node:path';
import { messageOf, UserError } from '../domain/error.ts';

type Environment = { readonly [name: string]: string | undefined };

/** Made by an administrator, once. */
const HOST_DIRECTORY = '/var/lib/binnacle';
/** Its group writes to it; what is made in it belongs to that group; nobody else sees it. */
const HOST_MODE = 0o2770;
/** What may lie in a directory that is taken for one of ours. */
const OUR_FILES = /^(?:host\.db|ledger-|history|spool$|budget)/;

/** The host's directory as it was found. */
export type HostDirectory =
  | { readonly state: 'open'; readonly path: string }
  | { readonly state: 'absent' }
  /** It is there and this user can't write to it, or it is not safe to. */
  | { readonly state: 'refused'; readonly path: string; readonly why: string };

/** Where it is, or would be; undefined when it is switched off (BINNACLE_HOST_DIR empty). */
export function hostDirectoryPath(env: Environment): string | undefined {
  const path = env['BINNACLE_HOST_DIR'] ?? HOST_DIRECTORY;
  if (path === '') return undefined;
  if (!isAbsolute(path)) throw new UserError(`BINNACLE_HOST_DIR is not an absolute path: ${path}`);
  return path;
}

/** Looks whether this user shares records with the others of the host. Changes nothing. */
export function lookAtHostDirectory(env: Environment): HostDirectory {
  const path = hostDirectoryPath(env);
  if (path === undefined) return { state: 'absent' };
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return { state: 'absent' };
    const why = unsafeBecause(path, stat);
    if (why !== undefined) return { state: 'refused', path, why };
  } catch (error) {
    return { state: 'refused', path, why: messageOf(error) };
  }
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return { state: 'open', path };
  } catch {
    return { state: 'refused', path, why: 'this user is not in its group' };
  }
}

/** Why files in this directory could be swapped by people who are no operators; undefined when they could not. */
function unsafeBecause(path: string, stat: Stats): string | undefined {
  if (stat.isSymbolicLink()) return 'it is a link';
  if (!stat.isDirectory()) return 'it is not a directory';
  if ((stat.mode & 0o002) !== 0) return 'everybody may write to it';
  if (stat.uid !== 0 && stat.uid !== process.geteuid?.()) return `it belongs to user ${stat.uid}`;
  const above = statSync(dirname(path));
  const isSticky = (above.mode & 0o1000) !== 0;
  if ((above.mode & 0o002) !== 0 && !isSticky)
    return `everybody may replace it: ${dirname(path)} is open to all`;
  return undefined;
}

/**
 * Makes the directory for a group, or puts one of ours right. Says what it did, a sentence each. Throws UserError with
 * the line for an administrator where this user may not, and for what lies there and is none of ours.
 */
export function makeHostDirectory(
  path: string,
  group: { readonly name: string; readonly gid: number },
): readonly string[] {
  const did: string[] = [];
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      // Closed to all but us until its group and mode are right.
      mkdirSync(path, { mode: 0o700 });
      did.push(`made ${path}`);
    }
    const stat = lstatSync(path);
    refuseForeign(path, stat);
    if (stat.gid !== group.gid) {
      chownSync(path, stat.uid, group.gid);
      did.push(`gave it to group ${group.name}`);
    }
    // Changing the group may take the setgid bit away, so it is set in any case.
    if ((stat.mode & 0o7777) !== HOST_MODE || did.length > 0) {
      chmodSync(path, HOST_MODE);
      did.push('set its mode to 2770: its group reads and writes, nobody else');
    }
    return did.length > 0 ? did : [`${path} was right already: group ${group.name}, mode 2770`];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UserError(`${dirname(path)} does not exist`, ['make it first']);
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
    throw new UserError(
      `${path} can't be made or changed by this user: ${messageOf(error)}`,
      [`sudo install -d -o root -g ${group.name} -m 2770 ${path}`],
      4,
    );
  }
}

function refuseForeign(path: string, stat: Stats): void {
  if (stat.isSymbolicLink() || !stat.isDirectory())
    throw new UserError(
      `${path} is ${stat.isSymbolicLink() ? 'a link' : 'not a directory'}`,
      ['move it away'],
      4,
    );
  const foreign = readdirSync(path).find((name) => !OUR_FILES.test(name));
  if (foreign !== undefined)
    throw new UserError(
      `${path} holds what is none of Binnacle's: ${foreign}`,
      ['name another directory with BINNACLE_HOST_DIR'],
      4,
    );
  if (stat.uid !== 0 && stat.uid !== process.geteuid?.())
    throw new UserError(`${path} belongs to user ${stat.uid}`, ['run it as that user, or as root'], 4);
}

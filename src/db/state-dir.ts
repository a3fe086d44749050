import { chmodSync, existsSync, lstatSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { UserError } from '../domain/error.ts';
import { lookAtHostDirectory } from './host-directory.ts';

/** Environment variables, as `process.env` has them. */
export type Environment = { readonly [name: string]: string | undefined };

/** Where Binnacle keeps what must survive. */
export interface StateDirectories {
  /** Of this user: history, positions, diagnostics. */
  readonly state: string;
  /** Orders, claims, holds and ledgers: the host's directory where there is one, else `state`. */
  readonly shared: string;
  /** Whether other operators of this host see the same orders and holds. */
  readonly isHostWide: boolean;
  /** Why the directory of the host, which is there, is not used. */
  readonly refused?: string;
}

/** The user's state directory: BINNACLE_STATE_DIR, else below XDG_STATE_HOME, else `~/.local/state`. Creates nothing. */
export function userStateDirectory(env: Environment): string {
  const given = env['BINNACLE_STATE_DIR'];
  if (given) {
    if (!isAbsolute(given)) throw new UserError(`BINNACLE_STATE_DIR is not an absolute path: ${given}`);
    return given;
  }
  const xdg = env['XDG_STATE_HOME'];
  // The XDG rules say that a relative path in these variables is to be ignored.
  if (xdg && isAbsolute(xdg)) return join(xdg, 'binnacle');
  const home = env['HOME'];
  return join(home && isAbsolute(home) ? home : homedir(), '.local', 'state', 'binnacle');
}

/** Both directories, named but not created. */
export function stateDirectories(env: Environment): StateDirectories {
  const state = userStateDirectory(env);
  const host = lookAtHostDirectory(env);
  switch (host.state) {
    case 'open':
      return { state, shared: host.path, isHostWide: true };
    case 'absent':
      return { state, shared: state, isHostWide: false };
    case 'refused':
      return { state, shared: state, isHostWide: false, refused: `${host.path}: ${host.why}` };
  }
}

/**
 * Makes a directory and those above it, for this user alone. Node's own way to do so never ends where a file system
 * (such as /proc) says of a directory within an existing one that it does not exist.
 */
export function makeDirectories(path: string): void {
  const above = dirname(path);
  if (above !== path && !existsSync(above)) makeDirectories(above);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}

/**
 * Creates a directory for this user alone, or takes away what others may do with it. Throws a UserError when it can't
 * be had.
 */
export function ensurePrivateDirectory(path: string): void {
  try {
    makeDirectories(path);
    const stat = lstatSync(path);
    if (stat.isSymbolicLink() ? !statSync(path).isDirectory() : !stat.isDirectory())
      throw new UserError(`${path} is not a directory`, ['name another with BINNACLE_STATE_DIR']);
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o700);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'it, or what leads to it, is a file' : message;
    throw new UserError(`the state directory ${path} can't be used: ${why}`, [
      'name another with BINNACLE_STATE_DIR',
      'looking needs none: status, list, show and logs work without it',
    ]);
  }
}

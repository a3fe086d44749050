import { readFileSync, statSync } from 'node:fs';

/** Names by numeric user id, from the local account file; read again when that file changes. */
let known: { readonly changedMs: number; readonly names: ReadonlyMap<number, string> } | undefined;

/**
 * Name of a user id. Undefined where the local account file does not list it (directory services, containers that run
 * with a bare id): callers then show the number.
 */
export function userName(uid: number, file = '/etc/passwd'): string | undefined {
  try {
    const changedMs = statSync(file).mtimeMs;
    if (known === undefined || known.changedMs !== changedMs || file !== '/etc/passwd') {
      const read = { changedMs, names: readAccounts(readFileSync(file, 'utf8')) };
      if (file !== '/etc/passwd') return read.names.get(uid);
      known = read;
    }
    return known.names.get(uid);
  } catch {
    return undefined;
  }
}

/** Whether the local account file lists a user of this name; directory services and containers may know others. */
export function isLocalUser(name: string): boolean {
  try {
    return readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .some((line) => line.startsWith(`${name}:`));
  } catch {
    return false;
  }
}

/** Reads `name:password:uid:...` lines (passwd(5)); the first name of an id wins, as in getpwuid(3). */
function readAccounts(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name, , uid] = line.split(':');
    if (name === undefined || uid === undefined || !/^\d+$/.test(uid)) continue;
    if (!names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}

/** A group of this host. */
export interface Group {
  readonly name: string;
  readonly gid: number;
  /** Accounts listed in it; those that have it as their first group are not. */
  readonly members: readonly string[];
}

/** The group of this name or number, from the local group file (group(5): `name:password:gid:member,member`). */
export function groupOf(nameOrId: string, file = '/etc/group'): Group | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  for (const line of text.split('\n')) {
    const [name, , gid, members] = line.split(':');
    if (name === undefined || gid === undefined || !/^\d+$/.test(gid)) continue;
    if (name === nameOrId || gid === nameOrId)
      return { name, gid: Number(gid), members: (members ?? '').split(',').filter((one) => one !== '') };
  }
  // A bare number is a group all the same: directory services and containers list theirs elsewhere.
  return /^\d{1,9}$/.test(nameOrId) ? { name: nameOrId, gid: Number(nameOrId), members: [] } : undefined;
}

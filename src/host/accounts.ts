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

import { isUtf8 } from 'node:buffer';

/** A path as the file system has it: bytes where the name is not valid UTF-8. */
export type RawPath = string | Buffer;

/** The path below `directory`. Stays a string as long as both parts are text. */
export function joinRaw(directory: RawPath, name: RawPath): RawPath {
  if (typeof directory === 'string' && typeof name === 'string') {
    return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
  }
  return Buffer.concat([Buffer.from(directory), Buffer.from('/'), Buffer.from(name)]);
}

/** Names a path in a map: no two paths alike, cheaper than {@link showRaw} and nothing to show. */
export function rawKey(path: RawPath): string {
  return typeof path === 'string' ? path : path.toString('latin1');
}

/** The path as text: bytes that are not UTF-8 appear as `\xff`, so that two such names stay two names. */
export function showRaw(path: RawPath): string {
  if (typeof path === 'string') return path;
  if (isUtf8(path)) return path.toString('utf8');
  let shown = '';
  for (const byte of path) shown += byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`;
  return shown;
}

/** Directory and last name of a path. */
export function splitRaw(path: RawPath): { readonly directory: RawPath; readonly name: RawPath } {
  if (typeof path === 'string') {
    const at = path.lastIndexOf('/');
    return { directory: at <= 0 ? '/' : path.slice(0, at), name: path.slice(at + 1) };
  }
  const at = path.lastIndexOf(0x2f);
  return { directory: at <= 0 ? '/' : path.subarray(0, at), name: path.subarray(at + 1) };
}

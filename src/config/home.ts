import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * A path with `~` for the home directory made definite: no shell has done so in `-s KIND=~/DIR`, where the tilde stands
 * within a word, nor in a file.
 */
export function fromHome(path: string): string {
  if (path !== '~' && !path.startsWith('~/')) return path;
  return join(process.env['HOME'] || homedir(), path.slice(1));
}

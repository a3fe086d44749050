import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Look } from '../systems/system.ts';

const SMALL_FILE_BYTES = 64 * 1024;

/** What `recognise` and `locate` of a kind may see below `dir`: names and small files; nothing throws. */
export function lookInto(dir: string, env: Readonly<Record<string, string | undefined>>): Look {
  const at = (path: string): string => (isAbsolute(path) ? path : join(dir, path));
  return {
    exists: (path) => existsSync(at(path)),
    text(path) {
      try {
        const stat = statSync(at(path));
        if (!stat.isFile() || stat.size > SMALL_FILE_BYTES) return undefined;
        return readFileSync(at(path), 'utf8');
      } catch {
        return undefined;
      }
    },
    names(path) {
      try {
        return readdirSync(at(path)).sort();
      } catch {
        return [];
      }
    },
    env: (name) => env[name],
    which(program) {
      if (isAbsolute(program)) return isExecutable(program) ? program : undefined;
      for (const folder of (env['PATH'] ?? '').split(delimiter)) {
        if (!isAbsolute(folder)) continue;
        const candidate = join(folder, program);
        if (isExecutable(candidate)) return candidate;
      }
      return undefined;
    },
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

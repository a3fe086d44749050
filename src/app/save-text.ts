import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDirectories } from '../db/state-dir.ts';
import { type Instant, toIso } from '../domain/instant.ts';

/** Writes a text beside the records, for this user alone; a second one of the same second is another file. */
export function saveText(name: string, suffix: string, text: string, at: Instant): string {
  const { state } = stateDirectories(process.env);
  const stamp = toIso(at).replace(/[-:]/g, '').replace(/\..*/, 'Z');
  for (let count = 1; ; count += 1) {
    const path = join(state, `${name}-${stamp}${count === 1 ? '' : `-${count}`}.${suffix}`);
    try {
      writeFileSync(path, `${text}\n`, { mode: 0o600, flag: 'wx' });
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

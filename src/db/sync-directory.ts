import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes a name that was added to a directory last: a new name is on disk only once its directory is. Throws as `open` does. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateDirectory } from './state-dir.ts';

/** Most bytes of output kept per order; the hash in the ledger covers all of them. */
export const SPOOL_BYTES = 4 * 1024 * 1024;

/** Output of one order being written by its runner. The text is masked before it comes here. */
export interface SpoolWriter {
  write(text: string): void;
  close(): void;
}

/** Where runners leave what their programs print, for the cockpits to read. */
export interface Spool {
  open(order: string): SpoolWriter;
  /** The end of the output, at most `maxBytes` of it; empty when there is none. Cut at a character's border. */
  tail(order: string, maxBytes: number): string;
  /** The beginning of the output. */
  text(order: string, maxBytes: number): string;
}

/** The spool below `directory`, which is created at the first write. */
export function openSpool(directory: string, options: { readonly mode?: number } = {}): Spool {
  const folder = join(directory, 'spool');
  const pathOf = (order: string): string => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(order)) throw new RangeError('not the id of an order');
    return join(folder, `${order}.out`);
  };
  return {
    open(order) {
      if (options.mode === undefined) ensurePrivateDirectory(folder);
      else ensureSharedDirectory(folder);
      const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
      const descriptor = openSync(pathOf(order), flags, options.mode ?? 0o600);
      let left = SPOOL_BYTES - fstatSync(descriptor).size;
      return {
        write(text) {
          if (left <= 0) return;
          const bytes = Buffer.from(text);
          if (bytes.length <= left) {
            writeSync(descriptor, bytes);
          } else {
            writeSync(descriptor, bytes.subarray(0, left));
            writeSync(descriptor, '\n[output beyond this is not kept]\n');
          }
          left -= bytes.length;
        },
        close: () => closeSync(descriptor),
      };
    },
    tail: (order, maxBytes) => readPart(pathOf(order), (size) => Math.max(0, size - maxBytes), maxBytes),
    text: (order, maxBytes) => readPart(pathOf(order), () => 0, maxBytes),
  };
}

/** For the group of the directory above: the umask of whoever comes first must not keep the others out. */
function ensureSharedDirectory(path: string): void {
  if (mkdirSync(path, { recursive: true }) !== undefined) chmodSync(path, 0o2770);
}

function readPart(path: string, startOf: (size: number) => number, maxBytes: number): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const start = startOf(fstatSync(descriptor).size);
    const buffer = Buffer.alloc(maxBytes);
    const read = readSync(descriptor, buffer, 0, maxBytes, start);
    const text = buffer.toString('utf8', 0, read);
    // A cut at either end may have halved a character: the replacement characters there are of our making.
    return text.replace(start > 0 ? /^\uFFFD{1,3}/ : /^$/, '').replace(/\uFFFD{1,3}$/, '');
  } finally {
    closeSync(descriptor);
  }
}

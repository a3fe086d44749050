import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Instant } from '../domain/instant.ts';
import { quietly } from '../lib/quietly.ts';
import { ensurePrivateDirectory } from './state-dir.ts';

/** Most bytes of output kept per order; the hash in the ledger covers all of them. */
export const SPOOL_BYTES = 4 * 1024 * 1024;

/** Most bytes of output kept of all orders together. */
const ALL_BYTES = 256 * 1024 * 1024;
/** What is left of an output that had to go. */
const GONE = '[what it printed is no longer kept]\n';

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
  /** Removes the output of these orders: they have left the record. */
  remove(orders: readonly string[]): void;
  /** Of all that is there, the oldest leaves while it is more than so many bytes; a sentence stays in its place. */
  prune(order: {
    /** Orders whose output stays whatever it takes. */
    readonly open: ReadonlySet<string>;
    /** Orders in the record: output of others goes when it is older than `before`. */
    readonly known: ReadonlySet<string>;
    readonly before: Instant;
    readonly maxBytes?: number;
  }): void;
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
    remove(orders) {
      for (const order of orders) rmSync(pathOf(order), { force: true });
    },
    prune({ open, known, before, maxBytes = ALL_BYTES }) {
      const files = outputsIn(folder).sort((a, b) => a.at - b.at);
      let bytes = files.reduce((sum, { size }) => sum + size, 0);
      for (const { order, at, size } of files) {
        const isOrphan = !known.has(order) && at < before;
        if (isOrphan) rmSync(pathOf(order), { force: true });
        else if (bytes > maxBytes && size > GONE.length && !open.has(order)) replace(pathOf(order), options);
        else continue;
        bytes -= size;
      }
    },
    tail: (order, maxBytes) => readPart(pathOf(order), (size) => Math.max(0, size - maxBytes), maxBytes),
    text: (order, maxBytes) => readPart(pathOf(order), () => 0, maxBytes),
  };
}

function outputsIn(folder: string): { readonly order: string; readonly at: number; readonly size: number }[] {
  const names = quietly(() => readdirSync(folder), []);
  return names.flatMap((name) => {
    const order = /^([A-Za-z0-9][A-Za-z0-9._-]{0,127})\.out$/.exec(name)?.[1];
    const stat = order && lstatSync(join(folder, name), { throwIfNoEntry: false });
    return order && stat ? [{ order, at: stat.mtimeMs, size: stat.size }] : [];
  });
}

/** A new file in its place: what another user wrote can't be written to, and whoever reads it now reads on. */
function replace(path: string, { mode = 0o600 }: { readonly mode?: number }): void {
  const next = `${path}.new`;
  rmSync(next, { force: true });
  writeFileSync(next, GONE, { mode, flag: 'wx' });
  renameSync(next, path);
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

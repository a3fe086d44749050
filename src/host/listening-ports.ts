import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { readDescriptors } from './process-stat.ts';

/** Words of the column of states: its title, and two states. */
const HEADER = 'st';
const LISTEN = '0A';
/** A connection on its way in: older kernels list them among the sockets that listen. */
const SYN_RECEIVED = '03';
/** Bytes of a row of /proc/net/tcp. The kernel makes rows until a read is served, and looks for one more. */
const ROW_BYTES = 150;

/** TCP ports somebody listens on, by socket inode, from /proc/net/tcp and tcp6 (proc(5)) of this network namespace. */
export function readListeningSockets(): Map<string, number> {
  const byInode = new Map<string, number>();
  addListening(byInode, '/proc/net/tcp');
  if (hasVersion6()) addListening(byInode, '/proc/net/tcp6');
  return byInode;
}

/**
 * Sockets that listen come first. Behind them the kernel walks its whole table of connections, 10 ms and more where it is
 * large or full, so nothing is read after the first row of it.
 */
function addListening(byInode: Map<string, number>, file: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return;
  }
  try {
    const bytes = Buffer.allocUnsafe(ROW_BYTES);
    let rest = '';
    for (;;) {
      const count = readSync(descriptor, bytes, 0, ROW_BYTES, null);
      if (count === 0) return;
      const lines = (rest + bytes.toString('latin1', 0, count)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const fields = line.trim().split(/\s+/);
        if (fields[3] === HEADER || fields[3] === SYN_RECEIVED) continue;
        if (fields[3] !== LISTEN) return;
        const port = Number.parseInt(fields[1]?.split(':').at(-1) ?? '', 16);
        const inode = fields[9];
        if (Number.isInteger(port) && inode !== undefined) byInode.set(inode, port);
      }
    }
  } catch {
    // What was read until now holds.
  } finally {
    closeSync(descriptor);
  }
}

/** False where no socket of version 6 is in use: the count is at hand, while the list is a walk through that table. */
function hasVersion6(): boolean {
  try {
    return !/^TCP6: inuse 0$/m.test(readFileSync('/proc/net/sockstat6', 'latin1'));
  } catch {
    return true;
  }
}

/** Ports of `sockets` that this process holds; undefined when its descriptors are hidden from us. */
export function portsOf(pid: number, sockets: ReadonlyMap<string, number>): number[] | undefined {
  const targets = readDescriptors(pid);
  if (targets === undefined) return undefined;
  const ports = new Set<number>();
  for (const target of targets) {
    const port = sockets.get(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? '');
    if (port !== undefined) ports.add(port);
  }
  return [...ports].sort((a, b) => a - b);
}

import { readFileSync } from 'node:fs';
import { readDescriptors } from './process-stat.ts';

const LISTEN = '0A';

/** TCP ports somebody listens on, by socket inode, from /proc/net/tcp and tcp6 (proc(5)) of this network namespace. */
export function readListeningSockets(): Map<string, number> {
  const byInode = new Map<string, number>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text: string;
    try {
      text = readFileSync(file, 'latin1');
    } catch {
      continue;
    }
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] !== LISTEN) continue;
      const port = Number.parseInt(fields[1]?.split(':').at(-1) ?? '', 16);
      const inode = fields[9];
      if (Number.isInteger(port) && inode !== undefined) byInode.set(inode, port);
    }
  }
  return byInode;
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

/**
 * The processes of this host that somebody is interested in. Stateful: what does not change in a process's life is read
 * once per pid and start time, descriptors only again when the set of listening sockets changed.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Instant } from '../domain/instant.ts';
import type { ProcessInfo, ProcessTable } from '../domain/process.ts';
import { userName } from './accounts.ts';
import { portsOf, readListeningSockets } from './listening-ports.ts';
import { readPsTable } from './process-ps.ts';
import {
  hasProc,
  listPids,
  type ProcessStat,
  readProcessLink,
  readProcessStat,
  startInstant,
} from './process-stat.ts';
import { readsTerminal, terminalName } from './terminal-wait.ts';

/** Which processes are wanted: a word within an argument, a listener of a port, a pid; descendants come with them. */
export interface ProcessWish {
  readonly words: readonly string[];
  readonly ports?: readonly number[];
  readonly pids?: readonly number[];
}

export interface ProcessTableReader {
  /** The wanted processes as of now. This program itself is never among them. */
  read(wish: ProcessWish, at: Instant): Promise<ProcessTable>;
}

interface Known {
  readonly startTicks: number;
  readonly user?: string;
  /** Listening ports, and as of which set of sockets. */
  ports: readonly number[];
  portsAsOf: string;
}

interface Row {
  readonly pid: number;
  readonly stat: ProcessStat;
  readonly argv: readonly string[];
}

/** A reader for this platform: /proc on Linux, `ps` elsewhere. */
export function processTableReader(): ProcessTableReader {
  return hasProc() ? procReader() : { read: readPsTable };
}

function procReader(): ProcessTableReader {
  const known = new Map<number, Known>();

  const portsFor = (row: Row, sockets: ReadonlyMap<string, number>, asOf: string): readonly number[] => {
    const entry = known.get(row.pid);
    if (entry === undefined || entry.startTicks !== row.stat.startTicks) {
      const user = ownerOf(row.pid);
      const ports = portsOf(row.pid, sockets) ?? [];
      known.set(row.pid, {
        startTicks: row.stat.startTicks,
        ...(user === undefined ? {} : { user }),
        ports,
        portsAsOf: asOf,
      });
      return ports;
    }
    if (entry.portsAsOf !== asOf) {
      entry.ports = portsOf(row.pid, sockets) ?? [];
      entry.portsAsOf = asOf;
    }
    return entry.ports;
  };

  const describe = (row: Row, ports: readonly number[]): ProcessInfo => {
    const { pid, stat } = row;
    const cwd = readProcessLink(pid, 'cwd');
    const executable = readProcessLink(pid, 'exe');
    const user = known.get(pid)?.user;
    const terminal = terminalName(stat.terminalDevice);
    return {
      pid,
      parentPid: stat.parentPid,
      groupId: stat.groupId,
      startedAt: startInstant(stat.startTicks),
      argv: row.argv,
      ...(cwd === undefined ? {} : { cwd }),
      ...(executable === undefined ? {} : { executable }),
      ...(user === undefined ? {} : { user }),
      ...(terminal === undefined ? {} : { terminal }),
      state: stat.state,
      ports,
      readsTerminal: terminal !== undefined && stat.state === 'S' && readsTerminal(pid),
    };
  };

  return {
    async read(wish, at) {
      const rows = readRows();
      const sockets = readListeningSockets();
      const asOf = [...sockets.keys()].sort().join(',');
      const wantedPorts = new Set(wish.ports ?? []);
      const wantedPids = new Set(wish.pids ?? []);
      const portIsOpen = [...sockets.values()].some((port) => wantedPorts.has(port));
      const wanted = new Set<number>();
      for (const row of rows) {
        const byWord = row.argv.some((word) => wish.words.some((wish) => wish !== '' && word.includes(wish)));
        const byPort = portIsOpen && portsFor(row, sockets, asOf).some((port) => wantedPorts.has(port));
        if (byWord || byPort || wantedPids.has(row.pid)) wanted.add(row.pid);
      }
      addDescendants(rows, wanted);
      wanted.delete(process.pid);
      const living = new Set(rows.map((row) => row.pid));
      for (const pid of known.keys()) if (!living.has(pid)) known.delete(pid);
      const processes = rows
        .filter((row) => wanted.has(row.pid))
        .map((row) => describe(row, portsFor(row, sockets, asOf)));
      return { readAt: at, processes };
    },
  };
}

/** Every process with its arguments. Arguments are read anew each time: a program replaces them when it execs. */
function readRows(): Row[] {
  const rows: Row[] = [];
  for (const pid of listPids()) {
    const stat = readProcessStat(pid);
    // Kernel threads (children of pid 2) have no arguments and are nobody's pipeline.
    if (stat === undefined || stat.parentPid === 2 || pid === 2) continue;
    rows.push({ pid, stat, argv: readArgv(pid) });
  }
  return rows;
}

function readArgv(pid: number): string[] {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (words.at(-1) === '') words.pop();
    return words;
  } catch {
    return [];
  }
}

function ownerOf(pid: number): string | undefined {
  try {
    const { uid } = statSync(`/proc/${pid}`);
    return userName(uid) ?? String(uid);
  } catch {
    return undefined;
  }
}

function addDescendants(rows: readonly Row[], wanted: Set<number>): void {
  const children = new Map<number, number[]>();
  for (const { pid, stat } of rows) {
    const siblings = children.get(stat.parentPid);
    if (siblings) siblings.push(pid);
    else children.set(stat.parentPid, [pid]);
  }
  const open = [...wanted];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    for (const child of children.get(pid) ?? []) {
      if (wanted.has(child)) continue;
      wanted.add(child);
      open.push(child);
    }
  }
}

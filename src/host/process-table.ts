/**
 * The processes of this host that somebody is interested in. Stateful: what does not change in a process's life is read
 * once per pid and start time, descriptors only again when the set of listening sockets changed.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Instant } from '../domain/instant.ts';
import type { ProcessInfo, ProcessTable } from '../domain/process.ts';
import { userName } from './accounts.ts';
import { portsOf, readListeningSockets } from './listening-ports.ts';
import { psReader } from './process-ps.ts';
import {
  hasProc,
  listPids,
  type ProcessStat,
  readProcessLink,
  readProcessStat,
  startInstant,
} from './process-stat.ts';
import type { ProcessWish } from './process-wish.ts';
import { readsTerminal, terminalName } from './terminal-wait.ts';

export interface ProcessTableReader {
  /**
   * The wanted processes as of now. This program itself is never among them. `shareMs`: what was read for somebody else
   * that short a time ago will do; several systems that look at the same moment cost one reading.
   */
  read(wish: ProcessWish, at: Instant, shareMs?: number): Promise<ProcessTable>;
}

interface Known {
  readonly startTicks: number;
  readonly user?: string;
  /** Listening ports, and as of which set of sockets. */
  ports: readonly number[];
  portsAsOf: string;
}

interface Links {
  /** The arguments these were read with: a new array means they were read anew. */
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly executable?: string;
}

interface Row {
  readonly pid: number;
  readonly stat: ProcessStat;
  readonly argv: readonly string[];
}

/** A reader for this platform: /proc on Linux, `ps` elsewhere. */
export function processTableReader(): ProcessTableReader {
  return hasProc() ? procReader() : { read: psReader() };
}

/** Arguments are read again that often, in case a program replaced its own. */
const ARGV_MS = 10_000;
/** A process this young may still replace its arguments by exec under the same name. */
const YOUNG_MS = 5000;
/** Kernel threads come and go rarely; their pids are not looked at in between. */
const KERNEL_MS = 30_000;
/** A process nobody asked for is looked at that often: it may have replaced itself by a program that is wanted. */
const UNWANTED_MS = 5000;
/**
 * Listening sockets are read again that often. The kernel walks its whole table of connections for it, some 30 ms on a
 * busy host: what that costs sets the pause.
 */
const SOCKETS_MS = 2000;
const LONGEST_SOCKETS_MS = 15_000;
const SOCKETS_COST_FACTOR = 500;

/** What is kept of a process from one reading to the next. */
interface KeptRow {
  readonly row: Row;
  readonly argvReadAt: number;
  readonly since: number;
  readonly lookedAt: number;
}

/**
 * Rows of all user processes. What needs not be read each time is kept over: arguments, and for some seconds all of a
 * process that is not `wanted` and not so young that it may still become somebody else.
 */
function rowReader(): (isWanted: (pid: number) => boolean) => Row[] {
  const known = new Map<number, KeptRow>();
  let kernel = new Set<number>();
  let kernelAt = Number.NEGATIVE_INFINITY;
  return (isWanted) => {
    const now = performance.now();
    if (now - kernelAt > KERNEL_MS) {
      kernel = new Set();
      kernelAt = now;
    }
    const rows: Row[] = [];
    const living = new Set<number>();
    for (const pid of listPids()) {
      if (kernel.has(pid)) continue;
      const entry = known.get(pid);
      if (entry && now - entry.lookedAt < UNWANTED_MS && now - entry.since > YOUNG_MS && !isWanted(pid)) {
        living.add(pid);
        rows.push(entry.row);
        continue;
      }
      const stat = readProcessStat(pid);
      if (stat === undefined) continue;
      // Kernel threads (children of pid 2) have no arguments and are nobody's pipeline.
      if (stat.parentPid === 2 || pid === 2) {
        kernel.add(pid);
        continue;
      }
      living.add(pid);
      const before = entry?.row.stat;
      const isSame = before?.startTicks === stat.startTicks && before.name === stat.name;
      const keepsArgv =
        isSame && now - (entry?.argvReadAt ?? 0) < ARGV_MS && now - (entry?.since ?? 0) > YOUNG_MS;
      const row = { pid, stat, argv: keepsArgv && entry ? entry.row.argv : readArgv(pid) };
      known.set(pid, {
        row,
        argvReadAt: keepsArgv && entry ? entry.argvReadAt : now,
        since: isSame && entry ? entry.since : now,
        lookedAt: now,
      });
      rows.push(row);
    }
    for (const pid of known.keys()) if (!living.has(pid)) known.delete(pid);
    return rows;
  };
}

function procReader(): ProcessTableReader {
  const known = new Map<number, Known>();
  const links = new Map<number, Links>();
  const readRows = rowReader();
  let sockets: ReadonlyMap<string, number> = new Map();
  let socketsAsOf = '';
  let socketsUntil = Number.NEGATIVE_INFINITY;
  let rows: readonly Row[] = [];
  let rowsAt = Number.NEGATIVE_INFINITY;
  let socketsReadAt = Number.NEGATIVE_INFINITY;
  const wishes = new WeakSet<ProcessWish>();
  /** When a pid was among those wanted last. */
  const givenAt = new Map<number, number>();

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

  /** Directory and program, read again with the arguments. */
  const linksOf = (row: Row): Links => {
    const before = links.get(row.pid);
    if (before !== undefined && before.argv === row.argv) return before;
    const cwd = readProcessLink(row.pid, 'cwd');
    const executable = readProcessLink(row.pid, 'exe');
    const now = {
      argv: row.argv,
      ...(cwd === undefined ? {} : { cwd }),
      ...(executable === undefined ? {} : { executable }),
    };
    links.set(row.pid, now);
    return now;
  };

  /** Undefined: it ended while it was looked at. */
  const describe = (row: Row, ports: readonly number[]): ProcessInfo | undefined => {
    const { pid } = row;
    const { cwd, executable } = linksOf(row);
    // A process that is ending has no directory either: only of one that lives is it hidden from us.
    const stat = cwd === undefined ? readProcessStat(pid) : row.stat;
    if (stat?.startTicks !== row.stat.startTicks) return undefined;
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
    async read(wish, at, shareMs = 0) {
      const now = performance.now();
      const isShared = now - rowsAt < shareMs;
      const wantedPids = new Set(wish.pids ?? []);
      if (!isShared) {
        // For a look at this very moment nothing is kept over.
        const isWanted = (pid: number): boolean =>
          shareMs === 0 || wantedPids.has(pid) || now - (givenAt.get(pid) ?? 0) < UNWANTED_MS;
        rows = readRows(isWanted);
        rowsAt = now;
      }
      // Who asks for the first time, or for the state of this very moment, is not given an old one.
      const isDue = now > socketsUntil || shareMs === 0 || !wishes.has(wish);
      if (isDue && !(isShared && socketsReadAt >= rowsAt)) {
        sockets = readListeningSockets();
        socketsAsOf = [...sockets.keys()].sort().join(',');
        socketsReadAt = performance.now();
        socketsUntil = socketsReadAt + socketsPauseMs(socketsReadAt - now);
      }
      wishes.add(wish);
      const asOf = socketsAsOf;
      const wantedPorts = new Set(wish.ports ?? []);
      const portIsOpen = [...sockets.values()].some((port) => wantedPorts.has(port));
      const wanted = new Set<number>();
      for (const row of rows) {
        const byWord = row.argv.some((word) => wish.words.some((wish) => wish !== '' && word.includes(wish)));
        const byPort = portIsOpen && portsFor(row, sockets, asOf).some((port) => wantedPorts.has(port));
        if (byWord || byPort || wantedPids.has(row.pid)) wanted.add(row.pid);
      }
      addDescendants(rows, wanted);
      wanted.delete(process.pid);
      for (const pid of wanted) givenAt.set(pid, now);
      const living = new Set(rows.map((row) => row.pid));
      for (const pid of known.keys()) if (!living.has(pid)) known.delete(pid);
      for (const pid of links.keys()) if (!living.has(pid)) links.delete(pid);
      for (const pid of givenAt.keys()) if (!living.has(pid)) givenAt.delete(pid);
      const processes = rows
        .filter((row) => wanted.has(row.pid))
        .map((row) => describe(row, portsFor(row, sockets, asOf)))
        .filter((one) => one !== undefined);
      return { readAt: at, processes };
    },
  };
}

function socketsPauseMs(costMs: number): number {
  return Math.min(LONGEST_SOCKETS_MS, Math.max(SOCKETS_MS, costMs * SOCKETS_COST_FACTOR));
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

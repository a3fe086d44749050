/**
 * Single facts about processes from Linux /proc (proc(5)). Every reader answers undefined for a process that ended or
 * that is hidden from this user; nothing here throws.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { type Instant, instant } from '../domain/instant.ts';

/** The fields of /proc/PID/stat this project needs. */
export interface ProcessStat {
  /** What the kernel calls it: changes with exec, and when the program says so. */
  readonly name: string;
  readonly state: string;
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
  /** Device number of the controlling terminal, 0 for none. */
  readonly terminalDevice: number;
  /** Clock ticks between boot and start. */
  readonly startTicks: number;
}

const AUXV_CLOCK_TICKS = 17n;
let ticksPerSecond: number | undefined;
let bootedMs: number | undefined;

/** True where /proc is the Linux one. */
export function hasProc(): boolean {
  return process.platform === 'linux';
}

/** The file is a few hundred bytes, and hundreds of them are read each second: in one read, into one buffer. */
const statBuffer = Buffer.allocUnsafe(4096);

/** Reads /proc/PID/stat. The command name in it may hold spaces and parentheses, so the last `)` ends it. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(`/proc/${pid}/stat`, 'r');
    const length = readSync(descriptor, statBuffer, 0, statBuffer.length, null);
    return parseProcessStat(statBuffer.toString('latin1', 0, length));
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The fields after the command name, which is whatever the program calls itself. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  const [state, parent, group, session, terminal] = fields;
  const ticks = fields[19];
  if (state === undefined || ticks === undefined) return undefined;
  return {
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    state,
    parentPid: Number(parent),
    groupId: Number(group),
    sessionId: Number(session),
    terminalDevice: Number(terminal),
    startTicks: Number(ticks),
  };
}

/**
 * When a process started. Built on the kernel's own boot time, so that every process of this host computes the same
 * value; the kernel may move it by a second when the wall clock is set.
 */
export function startInstant(startTicks: number): Instant {
  return instant(bootTimeMs() + Math.round((startTicks * 1000) / clockTicks()));
}

/** Start time of a running process, or undefined when there is none with that pid. A zombie no longer runs. */
export function processStartedAt(pid: number): Instant | undefined {
  const stat = readProcessStat(pid);
  return stat === undefined || stat.state === 'Z' || stat.state === 'X'
    ? undefined
    : startInstant(stat.startTicks);
}

/** All pids there are now. */
export function listPids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Target of a /proc/PID link: `cwd`, `exe`, `fd/0`. A deleted target carries the kernel's ` (deleted)`. */
export function readProcessLink(pid: number, link: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${link}`);
  } catch {
    return undefined;
  }
}

/** Links of all open descriptors, e.g. `socket:[4711]`, `/dev/pts/4`; undefined when they are hidden from us. */
export function readDescriptors(pid: number): string[] | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((name) => readProcessLink(pid, `fd/${name}`) ?? '');
  } catch {
    return undefined;
  }
}

function bootTimeMs(): number {
  if (bootedMs === undefined) {
    let seconds = 0;
    try {
      seconds = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? 0);
    } catch {
      // No /proc: nothing asks for start times there.
    }
    bootedMs = seconds * 1000;
  }
  return bootedMs;
}

/** Ticks per second from the auxiliary vector (getauxval(3), AT_CLKTCK); 100 on every Linux met so far. */
function clockTicks(): number {
  if (ticksPerSecond === undefined) {
    ticksPerSecond = 100;
    try {
      const vector = readFileSync('/proc/self/auxv');
      for (let at = 0; at + 16 <= vector.length; at += 16) {
        const word = (offset: number): bigint =>
          endianness() === 'LE' ? vector.readBigUInt64LE(offset) : vector.readBigUInt64BE(offset);
        if (word(at) === AUXV_CLOCK_TICKS) ticksPerSecond = Number(word(at + 8)) || 100;
      }
    } catch {
      // Hardened kernels hide it.
    }
  }
  return ticksPerSecond;
}

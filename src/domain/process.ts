import type { Instant } from './instant.ts';

/** One process of this host. Fields other users' processes hide from us are undefined. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  readonly startedAt: Instant;
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly executable?: string;
  readonly user?: string;
  /** `pts/4`, when it has a controlling terminal. */
  readonly terminal?: string;
  /** Kernel state letter: R, S, D, T, Z ... */
  readonly state: string;
  /** TCP ports it listens on. */
  readonly ports: readonly number[];
  /** Blocked in a read of its terminal: a program that waits for a person to type. */
  readonly readsTerminal: boolean;
}

/** The process table as of one moment. */
export interface ProcessTable {
  readonly readAt: Instant;
  readonly processes: readonly ProcessInfo[];
}

/** A table without processes, as of `readAt`. */
export function emptyProcessTable(readAt: Instant): ProcessTable {
  return { readAt, processes: [] };
}

/** True when some argument, or the base name of one, is `name`. */
export function runsProgram(process: ProcessInfo, name: string): boolean {
  return process.argv.some((word) => word === name || word.endsWith(`/${name}`));
}

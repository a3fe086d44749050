import { readFileSync } from 'node:fs';

/** Kernel state letter of a process (`R`, `S`, `T` stopped, `Z` ...); undefined when it is gone. */
export function stateOf(pid: number): string | undefined {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** False for a zombie too: nothing of it runs, and an init that does not reap would keep it for ever. */
export function isAlive(pid: number): boolean {
  return !['Z', 'X', undefined].includes(stateOf(pid));
}

/** Parent of a process; 0 when it is gone. */
export function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

/** Children of a process, living and dead. */
export function childrenOf(pid: number): number[] {
  const told = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return told === '' ? [] : told.split(' ').map(Number);
}

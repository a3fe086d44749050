import { readFileSync } from 'node:fs';
import { readProcessLink } from './process-stat.ts';

/** System call numbers that block for input, by architecture of this process (asm/unistd.h). */
const readCall = process.arch === 'arm64' ? 63 : 0;
const selectCalls: readonly number[] = process.arch === 'arm64' ? [72] : [23, 270];

/**
 * True when a process stands in a read of its terminal: a program that waits for a person to type. Seen in
 * /proc/PID/syscall (own processes, or as root): `read` on a descriptor that is a terminal, or `select` over
 * descriptor 0 alone, which is how interpreters with line editing wait. Where that file is hidden, the kernel function
 * it sleeps in decides.
 */
export function readsTerminal(pid: number): boolean {
  const call = readText(`/proc/${pid}/syscall`)?.trim().split(' ');
  if (call !== undefined && call[0] !== undefined && /^\d+$/.test(call[0])) {
    const number = Number(call[0]);
    const first = Number(call[1] ?? -1);
    if (number === readCall) return isTerminal(readProcessLink(pid, `fd/${first}`));
    return selectCalls.includes(number) && first === 1 && isTerminal(readProcessLink(pid, 'fd/0'));
  }
  const sleepsIn = readText(`/proc/${pid}/wchan`);
  return sleepsIn === 'n_tty_read' && isTerminal(readProcessLink(pid, 'fd/0'));
}

/** `pts/4` or `tty1` for a controlling terminal's device number (Documentation/admin-guide/devices.txt). */
export function terminalName(device: number): string | undefined {
  if (device === 0) return undefined;
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  return `tty ${major}:${minor}`;
}

function isTerminal(path: string | undefined): boolean {
  return path !== undefined && /^\/dev\/(pts\/\d|tty|console)/.test(path);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

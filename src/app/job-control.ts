import { readFileSync } from 'node:fs';

/**
 * Whether the terminal would listen to us: our process group is its foreground group. A background job that sets modes
 * is stopped, and one that writes draws over the shell. Where the system does not say, taken as true.
 */
export function isForeground(): boolean {
  if (process.platform !== 'linux') return true;
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // After the command's name, which may hold anything: state, parent, group, session, terminal, foreground group.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const group = Number(fields[2]);
    const foreground = Number(fields[5]);
    return !(foreground > 0) || group === foreground;
  } catch {
    return true;
  }
}

/**
 * Stops this process and its whole group as the terminal would: the launcher stops with us, so the shell sees the job
 * stopped. Returns when continued, or at once where the kernel refuses (no shell is there to continue us).
 */
export function stopGroup(signal: 'SIGTSTP' | 'SIGTTOU'): void {
  try {
    process.kill(0, signal);
  } catch {
    // Some member of the group is another user's; it is not ours to stop.
  }
}

/** Ends this process by the signal it was told to end with, so that whoever waits for it sees why. Never returns. */
export function endBySignal(signal: NodeJS.Signals): never {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Not reached where the signal's default is to end a process.
  process.exit(1);
}

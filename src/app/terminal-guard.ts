import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../host/clock.ts';
import { everythingOff } from './terminal-modes.ts';

/**
 * A small shell that outlives us. Nothing inside a process survives SIGKILL, abort or a segmentation fault, so a child
 * waits on a pipe; when the pipe ends without the word `clean` it puts the terminal back. It runs in its own session: a
 * signal to our whole group passes it by, and setting modes from there is never refused as a background job's.
 *
 * It undoes the modes only while they are still the ones we set: by then a shell with line editing may have taken the
 * terminal and set its own, and the echo of its first prompt would be doubled.
 */
export interface TerminalGuard {
  /** Raw mode is set, the screen is ours: restore when we vanish. */
  holds(): void;
  /** The terminal belongs to someone else for a while (suspended, lent). */
  lets(): void;
  /** Everything was restored: the guard ends. */
  dismiss(): void;
}

const SCRIPT = `
trap '' INT QUIT HUP TERM USR1 USR2 ALRM TSTP TTIN TTOU PIPE
before=$(stty -g <&3 2>/dev/null)
ours=
holds=no
echo ready
exec >/dev/null
while IFS= read -r word; do
  case $word in
    holds) ours=$(stty -g <&3 2>/dev/null); holds=yes ;;
    lets) holds=no ;;
    clean) exit 0 ;;
  esac
done
[ "$holds" = yes ] || exit 0
now=$(stty -g <&3 2>/dev/null)
if [ -z "$ours" ] || [ "$now" = "$ours" ]; then
  stty "$before" <&3 2>/dev/null || stty sane <&3 2>/dev/null
fi
printf '%s\\r\\n%s\\r\\n' "$SCREEN_OFF" "$GOODBYE" >&4
`;

/** The shell's prompt was mostly drawn before the guard left the alternate screen, and is lost with it. */
const GOODBYE = 'binnacle was killed; its terminal was put back. Enter shows the prompt.';

/** A machine this slow goes on without a guard rather than without a cockpit. */
const READY_WITHIN_MS = 2000;

const NO_GUARD: TerminalGuard = { holds() {}, lets() {}, dismiss() {} };

/**
 * Starts the guard and waits until it has noted the modes as they are; call it before raw mode is set. Where it can't
 * be started (no `/bin/sh`, out of processes) the terminal goes unguarded, and `warn` says so.
 */
export async function startTerminalGuard(
  stdinFd: number,
  stdoutFd: number,
  clock: Clock,
  warn: (text: string) => void,
): Promise<TerminalGuard> {
  let child: ChildProcess;
  try {
    child = spawn('/bin/sh', ['-c', SCRIPT, 'binnacle-guard'], {
      stdio: ['pipe', 'pipe', 'ignore', stdinFd, stdoutFd],
      detached: true,
      env: { PATH: `${process.env['PATH'] ?? ''}:/usr/bin:/bin`, SCREEN_OFF: everythingOff(), GOODBYE },
    });
  } catch (error) {
    warn(`the terminal is not guarded: ${String(error)}`);
    return NO_GUARD;
  }
  const problem = await readiness(child, clock);
  if (problem !== undefined) {
    warn(`the terminal is not guarded: ${problem}`);
    child.stdin?.destroy();
    child.unref();
    return NO_GUARD;
  }
  child.stdout?.destroy();
  child.unref();
  const tell = (word: string): void => {
    if (child.stdin?.writable === true) child.stdin.write(`${word}\n`);
  };
  return {
    holds: () => tell('holds'),
    lets: () => tell('lets'),
    dismiss: () => {
      if (child.stdin?.writable === true) child.stdin.end('clean\n');
    },
  };
}

/** Undefined once the guard said it is ready, else why it never will be. */
function readiness(child: ChildProcess, clock: Clock): Promise<string | undefined> {
  return new Promise((resolve) => {
    const cancel = clock.after(READY_WITHIN_MS, () => resolve(`no answer in ${READY_WITHIN_MS} ms`));
    const settle = (problem?: string): void => {
      cancel();
      resolve(problem);
    };
    child.on('error', (error) => settle(error.message));
    child.on('exit', (code) => settle(`/bin/sh ended with ${code}`));
    child.stdin?.on('error', () => {});
    child.stdout?.on('error', () => {});
    child.stdout?.once('data', () => settle());
  });
}

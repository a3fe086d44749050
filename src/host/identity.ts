import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { userName } from './accounts.ts';

/** Who runs this cockpit, for the ledger and for the other operators of the host. */
export interface Identity {
  /** Effective user, or its number where no account names it. */
  readonly user: string;
  readonly uid: number;
  /** The person behind `sudo` or `su`: login id of the session, else SUDO_USER. */
  readonly cameFrom?: string;
  /** Address the SSH session came from. */
  readonly sshFrom?: string;
  /** `pts/4`, when one of the standard streams is a terminal. */
  readonly terminal?: string;
  readonly host: string;
}

/** The kernel's value for "no login session". */
const NO_LOGIN_UID = 4294967295;

/** Reads the identity from the kernel and the environment. What the environment says can be forged and is only shown. */
export function readIdentity(env: Readonly<Record<string, string | undefined>> = process.env): Identity {
  const uid = process.geteuid?.() ?? 0;
  const user = userName(uid) ?? env['USER'] ?? String(uid);
  const loginUid = readLoginUid();
  const login = loginUid === undefined ? undefined : (userName(loginUid) ?? String(loginUid));
  const cameFrom = login !== undefined && login !== user ? login : env['SUDO_USER'];
  const sshFrom = (env['SSH_CONNECTION'] ?? env['SSH_CLIENT'] ?? ancestorsSsh())?.split(' ')[0];
  const terminal = ownTerminal();
  return {
    user,
    uid,
    ...(cameFrom ? { cameFrom } : {}),
    ...(sshFrom ? { sshFrom } : {}),
    ...(terminal === undefined ? {} : { terminal }),
    host: hostname(),
  };
}

/** How many processes above this one are looked at: shells, `sudo`, a multiplexer. */
const ANCESTORS = 16;

/** `sudo` and `su -` take the variable away; the shell they were typed into still has it, where we may look. */
function ancestorsSsh(): string | undefined {
  let pid = process.ppid;
  for (let left = ANCESTORS; left > 0 && pid > 1; left -= 1) {
    try {
      const found = /(?:^|\0)SSH_CONNECTION=([^\0]*)/.exec(
        readFileSync(`/proc/${pid}/environ`, 'latin1'),
      )?.[1];
      if (found) return found;
    } catch {
      // A process of another user: those above it may be ours again.
    }
    try {
      pid = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function readLoginUid(): number | undefined {
  try {
    const uid = Number(readFileSync('/proc/self/loginuid', 'utf8'));
    return Number.isInteger(uid) && uid !== NO_LOGIN_UID ? uid : undefined;
  } catch {
    return undefined;
  }
}

/** Name below /dev of the first standard stream that is a terminal. */
function ownTerminal(): string | undefined {
  for (const descriptor of [0, 1, 2]) {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      if (/^\/dev\/(pts\/\d+|tty\w*|console)$/.test(path)) return path.slice('/dev/'.length);
    } catch {
      // Closed, or a system without /proc: the next one.
    }
  }
  return undefined;
}

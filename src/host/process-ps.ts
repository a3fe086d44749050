/** The process table where there is no /proc: from `ps` and `lsof`, as macOS has them. */
import { existsSync } from 'node:fs';
import { type Instant, instant } from '../domain/instant.ts';
import type { ProcessInfo, ProcessTable } from '../domain/process.ts';
import { allowedEnv, runProcess } from './process.ts';
import type { ProcessWish } from './process-wish.ts';

const LINE =
  /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]{8}\s+\d{4})\s+(\S+)\s+(\S+)\s+(\S+)\s*(.*)$/;
const COLUMNS = 'pid=,ppid=,pgid=,lstart=,tty=,stat=,user=,command=';

interface PsAnswer {
  readonly all: readonly ProcessInfo[];
  readonly ports: ReadonlyMap<number, readonly number[]>;
}

/** Reads the table with `ps`. Arguments with spaces come apart there: `ps` prints them joined. */
export function psReader(): (wish: ProcessWish, at: Instant, shareMs?: number) => Promise<ProcessTable> {
  let last: Promise<PsAnswer> | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  return async (wish, at, shareMs = 0) => {
    const now = performance.now();
    if (last === undefined || now - askedAt >= shareMs) {
      askedAt = now;
      last = askPs();
    }
    return chosenOf(await last, wish, at);
  };
}

async function askPs(): Promise<PsAnswer> {
  const all = parsePs(await outputOf(['/bin/ps', '-axww', '-o', COLUMNS]));
  const ports = existsSync('/usr/sbin/lsof')
    ? parseLsofPorts(await outputOf(['/usr/sbin/lsof', '-nP', '-iTCP', '-sTCP:LISTEN', '-Fpn']))
    : new Map<number, number[]>();
  return { all, ports };
}

function chosenOf({ all, ports }: PsAnswer, wish: ProcessWish, at: Instant): ProcessTable {
  const wanted = new Set<number>();
  for (const row of all) {
    const byWord = wish.words.some((word) => word !== '' && row.argv.some((part) => part.includes(word)));
    const byPort = ports.get(row.pid)?.some((port) => wish.ports?.includes(port) === true) === true;
    if (byWord || byPort || wish.pids?.includes(row.pid) === true) wanted.add(row.pid);
  }
  for (let found = true; found; ) {
    found = false;
    for (const row of all) {
      if (wanted.has(row.pid) || !wanted.has(row.parentPid)) continue;
      wanted.add(row.pid);
      found = true;
    }
  }
  wanted.delete(process.pid);
  const processes = all
    .filter((row) => wanted.has(row.pid))
    .map((row) => ({ ...row, ports: ports.get(row.pid) ?? [] }));
  return { readAt: at, processes };
}

/** Parses `ps` output with the columns above; lines of another shape are left out. */
export function parsePs(text: string): ProcessInfo[] {
  const rows: ProcessInfo[] = [];
  for (const line of text.split('\n')) {
    const match = LINE.exec(line);
    if (!match) continue;
    const [, pid, parent, group, started = '', terminal = '', state = '', user = '', command = ''] = match;
    rows.push({
      pid: Number(pid),
      parentPid: Number(parent),
      groupId: Number(group),
      startedAt: instant(Date.parse(started)),
      argv: command.split(' ').filter((word) => word !== ''),
      user,
      ...(/^\?+$/.test(terminal) ? {} : { terminal }),
      state: state.slice(0, 1),
      ports: [],
      readsTerminal: false,
    });
  }
  return rows;
}

/** Parses `lsof -F pn`: a `p` line names the process, the `n` lines after it its sockets (`n*:8000`). */
export function parseLsofPorts(text: string): Map<number, number[]> {
  const ports = new Map<number, number[]>();
  let pid = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith('p')) pid = Number(line.slice(1));
    const port = line.startsWith('n') ? /:(\d+)$/.exec(line)?.[1] : undefined;
    if (port === undefined) continue;
    const list = ports.get(pid) ?? [];
    if (!list.includes(Number(port))) list.push(Number(port));
    ports.set(pid, list);
  }
  return ports;
}

async function outputOf(argv: readonly string[]): Promise<string> {
  const env = { ...allowedEnv(), LC_ALL: 'C' };
  const run = await runProcess({ argv, cwd: '/', env, timeoutMs: 3000, maxBytes: 16 * 1024 * 1024 });
  return run.stdout.text;
}

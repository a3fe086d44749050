import type { Evidence } from '../../domain/entity.ts';
import { toIso } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';

/** The processes of one installation, by what they do. */
export interface Crew {
  /** `nomic_loop.py run` or `run_nomic_with_stream.py run` of this root, the youngest first. */
  readonly loops: readonly ProcessInfo[];
  /** They look like a loop, but whose can't be seen (another user's directory). */
  readonly unattributed: readonly ProcessInfo[];
  readonly servers: readonly ProcessInfo[];
}

const LOOPS = ['nomic_loop.py', 'run_nomic_with_stream.py'];
/** An editor or a pager with a script's name among its arguments is not that script. */
const INTERPRETER = /^-?(python|pypy|uv$|node$)/i;

/**
 * Sorts the process table for the installation at `root`. A name alone is not enough: `pgrep -f aragora` finds every
 * process whose command line has a path with that word in it, and `nomic_loop.py restore` is no loop.
 */
export function crewOf(root: string, processes: readonly ProcessInfo[]): Crew {
  const loops: ProcessInfo[] = [];
  const unattributed: ProcessInfo[] = [];
  const servers: ProcessInfo[] = [];
  for (const process of processes) {
    if (process.state === 'Z') continue;
    const index = process.argv.findIndex((word) => LOOPS.includes(baseName(word)));
    if (index >= 0) {
      if (index > 0 && !INTERPRETER.test(baseName(process.argv[0] ?? ''))) continue;
      if (!process.argv.slice(index + 1).includes('run')) continue;
      const place = placeOf(process, process.argv[index] ?? '', root);
      if (place === 'here') loops.push(process);
      else if (place === 'unseen') unattributed.push(process);
    } else if (isServer(process) && isBelow(process.cwd ?? '', root)) servers.push(process);
  }
  return { loops: onePerFamily(loops), unattributed: onePerFamily(unattributed), servers };
}

/**
 * A wrapper (`uv run`) and forked workers carry the same words as the loop itself. Of such a family one stands for all:
 * who reads the terminal, else the eldest.
 */
function onePerFamily(processes: readonly ProcessInfo[]): readonly ProcessInfo[] {
  const byPid = new Map(processes.map((one) => [one.pid, one]));
  const families = new Map<number, ProcessInfo>();
  for (const process of processes) {
    let eldest = process;
    for (let hops = 0; hops < 16; hops += 1) {
      const parent = byPid.get(eldest.parentPid);
      if (!parent || parent === eldest) break;
      eldest = parent;
    }
    const known = families.get(eldest.pid) ?? eldest;
    families.set(eldest.pid, process.readsTerminal && !known.readsTerminal ? process : known);
  }
  return [...families.values()].sort((a, b) => b.startedAt - a.startedAt);
}

function isServer({ argv }: ProcessInfo): boolean {
  const at = argv.indexOf('aragora.server');
  if (at > 0 && argv[at - 1] === '-m') return true;
  const cli = argv.findIndex((word) => baseName(word) === 'aragora');
  return cli >= 0 && cli < 2 && argv[cli + 1] === 'serve';
}

function placeOf(process: ProcessInfo, script: string, root: string): 'here' | 'elsewhere' | 'unseen' {
  const named = optionOf(process.argv, '--path') ?? optionOf(process.argv, '--aragora-path');
  for (const path of [named, script]) {
    if (path === undefined) continue;
    if (!path.startsWith('/') && process.cwd === undefined) return 'unseen';
    const whole = normalPath(path.startsWith('/') ? path : `${process.cwd}/${path}`);
    return isBelow(whole, root) ? 'here' : 'elsewhere';
  }
  return 'elsewhere';
}

function optionOf(argv: readonly string[], name: string): string | undefined {
  const index = argv.indexOf(name);
  if (index >= 0) return argv[index + 1];
  return argv.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

function normalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}

/** A process as evidence: command line, since when, terminal and user. */
export function processEvidence(process: ProcessInfo): Evidence {
  const command = process.argv
    .map((word) => baseName(word).slice(0, 60))
    .join(' ')
    .slice(0, 120);
  const place = [process.terminal, process.user].filter((one) => one !== undefined).join(' of ');
  const reads = process.readsTerminal ? ', blocked reading its terminal' : '';
  return {
    source: 'processes',
    pid: process.pid,
    text: `${command}, since ${toIso(process.startedAt).slice(0, 19)}Z${place ? `, ${place}` : ''}${reads}`,
    at: process.startedAt,
  };
}

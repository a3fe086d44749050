import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasProc, processStartedAt } from '../host/process-stat.ts';
import { getNumber, type Json, readJson } from '../lib/json.ts';

const PREFIX = 'binnacle-demo-';
/** Says whose directory it is: `{"pid", "startedAt"}` of the cockpit, its start in milliseconds since 1970. */
const MARKER = '.cockpit.json';
/** A start time is counted from boot, which the kernel moves by a second when the wall clock is set. */
const SAME_START_MS = 2_000;

/** Makes the directory of this cockpit's demo, and removes those of cockpits that were killed over theirs. */
export function makeDemoDirectory(parent: string = tmpdir()): string {
  for (const dead of deadDemos(parent)) {
    try {
      rmSync(dead, { recursive: true, force: true });
    } catch {
      // What can't be removed now is met again by the next demo.
    }
  }
  const directory = realpathSync(mkdtempSync(join(parent, PREFIX)));
  writeFileSync(
    join(directory, MARKER),
    JSON.stringify({ pid: process.pid, startedAt: processStartedAt(process.pid) }),
  );
  return directory;
}

/** Directories of demos whose cockpit lives no more. One without a marker is not known to be dead. */
function deadDemos(parent: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(parent).filter((name) => name.startsWith(PREFIX));
  } catch {
    return [];
  }
  return names.map((name) => join(parent, name)).filter((path) => isOurDirectory(path) && isDead(path));
}

/** The parent may be open to everyone: what somebody else put there, a link among it, is not touched. */
function isOurDirectory(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === process.getuid?.();
}

function isDead(path: string): boolean {
  const marker = markerIn(path);
  const pid = getNumber(marker, 'pid');
  if (pid === undefined) return false;
  if (!hasProc()) return !isSomebody(pid);
  const since = processStartedAt(pid);
  const startedAt = getNumber(marker, 'startedAt');
  return since === undefined || startedAt === undefined || Math.abs(since - startedAt) > SAME_START_MS;
}

function markerIn(path: string): Json | undefined {
  try {
    const read = readJson(readFileSync(join(path, MARKER), 'utf8'));
    return read.ok ? read.value : undefined;
  } catch {
    return undefined;
  }
}

function isSomebody(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

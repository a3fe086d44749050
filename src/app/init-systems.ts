import { existsSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { type FoundSystem, findSystems, type Search } from '../config/find.ts';
import { fromHome } from '../config/home.ts';
import { checkConfig, configPlaces } from '../config/load.ts';
import type { Options } from '../config/options.ts';
import { type FoundBeside, starterConfig } from '../config/starter.ts';
import { configuredSystems } from '../config/systems.ts';
import { makeDirectories } from '../db/state-dir.ts';
import { messageOf, UserError } from '../domain/error.ts';
import type { ProcessInfo } from '../domain/process.ts';
import { systemClock } from '../host/clock.ts';
import { processTableReader } from '../host/process-table.ts';
import { ownerOf } from '../host/root-files.ts';
import { builtInKinds } from '../systems/registry.ts';

/** What `init` came to: sentences, and the configuration itself where it is asked for on standard output. */
export interface InitReport {
  readonly told: readonly string[];
  readonly text?: string;
}

/**
 * `init [DIR...] [-]`: looks for systems and writes a configuration for them: to the file of `-C`, else `binnacle.yaml`
 * in the working directory, else (a watched directory stays as it is) in the user's configuration directory. Nothing is
 * overwritten without `--force`. Throws UserError where nothing was found, or nothing could be written.
 */
export async function initSystems(options: Options, cwd: string): Promise<InitReport> {
  const words = options.words.slice(1);
  const dirs = words.filter((word) => word !== '-').map(fromHome);
  const isPrinted = words.includes('-');
  const clock = systemClock();
  const search = findSystems(await builtInKinds(), dirs.length > 0 ? dirs : ['.'], {
    ...{ cwd, env: process.env, monotonic: () => clock.monotonic() },
  });
  const told = searchLines(search);
  if (search.systems.length === 0) {
    throw new UserError(`no system was found in or below ${dirs.length > 0 ? dirs.join(', ') : cwd}`, [
      ...told,
      'name a directory nearer to it, or the system itself: binnacle -s KIND=DIR',
    ]);
  }
  const path = isPrinted ? undefined : placeFor(options, cwd, search.systems);
  if (path !== undefined && existsSync(path) && !options.flags.has('--force')) {
    throw new UserError(`${path} is there already, and is not overwritten`, [
      'print it instead, to compare: add - to the line',
      'overwrite it: --force',
      'write another: -C FILE',
    ]);
  }
  const beside = new Map<FoundSystem, FoundBeside>();
  for (const found of search.systems) beside.set(found, await lookBeside(found));
  const how = ['binnacle init', ...words].join(' ');
  const text = starterConfig(search.systems, (found) => beside.get(found) ?? { servers: [] }, how);
  // A file that `config check` would refuse must never come out of here.
  await configuredSystems([], checkConfig(text, path ?? '-'), { path }, cwd, process.env);
  if (path === undefined) return { told, text };
  write(path, text);
  return { told: [...told, `wrote ${path}`, 'next: `binnacle doctor` says whether all of it works here'] };
}

function searchLines({ systems, refused, looked, unread, cut }: Search): readonly string[] {
  return [
    ...systems.map(({ kind, dir, because }) => `found ${kind.kind.padEnd(9)}  ${dir}  by ${because}`),
    ...refused.map(({ kind, dir, why }) => `left out ${kind.kind}  ${dir}: ${why}`),
    ...unread.slice(0, 5).map((path) => `not looked into, it can't be read: ${path}`),
    ...(unread.length > 5 ? [`and ${unread.length - 5} more that can't be read`] : []),
    ...(cut === undefined ? [] : [`the search ended early: ${cut}; name directories nearer to your systems`]),
    `looked at ${looked === 1 ? 'one directory' : `${looked} directories`}`,
  ];
}

/** Nothing of ours is laid into a directory that is watched. */
function placeFor(options: Options, cwd: string, systems: readonly FoundSystem[]): string {
  if (options.config !== undefined) {
    const path = resolve(cwd, fromHome(options.config));
    const watched = watchedAround(dirname(path), systems);
    if (watched === undefined) return path;
    throw new UserError(`${path} would lie in ${watched}, which is watched: nothing of ours is left there`, [
      'name another file with -C',
    ]);
  }
  const [here, own] = configPlaces(cwd, process.env);
  return (watchedAround(cwd, systems) === undefined ? here : own) ?? '';
}

function watchedAround(directory: string, systems: readonly FoundSystem[]): string | undefined {
  const real = existsSync(directory) ? realpathSync(directory) : directory;
  return systems
    .flatMap(({ dir, located }) => [dir, located.root])
    .find((root) => {
      const way = relative(root, real);
      return way !== '..' && !way.startsWith('../') && !isAbsolute(way);
    });
}

/** Whose it is, and what of it listens: read from the process table, nothing is asked. */
async function lookBeside({ kind, dir, located }: FoundSystem): Promise<FoundBeside> {
  const owner = ownerOf(dir);
  const isForeign = owner !== undefined && owner.uid !== process.geteuid?.();
  const words = kind
    .sources(located, {})
    .flatMap((source) => (source.type === 'process' ? source.match.words : []));
  const table = await processTableReader().read({ words }, systemClock().now());
  const servers = table.processes
    .filter((one) => isOf(located.root, one))
    .flatMap(({ pid, ports }) => ports.map((port) => ({ port, pid })));
  return { servers, ...(isForeign ? { owner: owner.user } : {}) };
}

function isOf(root: string, { cwd, argv }: ProcessInfo): boolean {
  const isWithin = (path: string): boolean => path === root || path.startsWith(`${root}/`);
  return (cwd !== undefined && isWithin(cwd)) || argv.some(isWithin);
}

/** Written beside and moved there, so that nobody reads half of it. */
function write(path: string, text: string): void {
  const target = existsSync(path) ? realpathSync(path) : path;
  const next = `${target}.new-${process.pid}`;
  try {
    makeDirectories(dirname(target));
    writeFileSync(next, text, { mode: 0o644, flag: 'wx' });
    renameSync(next, target);
  } catch (error) {
    throw new UserError(`${path} can't be written: ${messageOf(error)}`, [
      'write another: -C FILE',
      'or print it: add - to the line',
    ]);
  }
}

import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import type { SystemId } from '../domain/entity.ts';
import { messageOf, UserError } from '../domain/error.ts';
import { builtInNames } from '../systems/registry.ts';
import type { Located, SystemKind } from '../systems/system.ts';
import { lookInto } from './look.ts';
import { SURE_ENOUGH } from './systems.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** How far a search goes. */
export interface FindLimits {
  /** Directories below a given one: 0 is that one alone. */
  readonly depth: number;
  readonly directories: number;
  readonly ms: number;
}

/** A home with many projects takes half a second; what is deeper, or more, is named on the command line. */
export const findLimits: FindLimits = { depth: 4, directories: 50_000, ms: 10_000 };

/** A directory one of the kinds knows by its marks. */
export interface FoundSystem {
  readonly kind: SystemKind;
  /** Absolute, links followed. */
  readonly dir: string;
  /** The marks it was known by. */
  readonly because: string;
  readonly located: Located;
  /** Other kinds that know it too, less surely. */
  readonly alsoLike: readonly string[];
}

/** What a search came to. */
export interface Search {
  readonly systems: readonly FoundSystem[];
  /** Known by their marks, and no system all the same. */
  readonly refused: readonly { readonly dir: string; readonly kind: SystemKind; readonly why: string }[];
  /** Directories looked at. */
  readonly looked: number;
  /** Directories that can't be read. */
  readonly unread: readonly string[];
  /** Why it ended before everything was seen. */
  readonly cut?: string;
}

/** Never hold a system, and may hold a hundred thousand directories. */
const PASSED_OVER: ReadonlySet<string> = new Set([
  ...['node_modules', '.git', '.venv', 'venv', 'site-packages', '__pycache__'],
  ...['.cache', '.npm', '.cargo', '.rustup', '.tox', '.mypy_cache', '.pytest_cache', 'lost+found'],
]);
/** What the kernel shows as files, where `/` itself is searched. */
const NO_FILES: ReadonlySet<string> = new Set(['/proc', '/sys', '/dev', '/run']);

/**
 * Looks for systems in and below directories. A link given is followed, links found are not: they may lead anywhere.
 * Throws UserError for a directory that is not there.
 */
export function findSystems(
  kinds: readonly SystemKind[],
  dirs: readonly string[],
  {
    cwd,
    env,
    monotonic,
    limits = findLimits,
  }: {
    readonly cwd: string;
    readonly env: Env;
    /** Milliseconds that only grow. */
    monotonic(): number;
    readonly limits?: FindLimits;
  },
): Search {
  const began = monotonic();
  const waiting = dirs.map((dir) => ({ path: startOf(resolve(cwd, dir)), depth: 0 }));
  const seen = new Set<string>();
  const found: FoundSystem[] = [];
  const refused: Search['refused'][number][] = [];
  const unread: string[] = [];
  let cut: string | undefined;
  // In the order of depth: what is cut off is what lies deepest.
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { path, depth } = next;
    if (seen.has(path)) continue;
    if (seen.size >= limits.directories) cut = `${limits.directories} directories were looked at`;
    if (monotonic() - began > limits.ms) cut = `${limits.ms / 1000} s were up`;
    if (cut !== undefined) break;
    seen.add(path);
    const names = subdirectories(path);
    if (names === undefined) {
      unread.push(path);
      continue;
    }
    const known = recognised(kinds, path, env);
    if (known && 'why' in known) refused.push(known);
    else if (known) found.push(known);
    if (depth >= limits.depth) continue;
    for (const name of names) {
      const below = join(path, name);
      if (!PASSED_OVER.has(name) && !NO_FILES.has(below)) waiting.push({ path: below, depth: depth + 1 });
    }
  }
  const systems = onceEach(found).sort((a, b) => (a.dir < b.dir ? -1 : 1));
  return { systems, refused, looked: seen.size, unread, ...(cut === undefined ? {} : { cut }) };
}

function startOf(path: string): string {
  if (!existsSync(path)) throw new UserError(`${path} does not exist`, ['name the directory to look below']);
  if (!statSync(path).isDirectory())
    throw new UserError(`${path} is a file, not a directory`, ['name the directory to look below']);
  return realpathSync(path);
}

/** Names of the directories in one; undefined where it can't be read. Links are none. */
function subdirectories(path: string): readonly string[] | undefined {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch {
    return undefined;
  }
}

function recognised(
  kinds: readonly SystemKind[],
  dir: string,
  env: Env,
): FoundSystem | Search['refused'][number] | undefined {
  const look = lookInto(dir, env);
  const sure = kinds
    .flatMap((kind) => {
      const recognition = kind.recognise(look);
      return recognition && recognition.confidence >= SURE_ENOUGH ? [{ kind, ...recognition }] : [];
    })
    .sort((a, b) => b.confidence - a.confidence);
  const [best, ...others] = sure;
  if (best === undefined) return undefined;
  const { kind, because } = best;
  try {
    const located = kind.locate(dir, look, kind.kind as SystemId, {});
    return { kind, dir, because, located, alsoLike: others.map((other) => other.kind.kind) };
  } catch (error) {
    return { kind, dir, why: messageOf(error) };
  }
}

/**
 * One row for an installation that is known in several places: by a directory within it that has marks too, or by two
 * that lead to the same (the directory that only leads there says more: where its programs are).
 */
function onceEach(found: readonly FoundSystem[]): FoundSystem[] {
  const kept: FoundSystem[] = [];
  for (const one of found) {
    const same = kept.filter(({ kind }) => kind === one.kind);
    if (same.some(({ dir }) => isBelow(one.dir, dir))) continue;
    const twin = same.find(({ located }) => located.root === one.located.root);
    if (twin === undefined) {
      if (!same.some(({ located }) => isBelow(one.dir, located.root))) kept.push(one);
    } else if (twin.dir === twin.located.root) kept[kept.indexOf(twin)] = one;
  }
  return kept;
}

function isBelow(path: string, above: string): boolean {
  const way = relative(above, path);
  return way !== '' && way !== '..' && !way.startsWith('../');
}

/** Names for systems, so that two of one kind are told apart: by their directories. Undefined: the kind is name enough. */
export function namesOf(systems: readonly FoundSystem[]): readonly (string | undefined)[] {
  const taken = new Set<string>();
  return systems.map(({ kind, dir }) => {
    if (systems.filter((one) => one.kind === kind).length === 1) return undefined;
    const plain = basename(dir)
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 24);
    const base =
      plain === '' || (plain !== kind.kind && builtInNames.includes(plain)) ? `${kind.kind}-1` : plain;
    let name = base;
    for (let number = 2; taken.has(name); number += 1) name = `${base.replace(/-\d+$/, '')}-${number}`;
    taken.add(name);
    return name;
  });
}

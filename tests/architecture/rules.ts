/** The house's import table, and what may be said only in one place. Data first, then the reading of it. */
import { posix } from 'node:path';
import { type Import, lineOf, maskSource, readImports } from './imports.ts';

/**
 * A word of the table: a room or file (`domain`, `systems/system`); a package (`npm:zod`); `node` for any module of
 * Node, `node:stream` for one. `type` before it: types only. `dynamic` before it: types, or loaded when needed.
 */
type Word = string;

export interface Room {
  readonly name: string;
  /** Path below the project's root; `*` is one folder, a room is also everything below it. */
  readonly path: string;
  readonly mayImport: readonly Word[];
}

/** The first room that fits a file is its room. Within a room everything may be imported. */
export const ROOMS: readonly Room[] = [
  { name: 'lib', path: 'src/lib', mayImport: [] },
  { name: 'domain', path: 'src/domain', mayImport: ['lib'] },
  { name: 'systems/system', path: 'src/systems/system.ts', mayImport: ['domain', 'lib', 'type npm:zod'] },
  {
    name: 'systems/registry',
    path: 'src/systems/registry.ts',
    mayImport: ['systems/*/index', 'systems/system'],
  },
  {
    name: 'systems/*',
    path: 'src/systems/*',
    mayImport: ['domain', 'lib', 'systems/system', 'npm:zod', 'npm:yaml'],
  },
  { name: 'host', path: 'src/host', mayImport: ['domain', 'lib', 'node', 'npm:execa'] },
  {
    name: 'ingest',
    path: 'src/ingest',
    mayImport: ['domain', 'lib', 'host', 'type systems/system', 'node', 'npm:chokidar', 'npm:better-sqlite3'],
  },
  { name: 'logs', path: 'src/logs', mayImport: ['domain', 'lib', 'host', 'node'] },
  { name: 'db', path: 'src/db', mayImport: ['domain', 'lib', 'node', 'npm:better-sqlite3'] },
  { name: 'acts', path: 'src/acts', mayImport: ['domain', 'lib', 'systems/system', 'host', 'node'] },
  { name: 'engine/protocol', path: 'src/engine/protocol.ts', mayImport: ['domain', 'lib'] },
  {
    name: 'engine',
    path: 'src/engine',
    mayImport: [
      'engine/protocol',
      'ingest',
      'logs',
      'systems/system',
      'systems/registry',
      'systems/custom',
      'acts',
      'db',
      'host',
      'domain',
      'lib',
      'node',
    ],
  },
  {
    name: 'config',
    path: 'src/config',
    mayImport: [
      'domain',
      'lib',
      'systems/system',
      'systems/registry',
      'systems/custom',
      'npm:zod',
      'npm:yaml',
      'node',
    ],
  },
  {
    name: 'doctor',
    path: 'src/doctor',
    mayImport: ['domain', 'lib', 'host', 'db', 'systems/system', 'node'],
  },
  { name: 'store', path: 'src/store', mayImport: ['domain', 'lib', 'type engine/protocol'] },
  {
    name: 'commands',
    path: 'src/commands',
    mayImport: ['domain', 'lib', 'store', 'type engine/protocol', 'npm:zod'],
  },
  {
    name: 'headless',
    path: 'src/headless',
    mayImport: ['domain', 'lib', 'store', 'commands', 'type engine/protocol', 'type config', 'node:stream'],
  },
  {
    name: 'views',
    path: 'views',
    mayImport: [
      'domain',
      'lib',
      'store',
      'commands',
      'type engine/protocol',
      'npm:react',
      'npm:ink',
      'npm:ink-table',
    ],
  },
  {
    name: 'app',
    path: 'src/app',
    // The screen is handed in; its type says what it needs.
    mayImport: [
      'lib',
      'domain',
      'systems/system',
      'systems/registry',
      'systems/custom',
      'host',
      'ingest',
      'logs',
      'db',
      'acts',
      'engine/protocol',
      'engine',
      'config',
      'doctor',
      'store',
      'commands',
      'type views/main',
      'node',
    ],
  },
  // The launcher runs on a Node too old for the rest: everything is loaded after it looked.
  {
    name: 'main',
    path: 'src/main.ts',
    mayImport: ['dynamic app', 'dynamic headless', 'dynamic cli', 'node'],
  },
  // A verb is loaded when it is wanted, and never loads the screen but to draw on it.
  { name: 'cli', path: 'src/cli.ts', mayImport: ['dynamic verbs', 'config', 'domain', 'lib'] },
  {
    name: 'verbs',
    path: 'src/verbs',
    mayImport: ['app', 'headless', 'config', 'domain', 'lib', 'dynamic views/main', 'dynamic views/theme'],
  },
  // A simulator that shared our parsers would prove nothing.
  { name: 'fixtures/demo', path: 'fixtures/demo', mayImport: ['node', 'npm:better-sqlite3'] },
];

/** Where alone something may be said. */
export interface Reserved {
  readonly what: string;
  /** Matched against code without comments and strings. */
  readonly pattern: RegExp;
  /** Files or folders below the root; each with the reason why it may. */
  readonly places: Readonly<Record<string, string>>;
}

export const RESERVED: readonly Reserved[] = [
  {
    what: 'the time of day',
    pattern: /\bDate\.now\b|\bnew Date\s*\(\s*\)|(?<![.\w])Date\s*\(\s*\)/g,
    places: {
      'src/host': 'the clock is here',
      'src/ingest': 'reads when it read',
      'fixtures/demo': 'shares nothing with src, the clock neither',
    },
  },
  {
    what: 'a timer',
    pattern: /(?<![.\w])(?:setTimeout|setInterval)\b/g,
    places: {
      'src/host': 'the clock is here',
      'src/ingest': 'settles and polls files',
      'src/app/run-on-terminal.ts': 'the clock holds nothing alive, and a stopped or lent terminal must',
      'fixtures/demo': 'shares nothing with src, the clock neither',
    },
  },
  {
    what: 'the exit code',
    pattern: /\bprocess\.exit(?:Code\s*=(?!=)|\s*\()/g,
    places: {
      'src/main.ts': 'sets it, alone',
      'src/app/job-control.ts': 'ends by a signal; reached only where the signal does not end us',
      'src/app/runner.ts': 'a program of its own',
      'fixtures/demo': 'programs of their own',
    },
  },
];

/** Packages that only these files may import. */
export const PACKAGE_PLACES: Readonly<Record<string, readonly string[]>> = {
  execa: ['src/host/process.ts'],
  chokidar: ['src/ingest/watcher.ts'],
  'better-sqlite3': ['src/ingest/database.ts', 'src/ingest/sqlite-copy.ts', 'src/db', 'fixtures/demo'],
};

/** Ink's `Text` takes any string; ours takes only text made safe. */
export const INK_TEXT_PLACE = 'views/components/text.tsx';

export type Sources = ReadonlyMap<string, string>;

/** Everything that breaks the law, as `file:line what`; sorted. */
export function findViolations(sources: Sources): string[] {
  const violations = new Set<string>();
  for (const [path, source] of sources) {
    const room = roomOf(path);
    if (room === undefined) violations.add(`${path}:1 belongs to no room of the house`);
    for (const statement of readImports(source)) {
      const problem = problemOf(path, room, statement);
      if (problem !== undefined) violations.add(`${path}:${statement.line} ${problem}`);
    }
    for (const problem of reservedWords(path, source)) violations.add(problem);
  }
  for (const cycle of findCycles(sources)) violations.add(cycle);
  return [...violations].sort();
}

/** Places of the tables above that no longer say what they are listed for: the list must not outlive its reasons. */
export function findStalePlaces(sources: Sources): string[] {
  return RESERVED.flatMap(({ what, pattern, places }) =>
    Object.keys(places)
      .filter((place) => [...sources.keys()].some((path) => isBelow(path, place)))
      .filter(
        (place) =>
          ![...sources].some(
            ([path, source]) => isBelow(path, place) && maskSource(source).code.search(pattern) >= 0,
          ),
      )
      .map((place) => `${place} is listed for ${what} and does not use it`),
  );
}

function problemOf(path: string, room: Room | undefined, statement: Import): string | undefined {
  const { specifier, kind, names } = statement;
  const target = targetOf(path, specifier);
  if (target.type === 'file') {
    if (!/\.(?:tsx?|json)$/.test(target.path)) return `imports ${specifier} without its extension`;
    const other = roomOf(target.path);
    if (other !== undefined && other.name === room?.name && sameInstance(other, path, target.path))
      return undefined;
  } else if (target.type === 'package') {
    const places = PACKAGE_PLACES[target.name];
    if (places !== undefined && kind !== 'type' && !places.some((place) => isBelow(path, place)))
      return `imports ${target.name}, which is for ${places.join(', ')}`;
    if (target.name === 'ink' && names.includes('Text') && path !== INK_TEXT_PLACE)
      return `imports Ink's Text, which is for ${INK_TEXT_PLACE}`;
  }
  if (room === undefined || room.mayImport.some((word) => allows(word, target, kind))) return undefined;
  return `${room.name} must not import ${describeTarget(target)}${kind === 'value' ? '' : ` (${kind})`}`;
}

type Target =
  | { readonly type: 'file'; readonly path: string }
  | { readonly type: 'package'; readonly name: string }
  | { readonly type: 'node'; readonly name: string };

function targetOf(from: string, specifier: string): Target {
  if (specifier.startsWith('.')) return { type: 'file', path: posix.join(posix.dirname(from), specifier) };
  if (specifier.startsWith('node:')) return { type: 'node', name: specifier };
  const [scopeOrName = '', name = ''] = specifier.split('/');
  return { type: 'package', name: scopeOrName.startsWith('@') ? `${scopeOrName}/${name}` : scopeOrName };
}

function describeTarget(target: Target): string {
  return target.type === 'file' ? target.path : target.name;
}

function allows(word: Word, target: Target, kind: Import['kind']): boolean {
  const [, restriction, name = ''] = /^(?:(type|dynamic) )?(.*)$/.exec(word) ?? [];
  if (restriction === 'type' && kind !== 'type') return false;
  if (restriction === 'dynamic' && kind === 'value') return false;
  if (target.type === 'node') return name === 'node' || name === target.name;
  if (target.type === 'package') return name === `npm:${target.name}`;
  return isNamed(target.path, name);
}

/** Whether a file is the room or file a word names: `systems/custom`, `systems/system`, `views/main`. */
function isNamed(path: string, name: string): boolean {
  const named = ROOMS.find((room) => room.name === name);
  // A file with a room of its own within another is not that other's.
  if (named !== undefined && !named.path.includes('*')) return roomOf(path)?.name === name;
  const pattern = name
    .split('/')
    .map((part) => (part === '*' ? '[^/]+' : part))
    .join('/');
  return new RegExp(`^(?:src/)?${pattern}(?:\\.tsx?$|/)`).test(path);
}

export function roomOf(path: string): Room | undefined {
  return ROOMS.find(
    (room) => isBelow(path, room.path) && (room.path !== 'src/systems/*' || path.split('/').length > 3),
  );
}

/** Rooms with a `*` are many: a kind of system must not import another. */
function sameInstance(room: Room, path: string, other: string): boolean {
  if (!room.path.includes('*')) return true;
  const depth = room.path.split('/').length;
  return path.split('/').slice(0, depth).join('/') === other.split('/').slice(0, depth).join('/');
}

function isBelow(path: string, place: string): boolean {
  const parts = path.split('/');
  return place.split('/').every((part, index) => part === '*' || part === parts[index]);
}

function reservedWords(path: string, source: string): string[] {
  const { code } = maskSource(source);
  return RESERVED.flatMap(({ what, pattern, places }) =>
    Object.keys(places).some((place) => isBelow(path, place))
      ? []
      : [...code.matchAll(pattern)].map(
          (match) => `${path}:${lineOf(code, match.index)} uses ${what}: ${match[0]}`,
        ),
  );
}

/** Rings of files that load each other; types alone make none. One line for each ring, from its first file. */
export function findCycles(sources: Sources): string[] {
  const edges = new Map<string, string[]>();
  for (const [path, source] of sources)
    edges.set(
      path,
      readImports(source)
        .filter(({ kind }) => kind === 'value')
        .map(({ specifier }) => targetOf(path, specifier))
        .flatMap((target) => (target.type === 'file' && sources.has(target.path) ? [target.path] : [])),
    );
  const cycles = new Set<string>();
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      const ring = trail.slice(start);
      const first = ring.indexOf([...ring].sort()[0] ?? '');
      const turned = [...ring.slice(first), ...ring.slice(0, first)];
      cycles.add(`${turned[0]}:1 is in a ring of imports: ${[...turned, turned[0]].join(' -> ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return [...cycles];
}

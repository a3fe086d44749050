/**
 * Lays out a fixture tree as the watched program would have left it, and derives it by reading the files directly: no
 * part of ingest is involved, so a golden tells what a kind makes of bytes and nothing else.
 */
import {
  cpSync,
  existsSync,
  globSync,
  lutimesSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative } from 'node:path';
import Database from 'better-sqlite3';
import { lookInto } from '../../src/config/look.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { type Instant, instant, parseInstant } from '../../src/domain/instant.ts';
import type { ProcessInfo, ProcessTable } from '../../src/domain/process.ts';
import { FactStore } from '../../src/engine/fact-store.ts';
import type { IngestChunk } from '../../src/ingest/ingest.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import type { CommonSettings, Derived, Located, SourceSpec, SystemKind } from '../../src/systems/system.ts';

/** `case.json` of a fixture. */
export interface FixtureCase {
  /** As of when the case is judged. */
  readonly at: Instant;
  readonly settings: CommonSettings;
  /** Modification times; files not named get `at`. */
  readonly mtimes: Readonly<Record<string, string>>;
  readonly processes: readonly ProcessInfo[];
  /** Answers of the HTTP server by path. */
  readonly http: Readonly<Record<string, { status?: number; body?: string; error?: string }>>;
  /** What the programs of probe sources printed, by source id. */
  readonly probes?: Readonly<
    Record<string, { exitCode?: number; stdout?: string; stderr?: string; error?: string }>
  >;
}

const fixtures = new URL('../../fixtures/', import.meta.url).pathname;

/** Copies `fixtures/<kind>/<name>/root` to a temporary directory, builds `*.sql` databases, sets modification times. */
export async function layOutCase(
  kind: string,
  name: string,
): Promise<{ dir: string; case: FixtureCase; remove(): void }> {
  const from = join(fixtures, kind, name);
  const raw = JSON.parse(readFileSync(join(from, 'case.json'), 'utf8')) as {
    at: string;
    settings?: CommonSettings;
    mtimes?: Record<string, string>;
    processes?: (Partial<Omit<ProcessInfo, 'startedAt'>> & {
      pid: number;
      argv: string[];
      startedAt: string;
    })[];
    http?: FixtureCase['http'];
    probes?: NonNullable<FixtureCase['probes']>;
  };
  const at = parseInstant(raw.at);
  if (at === undefined) throw new Error(`${from}/case.json: "at" is no instant`);
  const dir = realpathSync(mkdtempSync(join(tmpdir(), `binnacle-${kind}-`)));
  cpSync(join(from, 'root'), dir, { recursive: true });
  // No repository may hold a directory of that name.
  if (existsSync(join(dir, '_git'))) renameSync(join(dir, '_git'), join(dir, '.git'));
  // Not by glob: `**` leaves out directories whose names begin with a point, where most databases lie.
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.sql')) buildDatabase(join(dir, name));
  }
  setTimes(dir, at, raw.mtimes ?? {});
  const processes = (raw.processes ?? []).map(
    (info): ProcessInfo => ({
      parentPid: 1,
      groupId: info.pid,
      state: 'S',
      ports: [],
      readsTerminal: false,
      ...info,
      ...(info.cwd === undefined ? {} : { cwd: info.cwd.replace('$ROOT', dir) }),
      argv: info.argv.map((word) => word.replace('$ROOT', dir)),
      startedAt: parseInstant(info.startedAt) ?? instant(0),
    }),
  );
  return {
    dir,
    case: {
      at,
      settings: raw.settings ?? {},
      mtimes: raw.mtimes ?? {},
      processes,
      http: raw.http ?? {},
      probes: raw.probes ?? {},
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Names of the cases of a kind. */
export function caseNames(kind: string): string[] {
  return readdirSync(join(fixtures, kind), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

function buildDatabase(sqlPath: string): void {
  const database = new Database(sqlPath.replace(/\.sql$/, ''));
  // A file of a test is gone before any power cut.
  database.pragma('synchronous = OFF');
  database.exec(readFileSync(sqlPath, 'utf8'));
  database.close();
  rmSync(sqlPath);
}

function setTimes(dir: string, at: Instant, mtimes: Readonly<Record<string, string>>): void {
  const everything = readdirSync(dir, { recursive: true, withFileTypes: true });
  // Deepest first: setting a file's time leaves its directory's alone, but order keeps that certain.
  for (const entry of everything.reverse()) {
    const path = join(entry.parentPath, entry.name);
    const named = mtimes[relative(dir, path)];
    const when = (named === undefined ? at : (parseInstant(named) ?? at)) / 1000;
    lutimesSync(path, when, when);
  }
}

/** Locates the case's system as the configuration would. */
export function locateCase(kind: SystemKind, dir: string, fixture: FixtureCase): Located {
  const look = lookInto(dir, { PATH: '/nowhere' });
  return kind.locate(dir, look, kind.kind as SystemId, { timezone: 'UTC', ...fixture.settings });
}

/** Reads every source of the case once and derives as of the case's time. */
export async function deriveCase(kind: SystemKind, dir: string, fixture: FixtureCase): Promise<Derived> {
  const located = locateCase(kind, dir, fixture);
  return deriveLocated(kind, located, fixture);
}

/** Like {@link deriveCase} for a system already located. */
export function deriveLocated(kind: SystemKind, located: Located, fixture: FixtureCase): Derived {
  const facts = new FactStore(located, kind.parsers);
  let data: JsonObject = {};
  let derived: Derived = { entities: [] };
  const done = new Set<string>();
  // Facts may name further sources (a run's directory): asked again until nothing new comes.
  for (let round = 0; round < 4; round += 1) {
    const specs = kind.sources(located, data);
    facts.setSpecs(specs);
    for (const spec of specs) {
      const key = JSON.stringify(spec);
      if (done.has(key)) continue;
      done.add(key);
      readSource(spec, located, fixture, facts);
    }
    derived = kind.derive({ located, facts, processes: tableFor(specs, fixture), now: fixture.at });
    const next = derived.data ?? {};
    if (JSON.stringify(next) === JSON.stringify(data)) break;
    data = next;
  }
  return derived;
}

function tableFor(_specs: readonly SourceSpec[], fixture: FixtureCase): ProcessTable {
  return { readAt: fixture.at, processes: fixture.processes };
}

function readSource(spec: SourceSpec, located: Located, fixture: FixtureCase, facts: FactStore): void {
  const give = (path: string, chunk: IngestChunk, file?: string): void => {
    const stat = file === undefined ? undefined : statSync(file);
    facts.take({
      type: 'chunk',
      source: spec.id,
      path: isAbsolute(path) ? relativeInside(located.root, path) : path,
      chunk,
      at: fixture.at,
      fresh: true,
      ...(stat ? { modifiedAt: instant(stat.mtimeMs), sizeBytes: stat.size } : {}),
    });
  };
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(located.root, path));
  const matches = (glob: string): string[] =>
    globSync(absolute(glob)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  let items = 0;
  switch (spec.type) {
    case 'log':
      for (const file of matches(spec.glob)) {
        items += 1;
        give(file, { type: 'lines', lines: linesOf(readFileSync(file)) }, file);
      }
      break;
    case 'document':
      for (const file of matches(spec.glob)) {
        items += 1;
        give(file, { type: 'document', text: readFileSync(file, 'utf8') }, file);
      }
      break;
    case 'tree':
      for (const item of matches(spec.glob)) {
        if (!statSync(item).isDirectory()) continue;
        items += 1;
        give(item, readDirectory(item, spec.read), item);
      }
      break;
    case 'database': {
      const file = absolute(spec.path);
      if (!statSync(file, { throwIfNoEntry: false })) break;
      items = 1;
      try {
        give(file, queryDatabase(file, spec), file);
      } catch (error) {
        facts.take({
          type: 'failed',
          source: spec.id,
          path: spec.path,
          at: fixture.at,
          error: String(error),
        });
      }
      break;
    }
    case 'http': {
      const answer = fixture.http[spec.path];
      if (!located.url || !answer) break;
      items = 1;
      give(spec.path, {
        type: 'http',
        latencyMs: 5,
        failures: answer.status !== undefined && answer.status < 500 ? 0 : 3,
        ...answer,
      });
      break;
    }
    case 'probe': {
      const said = fixture.probes?.[spec.id];
      if (!said) break;
      items = 1;
      give(spec.argv[0] ?? spec.id, { type: 'probe', exitCode: 0, stdout: '', stderr: '', ...said });
      break;
    }
    case 'process':
      // The table is handed to the derivation itself; a host always has one.
      items = 1;
      break;
    case 'stream':
      break;
  }
  facts.take({
    type: 'status',
    status: {
      id: spec.id,
      type: spec.type,
      place: spec.id,
      state: items > 0 ? 'fresh' : 'waiting',
      items,
      records: 0,
      badRecords: 0,
      unreadBytes: 0,
      lastReadAt: fixture.at,
    },
  });
}

function relativeInside(root: string, path: string): string {
  const inside = relative(root, path);
  return inside.startsWith('..') ? path : inside;
}

function linesOf(bytes: Buffer): { text: string; offset: number }[] {
  const lines: { text: string; offset: number }[] = [];
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    lines.push({ text: bytes.toString('utf8', start, end).replace(/\r$/, ''), offset: start });
    start = end + 1;
  }
  return lines;
}

function readDirectory(item: string, wanted: readonly string[]): IngestChunk {
  const names = readdirSync(item).sort();
  const texts: Record<string, string> = {};
  const modifiedAt: Record<string, Instant> = {};
  for (const name of names) {
    const stat = statSync(join(item, name));
    modifiedAt[name] = instant(stat.mtimeMs);
    const isWanted = wanted.some((pattern) =>
      pattern.includes('*')
        ? name.startsWith(pattern.slice(0, pattern.indexOf('*'))) &&
          name.endsWith(pattern.slice(pattern.indexOf('*') + 1))
        : pattern === name,
    );
    if (isWanted && stat.isFile()) texts[name] = readFileSync(join(item, name), 'utf8');
  }
  return { type: 'directory', names, texts, modifiedAt };
}

function queryDatabase(file: string, spec: Extract<SourceSpec, { type: 'database' }>): IngestChunk {
  const copy = `${file}.copy`;
  cpSync(file, copy);
  const database = new Database(copy, { readonly: true });
  const results: Record<string, Record<string, string | number | null>[]> = {};
  const failed: Record<string, string> = {};
  try {
    for (const query of spec.queries) {
      try {
        results[query.id] = database.prepare(query.sql).all(...(query.params ?? [])) as Record<
          string,
          string | number | null
        >[];
      } catch (error) {
        failed[query.id] = error instanceof Error ? error.message : String(error);
        if (!query.optional) throw error;
      }
    }
  } finally {
    database.close();
    rmSync(copy);
  }
  return { type: 'database', results, failed };
}

/** Compares with, or with UPDATE_GOLDENS=1 writes, `expected.json` of a case; paths of the temporary directory become `$ROOT`. */
export function goldenOf(
  kind: string,
  name: string,
  derived: Derived,
  dir: string,
): { actual: unknown; expected: unknown } {
  const file = join(fixtures, kind, name, 'expected.json');
  const entities = [...derived.entities].sort((a, b) =>
    `${a.type}/${a.id}` < `${b.type}/${b.id}` ? -1 : `${a.type}/${a.id}` > `${b.type}/${b.id}` ? 1 : 0,
  );
  const text = `${JSON.stringify({ entities }, null, 2).replaceAll(dir, '$ROOT')}\n`;
  if (process.env['UPDATE_GOLDENS'] === '1') {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }
  return { actual: JSON.parse(text), expected: JSON.parse(readFileSync(file, 'utf8')) };
}

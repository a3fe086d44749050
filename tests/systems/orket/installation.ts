/**
 * A small Orket installation on the real disk, written the way the program writes it, for tests that vary one thing at
 * a time. Times are seconds after `start`.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import type { Entity, EntityOf, EntityType } from '../../../src/domain/entity.ts';
import { addMs, type Instant, instant, toIso } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import type { CommonSettings, Derived, StateView } from '../../../src/systems/system.ts';
import { deriveCase, type FixtureCase, locateCase } from '../fixture-case.ts';

export const start: Instant = instant(Date.UTC(2026, 1, 20, 3, 0, 0));

/** `seconds` after the start of the story. */
export function at(seconds: number): Instant {
  return addMs(start, seconds * 1000);
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS issues (id TEXT PRIMARY KEY, session_id TEXT, build_id TEXT, seat TEXT, summary TEXT, type TEXT,
  priority TEXT, sprint TEXT, status TEXT DEFAULT 'ready', assignee TEXT, note TEXT, resolution TEXT,
  credits_spent REAL DEFAULT 0, retry_count INTEGER DEFAULT 0, max_retries INTEGER DEFAULT 3, verification_json TEXT,
  metrics_json TEXT, depends_on_json TEXT, created_at DATETIME);
CREATE TABLE IF NOT EXISTS card_transactions (id INTEGER PRIMARY KEY AUTOINCREMENT, card_id TEXT, role TEXT, action TEXT,
  timestamp DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS run_ledger (session_id TEXT PRIMARY KEY, run_type TEXT, run_name TEXT, department TEXT,
  build_id TEXT, status TEXT, failure_class TEXT, failure_reason TEXT, summary_json TEXT, artifact_json TEXT,
  started_at TEXT, ended_at TEXT, updated_at TEXT);`;

export class Installation {
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-orket-unit-')));
  readonly processes: ProcessInfo[] = [];
  http: FixtureCase['http'] = {};

  constructor() {
    this.write('main.py', '');
  }

  write(path: string, text: string, when: Instant = start): void {
    const file = join(this.dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    utimesSync(file, when / 1000, when / 1000);
  }

  log(seconds: number, event: string, data: Record<string, unknown>, role = 'system'): void {
    const file = join(this.dir, 'workspace/default/orket.log');
    mkdirSync(dirname(file), { recursive: true });
    const line = {
      timestamp: toIso(at(seconds)),
      role,
      event,
      data: { ...data, runtime_event: { event, role } },
    };
    writeFileSync(file, `${JSON.stringify(line)}\n`, { flag: 'a' });
  }

  /** A turn event with the ids it carries. */
  turnLog(seconds: number, event: string, [run, issue, index, role]: TurnName, more: object = {}): void {
    const ids = { issue_id: issue, session_id: run, turn_index: index };
    this.log(
      seconds,
      event,
      { ...ids, turn_trace_id: `${run}:${issue}:${role}:${index}`, role, ...more },
      role,
    );
  }

  /** A turn directory as far as `stage`; files carry the time `seconds`. */
  turn(
    seconds: number,
    [run, issue, index, role]: TurnName,
    stage: Stage = 'done',
    results: object[] = [],
  ): string {
    const dir = `workspace/default/observability/${run}/${issue.toLowerCase()}/${String(index).padStart(3, '0')}_${role}`;
    const put = (name: string, value: unknown): void =>
      this.write(`${dir}/${name}`, JSON.stringify(value), at(seconds));
    put('messages.json', [{ role: 'system', content: 'seat' }]);
    put('prompt_layers.json', {});
    if (stage === 'asked') return dir;
    this.write(`${dir}/model_response.txt`, '{"tool": "write_file"}', at(seconds));
    if (stage === 'answered') return dir;
    const calls = results.map((_, i) => ({ tool: 'write_file', args: { path: `f${i}` } }));
    put('parsed_tool_calls.json', calls);
    put('checkpoint.json', {
      run_id: run,
      issue_id: issue,
      turn_index: index,
      role,
      model: 'm',
      tool_calls: calls,
      state_delta: { from: 'in_progress', to: 'code_review' },
      captured_at: toIso(at(seconds)),
    });
    for (const [i, result] of results.entries()) {
      if ('missing' in result) continue;
      put(`tool_result_write_file_${String(i).padStart(12, '0')}.json`, result);
    }
    return dir;
  }

  sql(statement: string, ...values: (string | number | null)[]): void {
    const path = join(this.dir, '.orket/durable/db/orket_persistence.db');
    mkdirSync(dirname(path), { recursive: true });
    const database = new Database(path);
    database.exec(SCHEMA);
    database.prepare(statement).run(...values);
    database.close();
  }

  run(id: string, status: string, from: number, to?: number, more: RunColumns = {}): void {
    this.sql(
      'INSERT OR REPLACE INTO run_ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      id,
      'epic',
      more.name ?? 'tide_ledger',
      'core',
      more.build ?? 'build-tide_ledger',
      status,
      more.failureClass ?? null,
      more.reason ?? null,
      JSON.stringify({ target_issue_id: more.target ?? null }),
      JSON.stringify({ workspace: more.workspace ?? join(this.dir, 'workspace/default') }),
      toIso(at(from)),
      to === undefined ? null : toIso(at(to)),
      toIso(at(to ?? from)),
    );
  }

  card(id: string, status: string, more: { build?: string; note?: string; retries?: number } = {}): void {
    this.sql(
      'INSERT OR REPLACE INTO issues (id, build_id, summary, status, note, retry_count, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      id,
      more.build ?? 'build-tide_ledger',
      `work on ${id}`,
      status,
      more.note ?? null,
      more.retries ?? 0,
      toIso(start),
    );
  }

  move(seconds: number, card: string, action: string): void {
    const when = toIso(at(seconds)).slice(0, 19).replace('T', ' ');
    this.sql(
      'INSERT INTO card_transactions (card_id, role, action, timestamp) VALUES (?, ?, ?, ?)',
      card,
      'system',
      action,
      when,
    );
  }

  process(
    pid: number,
    argv: readonly string[],
    startedSeconds: number,
    more: Partial<ProcessInfo> = {},
  ): void {
    this.processes.push({
      pid,
      parentPid: 1,
      groupId: pid,
      startedAt: at(startedSeconds),
      argv,
      cwd: this.dir,
      state: 'S',
      ports: [],
      readsTerminal: false,
      ...more,
    });
  }

  caseAt(seconds: number, settings: CommonSettings = {}): FixtureCase {
    return { at: at(seconds), settings, mtimes: {}, processes: this.processes, http: this.http };
  }

  async derive(seconds: number, settings: CommonSettings = {}): Promise<Derived> {
    return await deriveCase(orketKind, this.dir, this.caseAt(seconds, settings));
  }

  /** What acts are given. */
  async view(seconds: number, settings: CommonSettings = {}): Promise<StateView> {
    const fixture = this.caseAt(seconds, settings);
    const derived = await deriveCase(orketKind, this.dir, fixture);
    const located = locateCase(orketKind, this.dir, fixture);
    return {
      located,
      now: fixture.at,
      data: derived.data ?? {},
      processes: this.processes,
      entity: (type, id) => find(derived, type, id),
      entities: <T extends EntityType>(type: T) =>
        derived.entities.filter((entity): entity is EntityOf<T> => entity.type === type),
    };
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export type TurnName = readonly [run: string, issue: string, index: number, role: string];
export type Stage = 'asked' | 'answered' | 'done';

interface RunColumns {
  readonly name?: string;
  readonly build?: string;
  readonly failureClass?: string;
  readonly reason?: string;
  readonly target?: string;
  readonly workspace?: string;
}

/** The entity of that type and id. */
export function find<T extends EntityType>(derived: Derived, type: T, id: string): EntityOf<T> | undefined {
  return derived.entities.find((one: Entity): one is EntityOf<T> => one.type === type && one.id === id);
}

/** Label and key of everything in the queue, for comparing at a glance. */
export function queueOf(derived: Derived): string[] {
  return derived.entities
    .flatMap((one) =>
      one.attention ? [`${one.attention.rank} ${one.attention.label} ${one.type}/${one.id}`] : [],
    )
    .sort();
}

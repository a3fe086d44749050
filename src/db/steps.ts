import type Database from 'better-sqlite3';
import type { EntityType, Ref, SystemId } from '../domain/entity.ts';
import { instant } from '../domain/instant.ts';
import {
  isSameOccurrence,
  type MarkState,
  type StepBook,
  type StepMark,
  type StepRun,
} from '../domain/steps.ts';

/** Runs that are looked after, and marks in one report. */
const MOST_OPEN = 200;
const MOST_LISTED = 10_000;

interface StoredRun {
  readonly id: string;
  readonly system: string;
  readonly type: string;
  readonly item: string;
  readonly title: string;
  readonly playbook: string;
  readonly playbook_title: string;
  readonly since: number | null;
  readonly begun_at: number;
  readonly begun_by: string;
  readonly ended_at: number | null;
}

interface StoredMark {
  readonly seq: number;
  readonly run: string;
  readonly step: string;
  readonly place: number;
  readonly state: MarkState;
  readonly by_whom: string;
  readonly at: number;
  readonly remark: string | null;
  readonly order_id: string | null;
}

/** Schema of what is recorded of steps, a migration of `host-store.ts`. Marks are added, never changed. */
export const STEP_TABLES = `
  CREATE TABLE step_runs (
    id TEXT PRIMARY KEY,
    system TEXT NOT NULL,
    type TEXT NOT NULL,
    item TEXT NOT NULL,
    title TEXT NOT NULL,
    playbook TEXT NOT NULL,
    playbook_title TEXT NOT NULL,
    since REAL,
    begun_at REAL NOT NULL,
    begun_by TEXT NOT NULL,
    ended_at REAL
  ) STRICT;
  CREATE INDEX step_runs_of ON step_runs (system, type, item, playbook, begun_at);
  CREATE TABLE step_marks (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES step_runs (id),
    step TEXT NOT NULL,
    place INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'open', 'skipped', 'begun')),
    by_whom TEXT NOT NULL,
    at REAL NOT NULL,
    remark TEXT,
    order_id TEXT
  ) STRICT;
  CREATE INDEX step_marks_of ON step_marks (run, step, seq);
  CREATE INDEX step_marks_at ON step_marks (at);`;

/** The record over an open database with the schema of `host-store.ts`. */
export function createStepStore(database: Database.Database): StepBook {
  const newestRun = database.prepare(
    'SELECT * FROM step_runs WHERE system = ? AND type = ? AND item = ? AND playbook = ? ORDER BY begun_at DESC, id DESC LIMIT 1',
  );
  const newest = ({ system, type, id }: Ref, playbook: string): StepRun | undefined => {
    const row = newestRun.get(system, type, id, playbook) as StoredRun | undefined;
    return row && runOf(row);
  };
  const insertRun = database.prepare(
    `INSERT INTO step_runs (id, system, type, item, title, playbook, playbook_title, since, begun_at, begun_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const reopen = database.prepare('UPDATE step_runs SET ended_at = NULL WHERE id = ?');
  const begin = database.transaction<StepBook['begin']>((run) => {
    const { target } = run;
    const known = newest(target, run.playbook);
    if (known && isSameOccurrence(known, run.since)) {
      if (known.endedAt !== undefined) reopen.run(known.id);
      return known;
    }
    insertRun.run(
      ...[run.id, target.system, target.type, target.id, run.title, run.playbook, run.playbookTitle],
      ...[run.since ?? null, run.begunAt, run.begunBy],
    );
    return run;
  });
  const newestMark = database.prepare(
    'SELECT * FROM step_marks WHERE run = ? AND step = ? ORDER BY seq DESC LIMIT 1',
  );
  const insertMark = database.prepare(
    'INSERT INTO step_marks (run, step, place, state, by_whom, at, remark, order_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const mark = database.transaction<StepBook['mark']>((given) => {
    const row = newestMark.get(given.run, given.step) as StoredMark | undefined;
    const known = row && markOf(row);
    // A step nobody spoke of is open. Two orders of one step are two things.
    if ((known?.state ?? 'open') === given.state && known?.order === given.order)
      return { marked: false, mark: known ?? { ...given, seq: 0 } };
    const { lastInsertRowid } = insertMark.run(
      ...[given.run, given.step, given.index, given.state, given.by, given.at],
      ...[given.remark ?? null, given.order ?? null],
    );
    return { marked: true, mark: { ...given, seq: Number(lastInsertRowid) } };
  });
  const marks = database.prepare('SELECT * FROM step_marks WHERE run = ? ORDER BY seq');
  const open = database.prepare(
    `SELECT * FROM step_runs WHERE ended_at IS NULL ORDER BY begun_at DESC, id DESC LIMIT ${MOST_OPEN}`,
  );
  const end = database.prepare('UPDATE step_runs SET ended_at = ? WHERE id = ? AND ended_at IS NULL');
  const list = database.prepare(
    `SELECT * FROM step_marks WHERE at >= ? AND at <= ? ORDER BY at, seq LIMIT ${MOST_LISTED}`,
  );
  const runById = database.prepare('SELECT * FROM step_runs WHERE id = ?');
  return {
    newest,
    begin: (run) => begin.immediate(run),
    mark: (given) => mark.immediate(given),
    marks: (run) => new Map((marks.all(run) as StoredMark[]).map((row) => [row.step, markOf(row)])),
    open: () => (open.all() as StoredRun[]).map(runOf),
    end: (run, at) => void end.run(at, run),
    list({ since, until }) {
      const runs = new Map<string, StepRun>();
      return (list.all(since, until) as StoredMark[]).map((row) => {
        const run = runs.get(row.run) ?? runOf(runById.get(row.run) as StoredRun);
        runs.set(row.run, run);
        return { run, mark: markOf(row) };
      });
    },
  };
}

function runOf(row: StoredRun): StepRun {
  return {
    id: row.id,
    target: { system: row.system as SystemId, type: row.type as EntityType, id: row.item },
    title: row.title,
    playbook: row.playbook,
    playbookTitle: row.playbook_title,
    begunAt: instant(row.begun_at),
    begunBy: row.begun_by,
    ...(row.since === null ? {} : { since: instant(row.since) }),
    ...(row.ended_at === null ? {} : { endedAt: instant(row.ended_at) }),
  };
}

function markOf(row: StoredMark): StepMark {
  return {
    seq: row.seq,
    run: row.run,
    step: row.step,
    index: row.place,
    state: row.state,
    by: row.by_whom,
    at: instant(row.at),
    ...(row.remark === null ? {} : { remark: row.remark }),
    ...(row.order_id === null ? {} : { order: row.order_id }),
  };
}

/** What `timeline` is made from: the record, the ledger, and the systems as they are now. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { HISTORY_FILE, type HistoryStore, openHistory } from '../db/history-store.ts';
import { copyForLooking } from '../db/look-at-copy.ts';
import { stateDirectories } from '../db/state-dir.ts';
import type { SystemId } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import type { Remark, StateChange } from '../domain/history.ts';
import type { Instant } from '../domain/instant.ts';
import type { LedgerRecord } from '../domain/ledger.ts';
import type { RecordedStep } from '../domain/steps.ts';
import { type IncidentReport, timelineOf } from '../domain/timeline.ts';
import type { EnginePort } from '../engine/protocol.ts';
import { withExcerpts } from '../store/excerpts.ts';
import type { CockpitState } from '../store/state.ts';
import { HOST_MODE, tryOpenActs } from './acts-room.ts';
import { listLedgers } from './ledger-verb.ts';

/** Rows of the ledger and of the record in one report. */
const MOST_ROWS = 100_000;

/** Which time of which systems is told. */
export interface TimelineSpan {
  readonly since: Instant;
  readonly until: Instant;
  /** When the report is made; ages are as of then. */
  readonly now: Instant;
  /** Default: all that are watched. */
  readonly systems: readonly SystemId[];
}

/** What a report needs of the present. */
export type IncidentState = Pick<CockpitState, 'systems' | 'entities' | 'queue'>;

/**
 * The report of a span, from what is on disk now, with at most `excerpts` error lines around each grave event. Without a
 * record there is what things say of themselves.
 */
export async function incidentReport(
  port: Pick<EnginePort, 'call'>,
  state: IncidentState,
  span: TimelineSpan,
  excerpts: number,
): Promise<IncidentReport> {
  const report = withoutExcerpts(state, span);
  return { ...report, events: await withExcerpts(port, report.events, excerpts) };
}

function withoutExcerpts(state: IncidentState, span: TimelineSpan): IncidentReport {
  const systems = state.systems.filter(({ id }) => span.systems.length === 0 || span.systems.includes(id));
  const notes: string[] = [];
  const { changes, remarks } = recorded(systems, span, notes);
  const entities = systems.flatMap(({ id }) => [...(state.entities.get(id)?.values() ?? [])]);
  const names = systems.map(({ id }) => id);
  const timeline = timelineOf({
    since: span.since,
    until: span.until,
    changes,
    entities,
    ledger: ledgerRows(span, notes),
    remarks,
    steps: recordedSteps(span, notes),
    systems: names,
  });
  return {
    ...timeline,
    host: hostname(),
    since: span.since,
    until: span.until,
    generatedAt: span.now,
    systems: systems.map(({ id, kind, root, state: health }) => ({ id, kind, root, state: health })),
    open: state.queue.filter(({ system }) => names.includes(system)),
    notes,
  };
}

function ledgerRows(
  { since, until }: TimelineSpan,
  notes: string[],
): readonly { readonly record: LedgerRecord }[] {
  const { rows, leftOut, troubles } = listLedgers({ since, until }, MOST_ROWS);
  for (const { message } of troubles) notes.push(`acts are missing: ${message}`);
  if (leftOut > 0) notes.push(`${leftOut} older rows of the ledger are left out`);
  return rows;
}

function recordedSteps({ since, until }: TimelineSpan, notes: string[]): readonly RecordedStep[] {
  const opened = tryOpenActs('if there');
  if (!opened.ok) {
    notes.push(`steps are missing: ${opened.error}`);
    return [];
  }
  try {
    return opened.value?.store.steps.list({ since, until }) ?? [];
  } catch (error) {
    notes.push(`steps are missing: ${messageOf(error)}`);
    return [];
  } finally {
    opened.value?.close();
  }
}

function recorded(
  systems: CockpitState['systems'],
  { since, until, now }: TimelineSpan,
  notes: string[],
): { readonly changes: readonly StateChange[]; readonly remarks: readonly Remark[] } {
  const { shared, isHostWide } = stateDirectories(process.env);
  const path = join(shared, HISTORY_FILE);
  if (!existsSync(path)) {
    notes.push('no cockpit has watched here: changes are told as far as the systems’ own files tell them');
    return { changes: [], remarks: [] };
  }
  try {
    return lookInto(path, isHostWide, now, (store) => {
      const rows = systems.flatMap(({ id, root }) => store.findSystem(id, root) ?? []);
      if (rows.length < systems.length)
        notes.push(
          'not every system was watched by a cockpit: its changes are told as far as its own files tell them',
        );
      const changes =
        rows.length === 0 ? [] : store.changes({ systems: rows, since, until, limit: MOST_ROWS });
      if (changes.length === MOST_ROWS) notes.push(`only the newest ${MOST_ROWS} changes are told`);
      return { changes, remarks: store.remarks.list({ since, until }) };
    });
  } catch (error) {
    notes.push(`changes are missing: the history can't be read: ${messageOf(error)}`);
    return { changes: [], remarks: [] };
  }
}

/** SQLite writes beside a file to read it; where that is not allowed, a copy is read. */
function lookInto<T>(path: string, isHostWide: boolean, now: Instant, use: (store: HistoryStore) => T): T {
  const open = (directory: string): T => {
    const store = openHistory({ directory, now, toLook: true, ...(isHostWide ? { mode: HOST_MODE } : {}) });
    try {
      return use(store);
    } finally {
      store.close();
    }
  };
  try {
    return open(dirname(path));
  } catch (error) {
    if (!/readonly database|unable to open database|EROFS|EACCES|EPERM/.test(messageOf(error))) throw error;
  }
  const { directory, remove } = copyForLooking([path]);
  try {
    return open(directory);
  } finally {
    remove();
  }
}

import { hostCheckText } from '../domain/host-check.ts';
import type { BadRecord, SourceStatus } from '../domain/source.ts';
import type { FileFacts, SourceSpec } from '../systems/system.ts';
import type { SystemSummary } from './protocol.ts';

/** Sources whose every reading is a whole. */
const READ_WHOLE: ReadonlySet<string> = new Set(['document', 'http', 'probe', 'database']);
/** Bad records kept to be looked at; all are counted. */
const KEPT_BAD_RECORDS = 200;

/** How each source of one system stands: what its reader told last, and what came of what was read. */
export class SourceBook {
  readonly #statuses = new Map<string, SourceStatus>();
  readonly #records = new Map<string, number>();
  readonly #bad = new Map<string, BadRecord[]>();
  readonly #badCounts = new Map<string, number>();

  /** Takes a status in. False when it is the known one but for the time of reading, which the next message carries. */
  take(status: SourceStatus): boolean {
    const before = this.#statuses.get(status.id);
    this.#statuses.set(status.id, status);
    return before === undefined || !isSameButReadAgain(before, status);
  }

  /** Counts what one piece of a source gave. */
  account(source: string, records: number, bad: readonly BadRecord[]): void {
    if (records > 0) this.#records.set(source, (this.#records.get(source) ?? 0) + records);
    if (bad.length > 0) {
      this.#badCounts.set(source, (this.#badCounts.get(source) ?? 0) + bad.length);
      const kept = this.#bad.get(source) ?? [];
      this.#bad.set(source, [...kept, ...bad].slice(-KEPT_BAD_RECORDS));
    }
  }

  badRecords(source: string): readonly BadRecord[] {
    return this.#bad.get(source) ?? [];
  }

  /** Whether it was read once, or is known to be unreadable. */
  isRead(source: string): boolean {
    const status = this.#statuses.get(source);
    return status !== undefined && (status.lastReadAt !== undefined || status.state === 'error');
  }

  /** How a source stands, judged with what was made of its `files`. */
  statusOf(spec: SourceSpec, files: readonly FileFacts[]): SourceStatus {
    const known = this.#statuses.get(spec.id);
    const badRecords = this.#badCounts.get(spec.id) ?? 0;
    const records = this.#records.get(spec.id) ?? 0;
    const lastBad = this.#bad.get(spec.id)?.at(-1);
    const counts = { records, badRecords, ...(lastBad === undefined ? {} : { lastBad }) };
    if (known) return { ...known, ...counts, ...notUnderstood(spec, known, files) };
    return {
      id: spec.id,
      type: spec.type,
      place: placeOf(spec),
      state: 'waiting',
      items: 0,
      ...counts,
      unreadBytes: 0,
    };
  }
}

/** How a system stands by its sources. */
export function systemStateOf(sources: readonly SourceStatus[]): SystemSummary['state'] {
  const bad = sources.filter((source) => source.state === 'error' || source.state === 'stale');
  if (bad.some((source) => source.type === 'http')) return 'unreachable';
  if (bad.some((source) => source.state === 'error')) return 'error';
  return bad.length > 0 ? 'stale' : 'ok';
}

/** What was read whole and made no sense as a whole is not read: what it said before is shown, with its age. */
function notUnderstood(
  spec: SourceSpec,
  known: SourceStatus,
  files: readonly FileFacts[],
): Partial<SourceStatus> {
  if (!READ_WHOLE.has(spec.type) || known.state !== 'fresh') return {};
  const failed = files.filter((file) => file.present && file.error !== undefined);
  const first = failed[0];
  if (!first) return {};
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
  const before = first.facts.size > 0 ? '; what it said before is shown' : '';
  return { state: 'error', error: `${first.path}: ${first.error}${more}${before}` };
}

function placeOf(spec: SourceSpec): string {
  switch (spec.type) {
    case 'log':
    case 'document':
    case 'tree':
      return spec.glob;
    case 'database':
    case 'http':
      return spec.path;
    case 'probe':
    case 'stream':
      return spec.argv.join(' ');
    case 'process':
      return spec.match.words.join(', ');
    case 'check':
      return hostCheckText(spec.check);
  }
}

function isSameButReadAgain(a: SourceStatus, b: SourceStatus): boolean {
  return (
    a.state === b.state &&
    a.error === b.error &&
    a.items === b.items &&
    a.unreadBytes === b.unreadBytes &&
    a.readShare === b.readShare &&
    a.lastChangedAt === b.lastChangedAt
  );
}

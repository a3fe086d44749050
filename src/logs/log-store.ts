import type { SystemId } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import type {
  LogCursor,
  LogHistogram,
  LogPage,
  LogQuery,
  LogRecord,
  LogRow,
  PagePlace,
} from '../domain/log.ts';
import { matcherOf, type RawOf } from '../domain/log-filter.ts';
import { countInRows, findInRows, histogramOfRows, pageOfRows, withContext } from '../domain/log-rows.ts';
import { foldedRow } from '../domain/log-twins.ts';
import { compareRows, type HeldRow, indexOf, insertSorted, Matching } from './held-rows.ts';
import { LATE_MS, SPIKE_MS } from './running-time.ts';

/** Rows of files kept in memory, which hold the rest. */
const MAX_FILED = 20_000;
/** Rows kept in memory at all: what is in no file, of streams and our own, can be had from nowhere else. */
const MAX_ROWS = 60_000;
/** When a limit is passed, a tenth of it goes at once, so that trimming stays rare. */
const TRIMMED = 0.1;
/** Queries whose rows are kept at hand: those of a pane, of all lines beside the filtered ones, and one more. */
const MATCHINGS = 3;
/** Two writers of one line are at most this far apart. */
const DUPLICATE_WINDOW_MS = 2_000;

/** Where records come from. */
export interface LogOrigin {
  readonly system: SystemId;
  readonly source: string;
  readonly path: string;
  /** The log these records were written to, when a rotation has named their file `path` since. */
  readonly log?: string;
  /** Device and inode of the file, and where the first line they were made of begins; for logs that are files. */
  readonly file?: string;
  readonly firstOffset?: number;
}

/** From where on the lines of one log are in memory. What lies before is in its files alone. */
export interface HeldSince {
  readonly system: SystemId;
  readonly source: string;
  /** The log, as its rows have it. */
  readonly path: string;
  /** Device and inode of the file, or what it was known by before it was emptied. */
  readonly file: string;
  readonly offset: number;
  readonly sortAt: Instant;
}

/**
 * The merged view of all sources in memory, ordered by event time, then by arrival. A record without a time stands
 * right behind its predecessor in its file. Rows that leave memory are counted, never dropped in silence.
 */
export class LogStore {
  #rows: HeldRow[] = [];
  #seq = 0;
  #left = 0;
  /** Per file: where the next line without a time belongs. */
  readonly #lastAt = new Map<string, Instant>();
  /** Per file: the latest time its lines had, what no later line had either left out. */
  readonly #latest = new Map<string, Instant>();
  readonly #since = new Map<string, HeldSince>();
  /** Lines as they stand, secrets too: they are searched, and never told. By `seq` of the row that is shown for them. */
  readonly #raws = new Map<number, string>();
  readonly #rawOf: RawOf = ({ seq }) => (seq === undefined ? undefined : this.#raws.get(seq));
  /** Those of the queries asked for last. */
  #matchings: Matching<HeldSince>[] = [];
  /** Newest rows by text, to fold what a program wrote twice. */
  readonly #recent = new Map<string, HeldRow>();

  /** Grows whenever rows are added or marked. */
  get seq(): number {
    return this.#seq;
  }

  /** Rows that were in memory once and are now only in their files. */
  get left(): number {
    return this.#left;
  }

  get size(): number {
    return this.#rows.length;
  }

  /** For each log from where on its lines are here. */
  get heldSince(): Iterable<HeldSince> {
    return this.#since.values();
  }

  /**
   * Takes records of one file, in file order. `readAt` places lines where neither they nor a predecessor have a time.
   * `lines`: as they stand in the file, where that is known.
   */
  add(
    origin: LogOrigin,
    records: readonly LogRecord[],
    readAt: Instant,
    lines: readonly { readonly text: string; readonly offset: number }[] = [],
  ): void {
    if (records.length === 0) return;
    // One log through all its rotations: the rest of a traceback may stand in the next file.
    const { firstOffset = 0, ...place } = origin;
    const file = logName(origin);
    let lastAt = this.#lastAt.get(file) ?? records.find((record) => record.at !== undefined)?.at ?? readAt;
    const firstAt = lastAt;
    const raws = new Map(lines.map(({ offset, text }) => [offset, text]));
    const fresh: HeldRow[] = [];
    let latest = this.#latest.get(file);
    for (const [index, record] of records.entries()) {
      lastAt = record.at ?? lastAt;
      const isLate = record.at !== undefined && latest !== undefined && record.at < latest - LATE_MS;
      if (record.at !== undefined && !isLate && !isSpike(records, index, record.at, latest))
        latest = record.at;
      if (this.#foldDuplicate(origin, record, fresh)) continue;
      this.#seq += 1;
      const row: HeldRow = {
        ...record,
        ...place,
        id: `m${this.#seq}`,
        seq: this.#seq,
        sortAt: lastAt,
        form: 'log',
        ...(isLate ? { late: true } : {}),
      };
      fresh.push(row);
      const raw = raws.get(record.offset);
      if (raw !== undefined && raw !== record.text) this.#raws.set(row.seq, raw);
      if (record.at !== undefined) this.#recent.set(duplicateKey(origin, record), row);
    }
    this.#lastAt.set(file, lastAt);
    if (latest !== undefined) this.#latest.set(file, latest);
    if (place.file !== undefined && !this.#since.has(file)) {
      const since = sinceOf({ ...place, sortAt: firstAt }, place.file, firstOffset);
      this.#since.set(file, since);
      for (const matching of this.#matchings) matching.begins(file, since);
    }
    this.#insert(fresh);
    if (this.#recent.size > 2_000) this.#recent.clear();
  }

  /** A state change, an act or a wipe, told by us. */
  addChange(row: Omit<LogRow, 'id' | 'seq' | 'form' | 'offset'>): void {
    this.#seq += 1;
    this.#insert([{ ...row, id: `m${this.#seq}`, seq: this.#seq, form: 'change', offset: 0 }]);
  }

  /** Marks everything read so far from a file as emptied by its writer. `nameOf`: what its content can still be known by. */
  markWiped(origin: LogOrigin, nameOf: (file: string) => string = (file) => file): void {
    this.#seq += 1;
    const names = new Map<string, string>();
    const named = (file: string): string => {
      const name = names.get(file) ?? nameOf(file);
      names.set(file, name);
      return name;
    };
    this.#matchings = [];
    this.#rows = this.#rows.map((row) =>
      row.form === 'log' &&
      row.wiped !== true &&
      row.path === origin.path &&
      row.source === origin.source &&
      row.system === origin.system
        ? { ...row, wiped: true, ...(row.file === undefined ? {} : { file: named(row.file) }) }
        : row,
    );
    const since = this.#since.get(logName(origin));
    if (since) this.#since.set(logName(origin), { ...since, file: named(since.file) });
  }

  /** The line a row was made of, as it stands in its file, secrets too. */
  writtenOf(row: LogRow): string {
    return this.#rawOf(row) ?? row.text;
  }

  /** See {@link pageOfRows}. */
  page(query: LogQuery, at: PagePlace, count: number): LogPage {
    return pageOfRows(this.#rows, query, at, count, this.matching(query).rows);
  }

  /**
   * Rows that match, in their order, and from where on in each log they are all of them. Those of the queries asked for
   * last are kept at hand: a view asks with each row that comes.
   */
  matching(query: LogQuery): {
    readonly rows: readonly LogRow[];
    readonly since: ReadonlyMap<string, HeldSince>;
  } {
    const text = JSON.stringify(query);
    const known = this.#matchings.find((one) => one.text === text);
    const matching = known ?? new Matching(text, matcherOf(query, this.#rawOf), this.#rows, this.#since);
    this.#matchings = [matching, ...this.#matchings.filter((one) => one !== matching)].slice(0, MATCHINGS);
    return { rows: matching.rows, since: matching.since };
  }

  /** Rows came that match what was asked for last: whoever looks at it has not seen them. */
  get isAwaited(): boolean {
    return this.#matchings[0]?.hasFresh === true;
  }

  /**
   * Rows that match and are in no file, or in none any more: of streams, changes, what was emptied and is not kept
   * elsewhere.
   */
  unfiled(query: LogQuery, isKept: (row: LogRow) => boolean = () => false): readonly LogRow[] {
    return this.#rows
      .filter((row) => row.file === undefined || (row.wiped === true && !isKept(row)))
      .filter(matcherOf(query, this.#rawOf));
  }

  /** See {@link withContext}. */
  withContext(rows: readonly LogRow[], lines: number): readonly LogRow[] {
    return withContext(this.#rows, rows, lines);
  }

  /** Rows are to be asked for again: there are more than were told. */
  touch(): void {
    this.#seq += 1;
  }

  find(query: LogQuery, from: PagePlace, direction: 1 | -1): LogRow | undefined {
    return findInRows(this.#rows, query, from, direction, this.#rawOf);
  }

  count(query: LogQuery, behind?: LogCursor): number {
    return countInRows(this.#rows, query, behind, this.#rawOf);
  }

  histogram(query: LogQuery, spans: Parameters<typeof histogramOfRows>[2]): LogHistogram {
    return histogramOfRows(this.#rows, query, spans, this.#rawOf);
  }

  /** All rows with a seq above `seq` that match, in the order they came in: what a follower prints next. */
  after(query: LogQuery, seq: number): readonly HeldRow[] {
    const matches = matcherOf(query, this.#rawOf);
    return this.#rows.filter((row) => row.seq > seq && matches(row)).sort((a, b) => a.seq - b.seq);
  }

  /** Counts the record on its twin, which stands in the view or among the `fresh` rows about to go there. */
  #foldDuplicate(origin: LogOrigin, record: LogRecord, fresh: HeldRow[]): boolean {
    if (record.at === undefined) return false;
    const key = duplicateKey(origin, record);
    const twin = this.#recent.get(key);
    if (!twin || Math.abs((twin.at ?? 0) - record.at) > DUPLICATE_WINDOW_MS) return false;
    // From the end: twins are neighbours.
    const among = fresh.lastIndexOf(twin);
    const rows = among === -1 ? this.#rows : fresh;
    const index = among === -1 ? indexOf(rows, twin) : among;
    if (rows[index]?.seq !== twin.seq) return false;
    this.#seq += 1;
    const other = { ...origin, offset: record.offset };
    const folded: HeldRow = { ...foldedRow(twin, other), ...(twin.level ? {} : levelOf(record)) };
    rows[index] = folded;
    if (among === -1) for (const matching of this.#matchings) matching.replace(folded);
    this.#recent.set(key, folded);
    return true;
  }

  #insert(rows: HeldRow[]): void {
    if (rows.length === 0) return;
    rows.sort(compareRows);
    insertSorted(this.#rows, rows);
    for (const matching of this.#matchings) matching.add(rows);
    if (this.#rows.length <= MAX_FILED) return;
    const filed = this.#rows.filter(isFiled);
    if (filed.length > MAX_FILED) this.#trim(filed.slice(0, filed.length - MAX_FILED * (1 - TRIMMED)));
    if (this.#rows.length > MAX_ROWS)
      this.#trim(this.#rows.slice(0, this.#rows.length - MAX_ROWS * (1 - TRIMMED)));
  }

  /** These leave. What is left of a log is the end of it, without holes: a line that was written late may go earlier. */
  #trim(oldest: readonly HeldRow[]): void {
    const leaving = new Map<string, HeldRow>();
    for (const row of oldest) {
      if (row.file === undefined) continue;
      const log = logName(row);
      if (row.seq > (leaving.get(log)?.seq ?? 0)) leaving.set(log, row);
    }
    const gone = new Set(oldest);
    const before = this.#rows;
    this.#rows = before.filter(
      (row) => !gone.has(row) && (row.file === undefined || row.seq > (leaving.get(logName(row))?.seq ?? 0)),
    );
    this.#left += before.length - this.#rows.length;
    for (const [log, last] of leaving)
      if (last.file !== undefined) this.#since.set(log, sinceOf(last, last.file, last.offset + 1));
    const held = new Set(this.#rows);
    const left = new Set(before.filter((row) => !held.has(row)));
    for (const row of left) this.#raws.delete(row.seq);
    for (const matching of this.#matchings) matching.left(left, (row) => held.has(row), this.#since);
  }
}

/** Its line stands in a file that can be read again. */
function isFiled({ file, wiped }: HeldRow): boolean {
  return file !== undefined && wiped !== true;
}

/** One log through all its rotations. */
function logName({ system, source, path, log }: LogOrigin): string {
  return `${system}/${source}/${log ?? path}`;
}

function sinceOf(
  { system, source, path, log, sortAt }: LogOrigin & { readonly sortAt: Instant },
  file: string,
  offset: number,
): HeldSince {
  return { system, source, path: log ?? path, file, offset, sortAt };
}

function levelOf(record: LogRecord): Pick<LogRecord, 'level'> {
  return record.level ? { level: record.level } : {};
}

/** A jump far ahead that the next line takes back was no time of this log's clock: what follows is not late by it. */
function isSpike(
  records: readonly LogRecord[],
  index: number,
  at: number,
  latest: number | undefined,
): boolean {
  if (latest === undefined || at <= latest + SPIKE_MS) return false;
  const next = records.slice(index + 1).find((record) => record.at !== undefined)?.at;
  return next !== undefined && next < at - SPIKE_MS;
}

function duplicateKey(origin: LogOrigin, record: LogRecord): string {
  return `${origin.system}|${record.at}|${record.text}`;
}

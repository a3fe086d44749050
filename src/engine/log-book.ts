/**
 * The logs as one sequence by time: the newest rows in memory, as the kinds' parsers made them, and among and before
 * them what the files hold beside.
 */
import type { Masker } from '../acts/mask.ts';
import { instant } from '../domain/instant.ts';
import type { LogHistogram, LogLevel, LogPage, LogQuery, LogRow, PagePlace } from '../domain/log.ts';
import { isAtLeast } from '../domain/log.ts';
import { indexOfPlace } from '../domain/log-rows.ts';
import { withTwinsFolded } from '../domain/log-twins.ts';
import { levelOfNumber } from '../logs/line-reader.ts';
import type { HeldSince, LogStore } from '../logs/log-store.ts';
import type { LogPosition } from '../logs/log-view.ts';
import type { ArchivePage, LogArchive } from './log-archive.ts';
import { archivedPlace, fieldsIn } from './log-archive-rows.ts';
import type { AnswerOf, RequestOf } from './protocol.ts';

/** Rows of the archive come before those in memory of the same time: so far behind that time, in milliseconds, they end. */
const BEHIND_MS = 0.001;
/** How long one slice of a count takes. */
const SLICE_MS = 60;
/** Pages of the archive that are remembered: a window asks for the same one with each row that comes. */
const KEPT_PAGES = 24;

/** What a book is made of. */
export interface BookPorts {
  readonly store: LogStore;
  readonly archive: LogArchive;
  readonly masker: Masker;
  /** Whoever asks waits until the files were looked through; else what is not there yet is told when it is. */
  readonly waits: boolean;
  /** There is more to show than was told. */
  moved(): void;
}

interface KeptPage {
  page?: ArchivePage;
  /** The page ends where this begins. */
  readonly since: ReadonlyMap<string, HeldSince>;
  readonly stop: AbortController;
}

export class LogBook {
  readonly #ports: BookPorts;
  readonly #pages = new Map<string, KeptPage>();

  constructor(ports: BookPorts) {
    this.#ports = ports;
  }

  async page(query: LogQuery, at: PagePlace, count: number, signal?: AbortSignal): Promise<LogPage> {
    const { store, masker } = this.#ports;
    const page = await this.#pageOf(query, at, count, signal);
    const { fields = [] } = query;
    if (fields.length === 0) return page;
    const withFields = (row: LogRow): LogRow =>
      row.fields ? row : { ...row, fields: fieldsIn(masker, store.writtenOf(row), row.text, fields) };
    return { ...page, rows: page.rows.map(withFields) };
  }

  async #pageOf(query: LogQuery, at: PagePlace, count: number, signal?: AbortSignal): Promise<LogPage> {
    const { store, archive } = this.#ports;
    // Rows come and leave memory while the files are read: both parts of the page are of this moment.
    const { rows, since } = store.matching(query);
    const held = [...since.values()];
    const newest = archive.places.newest(held);
    if (newest === undefined) return store.page(query, at, count);
    const index = indexOfPlace(rows, at);
    const ofBefore = at === 'end' ? count : at === 'start' ? 0 : Math.floor(count / 2);
    const ofBehind = count - ofBefore;
    const before = rows.slice(Math.max(0, index - ofBefore), index);
    const behind = rows.slice(index, index + ofBehind);
    const wantsOlder = ofBefore > 0 && (before.length < ofBefore || (before[0]?.sortAt ?? 0) <= newest);
    const wantsNewer = ofBehind > 0 && timeOf(at) <= newest;
    const older = wantsOlder ? await this.#older(query, at, ofBefore, since, signal) : undefined;
    const newer = wantsNewer
      ? await archive.page(query, archiveAt(at), ofBehind, 'forward', signal, held)
      : undefined;
    const lines = query.context ?? 0;
    // Folded before they are cut: the twin of the last one shown may be the first that is not.
    const left = withTwinsFolded(
      merged(older?.rows ?? [], lines > 0 ? store.withContext(before, lines) : before),
    );
    const right = withTwinsFolded(
      merged(newer?.rows ?? [], lines > 0 ? store.withContext(behind, lines) : behind),
    );
    const ends = {
      start: older?.atStart === true && left.length <= ofBefore && before.length === index,
      end: newer?.atEnd !== false && right.length <= ofBehind && index + behind.length === rows.length,
    };
    const both = [...left.slice(Math.max(0, left.length - ofBefore)), ...right.slice(0, ofBehind)];
    return {
      rows: withTwinsFolded(both),
      atStart: at === 'start' || ends.start,
      atEnd: at === 'end' || ends.end,
    };
  }

  async find(
    query: LogQuery,
    from: PagePlace,
    direction: 1 | -1,
    signal?: AbortSignal,
  ): Promise<LogRow | undefined> {
    const { store, archive } = this.#ports;
    const { context: _none, ...alone } = query;
    const held = store.find(alone, from, direction);
    const newest = archive.places.newest();
    if (newest === undefined || (direction === 1 ? timeOf(from) > newest : held && held.sortAt > newest))
      return held;
    const way = direction === 1 ? 'forward' : 'backward';
    const page = await archive.page(alone, archiveAt(from, direction === 1), 1, way, signal);
    const [filed] = page.rows;
    if (!filed || !held) return filed ?? held;
    const isFiledFirst = filed.sortAt <= held.sortAt;
    return isFiledFirst === (direction === 1) ? filed : held;
  }

  /** In slices, the first of them for what is in memory. */
  async count({ query, behind, from }: RequestOf<'count'>, signal?: AbortSignal): Promise<AnswerOf<'count'>> {
    const { store, archive } = this.#ports;
    if (from === undefined) {
      const hits = store.count(query, behind);
      const newest = archive.places.newest();
      if (newest === undefined || (behind && behind.sortAt > newest)) return { hits, share: 1 };
      const at = behind ? archiveAt(behind, true) : 'start';
      return { hits, next: JSON.stringify(at), share: 0 };
    }
    const found = await archive.count(query, JSON.parse(from) as LogPosition, SLICE_MS, signal);
    const { count: hits, share } = found;
    return found.isAll ? { hits, share: 1 } : { hits, share, next: JSON.stringify({ gap: found.rest }) };
  }

  async histogram(
    { query, since, until, spans }: RequestOf<'histogram'>,
    signal?: AbortSignal,
  ): Promise<LogHistogram> {
    const { store, archive } = this.#ports;
    const from = Math.max(since ?? -Infinity, query.since ?? -Infinity);
    const to = Math.min(until ?? Infinity, query.until ?? Infinity);
    if (archive.places.newest() === undefined)
      return store.histogram(query, { since: from, until: to, spans });
    const range = {
      ...(Number.isFinite(from) ? { since: from } : {}),
      ...(Number.isFinite(to) ? { until: to } : {}),
    };
    const index = await archive.histogram(query, { ...range, spans }, signal);
    const { minLevel = 'debug', grep, keys, files, filter = [] } = query;
    const all = new Map<number, { [L in LogLevel]: number }>();
    const add = (at: number, level: LogLevel | undefined, count: number): void => {
      if (count === 0 || !isAtLeast(level, minLevel)) return;
      const counts = all.get(at) ?? { debug: 0, info: 0, warning: 0, error: 0 };
      counts[level ?? 'info'] += count;
      all.set(at, counts);
    };
    for (const span of index.spans)
      for (const [number, count] of span.counts.entries()) add(span.from, levelOfNumber(number), count);
    for (const { sortAt, level, count = 1 } of store.unfiled(query, archive.places.isKept()))
      if (sortAt >= from && sortAt < to) add(Math.floor(sortAt / index.spanMs) * index.spanMs, level, count);
    const isOfLines =
      [grep, keys, files].some((part) => part !== undefined) ||
      filter.some(({ is }) => is !== 'system' && is !== 'source' && is !== 'log');
    return {
      spanMs: index.spanMs,
      spans: [...all].sort(([a], [b]) => a - b).map(([at, counts]) => ({ from: instant(at), counts })),
      untimed: index.untimed,
      isComplete: index.isComplete,
      of: isOfLines ? 'logs' : 'query',
    };
  }

  close(): void {
    for (const { stop } of this.#pages.values()) stop.abort();
  }

  /** Rows of the archive before a place; undefined while they are looked for and nobody waits. */
  async #older(
    query: LogQuery,
    at: PagePlace,
    count: number,
    since: ReadonlyMap<string, HeldSince>,
    signal: AbortSignal | undefined,
  ): Promise<ArchivePage | undefined> {
    const { archive, waits, moved } = this.#ports;
    const ask = (stop: AbortSignal | undefined): Promise<ArchivePage> =>
      archive.page(query, archiveAt(at), count, 'backward', stop, [...since.values()]);
    // Who follows sees what comes at once; who stands still waits for all there is beside the row.
    if (waits || at !== 'end') return ask(signal);
    const name = JSON.stringify([query, count]);
    const known = this.#pages.get(name);
    if (known?.since === since) return known.page;
    const kept: KeptPage = { since, stop: new AbortController() };
    // Nobody looks at another query any more, nor at this one as it was.
    known?.stop.abort();
    this.#pages.delete(name);
    for (const [other, { page, stop }] of this.#pages) {
      if (page) continue;
      stop.abort();
      this.#pages.delete(other);
    }
    this.#pages.set(name, kept);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= KEPT_PAGES) break;
      this.#pages.delete(oldest);
    }
    ask(kept.stop.signal).then(
      (page) => {
        kept.page = page;
        moved();
      },
      () => {
        if (this.#pages.get(name) === kept) this.#pages.delete(name);
      },
    );
    return undefined;
  }
}

function timeOf(at: PagePlace): number {
  if (typeof at === 'string') return at === 'start' ? -Infinity : Infinity;
  return 'time' in at ? at.time : at.sortAt;
}

/** A place among the rows of the archive: before the row that is meant, or behind it. */
function archiveAt(at: PagePlace, isBehind = false): LogPosition {
  if (typeof at === 'string') return at;
  if ('time' in at) return at;
  const place = archivedPlace(at.id);
  if (!place) return { time: at.sortAt + BEHIND_MS };
  return isBehind ? { place, side: 'behind' } : { place };
}

/** Two ordered lists as one. */
function merged(filed: readonly LogRow[], held: readonly LogRow[]): readonly LogRow[] {
  if (filed.length === 0) return held;
  const rows: LogRow[] = [];
  let at = 0;
  for (const row of filed) {
    for (let next = held[at]; next && next.sortAt < row.sortAt; next = held[at]) {
      rows.push(next);
      at += 1;
    }
    rows.push(row);
  }
  return [...rows, ...held.slice(at)];
}

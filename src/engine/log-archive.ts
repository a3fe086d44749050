/**
 * What the logs hold that is not in memory: all before the lines that were read at first, what was rotated away before,
 * compressed or not. It is read by the log engine, which is started when something of it is wanted.
 */
import type { Masker } from '../acts/mask.ts';
import type { LogFile, LogQuery, LogRow } from '../domain/log.ts';
import type { LogAnswer, LogCallName, LogHistogram, LogPort, LogRequest } from '../logs/log-protocol.ts';
import type { HeldSince } from '../logs/log-store.ts';
import type { LogCount, LogGap, LogLimits, LogPosition } from '../logs/log-view.ts';
import { filterOf, wantedLogs } from './log-archive-query.ts';
import { logOfId, rowsOfLines } from './log-archive-rows.ts';
import { LogPlaces, type PlacePorts } from './log-places.ts';

/** What an archive works with. */
export interface ArchivePorts extends PlacePorts {
  open(): Promise<LogPort>;
  readonly masker: Masker;
}

/** Rows of the archive, oldest first. */
export interface ArchivePage {
  readonly rows: readonly LogRow[];
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

export class LogArchive {
  /** Where what is asked for lies. */
  readonly places: LogPlaces;
  readonly #ports: ArchivePorts;
  #port: Promise<LogPort> | undefined;

  constructor(ports: ArchivePorts) {
    this.#ports = ports;
    this.places = new LogPlaces(ports);
  }

  /** A page of what lies before `since`, by default before what is in memory now. */
  async page(
    query: LogQuery,
    at: LogPosition,
    rows: number,
    way: 'forward' | 'backward',
    signal?: AbortSignal,
    since?: Iterable<HeldSince>,
  ): Promise<ArchivePage> {
    const { context, fields = [] } = query;
    const also = {
      ...(context ? { context } : {}),
      ...(fields.length > 0 ? { written: true as const } : {}),
    };
    const wanted = { at, rows, way, filter: filterOf(query, this.places.ids), ...also };
    const isKept = (file: string): boolean => this.places.isKeptFile(file);
    const page = await this.#ask('page', (limits) => ({ ...wanted, limits }), signal, since);
    return {
      rows: rowsOfLines(page.lines, { masker: this.#ports.masker, fields, isKept }),
      atStart: page.atStart,
      atEnd: page.atEnd,
    };
  }

  /** Rows that match, counted for so long. */
  count(query: LogQuery, at: LogGap | LogPosition, mostMs: number, signal?: AbortSignal): Promise<LogCount> {
    const wanted = {
      way: 'forward',
      filter: filterOf(query, this.places.ids),
      most: Number.MAX_SAFE_INTEGER,
      mostMs,
    } as const;
    const position = isPosition(at) ? at : { gap: at };
    return this.#ask('count', (limits) => ({ ...wanted, at: position, limits }), signal);
  }

  /** All records of the logs a query wants, those in memory too, from the index. */
  histogram(
    query: LogQuery,
    spans: { readonly since?: number; readonly until?: number; readonly spans: number },
    signal?: AbortSignal,
  ): Promise<LogHistogram> {
    const logs = wantedLogs(query, this.places.ids);
    // What is in memory is counted from the files too, to their ends.
    this.places.lookAgain(logs);
    return this.#ask('histogram', () => ({ ...spans, logs }), signal);
  }

  async files(
    query: LogQuery,
    signal?: AbortSignal,
  ): Promise<{ readonly files: readonly LogFile[]; readonly problems: readonly string[] }> {
    const { parts, problems } = await this.#ask(
      'parts',
      () => ({ logs: wantedLogs(query, this.places.ids) }),
      signal,
    );
    const files = parts.map((part): LogFile => {
      const { system, source, path } = logOfId(part.log);
      const { name, sizeBytes, isCompressed, lines, problem } = part;
      return {
        ...{ system, source, path, name: this.#ports.masker.name(name), sizeBytes, isCompressed, lines },
        indexed: part.blocks === 0 ? 1 : part.knownBlocks / part.blocks,
        ...(problem === undefined ? {} : { problem: this.#ports.masker.text(problem) }),
      };
    });
    return { files, problems: problems.map((problem) => this.#ports.masker.text(problem)) };
  }

  async close(): Promise<void> {
    await (await this.#port?.catch(() => undefined))?.close();
  }

  /** Asks once the logs there are were looked at; once more where a file went away meanwhile. */
  async #ask<C extends LogCallName>(
    name: C,
    request: (limits: LogLimits) => LogRequest<C>,
    signal: AbortSignal | undefined,
    since?: Iterable<HeldSince>,
  ): Promise<LogAnswer<C>> {
    const held = [...(since ?? this.#ports.heldSince())];
    const port = await this.#ready(held);
    try {
      return await port.call(name, request(this.places.limits(held)), signal);
    } catch (error) {
      if (signal?.aborted || !/is gone$|is another file now$/.test((error as Error).message)) throw error;
      this.places.lookAgain(this.places.ids);
      await this.#ready(held);
      return await port.call(name, request(this.places.limits(held)), signal);
    }
  }

  async #ready(held: readonly HeldSince[]): Promise<LogPort> {
    this.#port ??= this.#ports.open();
    const port = await this.#port;
    const { moved, opened } = this.places.takeMoved(held);
    if (moved.length === 0) return port;
    if (opened) await port.call('open', { logs: opened });
    else await port.call('refresh', { logs: moved });
    const { parts } = await port.call('parts', { logs: moved });
    this.places.learn(parts);
    return port;
  }
}

function isPosition(at: LogGap | LogPosition): at is LogPosition {
  return typeof at === 'string' || 'time' in at || 'place' in at || 'gap' in at;
}

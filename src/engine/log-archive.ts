/**
 * What the logs hold that is not in memory: all before the lines that were read at first, what was rotated away before,
 * compressed or not. It is read by the log engine, which is started when something of it is wanted.
 */
import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Masker } from '../acts/mask.ts';
import type { SystemId } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import type { LogFile, LogQuery, LogRow } from '../domain/log.ts';
import { isPastOf } from '../lib/rotated-name.ts';
import type {
  KeptPart,
  LogAnswer,
  LogCallName,
  LogHistogram,
  LogPort,
  LogRequest,
  LogSpec,
} from '../logs/log-protocol.ts';
import type { HeldSince } from '../logs/log-store.ts';
import type { LogCount, LogGap, LogLimits, LogPosition } from '../logs/log-view.ts';
import { filterOf, wantedLogs } from './log-archive-query.ts';
import { logId, logOfId, rowsOfLines } from './log-archive-rows.ts';
import type { LogSpool } from './log-spool.ts';
import type { VolatileLog } from './log-volatile.ts';

/** Names files of whose content nothing is known any more: it is looked for by its time. */
const GONE = ':gone';

/** What an archive works with. */
export interface ArchivePorts {
  open(): Promise<LogPort>;
  readonly masker: Masker;
  /** From where on each log is in memory. */
  heldSince(): Iterable<HeldSince>;
  /** What is kept of logs that their writers empty. */
  readonly spool?: LogSpool;
}

/** Rows of the archive, oldest first. */
export interface ArchivePage {
  readonly rows: readonly LogRow[];
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

export class LogArchive {
  readonly #ports: ArchivePorts;
  readonly #specs = new Map<string, LogSpec>();
  /** Logs of which older parts lay beside them when they were found. */
  readonly #withPast = new Set<string>();
  /** Logs that their writers empty, and what is kept of each, as the log engine was told. */
  readonly #volatile = new Map<string, VolatileLog>();
  readonly #kept = new Map<string, readonly KeptPart[]>();
  /** Logs that were emptied since this began: what is kept of them lately is in memory too. */
  readonly #emptied = new Set<string>();
  /** Files of what is kept, as places name them. */
  #keptFiles: ReadonlySet<string> = new Set();
  /** Logs to be looked at again before something is asked. */
  readonly #moved = new Set<string>();
  /** By log and device: what a file's content is known by, wherever it goes. */
  readonly #keys = new Map<string, string>();
  /** By log and device: how long a file was when it was looked at. */
  readonly #sizes = new Map<string, number>();
  #port: Promise<LogPort> | undefined;
  #opened = 0;

  constructor(ports: ArchivePorts) {
    this.#ports = ports;
  }

  /**
   * A log was found, or its files were: it is looked at again before the next question. `path`: as its rows have it.
   * `volatile`: where its writer empties it.
   */
  note(path: string, spec: Omit<LogSpec, 'id' | 'kept'>, volatile?: VolatileLog): void {
    const id = logId(spec.system, spec.source, path);
    this.#moved.add(id);
    if (volatile) this.#volatile.set(id, volatile);
    this.#lookAtKept(id);
    if (this.#specs.has(id)) return;
    this.#specs.set(id, { id, ...spec });
    if (hasPast(spec.path)) this.#withPast.add(id);
  }

  /** What a file's content can be known by once its file was emptied. */
  frozen(system: SystemId, source: string, path: string, device: string): string {
    if (!/^\d+:\d+$/.test(device)) return device;
    const volatile = this.#volatile.get(logId(system, source, path));
    const kept = volatile && this.#ports.spool?.nameOf(volatile);
    if (kept !== undefined) {
      this.#emptied.add(logId(system, source, path));
      return kept;
    }
    return this.#keys.get(`${logId(system, source, path)}\n${device}`) ?? GONE;
  }

  /**
   * The newest time something of the archive may stand at; undefined: there is none, all is in memory. `since`: from where
   * on in each log that is, by default now.
   */
  newest(since: Iterable<HeldSince> = this.#ports.heldSince()): Instant | undefined {
    let newest: Instant | undefined;
    const emptied = new Set(this.#kept.keys());
    const note = (sortAt: Instant): void => {
      if (newest === undefined || sortAt > newest) newest = sortAt;
    };
    for (const held of since) {
      emptied.delete(logId(held.system, held.source, held.path));
      if (!this.#hasPast(held)) continue;
      note(held.sortAt);
      // A rotated part may be older than what was emptied before it was read.
      if (this.#beforeOf(held) !== undefined)
        for (const { until } of this.#kept.get(logId(held.system, held.source, held.path)) ?? [])
          note(until as Instant);
    }
    for (const log of emptied) for (const { until } of this.#kept.get(log) ?? []) note(until as Instant);
    return newest;
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
    const wanted = { at, rows, way, filter: filterOf(query, this.#ids), ...also };
    const isKept = (file: string): boolean => this.#keptFiles.has(file);
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
      filter: filterOf(query, this.#ids),
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
    const logs = wantedLogs(query, this.#ids);
    // What is in memory is counted from the files too, to their ends.
    for (const log of logs) this.#moved.add(log);
    return this.#ask('histogram', () => ({ ...spans, logs }), signal);
  }

  async files(
    query: LogQuery,
    signal?: AbortSignal,
  ): Promise<{ readonly files: readonly LogFile[]; readonly problems: readonly string[] }> {
    const { parts, problems } = await this.#ask(
      'parts',
      () => ({ logs: wantedLogs(query, this.#ids) }),
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

  /** Tells rows that were emptied away and whose lines are kept: they are counted with the files. */
  isKept(): (row: LogRow & { readonly file?: string }) => boolean {
    const known = new Map<string, boolean>();
    return ({ system, source, path, log, file }) => {
      const volatile = this.#volatile.get(logId(system, source, log ?? path));
      if (!volatile || file === undefined) return false;
      const key = `${volatile.file}\n${file}`;
      const is = known.get(key) ?? this.#ports.spool?.placeOf(volatile, file, 0) !== undefined;
      known.set(key, is);
      return is;
    };
  }

  #hasPast({ system, source, path, offset, file }: HeldSince): boolean {
    const log = logId(system, source, path);
    return offset > 0 || file === GONE || this.#withPast.has(log) || (this.#kept.get(log)?.length ?? 0) > 0;
  }

  /** The rotated part from which on a log is in memory, but for what is kept of it; see {@link LogSpec}. */
  #beforeOf({ system, source, path, file }: HeldSince): string | undefined {
    return /^\d+:\d+$/.test(file) && !this.#emptied.has(logId(system, source, path)) ? file : undefined;
  }

  /** Whether more is kept of a log than the log engine knows. */
  #lookAtKept(log: string): boolean {
    const volatile = this.#volatile.get(log);
    if (!volatile || !this.#ports.spool) return false;
    const parts = this.#ports.spool.parts(volatile);
    if (JSON.stringify(parts) === JSON.stringify(this.#kept.get(log) ?? [])) return false;
    this.#kept.set(log, parts);
    this.#opened = 0;
    return true;
  }

  get #ids(): readonly string[] {
    return [...this.#specs.keys()];
  }

  #limits(since: Iterable<HeldSince>): LogLimits {
    const limits: { [log: string]: LogLimits[string] } = {};
    // Of a log that is empty now nothing is in memory.
    for (const log of this.#kept.keys())
      limits[log] = { file: GONE, offset: 0, sortAt: Number.MAX_SAFE_INTEGER };
    for (const { system, source, path, file, offset, sortAt } of since) {
      const log = logId(system, source, path);
      if (!this.#specs.has(log)) continue;
      const volatile = this.#volatile.get(log);
      const kept = volatile && this.#ports.spool?.placeOf(volatile, file, offset);
      const part = kept && this.#keys.get(`${log}\n${kept.path}`);
      if (kept && part !== undefined) {
        limits[log] = { file: part, offset: kept.offset, sortAt };
        continue;
      }
      const key = /^\d+:\d+$/.test(file) ? (this.#keys.get(`${log}\n${file}`) ?? `${file}:`) : file;
      limits[log] = { file: key, offset, sortAt };
    }
    return limits;
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
      return await port.call(name, request(this.#limits(held)), signal);
    } catch (error) {
      if (signal?.aborted || !/is gone$|is another file now$/.test((error as Error).message)) throw error;
      for (const log of this.#specs.keys()) this.#moved.add(log);
      await this.#ready(held);
      return await port.call(name, request(this.#limits(held)), signal);
    }
  }

  async #ready(held: readonly HeldSince[]): Promise<LogPort> {
    this.#port ??= this.#ports.open();
    const port = await this.#port;
    // What has left memory since a log was looked at came after that.
    for (const { system, source, path, file, offset } of held) {
      const log = logId(system, source, path);
      if (this.#specs.has(log) && offset > (this.#sizes.get(`${log}\n${file}`) ?? offset))
        this.#moved.add(log);
    }
    for (const log of this.#volatile.keys()) if (this.#lookAtKept(log)) this.#moved.add(log);
    if (this.#moved.size === 0) return port;
    const moved = [...this.#moved];
    this.#moved.clear();
    if (this.#opened < this.#specs.size) {
      this.#opened = this.#specs.size;
      const befores = new Map<string, string | undefined>();
      for (const one of this.#ports.heldSince())
        befores.set(logId(one.system, one.source, one.path), this.#beforeOf(one));
      const logs = [...this.#specs.values()].map((spec) => {
        const keptBefore = befores.get(spec.id);
        return {
          ...spec,
          kept: this.#kept.get(spec.id) ?? [],
          ...(keptBefore === undefined ? {} : { keptBefore }),
        };
      });
      await port.call('open', { logs });
    } else await port.call('refresh', { logs: moved });
    const { parts } = await port.call('parts', { logs: moved });
    const ours = new Set([...this.#kept.values()].flat().map(({ path }) => path));
    for (const { log, device, file, path, sizeBytes } of parts) {
      this.#sizes.set(`${log}\n${device}`, sizeBytes);
      this.#keys.set(`${log}\n${ours.has(path) ? path : device}`, file);
      if (ours.has(path)) this.#keptFiles = new Set(this.#keptFiles).add(file);
    }
    return port;
  }
}

/** Whether older parts of a log lie beside it. */
function hasPast(path: string): boolean {
  const base = basename(path);
  try {
    return readdirSync(dirname(path)).some((name) => isPastOf(base, name.replace(/\.gz$/, '')));
  } catch {
    return false;
  }
}

function isPosition(at: LogGap | LogPosition): at is LogPosition {
  return typeof at === 'string' || 'time' in at || 'place' in at || 'gap' in at;
}

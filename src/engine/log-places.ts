/** Where the rows of each log lie: from where on they are in memory, and which files hold those before. */
import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { SystemId } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import type { LogRow } from '../domain/log.ts';
import { isPastOf } from '../lib/rotated-name.ts';
import type { KeptPart, LogAnswer, LogSpec } from '../logs/log-protocol.ts';
import type { HeldSince } from '../logs/log-store.ts';
import type { LogLimits } from '../logs/log-view.ts';
import { logId } from './log-archive-rows.ts';
import type { LogSpool } from './log-spool.ts';
import type { VolatileLog } from './log-volatile.ts';

/** Names files of whose content nothing is known any more: it is looked for by its time. */
const GONE = ':gone';

/** What is asked about memory and what is kept. */
export interface PlacePorts {
  /** From where on each log is in memory. */
  heldSince(): Iterable<HeldSince>;
  /** What is kept of logs that their writers empty. */
  readonly spool?: LogSpool;
}

/** Knows logs by their ids, files by device and inode, and by what they hold once those are gone. */
export class LogPlaces {
  readonly #ports: PlacePorts;
  readonly #specs = new Map<string, LogSpec>();
  /** Logs of which older parts lay beside them when they were found. */
  readonly #withPast = new Set<string>();
  /** Logs that their writers empty, and what is kept of each, as the log engine was told. */
  readonly #volatile = new Map<string, VolatileLog>();
  readonly #kept = new Map<string, readonly KeptPart[]>();
  /** Logs that were emptied since this began: what is kept of them lately is in memory too. */
  readonly #emptied = new Set<string>();
  /** Files of what is kept, as places name them. */
  readonly #keptFiles = new Set<string>();
  /** Logs to be looked at again before something is asked. */
  readonly #moved = new Set<string>();
  /** By log and device: what a file's content is known by, wherever it goes. */
  readonly #keys = new Map<string, string>();
  /** By log and device: how long a file was when it was looked at. */
  readonly #sizes = new Map<string, number>();
  /** How many logs the log engine was told of. */
  #opened = 0;

  constructor(ports: PlacePorts) {
    this.#ports = ports;
  }

  /** All logs there are. */
  get ids(): readonly string[] {
    return [...this.#specs.keys()];
  }

  /** These are looked at again before the next question. */
  lookAgain(logs: Iterable<string>): void {
    for (const log of logs) this.#moved.add(log);
  }

  /** Whether a file, as places name it, holds what a writer emptied away. */
  isKeptFile(file: string): boolean {
    return this.#keptFiles.has(file);
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

  /** For the log engine: up to where it reads each log, what follows being in memory. */
  limits(since: Iterable<HeldSince>): LogLimits {
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

  /**
   * The logs to be looked at before a question about what lies before `held`; each is named once. `opened`: all logs, where
   * the log engine is to be told of them anew.
   */
  takeMoved(held: readonly HeldSince[]): {
    readonly moved: readonly string[];
    readonly opened?: readonly LogSpec[];
  } {
    // What has left memory since a log was looked at came after that.
    for (const { system, source, path, file, offset } of held) {
      const log = logId(system, source, path);
      if (this.#specs.has(log) && offset > (this.#sizes.get(`${log}\n${file}`) ?? offset))
        this.#moved.add(log);
    }
    for (const log of this.#volatile.keys()) if (this.#lookAtKept(log)) this.#moved.add(log);
    const moved = [...this.#moved];
    this.#moved.clear();
    if (moved.length === 0 || this.#opened >= this.#specs.size) return { moved };
    this.#opened = this.#specs.size;
    const befores = new Map<string, string | undefined>();
    for (const one of this.#ports.heldSince())
      befores.set(logId(one.system, one.source, one.path), this.#beforeOf(one));
    const opened = [...this.#specs.values()].map((spec) => {
      const keptBefore = befores.get(spec.id);
      const kept = this.#kept.get(spec.id) ?? [];
      return { ...spec, kept, ...(keptBefore === undefined ? {} : { keptBefore }) };
    });
    return { moved, opened };
  }

  /** The files of some logs, as the log engine found them. */
  learn(parts: LogAnswer<'parts'>['parts']): void {
    const ours = new Set([...this.#kept.values()].flat().map(({ path }) => path));
    for (const { log, device, file, path, sizeBytes } of parts) {
      this.#sizes.set(`${log}\n${device}`, sizeBytes);
      this.#keys.set(`${log}\n${ours.has(path) ? path : device}`, file);
      if (ours.has(path)) this.#keptFiles.add(file);
    }
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

/**
 * Keeps how far the logs of one system were read, together with what was made of their bytes. What moved is committed
 * as a whole, a moment later: a reader that is killed in between reads the same bytes again, and makes the same of them.
 */
import { createHash } from 'node:crypto';
import type { Masker } from '../acts/mask.ts';
import { isBusy } from '../db/busy.ts';
import type { KeptLog, PositionStore } from '../db/positions.ts';
import { messageOf } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import type { LogRow } from '../domain/log.ts';
import type { Clock } from '../host/clock.ts';
import type { IngestEvent, ResumeFrom } from '../ingest/ingest.ts';
import { type LogPosition, maskPosition, POSITION_FORM } from '../ingest/log-position.ts';
import { getField, isObject, type Json } from '../lib/json.ts';
import type { Located, Parser, SourceSpec } from '../systems/system.ts';
import type { KeptFile } from './fact-store.ts';

/** Logs written in one transaction: 200 take about 15 ms. */
const BATCH = 200;
const NEXT_BATCH_MS = 5;
const BUSY_MS = 20;
const RETRY_MS = 1_000;

/** What a keeper works with. */
export interface KeeperOptions {
  readonly store: PositionStore;
  readonly located: Located;
  readonly parsers: { readonly [name: string]: Parser };
  readonly clock: Clock;
  readonly masker: Masker;
  /** How long what moved may wait for its commit, in milliseconds. */
  readonly delayMs: number;
  /** About so much of each log is told again when it is read on; see {@link ResumeFrom}. */
  readonly replayBytes: number;
  /**
   * What was made of the bytes must be there to go on: where another version made it, the log is read anew. Else only
   * the place counts.
   */
  readonly needsFacts: boolean;
  /** Whether this process is the one that writes. */
  mayCommit(): boolean;
  /** What is handed on of a row, when anything is. */
  lineOf?(row: ReadRow): string | undefined;
  /** Something was committed. */
  onCommit?(): void;
}

/** What a keeper asks of the watch it keeps for, between two looks. */
export interface KeptWatch {
  position(source: string, path: string): LogPosition | undefined;
  keep(source: string, path: string): KeptFile | undefined;
  spec(source: string): SourceSpec | undefined;
}

/** A row as it was read, which has no place in a view. */
export type ReadRow = Omit<LogRow, 'id'>;

/** Before it is known where it sorts. */
export type UnplacedRow = Omit<LogRow, 'id' | 'seq' | 'sortAt'>;

interface Dirty {
  readonly source: string;
  readonly path: string;
  readonly lines: string[];
}

export class PositionKeeper {
  readonly #options: KeeperOptions;
  readonly #loaded: readonly KeptLog[];
  readonly #dirty = new Map<string, Dirty>();
  /** Per log: when the last line was written that says so. */
  readonly #lastAt = new Map<string, Instant>();
  #watch: KeptWatch | undefined;
  #cancel: (() => void) | undefined;
  #trouble: string | undefined;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    const { system, root } = options.located;
    this.#loaded = options.store.load({ system, root });
  }

  /** Rows are handed on: each once, in the order in which they were read. */
  get handsOn(): boolean {
    return this.#options.lineOf !== undefined;
  }

  /** Why nothing can be committed; undefined while all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** What the ingest goes on from. */
  get resume(): ResumeFrom {
    return {
      replayBytes: this.#options.replayBytes,
      positions: (source) =>
        new Map(this.#usable(source).map((log) => [log.path, log.position as unknown as LogPosition])),
    };
  }

  /** What was made of a log's bytes before its position. */
  kept(source: string, path: string): KeptFile | undefined {
    const log = this.#usable(source).find((one) => one.path === path);
    const kept = log && this.#stamp(source) === log.stamp ? log.kept : undefined;
    return isObject(kept) && isObject(kept['facts']) ? (kept as unknown as KeptFile) : undefined;
  }

  attach(watch: KeptWatch): void {
    this.#watch = watch;
  }

  /** Takes note of what was told of a log. `rows`: what came of it, as it may be told. */
  took(event: IngestEvent, rows: readonly UnplacedRow[]): void {
    if (event.type === 'processes' || event.type === 'status' || event.type === 'failed') return;
    if (this.#watch?.spec(event.source)?.type !== 'log') return;
    const key = `${event.source}\n${event.path}`;
    let dirty = this.#dirty.get(key);
    if (!dirty) {
      dirty = { source: event.source, path: event.path, lines: [] };
      this.#dirty.set(key, dirty);
    }
    if (this.#options.lineOf && !(event.type === 'chunk' && event.known))
      this.#addLines(key, dirty, event, rows);
    this.#commitIn(this.#options.delayMs);
  }

  /** Commits what waits. False when something could not be. */
  flush(): boolean {
    this.#cancel?.();
    this.#cancel = undefined;
    while (this.#dirty.size > 0) if (!this.#commitBatch()) return false;
    return true;
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
  }

  #addLines(
    key: string,
    dirty: Dirty,
    event: Exclude<IngestEvent, { type: 'processes' | 'status' }>,
    rows: readonly UnplacedRow[],
  ): void {
    let lastAt = this.#lastAt.get(key) ?? rows.find((row) => row.at !== undefined)?.at ?? event.at;
    for (const row of rows) {
      lastAt = row.at ?? lastAt;
      const line = this.#options.lineOf?.({ ...row, seq: 0, sortAt: lastAt });
      if (line !== undefined) dirty.lines.push(line);
    }
    if (rows.length > 0) this.#lastAt.set(key, lastAt);
  }

  #commitIn(ms: number): void {
    if (this.#cancel || this.#closed) return;
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#cancel = undefined;
      if (this.#closed) return;
      const isDone = this.#commitBatch();
      if (this.#dirty.size > 0) this.#commitIn(isDone ? NEXT_BATCH_MS : this.#trouble ? RETRY_MS : BUSY_MS);
    });
  }

  #commitBatch(): boolean {
    const { store, located, clock, mayCommit, onCommit } = this.#options;
    if (!mayCommit()) return false;
    const batch = [...this.#dirty.entries()].slice(0, BATCH);
    const logs: KeptLog[] = [];
    const gone: Pick<KeptLog, 'source' | 'path'>[] = [];
    for (const [, dirty] of batch) {
      const log = this.#keptLog(dirty);
      if (log) logs.push(log);
      else gone.push(dirty);
    }
    try {
      const { system, root } = located;
      const lines = batch.flatMap(([, dirty]) => dirty.lines);
      store.commit({ of: { system, root }, logs, gone, lines }, clock.now());
    } catch (error) {
      this.#trouble = isBusy(error) ? undefined : messageOf(error);
      return false;
    }
    for (const [key] of batch) this.#dirty.delete(key);
    this.#trouble = undefined;
    onCommit?.();
    return true;
  }

  /** A log as it is kept; undefined for one that is not followed any more, or must be read anew next time. */
  #keptLog({ source, path }: Dirty): KeptLog | undefined {
    const position = this.#watch?.position(source, path);
    const { masker, needsFacts } = this.#options;
    // Under a name that may not be kept nothing is found again.
    if (!position || masker.name(path) !== path) return undefined;
    const made = this.#watch?.keep(source, path) as unknown as Json | undefined;
    // What holds a secret is not kept: masked it would no longer be what was made of the bytes.
    const kept = made !== undefined && masker.value(made) === made ? made : null;
    if (kept === null && needsFacts) return undefined;
    const masked = maskPosition(position, (text) => masker.text(text));
    return { source, path, stamp: this.#stamp(source), position: masked as unknown as Json, kept };
  }

  #usable(source: string): readonly KeptLog[] {
    const { needsFacts } = this.#options;
    const stamp = this.#stamp(source);
    return this.#loaded.filter(
      (log) =>
        log.source === source &&
        getField(log.position, 'form') === POSITION_FORM &&
        (!needsFacts || log.stamp === stamp),
    );
  }

  /** What facts of a source depend on beside its bytes. */
  #stamp(source: string): string {
    const spec = this.#watch?.spec(source);
    const { timezone, settings, extra } = this.#options.located;
    const version = spec === undefined ? undefined : this.#options.parsers[spec.parser]?.version;
    return createHash('sha256')
      .update(JSON.stringify([POSITION_FORM, spec, version, timezone, settings, extra]))
      .digest('hex');
  }
}

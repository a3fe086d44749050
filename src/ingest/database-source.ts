/** SQLite databases of watched systems, read from private copies so that their owners never notice. */
import { closeSync, type Stats } from 'node:fs';
import { instant } from '../domain/instant.ts';
import type { SourceStatus } from '../domain/source.ts';
import { explainFileError, openFile } from '../host/open-file.ts';
import type { QueryOutcome } from './database.ts';
import { absoluteGlob, fenceOf, tellPath } from './discover.ts';
import {
  FailureBook,
  gate,
  type ReaderContext,
  type SourceReader,
  type SpecOf,
  StatusKeeper,
  watchedBy,
} from './reader.ts';
import type { LookResult, Watched } from './schedule.ts';
import { copyDatabase, databaseState } from './sqlite-copy.ts';

/** Databases larger than this are not copied. */
const COPY_BYTES = 64 * 1024 * 1024;
/** Between two readings of a database that changes all the time: a multiple of what a reading costs, within bounds. */
const SHORTEST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5000;
const COST_FACTOR = 20;
/** A journal that stays that long was left by a crash or belongs to a long transaction: it is copied along. */
const JOURNAL_PATIENCE_MS = 500;
/** How long a first reading may be put off by a busy owner before the source says so. */
const BUSY_MS = 2000;

/** A `database` source. */
export function databaseReader(spec: SpecOf<'database'>, context: ReaderContext): SourceReader {
  return new DatabaseReader(spec, context);
}

class DatabaseReader implements SourceReader {
  readonly settled: Promise<void>;
  readonly #spec: SpecOf<'database'>;
  readonly #context: ReaderContext;
  readonly #path: string;
  readonly #told: string;
  readonly #keeper: StatusKeeper;
  readonly #failures: FailureBook;
  #shape: string | undefined;
  readonly #gate = gate();
  readonly #watched: Watched = watchedBy(() => this.#look());
  #signature: string | undefined;
  #isTold = false;
  #reading: Promise<void> | undefined;
  #notBefore = 0;
  #busySince: number | undefined;
  #closed = false;

  constructor(spec: SpecOf<'database'>, context: ReaderContext) {
    this.#spec = spec;
    this.#context = context;
    this.#path = absoluteGlob(context.root, spec.path);
    this.#told = tellPath(context.root, this.#path);
    this.#keeper = new StatusKeeper(spec, spec.path);
    this.#failures = new FailureBook(spec.id, context);
    this.settled = this.#gate.opened;
  }

  start(): void {
    this.#context.schedule.add(this.#watched);
    this.#context.watcher.watchFile(this.#path, this.#watched);
    this.#context.watcher.watchFile(`${this.#path}-wal`, this.#watched);
  }

  async refresh(): Promise<void> {
    await this.#reading;
    this.#signature = undefined;
    this.#notBefore = 0;
    const until = performance.now() + BUSY_MS;
    do {
      const looked = this.#look();
      await this.#reading;
      // Quiet: it is not there, and a busy owner is not what keeps it.
      if (looked === 'quiet' || this.#signature !== undefined || this.#failures.size > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    } while (performance.now() < until && !this.#closed);
  }

  status(): SourceStatus {
    const failure = this.#failures.first();
    if (failure) this.#keeper.set('error', failure[1]);
    else if (this.#keeper.items > 0) this.#keeper.set('fresh', this.#shape);
    else this.#keeper.set('waiting', `not there yet: ${this.#path}`);
    return this.#keeper.status();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#context.schedule.remove(this.#watched);
    this.#context.watcher.forget(this.#watched);
    await this.#reading;
    this.#gate.open();
  }

  #look(): LookResult {
    if (this.#reading) return 'again';
    let state: ReturnType<typeof databaseState>;
    try {
      state = databaseState(this.#path);
    } catch (error) {
      return this.#fail(explainFileError(error));
    }
    if (state.stat === undefined) return this.#missing();
    if (state.signature === this.#signature) {
      this.#keeper.lastReadAt = this.#context.options.clock.now();
      // A transaction that changed nothing is over: the next one is not a longer part of it.
      this.#busySince = undefined;
      return 'quiet';
    }
    const now = performance.now();
    if (now < this.#notBefore) return 'again';
    const { stat } = state;
    this.#reading = this.#read(state.signature, stat, state.wal)
      .catch((error: unknown) => void this.#fail(explainFileError(error)))
      .then(() => {
        this.#reading = undefined;
        const costMs = performance.now() - now;
        this.#notBefore =
          performance.now() + Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, costMs * COST_FACTOR));
        if (this.#busySince !== undefined) this.#notBefore = performance.now() + Math.max(10, costMs * 2);
        this.#context.touched();
      });
    return 'again';
  }

  async #read(signature: string, stat: Stats, wal: Stats | undefined): Promise<void> {
    const fence = fenceOf(this.#context.root, this.#spec.path, this.#context.options.allowOutside === true);
    const opened = openFile(this.#path, fence);
    if (!opened.ok) {
      if (!opened.missing) this.#fail(opened.error, signature);
      return;
    }
    closeSync(opened.descriptor);
    if (stat.size === 0 && wal === undefined) {
      this.#fail('empty: its owner has not created a table yet', signature);
      return;
    }
    if (stat.size + (wal?.size ?? 0) > COPY_BYTES) {
      await this.#readInPlace(signature, stat, wal);
      return;
    }
    const busyMs = this.#busySince === undefined ? 0 : performance.now() - this.#busySince;
    const copied = await copyDatabase(this.#path, busyMs > JOURNAL_PATIENCE_MS);
    if (this.#closed) return;
    switch (copied.state) {
      case 'missing':
        return;
      case 'failed':
        this.#fail(copied.error, signature);
        return;
      case 'busy':
        this.#busySince ??= performance.now();
        if (busyMs > BUSY_MS) {
          this.#fail(
            copied.journalHot
              ? 'locked: its owner is in a long transaction; the last state read is shown'
              : 'written to without a pause; the last state read is shown',
          );
          // What was read last is not what this is about: it is read again, whatever the files come back to.
          this.#signature = undefined;
        }
        return;
      case 'copied': {
        this.#busySince = undefined;
        // Loaded with the first database there really is.
        const { queryCopy } = await import('./database.ts');
        this.#deliver(queryCopy(copied.copy, this.#spec.queries), signature, stat, wal);
      }
    }
  }

  /**
   * One short connection to a database too large to copy. Only as its owner or root, and only while somebody has it
   * open in WAL mode: then nothing is created, and readers keep no writer waiting.
   */
  async #readInPlace(signature: string, stat: Stats, wal: Stats | undefined): Promise<void> {
    const uid = process.geteuid?.();
    const isInUse = wal !== undefined && databaseStatOf(`${this.#path}-shm`);
    const large = `larger than ${COPY_BYTES / 1024 / 1024} MiB`;
    if (uid !== 0 && uid !== stat.uid) {
      this.#fail(`${large}: only its owner (uid ${stat.uid}) or root may read it in place`, signature);
    } else if (!isInUse) {
      this.#fail(`${large} and not open in WAL mode: reading it in place would hold up its owner`, signature);
    } else {
      const { queryInPlace } = await import('./database.ts');
      this.#deliver(queryInPlace(this.#path, this.#spec.queries), signature, stat, wal);
    }
  }

  #deliver(outcome: QueryOutcome, signature: string, stat: Stats, wal: Stats | undefined): void {
    if (outcome.error !== undefined) {
      this.#fail(outcome.error, signature);
      return;
    }
    this.#signature = signature;
    this.#failures.clear(this.#told);
    this.#shape = shapeText(outcome.failed);
    const modifiedAt = instant(Math.max(stat.mtimeMs, wal?.mtimeMs ?? 0));
    const { clock } = this.#context.options;
    this.#keeper.items = Object.values(outcome.results).reduce((sum, rows) => sum + rows.length, 0) || 1;
    this.#keeper.lastReadAt = clock.now();
    this.#keeper.changed(modifiedAt);
    this.#context.emit({
      type: 'chunk',
      source: this.#spec.id,
      path: this.#told,
      chunk: { type: 'database', results: outcome.results, failed: outcome.failed },
      at: clock.now(),
      modifiedAt,
      ...(stat.birthtimeMs > 0 ? { bornAt: instant(stat.birthtimeMs) } : {}),
      sizeBytes: stat.size + (wal?.size ?? 0),
      fresh: !this.#isTold,
    });
    this.#isTold = true;
    this.#gate.open();
  }

  #missing(): LookResult {
    this.#busySince = undefined;
    this.#failures.clear(this.#told);
    if (this.#isTold) {
      this.#isTold = false;
      this.#signature = undefined;
      this.#keeper.items = 0;
      this.#context.emit({
        type: 'gone',
        source: this.#spec.id,
        path: this.#told,
        at: this.#context.options.clock.now(),
      });
    }
    this.#context.touched();
    this.#gate.open();
    return 'quiet';
  }

  /** With `signature` the failure belongs to this state of the files: it is not tried again until they move. */
  #fail(error: string, signature?: string): LookResult {
    if (signature !== undefined) this.#signature = signature;
    this.#failures.fail(this.#told, error);
    this.#gate.open();
    return 'quiet';
  }
}

/** A table may come later; a column that is not there is another shape than the one known, and worth a word. */
function shapeText(failed: QueryOutcome['failed']): string | undefined {
  const columns = Object.entries(failed).filter(([, reason]) => /column/.test(reason));
  if (columns.length === 0) return undefined;
  const what = columns.map(([query, reason]) => `${query}: ${reason}`).join('; ');
  return `of an older or newer shape than known, read as far as it goes (${what})`;
}

function databaseStatOf(path: string): boolean {
  return databaseState(path).stat !== undefined;
}

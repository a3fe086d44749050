/** Files that are rewritten whole, read so that a half-written state is never taken for the document. */
import type { Stats } from 'node:fs';
import { instant } from '../domain/instant.ts';
import type { SourceStatus } from '../domain/source.ts';
import { absoluteGlob } from './discover.ts';
import { DocumentFile, type DocumentSink } from './document-file.ts';
import { Places } from './places.ts';
import {
  FailureBook,
  gate,
  type ReaderContext,
  type SourceReader,
  type SpecOf,
  StatusKeeper,
  summarise,
  watchedBy,
} from './reader.ts';
import type { Watched } from './schedule.ts';
import { decodeDocument } from './stable-read.ts';

/** How long a refresh waits for files that are being written. */
const REFRESH_MS = 1000;
const MAX_BYTES = 8 * 1024 * 1024;
/** A `document` source. */
export function documentReader(spec: SpecOf<'document'>, context: ReaderContext): SourceReader {
  return new DocumentReader(spec, context);
}

class DocumentReader implements SourceReader, DocumentSink {
  readonly settled: Promise<void>;
  readonly failures: FailureBook;
  readonly maxBytes: number;
  readonly #spec: SpecOf<'document'>;
  readonly #context: ReaderContext;
  readonly #places: Places;
  readonly #keeper: StatusKeeper;
  readonly #files = new Map<string, { readonly file: DocumentFile; readonly watched: Watched }>();
  readonly #walk: Watched = watchedBy(() => this.#discover());
  readonly #gate = gate();
  #walked = false;
  #isSettled = false;

  constructor(spec: SpecOf<'document'>, context: ReaderContext) {
    this.#spec = spec;
    this.#context = context;
    this.maxBytes = spec.maxBytes ?? MAX_BYTES;
    this.#keeper = new StatusKeeper(spec, spec.glob);
    this.failures = new FailureBook(spec.id, context);
    this.#places = new Places(spec.glob, 'file', context, this.failures);
    this.settled = this.#gate.opened;
  }

  start(): void {
    this.#context.schedule.add(this.#walk);
  }

  async refresh(): Promise<void> {
    this.#discover();
    const until = performance.now() + REFRESH_MS;
    for (const { file } of this.#files.values()) {
      file.forget();
      while (file.look() === 'again' && performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  status(): SourceStatus {
    this.#keeper.items = [...this.#files.values()].filter(({ file }) => file.present).length;
    summarise(this.#keeper, this.failures, absoluteGlob(this.#context.options.root, this.#spec.glob));
    return this.#keeper.status();
  }

  close(): void {
    this.#context.schedule.remove(this.#walk);
    this.#context.watcher.forget(this.#walk);
    for (const { watched } of this.#files.values()) {
      this.#context.schedule.remove(watched);
      this.#context.watcher.forget(watched);
    }
    this.#files.clear();
    this.#gate.open();
  }

  deliver(path: string, bytes: Buffer, stat: Stats, fresh: boolean): void {
    const modifiedAt = instant(stat.mtimeMs);
    this.#keeper.changed(modifiedAt);
    this.#context.emit({
      type: 'chunk',
      source: this.#spec.id,
      path,
      chunk: { type: 'document', text: decodeDocument(bytes) },
      at: this.#context.options.clock.now(),
      modifiedAt,
      ...(stat.birthtimeMs > 0 ? { bornAt: instant(stat.birthtimeMs) } : {}),
      sizeBytes: stat.size,
      fresh,
    });
    this.#context.touched();
  }

  tellGone(path: string): void {
    this.#context.emit({ type: 'gone', source: this.#spec.id, path, at: this.#context.options.clock.now() });
    this.#context.touched();
  }

  #discover(): 'quiet' {
    const found = this.#places.look(this.#walk, (path, there) =>
      there.found.some((one) => one.path === path),
    )?.found;
    this.#noteRead();
    if (found === undefined) {
      this.#dropGone();
      return 'quiet';
    }
    for (const { path, raw } of found) {
      if (this.#files.has(path)) continue;
      const file = new DocumentFile(path, raw, this.#places.fence, this);
      const watched = watchedBy(() => {
        const result = file.look();
        this.#noteRead();
        if (!this.#isSettled) this.#checkSettled();
        return result;
      });
      this.#files.set(path, { file, watched });
      this.#context.schedule.add(watched);
      this.#context.watcher.watchFile(raw, watched);
    }
    this.#dropGone();
    this.#walked = true;
    this.#noteRead();
    if (!this.#isSettled) this.#checkSettled();
    return 'quiet';
  }

  #dropGone(): void {
    const there = new Set(this.#places.found.map(({ path }) => path));
    for (const [path, { file, watched }] of this.#files) {
      if (there.has(path) || file.present) continue;
      this.#context.schedule.remove(watched);
      this.#context.watcher.forget(watched);
      this.#files.delete(path);
    }
  }

  /** The source as a whole was read: not before everything that was there at first was. */
  #noteRead(): void {
    if (this.#isSettled) this.#keeper.lastReadAt = this.#context.options.clock.now();
  }

  #checkSettled(): void {
    if (!this.#walked) return;
    for (const { file } of this.#files.values()) if (!file.settled) return;
    this.#isSettled = true;
    this.#noteRead();
    this.#context.touched();
    this.#gate.open();
  }
}

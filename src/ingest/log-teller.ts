import { fstatSync, type Stats } from 'node:fs';
import { type Instant, instant } from '../domain/instant.ts';
import type { Generation } from './generation.ts';
import type { IngestEvent } from './ingest.ts';
import type { SplitLine } from './line-splitter.ts';
import type { LostGeneration } from './log-rotation.ts';
import type { ReaderContext } from './reader.ts';

/** Whose events are told. */
interface TellerOptions {
  readonly source: string;
  readonly context: Pick<ReaderContext, 'emit' | 'options'>;
  onProgress(at: Instant | undefined): void;
}

type Chunk = Extract<IngestEvent, { readonly type: 'chunk' }>;

/** Tells what became of one log, as events of its path. */
export class LogTeller {
  readonly #path: string;
  readonly #options: TellerOptions;

  constructor(path: string, options: TellerOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Lines just read. */
  lines(generation: Generation, lines: readonly SplitLine[]): void {
    const { fresh } = generation;
    // An emptied file is told of when bytes come; a new one at once, so that its being there is known.
    if (lines.length === 0 && (!fresh || generation.restarted)) return;
    // A position that is asked for while this is told is behind it.
    generation.fresh = false;
    this.#chunk(generation, lines, { fresh, partial: fresh && generation.partial });
  }

  /** Lines an earlier run has told. */
  again(generation: Generation, lines: readonly SplitLine[], partial: boolean): void {
    // Lines without a time stand at the file's, not at that of a restart.
    const stat = fstatSync(generation.descriptor);
    this.#chunk(generation, lines, { fresh: true, partial, known: true }, stat);
  }

  /** The end of a log that is about to be read. */
  ahead(generation: Generation, lines: readonly SplitLine[]): void {
    if (lines.length > 0)
      this.#chunk(generation, lines, { fresh: true, partial: true, known: true, ahead: true });
  }

  /** The line its writer has not finished, if there is one. */
  flush(generation: Generation, unfinished: boolean): void {
    const lines: SplitLine[] = [];
    generation.splitter.flush(lines, unfinished);
    if (lines.length > 0) this.lines(generation, lines);
  }

  resumed(stat: Stats): void {
    this.#options.context.emit({ type: 'resumed', ...this.#place(), ...factsOfFile(stat) });
  }

  /** What an earlier run had begun to read and is nowhere any more: its unfinished line, and where it ended. */
  lost({ saved: { offset, rest, splitter }, isGap }: LostGeneration): void {
    if (rest !== undefined) {
      const line = { text: rest, offset: offset - splitter.heldBytes, cut: true } as const;
      const chunk = { type: 'lines', lines: [line] } as const;
      this.#options.context.emit({ type: 'chunk', ...this.#place(), chunk, fresh: false });
    }
    if (isGap)
      this.gap(offset, 'removed or rewritten while nobody watched: what was written behind is not known');
  }

  gap(offset: number, reason: string, rotated?: string): void {
    const part = rotated === undefined ? {} : { rotated };
    this.#options.context.emit({ type: 'gap', ...this.#place(), offset, reason, ...part });
  }

  wiped(readBytes: number): void {
    this.#options.context.emit({ type: 'wiped', ...this.#place(), readBytes });
  }

  gone(): void {
    this.#options.context.emit({ type: 'gone', ...this.#place() });
  }

  #chunk(
    { stat, rotated, key }: Generation,
    lines: readonly SplitLine[],
    {
      fresh,
      partial,
      known,
      ahead,
    }: Pick<Chunk, 'fresh' | 'known' | 'ahead'> & { readonly partial: boolean },
    times = stat,
  ): void {
    const file = factsOfFile(times);
    this.#options.context.emit({
      type: 'chunk',
      ...this.#place(),
      chunk: partial ? { type: 'lines', lines, partial: true } : { type: 'lines', lines },
      ...file,
      fresh,
      file: key,
      ...(rotated === undefined ? {} : { rotated }),
      ...(known ? { known } : {}),
      ...(ahead ? { ahead } : {}),
    });
    this.#options.onProgress(file.modifiedAt);
  }

  #place(): Pick<Chunk, 'source' | 'path' | 'at'> {
    const { source, context } = this.#options;
    return { source, path: this.#path, at: context.options.clock.now() };
  }
}

/** What is told of a file beside its lines. After a restart of its reading its times are not known. */
function factsOfFile({ mtimeMs, birthtimeMs, size }: Pick<Stats, 'mtimeMs' | 'birthtimeMs' | 'size'>): Pick<
  Chunk,
  'modifiedAt' | 'bornAt'
> & {
  readonly sizeBytes: number;
} {
  return {
    ...(mtimeMs > 0 ? { modifiedAt: instant(mtimeMs) } : {}),
    ...(birthtimeMs > 0 ? { bornAt: instant(birthtimeMs) } : {}),
    sizeBytes: size,
  };
}

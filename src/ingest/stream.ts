import type { SourceStatus } from '../domain/source.ts';
import { allowedEnv, runProcess } from '../host/process.ts';
import { LineSplitter, type SplitLine } from './line-splitter.ts';
import { gate, type ReaderContext, type SourceReader, type SpecOf, StatusKeeper } from './reader.ts';

const LINE_BYTES = 256 * 1024;
/** Programs that follow something first print what there is: that long a silence ends it. */
const QUIET_MS = 300;
const SETTLE_MS = 2000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** A program that ran that long is started again without the pauses of earlier failures. */
const PROVEN_MS = 60_000;
const FOREVER_MS = 2 ** 31 - 1;

/** A `stream` source: a program whose output is a log. Started again, ever less eagerly, when it ends. */
export function streamReader(spec: SpecOf<'stream'>, context: ReaderContext): SourceReader {
  return new StreamReader(spec, context);
}

class StreamReader implements SourceReader {
  readonly settled: Promise<void>;
  readonly #spec: SpecOf<'stream'>;
  readonly #context: ReaderContext;
  readonly #place: string;
  readonly #keeper: StatusKeeper;
  readonly #gate = gate();
  #stop: AbortController | undefined;
  #running: Promise<void> | undefined;
  #restart: NodeJS.Timeout | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #bound: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #fresh = true;
  #closed = false;

  constructor(spec: SpecOf<'stream'>, context: ReaderContext) {
    this.#spec = spec;
    this.#context = context;
    this.#place = spec.argv.join(' ');
    this.#keeper = new StatusKeeper(spec, this.#place);
    this.settled = this.#gate.opened;
  }

  start(): void {
    this.#bound = setTimeout(() => this.#settle(), SETTLE_MS);
    this.#run();
  }

  /** A stream is read as it comes; there is nothing to ask again. */
  refresh(): Promise<void> {
    return Promise.resolve();
  }

  status(): SourceStatus {
    return this.#keeper.status();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    this.#settle();
    this.#stop?.abort();
    await this.#running;
  }

  #run(): void {
    const { options } = this.#context;
    const maxLineBytes = options.maxLineBytes ?? LINE_BYTES;
    const output = new LineSplitter(maxLineBytes, 0, false, 'utf8');
    const errors = new LineSplitter(maxLineBytes, 0, false, 'utf8');
    const stop = new AbortController();
    const started = performance.now();
    this.#stop = stop;
    this.#fresh = true;
    this.#keeper.set('fresh');
    let lastError = '';
    const take = (stream: 'stdout' | 'stderr', bytes: Buffer): void => {
      const lines: SplitLine[] = [];
      if (stream === 'stderr') {
        errors.push(bytes, lines);
        lastError = lines.at(-1)?.text ?? lastError;
        return;
      }
      output.push(bytes, lines);
      this.#tell(lines);
      clearTimeout(this.#quiet);
      this.#quiet = setTimeout(() => this.#settle(), QUIET_MS);
    };
    this.#running = runProcess({
      argv: this.#spec.argv,
      cwd: this.#spec.cwd ?? this.#context.root,
      env: allowedEnv(),
      timeoutMs: FOREVER_MS,
      graceMs: 300,
      maxBytes: 4096,
      onOutput: take,
      signal: stop.signal,
    }).then((result) => {
      const rest: SplitLine[] = [];
      output.flush(rest, true);
      this.#tell(rest);
      const how =
        result.error ?? (result.signal ? `ended by ${result.signal}` : `ended with exit ${result.exitCode}`);
      if (!this.#closed) {
        this.#keeper.set(
          options.once && result.exitCode === 0 ? 'fresh' : 'error',
          `${how}${lastError === '' ? '' : `: ${lastError.slice(0, 200)}`}`,
        );
      }
      this.#settle();
      this.#context.touched();
      if (this.#closed || options.once) return;
      if (performance.now() - started > PROVEN_MS) this.#pauseMs = FIRST_PAUSE_MS;
      this.#restart = setTimeout(() => this.#run(), this.#pauseMs);
      this.#restart.unref();
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    });
  }

  #tell(lines: readonly SplitLine[]): void {
    if (lines.length === 0) return;
    const at = this.#context.options.clock.now();
    this.#keeper.items = 1;
    this.#keeper.lastReadAt = at;
    this.#keeper.changed(at);
    this.#context.emit({
      type: 'chunk',
      source: this.#spec.id,
      path: this.#place,
      chunk: { type: 'lines', lines },
      at,
      fresh: this.#fresh,
    });
    this.#fresh = false;
    this.#context.touched();
  }

  #settle(): void {
    clearTimeout(this.#bound);
    clearTimeout(this.#quiet);
    this.#gate.open();
    // Read once is read: a follower would run on for ever.
    if (this.#context.options.once) this.#stop?.abort();
  }
}

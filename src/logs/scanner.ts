/** Searches through whole logs, by threads of their own. */
import { Worker } from 'node:worker_threads';
import type { LogPart } from './log-protocol.ts';
import { Cancelled } from './pace.ts';
import { EMPTY_PIECE, foldPieces, type ScanPiece } from './scan-file.ts';
import type { ScanJob, ScanProgress, Wanted } from './scan-job.ts';

/** To a scanning thread. `stop`: four shared bytes, not zero when the job is not wanted any more. */
export interface ScanOrder {
  readonly id: number;
  readonly job: ScanJob;
  readonly stop: SharedArrayBuffer;
}

/** From a scanning thread. Hits come with the last progress alone. */
export type ScanAnswer =
  | { readonly type: 'progress'; readonly id: number; readonly progress: ScanProgress }
  | { readonly type: 'over'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly message: string };

/** What is shared out at once: small enough that both threads end at the same time. */
const JOB_BYTES = 64 * 1024 * 1024;
/** A thread that was told to stop leaves off within a slice; one that takes longer is at an expression it can't leave. */
const STOP_WITHIN_MS = 100;

/** How far a search has come. */
export interface SearchProgress {
  /** Lines with a match. */
  readonly lines: number;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Matching lines of one part: the place of the first match in each, up to the limit. */
export interface PartHits {
  readonly part: LogPart;
  readonly lines: number;
  readonly offsets: readonly number[];
  /** Why it was not searched whole. */
  readonly problem?: string;
}

export interface SearchOptions {
  /** Hits with their places, for each part. Default none: only counted. */
  readonly maxHits?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (progress: SearchProgress) => void;
}

interface Thread {
  readonly worker: Worker;
  /** The job it is at, stopped ones included. */
  busy: number | undefined;
  /** Called when it has left off. */
  rest: () => void;
  told: (answer: ScanAnswer) => void;
}

export class Scanner {
  readonly #entry: string;
  readonly #most: number;
  #threads: Thread[] = [];
  #nextId = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** `entry`: path of the thread's program, `scan-thread.ts`; `threads` are started when they are needed. */
  constructor(entry: string, threads = 2) {
    this.#entry = entry;
    this.#most = threads;
  }

  /** Searches parts; one search after the other. Rejects with `Cancelled` at once when the signal says so. */
  search(
    parts: readonly LogPart[],
    wanted: Wanted,
    options: SearchOptions = {},
  ): Promise<readonly PartHits[]> {
    const turn = this.#last.then(() => this.#search(parts, wanted, options));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
    this.#threads = [];
  }

  async #search(
    parts: readonly LogPart[],
    wanted: Wanted,
    { maxHits = 0, signal, progress }: SearchOptions,
  ): Promise<readonly PartHits[]> {
    if (signal?.aborted) throw new Cancelled();
    const found = parts.map(() => ({ pieces: [] as ScanPiece[], problem: undefined as string | undefined }));
    const jobs = parts.flatMap((part, index) =>
      share(part).map(([from, to], piece) => ({ index, piece, from, to, part })),
    );
    const totalBytes = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const done = new Map<object, ScanProgress>();
    const stop = new SharedArrayBuffer(4);
    let next = 0;
    const tell = (): void => {
      let [lines, doneBytes] = [0, 0];
      for (const one of done.values()) {
        lines += one.piece.lines;
        doneBytes += one.doneBytes;
      }
      progress?.({ lines, doneBytes: Math.min(doneBytes, totalBytes), totalBytes });
    };
    const work = async (thread: Thread): Promise<void> => {
      for (let job = jobs[next++]; job && !signal?.aborted; job = jobs[next++]) {
        const { part, index, piece, from, to } = job;
        const { path, fence, device, isCompressed } = part;
        const own = job;
        const problem = await this.#run(
          thread,
          { path, fence, device, isCompressed, from, to, wanted, maxHits },
          stop,
          (now) => {
            done.set(own, now);
            const results = found[index];
            if (results) results.pieces[piece] = now.piece;
            tell();
          },
        );
        const results = found[index];
        if (problem !== undefined && results) results.problem = problem;
      }
    };
    const threads = await this.#ready(jobs.length);
    const all = Promise.all(threads.map(work));
    all.catch(() => undefined);
    await (signal ? Promise.race([all, stopped(signal, stop)]) : all);
    return parts.map((part, index) => {
      const piece = (found[index]?.pieces ?? []).reduce(
        (sum, one) => foldPieces(sum, one ?? EMPTY_PIECE, maxHits),
        EMPTY_PIECE,
      );
      const problem = found[index]?.problem;
      return { part, lines: piece.lines, offsets: piece.hits, ...(problem === undefined ? {} : { problem }) };
    });
  }

  /** Threads without work. One that does not leave off what it was told to stop is ended. */
  async #ready(wanted: number): Promise<readonly Thread[]> {
    for (const thread of this.#threads) {
      if (thread.busy === undefined) continue;
      await new Promise<void>((resolve) => {
        thread.rest = resolve;
        AbortSignal.timeout(STOP_WITHIN_MS).addEventListener('abort', () => resolve());
      });
      if (thread.busy === undefined) continue;
      void thread.worker.terminate();
      this.#threads = this.#threads.filter((one) => one !== thread);
    }
    while (this.#threads.length < Math.min(wanted, this.#most)) this.#threads.push(this.#start());
    return this.#threads.slice(0, wanted);
  }

  #start(): Thread {
    const worker = new Worker(this.#entry, { stdout: true, stderr: true });
    const thread: Thread = { worker, busy: undefined, rest: () => {}, told: () => {} };
    worker.unref();
    worker.on('message', (answer: ScanAnswer) => {
      if (answer.type !== 'progress' && answer.id === thread.busy) {
        thread.busy = undefined;
        thread.rest();
      }
      thread.told(answer);
    });
    const end = (message: string): void => {
      this.#threads = this.#threads.filter((one) => one !== thread);
      if (thread.busy !== undefined) thread.told({ type: 'failed', id: thread.busy, message });
    };
    worker.on('error', (error: Error) => end(error.message));
    worker.on('exit', () => end('the search was ended'));
    return thread;
  }

  /** Runs a job; resolves with why it failed, or undefined. */
  #run(
    thread: Thread,
    job: ScanJob,
    stop: SharedArrayBuffer,
    progress: (progress: ScanProgress) => void,
  ): Promise<string | undefined> {
    this.#nextId += 1;
    const id = this.#nextId;
    thread.busy = id;
    return new Promise((resolve) => {
      thread.told = (answer) => {
        if (answer.id !== id) return;
        if (answer.type === 'progress') progress(answer.progress);
        else resolve(answer.type === 'failed' ? answer.message : undefined);
      };
      // Held alive while it works.
      thread.worker.ref();
      thread.worker.postMessage({ id, job, stop } satisfies ScanOrder);
    }).then((problem) => {
      thread.worker.unref();
      return problem as string | undefined;
    });
  }
}

function share({ sizeBytes, isCompressed }: LogPart): [from: number, to: number][] {
  if (isCompressed || sizeBytes <= JOB_BYTES) return [[0, sizeBytes]];
  const count = Math.ceil(sizeBytes / JOB_BYTES);
  return Array.from({ length: count }, (_, index) => [
    index * JOB_BYTES,
    Math.min(sizeBytes, (index + 1) * JOB_BYTES),
  ]);
}

/** Rejects when the signal says so, having told the threads. */
function stopped(signal: AbortSignal, stop: SharedArrayBuffer): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener(
      'abort',
      () => {
        Atomics.store(new Int32Array(stop), 0, 1);
        reject(new Cancelled());
      },
      { once: true },
    );
  });
}

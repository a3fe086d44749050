import { type Stats, statSync } from 'node:fs';
import { explainFileError, type Fence, isMissing } from '../host/open-file.ts';
import type { RawPath } from './raw-path.ts';
import type { FailureBook } from './reader.ts';
import type { LookResult } from './schedule.ts';
import { isSameState, looksTorn, readStable } from './stable-read.ts';

/** A state seen twice that far apart was written before, not during: longer than the tick of file times. */
const CONFIRM_MS = 12;
/** From then on a state is taken although its writer never pauses that long, unless it is plainly torn. */
const IMPATIENT_MS = 200;
/** From then on whatever is there is handed on, and its parser says what is wrong with it. */
const LAST_RESORT_MS = 1000;
/**
 * How long, and over how many looks, a torn text must stay the same before it is handed on: its writer was killed half
 * way. Looks count too, since on a busy machine time passes for us as it does for the writer; a busy disk holds up the
 * writer alone.
 */
const TORN_MS = 500;
const TORN_LOOKS = 20;
/** A torn text that old at the first look is nobody's work in progress. */
const ABANDONED_MS = 2000;
/** A path that is missing that long is gone; some writers remove before they write. */
const GONE_MS = 150;

interface Candidate {
  readonly stat: Stats;
  readonly bytes: Buffer;
  readonly seenAt: number;
  looks: number;
}

/** What a file tells its source. */
export interface DocumentSink {
  readonly maxBytes: number;
  readonly failures: FailureBook;
  deliver(path: string, bytes: Buffer, stat: Stats, fresh: boolean): void;
  tellGone(path: string): void;
}

/** One file of a document source: looks at it, and hands its bytes on once they are a whole document. */
export class DocumentFile {
  settled = false;
  present = false;
  readonly path: string;
  readonly raw: RawPath;
  #accepted: Stats | undefined;
  #acceptedBytes: Buffer | undefined;
  #candidate: Candidate | undefined;
  #changingSince: number | undefined;
  #missingSince: number | undefined;
  #told = false;
  readonly #fence: Fence;
  readonly #sink: DocumentSink;

  constructor(path: string, raw: RawPath, fence: Fence, sink: DocumentSink) {
    this.path = path;
    this.raw = raw;
    this.#fence = fence;
    this.#sink = sink;
  }

  /** Reads it again although nothing seems to have changed. */
  forget(): void {
    this.#accepted = undefined;
  }

  look(): LookResult {
    let there: Stats | undefined;
    try {
      there = statSync(this.raw, { throwIfNoEntry: false });
    } catch (error) {
      if (!isMissing(error)) return this.#fail(explainFileError(error));
    }
    if (there === undefined) return this.#missing();
    this.#missingSince = undefined;
    if (this.#accepted && isSameState(this.#accepted, there)) {
      this.#changingSince = undefined;
      this.#candidate = undefined;
      return 'quiet';
    }
    const now = performance.now();
    this.#changingSince ??= now;
    const read = readStable(this.raw, this.#fence, this.#sink.maxBytes);
    if (read.state === 'missing') return this.#missing();
    if (read.state === 'failed') {
      // Its state is remembered, so that an unreadable file is not opened five times in a row.
      return this.#fail(read.error);
    }
    if (read.state === 'changing') {
      if (now - this.#changingSince > LAST_RESORT_MS) this.#giveUpFor(now);
      this.#candidate = undefined;
      return 'again';
    }
    return this.#consider(read.bytes, read.stat, now);
  }

  /** Decides whether bytes that held still while they were read are a whole document. */
  #consider(bytes: Buffer, stat: Stats, now: number): LookResult {
    const tryingMs = now - (this.#changingSince ?? now);
    const previous = this.#candidate;
    const same = previous !== undefined && isSameState(previous.stat, stat) && previous.bytes.equals(bytes);
    if (same) previous.looks += 1;
    else this.#candidate = { stat, bytes, seenAt: now, looks: 1 };
    const stableMs = same ? now - previous.seenAt : 0;
    // File times move in ticks: only a state older than one cannot have been written to while it was read.
    const ageMs = Math.abs(Date.now() - stat.mtimeMs);
    const isOld = ageMs > 10 * CONFIRM_MS;
    const isTorn = looksTorn(bytes);
    const confirmed = isOld || stableMs >= CONFIRM_MS;
    const accept = isTorn
      ? ageMs > ABANDONED_MS || (stableMs >= TORN_MS && (previous?.looks ?? 0) >= TORN_LOOKS)
      : confirmed || tryingMs > IMPATIENT_MS;
    if (!accept) {
      if (tryingMs > LAST_RESORT_MS) this.#giveUpFor(now);
      return 'again';
    }
    this.#candidate = undefined;
    this.#changingSince = undefined;
    this.#accepted = stat;
    this.settled = true;
    this.#sink.failures.clear(this.path);
    const isNews = !this.present || this.#acceptedBytes === undefined || !this.#acceptedBytes.equals(bytes);
    this.present = true;
    this.#acceptedBytes = bytes;
    this.#sink.deliver(this.path, bytes, stat, !this.#told);
    this.#told = true;
    return isNews ? 'changed' : 'quiet';
  }

  /** It is tried on, and nobody waits for it any longer. */
  #giveUpFor(now: number): void {
    this.settled = true;
    const seconds = Math.round((now - (this.#changingSince ?? now)) / 10_000) * 10;
    const since = seconds >= 10 ? ` for ${seconds} s` : '';
    this.#sink.failures.fail(
      this.path,
      `never whole${since}: its writer leaves no pause; the last whole state is shown`,
    );
  }

  #missing(): LookResult {
    const now = performance.now();
    this.#missingSince ??= now;
    this.#changingSince = undefined;
    if (!this.#told) {
      this.settled = true;
      this.#sink.failures.clear(this.path);
      return 'quiet';
    }
    if (!this.present) return 'quiet';
    if (now - this.#missingSince < GONE_MS) return 'again';
    this.present = false;
    this.#told = false;
    this.#accepted = undefined;
    this.#acceptedBytes = undefined;
    this.#sink.failures.clear(this.path);
    this.#sink.tellGone(this.path);
    return 'changed';
  }

  #fail(error: string): LookResult {
    this.settled = true;
    this.#changingSince = undefined;
    this.#sink.failures.fail(this.path, error);
    return 'quiet';
  }
}

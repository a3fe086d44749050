/**
 * What was read of logs that their writers empty, kept on our disk: for each such log the lines of the generation in its
 * file, and behind them those of all that were emptied, as far as there is room. Of the cockpits that watch a system the
 * one that writes its history writes here; everybody may read.
 */
import { realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Masker } from '../acts/mask.ts';
import { ensurePrivateDirectory } from '../db/state-dir.ts';
import type { SystemId } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import type { Clock } from '../host/clock.ts';
import type { SavedFingerprint } from '../ingest/fingerprint.ts';
import type { IngestEvent } from '../ingest/ingest.ts';
import type { SplitLine } from '../ingest/line-splitter.ts';
import type { SavedGeneration } from '../ingest/log-position.ts';
import { quietly } from '../lib/quietly.ts';
import type { KeptPart } from '../logs/log-protocol.ts';
import { LogSpoolFiles, type OpenGeneration, pruneSpool, type SpoolLimits } from './log-spool-files.ts';
import { generationOf, isHeld, linesOf, type VolatileLog, whereabouts } from './log-volatile.ts';
import { ToldRecords } from './without-secrets.ts';

const USUAL: SpoolLimits = { mostBytes: 64 * 1024 * 1024, partBytes: 4 * 1024 * 1024 };
/**
 * How soon is tried again what could not be written, or was another cockpit's to write: soon at first, since who of them
 * writes is known a moment after the start.
 */
const SOON_MS = 50;
const AGAIN_MS = 2_000;
/** Room is looked for each time so much was written. */
const PRUNE_BYTES = 1024 * 1024;
/** For how long it is remembered when a log was emptied of which no lines are kept any more. */
const UNUSED_MS = 24 * 3_600_000;
/** Names lines of emptied generations in memory, by the generation's number. */
const EMPTIED = 'emptied:';

/** When a log was emptied. */
export interface Emptied {
  readonly at: number;
  readonly readBytes: number;
  readonly unseen?: true;
}

export interface LogSpoolOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly masker: Masker;
  /** Whether this process writes what is kept of a system; undefined: it only reads. */
  mayWrite?(system: SystemId): boolean;
  readonly limits?: SpoolLimits;
}

/** One log of this process. */
interface Kept {
  readonly log: VolatileLog;
  readonly files: LogSpoolFiles;
  readonly told: ToldRecords;
  /** What is being written. */
  open: OpenGeneration | undefined;
  /** Something that was read is not written. */
  isBehind: boolean;
}

export class LogSpool {
  readonly #options: LogSpoolOptions;
  readonly #limits: SpoolLimits;
  readonly #logs = new Map<string, Kept>();
  #written = 0;
  #timer: (() => void) | undefined;
  #againMs = SOON_MS;
  #trouble: string | undefined;

  constructor(options: LogSpoolOptions) {
    this.#options = options;
    this.#limits = options.limits ?? USUAL;
  }

  /** Why lines that may be emptied can't be kept; undefined while all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Takes note of what was told of a log. */
  take(log: VolatileLog, event: IngestEvent): void {
    if (event.type === 'wiped') this.#emptied(this.#kept(log), event.at);
    // What stands in a rotated part is read there; what is told ahead comes again.
    else if (event.type === 'chunk' && event.chunk.type === 'lines' && !event.rotated && !event.ahead)
      this.#lines(this.#kept(log), event.chunk.lines, event.fresh && event.known !== true);
  }

  /** When a log was emptied, as far as it is known, oldest first. */
  emptied(log: VolatileLog): readonly Emptied[] {
    const { emptied, open } = this.#kept(log).files;
    if (!open || whereabouts(log, open) !== 'gone') return emptied;
    return [...emptied, { at: open.lastAt, readBytes: open.offset, unseen: true }];
  }

  /** Files with lines that are not in the log or its rotated parts any more, oldest first. */
  parts(log: VolatileLog): readonly KeptPart[] {
    const { files } = this.#kept(log);
    const { open } = files;
    const lost = open && whereabouts(log, open) === 'gone' ? open.files.map(({ name }) => name) : [];
    const fence = quietly(() => [realpathSync(files.directory)], []);
    return [...files.parts, ...lost].flatMap((part) => {
      const path = files.pathOf(part);
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat ? [{ path, name: `${basename(log.path)} (emptied)`, fence, until: stat.mtimeMs }] : [];
    });
  }

  /** The name in memory of the lines that were just emptied away; undefined where they are not kept. */
  nameOf(log: VolatileLog): string | undefined {
    const read = generationOf(log.position());
    if (!read) return undefined;
    const { files } = this.#kept(log);
    const all = [...files.emptied, ...(files.open ? [files.open] : [])].filter(({ print }) =>
      beginsAlike(print, read.print),
    );
    const distance = (one: (typeof all)[number]): number =>
      Math.abs(('readBytes' in one ? one.readBytes : one.offset) - read.offset);
    const nearest = all.reduceRight<(typeof all)[number] | undefined>(
      (best, one) => (best === undefined || distance(one) < distance(best) ? one : best),
      undefined,
    );
    return nearest && `${EMPTIED}${nearest.number}`;
  }

  /** Where a line that has such a name lies; undefined where it is not kept any more. */
  placeOf(
    log: VolatileLog,
    name: string,
    offset: number,
  ): { readonly path: string; readonly offset: number } | undefined {
    if (!name.startsWith(EMPTIED)) return undefined;
    return this.#kept(log).files.placeOf(Number(name.slice(EMPTIED.length)), offset);
  }

  close(): void {
    this.#timer?.();
    for (const kept of this.#logs.values()) if (kept.isBehind) this.#catchUp(kept);
    this.#timer?.();
  }

  #kept(log: VolatileLog): Kept {
    const key = `${log.root}\n${log.source}\n${log.path}`;
    const known = this.#logs.get(key);
    if (known) return known;
    const { directory, masker } = this.#options;
    const kept: Kept = {
      log,
      files: new LogSpoolFiles(directory, [log.root, log.source, log.path], this.#limits),
      told: new ToldRecords(masker),
      open: undefined,
      isBehind: false,
    };
    this.#logs.set(key, kept);
    return kept;
  }

  #mayWrite({ log }: Kept): boolean {
    const { mayWrite, masker } = this.#options;
    // Under a name that may not be told nothing is kept.
    return mayWrite?.(log.system) === true && masker.name(log.path) === log.path;
  }

  #lines(kept: Kept, lines: readonly SplitLine[], isFresh: boolean): void {
    const [first] = lines;
    if (isFresh) kept.open = undefined;
    if (!first || !this.#options.mayWrite) return;
    if (!this.#mayWrite(kept)) {
      kept.open = undefined;
      this.#later(kept);
      return;
    }
    this.#attempt(kept, () => {
      const saved = generationOf(kept.log.position());
      if (!saved) {
        // An earlier run read it, and where this one goes on is known in a moment.
        this.#later(kept);
        return;
      }
      const open = this.#openOf(kept, saved);
      const missed = first.offset > open.next ? linesOf(kept.log, open.next, first.offset, saved) : [];
      const fresh = lines.filter(({ offset }) => offset >= open.next);
      this.#add(kept, open, saved, [...missed, ...fresh]);
    });
  }

  /** What is being written, or was by an earlier run that read the same generation; else a new one. */
  #openOf(kept: Kept, saved: SavedGeneration): OpenGeneration {
    if (kept.open) return kept.open;
    const { files, log } = kept;
    const found = files.open;
    const where = found && whereabouts(log, found);
    if (found && where === 'there') return found;
    if (found && where === 'rotated') files.drop(found);
    if (found && where === 'gone') files.seal(found, found.lastAt, true);
    const number = Math.max(found?.number ?? 0, files.emptied.at(-1)?.number ?? 0) + 1;
    const { print } = saved;
    return { number, print, offset: 0, next: 0, files: [], lastAt: this.#options.clock.now() };
  }

  #add(kept: Kept, open: OpenGeneration, saved: SavedGeneration, lines: readonly SplitLine[]): void {
    const { offset, print, splitter } = saved;
    const read = { ...open, offset, print, next: offset - splitter.heldBytes };
    if (lines.length > 0) {
      const told = kept.told.take('', lines);
      kept.open = kept.files.add({ ...read, lastAt: this.#options.clock.now() }, told);
      this.#written += lines.reduce((sum, { text }) => sum + text.length + 1, 0);
      if (this.#written >= Math.min(PRUNE_BYTES, this.#limits.partBytes)) this.#prune();
    }
    kept.isBehind = false;
    this.#againMs = SOON_MS;
  }

  /** The log's file holds nothing of what was read any more. */
  #emptied(kept: Kept, at: number): void {
    kept.isBehind = false;
    if (this.#mayWrite(kept)) {
      this.#attempt(kept, () => {
        const open = kept.open ?? kept.files.open;
        if (open && open.files.length > 0) kept.files.seal(open, at);
        this.#prune();
      });
    }
    kept.open = undefined;
  }

  /** Reads from the log what could not be written when it was read. */
  #catchUp(kept: Kept): void {
    if (!this.#mayWrite(kept)) {
      this.#later(kept);
      return;
    }
    this.#attempt(kept, () => {
      const saved = generationOf(kept.log.position());
      if (!saved || saved.offset === 0) return;
      const open = this.#openOf(kept, saved);
      const { offset, print } = saved;
      // Emptied this moment: that is told next.
      if (!isHeld(kept.log.file, kept.log.fence, print, offset)) return;
      this.#add(kept, open, saved, linesOf(kept.log, open.next, offset - saved.splitter.heldBytes, saved));
    });
  }

  /** What can't be written is said, tried again, and never in the way of reading. */
  #attempt(kept: Kept, task: () => void): void {
    try {
      ensurePrivateDirectory(this.#options.directory);
      task();
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = messageOf(error);
      kept.open = undefined;
      this.#later(kept);
    }
  }

  #later(kept: Kept): void {
    kept.isBehind = true;
    this.#timer ??= this.#options.clock.after(this.#againMs, () => {
      this.#timer = undefined;
      this.#againMs = Math.min(AGAIN_MS, 2 * this.#againMs);
      for (const one of this.#logs.values()) if (one.isBehind) this.#catchUp(one);
    });
  }

  #prune(): void {
    this.#written = 0;
    const writing = [...this.#logs.values()].flatMap(({ open, files }) =>
      (open?.files.slice(-1) ?? []).map(({ name }) => files.pathOf(name)),
    );
    const before = this.#options.clock.now() - UNUSED_MS;
    pruneSpool(this.#options.directory, this.#limits.mostBytes, new Set(writing), before);
  }
}

/** Whether two generations begin with the same bytes, as far as both were read. */
function beginsAlike(a: SavedFingerprint, b: SavedFingerprint): boolean {
  const common = a.head.findLast(({ bytes }) => b.head.some((one) => one.bytes === bytes));
  return common !== undefined && b.head.some(({ sha256 }) => sha256 === common.sha256);
}

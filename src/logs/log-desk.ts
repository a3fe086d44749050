/** Answers what is asked of the logs, and builds their indexes while nothing is. One thread's work, in slices. */

import { DescriptorPool } from './descriptor-pool.ts';
import type { LineReader } from './line-reader.ts';
import { LogChain, namesIn } from './log-chain.ts';
import { histogramOf } from './log-histogram.ts';
import type {
  LogAnswer,
  LogCallName,
  LogLine,
  LogPart,
  LogPort,
  LogRequest,
  LogSpec,
} from './log-protocol.ts';
import { LogView, type ViewRow } from './log-view.ts';
import { type Pace, paceOf } from './pace.ts';
import type { Segment } from './segment.ts';

/** Readers of lines by their name. */
export type LineReaders = { readonly [name: string]: (spec: LogSpec) => LineReader };

const MOST_ROWS = 500;

interface OpenLog {
  readonly spec: LogSpec;
  readonly chain: LogChain;
}

export class LogDesk implements LogPort {
  readonly #readers: LineReaders;
  readonly #isBrief: boolean;
  readonly #pool = new DescriptorPool();
  #logs: OpenLog[] = [];
  #view = new LogView([]);
  #paths: ReadonlySet<string> = new Set();
  /** Requests under way: the index waits for them. */
  #asked = 0;
  #idle: (() => void)[] = [];
  /** Ends the building of indexes. */
  #stop = new AbortController();
  #building: Promise<void> | undefined;
  #isStale = false;

  /** `isBrief`: for one question or two; nothing is indexed before somebody wants to see what came when. */
  constructor(readers: LineReaders, isBrief = false) {
    this.#readers = readers;
    this.#isBrief = isBrief;
  }

  async call<C extends LogCallName>(
    name: C,
    request: LogRequest<C>,
    signal?: AbortSignal,
  ): Promise<LogAnswer<C>> {
    const pace = paceOf(signal);
    const calls: { [N in LogCallName]: (request: LogRequest<N>) => Promise<LogAnswer<N>> } = {
      open: ({ logs }) => this.#open(logs, pace),
      refresh: async (wanted) => ({ changed: await this.#refresh(wanted.logs, pace) }),
      page: (wanted) => this.#page(wanted, pace),
      count: (wanted) => this.#view.count(wanted, pace),
      lineFromEnd: ({ log, lines }) => this.#lineFromEnd(log, lines, pace),
      histogram: async (wanted) => {
        if (this.#isBrief) {
          for (const { chain } of this.#chosen(wanted.logs))
            for (const segment of chain.segments) await this.#buildSegment(segment, pace, this.#stop.signal);
        }
        return histogramOf(
          this.#chosen(wanted.logs).flatMap(({ chain }) => chain.segments),
          wanted,
          pace,
        );
      },
      parts: async ({ logs }) => this.#parts(logs),
      settle: async () => {
        while (this.#building) await this.#building;
        return { settled: true };
      },
    };
    if (name === 'settle') return calls[name](request);
    this.#asked += 1;
    try {
      return await calls[name](request);
    } finally {
      this.#asked -= 1;
      if (this.#asked === 0) for (const go of this.#idle.splice(0)) go();
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const go of this.#idle.splice(0)) go();
    await this.#building;
    for (const { chain } of this.#logs) chain.close();
    this.#logs = [];
    this.#pool.closeAll();
  }

  async #open(specs: readonly LogSpec[], pace: Pace): Promise<LogAnswer<'open'>> {
    const before = this.#logs;
    this.#paths = new Set(specs.map(({ path }) => path));
    const isOther = (path: string): boolean => this.#paths.has(path);
    this.#logs = specs.map((spec) => {
      const known = before.find((log) => nameOfSpec(log.spec) === nameOfSpec(spec));
      if (known) {
        known.chain.keep(spec.kept, spec.keptBefore);
        return known;
      }
      const reader = this.#readers[spec.reader];
      if (!reader) throw new Error(`there is no reader of lines called ${spec.reader}`);
      const { id, path, fence } = spec;
      const chain = new LogChain({ id, path, fence, reader: reader(spec), isOther }, this.#pool);
      chain.keep(spec.kept, spec.keptBefore);
      return { spec, chain };
    });
    for (const log of before) if (!this.#logs.includes(log)) log.chain.close();
    this.#view = new LogView(this.#logs.map(({ spec, chain }) => ({ names: spec, chain })));
    await this.#refresh(undefined, pace);
    return { opened: this.#logs.length };
  }

  async #refresh(wanted: readonly string[] | undefined, pace: Pace): Promise<readonly string[]> {
    const names = new Map<string, readonly string[]>();
    const list = (directory: string): readonly string[] => {
      const known = names.get(directory) ?? namesIn(directory);
      names.set(directory, known);
      return known;
    };
    const changed: string[] = [];
    try {
      for (const { spec, chain } of this.#chosen(wanted)) {
        if (chain.refresh(list)) changed.push(spec.id);
        if (pace.isDue()) await pace.rest();
      }
    } finally {
      if (changed.length > 0 && !this.#isBrief) this.#build();
    }
    return changed;
  }

  async #page(
    { at, rows, way, filter, context, limits, written }: LogRequest<'page'>,
    pace: Pace,
  ): Promise<LogAnswer<'page'>> {
    const wanted = Math.max(0, Math.min(MOST_ROWS, rows));
    const before = Math.floor(wanted / 3);
    const page =
      way === 'around'
        ? await this.#view.around(at, before, wanted - before, filter, pace, limits)
        : await this.#view[way](at, wanted, filter, pace, limits);
    const all = context ? await this.#view.withContext(page, Math.min(context, MOST_ROWS), pace) : page.rows;
    const specs = new Map(this.#logs.map(({ spec }) => [spec.id, spec]));
    const { start, end, atStart, atEnd } = page;
    return {
      lines: all.map((row) => lineOf(row, specs.get(row.place.log), written)),
      start,
      end,
      atStart,
      atEnd,
    };
  }

  async #lineFromEnd(log: string, lines: number, pace: Pace): Promise<LogAnswer<'lineFromEnd'>> {
    const open = this.#logs.find(({ spec }) => spec.id === log);
    if (!open || lines < 1) return {};
    let left = lines;
    for (let ref = await open.chain.last(); ref; ref = await open.chain.previous(ref)) {
      const { segment, block } = ref;
      const count =
        segment.index.facts(block)?.lines ?? (await segment.lines(block, pace, (table) => table.count));
      if (count < left) {
        left -= count;
        continue;
      }
      const index = count - left;
      return segment.lines(block, pace, ({ offsets, ats }) => {
        const sortAt = ats[index] ?? Number.NaN;
        return {
          place: {
            log,
            file: segment.key,
            offset: offsets[index] ?? 0,
            sortAt: Number.isNaN(sortAt) ? segment.mtimeMs : sortAt,
          },
        };
      });
    }
    return {};
  }

  #parts(wanted: readonly string[] | undefined): LogAnswer<'parts'> {
    const parts: LogPart[] = [];
    const problems: string[] = [];
    for (const { spec, chain } of this.#chosen(wanted)) {
      problems.push(...chain.problems);
      for (const segment of chain.segments) parts.push(partOf(spec, segment));
    }
    return { parts, problems };
  }

  #chosen(wanted: readonly string[] | undefined): OpenLog[] {
    return wanted ? this.#logs.filter(({ spec }) => wanted.includes(spec.id)) : this.#logs;
  }

  /** Enters what is not in the indexes yet, the newest blocks of each log first, while nothing is asked. */
  #build(): void {
    this.#isStale = true;
    this.#building ??= this.#buildAll().finally(() => {
      this.#building = undefined;
    });
  }

  async #buildAll(): Promise<void> {
    const { signal } = this.#stop;
    const pace = paceOf();
    while (this.#isStale && !signal.aborted) {
      this.#isStale = false;
      for (const { chain } of [...this.#logs]) {
        for (const segment of chain.segments.toReversed()) {
          await this.#buildSegment(segment, pace, signal).catch(() => undefined);
          if (signal.aborted) return;
        }
      }
    }
  }

  async #buildSegment(segment: Segment, pace: Pace, signal: AbortSignal): Promise<void> {
    if (!this.#isBrief) await this.#turn(signal);
    await segment.measure();
    for (let block = segment.blocks - 1; block >= 0 && !signal.aborted; block -= 1) {
      if (segment.index.isKnown(block)) continue;
      await segment.lines(block, pace, () => undefined);
      if (this.#asked > 0 && !this.#isBrief) await this.#turn(signal);
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#asked > 0 && !signal.aborted) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}

/** What makes a log another one: not what is kept of it. */
function nameOfSpec({ kept: _kept, keptBefore: _before, ...spec }: LogSpec): string {
  return JSON.stringify(spec);
}

function partOf({ id }: LogSpec, segment: Segment): LogPart {
  const { fence, key, path, name, device, isCompressed, sizeBytes, index, blocks, problem } = segment;
  return {
    ...{ log: id, file: key, path, name, device, fence, isCompressed, sizeBytes, blocks },
    ...{ lines: index.lines, knownBlocks: index.known, indexBytes: index.sizeBytes },
    ...(problem === undefined ? {} : { problem }),
  };
}

function lineOf(
  { place, entry, isContext, twins }: ViewRow,
  spec: LogSpec | undefined,
  written?: true,
): LogLine {
  const { at, sortAt, level, lines, name } = entry;
  return {
    ...{ place, system: spec?.system ?? '', source: spec?.source ?? '', name, sortAt },
    ...(at === undefined ? {} : { at }),
    ...(level === undefined ? {} : { level }),
    ...entry.text(),
    ...(lines > 1 ? { lines } : {}),
    ...(twins ? { twins } : {}),
    ...(entry.late ? { late: true } : {}),
    ...(entry.cut ? { cut: true } : {}),
    ...(entry.open ? { open: true } : {}),
    ...(entry.afterHole ? { afterHole: true } : {}),
    ...(isContext ? { isContext } : {}),
    ...(written ? { written: entry.raw() } : {}),
  };
}

import type { Instant } from '../domain/instant.ts';
import type { LogRecord } from '../domain/log.ts';
import type { BadRecord, SourceStatus } from '../domain/source.ts';
import type { IngestEvent } from '../ingest/ingest.ts';
import type { Json } from '../lib/json.ts';
import type { FactsOf, FileFacts, Located, Parser, SourceSpec } from '../systems/system.ts';

/** What one chunk gave beside facts. */
export interface FoldOutcome {
  readonly records: readonly LogRecord[];
  readonly bad: readonly BadRecord[];
  /** Whether facts moved, so that entities must be derived again. */
  readonly changed: boolean;
}

/** What is kept of one file with the position its bytes were read to: as plain data. */
export interface KeptFile {
  readonly carry: Json;
  readonly facts: { readonly [key: string]: Json };
  readonly wipedAt?: Instant;
}

interface FileState {
  carry: Json;
  /** Of lines that are told again to be shown. */
  replayed?: Json;
  facts: Map<string, Json>;
  view: FileFacts;
  /** Its place among the files of its source. */
  readonly place: number;
}

/** The files of one source. None is ever taken away, so each keeps its place. */
interface SourceFiles {
  readonly byPath: Map<string, FileState>;
  list: readonly FileFacts[];
  /** Files whose view is another than in the list. */
  readonly moved: Set<FileState>;
}

const NOTHING: FoldOutcome = { records: [], bad: [], changed: false };
const NO_FILES: readonly FileFacts[] = [];

/**
 * Everything folded of one system: per source and file the carry of its parser and its facts. The only place that
 * calls a parser.
 */
export class FactStore implements FactsOf {
  readonly #located: Located;
  readonly #parsers: { readonly [name: string]: Parser };
  readonly #specs = new Map<string, SourceSpec>();
  readonly #sources = new Map<string, SourceFiles>();
  readonly #statuses = new Map<string, SourceStatus>();

  /** What an earlier run has kept of a file that is read on from where that one stood. */
  readonly #keptOf: (source: string, path: string) => KeptFile | undefined;

  constructor(
    located: Located,
    parsers: { readonly [name: string]: Parser },
    keptOf: (source: string, path: string) => KeptFile | undefined = () => undefined,
  ) {
    this.#located = located;
    this.#parsers = parsers;
    this.#keptOf = keptOf;
  }

  /** What is to be kept of a file; undefined for one nothing was read of. */
  keep(source: string, path: string): KeptFile | undefined {
    const state = this.#sources.get(source)?.byPath.get(path);
    if (!state) return undefined;
    const { wipedAt } = state.view;
    return {
      carry: state.carry,
      facts: Object.fromEntries(state.facts),
      ...(wipedAt === undefined ? {} : { wipedAt }),
    };
  }

  /** Sources that are no longer declared lose their facts. */
  setSpecs(specs: readonly SourceSpec[]): void {
    this.#specs.clear();
    for (const spec of specs) this.#specs.set(spec.id, spec);
    for (const source of [...this.#sources.keys()]) {
      if (this.#specs.has(source)) continue;
      this.#sources.delete(source);
      this.#statuses.delete(source);
    }
  }

  files(source: string): readonly FileFacts[] {
    const files = this.#sources.get(source);
    if (!files) return NO_FILES;
    if (files.moved.size > 0) {
      const list = files.list.slice();
      for (const state of files.moved) list[state.place] = state.view;
      files.moved.clear();
      files.list = list;
    }
    return files.list;
  }

  status(source: string): SourceStatus | undefined {
    return this.#statuses.get(source);
  }

  /** Takes one event in. Process tables and unknown sources are not its business. */
  take(event: Exclude<IngestEvent, { type: 'processes' }>): FoldOutcome {
    switch (event.type) {
      case 'status':
        return this.#takeStatus(event.status);
      case 'chunk':
        return this.#takeChunk(event);
      case 'resumed':
        return this.#takeUp(event);
      case 'gap':
        return NOTHING;
      case 'gone':
        return this.#mark(event.source, event.path, (view) => ({
          ...view,
          present: false,
          readAt: event.at,
        }));
      case 'wiped':
        return this.#mark(event.source, event.path, (view) => ({
          ...view,
          wipedAt: event.at,
          readAt: event.at,
        }));
      case 'failed':
        return this.#mark(event.source, event.path, (view) => ({ ...view, error: event.error }));
    }
  }

  #takeStatus(status: SourceStatus): FoldOutcome {
    const before = this.#statuses.get(status.id);
    this.#statuses.set(status.id, status);
    const changed = before?.state !== status.state || before?.error !== status.error;
    return { records: [], bad: [], changed };
  }

  #takeChunk(event: Extract<IngestEvent, { type: 'chunk' }>): FoldOutcome {
    const spec = this.#specs.get(event.source);
    const parser = spec ? this.#parsers[spec.parser] : undefined;
    if (!spec || !parser) return NOTHING;
    const state = this.#stateOf(event.source, event.path, parser, event.at);
    if (event.fresh && !event.known) state.carry = parser.start;
    const carry = event.known ? (event.fresh ? parser.start : (state.replayed ?? parser.start)) : state.carry;
    const modifiedAt = event.modifiedAt;
    let folded: ReturnType<Parser['fold']>;
    try {
      folded = parser.fold(carry, event.chunk, {
        located: this.#located,
        source: event.source,
        path: event.path,
        now: event.at,
        ...(modifiedAt === undefined ? {} : { modifiedAt }),
        ...(event.bornAt === undefined ? {} : { bornAt: event.bornAt }),
        fact: (key) => state.facts.get(key),
      });
    } catch (error) {
      const reason = `parser ${spec.parser} failed: ${error instanceof Error ? error.message : String(error)}`;
      this.#show(state, { ...state.view, error: reason });
      return { records: [], bad: [{ path: event.path, reason }], changed: true };
    }
    if (event.known) {
      state.replayed = folded.carry;
      return { records: folded.records ?? [], bad: folded.bad ?? [], changed: false };
    }
    state.carry = folded.carry;
    const incremental = event.chunk.type === 'lines';
    if (folded.facts) applyFacts(state, folded.facts, incremental);
    const { error: _cleared, ...view } = state.view;
    this.#show(state, {
      ...view,
      present: true,
      readAt: event.at,
      ...(modifiedAt === undefined ? {} : { modifiedAt }),
      ...(event.bornAt === undefined ? {} : { bornAt: event.bornAt }),
      ...(event.sizeBytes === undefined ? {} : { sizeBytes: event.sizeBytes }),
      // An answer is one whole: what is wrong with it is wrong with the source, also where that itself is a fact.
      ...((folded.facts === undefined || event.chunk.type === 'http') && folded.bad?.[0]
        ? { error: folded.bad[0].reason }
        : {}),
      facts: state.facts,
    });
    return { records: folded.records ?? [], bad: folded.bad ?? [], changed: true };
  }

  #takeUp(event: Extract<IngestEvent, { type: 'resumed' }>): FoldOutcome {
    const { type: _type, source, path, at, ...file } = event;
    const parser = this.#parsers[this.#specs.get(source)?.parser ?? ''];
    const kept = this.#keptOf(source, path);
    if (!parser || !kept) return NOTHING;
    const state = this.#stateOf(source, path, parser, at);
    state.carry = kept.carry;
    state.facts = new Map(Object.entries(kept.facts));
    const wipedAt = kept.wipedAt === undefined ? {} : { wipedAt: kept.wipedAt };
    this.#show(state, { ...state.view, ...file, ...wipedAt, facts: state.facts });
    return { records: [], bad: [], changed: true };
  }

  #mark(source: string, path: string, edit: (view: FileFacts) => FileFacts): FoldOutcome {
    const state = this.#sources.get(source)?.byPath.get(path);
    if (!state) return NOTHING;
    this.#show(state, edit(state.view));
    return { records: [], bad: [], changed: true };
  }

  #show(state: FileState, view: FileFacts): void {
    state.view = view;
    this.#sources.get(view.source)?.moved.add(state);
  }

  #stateOf(source: string, path: string, parser: Parser, at: Instant): FileState {
    let files = this.#sources.get(source);
    if (!files) {
      files = { byPath: new Map(), list: [], moved: new Set() };
      this.#sources.set(source, files);
    }
    let state = files.byPath.get(path);
    if (!state) {
      const facts = new Map<string, Json>();
      const view = { source, path, present: true, readAt: at, facts };
      state = { carry: parser.start, facts, view, place: files.byPath.size };
      files.byPath.set(path, state);
      files.moved.add(state);
    }
    return state;
  }
}

function applyFacts(
  state: FileState,
  facts: { readonly [key: string]: Json | null },
  incremental: boolean,
): void {
  if (!incremental) state.facts = new Map();
  for (const [key, value] of Object.entries(facts)) {
    if (value === null) state.facts.delete(key);
    else state.facts.set(key, value);
  }
}

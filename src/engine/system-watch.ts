import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { createMasker, type Masker } from '../acts/mask.ts';
import { diffEntities, type EntityDiff } from '../domain/diff.ts';
import type { Entity } from '../domain/entity.ts';
import { type Instant, instant } from '../domain/instant.ts';
import type { LogRecord } from '../domain/log.ts';
import type { BadRecord } from '../domain/source.ts';
import type { Clock } from '../host/clock.ts';
import { fenceOf } from '../ingest/discover.ts';
import type { IngestEvent, IngestSpec, Pump, PumpOptions } from '../ingest/ingest.ts';
import type { JsonObject } from '../lib/json.ts';
import type { LogOrigin, LogStore } from '../logs/log-store.ts';
import type { Derived, Located, SourceSpec, StateView, SystemKind } from '../systems/system.ts';
import { FactStore } from './fact-store.ts';
import { FirstLook } from './first-look.ts';
import { readerName } from './kind-lines.ts';
import type { LogArchive } from './log-archive.ts';
import type { Emptied, LogSpool } from './log-spool.ts';
import type { VolatileLog } from './log-volatile.ts';
import type { PositionKeeper, UnplacedRow } from './position-keeper.ts';
import type { SystemSummary } from './protocol.ts';
import { ShownAhead } from './shown-ahead.ts';
import { SourceBook, systemStateOf } from './source-book.ts';
import { stateViewOf } from './state-view.ts';
import { WatchedProcesses } from './watched-processes.ts';
import { ToldEntities, ToldRecords } from './without-secrets.ts';

/** Derivations are at least this far apart, and at least four times what the last one cost. */
const MIN_DERIVE_GAP_MS = 30;

/** So much of the end of a long log is shown before the log is read: some screens of it. */
const AHEAD_BYTES = 64 * 1024;

/** What a system watch needs beside its kind. */
export interface WatchPorts {
  readonly clock: Clock;
  readonly logs: LogStore;
  /** Is told which logs there are; undefined: what is not in memory is not asked for. */
  readonly archive?: LogArchive;
  readonly once: boolean;
  makePump(specs: readonly IngestSpec[], options: PumpOptions): Pump;
  secret(located: Located, name: string): string | undefined;
  readonly budgetDir?: string;
  readonly hideProcesses?: boolean;
  /** Knows what is secret; default: what has the shape of it. */
  readonly masker?: Masker;
  /** Keeps what is read of logs that their writers empty. */
  readonly spool?: LogSpool;
  /** Keeps how far logs are read across restarts; undefined: nothing is kept. */
  keeperOf?(kind: SystemKind, located: Located): PositionKeeper | undefined;
  /** Entities moved. The first call is the first complete derivation. */
  onChange(watch: SystemWatch, diff: EntityDiff): void;
  /** Sources, logs or figures moved, entities did not. */
  onStatus(watch: SystemWatch): void;
  /** The end of a long log is in the view, before the log is read. */
  onAhead?(): void;
  /** Rows came into the view. */
  onRows?(): void;
  /** Lines written while we watch are in the view, `lagMs` after their file was last written to. */
  onLines?(lines: number, lagMs: number): void;
}

/** One watched system: sources to facts to entities, and the diff of them. */
export class SystemWatch {
  readonly kind: SystemKind;
  readonly located: Located;
  readonly #ports: WatchPorts;
  readonly #facts: FactStore;
  readonly #pump: Pump;
  readonly #keeper: PositionKeeper | undefined;
  readonly #sources = new SourceBook();
  readonly #first: FirstLook;
  readonly #processes: WatchedProcesses;
  readonly #ahead = new ShownAhead();
  #specs: readonly SourceSpec[] = [];
  #specsText = '';
  readonly #masker: Masker;
  readonly #told: ToldEntities;
  readonly #toldRecords: ToldRecords;
  /** As acts see them; everybody else gets them {@link entities without secrets}. */
  #entities = new Map<string, Entity>();
  #data: JsonObject = {};
  #settled = false;
  #closed = false;
  #deriveTimer: (() => void) | undefined;
  #wakeTimer: (() => void) | undefined;
  #earliest = 0;
  #factsSince: Instant | undefined;
  #gaps = 0;
  #failure: string | undefined;
  /** Logs that their writers empty, by source and path. */
  readonly #volatile = new Map<string, VolatileLog>();
  readonly #listeners = new Set<(view: StateView) => void>();

  constructor(kind: SystemKind, located: Located, ports: WatchPorts) {
    this.kind = kind;
    this.located = located;
    this.#ports = ports;
    this.#masker = ports.masker ?? createMasker();
    this.#told = new ToldEntities(this.#masker);
    this.#toldRecords = new ToldRecords(this.#masker);
    this.#keeper = ports.keeperOf?.(kind, located);
    this.#facts = new FactStore(located, kind.parsers, (source, path) => this.#keeper?.kept(source, path));
    this.#processes = new WatchedProcesses(ports.clock.now());
    this.#first = new FirstLook(
      ports.clock,
      this.#sources,
      () => this.#specs,
      () => this.#derive(),
    );
    this.#specs = kind.sources(located, {});
    this.#specsText = JSON.stringify(this.#specs);
    this.#facts.setSpecs(this.#specs);
    this.#pump = ports.makePump(this.#specs, {
      root: located.root,
      ...(located.url === undefined ? {} : { url: located.url }),
      clock: ports.clock,
      once: ports.once,
      secret: (name) => ports.secret(located, name),
      ...(ports.budgetDir === undefined ? {} : { budgetDir: ports.budgetDir }),
      ...(ports.hideProcesses === true ? { hideProcesses: true } : {}),
      ...(this.#keeper ? { resume: this.#keeper.resume } : {}),
      // What is not in memory must be had from elsewhere then, and rows that are handed on keep their order.
      ...(ports.archive && !this.#keeper?.handsOn ? { aheadBytes: AHEAD_BYTES } : {}),
      onEvent: (event) => this.#take(event),
    });
    this.#keeper?.attach({
      position: (source, path) => this.#pump.position(source, path),
      keep: (source, path) => this.#facts.keep(source, path),
      spec: (source) => this.#specs.find(({ id }) => id === source),
    });
  }

  /** What the system shows, secrets masked. */
  get entities(): ReadonlyMap<string, Entity> {
    return this.#told.all;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Why how far the logs were read can't be kept; undefined while all is well. */
  get keepingTrouble(): string | undefined {
    return this.#keeper?.trouble;
  }

  get polling(): boolean {
    return this.#pump.polling();
  }

  /** Places in logs whose bytes were gone before they could be read, since this watch began. */
  get gaps(): number {
    return this.#gaps;
  }

  /** Since when facts count, when the beginning of a long log was left out. */
  get factsSince(): Instant | undefined {
    return this.#factsSince;
  }

  get specs(): readonly SourceSpec[] {
    return this.#specs;
  }

  /** Starts reading; resolves when every source was read once, its facts derived, and the sources they name read too. */
  async start(): Promise<void> {
    this.#pump.start();
    await this.#settle();
  }

  /** Reads all sources again now and derives. */
  async refresh(): Promise<void> {
    await this.#pump.refresh();
    this.#derive();
  }

  /** The state as acts see it: exact. */
  view(): StateView {
    return stateViewOf(
      this.located,
      this.#ports.clock.now(),
      this.#entities,
      this.#data,
      this.#processes.table,
    );
  }

  /** Calls back after each derivation, until the returned function is called. */
  observe(listener: (view: StateView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The newest records of a source that could not be understood, the newest last. */
  badRecords(source: string): readonly BadRecord[] {
    return this.#masker.value(this.#sources.badRecords(source));
  }

  summary(): SystemSummary {
    const sources = this.#specs.map((spec) => this.#sources.statusOf(spec, this.#facts.files(spec.id)));
    const { settings, url } = this.located;
    return {
      id: this.located.system,
      kind: this.kind.kind,
      title: this.kind.title,
      root: this.located.root,
      ...(url === undefined ? {} : { url: this.#masker.text(url) }),
      ...(settings.environment === undefined ? {} : { environment: settings.environment }),
      readOnly: settings.readOnly === true,
      state: this.#failure ? 'error' : systemStateOf(sources),
      sources: this.#masker.value(sources),
      settled: this.#settled,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#deriveTimer?.();
    this.#wakeTimer?.();
    this.#first.close();
    this.#keeper?.close();
    await this.#pump.close();
  }

  async #settle(): Promise<void> {
    // Facts may name further sources (a run's own directory), so settling can take a few rounds.
    for (let round = 0; round < 5 && !this.#closed; round += 1) {
      await this.#pump.settled();
      const before = this.#specsText;
      this.#derive();
      if (this.#specsText === before) break;
    }
    this.#settled = true;
    this.#first.end();
    if (!this.#closed) this.#derive();
  }

  #take(event: IngestEvent): void {
    if (this.#closed) return;
    if (event.type === 'processes') {
      if (this.#processes.take(event.table)) this.#scheduleDerive();
      return;
    }
    const outcome = this.#facts.take(event);
    if (event.type === 'status') {
      const isNews = this.#sources.take(event.status);
      if (!this.#first.isOver) {
        if (!this.#ports.once) this.#first.sourceMoved();
        if (isNews) this.#ports.onStatus(this);
      } else if (!outcome.changed && isNews) this.#ports.onStatus(this);
    } else {
      this.#sources.account(event.source, outcome.records.length, outcome.bad);
      this.#feedLogs(event, outcome.records, this.#ahead.rest(event, outcome.records));
    }
    if (outcome.changed) this.#scheduleDerive();
  }

  #feedLogs(
    event: Exclude<IngestEvent, { type: 'processes' | 'status' }>,
    records: readonly LogRecord[],
    shown: readonly LogRecord[],
  ): void {
    const path = this.#masker.name(event.path);
    const origin = { system: this.located.system, source: event.source, path };
    const volatile =
      event.type === 'chunk' || event.type === 'wiped' ? this.#volatileAt(event, path) : undefined;
    if (volatile) {
      this.#ports.spool?.take(volatile, event);
      // There may be nothing in it yet, and yet something that was in it.
      if (event.type === 'chunk' && event.fresh) this.#noteLog(event, path);
    }
    if (event.type === 'wiped' || event.type === 'gap') {
      if (event.type === 'gap') this.#gaps += 1;
      else {
        const frozen = (file: string): string =>
          this.#ports.archive?.places.frozen(origin.system, origin.source, path, file) ?? file;
        this.#ports.logs.markWiped(origin, frozen);
        this.#noteLog(event, path);
      }
      const row = { ...origin, at: event.at, text: this.#masker.text(lossText(event, path)), keys: [path] };
      this.#ports.logs.addChange({ ...row, sortAt: event.at });
      const offset = event.type === 'gap' ? event.offset : (event.readBytes ?? 0);
      this.#keeper?.took(event, [{ ...row, offset, form: 'change' }]);
      this.#ports.onStatus(this);
      return;
    }
    if (event.type !== 'chunk' || records.length === 0) {
      this.#keeper?.took(event, []);
      return;
    }
    if (event.chunk.type === 'lines' && event.chunk.partial && !event.known) {
      const first = records.find((record) => record.at !== undefined)?.at;
      if (first !== undefined && (this.#factsSince === undefined || first > this.#factsSince))
        this.#factsSince = first;
    }
    const place =
      event.rotated === undefined ? origin : rotatedOrigin(origin, this.#masker.name(event.rotated));
    if (event.fresh || event.rotated !== undefined) this.#noteLog(event, path);
    const told = this.#toldRecords.take(`${event.source}/${event.path}`, shown, event.known);
    const lines = event.chunk.type === 'lines' && shown.length > 0 ? event.chunk.lines : [];
    const held = event.file === undefined ? {} : { file: event.file, firstOffset: lines[0]?.offset ?? 0 };
    this.#ports.logs.add({ ...place, ...held }, told, event.modifiedAt ?? event.at, lines);
    this.#keeper?.took(
      event,
      told.map((record): UnplacedRow => ({ ...record, ...place, form: 'log' })),
    );
    if (this.#first.isOver && event.chunk.type === 'lines' && !event.known) {
      // A file found later may be an old one. A time in the future (another host's clock) is no negative delay.
      const writtenAt = event.fresh ? event.at : (event.modifiedAt ?? event.at);
      this.#ports.onLines?.(event.chunk.lines.length, Math.max(0, this.#ports.clock.now() - writtenAt));
    }
    this.#ports.onStatus(this);
    if (this.#first.isOver) this.#ports.onRows?.();
    if (event.ahead) this.#ports.onAhead?.();
  }

  /** The files of a log are others than before. */
  #noteLog({ source, path }: { readonly source: string; readonly path: string }, shown: string): void {
    const spec = this.#specs.find(({ id }) => id === source);
    // What is compressed is a part of the log it was rotated from.
    if (spec?.type !== 'log' || path.endsWith('.gz')) return;
    const { root, system, timezone } = this.located;
    const log = {
      system,
      source,
      path: isAbsolute(path) ? path : join(root, path),
      fence: fenceOf(root, spec.glob, false),
      reader: readerName(this.kind.kind, spec.parser),
      zone: timezone,
      shownPath: path,
    };
    this.#ports.archive?.places.note(shown, log, this.#volatile.get(`${source}\n${path}`));
  }

  /** The log of an event, if its writer empties it. That it was emptied before is told when it is met first. */
  #volatileAt(
    { source, path }: { readonly source: string; readonly path: string },
    shown: string,
  ): VolatileLog | undefined {
    const spec = this.#specs.find(({ id }) => id === source);
    if (spec?.type !== 'log' || spec.volatile !== true || !this.#ports.spool) return undefined;
    const key = `${source}\n${path}`;
    const known = this.#volatile.get(key);
    if (known) return known;
    const { root, system } = this.located;
    const log: VolatileLog = {
      ...{ system, root, source, path },
      file: isAbsolute(path) ? path : join(root, path),
      fence: fenceOf(root, spec.glob, false),
      position: () => this.#pump.position(source, path),
    };
    this.#volatile.set(key, log);
    for (const { at, ...emptied } of this.#ports.spool.emptied(log)) {
      const text = this.#masker.text(emptiedText(shown, emptied));
      const sortAt = instant(at);
      this.#ports.logs.addChange({ system, source, path: shown, at: sortAt, sortAt, text, keys: [shown] });
    }
    return log;
  }

  #scheduleDerive(): void {
    if (this.#deriveTimer || this.#closed || !this.#first.isOver) return;
    const wait = Math.max(0, this.#earliest - this.#ports.clock.monotonic());
    this.#deriveTimer = this.#ports.clock.after(wait, () => {
      this.#deriveTimer = undefined;
      this.#derive();
    });
  }

  #derive(): void {
    const { clock } = this.#ports;
    const startedAt = clock.monotonic();
    this.#wakeTimer?.();
    let derived: Derived;
    try {
      derived = this.kind.derive({
        located: this.located,
        facts: this.#facts,
        processes: this.#processes.table,
        now: clock.now(),
      });
      this.#failure = undefined;
    } catch (error) {
      // A rule of ours failed on foreign facts. The last good entities stay; the system is shown in error.
      this.#failure = error instanceof Error ? error.message : String(error);
      this.#ports.onStatus(this);
      return;
    }
    this.#data = derived.data ?? {};
    this.#processes.want(derived.wantedPids ?? []);
    this.#updateSpecs();
    if (!this.#first.isOver) return;
    const { diff, next } = diffEntities(this.#entities, derived.entities, (entity) =>
      this.#told.named(withDigest(entity)),
    );
    this.#entities = next;
    const told = this.#told.take(diff, next);
    if (derived.nextInstant !== undefined) {
      this.#wakeTimer = clock.at(derived.nextInstant, () => this.#scheduleDerive());
    }
    this.#earliest = clock.monotonic() + Math.max(MIN_DERIVE_GAP_MS, 4 * (clock.monotonic() - startedAt));
    this.#ports.onChange(this, told);
    // Before everything was read once, what is not there yet would look like a change.
    if (this.#settled && this.#listeners.size > 0) {
      const view = this.view();
      for (const listener of this.#listeners) listener(view);
    }
  }

  #updateSpecs(): void {
    const specs = this.#processes.ask(this.kind.sources(this.located, this.#data));
    const text = JSON.stringify(specs);
    if (text === this.#specsText) return;
    this.#specs = specs;
    this.#specsText = text;
    this.#facts.setSpecs(specs);
    this.#pump.update(specs);
  }
}

/** What happened to a log's bytes, with their place. */
function lossText(event: Extract<IngestEvent, { type: 'wiped' | 'gap' }>, path: string): string {
  if (event.type === 'gap') {
    return `${path}: a gap behind byte ${event.offset}${event.rotated === undefined ? '' : ` of ${event.rotated}`}: ${event.reason}`;
  }
  return emptiedText(path, event);
}

function emptiedText(path: string, { readBytes, unseen }: Partial<Emptied>): string {
  const upTo = readBytes === undefined ? '' : ` (${readBytes} bytes)`;
  const when = unseen ? ' some time after this, while nobody watched' : '';
  return `${path} was emptied by its writer${when}; what was read before${upTo} stays readable`;
}

/** Where lines stand that were read after their file was renamed. */
function rotatedOrigin(origin: LogOrigin, name: string): LogOrigin {
  const directory = origin.path.slice(0, origin.path.lastIndexOf('/') + 1);
  return { ...origin, path: `${directory}${name}`, log: origin.path };
}

/** The digest a decision is bound to is taken here, once, for all kinds. */
function withDigest(entity: Entity): Entity {
  if (entity.type !== 'approval' || !entity.payload) return entity;
  const digest = createHash('sha256')
    .update(entity.payload.form)
    .update('\n')
    .update(entity.payload.text)
    .digest('hex');
  return { ...entity, payloadDigest: digest };
}

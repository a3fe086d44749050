/**
 * Everything behind the border: watches the systems, answers calls, tells changes. The same code runs in a worker thread
 * for the cockpit and in the calling thread for verbs.
 */
import { createMasker, type Masker } from '../acts/mask.ts';
import type { ActEntry } from '../domain/act.ts';
import type { AttentionItem } from '../domain/attention.ts';
import type { EntityDiff } from '../domain/diff.ts';
import { stateWord } from '../domain/diff.ts';
import { type Entity, type Ref, refOf, type SystemId } from '../domain/entity.ts';
import { messageOf, UserError } from '../domain/error.ts';
import type { Signal } from '../domain/hook.ts';
import { type Instant, instant } from '../domain/instant.ts';
import type { StepProgress } from '../domain/steps.ts';
import type { WatchEntry } from '../domain/watch.ts';
import type { Clock } from '../host/clock.ts';
import type { IngestSpec, Pump, PumpOptions } from '../ingest/ingest.ts';
import type { LogPort } from '../logs/log-protocol.ts';
import { LogStore } from '../logs/log-store.ts';
import type { Located, SystemKind } from '../systems/system.ts';
import { type AbsentSystem, AbsentSystems } from './absent-systems.ts';
import { FlowGauge } from './flow-gauge.ts';
import { asideText, handOverStateOf, itemOf } from './hand-over-state.ts';
import type { HandOverState, HistoryDesk } from './history-desk.ts';
import { LogArchive } from './log-archive.ts';
import { LogBook } from './log-book.ts';
import type { LogSpool } from './log-spool.ts';
import type { PositionKeeper } from './position-keeper.ts';
import type {
  AnswerOf,
  Aside,
  CallName,
  EngineFigures,
  EnginePort,
  Hold,
  Presence,
  RequestOf,
  StateChanges,
  SystemSummary,
} from './protocol.ts';
import { readBeside } from './read-beside.ts';
import { SystemWatch } from './system-watch.ts';
import { Teller } from './teller.ts';

/** A system to watch, located by the configuration. */
export interface WatchedSystem {
  readonly kind: SystemKind;
  readonly located: Located;
}

/** The part of the acts room the engine forwards to. */
export interface ActDesk {
  offers(request: RequestOf<'offers'>): AnswerOf<'offers'>;
  playbook(request: RequestOf<'playbook'>): AnswerOf<'playbook'>;
  markStep(request: RequestOf<'markStep'>): AnswerOf<'markStep'>;
  stepProgress(): readonly StepProgress[];
  undo(request: RequestOf<'undo'>): AnswerOf<'undo'>;
  preview(request: RequestOf<'preview'>): AnswerOf<'preview'>;
  start(request: RequestOf<'start'>): Promise<AnswerOf<'start'>>;
  cancel(request: RequestOf<'cancel'>): AnswerOf<'cancel'>;
  settleAct(request: RequestOf<'settleAct'>): AnswerOf<'settleAct'>;
  output(request: RequestOf<'output'>): AnswerOf<'output'>;
  saw(request: RequestOf<'saw'>): AnswerOf<'saw'>;
  awake(): AnswerOf<'awake'>;
  aside(request: RequestOf<'aside'>): AnswerOf<'aside'>;
  back(request: RequestOf<'back'>): AnswerOf<'back'>;
  hold(request: RequestOf<'hold'>): AnswerOf<'hold'>;
  entries(): readonly ActEntry[];
  asides(): readonly Aside[];
  holds(): readonly Hold[];
  presence(): readonly Presence[];
  /** Sentences for the first row: what is wrong with the records. */
  notices?(): readonly string[];
  /** Calls back when entries, asides, holds or presence moved. */
  onChange(listener: () => void): () => void;
  close(): void;
}

/** The part of the alerts the engine forwards to. */
export interface AlertDesk {
  watch(request: RequestOf<'watch'>): AnswerOf<'watch'>;
  watches(): readonly WatchEntry[];
  signals(): readonly Signal[];
  /** Sentences for the first row: hooks that fail. */
  notices(): readonly string[];
  /** Calls back when any of these moved. */
  onChange(listener: () => void): () => void;
}

export interface EngineOptions {
  readonly systems: readonly WatchedSystem[];
  readonly clock: Clock;
  readonly once: boolean;
  makePump(specs: readonly IngestSpec[], options: PumpOptions): Pump;
  secret(located: Located, name: string): string | undefined;
  readonly budgetDir?: string;
  /** See {@link PumpOptions}. */
  readonly hideProcesses?: boolean;
  /** Starts the log engine, for what the files of logs hold beside the newest lines; undefined: those are all there is. */
  openLogs?(): Promise<LogPort>;
  /** Knows what is secret; default: what has the shape of it. */
  readonly masker?: Masker;
  /** Makes the acts room once the watches exist; undefined: no acts, no asides (read verbs need no state directory). */
  makeActs?(watches: ReadonlyMap<SystemId, SystemWatch>): ActDesk;
  /** Opens the history, for a cockpit: read at once, written from what is watched. `onChange`: its notices moved. */
  makeHistory?(logs: LogStore, onChange: () => void): HistoryDesk;
  /** Watches of this user and what the screen is asked to do; undefined: none, as for verbs. */
  readonly alerts?: AlertDesk;
  /** Keeps how far the logs of a system were read; see {@link WatchPorts}. */
  keeperOf?(kind: SystemKind, located: Located): PositionKeeper | undefined;
  /** Keeps what is read of logs that their writers empty; undefined: it is in memory alone. */
  readonly spool?: LogSpool;
  /** Writes the report of an incident, for a cockpit. */
  writeTimeline?(
    state: TimelineState,
    request: RequestOf<'timeline'>,
    port: Pick<EnginePort, 'call'>,
  ): Promise<AnswerOf<'timeline'>>;
  /** Sentences for the first row that hold for the whole session. */
  readonly notices?: readonly string[];
  /** Systems that are not there: told among the others, and waited for. */
  readonly absent?: readonly AbsentSystem[];
  /** Why there is no acts room where one was wanted. */
  readonly actsOff?: string;
}

/** The present, for a report that ends with it. */
export interface TimelineState {
  readonly now: Instant;
  readonly systems: readonly SystemSummary[];
  readonly entities: ReadonlyMap<SystemId, ReadonlyMap<string, Entity>>;
  /** What needs a human, most urgent first. */
  readonly queue: readonly AttentionItem[];
}

/** The engine, and the port to it for callers in the same thread. */
export interface Engine extends EnginePort {
  readonly watches: ReadonlyMap<SystemId, SystemWatch>;
  readonly logs: LogStore;
}

/** Starts watching at once. */
export function createEngine(options: EngineOptions): Engine {
  const { clock, alerts, masker = createMasker() } = options;
  const logs = new LogStore();
  const archive = new LogArchive({
    open: options.openLogs ?? (() => Promise.reject(new Error('older lines can not be read from here'))),
    masker,
    heldSince: () => logs.heldSince,
    ...(options.spool ? { spool: options.spool } : {}),
  });
  const book = new LogBook({
    store: logs,
    archive,
    masker,
    waits: options.once,
    moved() {
      logs.touch();
      tellSoon();
    },
  });
  const watches = new Map<SystemId, SystemWatch>();
  const told = new Set<SystemWatch>();
  let closed = false;
  const flow = new FlowGauge(clock.monotonic());

  const figuresOf = (systems: readonly SystemSummary[]): EngineFigures => {
    const sources = systems.flatMap((system) => system.sources);
    return {
      ...flow.figures(clock.monotonic()),
      unreadBytes: sources.reduce((sum, source) => sum + source.unreadBytes, 0),
      badRecords: sources.reduce((sum, source) => sum + source.badRecords, 0),
      gaps: [...watches.values()].reduce((sum, watch) => sum + watch.gaps, 0),
      polling: [...watches.values()].some((watch) => watch.polling),
    };
  };
  const keepingTroubles = (): readonly string[] => {
    const troubles = new Set([...watches.values()].flatMap((watch) => watch.keepingTrouble ?? []));
    return [...troubles].map((why) => `POSITIONS NOT WRITTEN: ${why}`);
  };
  const noticesWith = ({ polling }: EngineFigures): readonly string[] => [
    ...(options.notices ?? []),
    ...(polling ? ['polling: no change notifications here'] : []),
    ...keepingTroubles(),
    ...(options.spool?.trouble === undefined ? [] : [`EMPTIED LOGS NOT KEPT: ${options.spool.trouble}`]),
    ...(acts?.notices?.() ?? []),
    ...(history?.notices() ?? []),
    ...(alerts?.notices() ?? []),
  ];
  const factsSince = (): Pick<StateChanges, 'factsSince'> => {
    const sinces = [...watches.values()].flatMap((watch) => watch.factsSince ?? []);
    const newest = sinces.length > 0 ? instant(Math.max(...sinces)) : undefined;
    return newest === undefined ? {} : { factsSince: newest };
  };
  const frame = (): StateChanges => {
    const watched = [...watches.values()].map((watch) => watch.summary());
    const figures = figuresOf(watched);
    return {
      reset: false,
      complete: true,
      now: clock.now(),
      ...factsSince(),
      upserts: [],
      removed: [],
      systems: [...watched, ...absent.summaries],
      figures,
      logSeq: logs.seq,
      notices: noticesWith(figures),
    };
  };
  const actsPart = (): Pick<
    StateChanges,
    'acts' | 'asides' | 'holds' | 'presence' | 'watches' | 'signals'
  > => ({
    ...(acts
      ? { acts: acts.entries(), asides: acts.asides(), holds: acts.holds(), presence: acts.presence() }
      : { acts: [], asides: [], holds: [], presence: [] }),
    ...(alerts ? { watches: alerts.watches(), signals: alerts.signals() } : {}),
  });
  const teller = new Teller({
    clock,
    entities: () => [...watches.values()].flatMap((watch) => [...watch.entities.values()]),
    frame,
    acts: actsPart,
  });
  const tellSoon = (): void => teller.moved();

  const history = options.makeHistory?.(logs, tellSoon);
  const addWatch = ({ kind, located }: WatchedSystem): SystemWatch => {
    const watch = new SystemWatch(kind, located, {
      clock,
      logs,
      archive,
      once: options.once,
      makePump: options.makePump,
      secret: options.secret,
      ...(options.budgetDir === undefined ? {} : { budgetDir: options.budgetDir }),
      ...(options.hideProcesses === true ? { hideProcesses: true } : {}),
      masker,
      ...(options.keeperOf ? { keeperOf: options.keeperOf } : {}),
      ...(options.spool ? { spool: options.spool } : {}),
      onStatus: tellSoon,
      onAhead: () => teller.firstCame(),
      onRows: () => {
        if (logs.isAwaited) teller.rowsSeen();
      },
      onLines: (lines, lagMs) => flow.note(clock.monotonic(), lines, lagMs),
      onChange(changed, diff) {
        // What is there at the first look did not just happen.
        const isFirst = !told.has(changed);
        if (!isFirst) recordChanges(logs, diff, clock);
        told.add(changed);
        history?.take(changed, diff);
        teller.changed(diff);
        if (isFirst) teller.firstCame();
      },
    });
    watches.set(located.system, watch);
    return watch;
  };
  for (const system of options.systems) addWatch(system);
  const absent = new AbsentSystems(options.absent ?? [], options.once ? undefined : clock, (come) => {
    addWatch(come)
      .start()
      .catch(() => {});
    tellSoon();
  });
  const acts = options.makeActs?.(watches);
  const moved = (): void => teller.actsMoved();
  const stops = [acts?.onChange(moved), alerts?.onChange(moved)];
  const started = Promise.all([...watches.values()].map((watch) => watch.start()));
  started.catch(() => {});
  // Ages of sources and the figures move even when nothing else does.
  const stopBeat = options.once ? () => {} : clock.every(5_000, tellSoon);

  const watchOf = (system: SystemId): SystemWatch => {
    const watch = watches.get(system);
    if (!watch) throw new UserError(`no system "${system}"`, [`systems: ${[...watches.keys()].join(', ')}`]);
    return watch;
  };
  const deskFor = (): ActDesk => {
    if (!acts) throw new UserError(`acts are off: ${options.actsOff ?? 'this view only reads'}`, []);
    return acts;
  };

  const historyFor = (): HistoryDesk => {
    if (!history)
      throw new UserError('there is no history here: it could not be opened, or --at is given', []);
    return history;
  };
  const handOverState = (): HandOverState =>
    handOverStateOf(
      [...watches.values()].flatMap((watch) => [...watch.entities.values()]),
      frame().systems ?? [],
      acts,
      clock.now(),
    );

  const calls: {
    [C in CallName]: (request: RequestOf<C>, signal?: AbortSignal) => AnswerOf<C> | Promise<AnswerOf<C>>;
  } = {
    async settle() {
      await started;
      teller.flush();
      return { settled: true };
    },
    page: ({ query, at, rows }, signal) => book.page(query, at, rows, signal),
    find: async ({ query, from, direction }, signal) => ({
      row: (await book.find(query, from, direction, signal)) ?? null,
    }),
    count: (request, signal) => book.count(request, signal),
    histogram: (request, signal) => book.histogram(request, signal),
    parts: ({ query }, signal) => archive.files(query, signal),
    tail({ query, seq, rows }) {
      const found = logs.after(query, seq).slice(0, rows + 1);
      const told = found.slice(0, rows);
      return { rows: told, more: found.length > rows, seq: told.at(-1)?.seq ?? seq };
    },
    read: async ({ system, path, offset, maxBytes }) =>
      masker.value(await readBeside(watchOf(system).located.root, path, offset ?? 0, maxBytes)),
    offers: (request) => deskFor().offers(request),
    playbook: (request) => deskFor().playbook(request),
    markStep: (request) => deskFor().markStep(request),
    undo: (request) => deskFor().undo(request),
    preview: (request) => deskFor().preview(request),
    start: (request) => deskFor().start(request),
    cancel: (request) => deskFor().cancel(request),
    settleAct: (request) => deskFor().settleAct(request),
    output: (request) => deskFor().output(request),
    saw: (request) => deskFor().saw(request),
    awake: () => deskFor().awake(),
    aside(request) {
      const answer = deskFor().aside(request);
      if (answer.done) history?.remark('aside', asideText(request), request.item);
      return answer;
    },
    back: (request) => deskFor().back(request),
    hold(request) {
      const answer = deskFor().hold(request);
      const done = answer.held === request.take;
      if (done) history?.remark(request.take ? 'hold' : 'release', '', itemOf(request.key));
      return answer;
    },
    handOver: (request) => historyFor().handOver(request, handOverState()),
    async timeline(request) {
      if (!options.writeTimeline)
        throw new UserError('reports are written from a cockpit', ['`binnacle timeline`']);
      const state = {
        now: clock.now(),
        systems: frame().systems ?? [],
        entities: new Map([...watches].map(([system, watch]) => [system, watch.entities])),
        queue: handOverState().open,
      };
      return await options.writeTimeline(state, request, {
        call: async (name, asked) => await calls[name](asked as never),
      });
    },
    unreadHandOvers: () => history?.unreadHandOvers() ?? { handOvers: [] },
    readHandOver: (request) => historyFor().readHandOver(request),
    watch(request) {
      if (!alerts) throw new UserError('nothing is watched for anybody from here', []);
      return alerts.watch(request);
    },
    bad({ system, source }) {
      const asked = system === undefined ? [...watches.values()] : [watchOf(system)];
      const records = asked.flatMap((watch) =>
        watch.specs
          .filter((spec) => source === undefined || spec.id === source)
          .flatMap((spec) =>
            watch
              .badRecords(spec.id)
              .map((record) => ({ ...record, system: watch.located.system, source: spec.id })),
          ),
      );
      return { records };
    },
    async refresh({ system }) {
      const asked = system === undefined ? [...watches.values()] : [watchOf(system)];
      await Promise.all(asked.map((watch) => watch.refresh()));
      teller.flush();
      return { asked: asked.length };
    },
  };

  return {
    watches,
    logs,
    async call(name, request, signal) {
      if (closed) throw new Error('the engine has ended');
      try {
        return await calls[name](request as never, signal);
      } catch (error) {
        throw withoutSecrets(error, masker);
      }
    },
    subscribe(listener) {
      return teller.subscribe(listener);
    },
    async close() {
      if (closed) return;
      closed = true;
      stopBeat();
      absent.close();
      teller.close();
      for (const stop of stops) stop?.();
      acts?.close();
      // Who may write the spool is known from the history's lease.
      options.spool?.close();
      history?.close();
      book.close();
      await Promise.all([archive.close(), ...[...watches.values()].map((watch) => watch.close())]);
    },
  };
}

/** Every change of state becomes a line on the clock of the logs. */
function recordChanges(logs: LogStore, diff: EntityDiff, clock: Clock): void {
  const at = clock.now();
  const add = (entity: Entity, text: string): void => {
    const ref: Ref = refOf(entity);
    logs.addChange({
      system: entity.system,
      source: entity.evidence.source,
      path: entity.evidence.path ?? entity.evidence.source,
      at,
      sortAt: at,
      text,
      keys: [entity.id, ...(entity.logKeys ?? [])],
      ref,
    });
  };
  for (const entity of diff.appeared) {
    if (isWorthALine(entity)) add(entity, `${entity.type} ${entity.title}: ${stateWord(entity)}`);
  }
  for (const { before, after } of diff.changed) {
    if (isWorthALine(after) && stateWord(before) !== stateWord(after)) {
      add(after, `${after.type} ${after.title}: ${stateWord(before)} -> ${stateWord(after)}`);
    }
  }
  for (const entity of diff.gone) {
    if (isWorthALine(entity)) add(entity, `${entity.type} ${entity.title}: gone (was ${stateWord(entity)})`);
  }
}

/** A meter moves all the time and has its own place. */
function isWorthALine(entity: Entity): boolean {
  return entity.type !== 'meter';
}

function withoutSecrets(error: unknown, masker: Masker): unknown {
  if (!(error instanceof Error)) return masker.value(error);
  // The same error, so that it is still known for what it is.
  error.message = masker.text(error.message);
  return error;
}

/** The message of a failed call as the other side of the border may see it. */
export function failureMessage(error: unknown): string {
  return error instanceof UserError ? [error.message, ...error.nextSteps].join('\n') : messageOf(error);
}

/**
 * Directories as items (checkpoints of turns, jobs). The tree is walked by listing; a directory's own time stamp says
 * whether its names changed, so that ten thousand quiet items cost ten thousand stats and no reading.
 */
import { type Instant, instant } from '../domain/instant.ts';
import type { SourceStatus } from '../domain/source.ts';
import { assertNever } from '../lib/assert-never.ts';
import { absoluteGlob, type Discovery, segmentMatcher } from './discover.ts';
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
import type { LookResult, Watched } from './schedule.ts';
import { type ChangedItem, directoryMs, readTreeItem, TreeItem, type TreeReading } from './tree-item.ts';

/** Longest text taken of one file of an item. */
const TEXT_BYTES = 1024 * 1024;
/** An item that changed this recently is open: each of its files is looked at, and its directory is watched. */
const OPEN_MS = 120_000;
const MOST_OPEN = 128;
/**
 * How often quiet items are looked at: a sweep that was hinted at is about what came and went. Without notifications
 * every sweep is such a look.
 */
const QUIET_GAP_MS = 900;
/** Quiet items whose directory is looked at each time, in turn: all of a small tree, a fifth of a large one. */
const SHALLOW_PER_SWEEP = 1000;
const SHALLOW_SWEEPS = 5;
/** Items whose files are looked at one by one each time, in turn: a file rewritten in place moves no directory. */
const DEEP_PER_SWEEP = 150;
const SLICE_MS = 10;

/** A `tree` source. */
export function treeReader(spec: SpecOf<'tree'>, context: ReaderContext): SourceReader {
  return new TreeReader(spec, context);
}

class TreeReader implements SourceReader {
  readonly settled: Promise<void>;
  readonly #spec: SpecOf<'tree'>;
  readonly #context: ReaderContext;
  readonly #places: Places;
  readonly #how: TreeReading;
  readonly #keeper: StatusKeeper;
  readonly #failures: FailureBook;
  readonly #items = new Map<string, TreeItem>();
  /** The matches of each directory as they were taken in. */
  #groups: Discovery['groups'] = new Map();
  readonly #open = new Map<TreeItem, Watched>();
  readonly #walk: Watched = watchedBy(() => this.#sweep());
  readonly #gate = gate();
  /** Items still to be read in this sweep. */
  #pending: TreeItem[] = [];
  /** The same items in the order they are looked at. */
  #order: TreeItem[] = [];
  readonly #unsettled = new Set<TreeItem>();
  #shallowAt = 0;
  #deepAt = 0;
  /** Monotonic time of the last look at quiet items. */
  #quietAt = Number.NEGATIVE_INFINITY;
  #isSettled = false;

  constructor(spec: SpecOf<'tree'>, context: ReaderContext) {
    this.#spec = spec;
    this.#context = context;
    this.#keeper = new StatusKeeper(spec, spec.glob);
    this.#failures = new FailureBook(spec.id, context);
    this.#places = new Places(spec.glob, 'directory', context, this.#failures);
    this.#how = {
      cache: context.cache,
      fence: this.#places.fence,
      failures: this.#failures,
      maxBytes: spec.maxBytes ?? TEXT_BYTES,
      wanted: spec.read.map(segmentMatcher),
    };
    this.settled = this.#gate.opened;
  }

  start(): void {
    this.#context.schedule.add(this.#walk);
  }

  async refresh(): Promise<void> {
    for (const item of this.#items.values()) item.signature = '';
    this.#quietAt = Number.NEGATIVE_INFINITY;
    while (this.#sweep() === 'more') await new Promise((resolve) => setImmediate(resolve));
  }

  status(): SourceStatus {
    this.#keeper.items = this.#items.size;
    this.#keeper.unreadBytes = 0;
    summarise(this.#keeper, this.#failures, absoluteGlob(this.#context.options.root, this.#spec.glob));
    return this.#keeper.status();
  }

  close(): void {
    this.#context.schedule.remove(this.#walk);
    this.#context.watcher.forget(this.#walk);
    for (const item of [...this.#open.keys()]) this.#shut(item);
    this.#items.clear();
    this.#gate.open();
  }

  /** One walk: new and vanished items, then those whose directory moved, then some of the others file by file. */
  #sweep(): LookResult {
    if (this.#pending.length === 0) this.#collect();
    const started = performance.now();
    while (this.#pending.length > 0) {
      const item = this.#pending.pop();
      if (item) this.#readItem(item);
      if (performance.now() - started > SLICE_MS) break;
    }
    if (this.#pending.length > 0) return 'more';
    this.#keeper.lastReadAt = this.#context.options.clock.now();
    if (!this.#isSettled && this.#unsettled.size === 0) {
      this.#isSettled = true;
      this.#context.touched();
      this.#gate.open();
    } else if (!this.#isSettled) return 'again';
    // The walk itself never gets hot: items that change are looked at for themselves.
    return 'quiet';
  }

  #collect(): void {
    // What failed within an item counts for as long as the item is there.
    const isWithin = (path: string, { found }: Discovery): boolean =>
      found.some((item) => path.startsWith(item.path));
    const discovery = this.#places.look(this.#walk, isWithin, MOST_OPEN);
    if (discovery) this.#compare(discovery);
    const now = performance.now();
    const isDue = now - this.#quietAt >= QUIET_GAP_MS || this.#context.watcher.polling();
    if (isDue) this.#quietAt = now;
    this.#addKnown(isDue);
  }

  /** Takes in which items there are now: of ten thousand, those of a directory or two are others than before. */
  #compare(discovery: Discovery): void {
    const before = this.#groups;
    const { groups } = discovery;
    this.#groups = groups;
    // What is there at first is taken in by its path.
    const moved =
      before.size === 0
        ? discovery.found
        : [...groups].flatMap(([key, there]) => (before.get(key) === there ? [] : there));
    const there = new Set(moved.map(({ path }) => path));
    for (const [key, were] of before) {
      if (groups.get(key) === were) continue;
      for (const { path } of were) if (!there.has(path)) this.#drop(path);
    }
    for (const { path, raw } of moved) {
      if (this.#items.has(path)) continue;
      const added = new TreeItem(path, raw);
      this.#items.set(path, added);
      this.#order.push(added);
      this.#pending.push(added);
    }
  }

  #drop(path: string): void {
    const item = this.#items.get(path);
    if (!item) return;
    this.#items.delete(path);
    this.#unsettled.delete(item);
    this.#shut(item);
    if (!item.told) return;
    this.#context.emit({
      type: 'gone',
      source: this.#spec.id,
      path,
      at: this.#context.options.clock.now(),
    });
    this.#context.touched();
  }

  /** Adds items to look at: those that could not be read yet; quiet ones by their directory's time or file by file. */
  #addKnown(withQuiet: boolean): void {
    if (this.#order.length !== this.#items.size) this.#order = [...this.#items.values()];
    const all = this.#order;
    const pending = new Set(this.#pending);
    const add = (item: TreeItem | undefined): void => {
      if (item !== undefined && !pending.has(item)) this.#pending.unshift(item);
    };
    for (const item of this.#unsettled) add(item);
    if (!withQuiet) return;
    const shallow = Math.min(all.length, Math.max(SHALLOW_PER_SWEEP, Math.ceil(all.length / SHALLOW_SWEEPS)));
    for (let count = 0; count < shallow; count += 1) {
      this.#shallowAt = (this.#shallowAt + 1) % all.length;
      const item = all[this.#shallowAt];
      if (item && (item.signature === '' || directoryMs(item.raw) !== item.directoryMs)) add(item);
    }
    for (let count = 0; count < Math.min(DEEP_PER_SWEEP, all.length); count += 1) {
      this.#deepAt = (this.#deepAt + 1) % all.length;
      add(all[this.#deepAt]);
    }
  }

  /** Looks at an item's files and reads it again when one of them changed. */
  #readItem(item: TreeItem): LookResult {
    const read = readTreeItem(item, this.#how);
    switch (read.state) {
      case 'missing':
      case 'unchanged':
        return 'quiet';
      case 'writing':
        item.unsettledSince ??= performance.now();
        this.#unsettled.add(item);
        this.#keepOpen(item);
        return 'again';
      case 'changed':
        item.unsettledSince = undefined;
        this.#unsettled.delete(item);
        this.#deliver(item, read);
        return 'changed';
      default:
        return assertNever(read, 'tree item');
    }
  }

  #deliver(item: TreeItem, { names, texts, files, bornMs }: ChangedItem): void {
    const times: [string, Instant][] = files.map(({ name, stat }) => [name, instant(stat.mtimeMs)]);
    const changedMs = Math.max(item.directoryMs, ...files.map(({ stat }) => stat.mtimeMs));
    item.changedMs = changedMs;
    this.#keeper.changed(instant(changedMs));
    this.#context.emit({
      type: 'chunk',
      source: this.#spec.id,
      path: item.path,
      chunk: { type: 'directory', names, texts, modifiedAt: Object.fromEntries(times) },
      at: this.#context.options.clock.now(),
      modifiedAt: instant(changedMs),
      ...(bornMs > 0 ? { bornAt: instant(bornMs) } : {}),
      sizeBytes: files.reduce((sum, { stat }) => sum + (stat.isFile() ? stat.size : 0), 0),
      fresh: !item.told,
    });
    item.told = true;
    this.#context.touched();
    if (Date.now() - changedMs < OPEN_MS) this.#keepOpen(item);
  }

  /** Open items are looked at like files that change; the longest quiet one makes room. */
  #keepOpen(item: TreeItem): void {
    if (this.#context.options.once || this.#open.has(item)) return;
    if (this.#open.size >= MOST_OPEN) {
      let oldest = item;
      for (const other of this.#open.keys()) if (other.changedMs < oldest.changedMs) oldest = other;
      if (oldest === item) return;
      this.#shut(oldest);
    }
    const watched = watchedBy((): LookResult => {
      if (Date.now() - item.changedMs > OPEN_MS && item.unsettledSince === undefined) {
        this.#shut(item);
        return 'quiet';
      }
      return this.#readItem(item);
    });
    this.#open.set(item, watched);
    this.#context.schedule.add(watched);
    if (typeof item.raw === 'string') this.#context.watcher.watchItem(item.raw, watched);
  }

  #shut(item: TreeItem): void {
    const watched = this.#open.get(item);
    if (!watched) return;
    this.#open.delete(item);
    this.#context.schedule.remove(watched);
    this.#context.watcher.forget(watched);
  }
}

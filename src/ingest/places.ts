import type { Fence } from '../host/open-file.ts';
import { type Discovery, Finder, type Found, fenceOf } from './discover.ts';
import type { FailureBook, ReaderContext } from './reader.ts';
import type { Watched } from './schedule.ts';

/** What a source's glob names now. Matches that are not read are told with their reasons, and forgotten with them. */
export class Places {
  /** Where the glob may lead. */
  readonly fence: Fence;
  readonly #finder: Finder;
  readonly #context: ReaderContext;
  readonly #failures: FailureBook;
  #known: Discovery | undefined;

  constructor(glob: string, want: 'file' | 'directory', context: ReaderContext, failures: FailureBook) {
    this.fence = fenceOf(context.root, glob, context.options.allowOutside === true);
    this.#finder = new Finder(context.root, glob, { want, fence: this.fence, cache: context.cache });
    this.#context = context;
    this.#failures = failures;
  }

  /** The newest matches. */
  get found(): readonly Found[] {
    return this.#known?.found ?? [];
  }

  /**
   * Looks again; undefined when nothing came or went. `walk` is hinted at when one of the directories (the newest
   * `mostWatched` of them) changes. `keeps`: a path no longer named whose failure still counts.
   */
  look(
    walk: Watched,
    keeps: (path: string, there: Discovery) => boolean,
    mostWatched = Number.POSITIVE_INFINITY,
  ): Discovery | undefined {
    const discovery = this.#finder.find();
    if (discovery === this.#known) return undefined;
    this.#known = discovery;
    const { refused, directories } = discovery;
    this.#context.watcher.watch(directories.slice(-mostWatched), walk);
    for (const { path, reason } of refused) this.#failures.fail(path, reason);
    const isRefused = new Set(refused.map(({ path }) => path));
    this.#failures.prune((path) => isRefused.has(path) || keeps(path, discovery));
    return discovery;
  }
}

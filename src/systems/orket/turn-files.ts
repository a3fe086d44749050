import type { Instant } from '../../domain/instant.ts';
import type { FactsOf, FileFacts } from '../system.ts';
import { type Found, fromJson, newest, type TurnFiles } from './facts.ts';
import { directoryNameOf } from './schema.ts';

type FoundTurn = Found<TurnFiles>;

/** The turn directories of one run. Another object whenever one of them moved. */
export interface RunFiles {
  /** By turn id. */
  readonly turns: ReadonlyMap<string, FoundTurn>;
  /** Newest sign of life in them. */
  readonly lastAt: Instant | undefined;
}

/**
 * Turn directories sorted by their runs. There may be ten thousand, and one of them moved: the others are taken over
 * from one look to the next, as long as their {@link FileFacts} are the same objects.
 */
export class TurnShelf {
  #sources: readonly string[] = [];
  #lists: (readonly FileFacts[])[] = [];
  /** What each file gave, by source and place. */
  #slots: (FoundTurn | undefined)[][] = [];
  #turns = new Map<string, FoundTurn>();
  /** All directories of turns that have several: the same run may have left some in two workspaces. */
  #doubles = new Map<string, readonly FoundTurn[]>();
  #runs = new Map<string, RunFiles & { readonly turns: Map<string, FoundTurn> }>();

  /** By the directory name of the run. */
  get runs(): ReadonlyMap<string, RunFiles> {
    return this.#runs;
  }

  /** The directory of a turn: the one touched last. */
  get(id: string): FoundTurn | undefined {
    return this.#turns.get(id);
  }

  /** Takes in what these sources say now. */
  take(sources: readonly string[], facts: FactsOf): void {
    const lists = sources.map((source) => facts.files(source));
    const isShorter = lists.some((list, at) => list.length < (this.#lists[at]?.length ?? 0));
    if (isShorter || sources.join('\n') !== this.#sources.join('\n')) this.#clear(sources);
    const moved = new Set<string>();
    for (const [source, list] of lists.entries()) {
      const before = this.#lists[source];
      if (list === before) continue;
      list.forEach((file, place) => {
        if (file !== before?.[place]) this.#put(this.#slots[source] ?? [], place, file, moved);
      });
    }
    this.#lists = lists;
    for (const run of moved) this.#renew(run);
  }

  #clear(sources: readonly string[]): void {
    this.#sources = sources;
    this.#lists = [];
    this.#slots = sources.map(() => []);
    this.#turns = new Map();
    this.#doubles = new Map();
    this.#runs = new Map();
  }

  /** Takes in one file; `moved` are the runs that are others then. */
  #put(slots: (FoundTurn | undefined)[], place: number, file: FileFacts, moved: Set<string>): void {
    const before = slots[place];
    const fact = fromJson<TurnFiles>(file.facts.get('turn'));
    const after = fact && file.present ? { fact, file } : undefined;
    slots[place] = after;
    const isStill = before?.fact.id === after?.fact.id;
    if (before && !isStill) this.#choose(before.fact.id, this.#without(before), moved);
    if (after) {
      const others = isStill && before ? this.#without(before) : this.#all(after.fact.id);
      this.#choose(after.fact.id, [...others, after], moved);
    }
  }

  #all(id: string): readonly FoundTurn[] {
    const one = this.#turns.get(id);
    return this.#doubles.get(id) ?? (one ? [one] : []);
  }

  #without(found: FoundTurn): readonly FoundTurn[] {
    return this.#all(found.fact.id).filter((one) => one !== found);
  }

  /** Of these directories the one touched last is the turn's. */
  #choose(id: string, all: readonly FoundTurn[], moved: Set<string>): void {
    if (all.length > 1) this.#doubles.set(id, all);
    else this.#doubles.delete(id);
    const before = this.#turns.get(id);
    let after: FoundTurn | undefined;
    for (const one of all) if (!after || isNewer(one, after)) after = one;
    if (before) {
      const run = directoryNameOf(before.fact.run);
      moved.add(run);
      if (!after || directoryNameOf(after.fact.run) !== run) this.#runs.get(run)?.turns.delete(id);
    }
    if (!after) {
      this.#turns.delete(id);
      return;
    }
    this.#turns.set(id, after);
    const run = directoryNameOf(after.fact.run);
    moved.add(run);
    const files = this.#runs.get(run);
    if (files) files.turns.set(id, after);
    else this.#runs.set(run, { turns: new Map([[id, after]]), lastAt: undefined });
  }

  #renew(run: string): void {
    const files = this.#runs.get(run);
    if (!files) return;
    let lastAt: Instant | undefined;
    for (const { fact } of files.turns.values())
      lastAt = newest([lastAt, fact.touchedAt, fact.checkpoint?.capturedAt]);
    if (files.turns.size === 0) this.#runs.delete(run);
    else this.#runs.set(run, { turns: files.turns, lastAt });
  }
}

function isNewer(one: FoundTurn, other: FoundTurn): boolean {
  const byTime = (one.fact.touchedAt ?? 0) - (other.fact.touchedAt ?? 0);
  return byTime > 0 || (byTime === 0 && one.file.path < other.file.path);
}

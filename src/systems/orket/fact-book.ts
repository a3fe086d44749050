import type { Json } from '../../lib/json.ts';
import type { ParseContext } from '../system.ts';
import { fromJson, toJson } from './facts.ts';

/**
 * The facts of one log while a chunk is folded: reads see what this chunk already wrote. What is kept is bounded by
 * rings: a group has `capacity` slots, and whoever comes next takes the oldest one's place. The slots are facts
 * themselves, so they agree with the facts whatever happened to the file, and one new line never rewrites a long list.
 */
export class FactBook {
  readonly #context: ParseContext;
  readonly #written = new Map<string, Json | null>();

  constructor(context: ParseContext) {
    this.#context = context;
  }

  get<T>(key: string): T | undefined {
    const own = this.#written.get(key);
    return fromJson<T>(own === undefined ? this.#context.fact(key) : (own ?? undefined));
  }

  set(key: string, fact: object): void {
    this.#written.set(key, toJson(fact));
  }

  /** Like {@link set} for a fact of which only the newest `capacity` are kept. */
  setInRing(group: string, id: string, fact: object, capacity: number): void {
    const key = `${group}/${id}`;
    if (this.get(key) === undefined) {
      const counter = this.get<{ next: number }>(`ring/${group}`)?.next ?? 0;
      const slot = `ring/${group}/${counter % capacity}`;
      const oldest = this.get<{ key: string }>(slot);
      if (oldest) this.#written.set(oldest.key, null);
      this.set(slot, { key });
      this.set(`ring/${group}`, { next: counter + 1 });
    }
    this.set(key, fact);
  }

  /** What the fold hands back. */
  written(): { readonly [key: string]: Json | null } {
    return Object.fromEntries(this.#written);
  }
}

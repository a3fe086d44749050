import type { Json } from '../../lib/json.ts';

/**
 * Facts of one log file while a chunk is folded: reads see what this chunk wrote before, and `changes` gives back only
 * what moved. Families are bounded: the oldest member goes when a family grows beyond its cap.
 */
export class FactDraft {
  readonly #read: (key: string) => Json | undefined;
  readonly #changed = new Map<string, Json | null>();
  readonly #members = new Map<string, string[]>();

  constructor(read: (key: string) => Json | undefined) {
    this.#read = read;
  }

  /** The fact as of now; the caller names the shape its parser writes. */
  get<T>(key: string): T | undefined {
    const changed = this.#changed.get(key);
    if (changed === null) return undefined;
    return (changed ?? this.#read(key)) as T | undefined;
  }

  set(key: string, value: Json): void {
    this.#changed.set(key, value);
  }

  remove(key: string): void {
    if (this.get(key) !== undefined) this.#changed.set(key, null);
  }

  /** Sets a member of a bounded family (`run`, `op` ...). The order of members is kept in the fact `members:<family>`. */
  put(family: string, name: string, value: Json, cap: number): void {
    const key = `${family}:${name}`;
    const isNew = this.get(key) === undefined;
    this.set(key, value);
    if (!isNew) return;
    const members = this.#membersOf(family);
    members.push(name);
    while (members.length > cap) {
      const oldest = members.shift();
      if (oldest !== undefined) this.remove(`${family}:${oldest}`);
    }
  }

  changes(): { readonly [key: string]: Json | null } {
    for (const [family, members] of this.#members) this.#changed.set(`members:${family}`, members);
    return Object.fromEntries(this.#changed);
  }

  #membersOf(family: string): string[] {
    let members = this.#members.get(family);
    if (!members) {
      members = [...((this.#read(`members:${family}`) as readonly string[] | undefined) ?? [])];
      this.#members.set(family, members);
    }
    return members;
  }
}

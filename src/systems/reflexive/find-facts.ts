import type { Json } from '../../lib/json.ts';
import type { FactsOf, FileFacts } from '../system.ts';

/** A fact together with the file it came from. */
export interface Found<T> {
  readonly value: T;
  readonly file: FileFacts;
}

/** The fact under `key` of the files of these sources; of several, the one `isNewer` prefers. */
export function findFact<T>(
  facts: FactsOf,
  sources: readonly string[],
  key: string,
  timeOf: (value: T) => number,
): Found<T> | undefined {
  let best: Found<T> | undefined;
  for (const source of sources) {
    for (const file of facts.files(source)) {
      const value = file.facts.get(key) as T | undefined;
      if (value === undefined) continue;
      if (!best || timeOf(value) > timeOf(best.value)) best = { value, file };
    }
  }
  return best;
}

/** The fact under `key` of every file of these sources, newest first. */
export function findAll<T>(
  facts: FactsOf,
  sources: readonly string[],
  key: string,
  timeOf: (value: T) => number,
): Found<T>[] {
  const found: Found<T>[] = [];
  for (const source of sources) {
    for (const file of facts.files(source)) {
      const value = file.facts.get(key) as T | undefined;
      if (value !== undefined) found.push({ value, file });
    }
  }
  return found.sort((a, b) => timeOf(b.value) - timeOf(a.value));
}

/**
 * All facts of a family (`run:`, `op:` ...) by the rest of their key. The same fact in two files (a log that was
 * renamed, or copied and emptied) counts once: the one with the newer `timeOf`.
 */
export function findFamily<T>(
  facts: FactsOf,
  sources: readonly string[],
  prefix: string,
  timeOf: (value: T) => number,
): Map<string, Found<T>> {
  const found = new Map<string, Found<T>>();
  for (const source of sources) {
    for (const file of facts.files(source)) {
      for (const [key, json] of file.facts) {
        if (!key.startsWith(prefix)) continue;
        const name = key.slice(prefix.length);
        const value = json as Json as T;
        const known = found.get(name);
        if (!known || timeOf(value) > timeOf(known.value)) found.set(name, { value, file });
      }
    }
  }
  return found;
}

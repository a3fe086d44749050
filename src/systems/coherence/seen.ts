import type { Evidence } from '../../domain/entity.ts';
import { type Instant, instant } from '../../domain/instant.ts';
import { getNumber, getString, type Json } from '../../lib/json.ts';
import type { FileFacts } from '../system.ts';

/** One file's facts with a way to point at it. */
export interface Seen {
  readonly file: FileFacts;
  fact(key: string): Json | undefined;
  /** Evidence at a fact's offset and time, with `text` beside it. */
  at(fact: Json | undefined, text?: string): Evidence;
}

/** A number fact as an instant. */
export function instantOf(value: unknown, key: string): Instant | undefined {
  const at = getNumber(value, key);
  return at === undefined ? undefined : instant(at);
}

/** The newest present file of a source, else the newest one that was there. */
export function newestOf(files: readonly FileFacts[]): FileFacts | undefined {
  let best: FileFacts | undefined;
  for (const file of files) {
    if (!best || Number(file.present) > Number(best.present)) best = file;
    else if (file.present === best.present && (file.modifiedAt ?? 0) > (best.modifiedAt ?? 0)) best = file;
  }
  return best;
}

/** A file with its facts, or undefined when there are none. */
export function seenOf(file: FileFacts | undefined): Seen | undefined {
  if (!file) return undefined;
  return {
    file,
    fact: (key) => file.facts.get(key),
    at(fact, text) {
      const offset = getNumber(fact, 'offset');
      const at = instantOf(fact, 'at') ?? file.modifiedAt;
      const quoted = text ?? getString(fact, 'text');
      return {
        source: file.source,
        ...(file.path.startsWith('/api/') || file.path.startsWith('http')
          ? { url: file.path }
          : { path: file.path }),
        ...(offset === undefined ? {} : { offset }),
        ...(quoted === undefined ? {} : { text: quoted }),
        ...(at === undefined ? {} : { at }),
      };
    },
  };
}

import type { Json } from '../../lib/json.ts';
import { textAt } from './field.ts';
import type { WordMap } from './words.ts';

/** The value a map names, in the map's words; the value itself where the map has none for it and no default. */
export function wordOf({ field, map, default: otherwise }: WordMap, value: Json): string | undefined {
  const native = textAt(value, field);
  if (native === undefined) return otherwise;
  if (map && Object.hasOwn(map, native)) return map[native];
  return otherwise ?? native;
}

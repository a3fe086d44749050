import { getString, isObject, type Json } from '../../lib/json.ts';
import type { Located } from '../system.ts';

/** Variables whose values a described kind hands to programs and servers, wherever its description names them. */
export function secretNamesOf({ extra }: Located): readonly string[] {
  return namesIn(extra['description'] ?? null);
}

function namesIn(value: Json): readonly string[] {
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap(namesIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, one]) => {
    if (key === 'secret-header') return getString(one, 'env') ?? [];
    if (key !== 'secret-env' || !Array.isArray(one)) return namesIn(one);
    return (one as readonly Json[]).filter((name) => typeof name === 'string');
  });
}

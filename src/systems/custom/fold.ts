/** Records of a log folded into items: one per file, or one per value of a field. */
import { isObject, type Json } from '../../lib/json.ts';
import type { ParseContext } from '../system.ts';
import { fits } from './condition.ts';
import { fieldAt, instantOf, numberAt, textAt } from './field.ts';
import type { DescribedFold, DescribedLines, Taken } from './schema-source.ts';

/** Items one file may give per fold: a log with an id per line must not fill the memory. */
const MAX_ITEMS = 5_000;

/** What is kept of one item. Plain data: it is a fact. */
export interface FoldedItem {
  readonly key: string;
  readonly fields: { readonly [name: string]: Json };
  /** Time of the newest and the oldest record, where records have one. */
  readonly at: number | null;
  readonly from: number | null;
  /** Byte offset of the newest record. */
  readonly offset: number;
}

/** Facts of one file under construction, from one chunk of lines. */
export class Folding {
  readonly #source: DescribedLines;
  readonly #context: ParseContext;
  readonly #facts: { [key: string]: Json | null } = {};
  /** Keys of each fold, once this chunk has added to them: copied once, not for each new item. */
  readonly #added = new Map<string, string[]>();
  /** Folds that had no room for an item. */
  readonly full = new Set<string>();

  constructor(source: DescribedLines, context: ParseContext, isFresh: boolean) {
    this.#source = source;
    this.#context = context;
    if (!isFresh) return;
    // A file that begins anew tells its own story again, a program that was started again what it had told before.
    for (const [name, fold] of Object.entries(source.fold ?? {})) {
      if (fold.by !== undefined && source.type === 'log') continue;
      for (const key of this.#keys(name)) this.#facts[factKey(name, key)] = null;
      this.#facts[name] = [];
    }
  }

  get facts(): { readonly [key: string]: Json | null } {
    return this.#facts;
  }

  take(record: Json, offset: number): void {
    const zone = this.#context.located.timezone;
    const at = instantOf(fieldAt(record, this.#source.time ?? 'time'), zone) ?? null;
    for (const [name, fold] of Object.entries(this.#source.fold ?? {})) {
      if (fold.when && !fits(fold.when, { value: record, zone })) continue;
      const key = fold.by === undefined ? stemOf(this.#context.path) : textAt(record, fold.by);
      if (key === undefined) continue;
      const before = this.#itemOf(name, key);
      if (before === undefined && !this.#admit(name, key)) continue;
      this.#facts[factKey(name, key)] = {
        key,
        fields: fieldsOf(fold, before?.fields ?? {}, record, zone),
        at: later(before?.at ?? null, at),
        from: before?.from ?? at,
        offset,
      };
    }
  }

  #itemOf(name: string, key: string): FoldedItem | undefined {
    const place = factKey(name, key);
    const known = Object.hasOwn(this.#facts, place) ? this.#facts[place] : this.#context.fact(place);
    return isObject(known) ? (known as unknown as FoldedItem) : undefined;
  }

  #keys(name: string): readonly string[] {
    const known = Object.hasOwn(this.#facts, name) ? this.#facts[name] : this.#context.fact(name);
    return Array.isArray(known) ? (known as readonly string[]) : [];
  }

  #admit(name: string, key: string): boolean {
    const keys = this.#keys(name);
    if (keys.length >= MAX_ITEMS) {
      this.full.add(name);
      return false;
    }
    const added = this.#added.get(name);
    if (added) added.push(key);
    else {
      const list = [...keys, key];
      this.#added.set(name, list);
      this.#facts[name] = list;
    }
    return true;
  }
}

/** The items of a fold in the facts of one file. */
export function itemsOfFold(name: string, facts: ReadonlyMap<string, Json>): readonly FoldedItem[] {
  const keys = facts.get(name);
  if (!Array.isArray(keys)) return [];
  return (keys as readonly string[]).flatMap((key) => {
    const item = facts.get(factKey(name, key));
    return isObject(item) ? [item as unknown as FoldedItem] : [];
  });
}

/** One item of two files: a session that went on in another file. `older` is the one whose newest record is older. */
export function mergeItems(fold: DescribedFold, older: FoldedItem, newer: FoldedItem): FoldedItem {
  const fields: Record<string, Json> = { ...older.fields, ...newer.fields };
  for (const [name, taken] of Object.entries(fold.take)) {
    const a = older.fields[name];
    const b = newer.fields[name];
    if (a === undefined || b === undefined) continue;
    if ('first' in taken) fields[name] = a;
    else if (!('last' in taken)) fields[name] = combine(taken, a, b);
  }
  return { ...newer, fields, from: older.from ?? newer.from };
}

function factKey(name: string, key: string): string {
  return `${name}/${key}`;
}

/** The name of a file without its directory and extension: what names a session kept in a file of its own. */
function stemOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/(?<=.)\.[A-Za-z0-9]+$/, '');
}

function later(a: number | null, b: number | null): number | null {
  return a === null || (b !== null && b > a) ? b : a;
}

function fieldsOf(
  fold: DescribedFold,
  before: { readonly [name: string]: Json },
  record: Json,
  zone: string,
): { readonly [name: string]: Json } {
  const fields: Record<string, Json> = { ...before };
  for (const [name, taken] of Object.entries(fold.take)) {
    if (taken.when && !fits(taken.when, { value: record, zone })) continue;
    const known = Object.hasOwn(before, name) ? before[name] : undefined;
    if ('last' in taken || 'first' in taken) {
      const found = fieldAt(record, 'last' in taken ? taken.last : taken.first);
      if (found !== undefined && found !== null && ('last' in taken || known === undefined))
        fields[name] = found;
      continue;
    }
    const amount = amountOf(taken, record);
    if (amount !== undefined) fields[name] = known === undefined ? amount : combine(taken, known, amount);
  }
  return fields;
}

type Amount = Exclude<Taken, { last: string } | { first: string }>;

function amountOf(taken: Amount, record: Json): number | undefined {
  if ('count' in taken) return 1;
  return numberAt(record, 'sum' in taken ? taken.sum : 'max' in taken ? taken.max : taken.min);
}

function combine(taken: Amount, a: Json, b: Json): number {
  const [left, right] = [Number(a), Number(b)];
  if ('max' in taken) return Math.max(left, right);
  return 'min' in taken ? Math.min(left, right) : left + right;
}

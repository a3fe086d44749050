/** What a rule of a described kind is asked about: records, rows, folded items, processes, each with its place. */
import type { Evidence } from '../../domain/entity.ts';
import { type Instant, instant } from '../../domain/instant.ts';
import { isObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { DeriveContext, FileFacts } from '../system.ts';
import { fieldAt } from './field.ts';
import { type FoldedItem, itemsOfFold, mergeItems } from './fold.ts';
import type { KindDescription } from './schema.ts';
import type { DescribedEntity } from './schema-entity.ts';
import type { DescribedFold, DescribedSource } from './schema-source.ts';

/** Items a rule takes at most, so that a runaway file can't fill the screen's memory. */
const MAX_ITEMS = 20_000;

export interface Item {
  readonly value: Json;
  readonly evidence: Evidence;
  readonly readAt: Instant;
  /** For processes: whether there is one. */
  readonly alive?: boolean;
  /** File all of whose log rows belong to it. */
  readonly file?: string;
}

/** `source` and what of it: a query, a fold, `answer`, or nothing. */
export function partsOfFrom(from: string): { readonly source: string; readonly part: string | undefined } {
  const point = from.indexOf('.');
  return point === -1
    ? { source: from, part: undefined }
    : { source: from.slice(0, point), part: from.slice(point + 1) };
}

/** The items of one rule, in the order of their files. */
export function itemsOf(
  rule: DescribedEntity,
  description: KindDescription,
  context: DeriveContext,
): readonly Item[] {
  const { source: id, part } = partsOfFrom(rule.from);
  const source = description.sources[id];
  if (!source) return [];
  if (source.type === 'process') return processItems(id, source.words, context);
  const files = context.facts.files(id);
  const fold = 'fold' in source ? source.fold?.[part ?? ''] : undefined;
  if (fold) return foldedItems(id, part ?? '', fold, source, files);
  return files
    .filter((file) => file.present || source.type !== 'document')
    .flatMap((file) => answerItems(rule, part ?? 'value', file))
    .slice(0, MAX_ITEMS);
}

function processItems(
  source: string,
  words: readonly string[],
  { processes }: DeriveContext,
): readonly Item[] {
  const { readAt } = processes;
  const found = processes.processes.filter((one) =>
    words.some((word) => one.argv.some((argument) => argument.includes(word))),
  );
  // That there is none is an answer too: a rule with a title of its own tells it.
  if (found.length === 0) return [{ value: {}, evidence: { source }, readAt, alive: false }];
  return found.map((one) => {
    const command = one.argv.join(' ');
    return {
      value: { pid: one.pid, command, cwd: one.cwd ?? '', user: one.user ?? '', startedAt: one.startedAt },
      evidence: { source, pid: one.pid, text: command },
      readAt,
      alive: true,
    };
  });
}

function foldedItems(
  id: string,
  name: string,
  fold: DescribedFold,
  source: DescribedSource,
  files: readonly FileFacts[],
): readonly Item[] {
  const found = new Map<string, { item: FoldedItem; file: FileFacts }>();
  for (const file of files) {
    // A stream has no file: what it told stands when it ended.
    if (!file.present && source.type === 'log') continue;
    for (const item of itemsOfFold(name, file.facts)) {
      const place = fold.by === undefined ? file.path : item.key;
      const known = found.get(place);
      if (!known) found.set(place, { item, file });
      else if ((known.item.at ?? 0) > (item.at ?? 0))
        found.set(place, { item: mergeItems(fold, item, known.item), file: known.file });
      else found.set(place, { item: mergeItems(fold, known.item, item), file });
    }
  }
  return [...found.values()].slice(0, MAX_ITEMS).map(({ item, file }) => ({
    value: {
      ...item.fields,
      key: item.key,
      file: file.path,
      ...(item.at === null ? {} : { newest: item.at }),
      ...(item.from === null ? {} : { oldest: item.from }),
      ...(file.modifiedAt === undefined ? {} : { modified: file.modifiedAt }),
    },
    evidence: {
      source: id,
      path: file.path,
      offset: item.offset,
      ...(item.at === null ? {} : { at: instant(item.at) }),
    },
    readAt: file.readAt,
    ...(fold.by === undefined ? { file: file.path } : {}),
  }));
}

function answerItems(rule: DescribedEntity, key: string, file: FileFacts): readonly Item[] {
  const whole = file.facts.get(key);
  if (whole === undefined) return [];
  const readAt = key === 'value' ? file.facts.get('readAt') : undefined;
  const common = {
    evidence: {
      source: file.source,
      path: file.path,
      ...(key === 'value' || key === 'answer' ? {} : { query: key }),
    },
    // What an answer that failed left standing is as old as the one before it.
    readAt: typeof readAt === 'number' ? instant(readAt) : file.readAt,
  };
  const found = rule.each === undefined ? whole : fieldAt(whole, rule.each);
  if (Array.isArray(found))
    return (found as readonly Json[]).slice(0, MAX_ITEMS).map((value) => ({ value, ...common }));
  if (rule.each === undefined) return [{ value: withFile(found ?? null, file), ...common }];
  if (!isObject(found)) return [];
  return Object.entries(found)
    .slice(0, MAX_ITEMS)
    .map(([name, value]) => ({
      value: isObject(value) ? { key: name, ...value } : { key: name, value },
      ...common,
    }));
}

/** A document that is one item may be named after its file. */
function withFile(value: Json, file: FileFacts): Json {
  if (!isObject(value)) return value;
  const more: JsonObject = {
    file: file.path,
    ...(file.modifiedAt === undefined ? {} : { modified: file.modifiedAt }),
  };
  return { ...more, ...value };
}

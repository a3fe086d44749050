/** A kind made from its description in the configuration: the same contract as the built-in ones, without code. */
import * as z from 'zod/mini';
import { UserError } from '../../domain/error.ts';
import type { Json } from '../../lib/json.ts';
import { issueText } from '../../lib/schema-issue.ts';
import type { Located, SourceSpec, SystemKind } from '../system.ts';
import { actOf } from './acts.ts';
import { deriveDescribed } from './derive.ts';
import { parserOf } from './parse.ts';
import { type DescribedSource, durationMs, kindDescription } from './schema.ts';

const DEFAULT_POLL_MS = 10_000;

/** How a message names a key of the description: a text before it, or whoever knows its line. */
export type DescribedWhere = string | ((keys: readonly (string | number)[]) => string);

/** Builds a kind. Throws UserError naming the place (`where`) and the key for a description that is not right. */
export function customKind(name: string, description: unknown, where: DescribedWhere): SystemKind {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
    throw new UserError(`${placeOf(where, [])}: "${name}" can't be a kind's name`, [
      'use small letters, digits and dashes',
    ]);
  }
  const checked = kindDescription.safeParse(description);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
    const keys = [...(issue?.path ?? []), ...unknown].map((key) =>
      typeof key === 'number' ? key : String(key),
    );
    const what = unknown.length > 0 ? 'is no key here' : issueText(issue, description);
    throw new UserError(`${placeOf(where, keys)}: ${what}`, ['the README describes a kind of your own']);
  }
  const kind = checked.data;
  checkReferences(kind, where);
  const ids = Object.keys(kind.sources);
  return {
    kind: name,
    title: kind.title,
    settings: z.strictObject({}),
    recognise: (look) => {
      const wanted = kind.recognise ?? [];
      return wanted.length > 0 && wanted.every((path) => look.exists(path))
        ? { confidence: 0.9, because: wanted.join(', ') }
        : undefined;
    },
    locate: (dir, _look, system, settings): Located => ({
      system,
      kind: name,
      root: dir,
      timezone: settings.timezone ?? 'UTC',
      settings,
      // The runner builds the kind again from what travels with its order.
      extra: { description: description as Json },
      ...(settings.url === undefined ? {} : { url: settings.url }),
    }),
    sources: () => ids.map((id) => sourceSpec(id, kind.sources[id] as DescribedSource)),
    parsers: Object.fromEntries(ids.map((id) => [id, parserOf(kind.sources[id] as DescribedSource)])),
    derive: (context) => deriveDescribed(kind, context),
    acts: (kind.acts ?? []).map(actOf),
    playbooks: [],
  };
}

function placeOf(where: DescribedWhere, keys: readonly (string | number)[]): string {
  return typeof where === 'string' ? `${where}${keys.map((key) => `.${key}`).join('')}` : where(keys);
}

/** What the schema can't see: a source that does not exist, a pattern that is none, an act there is not. */
function checkReferences(kind: z.infer<typeof kindDescription>, where: DescribedWhere): void {
  for (const [index, entity] of kind.entities.entries()) {
    const [source = '', query] = entity.from.split('.');
    const described = Object.hasOwn(kind.sources, source) ? kind.sources[source] : undefined;
    const from = placeOf(where, ['entities', index, 'from']);
    if (!described) {
      throw new UserError(`${from}: there is no source "${source}"`, [
        `sources: ${Object.keys(kind.sources).join(', ')}`,
      ]);
    }
    if (described.type === 'database' && !(query && Object.hasOwn(described.queries, query))) {
      throw new UserError(`${from}: name a query, as in ${source}.QUERY`, [
        `queries: ${Object.keys(described.queries).join(', ')}`,
      ]);
    }
    for (const [row, { act }] of (entity.attention ?? []).entries()) {
      if (act === undefined || kind.acts?.some((one) => one.id === act)) continue;
      throw new UserError(
        `${placeOf(where, ['entities', index, 'attention', row, 'act'])}: there is no act "${act}"`,
        [`acts: ${(kind.acts ?? []).map((one) => one.id).join(', ') || 'none'}`],
      );
    }
  }
  for (const [id, source] of Object.entries(kind.sources)) {
    if (source.type !== 'log' || source.pattern === undefined) continue;
    try {
      new RegExp(source.pattern, 'u');
    } catch (error) {
      throw new UserError(
        `${placeOf(where, ['sources', id, 'pattern'])}: ${error instanceof Error ? error.message : 'bad'}`,
      );
    }
  }
}

function sourceSpec(id: string, source: DescribedSource): SourceSpec {
  const common = { id, parser: id };
  switch (source.type) {
    case 'log':
    case 'document':
      return { ...common, type: source.type, glob: source.glob };
    case 'database':
      return {
        ...common,
        type: 'database',
        path: source.path,
        queries: Object.entries(source.queries).map(([query, sql]) => ({ id: query, sql, optional: true })),
      };
    case 'http':
      return {
        ...common,
        type: 'http',
        path: source.path,
        everyMs: source.every === undefined ? DEFAULT_POLL_MS : durationMs(source.every),
      };
    case 'process':
      return { ...common, type: 'process', match: { words: source.words } };
  }
}

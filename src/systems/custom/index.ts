/** A kind made from its description in the configuration: the same contract as the built-in ones, without code. */
import * as z from 'zod/mini';
import { UserError } from '../../domain/error.ts';
import type { Json } from '../../lib/json.ts';
import type { Located, SourceSpec, SystemKind } from '../system.ts';
import { actOf } from './acts.ts';
import { deriveDescribed } from './derive.ts';
import { parserOf } from './parse.ts';
import { type DescribedSource, durationMs, kindDescription } from './schema.ts';

const DEFAULT_POLL_MS = 10_000;

/** Builds a kind. Throws UserError naming the place (`where`) and the key for a description that is not right. */
export function customKind(name: string, description: unknown, where: string): SystemKind {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
    throw new UserError(`${where}: "${name}" can't be a kind's name`, [
      'use small letters, digits and dashes',
    ]);
  }
  const checked = kindDescription.safeParse(description);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    const unknown = issue?.code === 'unrecognized_keys' ? `.${issue.keys[0]}` : '';
    const key = `${(issue?.path ?? []).map((part) => `.${String(part)}`).join('')}${unknown}`;
    throw new UserError(`${where}${key}: ${unknown ? 'is no key here' : (issue?.message ?? 'not valid')}`);
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

/** What the schema can't see: a source that does not exist, a pattern that is none. */
function checkReferences(kind: z.infer<typeof kindDescription>, where: string): void {
  for (const [index, entity] of kind.entities.entries()) {
    const [source = '', query] = entity.from.split('.');
    const described = kind.sources[source];
    if (!described) throw new UserError(`${where}.entities[${index}].from: there is no source "${source}"`);
    if (described.type === 'database' && !(query && query in described.queries)) {
      throw new UserError(`${where}.entities[${index}].from: name a query, as in ${source}.QUERY`);
    }
  }
  for (const [id, source] of Object.entries(kind.sources)) {
    if (source.type !== 'log' || source.pattern === undefined) continue;
    try {
      new RegExp(source.pattern, 'u');
    } catch (error) {
      throw new UserError(
        `${where}.sources.${id}.pattern: ${error instanceof Error ? error.message : 'bad'}`,
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

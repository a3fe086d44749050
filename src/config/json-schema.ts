/** `binnacle.yaml` as a JSON Schema (draft 2020-12), for editors: completion, explanations, mistakes underlined. */
import * as z from 'zod/mini';
import { getObject, type JsonObject } from '../lib/json.ts';
import { kindDescription } from '../systems/custom/index.ts';
import { builtInKinds, builtInNames } from '../systems/registry.ts';
import type { SystemKind } from '../systems/system.ts';
import { COMMON_KEYS, configSchema } from './schema.ts';
import { ownSettings } from './systems.ts';

const described = z.extend(configSchema, {
  kinds: z.optional(
    z
      .record(z.string(), kindDescription)
      .check(z.describe('orchestrators of your own, described; the README has two worked examples')),
  ),
});

/** The schema as an object of JSON. */
export async function configJsonSchema(): Promise<JsonObject> {
  const kinds = await builtInKinds();
  const made: unknown = z.toJSONSchema(described, { io: 'input', unrepresentable: 'any', reused: 'ref' });
  const schema = made as JsonObject;
  const properties = getObject(schema, 'properties') ?? {};
  const systems = getObject(properties, 'systems') ?? {};
  return {
    ...schema,
    title: 'binnacle.yaml',
    properties: {
      ...properties,
      systems: { ...systems, items: withSettings(kinds, getObject(systems, 'items') ?? {}) },
    },
  };
}

/** An entry of `systems:` with the settings of every kind, and by its kind those of that one. */
function withSettings(kinds: readonly SystemKind[], entry: JsonObject): JsonObject {
  const known = getObject(entry, 'properties') ?? {};
  const setting = (what: string): JsonObject => ({
    type: ['string', 'boolean', 'number'],
    description: what,
  });
  const common = Object.fromEntries(Object.entries(COMMON_KEYS).map(([key, what]) => [key, setting(what)]));
  return {
    ...entry,
    properties: {
      ...common,
      ...known,
      kind: {
        ...getObject(known, 'kind'),
        description: `${builtInNames.join(', ')}, or one of \`kinds:\``,
      },
      root: { ...getObject(known, 'root'), description: 'the directory the system lives in' },
    },
    allOf: kinds.map((kind) => {
      const own = Object.fromEntries([...ownSettings(kind)].map(([key, what]) => [key, setting(what)]));
      const names = [...Object.keys(common), ...Object.keys(known), ...Object.keys(own)];
      return {
        if: { properties: { kind: { const: kind.kind } }, required: ['kind'] },
        // A setting of another kind is a mistake here; kinds described in the same file are checked by the program.
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { properties: own, propertyNames: { enum: names } },
      };
    }),
  };
}

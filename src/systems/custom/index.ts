/** A kind made from its description in the configuration: the same contract as the built-in ones, without code. */
import * as z from 'zod/mini';
import { UserError } from '../../domain/error.ts';
import { getField, type Json } from '../../lib/json.ts';
import { issueText } from '../../lib/schema-issue.ts';
import type { CommonSettings, Located, Look, SystemKind } from '../system.ts';
import { actOf } from './acts.ts';
import { checkDescription, type DescribedKeys } from './check.ts';
import { deriveDescribed } from './derive.ts';
import { parserOf } from './parse.ts';
import { playbookOf } from './playbooks.ts';
import { type KindDescription, kindDescription } from './schema.ts';
import { programsOf, sourcesOf } from './sources.ts';

export { kindDescription } from './schema.ts';

/** How a message names a key of the description: a text before it, or whoever knows its line. */
export type DescribedWhere = string | ((keys: DescribedKeys) => string);

/** Builds a kind. Throws UserError naming the place (`where`) and the key for a description that is not right. */
export function customKind(name: string, description: unknown, where: DescribedWhere): SystemKind {
  const placeOf = (keys: DescribedKeys): string =>
    typeof where === 'string' ? `${where}${keys.map((key) => `.${key}`).join('')}` : where(keys);
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
    throw new UserError(`${placeOf([])}: "${name}" can't be a kind's name`, [
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
    throw new UserError(`${placeOf(keys)}: ${what}`, [
      '`binnacle config schema` prints the keys there are; the README describes a kind of your own',
    ]);
  }
  const kind = checked.data;
  checkDescription(kind, placeOf);
  return {
    kind: name,
    title: kind.title,
    settings: settingsOf(kind),
    recognise: (look) => {
      const wanted = kind.recognise ?? [];
      return wanted.length > 0 && wanted.every((path) => look.exists(path))
        ? { confidence: 0.9, because: wanted.join(', ') }
        : undefined;
    },
    locate: (dir, look, system, settings): Located => ({
      system,
      kind: name,
      root: dir,
      timezone: settings.timezone ?? 'UTC',
      settings,
      // The runner builds the kind again from what travels with its order.
      extra: { description: description as Json, ...chosen(kind, look, settings) },
      ...(settings.url === undefined ? {} : { url: settings.url }),
    }),
    sources: (located) => sourcesOf(kind, located.root, located.extra),
    parsers: Object.fromEntries(Object.entries(kind.sources).map(([id, source]) => [id, parserOf(source)])),
    derive: (context) => deriveDescribed(kind, context),
    acts: (kind.acts ?? []).map(actOf),
    playbooks: (kind.playbooks ?? []).map(playbookOf),
  };
}

/** Settings as the configuration hands them over: `max-age` is `maxAge` there. */
function settingsOf(kind: KindDescription): SystemKind['settings'] {
  const shape = Object.entries(kind.settings ?? {}).map(([name, { what, default: otherwise }]) => [
    camelCase(name),
    z
      .optional(z.string())
      .check(z.describe(otherwise === undefined ? what : `${what}; default ${otherwise}`)),
  ]);
  return z.strictObject(Object.fromEntries(shape));
}

/** What an installation adds to a description: its settings, and where its programs are. */
function chosen(kind: KindDescription, look: Look, given: CommonSettings): { readonly [key: string]: Json } {
  const settings: Record<string, string> = {};
  for (const [name, { what, default: otherwise }] of Object.entries(kind.settings ?? {})) {
    const value = getField(given, camelCase(name)) ?? otherwise;
    if (typeof value !== 'string')
      throw new UserError(`the setting "${name}" is missing: ${what}`, [`give it: ${name}=...`]);
    // It becomes a word of a command line as it is.
    if (value.startsWith('-')) throw new UserError(`the setting "${name}" can't begin with "-"`);
    settings[name] = value;
  }
  return { settings, programs: programsOf(kind, look) };
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

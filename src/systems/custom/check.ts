/** What the schema of a description can't see: names that lead nowhere, patterns that are none, values in unsafe places. */
import { UserError } from '../../domain/error.ts';
import { isObject } from '../../lib/json.ts';
import { partsOfFrom } from './items.ts';
import type { KindDescription } from './schema.ts';
import type { DescribedAct } from './schema-act.ts';
import type { DescribedSource } from './schema-source.ts';
import { wordReadAsProgram } from './steps.ts';

/** The keys that lead to something in the description. */
export type DescribedKeys = readonly (string | number)[];

/** How a message names a key of the description. */
export type PlaceOf = (keys: DescribedKeys) => string;

/** Throws UserError naming the place of the first mistake. */
export function checkDescription(kind: KindDescription, placeOf: PlaceOf): void {
  const fail = (keys: DescribedKeys, text: string, next: readonly string[] = []): never => {
    throw new UserError(`${placeOf(keys)}: ${text}`, next);
  };
  checkTexts(kind, kind, [], fail);
  checkEntities(kind, fail);
  const acts = kind.acts ?? [];
  for (const [index, act] of acts.entries()) checkAct(kind, act, ['acts', index], fail);
  for (const [index, playbook] of (kind.playbooks ?? []).entries()) {
    for (const [row, step] of playbook.steps.entries()) {
      if (step.type === 'act') checkActName(kind, step.act, ['playbooks', index, 'steps', row, 'act'], fail);
    }
  }
}

type Fail = (keys: DescribedKeys, text: string, next?: readonly string[]) => never;

function checkEntities(kind: KindDescription, fail: Fail): void {
  for (const [index, entity] of kind.entities.entries()) {
    const at = ['entities', index];
    checkFrom(kind, entity.from, [...at, 'from'], fail);
    for (const [row, { act, playbook }] of (entity.attention ?? []).entries()) {
      checkActName(kind, act, [...at, 'attention', row, 'act'], fail);
      checkPlaybook(kind, playbook, [...at, 'attention', row, 'playbook'], fail);
    }
    if (entity.type === 'issue') checkPlaybook(kind, entity.playbook, [...at, 'playbook'], fail);
    if (entity.type !== 'approval') continue;
    for (const [row, act] of (entity.decisions ?? []).entries())
      checkActName(kind, act, [...at, 'decisions', row], fail);
  }
}

function checkFrom(kind: KindDescription, from: string, at: DescribedKeys, fail: Fail): void {
  const { source: name, part } = partsOfFrom(from);
  const source = Object.hasOwn(kind.sources, name) ? kind.sources[name] : undefined;
  const parts = source && partsOf(source);
  if (!parts) fail(at, `there is no source "${name}"`, [`sources: ${Object.keys(kind.sources).join(', ')}`]);
  else if (part === undefined ? !parts.whole : !parts.names.includes(part))
    fail(
      at,
      parts.names.length > 0 ? `${name} has these parts: ${parts.names.join(', ')}` : `${name} has no parts`,
      [parts.whole ? `write ${name}` : `write ${name}.${parts.names[0] ?? 'NAME, and describe its fold'}`],
    );
}

/** What of a source a rule may be made of: the whole, or parts by name. */
function partsOf(source: DescribedSource): { readonly whole: boolean; readonly names: readonly string[] } {
  switch (source.type) {
    case 'database':
      return { whole: false, names: Object.keys(source.queries) };
    case 'log':
    case 'stream':
      return { whole: false, names: Object.keys(source.fold ?? {}) };
    case 'http':
    case 'probe':
      return { whole: true, names: ['answer'] };
    case 'document':
    case 'process':
      return { whole: true, names: [] };
  }
}

function checkAct(kind: KindDescription, act: DescribedAct, at: DescribedKeys, fail: Fail): void {
  if (kind.acts?.some((one) => one !== act && one.id === act.id))
    fail([...at, 'id'], `there are two acts "${act.id}"`);
  checkActName(kind, act['undo-act'], [...at, 'undo-act'], fail);
  const types: readonly string[] = kind.entities.map((entity) => entity.type);
  if (!types.includes(act.applies.type))
    fail([...at, 'applies', 'type'], `no entity here is a "${act.applies.type}"`, [
      `types: ${[...new Set(types)].join(', ')}`,
    ]);
  const isRead = act.risk === 'read';
  for (const [row, step] of act.steps.entries()) {
    const here = [...at, 'steps', row];
    if ((step.type === 'read') !== isRead)
      fail(
        here,
        isRead ? 'an act of risk read has read steps alone' : 'read steps belong to acts of risk read',
      );
    if (step.type === 'write' && (step.text === undefined) === (step.json === undefined))
      fail(here, 'either text or json is wanted');
    if (!('argv' in step)) continue;
    const index = wordReadAsProgram(step.argv);
    if (index !== undefined)
      fail([...here, 'argv', index], 'a value would become a part of a program here', [
        'hand it over as an argument: [sh, -c, \'retry "$1"\', retry, "{id}"]',
      ]);
    if (/^\{|\.\.(\/|$)/.test(step.argv[0] ?? ''))
      fail([...here, 'argv', 0], 'the program is fixed, and below the root or absolute');
  }
  if (!isRead && (act.expect ?? []).length === 0)
    fail([...at, 'expect'], 'is missing: by what in the sources is it seen that it worked?');
  for (const [row, { status, where, changed, gone }] of (act.expect ?? []).entries()) {
    if (!status && !where && !changed && !gone)
      fail([...at, 'expect', row], 'status, where, changed or gone is wanted');
  }
}

function checkActName(kind: KindDescription, act: string | undefined, at: DescribedKeys, fail: Fail): void {
  if (act === undefined || kind.acts?.some((one) => one.id === act)) return;
  fail(at, `there is no act "${act}"`, [
    `acts: ${(kind.acts ?? []).map((one) => one.id).join(', ') || 'none'}`,
  ]);
}

function checkPlaybook(kind: KindDescription, id: string | undefined, at: DescribedKeys, fail: Fail): void {
  if (id === undefined || kind.playbooks?.some((one) => one.id === id)) return;
  fail(at, `there is no playbook "${id}"`, [
    `playbooks: ${(kind.playbooks ?? []).map((one) => one.id).join(', ') || 'none'}`,
  ]);
}

/** Patterns, and settings named in texts, wherever they stand. */
function checkTexts(kind: KindDescription, value: unknown, at: DescribedKeys, fail: Fail): void {
  if (typeof value === 'string') {
    const key = at.at(-1);
    if (key === 'pattern' || key === 'matches') checkPattern(value, at, fail);
    for (const [, name = ''] of value.matchAll(/\{settings\.([A-Za-z0-9_-]*)\}/g)) {
      if (kind.settings === undefined || !Object.hasOwn(kind.settings, name))
        fail(at, `there is no setting "${name}"`);
    }
  } else if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) checkTexts(kind, one, [...at, index], fail);
  } else if (isObject(value)) {
    for (const [key, one] of Object.entries(value)) checkTexts(kind, one, [...at, key], fail);
  }
}

function checkPattern(source: string, at: DescribedKeys, fail: Fail): void {
  try {
    new RegExp(source, 'u');
  } catch (error) {
    fail(at, error instanceof Error ? error.message : 'no regular expression');
  }
}

import { stateText } from '../domain/diff.ts';
import type { Entity, EntityType, Evidence } from '../domain/entity.ts';
import { UserError } from '../domain/error.ts';
import { toIso } from '../domain/instant.ts';
import type { EnginePort } from '../engine/protocol.ts';
import { safeLines, safeText } from '../lib/safe-text.ts';
import type { CockpitState } from '../store/state.ts';
import { entityJson, LISTS } from './json.ts';
import type { Output } from './output.ts';
import { printSteps, stepsJson, stepsOf } from './steps.ts';
import { findTarget } from './target.ts';

/** Throws UserError where no type or no id is named, before anything is read for it. Returns both. */
export function checkShown(
  what: string | undefined,
  id: string | undefined,
): { readonly type: EntityType | 'attention'; readonly id: string } {
  const type = what === 'attention' ? what : typeOf(what);
  if (type && id !== undefined) return { type, id };
  const names = `WHAT is one of: attention ${LISTS.map((list) => singular(list.verb)).join(' ')}`;
  if (what === undefined) throw new UserError('show what? `binnacle show WHAT ID`', [names]);
  if (!type) throw new UserError(`nothing is called "${what}"`, [names]);
  throw new UserError(`which ${what}? \`binnacle show ${what} ID\``, [
    `\`binnacle list ${listOf(type)}\` names them`,
  ]);
}

/** The list that names the things of a type. */
function listOf(type: EntityType | 'attention'): string {
  return LISTS.find((list) => list.type === type)?.verb ?? type;
}

/** Prints one entity with its evidence, and the steps for its condition. `attention`: whatever of that id needs a human. */
export async function printEntity(
  what: string | undefined,
  wanted: string | undefined,
  engine: Pick<EnginePort, 'call'>,
  state: CockpitState,
  json: boolean,
  output: Output,
): Promise<number> {
  const { type, id } = checkShown(what, wanted);
  const isWanted = (one: Entity): boolean =>
    type === 'attention' ? one.attention !== undefined : one.type === type;
  const entity = findTarget(state, id, isWanted, listOf(type));
  if (type === 'attention' && !entity.attention)
    throw new UserError(`${entity.type} ${entity.system}/${entity.id} needs nobody`, [
      `binnacle show ${entity.type} ${id}`,
    ]);
  if (type !== 'attention' && entity.type !== type) {
    throw new UserError(`"${id}" is a ${entity.type}, not a ${type}`, [`binnacle show ${entity.type} ${id}`]);
  }
  // Where the records can't be opened that was said already; the rest is told all the same.
  const steps = await stepsOf(engine, entity).catch(() => null);
  if (json) {
    const told = entityJson(entity, state.aside) as object;
    output.json({ ...told, steps: steps && stepsJson(steps) }, true);
    return 0;
  }
  printText(entity, output);
  if (steps) {
    output.line(safeText('  steps'));
    printSteps(steps, output, '    ');
  }
  return 0;
}

function typeOf(what: string | undefined): EntityType | undefined {
  return LISTS.find((list) => what === list.verb || what === list.name || what === singular(list.verb))?.type;
}

function singular(verb: string): string {
  return verb.replace(/s$/, '');
}

/** Where a statement comes from, in one line. */
export function evidenceLine(evidence: Evidence): string {
  const place = evidence.url ?? evidence.path ?? evidence.source;
  const offset = evidence.offset === undefined ? '' : `@${evidence.offset}`;
  const pid = evidence.pid === undefined ? '' : ` pid ${evidence.pid}`;
  const at = evidence.at === undefined ? '' : `  ${toIso(evidence.at)}`;
  return `${evidence.source.padEnd(14)} ${place}${offset}${pid}${at}${evidence.text ? `  ${evidence.text}` : ''}`;
}

function printText(entity: Entity, output: Output): void {
  const line = (text: string): void => output.line(safeText(text));
  line(`${entity.type} ${entity.system}/${entity.id}`);
  line(`  ${entity.title}`);
  line(`  state      ${stateText(entity)}`);
  const attention = entity.attention;
  if (attention) {
    line(`  needs you  ${attention.label}: ${attention.why}`);
    if (attention.since !== undefined) line(`  since      ${toIso(attention.since)}`);
    if (attention.until !== undefined)
      line(`  until      ${toIso(attention.until)} ${attention.onExpiry ?? ''}`);
    if (attention.act) line(`  act        binnacle act ${attention.act} ${entity.system}/${entity.id}`);
  }
  for (const caution of entity.cautions ?? []) line(`  caution    ${caution}`);
  if (entity.type === 'approval') {
    if (!entity.answerable) line(`  can't be answered here: ${entity.reason ?? 'no reason known'}`);
    if (entity.question) line(`  question   ${entity.question}`);
    if (entity.payload) {
      line(`  ${entity.payload.form} (sha256 ${entity.payloadDigest ?? 'not taken'})`);
      for (const text of safeLines(entity.payload.text)) output.line(safeText(`    ${text}`));
    }
  }
  line('  evidence');
  for (const evidence of [entity.evidence, ...(entity.trail ?? [])]) line(`    ${evidenceLine(evidence)}`);
}

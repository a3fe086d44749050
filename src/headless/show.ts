import { stateWord } from '../domain/diff.ts';
import type { Entity, EntityType, Evidence } from '../domain/entity.ts';
import { UserError } from '../domain/error.ts';
import { toIso } from '../domain/instant.ts';
import { safeLines, safeText } from '../lib/safe-text.ts';
import type { CockpitState } from '../store/state.ts';
import { entityJson, LISTS } from './json.ts';
import type { Output } from './output.ts';
import { findTarget } from './target.ts';

/** Throws UserError where no type or no id is named, before anything is read for it. Returns both. */
export function checkShown(
  what: string | undefined,
  id: string | undefined,
): { readonly type: EntityType; readonly id: string } {
  const type = typeOf(what);
  if (type && id !== undefined) return { type, id };
  const names = `WHAT is one of: ${LISTS.map((list) => singular(list.verb)).join(' ')}`;
  if (what === undefined) throw new UserError('show what? `binnacle show WHAT ID`', [names]);
  if (!type) throw new UserError(`nothing is called "${what}"`, [names]);
  throw new UserError(`which ${what}? \`binnacle show ${what} ID\``, [
    `\`binnacle list ${LISTS.find((list) => list.type === type)?.verb}\` names them`,
  ]);
}

/** Prints one entity with its evidence. */
export function printEntity(
  what: string | undefined,
  wanted: string | undefined,
  state: CockpitState,
  json: boolean,
  output: Output,
): number {
  const { type, id } = checkShown(what, wanted);
  const entity = findTarget(state, id, (one) => one.type === type);
  if (entity.type !== type) {
    throw new UserError(`"${id}" is a ${entity.type}, not a ${type}`, [`binnacle show ${entity.type} ${id}`]);
  }
  if (json) output.json(entityJson(entity, state.aside), true);
  else printText(entity, output);
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
  line(`  state      ${stateWord(entity)}`);
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

import type { ActSummary, DeclaredAct } from '../domain/act.ts';
import { stateWord } from '../domain/diff.ts';
import type { Entity } from '../domain/entity.ts';
import { UserError } from '../domain/error.ts';
import { toIso } from '../domain/instant.ts';
import { sourceWord } from '../domain/source.ts';
import { safeText } from '../lib/safe-text.ts';
import { ageText, untilText } from '../lib/time-text.ts';
import type { CockpitState } from '../store/state.ts';
import {
  actJson,
  attentionJson,
  declaredActJson,
  entityJson,
  LISTS,
  sourceJson,
  systemJson,
} from './json.ts';
import { type Output, printTable } from './output.ts';

/** What `list` can be asked for. */
export const LISTABLE: readonly string[] = [
  'attention',
  ...LISTS.map((list) => list.verb),
  'sources',
  'verbs',
  'acts',
  'systems',
];

/** Throws UserError for a list there is not, before anything is read for it. */
export function checkListed(what: string | undefined): void {
  if (what !== undefined && (LISTABLE.includes(what) || LISTS.some((list) => list.name === what))) return;
  throw new UserError(what === undefined ? 'list what?' : `there is no list "${what}"`, [
    `lists: ${LISTABLE.join(' ')}`,
  ]);
}

/** What lists are made of. */
export interface Listed {
  state(): CockpitState;
  /** The acts of each system that is watched. */
  verbs(): readonly ActSummary[];
  /** The acts of every kind. */
  declared(): Promise<readonly DeclaredAct[]>;
}

/** Prints one list. Throws UserError for a list there is not. */
export async function printList(
  what: string | undefined,
  listed: Listed,
  json: boolean,
  output: Output,
): Promise<number> {
  const state = listed.state();
  const entities = LISTS.find((list) => list.verb === what || list.name === what);
  if (entities) {
    const rows = state.lists[entities.type];
    if (json)
      output.json(
        rows.map((row) => entityJson(row, state.aside)),
        true,
      );
    else {
      printEntities(rows, state, output);
      if (rows.length === 0) output.note(safeText(`no ${entities.verb}`));
    }
    return 0;
  }
  switch (what) {
    case 'attention':
      if (json)
        output.json(
          state.queue.map((item) => attentionJson(item, state)),
          true,
        );
      else printAttention(state, output);
      return 0;
    case 'systems':
      if (json) output.json(state.systems.map(systemJson), true);
      else {
        const rows = state.systems.map((one) => [one.id, one.kind, one.state, one.url ?? '-', one.root]);
        printTable(output, ['SYSTEM', 'KIND', 'STATE', 'URL', 'ROOT'], rows);
      }
      return 0;
    case 'sources':
      printSources(state, json, output);
      return 0;
    case 'verbs':
      if (json) output.json(listed.verbs(), true);
      else {
        const rows = listed
          .verbs()
          .map((verb) => [verb.act, verb.system, verb.risk, verb.params || '-', verb.does]);
        printTable(output, ['ACT', 'SYSTEM', 'RISK', 'PARAMETERS', 'DOES'], rows);
      }
      return 0;
    case 'acts':
      printActs(state, await listed.declared(), json, output);
      return 0;
    default:
      checkListed(what);
      return 0;
  }
}

function printEntities(rows: readonly Entity[], state: CockpitState, output: Output): void {
  printTable(
    output,
    ['ID', 'SYSTEM', 'STATE', 'READ', 'TITLE'],
    rows.map((one) => [
      one.id,
      one.system,
      stateWord(one),
      ageText(state.now - one.observedAt),
      detailOf(one),
    ]),
  );
}

function detailOf(entity: Entity): string {
  switch (entity.type) {
    case 'layer':
      return `${entity.name}: ${entity.summary}`;
    case 'meter':
      return `${entity.title}: ${entity.value}${entity.limit === undefined ? '' : ` of ${entity.limit}`} ${entity.unit}`;
    default:
      return entity.title;
  }
}

function printAttention(state: CockpitState, output: Output): void {
  printTable(
    output,
    ['RANK', 'WHAT', 'SYSTEM', 'SINCE', 'UNTIL', 'REF', 'TITLE'],
    state.queue.map((item) => [
      String(item.rank),
      item.label,
      item.system,
      item.since === undefined ? '-' : ageText(state.now - item.since),
      item.until === undefined ? (item.onExpiry ?? '-') : untilText(item.until, state.now),
      item.ref?.id ?? '-',
      item.title,
    ]),
  );
}

function printSources(state: CockpitState, json: boolean, output: Output): void {
  if (json) {
    const told = state.systems.flatMap(({ id, sources }) =>
      sources.map((source) => ({ system: id, ...(sourceJson(source) as object) })),
    );
    output.json(told, true);
    return;
  }
  const rows = state.systems.flatMap((system) =>
    system.sources.map((source) => ({ system: system.id, ...source })),
  );
  printTable(
    output,
    ['SOURCE', 'SYSTEM', 'TYPE', 'STATE', 'READ', 'ITEMS', 'RECORDS', 'BAD', 'PLACE'],
    rows.map((row) => [
      row.id,
      row.system,
      row.type,
      sourceWord(row),
      row.lastReadAt === undefined ? 'never' : ageText(state.now - row.lastReadAt),
      String(row.items),
      String(row.records),
      String(row.badRecords),
      row.error === undefined ? row.place : `${row.place}: ${row.error}`,
    ]),
  );
}

/** Both that can be meant by it: the acts there are, kind by kind, and those that were done here. */
function printActs(
  state: CockpitState,
  declared: readonly DeclaredAct[],
  json: boolean,
  output: Output,
): void {
  if (json) {
    output.json({ declared: declared.map(declaredActJson), done: state.acts.map(actJson) }, true);
    return;
  }
  printTable(
    output,
    ['KIND', 'ACT', 'RISK', 'RUNS', 'OUTCOME', 'UNDO'],
    declared.map((act) => [act.kind, act.act, act.risk, act.runs ?? '-', act.outcome ?? '-', undoText(act)]),
  );
  output.line(safeText(''));
  printTable(
    output,
    ['STARTED', 'ORDER', 'ACT', 'TARGET', 'STATUS', 'BY', 'SUMMARY'],
    state.acts.map((act) => [
      toIso(act.startedAt),
      act.order,
      act.act,
      `${act.target.system}/${act.target.id}`,
      act.status,
      act.by,
      act.summary ?? '',
    ]),
  );
  if (state.acts.length === 0) output.note(safeText('no acts yet'));
}

function undoText({ undo, undoAct }: DeclaredAct): string {
  if (undoAct === undefined) return undo ?? '-';
  return undo === undefined || undo.includes(undoAct) ? (undo ?? undoAct) : `${undoAct}: ${undo}`;
}

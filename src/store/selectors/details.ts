import type { Entity } from '../../domain/entity.ts';
import { refKey } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { type BadRecord, type SourceStatus, sourceWord } from '../../domain/source.ts';
import type { SourceBadRecord } from '../../engine/protocol.ts';
import { fieldsOf } from '../../lib/line-fields.ts';
import { spacedName } from '../../lib/phrase.ts';
import { ageText, dateText, durationText } from '../../lib/time-text.ts';
import type { DetailSubject } from '../mode.ts';
import type { Snapshot } from '../snapshot.ts';
import { entityAt } from '../state.ts';
import { actWords, selectActs } from './acts.ts';
import { batchPage } from './batch-page.ts';
import { factsOf } from './card.ts';
import { watchesPage } from './watches.ts';

/** A still page: a title and one table. Cells are raw; a cell may have several lines. */
export interface DetailsPage {
  readonly title: string;
  /** Names of the columns; the last one takes the room that is left. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What to say when there is no row. */
  readonly empty: string;
}

/** The page of a subject as things stand now. */
export function detailsPage(snapshot: Snapshot, subject: DetailSubject): DetailsPage {
  switch (subject.of) {
    case 'entity': {
      const entity =
        entityAt(snapshot.state, subject.ref) ?? snapshot.state.departed.get(refKey(subject.ref))?.entity;
      return entity
        ? entityPage(snapshot, entity, entityAt(snapshot.state, subject.ref) === undefined)
        : fieldPage(subject.ref.id, [], 'it is gone and nothing is kept of it');
    }
    case 'source':
      return sourcePage(snapshot, subject.key);
    case 'sources':
      return sourcesPage(snapshot);
    case 'watches':
      return watchesPage(snapshot);
    case 'notices':
      return {
        title: 'Notices',
        columns: ['notice'],
        rows: snapshot.state.notices.map((notice) => [notice]),
        empty: 'there is none',
      };
    case 'bad':
      return badPage(snapshot, subject);
    case 'act':
      return fieldPage(subject.order, [], 'this act is no longer known here; see binnacle ledger');
    case 'acts':
      return actsPage(snapshot);
    case 'batch':
      return batchPage(snapshot.state, subject);
    case 'answer':
      return fieldPage(
        subject.title,
        [
          ['answer', subject.answer.summary],
          ...(subject.answer.sections ?? []).map((section): [string, string] => [
            section.title,
            section.text,
          ]),
        ],
        'it gave no answer',
      );
    case 'row':
      return rowPage(subject, snapshot.offsetMs);
  }
}

/** A row of the log: where it is, its text, its fields, and the line as its writer left it where that says more. */
function rowPage(subject: Extract<DetailSubject, { of: 'row' }>, offsetMs: number): DetailsPage {
  const { row, pretty, written, unread } = subject;
  const shown = (text: string): string => (pretty ? prettyText(text) : text);
  const fields = fieldsOf(written ?? row.text);
  return fieldPage(
    'Log row',
    [
      [
        'time',
        row.at === undefined ? `none; sorted at ${timeOf(row.sortAt, offsetMs)}` : timeOf(row.at, offsetMs),
      ],
      ['late', row.late ? 'its time is well before its place: written late, or by another clock' : ''],
      ['system', row.system],
      ['file', `${row.path}@${row.offset}`],
      ['log', row.log === undefined || row.log === row.path ? '' : `${row.log}, rotated away since`],
      ['source', row.source],
      ['level', row.level ?? ''],
      ['about', row.keys?.join(' ') ?? ''],
      ['times', row.count === undefined || row.count === 1 ? '' : `${row.count}, folded into one row`],
      ...(row.twins ?? []).map(({ path, offset }): [string, string] => ['also', `${path}@${offset}`]),
      ['file now', row.wiped ? 'since emptied or replaced by its writer' : ''],
      ['end', row.open ? 'not written yet' : row.cut ? 'longer than what is shown' : ''],
      ['text', shown(row.text)],
      ['as written', written === undefined || written === row.text ? '' : shown(written)],
      ['as written', unread === undefined ? '' : `can't be read: ${unread}`],
      ...fields.map(([name, value]): [string, string] => [`.${name}`, value]),
    ],
    '',
  );
}

function fieldPage(title: string, rows: readonly (readonly [string, string])[], empty: string): DetailsPage {
  return { title, columns: ['field', 'value'], rows: rows.filter((row) => row[1] !== ''), empty };
}

/** Fields of an entity in a fixed order, then whatever else its type has, then where each thing was seen. */
function entityPage(snapshot: Snapshot, entity: Entity, isGone: boolean): DetailsPage {
  const { offsetMs, now } = snapshot;
  const hidden = new Set([
    'system',
    'type',
    'id',
    'title',
    'observedAt',
    'evidence',
    'trail',
    'attention',
    'logKeys',
    'logFiles',
    'cautions',
    'data',
    'payload',
  ]);
  const rows: [string, string][] = [
    ['gone', isGone ? 'it is no longer there; this is what was last known' : ''],
    ['system', entity.system],
    ['type', entity.type],
    ['id', entity.id],
    ['title', entity.title],
    ...(entity.cautions ?? []).map((caution): [string, string] => ['note', caution]),
  ];
  if (entity.attention) {
    rows.push(['needs you', `${entity.attention.label}: ${entity.attention.why}`]);
    rows.push(['act', entity.attention.act ?? '']);
  }
  for (const [name, value] of Object.entries(entity)) {
    if (!hidden.has(name)) rows.push([spacedName(name), valueText(name, value, offsetMs)]);
  }
  if (entity.type === 'approval' && entity.payload) rows.push([entity.payload.form, entity.payload.text]);
  rows.push(['read', `${timeOf(entity.observedAt, offsetMs)} (${ageText(now - entity.observedAt)})`]);
  for (const fact of factsOf(snapshot.state, entity)) {
    rows.push([
      fact.form,
      `${fact.place}${fact.at === undefined ? '' : `  ${timeOf(fact.at, offsetMs)}`}${fact.text === '' ? '' : `\n${fact.text}`}`,
    ]);
  }
  return fieldPage(entity.title, rows, 'nothing is known');
}

/** Instants are the fields named `...At`, `...Until`, `since`; everything else as it stands. */
function valueText(name: string, value: unknown, offsetMs: number): string {
  if (typeof value === 'number' && (/(At|Until)$/.test(name) || name === 'since'))
    return timeOf(value, offsetMs);
  if (typeof value === 'string') return value;
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return '';
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function timeOf(at: number, offsetMs: number): string {
  return `${dateText(at, offsetMs)}${offsetMs === 0 ? 'Z' : ''}`;
}

function sourcePage(snapshot: Snapshot, key: string): DetailsPage {
  const item = [...snapshot.state.queue, ...snapshot.state.aside].find((one) => one.key === key);
  const system = snapshot.state.systems.find((one) => one.id === item?.system);
  const sources = system?.sources.filter((one) => item?.sources?.includes(one.id)) ?? [];
  if (!system || sources.length === 0)
    return fieldPage(item?.title ?? key, [['why', item?.why ?? '']], 'it is no longer there');
  return fieldPage(
    `${system.id} ${sources.map((source) => source.id).join(', ')}`,
    sources.flatMap((source): [string, string][] => [
      ['source', sources.length > 1 ? source.id : ''],
      ['state', sourceWord(source)],
      ['error', source.error ?? ''],
      ['type', source.type],
      ['place', source.place],
      ['read', readText(source, snapshot)],
      [
        'changed',
        source.lastChangedAt === undefined ? 'not known' : timeOf(source.lastChangedAt, snapshot.offsetMs),
      ],
      ['items', String(source.items)],
      ['records', String(source.records)],
      ['bad', badText(source)],
      ['unread', `${source.unreadBytes} bytes`],
    ]),
    '',
  );
}

/** How many records made no sense, the newest of them, and the key to all. */
function badText({ badRecords, lastBad }: SourceStatus): string {
  if (badRecords === 0) return 'none';
  const newest = lastBad ? `; the newest: ${badPlace(lastBad)} ${lastBad.reason}` : '';
  return `${badRecords} not understood (U shows them)${newest}`;
}

/** A fresh source is read all the time: that goes without a time. */
function readText(source: SourceStatus, { offsetMs }: Snapshot): string {
  if (source.state === 'fresh') return 'as it changes';
  return source.lastReadAt === undefined ? 'never' : timeOf(source.lastReadAt, offsetMs);
}

function badPlace({ path, offset }: BadRecord): string {
  return offset === undefined ? path : `${path}@${offset}`;
}

/** What could not be understood, the newest of each source first: where, why, and how it begins. */
function badPage(snapshot: Snapshot, subject: Extract<DetailSubject, { of: 'bad' }>): DetailsPage {
  const sources = snapshot.state.systems
    .filter((system) => subject.system === undefined || system.id === subject.system)
    .flatMap((system) => system.sources.map((source) => ({ system, source })))
    .filter(({ source }) => subject.source === undefined || source.id === subject.source);
  const total = sources.reduce((sum, { source }) => sum + source.badRecords, 0);
  const known: readonly SourceBadRecord[] =
    subject.records ??
    sources.flatMap(({ system, source }) =>
      source.lastBad ? [{ ...source.lastBad, system: system.id, source: source.id }] : [],
    );
  const of = [subject.system, subject.source].filter((name) => name !== undefined).join(' ');
  const more = known.length < total ? `, the newest ${known.length} are kept` : '';
  return {
    title: `Not understood${of === '' ? '' : `: ${of}`} (${total}${more})`,
    columns: ['source', 'place', 'why, and how it begins'],
    rows: [...known]
      .reverse()
      .map((record) => [
        `${record.system} ${record.source}`,
        badPlace(record),
        `${record.reason}${record.excerpt === undefined ? '' : `\n${record.excerpt}`}`,
      ]),
    empty: 'everything that was read was understood',
  };
}

function sourcesPage(snapshot: Snapshot): DetailsPage {
  return {
    title: 'Sources',
    columns: ['system', 'source', 'type', 'state', 'items', 'bad', 'read', 'place'],
    rows: snapshot.state.systems.flatMap((system) =>
      system.sources.map((source) => [
        system.id,
        source.id,
        source.type,
        sourceWord(source),
        String(source.items),
        String(source.badRecords),
        source.state === 'fresh' ? 'now' : ageOf(source.lastReadAt, snapshot.now),
        source.error === undefined ? source.place : `${source.place}\n${source.error}`,
      ]),
    ),
    empty: 'no source is watched',
  };
}

function ageOf(at: Instant | undefined, now: Instant): string {
  return at === undefined ? 'never' : ageText(now - at);
}

function actsPage(snapshot: Snapshot): DetailsPage {
  return {
    title: 'Acts',
    columns: ['started', 'by', 'act', 'target', 'took', 'outcome'],
    rows: selectActs(snapshot.state.acts).map((act) => [
      timeOf(act.startedAt, snapshot.offsetMs),
      act.by,
      act.act,
      `${act.target.system}/${act.target.id}`,
      act.endedAt === undefined ? '' : durationText(act.endedAt - act.startedAt),
      `${actWords(act)}${act.reason === undefined ? '' : `\nreason: ${act.reason}`}`,
    ]),
    empty: 'nothing was done yet',
  };
}

/** JSON in a line laid out over several; the line as it is when there is none. */
function prettyText(text: string): string {
  const start = text.search(/[[{]/);
  if (start < 0 || text.length > 200_000) return text;
  try {
    const value: unknown = JSON.parse(text.slice(start));
    return `${text.slice(0, start)}\n${JSON.stringify(value, null, 2)}`;
  } catch {
    return text;
  }
}

import type { BadRecord, SourceStatus } from '../domain/source.ts';
import { safeText } from '../lib/safe-text.ts';
import { ageText, clockText, untilText } from '../lib/time-text.ts';
import { selectCounts, selectFreshness } from '../store/selectors/header.ts';
import type { CockpitState } from '../store/state.ts';
import { statusJson } from './json.ts';
import { type Output, printTable } from './output.ts';

/** How `status` prints. */
export interface StatusOptions {
  readonly form: 'text' | 'json' | 'tmux';
  /** Count and show what is set aside too. */
  readonly all: boolean;
}

/** Labels of rows that have a figure of their own in the summary. */
const COUNTED_LABELS: ReadonlySet<string> = new Set(['FATAL', 'STALLED', 'NO-PROG']);

/** One look at everything. Returns the exit code: 3 a source can't be read, 1 something needs a human, else 0. */
export function printStatus(state: CockpitState, options: StatusOptions, output: Output): number {
  const queue = options.all ? [...state.queue, ...state.aside] : state.queue;
  switch (options.form) {
    case 'json':
      output.json(statusJson(state, options.all), true);
      break;
    case 'tmux':
      output.line(safeText(summaryLine(state, options.all)));
      break;
    case 'text':
      printText(state, queue, summaryLine(state, options.all), output);
  }
  const unread = state.systems.some((system) => system.sources.some((source) => source.state === 'error'));
  if (unread) return 3;
  return queue.length > 0 ? 1 : 0;
}

/**
 * `x2 !1 ~0 >2`: fatal, waits for you, stalled, running, as in the cockpit's second row. `+3` follows for whatever else
 * needs a human, `?1` for systems that could not be read whole: the figures before it are then the least there is. It
 * holds figures alone: a status bar would take a name of theirs for its own commands.
 */
function summaryLine(state: CockpitState, all: boolean): string {
  const queue = all ? [...state.queue, ...state.aside] : state.queue;
  const { fatal, waiting, stalled, running } = selectCounts(queue, state.lists, all ? [] : state.aside);
  const unread = state.systems.filter((system) => system.state !== 'ok').length;
  const others = queue.filter(
    ({ kind, label }) => kind !== 'approval' && kind !== 'source' && !COUNTED_LABELS.has(label),
  ).length;
  const more = `${others > 0 ? ` +${others}` : ''}${unread > 0 ? ` ?${unread}` : ''}`;
  return `x${fatal} !${waiting} ~${stalled} >${running}${more}`;
}

function printText(state: CockpitState, queue: CockpitState['queue'], summary: string, output: Output): void {
  const aside = state.aside.length > 0 ? `, ${state.aside.length} set aside` : '';
  const needs =
    queue.length === 0
      ? 'nothing needs a human'
      : `${queue.length} ${queue.length === 1 ? 'needs' : 'need'} a human`;
  output.line(safeText(`${clockText(state.now)}Z  ${needs}${aside}  (${summary})`));
  output.line(safeText(''));
  if (queue.length > 0) {
    printTable(
      output,
      ['WHAT', 'SYSTEM', 'SINCE', 'UNTIL', 'REF', 'WHY'],
      queue.map((item) => [
        item.count > 1 ? `${item.label} x${item.count}` : item.label,
        item.system,
        item.since === undefined ? '-' : ageText(state.now - item.since),
        item.until === undefined ? (item.onExpiry ?? '-') : untilText(item.until, state.now),
        item.ref?.id ?? '-',
        item.title.endsWith(item.why) ? item.title : `${item.title}: ${item.why}`,
      ]),
    );
    output.line(safeText(''));
  }
  printTable(
    output,
    ['SYSTEM', 'KIND', 'STATE', 'SOURCES', 'LAYERS'],
    state.systems.map((system) => {
      // As in the first row of the cockpit: what is not there, or not asked, is neither fresh nor missing.
      const { fresh, total } = selectFreshness([system]);
      const layers = state.lists.layer
        .filter((layer) => layer.system === system.id)
        .sort((a, b) => a.order - b.order)
        .map((layer) => `${layerSign[layer.status]}${layer.name}`);
      return [system.id, system.kind, system.state, `${fresh}/${total}`, layers.join(' ') || '-'];
    }),
  );
  for (const system of state.systems) {
    for (const source of system.sources) {
      if (
        source.state === 'error' ||
        source.state === 'stale' ||
        (source.state === 'fresh' && source.error)
      ) {
        const state = source.state === 'fresh' ? 'read' : source.state;
        output.line(safeText(`${system.id}: ${source.id} ${state}: ${whereAndWhat(source)}`));
      } else if (source.lastBad) {
        const many = `${source.badRecords} bad ${source.badRecords === 1 ? 'record' : 'records'}`;
        output.line(safeText(`${system.id}: ${source.id} ${many}, newest: ${badText(source.lastBad)}`));
      }
    }
  }
}

/** What is wrong with a source, and its place where that does not name it. */
function whereAndWhat({ place, error }: SourceStatus): string {
  if (error === undefined) return place;
  return error.includes(place) || place.includes('*') ? error : `${place}: ${error}`;
}

/** Where a bad record is and what is wrong with it. */
export function badText({ path, offset, reason }: BadRecord): string {
  return `${path}${offset === undefined ? '' : `@${offset}`}: ${reason}`;
}

/** The signs of the pipeline pane. */
export const layerSign = { ok: '+', attention: '!', failed: 'x', unknown: '?' } as const;

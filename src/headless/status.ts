import type { BadRecord, SourceStatus } from '../domain/source.ts';
import { safeText } from '../lib/safe-text.ts';
import { ageText, clockText, untilText } from '../lib/time-text.ts';
import type { CockpitState } from '../store/state.ts';
import { statusJson } from './json.ts';
import { type Output, printTable } from './output.ts';

/** How `status` prints. */
export interface StatusOptions {
  readonly form: 'text' | 'json' | 'tmux';
  /** Count and show what is set aside too. */
  readonly all: boolean;
}

/** One look at everything. Returns the exit code: 3 a source can't be read, 1 something needs a human, else 0. */
export function printStatus(state: CockpitState, options: StatusOptions, output: Output): number {
  const queue = options.all ? [...state.queue, ...state.aside] : state.queue;
  switch (options.form) {
    case 'json':
      output.json(statusJson(state, options.all), true);
      break;
    case 'tmux':
      output.line(safeText(summaryLine(state)));
      break;
    case 'text':
      printText(state, queue, output);
  }
  const unread = state.systems.some((system) => system.sources.some((source) => source.state === 'error'));
  if (unread) return 3;
  return queue.length > 0 ? 1 : 0;
}

/** `x2 !1 ~0 >2`: fatal, waits for you, stalled, running. */
export function summaryLine(state: CockpitState): string {
  const { lists } = state;
  const fatal = lists.issue.filter((issue) => issue.severity === 'fatal' && issue.status === 'open').length;
  const waiting = lists.approval.filter((one) => one.status === 'pending' && one.attention).length;
  const stalled = [...lists.turn, ...lists.run, ...lists.job].filter(
    (one) => one.attention && /STALLED|DEAD|ORPHAN/.test(one.attention.label),
  ).length;
  const running =
    lists.run.filter((run) => run.status === 'running').length +
    lists.job.filter((job) => job.status === 'running').length;
  return `x${fatal} !${waiting} ~${stalled} >${running}`;
}

function printText(state: CockpitState, queue: CockpitState['queue'], output: Output): void {
  const aside = state.aside.length > 0 ? `, ${state.aside.length} set aside` : '';
  const needs =
    queue.length === 0
      ? 'nothing needs a human'
      : `${queue.length} ${queue.length === 1 ? 'needs' : 'need'} a human`;
  output.line(safeText(`${clockText(state.now)}Z  ${needs}${aside}  (${summaryLine(state)})`));
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
      const fresh = system.sources.filter((source) => source.state === 'fresh').length;
      const layers = state.lists.layer
        .filter((layer) => layer.system === system.id)
        .sort((a, b) => a.order - b.order)
        .map((layer) => `${layerSign[layer.status]}${layer.name}`);
      return [
        system.id,
        system.kind,
        system.state,
        `${fresh}/${system.sources.length}`,
        layers.join(' ') || '-',
      ];
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

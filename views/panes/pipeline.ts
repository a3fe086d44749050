import type { Layer } from '../../src/domain/entity.ts';
import { refKey, refOf } from '../../src/domain/entity.ts';
import { ageText } from '../../src/lib/time-text.ts';
import type { SystemLayers } from '../../src/store/selectors/pipeline.ts';
import { layerRows, pipelineOf } from '../../src/store/selectors/rows.ts';
import { type Line, lineWidth, type Span } from '../components/line.ts';
import type { Tone } from '../theme.ts';
import { layerSign } from './card.ts';
import { firstRow, framed, hasKeys, type PaneInput, paneLabel, phaseLine, titleLine } from './pane.ts';

const systemColumns = 10;

/** Layers of every system: those of the system in view one per row, the others on one row each. */
export function pipelineLines(input: PaneInput): readonly Line[] {
  const { snapshot, pen } = input;
  const active = hasKeys(snapshot, 'pipeline');
  const pipeline = pipelineOf(snapshot);
  const right =
    pipeline.staleSince === undefined ? '' : `read ${ageText(snapshot.now - pipeline.staleSince)} ago`;
  const title = titleLine(input, active, [paneLabel(pen, 'pipeline', 'Pipeline', active)], right);
  if (pipeline.systems.length === 0) return framed(input, title, [phaseLine(input, 'no system is watched')]);
  const rows: { readonly line: Line; readonly key?: string }[] = [];
  const selected = active ? (snapshot.desk.selected.pipeline ?? firstKey(pipeline.systems)) : undefined;
  for (const system of pipeline.systems) {
    if (!system.open || system.layers.length === 0) {
      const key = layerRows(system)[0];
      rows.push({ line: closedLine(input, system, selected), ...(key ? { key: refKey(refOf(key)) } : {}) });
      continue;
    }
    rows.push({
      line: pen.line(input.columns, pen.span(system.system.id, 'strong'), stateSpan(input, system)),
    });
    for (const layer of system.layers) {
      const key = refKey(refOf(layer));
      rows.push({ key, line: layerLine(input, layer, key === selected) });
    }
  }
  const cursor = rows.findIndex((row) => row.key !== undefined && row.key === selected);
  const first = firstRow(cursor, rows.length, input.rows - 1);
  return framed(
    input,
    title,
    rows.slice(first, first + input.rows - 1).map((row) => row.line),
  );
}

function firstKey(systems: readonly SystemLayers[]): string | undefined {
  const layer = systems.flatMap((system) => layerRows(system))[0];
  return layer ? refKey(refOf(layer)) : undefined;
}

/** What is wrong with the system as a whole, in a word. */
function stateSpan(input: PaneInput, system: SystemLayers): Span {
  const { state } = system.system;
  if (state === 'ok') return input.pen.span(system.system.settled ? '' : '  reading ...', 'dim');
  return input.pen.span(`  ${state.toUpperCase()}`, state === 'stale' ? 'warning' : 'alarm');
}

function layerLine(input: PaneInput, layer: Layer, selected: boolean): Line {
  const { pen, columns } = input;
  return pen.line(
    columns,
    pen.span(selected ? '>' : ' ', 'strong'),
    pen.span(layerSign(layer), toneOf(layer)),
    ' ',
    pen.cell(layer.name, Math.min(12, Math.max(6, columns - 24)), selected ? 'strong' : undefined),
    ' ',
    pen.span(layer.summary, layer.status === 'failed' ? 'alarm' : undefined),
  );
}

/** `orket     +api+runs+turns`; what is not fine keeps its sign. */
function closedLine(input: PaneInput, system: SystemLayers, selected: string | undefined): Line {
  const { pen, columns } = input;
  const key = layerRows(system)[0];
  const isSelected = key !== undefined && refKey(refOf(key)) === selected;
  const head = pen.cell(
    `${isSelected ? '>' : ''}${system.system.id}`,
    systemColumns,
    isSelected ? 'strong' : undefined,
  );
  if (system.layers.length === 0) {
    if (!system.system.settled) return pen.line(columns, head, pen.span('reading ...', 'dim'));
    return pen.line(columns, head, pen.span('no layers', 'dim'), stateSpan(input, system));
  }
  const state = stateSpan(input, system);
  const named = (layers: readonly Layer[]): Span[] =>
    layers.map((layer, index) =>
      pen.span(`${index === 0 ? '' : ' '}${layerSign(layer)}${layer.name}`, toneOf(layer)),
    );
  const all = [head, ...named(system.layers), state];
  if (lineWidth(all) <= columns) return pen.line(columns, ...all);
  // Without the room for all: what is worst by name, as much of it as fits, what is fine as a number.
  const ranks = { failed: 0, attention: 1, unknown: 2, ok: 3 } as const;
  const worst = system.layers
    .filter((layer) => layer.status !== 'ok')
    .sort((a, b) => ranks[a.status] - ranks[b.status]);
  const fine = system.layers.length - worst.length;
  for (let count = worst.length; ; count -= 1) {
    const more = worst.length - count;
    const rest = `${more === 0 ? '' : ` ${more} more`}${fine === 0 ? '' : ` +${fine} fine`}`;
    const line = [
      head,
      ...named(worst.slice(0, count)),
      pen.span(count === 0 ? rest.trimStart() : rest),
      state,
    ];
    if (count === 0 || lineWidth(line) <= columns) return pen.line(columns, ...line);
  }
}

function toneOf(layer: Layer): Tone | undefined {
  switch (layer.status) {
    case 'ok':
      return undefined;
    case 'attention':
    case 'unknown':
      return 'warning';
    case 'failed':
      return 'alarm';
  }
}

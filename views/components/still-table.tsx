import type { ComponentType, PropsWithChildren } from 'react';
import { type SafeText, safeLines } from '../../src/lib/safe-text.ts';
import { fitText, widthOf, wrapText } from '../../src/lib/text-width.ts';
import type { Theme } from '../theme.ts';
import type { Line, Pen } from './line.ts';
import { TextBlock, TextCell } from './text.tsx';

/** What we use of ink-table. It is handed in: it loads only where the program was bundled, see `views/main.tsx`. */
export type TableComponent = ComponentType<{
  data: { [column: string]: string }[];
  columns: string[];
  header: (props: PropsWithChildren) => React.JSX.Element;
  cell: (props: PropsWithChildren<{ column: number }>) => React.JSX.Element;
  skeleton: (props: PropsWithChildren) => React.JSX.Element | null;
}>;

/** A table cut to a window: names and widths of its columns, and rows of exactly these widths. */
export interface TableWindow {
  readonly names: readonly string[];
  readonly widths: readonly number[];
  readonly rows: readonly (readonly SafeText[])[];
  readonly total: number;
  readonly first: number;
}

/** Columns around each cell: one space at each side and a rule, and one rule at the end. */
const frameColumns = 3;
const narrowest = 4;

/** Lays raw rows out for a width: cells are wrapped, and only the rows from `scroll` on that fit are kept. */
export function tableWindow(
  pen: Pen,
  names: readonly string[],
  raw: readonly (readonly string[])[],
  columns: number,
  height: number,
  scroll: number,
): TableWindow {
  const widths = columnWidths(pen, names, raw, columns);
  const lines: SafeText[][] = [];
  for (const row of raw) {
    const cells = widths.map((width, index) =>
      safeLines(row[index] ?? '').flatMap((line) => {
        const safe = pen.safe(line);
        return safe === '' ? [safe] : [...wrapText(safe, width)];
      }),
    );
    const tallest = Math.max(1, ...cells.map((cell) => cell.length));
    for (let index = 0; index < tallest; index += 1) {
      lines.push(
        cells.map((cell, column) => fitText(cell[index] ?? pen.safe(''), widths[column] ?? narrowest)),
      );
    }
  }
  const first = Math.max(0, Math.min(scroll, lines.length - height));
  return { names, widths, rows: lines.slice(first, first + height), total: lines.length, first };
}

function columnWidths(
  pen: Pen,
  names: readonly string[],
  raw: readonly (readonly string[])[],
  columns: number,
): readonly number[] {
  const last = names.length - 1;
  const room = columns - 1 - names.length * frameColumns;
  const most = Math.max(narrowest, Math.floor(room / names.length) + 6);
  const widths = names.map((name, index) => {
    if (index === last) return 0;
    const longest = raw.reduce(
      (width, row) => Math.max(width, widthOf(pen.safe(row[index] ?? ''))),
      name.length,
    );
    return Math.max(narrowest, Math.min(most, longest));
  });
  widths[last] = Math.max(narrowest, room - widths.reduce((sum, width) => sum + width, 0));
  return widths;
}

/** A table that nobody moves a cursor in: details, sources, the ledger. */
export function StillTable({
  window,
  theme,
  table: Table,
  pen,
}: {
  readonly window: TableWindow;
  readonly theme: Theme;
  readonly table: TableComponent | undefined;
  readonly pen: Pen;
}) {
  if (!Table) return <TextBlock lines={plainTable(pen, window)} theme={theme} />;
  // ink-table measures by the length of a string, which is wrong for wide characters. So it gets numbers as long as
  // the column is wide, and the cell puts the text, already of that width, in their place.
  const { names, widths, rows } = window;
  const data = rows.map((_row, index) =>
    Object.fromEntries(
      names.map((name, column) => [
        name,
        String(index * names.length + column).padEnd(Math.max(name.length, widths[column] ?? 0)),
      ]),
    ),
  );
  const textOf = (children: unknown): SafeText => {
    const place = Number(String(children).trim());
    const column = place % names.length;
    const text = rows[Math.floor(place / names.length)]?.[column] ?? pen.safe('');
    return pen.safe(` ${fitText(text, Math.max(widths[column] ?? 0, names[column]?.length ?? 0))} `);
  };
  return (
    <Table
      // It keeps the functions it was given first, and they know the rows of then: other rows are another table.
      key={[names, widths, ...rows].map((cells) => cells.join('|')).join('\n')}
      data={data}
      columns={[...names]}
      header={({ children }) => <TextCell text={pen.safe(String(children))} tone="strong" theme={theme} />}
      cell={({ children }) => <TextCell text={textOf(children)} theme={theme} />}
      skeleton={({ children }) => {
        // No rules between rows: they would take half of the screen. Bars between columns in ASCII.
        const text = String(children);
        return text === '\u2502' ? <TextCell text={pen.safe('|')} tone="dim" theme={theme} /> : null;
      }}
    />
  );
}

/** The same table drawn as lines. */
function plainTable(pen: Pen, window: TableWindow): readonly Line[] {
  const bar = pen.span('|', 'dim');
  const row = (cells: readonly string[], tone?: 'strong'): Line => [
    bar,
    ...cells.flatMap((cell, index) => [
      pen.cell(` ${cell}`, Math.max(window.widths[index] ?? 0, window.names[index]?.length ?? 0) + 2, tone),
      bar,
    ]),
  ];
  return [row(window.names, 'strong'), ...window.rows.map((cells) => row(cells))];
}

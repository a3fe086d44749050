import { Box, useApp } from 'ink';
import { useEffect } from 'react';
import type { HostPort } from '../src/commands/command.ts';
import type { Dispatcher } from '../src/commands/dispatcher.ts';
import type { KeyStream } from '../src/commands/key-stream.ts';
import { riskWords } from '../src/domain/act-text.ts';
import type { Cockpit } from '../src/store/cockpit.ts';
import { asidesShown } from '../src/store/selectors/asides.ts';
import { pageOf, type Snapshot } from '../src/store/snapshot.ts';
import { type Line, type Pen, penOf } from './components/line.ts';
import { StillTable, type TableComponent } from './components/still-table.tsx';
import { TextBlock } from './components/text.tsx';
import { useKeys } from './hooks/use-keys.ts';
import { useSnapshot } from './hooks/use-snapshot.ts';
import type { Box as Cells } from './layout.ts';
import { pageView } from './page.ts';
import { footerLine } from './panes/footer.ts';
import { headerLines } from './panes/header.ts';
import { titleLine } from './panes/pane.ts';
import { paneLines } from './panes/pane-lines.ts';
import { approvalLines, payloadPlace } from './sheets/approval.ts';
import { asidesLines } from './sheets/asides.ts';
import {
  asideLines,
  menuLines,
  paletteLines,
  paramsLines,
  remarkLines,
  settleLines,
} from './sheets/choose.ts';
import { dialogView } from './sheets/dialog.ts';
import { helpLines, helpRows } from './sheets/help.ts';
import { listView } from './sheets/list.ts';
import { logSheetLines, logSheetTitle, nameLines } from './sheets/log-sheet.ts';
import type { Theme } from './theme.ts';
import { hasSheet, layoutFor } from './wanted.ts';

/** Leaves the screen at once; `resume` takes it back and draws all of it again. */
export type SuspendDrawing = () => Promise<{ resume(): Promise<void> }>;

export interface AppProps {
  readonly cockpit: Cockpit;
  readonly dispatcher: Dispatcher;
  readonly keys: KeyStream;
  readonly host: HostPort;
  readonly hostName: string;
  readonly theme: Theme;
  readonly table: TableComponent | undefined;
  /** Told once how the drawing is suspended for another program, and how the screen is left. */
  onTerminal?(suspend: SuspendDrawing, leave: (code: number) => void): () => void;
}

/** The screen. It only puts blocks of lines in their places; what they say comes from the panes' functions. */
export function App(props: AppProps) {
  const { cockpit, dispatcher, keys, theme } = props;
  const snapshot = useSnapshot(cockpit);
  useKeys(keys, dispatcher);
  const { suspendTerminal, exit } = useApp();
  const { onTerminal } = props;
  useEffect(
    () =>
      onTerminal?.(
        () => suspendTerminal(),
        (code) => exit(code),
      ),
    [onTerminal, suspendTerminal, exit],
  );
  const { desk } = snapshot;
  const pen = penOf(theme);
  const layout = layoutFor(snapshot, pen, hasSheet(snapshot));
  const header = headerLines({
    snapshot,
    pen,
    columns: layout.columns,
    rows: layout.headerRows,
    host: props.hostName,
  });
  const bottom = layout.boxes.filter((box) => box.pane === 'logs' || box.columns === layout.columns);
  const upper = layout.boxes.filter((box) => !bottom.includes(box));
  const left = upper.filter((box) => box.x === 0);
  const right = upper.filter((box) => box.x > 0);
  const draw = (box: Cells) => (
    <Pane
      key={box.pane}
      {...props}
      box={box}
      snapshot={snapshot}
      pen={pen}
      pipelineInTitle={layout.pipelineInTitle}
    />
  );
  return (
    <Box
      // A terminal that was resized has lost rows nobody can know: the whole picture is made anew.
      key={desk.resizes}
      flexDirection="column"
      width={layout.columns}
      height={layout.rows}
      overflow="hidden"
    >
      <TextBlock lines={header} theme={theme} />
      {right.length > 0 ? (
        <Box flexDirection="row">
          <Box flexDirection="column">{left.map(draw)}</Box>
          <TextBlock
            lines={bar(
              pen,
              right.reduce((sum, box) => sum + box.rows, 0),
            )}
            theme={theme}
          />
          <Box flexDirection="column">{right.map(draw)}</Box>
        </Box>
      ) : null}
      {bottom.map(draw)}
      {layout.footerRows > 0 ? (
        <TextBlock
          lines={[
            footerLine({
              snapshot,
              pen,
              columns: layout.columns,
              keymap: dispatcher.keymap,
              host: props.host,
            }),
          ]}
          theme={theme}
        />
      ) : null}
    </Box>
  );
}

function bar(pen: Pen, rows: number): readonly Line[] {
  return new Array<Line>(rows).fill([pen.span('|', 'title')]);
}

interface PaneProps extends AppProps {
  readonly box: Cells;
  readonly snapshot: Snapshot;
  readonly pen: Pen;
  readonly pipelineInTitle: boolean;
}

function Pane(props: PaneProps) {
  const { box, snapshot, theme } = props;
  const page = box.pane === 'sheet' ? pageView(snapshot, props.pen, box.columns, box.rows) : undefined;
  if (page) {
    return (
      <Box width={box.columns} height={box.rows} flexDirection="column" overflow="hidden">
        <TextBlock lines={page.lines} theme={theme} />
        {page.table ? (
          <StillTable window={page.table} theme={theme} table={props.table} pen={props.pen} />
        ) : null}
      </Box>
    );
  }
  return (
    <Box width={box.columns} height={box.rows} overflow="hidden">
      <TextBlock lines={boxLines(props)} theme={theme} />
    </Box>
  );
}

/** The lines of one box. */
function boxLines(props: PaneProps): readonly Line[] {
  const { box, snapshot, pen, pipelineInTitle } = props;
  if (box.pane === 'sheet') return sheetLines(props);
  return paneLines(box.pane, { snapshot, pen, columns: box.columns, rows: box.rows }, { pipelineInTitle });
}

/** The prompt or page that is open, under its title. */
function sheetLines(props: PaneProps): readonly Line[] {
  const { box, snapshot, pen, dispatcher, host } = props;
  const { mode } = snapshot.desk;
  const height = Math.max(0, box.rows - 1);
  const title = (text: string, right = ''): Line =>
    titleLine({ pen, columns: box.columns }, true, [pen.span(text, 'strong')], right);
  switch (mode.type) {
    case 'palette':
      return [
        title('Commands'),
        ...paletteLines(pen, mode, dispatcher.paletteRows(mode.text), box.columns, height),
      ];
    case 'help': {
      const rows = helpRows(snapshot, host, dispatcher.keymap, mode.text);
      return [
        title('Keys', mode.text === '' ? '/ searches' : `/${mode.text}: ${rows.length}`),
        ...helpLines(pen, rows, mode.scroll, box.columns, height),
      ];
    }
    case 'menu':
      return [
        title(mode.menu === 'all' ? 'Acts' : `Acts: ${mode.menu}`),
        ...menuLines(pen, mode, snapshot.companion.playbook != null, box.columns, height),
      ];
    case 'params':
      return [title('Act: what it needs to know'), ...paramsLines(pen, mode, box.columns, height)];
    case 'dialog':
      return [
        title(mode.preview.title, riskWords[mode.preview.risk]),
        ...dialogView(pen, mode, snapshot.offsetMs, box.columns, height).lines,
      ];
    case 'list': {
      const risk = mode.list.items[0]?.preview.risk;
      return [
        title(`${mode.title}: ${mode.list.items.length} marked`, risk && riskWords[risk]),
        ...listView(pen, mode, snapshot.offsetMs, box.columns, height).lines,
      ];
    }
    case 'approval': {
      const page = pageOf(snapshot, mode);
      return [
        title(`${mode.shown.ask.toUpperCase()} ${mode.shown.title}`, payloadPlace(page)),
        ...approvalLines(pen, page, box.columns, height),
      ];
    }
    case 'aside':
      return [title('Set aside'), ...asideLines(pen, mode, snapshot.desk.marks.size, box.columns, height)];
    case 'asides':
      return [
        title('Set aside', `${asidesShown(snapshot.state).length}`),
        ...asidesLines(pen, snapshot, mode.index, box.columns, height),
      ];
    case 'settle':
      return [title('How did it end?'), ...settleLines(pen, mode, box.columns, height)];
    case 'remark':
      return [
        title(mode.as === 'done' ? 'Step done' : 'Skip this step'),
        ...remarkLines(pen, mode, box.columns, height),
      ];
    case 'logSheet':
      return [
        title(...logSheetTitle(snapshot, mode)),
        ...logSheetLines(snapshot, pen, mode, box.columns, height),
      ];
    case 'name':
      return [title('A name for this search'), ...nameLines(pen, mode, box.columns, height)];
    case 'details':
    case 'browse':
    case 'search':
    case 'filter':
    case 'copy':
    case 'strip':
      return [];
  }
}

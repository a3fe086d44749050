import { Box } from 'ink';
import { cleanup, render } from 'ink-testing-library';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { type Line, penOf } from '../../views/components/line.ts';
import { TextBlock } from '../../views/components/text.tsx';
import type { PaneInput } from '../../views/panes/pane.ts';
import { plainTheme } from '../../views/theme.ts';
import { FakeEngine } from './fake-engine.ts';
import { openScreen } from './screen.tsx';

export interface PaneFrameOptions {
  readonly engine?: FakeEngine;
  readonly columns?: number;
  readonly rows?: number;
  readonly keys?: readonly string[];
  /** Anything that is to happen before the frame is taken. */
  readonly then?: (engine: FakeEngine) => void;
  readonly failed?: string;
}

/** What one pane draws in a box of a fixed size, after the keys were pressed. Rows without trailing spaces. */
export async function paneFrame(
  lines: (input: PaneInput) => readonly Line[],
  options: PaneFrameOptions = {},
): Promise<string> {
  const engine = options.engine ?? new FakeEngine();
  const screen = await openScreen({ engine, columns: 120, rows: 40 });
  if (options.keys) await screen.press(...options.keys);
  options.then?.(engine);
  if (options.failed !== undefined) screen.cockpit.fail(options.failed);
  await screen.wait(200);
  const snapshot: Snapshot = screen.snapshot();
  const columns = options.columns ?? 78;
  const rows = options.rows ?? 6;
  const app = render(
    <Box width={columns} height={rows} overflow="hidden">
      <TextBlock lines={lines({ snapshot, pen: penOf(plainTheme), columns, rows })} theme={plainTheme} />
    </Box>,
  );
  const frame = app.lastFrame() ?? '';
  cleanup();
  screen.close();
  return frame
    .split('\n')
    .map((row) => row.trimEnd())
    .join('\n');
}

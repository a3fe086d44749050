import { actCommands } from './acts.ts';
import type { Command } from './command.ts';
import { findCommands } from './find.ts';
import { itemCommands } from './items.ts';
import { logExportCommands } from './log-export.ts';
import { logSheetCommands } from './log-sheets.ts';
import { logStripCommands } from './log-strip.ts';
import { logCommands } from './logs.ts';
import { moveCommands } from './move.ts';
import { paneCommands } from './panes.ts';
import { promptCommands } from './prompts.ts';
import { shiftCommands } from './shift.ts';
import { stepCommands } from './steps.ts';
import { undoCommands } from './undo.ts';

/** Everything a key or the palette can ask for. */
export const commands: readonly Command[] = [
  ...moveCommands,
  ...paneCommands,
  ...findCommands,
  ...logCommands,
  ...logStripCommands,
  ...logSheetCommands,
  ...logExportCommands,
  ...itemCommands,
  ...actCommands,
  ...undoCommands,
  ...stepCommands,
  ...shiftCommands,
  ...promptCommands,
];

/** By id. */
export const commandsById: ReadonlyMap<string, Command> = new Map(
  commands.map((command) => [command.id, command]),
);

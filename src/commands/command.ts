import type { ActOffer } from '../domain/act.ts';
import type { Ref } from '../domain/entity.ts';
import type { Cockpit } from '../store/cockpit.ts';
import type { ListTargets } from '../store/mode.ts';
import type { Snapshot } from '../store/snapshot.ts';

/** Parts of the help page. */
export type Area = 'move' | 'panes' | 'find' | 'logs' | 'items' | 'acts' | 'prompt' | 'cockpit';

/**
 * What a command may do to the world. `move` and `view` change the screen alone. `ask` leads towards an act, confirms
 * one or is recorded for others; it needs a key pressed by itself. `quit` ends the cockpit and is guarded likewise.
 */
export type Effect = 'move' | 'view' | 'ask' | 'quit';

/** What the terminal and the host offer; what is missing switches its commands off with a reason. */
export interface HostPort {
  quit(code: number): void;
  /** Puts text on the operator's clipboard through the terminal. */
  copy?(text: string): void;
  /** Opens $EDITOR on a text and gives back what was saved, or undefined when nothing was. */
  editText?(text: string): Promise<string | undefined>;
  /** Goes to the place of a piece of evidence: a tmux pane, a shell in the root, $EDITOR at file and offset. */
  goThere?(place: {
    readonly root: string;
    readonly path?: string;
    readonly offset?: number;
    readonly pid?: number;
  }): Promise<string>;
  /** Writes a text into the user's own state directory; returns where. Throws where it can't be written. */
  saveText?(name: string, suffix: string, text: string): string;
  /** Hands the terminal back to the shell until `fg`. */
  suspend?(): void;
}

/** A line of the palette. */
export interface PaletteRow {
  /** A command's id, or an act of the subject or a service. */
  readonly run:
    | { readonly command: string; readonly argument?: string }
    | {
        readonly act: ActOffer;
        readonly target: Ref;
        readonly targetTitle: string;
        /** The marked rows it is for, where rows are marked. */
        readonly list?: ListTargets | undefined;
      };
  readonly title: string;
  readonly keys: string;
  readonly cli: string;
  readonly off?: string;
}

/** What a command runs with. `snapshot()` is as of now: an answer may come after the world moved on. */
export interface CommandContext {
  readonly cockpit: Cockpit;
  readonly host: HostPort;
  snapshot(): Snapshot;
  /** What the palette offers for a text. */
  paletteRows(text: string): readonly PaletteRow[];
  /** Runs another command as if its key had been pressed. */
  run(command: string, argument?: string): void;
}

/** Something a key, the palette or the command line can ask for. */
export interface Command {
  /** `noun.verb` or `area.verb`, stable: configuration binds keys to it. */
  readonly id: string;
  readonly title: string;
  readonly area: Area;
  readonly effect: Effect | ((snapshot: Snapshot) => Effect);
  /** How the same is asked for on the command line. */
  readonly cli?: string | ((snapshot: Snapshot) => string | undefined);
  /** Shown in the palette. Prompts' own commands are not. */
  readonly inPalette?: boolean;
  /** Why it does nothing now; undefined when it does. */
  off?(snapshot: Snapshot, host: HostPort): string | undefined;
  run(context: CommandContext, argument?: string): void | Promise<void>;
}

/** What the cockpit asks of a terminal, and how all of it is taken back. Private modes of xterm. */

const set = (...modes: number[]): string => modes.map((mode) => `\x1b[?${mode}h`).join('');
const unset = (...modes: number[]): string => modes.map((mode) => `\x1b[?${mode}l`).join('');

const PASTE = 2004;
const FOCUS = 1004;
const MOUSE_CLICKS = 1000;
const MOUSE_DRAGS = 1002;
const MOUSE_MOVES = 1003;
const MOUSE_SGR = 1006;
const SYNCHRONIZED = 2026;
const WRAP = 7;
const CURSOR = 25;
/** Alternate screen, with the cursor saved. */
const ALTERNATE = 1049;

/** The numeric keypad sends digits again, whatever ran here before. */
const KEYPAD_DIGITS = '\x1b>';
const PLAIN = '\x1b[0m';

export const ENTER_ALTERNATE = set(ALTERNATE);
export const LEAVE_ALTERNATE = unset(ALTERNATE);

/** Cursor to the first cell, then everything from there on erased; the lines scrolled out above stay. */
export const ERASE_SCREEN = '\x1b[0m\x1b[H\x1b[J';

export interface ModeChoice {
  readonly mouse: boolean;
  readonly focus: boolean;
}

/**
 * Turns on what the cockpit reads: bracketed paste always, mouse and focus reports where wanted. A row stays one row: a
 * terminal of another Unicode version that takes a character for wider than we do would wrap it and scroll the screen.
 */
export function modesOn(choice: ModeChoice): string {
  return (
    KEYPAD_DIGITS +
    unset(WRAP) +
    set(PASTE) +
    (choice.mouse ? set(MOUSE_CLICKS, MOUSE_DRAGS, MOUSE_SGR) : '') +
    (choice.focus ? set(FOCUS) : '')
  );
}

/** Takes back every mode but the alternate screen, and shows the cursor. Harmless where nothing was set. */
export function modesOff(): string {
  return (
    unset(SYNCHRONIZED, MOUSE_CLICKS, MOUSE_DRAGS, MOUSE_MOVES, MOUSE_SGR, FOCUS, PASTE) +
    set(WRAP, CURSOR) +
    PLAIN
  );
}

/** Takes back everything. Only where the alternate screen is on: elsewhere it would move the cursor. */
export function everythingOff(): string {
  return `${unset(SYNCHRONIZED)}${PLAIN}${LEAVE_ALTERNATE}${modesOff()}`;
}

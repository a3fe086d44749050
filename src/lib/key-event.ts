/**
 * What a terminal's input means. `name` is the base name with its modifiers before it, always in the order ctrl, alt,
 * shift: `a`, `A`, `enter`, `escape`, `tab`, `shift-tab`, `up`, `pageup`, `home`, `ctrl-d`, `space`, `backspace`,
 * `alt-x`, `ctrl-alt-shift-left`, `f1`.
 */
export interface KeyPress {
  readonly type: 'key';
  readonly name: string;
  /** What it inserts where text is edited: a printable character, or a line feed for Ctrl-j. */
  readonly text?: string;
  /**
   * `burst`: typed together with another key in one read, within 30 ms of the character before it, or in the wake of a
   * paste that never ended. Such a key may move; it must never act or confirm.
   */
  readonly typed: 'alone' | 'burst';
  /**
   * Milliseconds since an ESC whose sequence was never completed (a lone Escape, Alt, a sequence broken off), at most
   * 300. The letter may be the tail of that sequence, so it must never act or quit. A completed sequence (an arrow)
   * has no tail and does not count. An `alt-` name that nobody binds is best taken as `escape` alone.
   */
  readonly sinceEscapeMs?: number;
}

/** Text pasted in brackets, lines ended by a line feed. `cut` when it was longer than the decoder keeps. */
export interface Paste {
  readonly type: 'paste';
  readonly text: string;
  readonly cut?: true;
}

export type MouseButton =
  | 'left'
  | 'middle'
  | 'right'
  | 'none'
  | 'wheel-up'
  | 'wheel-down'
  | 'wheel-left'
  | 'wheel-right'
  | 'other';

/** A mouse report; column `x` and row `y` count from 1. */
export interface MouseReport {
  readonly type: 'mouse';
  readonly x: number;
  readonly y: number;
  readonly button: MouseButton;
  readonly action: 'press' | 'release' | 'drag' | 'move';
}

/** The terminal's window gained or lost the keyboard. */
export interface FocusReport {
  readonly type: 'focus';
  readonly focused: boolean;
}

export type KeyEvent = KeyPress | Paste | MouseReport | FocusReport;

/** A key as a sequence names it, before timing is known. */
export interface NamedKey {
  readonly name: string;
  readonly text?: string;
}

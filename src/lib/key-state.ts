/** What a key decoder holds between two reads, and for how long. */
import type { Paste } from './key-event.ts';

/** Longest gap inside a sequence that is still the same sequence, and how long a lone ESC is held. */
export const SEQUENCE_GAP_MS = 300;
/** Held this long once it can't be typed by hand (`ESC [ <`, `ESC [ 1 ;`, three mouse bytes, a terminal's answer). */
const UNMISTAKABLE_GAP_MS = 1000;
/** A bracketed paste without a byte for this long is taken as ended: the end was lost. */
export const PASTE_GAP_MS = 2000;
/** Two characters closer than this were not typed by hand. */
export const BURST_MS = 30;
/** Bytes of a paste that are kept. */
export const PASTE_LIMIT_BYTES = 1024 * 1024;
/** Bytes between `ESC [` and the final one; a longer sequence is swallowed. */
export const BODY_LIMIT = 64;

export const ESC = 0x1b;
export const BEL = 0x07;
export const PASTE_END = [ESC, 0x5b, 0x32, 0x30, 0x31, 0x7e] as const;

/** Where in a sequence the last byte left off. */
export type State =
  | { at: 'ground' }
  | { at: 'escape'; alt: boolean }
  | { at: 'csi'; alt: boolean; body: string }
  | { at: 'console'; alt: boolean }
  | { at: 'ss3'; alt: boolean; digits: string }
  | { at: 'x10'; bytes: number[] }
  | { at: 'string'; introducer: string; opened: boolean; escaped: boolean }
  | { at: 'utf8'; alt: boolean; bytes: number[]; length: number }
  | { at: 'paste'; bytes: number[]; matched: number; cut: boolean };

export const GROUND: State = { at: 'ground' };

/** How long a state is held after its last byte. */
export function holdMs(state: State): number | undefined {
  switch (state.at) {
    case 'ground':
      return undefined;
    case 'escape':
    case 'ss3':
    case 'utf8':
    case 'console':
      return SEQUENCE_GAP_MS;
    case 'csi':
      return state.body === '' ? SEQUENCE_GAP_MS : UNMISTAKABLE_GAP_MS;
    case 'string':
      return state.opened ? UNMISTAKABLE_GAP_MS : SEQUENCE_GAP_MS;
    case 'x10':
      return UNMISTAKABLE_GAP_MS;
    case 'paste':
      return PASTE_GAP_MS;
  }
}

/** A paste from its bytes; lines ended by a line feed. */
export function pasteOf(bytes: readonly number[], cut: boolean): Paste {
  const text = new TextDecoder().decode(Uint8Array.from(bytes)).replace(/\r\n?/g, '\n');
  return cut ? { type: 'paste', text, cut: true } : { type: 'paste', text };
}

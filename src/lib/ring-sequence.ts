import { asciiText, safeText } from './safe-text.ts';
import { cutText } from './text-width.ts';

/** What the terminal is, as far as ringing goes. */
export interface RingPlace {
  /** Inside tmux, which keeps notifications to itself unless they are wrapped for it. */
  readonly tmux: boolean;
  /** The terminal has no UTF-8: bytes above 0x7f could end a sequence. */
  readonly ascii: boolean;
}

/** Longest notification, in columns: desktops show less. */
const NOTIFY_COLUMNS = 200;

/**
 * The bytes of a signal: BEL, and OSC 9 with its text. The text is made safe first, and it begins with our name: some
 * terminals take `9;` and a number for orders of their own (`9;4;` sets a progress bar, `9;2;` opens a box).
 */
export function ringSequence(
  what: { readonly bell?: true; readonly notify?: string },
  place: RingPlace,
): string {
  const bell = what.bell ? '\x07' : '';
  if (what.notify === undefined) return bell;
  const safe = safeText(what.notify);
  const text = cutText(place.ascii ? asciiText(safe) : safe, NOTIFY_COLUMNS);
  const notification = `\x1b]9;binnacle: ${text}\x1b\\`;
  return (
    bell + (place.tmux ? `\x1bPtmux;${notification.replaceAll('\x1b', '\x1b\x1b')}\x1b\\` : notification)
  );
}

import { endsKey, entersKey, LONGEST_KEY } from './private-key.ts';

/** A line this long without an end is handed on, but for its last characters, which may begin a secret. */
const LONGEST_LINE = 64 * 1024;
const KEPT_BACK = 8 * 1024;

/** Masks text that comes in pieces: whole lines at once, and a private key over all the lines it has. */
export function maskStream(
  mask: (text: string) => string,
  sink: (text: string) => void,
): { write(text: string): void; end(): void } {
  let pending = '';
  /** Characters of a key still to come, at most, when inside one. */
  let keyLeft = 0;
  const line = (text: string): void => {
    if (keyLeft > 0) {
      keyLeft = endsKey(text) === undefined ? keyLeft - text.length : 0;
      return;
    }
    if (entersKey(text)) keyLeft = LONGEST_KEY;
    sink(mask(text));
  };
  return {
    write(text) {
      pending += text;
      const end = pending.lastIndexOf('\n') + 1;
      if (end > 0) {
        const whole = pending.slice(0, end);
        pending = pending.slice(end);
        if (keyLeft > 0 || entersKey(whole)) for (const one of whole.split(/(?<=\n)/)) line(one);
        else sink(mask(whole));
      }
      if (pending.length > LONGEST_LINE) {
        const cut = placeToCut(pending, mask);
        sink(mask(pending.slice(0, cut)));
        pending = pending.slice(cut);
      }
    },
    end() {
      if (pending !== '') line(pending);
      pending = '';
    },
  };
}

/** Tries at finding a place where a long line can be cut. */
const CUTS = 24;

/** Where the two parts, each masked by itself, are what the whole masked would be: in no secret. */
function placeToCut(text: string, mask: (text: string) => string): number {
  const latest = text.length - KEPT_BACK;
  const masked = mask(text);
  for (let tries = 0, cut = latest; tries < CUTS; tries += 1, cut -= 1 + 97 * tries) {
    if (mask(text.slice(0, cut)) + mask(text.slice(cut)) === masked) return cut;
  }
  return latest;
}

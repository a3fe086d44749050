import { type Instant, toIso } from '../../domain/instant.ts';

const DAY_MS = 86_400_000;

/** Time of day in UTC, with the date when it is not today's: `13:02:12Z`, `02-24 13:02Z`. */
export function clockText(at: Instant | null, now: Instant): string {
  if (at === null) return 'never';
  if (Math.floor(at / DAY_MS) === Math.floor(now / DAY_MS)) {
    const seconds = Math.floor((at % DAY_MS) / 1000);
    return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}Z`;
  }
  const iso = toIso(at);
  return `${iso.slice(5, 10)} ${iso.slice(11, 16)}Z`;
}

function two(value: number): string {
  const whole = Math.floor(value);
  return whole < 10 ? `0${whole}` : `${whole}`;
}

/** First line with something in it, cut to `length`. */
export function headline(text: string, length = 100): string {
  // Most texts are one short line: nothing to split.
  if (text.length <= length && !/[\r\n]/.test(text)) return text.trim();
  const line =
    text
      .split(/\r?\n/)
      .find((part) => part.trim() !== '')
      ?.trim() ?? '';
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

/** How a job is named in a row: the beginning of its id, then its goal. */
export function jobTitle(id: string, goal: string): string {
  const head = headline(goal);
  return head === '' ? id : `${id.slice(0, 8)} ${head}`;
}

/** Texts that count as the same goal although spaces and line ends moved. */
export function sameText(text: string): string {
  if (!/\s\s|[^\S ]|^ | $/.test(text)) return text;
  return text.replace(/\s+/g, ' ').trim();
}

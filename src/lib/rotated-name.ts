/**
 * How the names of a log and of the parts rotated away from it relate: `app.log.1`, `app.log-20260221`,
 * `app-20260221.log`, `app.2026-02-21_00-00-00.log`.
 */

/** Names no program gives to a log of its own: a counter behind the whole name, or a date in it. */
const COUNTED = /^\.\d{1,4}$/;
const DATE = /^[-_.]\d{4}-?\d{2}-?\d{2}[\dT:_.-]*$/;

/**
 * Whether a sibling's name says by itself that it is an older part of this log. A rotation seen as it happens may call
 * it anything; of what was there before, `worker-2.log` beside `worker.log` or a copy somebody named `app.log.bak` are
 * not to be taken for its past.
 */
export function isPastOf(log: string, sibling: string): boolean {
  if (sibling.startsWith(log)) {
    const suffix = sibling.slice(log.length);
    return COUNTED.test(suffix) || DATE.test(suffix);
  }
  const dot = log.lastIndexOf('.');
  if (dot <= 0) return false;
  const [stem, extension] = [log.slice(0, dot), log.slice(dot)];
  if (!sibling.startsWith(stem) || !sibling.endsWith(extension)) return false;
  return DATE.test(sibling.slice(stem.length, sibling.length - extension.length));
}

/** Oldest first: numbers count down to the newest, everything else goes by the time of its last write. */
export function compareSiblings(
  a: { readonly name: string; readonly mtimeMs: number },
  b: { readonly name: string; readonly mtimeMs: number },
): number {
  const numberA = rotationNumber(a.name);
  const numberB = rotationNumber(b.name);
  if (numberA !== undefined && numberB !== undefined && numberA !== numberB) return numberB - numberA;
  return a.mtimeMs - b.mtimeMs || (a.name < b.name ? -1 : 1);
}

/** The number of `app.log.3`; undefined for dates, which are longer. */
function rotationNumber(name: string): number | undefined {
  const digits = /\.(\d{1,4})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

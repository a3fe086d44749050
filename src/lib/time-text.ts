/**
 * Times and durations as a screen prints them. Instants are milliseconds since 1970; `offsetMs` is what a wall clock is
 * ahead of UTC.
 */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * An age in steps, so that an idle screen stands still: `now`, then every ten seconds, every minute up to ten, every
 * five up to an hour, every quarter up to a day, hours up to a week, days. A negative age (clocks that disagree) is `now`.
 */
export function ageText(ms: number): string {
  if (!(ms >= 10 * second)) return 'now';
  if (ms < minute) return `${Math.floor(ms / (10 * second)) * 10}s`;
  if (ms < 10 * minute) return `${Math.floor(ms / minute)}m`;
  if (ms < hour) return `${Math.floor(ms / (5 * minute)) * 5}m`;
  if (ms < day) return `${Math.floor(ms / hour)}h${two(Math.floor((ms % hour) / (15 * minute)) * 15)}m`;
  if (ms < 7 * day) return `${Math.floor(ms / day)}d${two(Math.floor((ms % day) / hour))}h`;
  return `${Math.floor(ms / day)}d`;
}

/** Time left in steps that never promise more than there is: `<10s`, `40s`, `4m`, `1h15m`; `over` when it has passed. */
export function leftText(ms: number): string {
  if (ms <= 0) return 'over';
  return ms < 10 * second ? '<10s' : ageText(ms);
}

/** What is left of a deadline: by the second within two minutes, else as {@link leftText}; `over` when it has passed. */
export function countdownText(ms: number): string {
  if (ms <= 0) return 'over';
  return `${ms < 2 * minute ? `${Math.floor(ms / second)}s` : leftText(ms)} left`;
}

/** What is left of a deadline that is known to `grainMs` alone, in steps of it: `about 20 min left`, `less than 5 min left`. */
function aboutLeftText(ms: number, grainMs: number): string {
  if (ms <= 0) return 'over, or any moment';
  const grain = Math.max(grainMs, minute);
  const words = (length: number): string => {
    if (length >= 2 * day) return `${Math.round(length / day)} days`;
    return length >= 2 * hour ? `${Math.round(length / hour)} h` : `${Math.round(length / minute)} min`;
  };
  if (ms < grain) return `less than ${words(grain)} left`;
  return `about ${words(Math.floor(ms / grain) * grain)} left`;
}

/**
 * Until when something is, and what is left of it as of `now`: `until 03:44:07 (25m left)`. Where its source knows it no
 * better than to minutes, so do the words: `until about 03:37 (about 20 min left)`.
 */
export function deadlineText(at: number, now: number, offsetMs: number, grainMs = 0): string {
  if (grainMs < minute) return `until ${clockText(at, offsetMs)} (${countdownText(at - now)})`;
  return `until about ${clockText(at, offsetMs, 'minutes')} (${aboutLeftText(at - now, grainMs)})`;
}

/** A finished duration: `0.4s`, `12s`, `3m07s`, `2h04m`. */
export function durationText(ms: number): string {
  if (ms < 0) return '0s';
  if (ms < 10 * second) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  if (ms < minute) return `${Math.floor(ms / second)}s`;
  if (ms < hour) return `${Math.floor(ms / minute)}m${two(Math.floor((ms % minute) / second))}s`;
  return `${Math.floor(ms / hour)}h${two(Math.floor((ms % hour) / minute))}m`;
}

/** `03:14:07`, or with milliseconds `03:14:07.551`. `--:--:--` for a time that is no number. */
export function clockText(
  at: number,
  offsetMs = 0,
  form: 'minutes' | 'seconds' | 'millis' = 'seconds',
): string {
  const iso = isoText(at + offsetMs);
  if (iso === undefined) return form === 'minutes' ? '--:--' : '--:--:--';
  return iso.slice(11, form === 'minutes' ? 16 : form === 'seconds' ? 19 : 23);
}

/** `2026-02-21 03:14:07`. */
export function dateText(at: number, offsetMs = 0): string {
  const iso = isoText(at + offsetMs);
  return iso === undefined ? '----------' : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

/** What a wall clock is ahead of UTC: `Z`, `-07`, `+05:30`. */
export function offsetText(offsetMs: number): string {
  if (offsetMs === 0) return 'Z';
  const total = Math.round(Math.abs(offsetMs) / minute);
  const rest = total % 60;
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(total / 60))}${rest === 0 ? '' : `:${two(rest)}`}`;
}

/**
 * A coming time, short: the clock when it is within a day of `now`, else days ahead (`+3d`).
 */
export function untilText(at: number, now: number, offsetMs = 0): string {
  if (Math.abs(at - now) < day)
    return clockText(at, offsetMs, Math.abs(at - now) < 10 * minute ? 'seconds' : 'minutes');
  return at > now ? `+${Math.floor((at - now) / day)}d` : 'over';
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function isoText(at: number): string | undefined {
  return Number.isFinite(at) && Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : undefined;
}

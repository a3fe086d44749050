import { addMs, type Instant, instant, parseInstant } from '../domain/instant.ts';

const dayMs = 86_400_000;
const units: { readonly [unit: string]: number } = { s: 1000, m: 60_000, h: 3_600_000, d: dayMs };

/**
 * A moment as a hand types it: `03:12`, `03:12:40` (the last time the clock said so), `15m` or `-2h` (so long ago), or a
 * date with a time. `offsetMs`: what the clock on the screen is ahead of UTC. Undefined for anything else.
 */
export function typedMoment(text: string, now: Instant, offsetMs: number): Instant | undefined {
  const typed = text.trim();
  const clock = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/.exec(typed);
  if (clock) {
    const [hours, minutes, seconds] = [clock[1], clock[2], clock[3] ?? '0'].map(Number);
    if (hours === undefined || minutes === undefined || seconds === undefined) return undefined;
    if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
    const midnight = Math.floor((now + offsetMs) / dayMs) * dayMs - offsetMs;
    const at = midnight + ((hours * 60 + minutes) * 60 + seconds) * 1000;
    return instant(at > now ? at - dayMs : at);
  }
  const ago = /^-?(\d{1,6})([smhd])$/.exec(typed);
  if (ago) return addMs(now, -Number(ago[1]) * (units[ago[2] ?? ''] ?? 0));
  const at = parseInstant(typed);
  if (at === undefined) return undefined;
  return /(Z|[+-]\d\d:?\d\d)$/.test(typed) ? at : addMs(at, -offsetMs);
}

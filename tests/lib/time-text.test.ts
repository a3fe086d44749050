import { describe, expect, it } from 'vitest';
import {
  ageText,
  clockText,
  dateText,
  deadlineText,
  durationText,
  leftText,
  offsetText,
  untilText,
} from '../../src/lib/time-text.ts';

const at = Date.UTC(2026, 1, 21, 3, 14, 7, 551);

describe('time text', () => {
  it('writes ages in steps', () => {
    const cases: [number, string][] = [
      [-5, 'now'],
      [9_999, 'now'],
      [17_000, '10s'],
      [59_999, '50s'],
      [477_000, '7m'],
      [740_000, '10m'],
      [3_780_000, '1h00m'],
      [8_100_000, '2h15m'],
      [90_000_000, '1d01h'],
      [864_000_000, '10d'],
      [Number.NaN, 'now'],
    ];
    for (const [ms, text] of cases) expect(ageText(ms)).toBe(text);
  });

  it('never promises more time than is left', () => {
    expect(leftText(0)).toBe('over');
    expect(leftText(9_000)).toBe('<10s');
    expect(leftText(299_000)).toBe('4m');
  });

  it('writes clocks in UTC or with an offset', () => {
    expect(clockText(at)).toBe('03:14:07');
    expect(clockText(at, 0, 'millis')).toBe('03:14:07.551');
    expect(clockText(at, -7 * 3_600_000, 'minutes')).toBe('20:14');
    expect(dateText(at, -7 * 3_600_000)).toBe('2026-02-20 20:14:07');
    expect(clockText(Number.NaN)).toBe('--:--:--');
    expect(clockText(1e300)).toBe('--:--:--');
  });

  it('names the zone it prints in', () => {
    expect([0, -25_200_000, 19_800_000].map(offsetText)).toEqual(['Z', '-07', '+05:30']);
  });

  it('writes durations and coming times', () => {
    expect([400, 12_000, 187_000, 7_440_000].map(durationText)).toEqual(['0.4s', '12s', '3m07s', '2h04m']);
    expect(untilText(at + 3 * 3_600_000, at)).toBe('06:14');
    expect(untilText(at + 60_000, at)).toBe('03:15:07');
    expect(untilText(at + 3 * 86_400_000, at)).toBe('+3d');
  });
});

describe('a deadline', () => {
  const at = Date.UTC(2026, 1, 21, 3, 44, 7);
  const left = (ms: number, grainMs?: number): string => deadlineText(at, at - ms, 0, grainMs);

  it('counts by the second when it is near, in steps that never promise more otherwise', () => {
    expect(left(119_000)).toBe('until 03:44:07 (119s left)');
    expect(left(500)).toBe('until 03:44:07 (0s left)');
    expect(left(26 * 60_000 + 59_000)).toBe('until 03:44:07 (25m left)');
    expect(left(0)).toBe('until 03:44:07 (over)');
  });

  it('is told in the grain its source knows it in', () => {
    expect(left(29 * 60_000, 10 * 60_000)).toBe('until about 03:44 (about 20 min left)');
    expect(left(9 * 60_000, 10 * 60_000)).toBe('until about 03:44 (less than 10 min left)');
    expect(left(7.9 * 3_600_000, 3_600_000)).toBe('until about 03:44 (about 7 h left)');
    expect(left(80 * 3_600_000, 86_400_000)).toBe('until about 03:44 (about 3 days left)');
    expect(left(-1, 60_000)).toBe('until about 03:44 (over, or any moment)');
    expect(left(90_000, 1000)).toBe('until 03:44:07 (90s left)');
  });
});

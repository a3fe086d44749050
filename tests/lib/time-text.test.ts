import { describe, expect, it } from 'vitest';
import {
  ageText,
  clockText,
  dateText,
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

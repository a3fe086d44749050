import { describe, expect, it } from 'vitest';
import { approveAtOnce } from './toy/at-once.ts';

describe('four cockpits that say yes to the same 50 things at once', () => {
  it('make each of them happen once, and the others are told whose it is', async () => {
    const result = await approveAtOnce(50, 'inside');
    expect(result.fired).toEqual(result.keys);
    expect(result.won).toBe(50);
    expect(result.refusals).toHaveLength(150);
    for (const refusal of result.refusals)
      expect(refusal).toMatch(
        /^(it is being done: job\.run by alice|it was done: job\.run by alice|the job is not ready)/,
      );
    // The race was one: most of the losers met a key that was taken at that very time.
    expect(result.refusals.filter((text) => text.startsWith('it is being done')).length).toBeGreaterThan(20);
    expect(result.ledger).toMatchObject({ ok: true, rows: 100 });
    expect(result.outcomes).toEqual({ verified: 50 });
  });
});

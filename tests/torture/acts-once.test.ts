import { describe, expect, it } from 'vitest';
import { approveAtOnce } from '../acts/toy/at-once.ts';

describe('four cockpits that say yes to the same 300 things at once', () => {
  it('make each of them happen once, each in a runner of its own', async () => {
    const result = await approveAtOnce(300, 'processes', 500_000);
    expect(result.fired).toEqual(result.keys);
    expect(result.won).toBe(300);
    expect(result.refusals).toHaveLength(900);
    expect(result.outcomes).toEqual({ verified: 300 });
    expect(result.ledger).toMatchObject({ ok: true, rows: 600 });
  });
});

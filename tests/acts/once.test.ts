import { describe, expect, it } from 'vitest';
import { approveAtOnce } from './toy/at-once.ts';

/** A second account can be taken on by root alone. */
const USERS = process.getuid?.() === 0 ? 2 : 1;

describe('rows 19 and 66: four cockpits of two users that say yes to the same 10 things at once', () => {
  it('make each of them happen once, the others are told whose it is, and everybody sees all', async () => {
    const result = await approveAtOnce(10, 'inside', 120_000, USERS);
    expect(result.fired).toEqual(result.keys);
    expect(result.won).toBe(10);
    expect(result.refusals).toHaveLength(30);
    for (const refusal of result.refusals)
      expect(refusal).toMatch(
        /^(it is being done: job\.run by (alice|bob)|it was done: job\.run by (alice|bob)|the job is not ready)/,
      );
    expect(result.outcomes).toEqual({ verified: 10 });
    expect(result.seen).toEqual([10, 10, 10, 10]);
    expect(new Set(result.seenOf.map(String)).size).toBe(1);
    expect(result.ledger.ok).toBe(true);
  });
});

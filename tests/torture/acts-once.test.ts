import { describe, expect, it } from 'vitest';
import { approveAtOnce } from '../acts/toy/at-once.ts';

/** A second account can be taken on by root alone. */
const USERS = process.getuid?.() === 0 ? 2 : 1;

describe('rows 19 and 66: four cockpits of two users that say yes to the same 300 things at once', () => {
  it('make each of them happen once, each in a runner of its own, and everybody sees all', async ({
    task,
  }) => {
    const result = await approveAtOnce(300, 'processes', 500_000, USERS);
    task.meta.figures = {
      keys: result.keys.length,
      cockpits: result.seen.length,
      users: USERS,
      'fired by the program': result.fired.length,
      'orders won': result.won,
      'yes refused': result.refusals.length,
      ...Object.fromEntries(
        Object.entries(result.outcomes).map(([word, count]) => [`orders ${word}`, count]),
      ),
      'verified orders each cockpit saw': result.seen.join(', '),
      'rows in the ledger of the first user': result.ledger.rows,
      'ledger is whole': String(result.ledger.ok),
    };
    expect(result.fired).toEqual(result.keys);
    expect(result.won).toBe(300);
    expect(result.refusals).toHaveLength(900);
    expect(result.outcomes).toEqual({ verified: 300 });
    expect(result.seen).toEqual([300, 300, 300, 300]);
    expect(result.seenOf[0]).toEqual(USERS === 2 ? ['alice', 'bob'] : ['alice']);
    expect(result.ledger.ok).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { type Aside, isAside } from '../../src/domain/aside.ts';
import { instant } from '../../src/domain/instant.ts';

const aside: Aside = { key: 'orket/turn/3', revision: 'r1', forGood: false, by: 'alice' };
const now = instant(1000);

describe('an item set aside', () => {
  it('without more comes back when it changes', () => {
    expect(isAside(aside, 'r1', now)).toBe(true);
    expect(isAside(aside, 'r2', now)).toBe(false);
  });

  it('for a time stays away until then, whatever it does', () => {
    const timed = { ...aside, until: instant(2000) };
    expect(isAside(timed, 'r1', now)).toBe(true);
    expect(isAside(timed, 'r2', now)).toBe(true);
    expect(isAside(timed, 'r1', instant(2000))).toBe(false);
  });

  it('for good stays away, and one nobody set aside does not', () => {
    expect(isAside({ ...aside, forGood: true, reason: 'known' }, 'r2', instant(9e12))).toBe(true);
    expect(isAside(undefined, 'r1', now)).toBe(false);
  });
});

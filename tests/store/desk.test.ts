import { describe, expect, it } from 'vitest';
import { addMs, instant } from '../../src/domain/instant.ts';
import {
  filtered,
  focused,
  grown,
  inMode,
  marked,
  newDesk,
  ranged,
  resized,
  selectedRow,
  settledToast,
  toasted,
  touched,
  wentBack,
  zoomed,
} from '../../src/store/desk.ts';
import { isTyping, typedText, withTypedText } from '../../src/store/mode.ts';

const desk = newDesk(120, 40);
const now = instant(5_000_000);

describe('the desk', () => {
  it('takes any size as at least one cell', () => {
    expect(resized(desk, 0, -3)).toMatchObject({ columns: 1, rows: 1 });
    expect(resized(desk, Number.NaN, 10)).toMatchObject({ columns: 1, rows: 10 });
    // The same size again: what the terminal did to its rows in between is not known.
    expect(resized(desk, 120, 40)).toMatchObject({ columns: 120, rows: 40, resizes: 1 });
  });

  it('clears marks on leaving the view and remembers the way', () => {
    const there = focused(marked(desk, 'a'), 'logs');
    expect(there.marks.size).toBe(0);
    expect(there.subject).toBe('queue');
    const work = focused(there, 'work');
    expect(work.subject).toBe('work');
    const back = wentBack(wentBack(work, 'back'), 'back');
    expect(back.focus).toBe('queue');
    expect(wentBack(back, 'back')).toBe(back);
    expect(wentBack(back, 'forth').focus).toBe('logs');
  });

  it('keeps a zoom on the pane that has the keys', () => {
    const zoom = zoomed(desk, 'queue');
    expect(focused(zoom, 'logs').zoom).toBe('logs');
    expect(zoomed(zoom, 'queue').zoom).toBeUndefined();
  });

  it('marks a range in either direction', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const down = ranged(ranged(desk, ids, 'b'), ids, 'd');
    expect([...down.marks]).toEqual(['b', 'c', 'd']);
    expect(down.rangeFrom).toBeUndefined();
    const up = ranged(ranged(desk, ids, 'd'), ids, 'c');
    expect([...up.marks].sort()).toEqual(['c', 'd']);
  });

  it('stacks filters and takes the newest off with an empty one', () => {
    const two = filtered(filtered(desk, 'logs', 'a'), 'logs', 'b');
    expect(two.filters.logs).toEqual(['a', 'b']);
    expect(filtered(two, 'logs', '').filters.logs).toEqual(['a']);
  });

  it('freezes the queue after a key and lets messages go by themselves', () => {
    expect(touched(desk, now).frozenUntil).toBe(now + 2000);
    const told = toasted(desk, 'x', 'note', now, 1000);
    expect(settledToast(told, addMs(now, 999))).toBe(told);
    expect(settledToast(told, addMs(now, 1000)).toast).toBeUndefined();
  });

  it('bounds the growth of panes', () => {
    let tall = desk;
    for (let index = 0; index < 100; index += 1) tall = grown(tall, 'logs', 1);
    expect(tall.grow.logs).toBe(40);
  });

  it('keeps the same desk when nothing is selected anew', () => {
    const one = selectedRow(desk, 'queue', 'a');
    expect(selectedRow(one, 'queue', 'a')).toBe(one);
  });
});

describe('typing', () => {
  it('happens only in modes that have a text', () => {
    expect(isTyping(desk.mode)).toBe(false);
    expect(withTypedText(desk.mode, 'x')).toBe(desk.mode);
    const search = inMode(desk, { type: 'search', text: 'a' }).mode;
    expect(isTyping(search)).toBe(true);
    expect(typedText(withTypedText(search, 'ab'))).toBe('ab');
    expect(isTyping({ type: 'help', text: '', typing: false, scroll: 0 })).toBe(false);
  });
});

describe('a message at the foot', () => {
  it('goes with the next key once it could be read, and not by keys typed ahead', () => {
    const told = toasted(desk, 'no error below', 'note', now);
    expect(touched(told, instant(now + 300)).toast?.text).toBe('no error below');
    expect(touched(told, instant(now + 800)).toast).toBeUndefined();
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { refOf } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import type { WatchEntry } from '../../src/domain/watch.ts';
import { hangs, storyNow } from '../views/sample-state.ts';
import { keyPress, openScreen, type TestScreen } from '../views/screen.tsx';

let screen: TestScreen;
afterEach(() => screen.close());

function watch(more: Partial<WatchEntry> = {}): WatchEntry {
  return {
    by: 'alice',
    ref: refOf(hangs),
    title: hangs.title,
    state: 'open',
    since: addMs(storyNow, -600_000),
    setAt: storyNow,
    moves: 0,
    ...more,
  };
}

const selectedRow = (): string => screen.rows().find((row) => row.startsWith('>')) ?? '';

describe('watching an item', () => {
  it('begins with M on the selected item, is marked in its row, and ends with M', async () => {
    screen = await openScreen();
    expect(selectedRow()).toMatch(/^>x FATAL/);
    await screen.press('M');
    expect(screen.engine.of('watch')).toEqual([{ target: refOf(hangs), on: true }]);
    screen.engine.say({ now: storyNow, watches: [watch()] });
    await screen.wait(100);
    expect(selectedRow()).toMatch(/^>x@FATAL/);
    await screen.press('M');
    expect(screen.engine.of('watch')[1]).toEqual({ target: refOf(hangs), on: false });
  });

  it('is not begun by type-ahead', async () => {
    screen = await openScreen();
    await screen.event(keyPress('M', { typed: 'burst' }));
    expect(screen.engine.of('watch')).toEqual([]);
    expect(screen.frame()).toContain('M typed too fast');
  });

  it('is no longer marked once it has ended, and stays on its page for the day', async () => {
    screen = await openScreen();
    const usual = { usualMs: 1_800_000 };
    screen.engine.say({
      now: storyNow,
      watches: [
        watch(usual),
        watch({ ref: { ...refOf(hangs), id: 'old' }, endedAt: storyNow, moves: 2, title: 'old one' }),
      ],
    });
    await screen.wait(100);
    screen.dispatcher.run('watches.show');
    await screen.wait(100);
    expect(screen.frame()).toMatch(/Watched/);
    expect(screen.frame()).toMatch(/open .*10m .*up to 30m .*not yet/);
    expect(screen.frame()).toMatch(/ended .*open .*2 times .*old one/);
  });
});

describe('what the engine asks of the screen', () => {
  it('is said once, until a key is pressed, however often it is told', async () => {
    screen = await openScreen();
    const signals = [{ seq: 1, text: 'watched: coherence API hangs: moved', tone: 'note' as const }];
    screen.engine.say({ now: storyNow, signals });
    await screen.wait(20_000);
    expect(screen.frame()).toContain('watched: coherence API hangs: moved');
    await screen.press('j');
    expect(screen.frame()).not.toContain('watched: coherence');
    screen.engine.say({ now: addMs(storyNow, 1), signals: [...signals] });
    await screen.wait(100);
    expect(screen.frame()).not.toContain('watched: coherence');
    screen.engine.say({
      now: addMs(storyNow, 2),
      signals: [...signals, { seq: 2, text: 'hook: page: exit 3' }],
    });
    await screen.wait(100);
    expect(screen.frame()).toContain('hook: page: exit 3');
  });
});

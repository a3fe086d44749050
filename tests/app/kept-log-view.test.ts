import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logMemory } from '../../src/app/kept-log-view.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { instant } from '../../src/domain/instant.ts';
import type { KeptLogView } from '../../src/store/log-view.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'binnacle-kept-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const state = (): string => join(home, 'state');
const file = (): string => join(state(), 'log-view.json');
const kept: KeptLogView = {
  version: 2,
  bookmarks: [
    {
      sortAt: instant(1_771_643_647_000),
      system: 'orket' as SystemId,
      path: 'workspace/a/orket.log',
      offset: 4711,
      text: 'turn_start TIDE-3 \u001b[2J',
    },
  ],
  searches: [
    { name: 'disk', text: 'no space|disk full' },
    { name: 'quiet', text: 'beat', isOff: true },
  ],
};

describe('what is kept of the log pane', () => {
  it('survives a restart as it was, in a file of its owner alone', () => {
    expect(logMemory(state()).kept).toBeUndefined();
    logMemory(state()).keep(kept);
    expect(logMemory(state()).kept).toEqual(kept);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(state()).mode & 0o777).toBe(0o700);
    logMemory(state()).keep({ ...kept, bookmarks: [] });
    expect(logMemory(state()).kept).toEqual({ ...kept, bookmarks: [] });
    expect(readdirSync(state())).toEqual(['log-view.json']);
  });

  it.each([
    ['no JSON', '{"version":2,"bookmarks":[{'],
    ['another form', '[1, 2]'],
    ['nothing', ''],
    ['a later version', JSON.stringify({ ...kept, version: 3 })],
    ['nesting without end', '['.repeat(200_000)],
    ['far too much', JSON.stringify({ ...kept, searches: [{ name: 'x', text: 'y'.repeat(2_000_000) }] })],
  ])('is let go where the file holds %s, and what is kept next is whole again', (_what, content) => {
    logMemory(state()).keep(kept);
    writeFileSync(file(), content);
    expect(logMemory(state()).kept).toBeUndefined();
    logMemory(state()).keep(kept);
    expect(logMemory(state()).kept).toEqual(kept);
  });

  it('comes without the entries that are damaged', () => {
    logMemory(state()).keep(kept);
    const written = JSON.parse(readFileSync(file(), 'utf8')) as {
      bookmarks: unknown[];
      searches: unknown[];
    };
    written.bookmarks.push(null, 7, { path: 'x' }, { ...kept.bookmarks[0], offset: 'far' });
    written.searches.unshift({ name: 'no text' }, 'text', { __proto__: { name: 'a', text: 'b' } });
    writeFileSync(file(), JSON.stringify(written));
    expect(logMemory(state()).kept).toEqual(kept);
  });

  it('is let go where it can not be written: the screen goes on with what it has', () => {
    writeFileSync(join(home, 'taken'), 'a file where a directory should be');
    const memory = logMemory(join(home, 'taken'));
    expect(() => memory.keep(kept)).not.toThrow();
    expect(readFileSync(join(home, 'taken'), 'utf8')).toBe('a file where a directory should be');
    expect(logMemory(join(home, 'taken')).kept).toBeUndefined();
  });
});

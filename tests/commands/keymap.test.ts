import { describe, expect, it } from 'vitest';
import { conflictsOf, defaultKeymap, keysOf, keyText, rebind } from '../../src/commands/keymap.ts';
import { fuzzyScore } from '../../src/commands/palette.ts';
import { commands, commandsById } from '../../src/commands/registry.ts';

const known = new Set(commandsById.keys());

describe('the keymap', () => {
  it('binds only commands there are, each key once in its place, and no conflict', () => {
    for (const binding of defaultKeymap) expect(known, binding.command).toContain(binding.command);
    expect(conflictsOf(defaultKeymap)).toEqual([]);
  });

  it('reaches every command by a key or the palette', () => {
    const bound = new Set(defaultKeymap.map((binding) => binding.command));
    for (const command of commands) {
      if (command.inPalette === false) expect(bound, command.id).toContain(command.id);
    }
  });

  it('has ids once, and titles a person can read', () => {
    expect(commandsById.size).toBe(commands.length);
    for (const command of commands) {
      expect(command.id).toMatch(/^[a-z]+\.[a-zA-Z]+$/);
      expect(command.title).not.toBe('');
    }
  });

  it('lets y mean nothing but yes', () => {
    const yes = defaultKeymap.filter((binding) => binding.keys.includes('y'));
    expect(new Set(yes.map((binding) => binding.command))).toEqual(
      new Set(['dialog.yes', 'approval.decide']),
    );
    const { conflicts } = rebind(defaultKeymap, { 'act.restart': ['y'] }, known);
    expect(conflicts.map((one) => one.text)).toContain(
      'keys: y only ever means yes, it cannot be act.restart',
    );
  });

  it('is changed by configuration, and tells what then clashes', () => {
    const { keymap, conflicts } = rebind(
      defaultKeymap,
      { 'log.follow': ['f'], 'menu.pick@menu': ['space'] },
      known,
    );
    expect(keysOf(keymap, 'log.follow')).toEqual(['f']);
    expect(conflicts.map((one) => one.text)).toEqual(['keys: space (menu) is cursor.pageDown and menu.pick']);
    const clash = rebind(defaultKeymap, { 'log.follow': ['j'], nonsense: ['x'] }, known);
    expect(clash.conflicts.map((one) => one.text)).toEqual([
      'keys: there is no command "nonsense"',
      'keys: j (browse) is cursor.down and log.follow',
    ]);
  });

  it('gives moving keys no act, and acting keys no move', () => {
    const moving = [
      'j',
      'k',
      'up',
      'down',
      'g',
      'G',
      'home',
      'end',
      'pageup',
      'pagedown',
      'ctrl-d',
      'ctrl-u',
    ];
    for (const binding of defaultKeymap) {
      if (!binding.keys.some((key) => moving.includes(key))) continue;
      const effect = commandsById.get(binding.command)?.effect;
      expect(['move', 'view'], binding.command).toContain(effect);
    }
    for (const key of ['a', 'r', 'R', 'S', 'P', 'B', 'C', 'A', 'u', 'K', 'd', 'Q']) {
      const binding = defaultKeymap.find((one) => one.when === 'browse' && one.keys.includes(key));
      expect(['ask', 'quit'], key).toContain(commandsById.get(binding?.command ?? '')?.effect);
    }
  });

  it('prints keys as a person names them', () => {
    expect(['enter', 'ctrl-r', 'shift-tab', 'j', 'space'].map(keyText)).toEqual([
      'Enter',
      'Ctrl-r',
      'S-Tab',
      'j',
      'Space',
    ]);
    expect(keyText('constructor')).toBe('constructor');
  });
});

describe('fuzzy search', () => {
  it('wants every letter in order and prefers beginnings of words', () => {
    expect(fuzzyScore('restart pipeline', 'rp')).toBeGreaterThan(fuzzyScore('compare point', 'rp') ?? -99);
    expect(fuzzyScore('restart pipeline', 'restart')).toBeGreaterThan(
      fuzzyScore('rest at art', 'restart') ?? -99,
    );
    expect(fuzzyScore('restart', 'x')).toBeUndefined();
    expect(fuzzyScore('anything', '')).toBe(0);
  });
});

/**
 * What the README repeats of the program is taken from the program. `UPDATE_README=1 npx vitest run ... readme` writes
 * it anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Area, Command } from '../src/commands/command.ts';
import { defaultKeymap, keyText } from '../src/commands/keymap.ts';
import { commands } from '../src/commands/registry.ts';
import { HELP } from '../src/config/verbs.ts';
import { paneNumbers } from '../src/store/desk.ts';

const path = new URL('../README.md', import.meta.url).pathname;

const areas: Readonly<Record<Area, string>> = {
  acts: 'Acts',
  items: 'The selected item',
  move: 'Moving',
  panes: 'Panes',
  find: 'Searching and marking',
  logs: 'Logs',
  cockpit: 'The cockpit',
  prompt: 'In prompts',
};

/** Keys that hold while browsing, in one pane, or where a decision is made, by command, in the order of the keymap. */
function keysByCommand(): Map<string, string[]> {
  const places = new Set(['any', 'browse', 'dialog', 'approval', ...Object.keys(paneNumbers)]);
  const found = new Map<string, string[]>();
  for (const { command, keys, when } of defaultKeymap) {
    const isPrompt = when === 'dialog' || when === 'approval';
    // Moving is alike everywhere; the digits of a card pick what stands beside them.
    if (!places.has(when) || (isPrompt && command.startsWith('cursor.'))) continue;
    const where = when === 'any' || when === 'browse' ? '' : ` (${when})`;
    const known = found.get(command) ?? [];
    const told = isPrompt ? keys.filter((key) => !/^\d$/.test(key)) : keys;
    found.set(command, [...known, ...told.map((key) => `\`${keyText(key)}\`${where}`)]);
  }
  return found;
}

function keyTable(): string {
  const keys = keysByCommand();
  const rows = Object.entries(areas).flatMap(([area, title]) => {
    const here = commands.filter((command: Command) => command.area === area && keys.has(command.id));
    return here.map(
      (command, index) =>
        `| ${index === 0 ? `**${title}**` : ''} | ${(keys.get(command.id) ?? []).join(' ').replaceAll('|', '\\|')} | ${command.title.replaceAll('|', '\\|')} |`,
    );
  });
  return ['| | keys | what it does |', '|---|---|---|', ...rows].join('\n');
}

const parts: Readonly<Record<string, string>> = {
  keys: keyTable(),
  help: `\`\`\`\n${HELP}\n\`\`\``,
};

describe('the README', () => {
  const readme = readFileSync(path, 'utf8');
  const isUpdate = process.env['UPDATE_README'] === '1';

  it.each(Object.entries(parts))('has the %s the program has', (name, wanted) => {
    const between = new RegExp(`<!-- ${name} -->\n([\\s\\S]*?)<!-- /${name} -->`);
    expect(readme).toMatch(between);
    if (isUpdate) {
      const now = readFileSync(path, 'utf8');
      writeFileSync(
        path,
        now.replace(between, () => `<!-- ${name} -->\n${wanted}\n<!-- /${name} -->`),
      );
      return;
    }
    expect(between.exec(readme)?.[1]).toBe(`${wanted}\n`);
  });

  it('names every key that does something while browsing', () => {
    const table = parts['keys'] ?? '';
    for (const { keys, when } of defaultKeymap) {
      if (when === 'browse') for (const key of keys) expect(table).toContain(`\`${keyText(key)}\``);
    }
  });
});

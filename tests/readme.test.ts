/**
 * What the README repeats of the program is taken from the program. `UPDATE_README=1 npx vitest run ... readme` writes
 * it anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Area, Command } from '../src/commands/command.ts';
import { defaultKeymap, keyText } from '../src/commands/keymap.ts';
import { commands } from '../src/commands/registry.ts';
import { checkConfig } from '../src/config/load.ts';
import { parseOptions } from '../src/config/options.ts';
import { COMMON_KEYS } from '../src/config/schema.ts';
import { kindsOf, ownSettings } from '../src/config/systems.ts';
import { HELP } from '../src/config/verbs.ts';
import { paneNumbers } from '../src/store/desk.ts';
import { builtInKinds } from '../src/systems/registry.ts';
import { kindTable } from './kind-table.ts';

const allKinds = await builtInKinds();

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

function settingsTable(): string {
  const text = (what: string): string => what.replaceAll('|', '\\|');
  const rows = [
    ...Object.entries(COMMON_KEYS).map(([key, what]) => ['every kind', key, what] as const),
    ...allKinds.flatMap((kind) =>
      [...ownSettings(kind)].map(([key, what]) => [`\`${kind.kind}\``, key, what] as const),
    ),
  ];
  return [
    '| kind | setting | what it is |',
    '|---|---|---|',
    ...rows.map(
      ([kind, key, what], index) =>
        `| ${rows[index - 1]?.[0] === kind ? '' : kind} | \`${key}\` | ${text(what)} |`,
    ),
  ].join('\n');
}

const parts: Readonly<Record<string, string>> = {
  kinds: kindTable(),
  settings: settingsTable(),
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

  const blocks = (language: string): string[] =>
    [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
      ([, text = '']) => text,
    );

  it('has examples of every kind that the program takes as they stand', async () => {
    const lines = blocks('sh').flatMap((text) => text.split('\n'));
    const typed = lines.flatMap((line) => /^binnacle (.*?)( {2,}#.*)?$/.exec(line)?.[1] ?? []);
    const described = await Promise.all(
      blocks('yaml').map((text) => kindsOf(checkConfig(text, 'README.md'), { path: undefined })),
    );
    const kinds = new Set<string>();
    for (const line of typed) {
      const words = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"(.*)"$/, '$1'));
      for (const { kind: name, settings } of parseOptions(words).systems) {
        const kind = described.flat().find((one) => one.kind === name);
        if (!kind) throw new Error(`${line}: there is no kind ${name}`);
        const known = new Set([...Object.keys(COMMON_KEYS), ...ownSettings(kind).keys()]);
        for (const key of Object.keys(settings)) expect(known, line).toContain(key);
        kinds.add(name);
      }
    }
    expect([...kinds]).toEqual(expect.arrayContaining(allKinds.map(({ kind }) => kind)));
  });

  it('has configurations that are right', async () => {
    const texts = blocks('yaml');
    expect(texts.length).toBeGreaterThan(3);
    for (const text of texts) {
      const config = checkConfig(text, 'README.md');
      const kinds = (await kindsOf(config, { path: 'README.md' })).map(({ kind }) => kind);
      for (const { kind } of config.systems ?? []) expect(kinds).toContain(kind);
    }
  });

  it('has a sentence for every setting there is', () => {
    for (const kind of allKinds) {
      expect(ownSettings(kind).size, kind.kind).toBeGreaterThan(0);
      for (const [key, what] of ownSettings(kind)) expect(what, `${kind.kind} ${key}`).not.toBe('');
    }
  });

  it('names every key that does something while browsing', () => {
    const table = parts['keys'] ?? '';
    for (const { keys, when } of defaultKeymap) {
      if (when === 'browse') for (const key of keys) expect(table).toContain(`\`${keyText(key)}\``);
    }
  });
});

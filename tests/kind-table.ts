/** What the README tells of each kind, taken from the registry: sources, entities, acts, playbooks. */
import { readFileSync } from 'node:fs';
import { lookInto } from '../src/config/look.ts';
import type { EntityType, SystemId } from '../src/domain/entity.ts';
import { LISTS } from '../src/headless/json.ts';
import { builtInKinds } from '../src/systems/registry.ts';
import type { CommonSettings, SystemKind } from '../src/systems/system.ts';
import { caseNames } from './systems/fixture-case.ts';

const allKinds = await builtInKinds();

const fixtures = new URL('../fixtures/', import.meta.url).pathname;

/** Settings that bring every source a kind has: those that are off without one are in the table too. */
const EVERYTHING: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  orket: { webhookUrl: 'http://127.0.0.1:2', keeper: 'systemd:a', webhookKeeper: 'systemd:b' },
  reflexive: { keeper: 'systemd:a' },
  aragora: { stream: 'journalctl -f', run: 'systemctl:a', cluster: 'kubectl:a' },
  openclaw: { keeper: 'systemd:a' },
};
const COMMON = { url: 'http://127.0.0.1:1', keyEnv: 'KEY', timezone: 'UTC' };

/** Sources by their type. Those of one run or workspace (`id@where`) are told by the first of them. */
function sourcesOf(kind: SystemKind): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  const wishes = [{}, { server: 'nomic' }].map((more) => ({ ...COMMON, ...EVERYTHING[kind.kind], ...more }));
  for (const name of caseNames(kind.kind)) {
    const dir = `${fixtures}${kind.kind}/${name}/root`;
    const given = JSON.parse(readFileSync(`${fixtures}${kind.kind}/${name}/case.json`, 'utf8')) as {
      settings?: CommonSettings;
    };
    // Programs are where they usually are: the table must not tell of the machine it was written on.
    const look = { ...lookInto(dir, {}), which: (program: string) => `/usr/bin/${program}` };
    for (const wish of wishes) {
      const located = kind.locate(dir, look, kind.kind as SystemId, { ...given.settings, ...wish });
      for (const { id, type } of kind.sources(located, {}))
        found.set(type, (found.get(type) ?? new Set()).add(id.replace(/@.*$/, '')));
    }
  }
  return found;
}

/** Types of the entities that the kind makes of its fixtures. */
function entitiesOf(kind: SystemKind): readonly string[] {
  const types = new Set(
    caseNames(kind.kind).flatMap((name) => {
      const text = readFileSync(`${fixtures}${kind.kind}/${name}/expected.json`, 'utf8');
      return (JSON.parse(text) as { entities: { type: EntityType }[] }).entities.map(({ type }) => type);
    }),
  );
  return LISTS.filter(({ type }) => types.has(type)).map(({ verb }) => verb);
}

/** The table between its marks. */
export function kindTable(): string {
  const rows = allKinds.flatMap((kind) => {
    const sources = [...sourcesOf(kind)].map(([type, ids]) => `${type}: ${[...ids].join(', ')}`);
    return [
      [`**${kind.title}**`, `sources`, sources.join('; ')],
      [`\`${kind.kind}\``, 'shows', entitiesOf(kind).join(', ')],
      ['', `${kind.acts.length} acts`, kind.acts.map(({ id }) => `\`${id}\``).join(' ')],
      ['', `${kind.playbooks.length} playbooks`, kind.playbooks.map(({ title }) => title).join('; ')],
    ];
  });
  const text = (cell: string): string => cell.replaceAll('|', '\\|');
  return ['| kind | | |', '|---|---|---|', ...rows.map((row) => `| ${row.map(text).join(' | ')} |`)].join(
    '\n',
  );
}

import { jsonText } from '../lib/json-text.ts';
import { safeText } from '../lib/safe-text.ts';
import type { SystemKind } from '../systems/system.ts';
import { type FoundSystem, namesOf } from './find.ts';
import { COMMON_KEYS } from './schema.ts';
import { ownSettings } from './systems.ts';

/** What is known of a found system beside its files, for its comments. */
export interface FoundBeside {
  /** Account that owns its directory, where that is another than this user. */
  readonly owner?: string;
  /** Ports its own processes listen on. */
  readonly servers: readonly { readonly port: number; readonly pid: number }[];
}

/** A first `binnacle.yaml` for what was found, with every key explained. Text of others stands in it safely. */
export function starterConfig(
  systems: readonly FoundSystem[],
  beside: (found: FoundSystem) => FoundBeside,
  how: string,
): string {
  const names = namesOf(systems);
  const explained = new Set<SystemKind>();
  const entries = systems.flatMap((found, index) => {
    const lines = entryLines(found, names[index], beside(found), explained.has(found.kind));
    explained.add(found.kind);
    return ['', ...lines];
  });
  return [
    `# Written by \`${safeText(how)}\`. What each key is: \`binnacle config schema\`; whether this file is right:`,
    '# `binnacle config check`; whether all of it works on this host: `binnacle doctor`.',
    'version: 1',
    '',
    'systems:',
    ...entries.slice(1),
    '',
    '# read-only: true              # nothing but acts that read, in all systems',
    '# acts:',
    '#   deny: [pipeline.restart]   # acts that are refused; `binnacle list acts` has all names',
    '#   reason-required: [job.*]   # acts that want a reason beside what their risk asks for',
    '# hooks:                       # who is told of what; without a word the bell rings for fatal issues',
    '#   - on: [fatal, approval]',
    '#     do: bell',
    '# history: { keep: 30d }       # how long changes of state are kept',
    '',
  ].join('\n');
}

function entryLines(
  { kind, dir, because, alsoLike }: FoundSystem,
  name: string | undefined,
  { owner, servers }: FoundBeside,
  isExplained: boolean,
): readonly string[] {
  const like = alsoLike.length > 0 ? [`  # it has marks of ${alsoLike.join(', ')} too`] : [];
  const whose = owner === undefined ? [] : [`  # it belongs to ${safeText(owner)}: acts run as that user`];
  const urls = servers.map(
    ({ port, pid }) =>
      `    # url: http://127.0.0.1:${port}   # process ${pid} of this directory listens there`,
  );
  return [
    `  # ${kind.title}, known by ${safeText(because)}`,
    ...like,
    ...whose,
    `  - kind: ${kind.kind}`,
    `    root: ${scalar(dir)}`,
    ...(name === undefined ? [] : [`    name: ${name}`]),
    ...urls,
    ...(isExplained ? [] : settingLines(kind)),
  ];
}

/** Every setting of a kind as a comment, those of its own first. */
function settingLines(kind: SystemKind): readonly string[] {
  const settings = [...ownSettings(kind), ...Object.entries(COMMON_KEYS)];
  const width = Math.max(...settings.map(([key]) => key.length));
  return [
    '    # settings it may have:',
    ...settings.map(([key, what]) => `    #   ${key.padEnd(width)}  ${what}`),
  ];
}

/** One line of YAML that reads as this very text: what JSON can write, YAML reads. */
function scalar(text: string): string {
  return /^\/[\w./+@-]*$/.test(text) ? text : jsonText(text);
}

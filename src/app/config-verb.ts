import { defaultKeymap, rebind } from '../commands/keymap.ts';
import { commandsById } from '../commands/registry.ts';
import { loadConfig, placeText } from '../config/load.ts';
import type { Options } from '../config/options.ts';
import { COMMON_KEYS } from '../config/schema.ts';
import { configuredSystems, ownSettings } from '../config/systems.ts';
import { UserError } from '../domain/error.ts';
import { builtInKinds } from '../systems/registry.ts';
import { checkHooks } from './hooks-verb.ts';

/** The keys of `binnacle.yaml`, with an example that is itself valid. */
export function describeConfig(): string {
  const common = Object.entries(COMMON_KEYS).map(([key, what]) => `    #   ${key.padEnd(16)} ${what}`);
  const kinds = builtInKinds.flatMap((kind) => [
    `    # settings of ${kind.kind}:`,
    ...[...ownSettings(kind)].map(([key, what]) => `    #   ${key.padEnd(16)} ${what}`),
  ]);
  return [
    '# binnacle.yaml',
    'version: 1',
    'read-only: false          # true: nothing but acts that read',
    'theme: color              # color, mono or ascii',
    'systems:',
    `  - kind: orket           # ${builtInKinds.map((kind) => kind.kind).join(', ')}, or one of kinds:`,
    '    root: /srv/orket',
    '    # settings of every kind:',
    ...common,
    ...kinds,
    'acts:',
    '  # the same lists may stand in an entry of systems:, for that system alone',
    '  # allow: [job.*]        # nothing else may be done',
    '  deny: []                # acts that are refused, for example pipeline.restart',
    '  reason-required: []     # acts that want a reason beside what their risk asks for',
    '  at-once: 2              # how many run their steps in a system at the same time',
    'history: { keep: 30d }    # how long changes of state are kept',
    'hooks:                    # what happens when something worth ringing for does; see the README',
    '  - on: [fatal, watch]     # approval, fatal, act, deadline, watch',
    '    do: bell               # or osc9, { program: [/path, argument] }, { webhook: URL }',
    'keys: {}                  # command: key, to bind a command to another key',
    'kinds: {}                 # other orchestrators, described; see the README',
  ].join('\n');
}

/** Checks the configuration and every system in it. Throws UserError with file, line and key for what is wrong. */
export function checkOwnConfig(options: Options, cwd: string): string {
  const { file, ...place } = loadConfig(options.config, cwd, process.env);
  const { path } = place;
  if (path === undefined) {
    throw new UserError('there is no configuration here', [
      '`binnacle config schema > binnacle.yaml` makes a start',
    ]);
  }
  const { systems, absent } = configuredSystems(options.systems, file, place, cwd, process.env);
  const first = absent[0];
  if (first) throw first.error;
  checkHooks(
    file,
    place,
    systems.map(({ located }) => located.system),
  );
  for (const [command, keys] of Object.entries(file.keys ?? {})) {
    const wanted = typeof keys === 'string' ? [keys] : keys;
    const conflict = rebind(defaultKeymap, { [command]: wanted }, new Set(commandsById.keys())).conflicts[0];
    if (conflict) throw new UserError(`${placeText(place, ['keys', command])}: ${conflict.text}`);
  }
  const lines = systems.map(({ kind, located }) => `  ${located.system}  ${kind.kind}  ${located.root}`);
  return [`${path} is right; ${systems.length} systems`, ...lines].join('\n');
}

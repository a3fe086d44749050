import { defaultKeymap, rebind } from '../commands/keymap.ts';
import { commandsById } from '../commands/registry.ts';
import { configJsonSchema } from '../config/json-schema.ts';
import { loadConfig, placeText } from '../config/load.ts';
import type { Options } from '../config/options.ts';
import { configuredSystems } from '../config/systems.ts';
import { UserError } from '../domain/error.ts';
import { checkHooks } from './hooks-verb.ts';

/** The keys of `binnacle.yaml` as a JSON Schema. */
export async function describeConfig(): Promise<string> {
  return JSON.stringify(await configJsonSchema(), null, 2);
}

/** Checks the configuration and every system in it. Throws UserError with file, line and key for what is wrong. */
export async function checkOwnConfig(options: Options, cwd: string): Promise<string> {
  const { file, ...place } = loadConfig(options.config, cwd, process.env);
  const { path } = place;
  if (path === undefined) {
    throw new UserError('there is no configuration here', [
      '`binnacle init DIR` writes one for the systems below a directory',
    ]);
  }
  const { systems, absent } = await configuredSystems(options.systems, file, place, cwd, process.env);
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

import { loadConfig } from '../config/load.ts';
import type { Options } from '../config/options.ts';
import type { ConfigFile } from '../config/schema.ts';
import {
  type AbsentSystem,
  type ConfiguredSystem,
  configuredSystems,
  type SystemsFrom,
} from '../config/systems.ts';
import { UserError } from '../domain/error.ts';
import type { Json } from '../lib/json.ts';

/** What one invocation works with: the configuration, and the systems it found. */
export interface Session {
  readonly systems: readonly ConfiguredSystem[];
  /** Named, and not there: shown in error beside the others. */
  readonly absent: readonly AbsentSystem[];
  readonly from: SystemsFrom;
  readonly config: ConfigFile;
  readonly configPath: string | undefined;
  readonly describedKinds: { readonly [name: string]: Json };
  readonly readOnly: boolean;
}

/** Reads the configuration and locates the systems. Throws UserError for whatever is wrong with either. */
export async function openSession(options: Options, cwd: string): Promise<Session> {
  const { file, ...place } = loadConfig(options.config, cwd, process.env);
  const { systems, absent, from } = await configuredSystems(options.systems, file, place, cwd, process.env);
  const readOnly = options.flags.has('--read-only') || file['read-only'] === true;
  return {
    systems: readOnly ? systems.map(asReadOnly) : systems,
    absent: readOnly
      ? absent.map((one) => ({ ...one, settings: { ...one.settings, readOnly: true } }))
      : absent,
    from,
    config: file,
    configPath: place.path,
    describedKinds: (file.kinds ?? {}) as { readonly [name: string]: Json },
    readOnly,
  };
}

/** The three ways to name a system, for when none was found. */
export function nothingToWatch(): UserError {
  return new UserError('there is nothing to watch: no system was named, configured or found here', [
    'name one:      binnacle -s orket=/srv/orket   (kinds: orket reflexive coherence aragora openclaw)',
    'or find some:  binnacle init DIR   (writes a binnacle.yaml for what lies below)',
    'or configure:  a binnacle.yaml in this directory or in ~/.config/binnacle/',
    'or go there:   start binnacle in the directory the system lives in',
    'to look around first: binnacle demo',
  ]);
}

function asReadOnly(system: ConfiguredSystem): ConfiguredSystem {
  const { located } = system;
  return { ...system, located: { ...located, settings: { ...located.settings, readOnly: true } } };
}

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SystemId } from '../domain/entity.ts';
import { messageOf, UserError } from '../domain/error.ts';
import { isKnownZone } from '../domain/instant.ts';
import { customKind } from '../systems/custom/index.ts';
import { builtInKinds } from '../systems/registry.ts';
import type { CommonSettings, Located, Look, SystemKind } from '../systems/system.ts';
import { lookInto } from './look.ts';
import type { SystemOption } from './options.ts';
import { COMMON_KEYS, type ConfigFile, camelCase } from './schema.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A system ready to be watched. */
export interface ConfiguredSystem {
  readonly kind: SystemKind;
  readonly located: Located;
}

/** How the systems were found, for the screen. */
export type SystemsFrom = 'command line' | 'configuration' | 'working directory' | 'nothing';

/** Systems to watch: those of the command line, else of the configuration, else what the working directory looks like. */
export function configuredSystems(
  options: readonly SystemOption[],
  config: ConfigFile,
  configPath: string | undefined,
  cwd: string,
  env: Env,
): { readonly systems: readonly ConfiguredSystem[]; readonly from: SystemsFrom } {
  const kinds = kindsOf(config, configPath);
  const names = new Set<string>();
  if (options.length > 0) {
    return {
      from: 'command line',
      systems: options.map((option) =>
        locateSystem(kinds, option.kind, option.dir, option.settings, `-s ${option.kind}`, names, cwd, env),
      ),
    };
  }
  if (config.systems && config.systems.length > 0) {
    return {
      from: 'configuration',
      systems: config.systems.map((entry, index) => {
        const { kind, root, ...settings } = entry as Record<string, unknown> & { kind: string; root: string };
        const where = `${configPath ?? 'configuration'}: systems[${index}]`;
        const texts = Object.fromEntries(
          Object.entries(settings).map(([key, value]) => [key, String(value)]),
        );
        return locateSystem(kinds, kind, root, texts, where, names, cwd, env);
      }),
    };
  }
  const detected = detectSystems(kinds, cwd, env, names);
  return { from: detected.length > 0 ? 'working directory' : 'nothing', systems: detected };
}

/** All kinds there are: built in, then those the configuration describes. */
export function kindsOf(config: ConfigFile, configPath: string | undefined): readonly SystemKind[] {
  const described = Object.entries(config.kinds ?? {}).map(([name, description]) => {
    if (builtInKinds.some((kind) => kind.kind === name)) {
      throw new UserError(`${configPath}: kinds.${name}: there is a built-in kind of that name`, [
        'choose another name',
      ]);
    }
    return customKind(name, description, `${configPath ?? 'configuration'}: kinds.${name}`);
  });
  return [...builtInKinds, ...described];
}

function detectSystems(
  kinds: readonly SystemKind[],
  cwd: string,
  env: Env,
  names: Set<string>,
): ConfiguredSystem[] {
  const look = lookInto(cwd, env);
  const found = kinds.flatMap((kind) => {
    const recognition = kind.recognise(look);
    return recognition && recognition.confidence >= 0.5 ? [{ kind, recognition }] : [];
  });
  found.sort((a, b) => b.recognition.confidence - a.recognition.confidence);
  return found.map(({ kind }) => locateSystem(kinds, kind.kind, cwd, {}, cwd, names, cwd, env));
}

function locateSystem(
  kinds: readonly SystemKind[],
  kindName: string,
  dir: string,
  given: Readonly<Record<string, string>>,
  where: string,
  names: Set<string>,
  cwd: string,
  env: Env,
): ConfiguredSystem {
  const kind = kinds.find((candidate) => candidate.kind === kindName);
  if (!kind) {
    throw new UserError(`${where}: there is no kind "${kindName}"`, [
      `kinds: ${kinds.map((candidate) => candidate.kind).join(', ')}`,
    ]);
  }
  const settings = readSettings(kind, given, where);
  const root = resolve(cwd, dir);
  const stat = statSync(root, { throwIfNoEntry: false });
  // A directory that does not exist yet is waited for; a file is a mistake.
  if (stat && !stat.isDirectory()) throw new UserError(`${where}: ${root} is not a directory`);
  if (!stat) {
    throw new UserError(`${where}: ${root} does not exist`, [
      'name the directory the system lives in',
      'a system that has not been installed yet can be added later',
    ]);
  }
  const real = realpathSync(root);
  const id = uniqueName(settings.name ?? kind.kind, names);
  const look: Look = lookInto(real, env);
  try {
    return { kind, located: kind.locate(real, look, id, settings) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${where}: ${messageOf(error)}`);
  }
}

function uniqueName(wanted: string, names: Set<string>): SystemId {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/.test(wanted)) {
    throw new UserError(`"${wanted}" can't be a system's name`, [
      'use letters, digits, point, dash and underscore, 32 at most, a letter or digit first',
    ]);
  }
  let name = wanted;
  for (let number = 2; names.has(name); number += 1) name = `${wanted}-${number}`;
  names.add(name);
  return name as SystemId;
}

function readSettings(
  kind: SystemKind,
  given: Readonly<Record<string, string>>,
  where: string,
): CommonSettings {
  const common: Record<string, string | boolean> = {};
  const own: Record<string, string> = {};
  for (const [key, value] of Object.entries(given)) {
    if (!(key in COMMON_KEYS)) own[camelCase(key)] = value;
    else if (key === 'read-only') common[camelCase(key)] = value === 'true' || value === '';
    else common[camelCase(key)] = value;
  }
  const timezone = common['timezone'] ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (typeof timezone === 'string' && !isKnownZone(timezone)) {
    throw new UserError(`${where}: timezone ${timezone} is unknown`, [
      'use a name such as Europe/Berlin or UTC',
    ]);
  }
  const url = common['url'];
  if (typeof url === 'string' && !/^https?:\/\/[^\s/]+/.test(url)) {
    throw new UserError(`${where}: url ${url} is not an http or https address`);
  }
  const checked = kind.settings.safeParse(own);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
    const name = unknown ?? issue?.path.join('.') ?? 'settings';
    throw new UserError(
      `${where}: ${name}: ${unknown === undefined ? (issue?.message ?? 'not valid') : `is no setting of ${kind.kind}`}`,
      [`settings of every kind: ${Object.keys(COMMON_KEYS).join(', ')}`],
    );
  }
  return { timezone, ...common, ...(checked.data as object) } as CommonSettings;
}

/** Value of a variable acts or sources need: the cockpit's own, else that of the system's env-file. */
export function secretOf(located: Located, name: string, env: Env): string | undefined {
  const own = env[name];
  if (own !== undefined) return own;
  const file = located.settings.envFile;
  if (file === undefined) return undefined;
  const path = resolve(located.root, file);
  if (!existsSync(path)) return undefined;
  try {
    return parseEnvFile(readFileSync(path, 'utf8'))[name];
  } catch {
    return undefined;
  }
}

/** Reads `NAME=value` lines; quotes around a value are taken off, comments and other lines ignored. */
export function parseEnvFile(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line);
    const name = match?.[1];
    if (name === undefined) continue;
    const value = match?.[2] ?? '';
    values[name] = /^(".*"|'.*')$/.test(value) ? value.slice(1, -1) : value.replace(/\s+#.*$/, '');
  }
  return values;
}

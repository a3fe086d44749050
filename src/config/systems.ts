import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { globalRegistry, type ZodMiniType } from 'zod/mini';
import type { ActRules } from '../domain/act-rules.ts';
import type { SystemId } from '../domain/entity.ts';
import { messageOf, UserError } from '../domain/error.ts';
import { isKnownZone } from '../domain/instant.ts';
import { issueText } from '../lib/schema-issue.ts';
import { builtInKinds, builtInNames } from '../systems/registry.ts';
import type { CommonSettings, Located, SystemKind } from '../systems/system.ts';
import { actRulesFor, rulesParts } from './act-rules.ts';
import { dependenciesOf, type WrittenDependencies } from './dependencies.ts';
import { withDependencies } from './dependency-kind.ts';
import { type ConfigPlace, placeText } from './load.ts';
import { lookInto } from './look.ts';
import type { SystemOption } from './options.ts';
import { COMMON_KEYS, type ConfigFile, camelCase } from './schema.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A system ready to be watched. */
export interface ConfiguredSystem {
  readonly kind: SystemKind;
  readonly located: Located;
}

/** A system that was named and can't be watched: the others are, and this one is shown in error with its reason. */
export interface AbsentSystem {
  readonly system: SystemId;
  readonly kind: string;
  readonly title: string;
  readonly root: string;
  readonly settings: CommonSettings;
  readonly error: UserError;
}

/** What was found, and how. */
export interface FoundSystems {
  readonly systems: readonly ConfiguredSystem[];
  readonly absent: readonly AbsentSystem[];
  readonly from: SystemsFrom;
}

/** How the systems were found, for the screen. */
export type SystemsFrom = 'command line' | 'configuration' | 'working directory' | 'nothing';

/**
 * Systems to watch: those of the command line, else of the configuration, else what the working directory looks like.
 * Throws UserError for what is written wrong, and when none of the systems named is there; a directory that is missing
 * beside others that are not (a disk that did not mount) keeps nobody from looking at those.
 */
export async function configuredSystems(
  options: readonly SystemOption[],
  config: ConfigFile,
  place: ConfigPlace,
  cwd: string,
  env: Env,
): Promise<FoundSystems> {
  const named = options.length > 0 ? options : (config.systems ?? []);
  // A rule about an act may be of any kind, and a directory nobody named may hold any.
  const isAnyWanted = named.length === 0 || rulesParts(config).some(({ rules }) => rules !== undefined);
  const kinds = await kindsOf(config, place, isAnyWanted ? undefined : named.map(({ kind }) => kind));
  checkActNames(config, kinds, place);
  if (options.length > 0) {
    const wishes = options.map(
      ({ kind, dir, settings }): Wish => ({
        ...{ kind, dir, settings, acts: actRulesFor(config, place) },
        where: () => `-s ${kind}=${dir}`,
      }),
    );
    return { from: 'command line', ...locateAll(kinds, wishes, cwd, env) };
  }
  if (config.systems && config.systems.length > 0) {
    const wishes = config.systems.map((entry, index): Wish => {
      const { kind, root, acts: _, dependencies: needs, ...rest } = entry;
      const settings = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, String(value)]));
      const where = (key?: string): string =>
        placeText(place, key === undefined ? ['systems', index] : ['systems', index, key]);
      return {
        kind,
        dir: root,
        settings,
        acts: actRulesFor(config, place, index),
        dependencies: needs,
        where,
      };
    });
    // From wherever it is used, a file means the same directory.
    const base = place.path === undefined ? cwd : dirname(place.path);
    return { from: 'configuration', ...locateAll(kinds, wishes, base, env) };
  }
  const detected = detectSystems(kinds, cwd, env, actRulesFor(config, place));
  return { from: detected.systems.length > 0 ? 'working directory' : 'nothing', ...detected };
}

/**
 * The kinds there are: built in (of these names, else all), then those the configuration describes. Throws UserError for
 * a description that is not right.
 */
export async function kindsOf(
  config: ConfigFile,
  place: ConfigPlace,
  names?: Iterable<string>,
): Promise<readonly SystemKind[]> {
  const builtIn = await builtInKinds(names);
  const descriptions = Object.entries(config.kinds ?? {});
  if (descriptions.length === 0) return builtIn.map(withDependencies);
  const { customKind } = await import('../systems/custom/index.ts');
  const described = descriptions.map(([name, description]) => {
    if (builtInNames.includes(name)) {
      throw new UserError(`${placeText(place, ['kinds', name])}: there is a built-in kind of that name`, [
        'choose another name',
      ]);
    }
    return customKind(name, description, (keys) => placeText(place, ['kinds', name, ...keys]));
  });
  return [...builtIn, ...described].map(withDependencies);
}

/** A misspelt act on a list of denied ones would be allowed without a word. */
function checkActNames(config: ConfigFile, kinds: readonly SystemKind[], place: ConfigPlace): void {
  const known = [...new Set(kinds.flatMap((kind) => kind.acts.map((act) => act.id)))].sort();
  const parts = (pattern: string): readonly string[] => pattern.split('.');
  const isKnown = (pattern: string): boolean =>
    pattern === '*' ||
    known.some((id) => {
      const [noun, verb] = parts(id);
      const [wantedNoun, wantedVerb, more] = parts(pattern);
      return (
        more === undefined &&
        (wantedNoun === '*' || wantedNoun === noun) &&
        (wantedVerb === '*' || wantedVerb === verb)
      );
    });
  for (const { keys, rules } of rulesParts(config)) {
    for (const list of ['deny', 'allow', 'reason-required'] as const) {
      const wrong = rules?.[list]?.find((pattern) => !isKnown(pattern));
      if (wrong === undefined) continue;
      throw new UserError(`${placeText(place, [...keys, list])}: there is no act "${wrong}"`, [
        `acts: ${known.join(', ')}`,
        'noun.* and *.verb name several',
      ]);
    }
  }
}

/** From this confidence on a directory is taken for a system of a kind. */
export const SURE_ENOUGH = 0.5;

function detectSystems(
  kinds: readonly SystemKind[],
  cwd: string,
  env: Env,
  acts: ActRules,
): Pick<FoundSystems, 'systems' | 'absent'> {
  const look = lookInto(cwd, env);
  const found = kinds.flatMap((kind) => {
    const recognition = kind.recognise(look);
    return recognition && recognition.confidence >= SURE_ENOUGH ? [{ kind, recognition }] : [];
  });
  found.sort((a, b) => b.recognition.confidence - a.recognition.confidence);
  const wishes = found.map(
    ({ kind }): Wish => ({ kind: kind.kind, dir: cwd, settings: {}, acts, where: () => cwd }),
  );
  return locateAll(kinds, wishes, cwd, env);
}

/** A system somebody named. */
interface Wish {
  readonly kind: string;
  readonly dir: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly acts: ActRules;
  readonly dependencies?: WrittenDependencies | undefined;
  /** How a message names this system, or one key of it. */
  where(key?: string): string;
}

function locateAll(
  kinds: readonly SystemKind[],
  wishes: readonly Wish[],
  cwd: string,
  env: Env,
): Pick<FoundSystems, 'systems' | 'absent'> {
  const names = systemNames(wishes);
  const systems: ConfiguredSystem[] = [];
  const absent: AbsentSystem[] = [];
  for (const [index, wish] of wishes.entries()) {
    const kind = kinds.find((candidate) => candidate.kind === wish.kind);
    if (!kind) {
      throw new UserError(`${wish.where('kind')}: there is no kind "${wish.kind}"`, [
        `kinds: ${[...new Set([...builtInNames, ...kinds.map((candidate) => candidate.kind)])].join(', ')}`,
      ]);
    }
    const settings = {
      ...readSettings(kind, wish),
      acts: wish.acts,
      ...(wish.dependencies === undefined ? {} : { dependencies: dependenciesOf(wish.dependencies) }),
    };
    const system = names[index] as SystemId;
    const located = locateSystem(kind, wish, system, settings, cwd, env);
    if (!(located instanceof UserError)) systems.push({ kind, located });
    else {
      const root = resolve(cwd, wish.dir);
      absent.push({ system, kind: kind.kind, title: kind.title, root, settings, error: located });
    }
  }
  const first = absent[0];
  if (first && systems.length === 0) throw first.error;
  return { systems, absent };
}

/** The system that was absent, when its directory holds one by now. */
export function lookAgain(
  kind: SystemKind,
  { system, root, settings }: Pick<AbsentSystem, 'system' | 'root' | 'settings'>,
  env: Env,
): Located | undefined {
  const located = locateSystem(kind, { dir: root, where: () => root }, system, settings, root, env);
  return located instanceof UserError ? undefined : located;
}

/** The system where its directory holds one, else what is wrong there. */
function locateSystem(
  kind: SystemKind,
  wish: Pick<Wish, 'dir' | 'where'>,
  system: SystemId,
  settings: CommonSettings,
  cwd: string,
  env: Env,
): Located | UserError {
  const root = resolve(cwd, wish.dir);
  const at = wish.where('root');
  const wanted = `name the directory the ${kind.title} system lives in`;
  try {
    const stat = statSync(root, { throwIfNoEntry: false });
    if (!stat) return new UserError(`${at}: ${root} does not exist`, [wanted]);
    if (!stat.isDirectory()) return new UserError(`${at}: ${root} is a file, not a directory`, [wanted]);
    accessSync(root, constants.R_OK | constants.X_OK);
    const real = realpathSync(root);
    return kind.locate(real, lookInto(real, env), system, settings);
  } catch (error) {
    if (error instanceof UserError) return new UserError(`${at}: ${error.message}`, error.nextSteps);
    return new UserError(`${at}: ${messageOf(error)}`, [wanted]);
  }
}

/** `name`, else the kind, else `kind-2`: names that were given are nobody else's. */
function systemNames(wishes: readonly Wish[]): readonly SystemId[] {
  const given = new Map<string, Wish>();
  for (const wish of wishes) {
    const name = wish.settings['name'];
    if (name === undefined) continue;
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/.test(name)) {
      throw new UserError(`${wish.where('name')}: "${name}" can't be a system's name`, [
        'use letters, digits, point, dash and underscore, 32 at most, a letter or digit first',
      ]);
    }
    const other = given.get(name);
    if (other) {
      throw new UserError(`${wish.where('name')}: the name "${name}" is taken by ${other.where('name')}`, [
        'give each system a name of its own',
      ]);
    }
    given.set(name, wish);
  }
  const taken = new Set(given.keys());
  return wishes.map(({ kind, settings }) => {
    if (settings['name'] !== undefined) return settings['name'] as SystemId;
    let name = kind;
    for (let number = 2; taken.has(name); number += 1) name = `${kind}-${number}`;
    taken.add(name);
    return name as SystemId;
  });
}

function readSettings(kind: SystemKind, { settings: given, where }: Wish): CommonSettings {
  const common: Record<string, string | boolean> = {};
  const own: Record<string, string> = {};
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(COMMON_KEYS, key)) own[camelCase(key)] = value;
    else if (key === 'read-only') common[camelCase(key)] = readSwitch(value, where(key));
    else common[camelCase(key)] = value;
  }
  const { timezone } = common;
  if (typeof timezone === 'string' && !isKnownZone(timezone)) {
    throw new UserError(`${where('timezone')}: timezone "${timezone}" is unknown`, [
      'use a name such as Europe/Berlin or UTC',
    ]);
  }
  const url = common['url'];
  if (typeof url === 'string' && !isHttpAddress(url)) {
    throw new UserError(`${where('url')}: url "${url}" is not an http or https address`, [
      'write it as http://127.0.0.1:8000',
    ]);
  }
  const checked = kind.settings.safeParse(own);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
    const name = kebabCase(String(unknown ?? issue?.path[0] ?? 'settings'));
    const what = unknown === undefined ? issueText(issue, own) : `is no setting of ${kind.kind}`;
    throw new UserError(`${where(name)}: "${name}" ${what}`, [
      `settings of every kind: ${Object.keys(COMMON_KEYS).join(', ')}`,
      ...ownSettingNames(kind),
    ]);
  }
  return { timezone: timezone ?? hostZone(), ...common, ...(checked.data as object) } as CommonSettings;
}

/** The zone of this host, an IANA name. */
function hostZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The settings a kind has beside the common ones, as they are typed, each with what it is. */
export function ownSettings(kind: SystemKind): ReadonlyMap<string, string> {
  const shape = (kind.settings as { def?: { shape?: Readonly<Record<string, ZodMiniType>> } }).def?.shape;
  return new Map(
    Object.entries(shape ?? {}).map(([name, schema]) => [
      kebabCase(name),
      globalRegistry.get(schema)?.description ?? '',
    ]),
  );
}

function ownSettingNames(kind: SystemKind): readonly string[] {
  const names = [...ownSettings(kind).keys()];
  return names.length > 0 ? [`settings of ${kind.kind}: ${names.join(', ')}`] : [];
}

/** Whoever writes `read-only=yes` means it: anything but a plain no or yes is refused, never taken for a no. */
function readSwitch(value: string, where: string): boolean {
  if (/^(true|yes|on|1|)$/i.test(value)) return true;
  if (/^(false|no|off|0)$/i.test(value)) return false;
  throw new UserError(`${where}: read-only "${value}" is neither true nor false`, ['write read-only=true']);
}

function isHttpAddress(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== '';
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
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

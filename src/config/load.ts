import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { messageOf, UserError } from '../domain/error.ts';
import { issueText } from '../lib/schema-issue.ts';
import { fromHome } from './home.ts';
import { type ConfigFile, configSchema } from './schema.ts';

/** A configuration file read and checked, or none. */
export interface LoadedConfig extends ConfigPlace {
  readonly file: ConfigFile;
}

/** Where a configuration's keys stand, for messages about them. */
export interface ConfigPlace {
  readonly path: string | undefined;
  /** Line of a key, counted from 1; undefined when it is not written there. */
  lineOf?(keys: readonly (string | number)[]): number | undefined;
}

/** `binnacle.yaml:7: systems.1.root`: how a message names a key, by its file and line. */
export function placeText(place: ConfigPlace, keys: readonly (string | number)[]): string {
  const path = place.path ?? 'configuration';
  const line = place.lineOf?.(keys);
  return `${path}${line === undefined ? '' : `:${line}`}: ${keys.join('.')}`;
}

/** Where a configuration is looked for, in this order. */
export function configPlaces(
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const user = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  return [join(cwd, 'binnacle.yaml'), join(user, 'binnacle', 'binnacle.yaml'), '/etc/binnacle/binnacle.yaml'];
}

/** Reads `named`, else the first configuration found. Throws UserError naming file, line and key. */
export function loadConfig(
  named: string | undefined,
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
): LoadedConfig {
  if (named !== undefined) {
    const path = resolve(cwd, named);
    if (!existsSync(path)) {
      throw new UserError(`configuration ${path} does not exist`, ['check the path given with -C']);
    }
    return { path, ...readConfig(path) };
  }
  const path = configPlaces(cwd, env).find((place) => existsSync(place));
  return path === undefined ? { path, file: {} } : { path, ...readConfig(path) };
}

function readConfig(path: string): Omit<LoadedConfig, 'path'> {
  let text: string;
  try {
    // Whoever can write this file decides which programs acts start.
    const stat = statSync(path);
    // A pipe nobody writes to would be waited for without end.
    if (!stat.isFile()) {
      throw new UserError(`configuration ${path} is ${stat.isDirectory() ? 'a directory' : 'no file'}`, [
        'name the file itself: -C DIR/binnacle.yaml',
      ]);
    }
    if ((stat.mode & 0o002) !== 0) {
      throw new UserError(`${path} can be written by everyone, so it is not used`, [`chmod o-w ${path}`]);
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`configuration ${path} can't be read: ${messageOf(error)}`, [
      'check its permissions',
    ]);
  }
  return readText(text, path);
}

/** Checks the text of a configuration. Exported for `config check` and its test. */
export function checkConfig(text: string, path: string): ConfigFile {
  return readText(text, path).file;
}

function readText(text: string, path: string): Omit<LoadedConfig, 'path'> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const broken = document.errors[0];
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new UserError(`${path}:${line}:${col}: ${broken.message}`, ['mend the YAML there']);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 50 }) ?? {};
  } catch (error) {
    throw new UserError(`${path}:1: ${messageOf(error)}`, ['write it without aliases']);
  }
  const checked = configSchema.safeParse(value);
  if (checked.success) {
    const { systems } = checked.data;
    const file = systems === undefined ? checked.data : { ...checked.data, systems: systems.map(withRoot) };
    return { file, lineOf: (keys) => lineOf(document, lines, keys) };
  }
  const issue = checked.error.issues[0];
  const keys = (issue?.path ?? []).map((part) => (typeof part === 'number' ? part : String(part)));
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const full = unknown === undefined ? keys : [...keys, unknown];
  const where = lineOf(document, lines, full) ?? lineOf(document, lines, keys) ?? 1;
  const name = full.length > 0 ? full.join('.') : 'the document';
  const what = unknown === undefined ? issueText(issue, value) : 'is no key of this configuration';
  throw new UserError(`${path}:${where}: ${name}: ${what}`, [
    'run `binnacle config schema` for the keys there are',
  ]);
}

function withRoot<T extends { readonly root: string }>(entry: T): T {
  return { ...entry, root: fromHome(entry.root) };
}

function lineOf(
  document: ReturnType<typeof parseDocument>,
  lines: LineCounter,
  keys: readonly (string | number)[],
): number | undefined {
  for (let length = keys.length; length > 0; length -= 1) {
    const parent = length > 1 ? document.getIn(keys.slice(0, length - 1), true) : document.contents;
    const items = (parent as { items?: readonly unknown[] } | null)?.items ?? [];
    for (const item of items) {
      const key = (item as { key?: { value?: unknown; range?: readonly number[] } }).key;
      if (key && String(key.value) === String(keys[length - 1]) && key.range) {
        return lines.linePos(key.range[0] ?? 0).line;
      }
    }
    const node = document.getIn(keys.slice(0, length), true) as { range?: readonly number[] } | undefined;
    if (node?.range) return lines.linePos(node.range[0] ?? 0).line;
  }
  return undefined;
}

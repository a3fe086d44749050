/** Secrets the configuration names: learned before anything of a system or a hook is told. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { secretValuesOf } from '../acts/secret-values.ts';
import { hooksOf } from '../config/hooks.ts';
import type { ConfigFile } from '../config/schema.ts';
import { parseEnvFile, secretOf } from '../config/systems.ts';
import { quietly } from '../lib/quietly.ts';
import { secretNamesOf } from '../systems/custom/secret-names.ts';
import type { Located } from '../systems/system.ts';
import { learnSecrets } from './secrets.ts';

/**
 * Learns the secrets of a system: its key, those its description and its dependencies name, what its env-file holds, a
 * password in its address.
 */
export function learnSecretsOf(located: Located): void {
  const { keyEnv, envFile, dependencies = {} } = located.settings;
  const needs = Object.values(dependencies);
  const named = needs.flatMap((one) =>
    one.form === 'http' ? (one.secretHeader?.variable ?? []) : one.form === 'key' ? (one.variable ?? []) : [],
  );
  learnSecrets([
    ...(keyEnv === undefined ? [] : [secretOf(located, keyEnv, process.env)]),
    ...[...named, ...secretNamesOf(located)].map((name) => secretOf(located, name, process.env)),
    ...needs.flatMap((one) => (one.form === 'http' ? passwordsIn(one.url) : [])),
    ...(envFile === undefined ? [] : secretsInFile(resolve(located.root, envFile))),
    ...(located.url === undefined ? [] : passwordsIn(located.url)),
  ]);
}

/** Learns the secrets of hooks: keys in headers, passwords in addresses. */
export function learnSecretsOfHooks(config: ConfigFile): void {
  for (const { deed } of hooksOf(config)) {
    if (deed.type !== 'webhook') continue;
    learnSecrets([
      ...(deed.secretHeader ? [process.env[deed.secretHeader.variable]] : []),
      ...passwordsIn(deed.url),
    ]);
  }
}

/** A file that can't be read has nothing this process could tell. */
function secretsInFile(path: string): readonly string[] {
  return quietly(() => secretValuesOf(parseEnvFile(readFileSync(path, 'utf8'))), []);
}

function passwordsIn(url: string): readonly string[] {
  return quietly(() => {
    const { password } = new URL(url);
    return password === '' ? [] : [password, decodeURIComponent(password)];
  }, []);
}

/** Secrets the configuration names: learned before anything of a system or a hook is told. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { secretValuesOf } from '../acts/secret-values.ts';
import { hooksOf } from '../config/hooks.ts';
import type { ConfigFile } from '../config/schema.ts';
import { parseEnvFile, secretOf } from '../config/systems.ts';
import { quietly } from '../lib/quietly.ts';
import type { Located } from '../systems/system.ts';
import { learnSecrets } from './secrets.ts';

/** Learns the secrets of a system: its key, what its env-file holds, a password in its address. */
export function learnSecretsOf(located: Located): void {
  const { keyEnv, envFile } = located.settings;
  learnSecrets([
    ...(keyEnv === undefined ? [] : [secretOf(located, keyEnv, process.env)]),
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

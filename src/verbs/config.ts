import { checkOwnConfig, describeConfig } from '../app/config-verb.ts';
import { ownMasker } from '../app/secrets.ts';
import type { Options } from '../config/options.ts';
import { UserError } from '../domain/error.ts';

/** `binnacle config schema` and `config check`. */
export async function runConfig(options: Options): Promise<number> {
  const word = options.words[1];
  if (word === 'schema') process.stdout.write(`${await describeConfig()}\n`);
  else if (word === 'check')
    process.stdout.write(`${ownMasker.text(await checkOwnConfig(options, process.cwd()))}\n`);
  else {
    throw new UserError(word === undefined ? 'config what?' : `\`config ${word}\` is not known`, [
      '`binnacle config schema` prints the keys of binnacle.yaml',
      '`binnacle config check` says whether yours is right',
    ]);
  }
  return 0;
}

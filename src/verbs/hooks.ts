import { tryHooks } from '../app/hooks-verb.ts';
import type { Options } from '../config/options.ts';
import { UserError } from '../domain/error.ts';
import { safeText } from '../lib/safe-text.ts';

/** `binnacle hooks test`. */
export async function runHooks(options: Options): Promise<number> {
  if (options.words[1] !== 'test') {
    throw new UserError(
      options.words[1] === undefined ? 'hooks what?' : `\`hooks ${options.words[1]}\` is not known`,
      ['`binnacle hooks test` hands a test event to every hook'],
    );
  }
  const { stdout } = process;
  const tried = await tryHooks(
    options,
    process.cwd(),
    stdout.isTTY ? (bytes) => stdout.write(bytes) : undefined,
  );
  for (const { name, outcome } of tried) {
    stdout.write(`${safeText(`${name}: ${outcome.ok ? outcome.value : `FAILED: ${outcome.error}`}`)}\n`);
  }
  if (tried.length === 0) stdout.write('there are no hooks\n');
  return tried.every(({ outcome }) => outcome.ok) ? 0 : 5;
}

import { initSystems } from '../app/init-systems.ts';
import { initHost } from '../app/init-verb.ts';
import type { Options } from '../config/options.ts';
import { UserError } from '../domain/error.ts';
import { safeText } from '../lib/safe-text.ts';
import { verbOutput } from './beside.ts';

/** `binnacle init`: a configuration for the systems found; with `--host` what the operators of a host share. */
export async function runInit(options: Options): Promise<number> {
  const output = verbOutput();
  if (options.flags.has('--host')) {
    for (const line of initHost(options)) output.line(safeText(line));
  } else {
    if (options.values.has('--group')) throw new UserError('--group belongs to `binnacle init --host`');
    const { told, text } = await initSystems(options, process.cwd());
    // What is printed can be taken as the file; what was found stands beside it.
    for (const line of told) (text === undefined ? output.line : output.note)(safeText(line));
    if (text !== undefined) process.stdout.write(text);
  }
  await output.flush();
  return 0;
}

import { initHost } from '../app/init-verb.ts';
import type { Options } from '../config/options.ts';
import { safeText } from '../lib/safe-text.ts';
import { verbOutput } from './beside.ts';

/** `binnacle init`. */
export async function runInit(options: Options): Promise<number> {
  const output = verbOutput();
  for (const line of initHost(options)) output.line(safeText(line));
  await output.flush();
  return 0;
}

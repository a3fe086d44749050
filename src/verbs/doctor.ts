import { examine } from '../app/doctor-verb.ts';
import type { Options } from '../config/options.ts';
import { printFindings } from '../headless/doctor.ts';
import { verbOutput } from './beside.ts';

/** `binnacle doctor`. */
export async function runDoctor(options: Options): Promise<number> {
  const output = verbOutput();
  const { at, findings } = await examine(options, process.cwd());
  const code = printFindings(at, findings, options.flags.has('--json'), output);
  await output.flush();
  return code;
}

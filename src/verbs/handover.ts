import { handOverRequest } from '../app/verb-arguments.ts';
import type { Options } from '../config/options.ts';
import { printHandOver } from '../headless/handover.ts';
import { withEngine } from './beside.ts';

/** `binnacle handover`. */
export async function runHandOver(options: Options): Promise<number> {
  const request = handOverRequest(options);
  const needs = { withActs: 'if there', withHistory: true } as const;
  return await withEngine(options, needs, async ({ engine }, output) =>
    printHandOver(await engine.call('handOver', request), options.flags.has('--json'), output),
  );
}

import { stepWish } from '../app/verb-arguments.ts';
import type { Options } from '../config/options.ts';
import { UserError } from '../domain/error.ts';
import { runSteps } from '../headless/steps.ts';
import { withEngine } from './beside.ts';

/** `binnacle steps TARGET`. */
export async function runPlaybook(options: Options): Promise<number> {
  const wish = stepWish(options);
  const target = options.words[1];
  if (target === undefined)
    throw new UserError('whose steps? `binnacle steps TARGET`', [
      '`binnacle list attention` names what has some',
    ]);
  const withActs = wish ? 'create' : 'if there, or none';
  return await withEngine(options, { withActs }, ({ engine, state }, output) =>
    runSteps(engine, state(), { target, wish, json: options.flags.has('--json') }, output),
  );
}

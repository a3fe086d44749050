import type { Options } from '../config/options.ts';
import { checkShown, printEntity } from '../headless/show.ts';
import { withEngine } from './beside.ts';

/** `binnacle show WHAT ID`. */
export async function runShow(options: Options): Promise<number> {
  const [, what, id] = options.words;
  checkShown(what, id);
  return await withEngine(options, { withActs: 'if there, or none' }, ({ engine, state }, output) =>
    printEntity(what, id, engine, state(), options.flags.has('--json'), output),
  );
}

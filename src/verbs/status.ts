import type { Options } from '../config/options.ts';
import { printStatus } from '../headless/status.ts';
import { withEngine, worstOf } from './beside.ts';

/** `binnacle status`. What is configured and not there comes before what is there and can't be read. */
export async function runStatus(options: Options): Promise<number> {
  const isForBar = options.flags.has('--tmux');
  const form = options.flags.has('--json') ? 'json' : isForBar ? 'tmux' : 'text';
  let isOpen = false;
  try {
    return await withEngine(options, { withActs: 'if there' }, ({ state, troubles }, output) => {
      isOpen = true;
      const code = printStatus(state(), { form, all: options.flags.has('--all') }, output);
      return worstOf(troubles) || code;
    });
  } catch (error) {
    // A status bar shows no stderr: an empty place in it would look like a quiet night.
    if (isForBar && !isOpen) process.stdout.write('binnacle: no status\n');
    throw error;
  }
}

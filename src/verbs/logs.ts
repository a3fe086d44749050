import { lineCount, logQuery } from '../app/verb-arguments.ts';
import { verbEnd } from '../app/verb-end.ts';
import type { Options } from '../config/options.ts';
import { printLogs } from '../headless/logs.ts';
import { tellUnread } from '../headless/unread.ts';
import { checkSystemNames, withEngine, worstOf } from './beside.ts';

/** `binnacle logs`: once, or on and on with `--follow`. */
export async function runLogs(options: Options): Promise<number> {
  const follow = options.flags.has('--follow');
  const query = logQuery(options);
  const lines = lineCount(options) ?? (query.since === undefined ? 100 : undefined);
  return await withEngine(options, { withActs: 'never', watch: follow }, async (opened, output) => {
    const { engine, state, troubles } = opened;
    checkSystemNames(options.systemNames, opened);
    const unread = tellUnread(state(), output, ['log', 'stream']);
    const code = await printLogs(
      engine,
      { query, lines, follow, json: options.flags.has('--json') },
      output,
      follow ? verbEnd() : Promise.resolve(),
    );
    return worstOf(troubles) || code || unread;
  });
}

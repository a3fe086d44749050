import { openResumedLines } from '../app/positions-room.ts';
import { lineCount, logQuery } from '../app/verb-arguments.ts';
import { verbEnd } from '../app/verb-end.ts';
import type { Options } from '../config/options.ts';
import { UserError } from '../domain/error.ts';
import type { LogQuery } from '../domain/log.ts';
import { printCount, printHistogram, printLogs } from '../headless/logs.ts';
import { printResumed } from '../headless/resumed-logs.ts';
import { tellUnread } from '../headless/unread.ts';
import { checkSystemNames, withEngine, worstOf } from './beside.ts';

/** `binnacle logs`: once, or on and on with `--follow`. */
export async function runLogs(options: Options): Promise<number> {
  const follow = options.flags.has('--follow');
  const query = logQuery(options);
  const lines = lineCount(options) ?? (query.since === undefined ? 100 : undefined);
  const name = options.values.get('--resume')?.at(-1);
  if (name !== undefined) return await runResumed(options, name, query, follow);
  return await withEngine(options, { withActs: 'never', watch: follow }, async (opened, output) => {
    const { engine, state, troubles } = opened;
    checkSystemNames(options.systemNames, opened);
    const unread = tellUnread(state(), output, ['log', 'stream']);
    const json = options.flags.has('--json');
    const summary = options.flags.has('--count')
      ? printCount
      : options.flags.has('--histogram')
        ? printHistogram
        : undefined;
    const code = summary
      ? await summary(engine, query, json, output)
      : await printLogs(
          engine,
          { query, lines, follow, json },
          output,
          follow ? verbEnd() : Promise.resolve(),
        );
    return worstOf(troubles) || code || unread;
  });
}

/** Each line exactly once over all runs under one name, whatever became of the log and of the run before. */
async function runResumed(options: Options, name: string, query: LogQuery, follow: boolean): Promise<number> {
  if (!options.flags.has('--json'))
    throw new UserError('--resume goes with --json: each line has an id there', [
      '`logs --json --resume NAME`',
    ]);
  const lines = openResumedLines(name, query);
  try {
    const needs = { withActs: 'never', watch: follow, keeperOf: lines.keeperOf } as const;
    return await withEngine(options, needs, async (opened, output) => {
      checkSystemNames(options.systemNames, opened);
      const unread = tellUnread(opened.state(), output, ['log']);
      await printResumed(lines, follow, output, follow ? verbEnd() : Promise.resolve());
      return worstOf(opened.troubles) || unread;
    });
  } finally {
    lines.close();
  }
}

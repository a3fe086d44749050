import { incidentReport } from '../app/timeline-verb.ts';
import { lineCount, timelineSpan } from '../app/verb-arguments.ts';
import type { Options } from '../config/options.ts';
import { printTimeline } from '../headless/timeline.ts';
import { checkSystemNames, withEngine } from './beside.ts';

/** `binnacle timeline`. */
export async function runTimeline(options: Options): Promise<number> {
  const span = timelineSpan(options);
  const lines = lineCount(options) ?? 3;
  const form = options.flags.has('--json') ? 'json' : options.flags.has('--markdown') ? 'markdown' : 'text';
  return await withEngine(options, { withActs: 'if there' }, async (opened, output) => {
    checkSystemNames(options.systemNames, opened);
    return printTimeline(await incidentReport(opened.engine, opened.state(), span, lines), form, output);
  });
}

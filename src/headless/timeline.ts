import { incidentMarkdown, whenText } from '../domain/incident-markdown.ts';
import type { FatalSpan, IncidentReport } from '../domain/timeline.ts';
import { safeText } from '../lib/safe-text.ts';
import { withIsoTimes } from './json.ts';
import { type Output, printTable } from './output.ts';

export type TimelineForm = 'text' | 'json' | 'markdown';

/** Prints the report. Returns the exit code. */
export function printTimeline(report: IncidentReport, form: TimelineForm, output: Output): number {
  if (form === 'json') output.json(timelineJson(report), true);
  else if (form === 'markdown') for (const line of incidentMarkdown(report)) output.line(line);
  else printText(report, output);
  return 0;
}

function timelineJson(report: IncidentReport): unknown {
  const { events, fatal, open, ...head } = report;
  const span = ({ from, to, ...rest }: FatalSpan): unknown => ({
    ...rest,
    since: from,
    until: to ?? null,
  });
  return withIsoTimes({
    schema: 'binnacle/1',
    ...head,
    fatal: fatal.map(span),
    events: events.map(({ logKeys: _keys, notBefore, ...event }) => ({
      ...event,
      ...(notBefore === undefined ? {} : { earliest: { at: notBefore } }),
    })),
    open: open.map(({ system, label, title, why, since, until }) => ({
      system,
      label,
      title,
      why,
      since: since ?? null,
      until: until ?? null,
    })),
  });
}

function printText(report: IncidentReport, output: Output): void {
  const rows = report.events.map((event) => [
    whenText(event),
    event.system ?? '-',
    event.weight === 'info' ? '' : event.weight.toUpperCase(),
    event.by ?? '',
    [event.title, event.text, ...(event.reason === undefined ? [] : [`why: ${event.reason}`])].join(': '),
  ]);
  printTable(output, ['WHEN', 'SYSTEM', 'WEIGHT', 'WHO', 'WHAT'], rows);
  if (rows.length === 0) output.note(safeText('nothing is known of this time'));
  for (const note of report.notes) output.note(safeText(note));
}

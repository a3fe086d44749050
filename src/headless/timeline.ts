import type { AttentionItem } from '../domain/attention.ts';
import type { Evidence } from '../domain/entity.ts';
import { type Instant, toIso } from '../domain/instant.ts';
import type { LogQuery, LogRow } from '../domain/log.ts';
import type { FatalSpan, IncidentReport, LogExcerpt, TimelineEvent } from '../domain/timeline.ts';
import type { EnginePort } from '../engine/protocol.ts';
import { type SafeText, safeText } from '../lib/safe-text.ts';
import { clockText, dateText, durationText } from '../lib/time-text.ts';
import { withIsoTimes } from './json.ts';
import { markdownText } from './markdown.ts';
import { type Output, printTable } from './output.ts';

/** Errors are looked for from so long before a change until so long after it. */
const BEFORE_MS = 120_000;
const AFTER_MS = 30_000;
/** Events that get excerpts, gravest first: looking around each costs a pass over the rows in memory. */
const EXCERPTED = 60;

export type TimelineForm = 'text' | 'json' | 'markdown';

/** Adds to each grave event the newest error lines that stood around it, at most `each`. */
export async function withExcerpts(
  engine: Pick<EnginePort, 'call'>,
  events: readonly TimelineEvent[],
  each: number,
): Promise<readonly TimelineEvent[]> {
  const grave = [
    ...events.filter(({ weight }) => weight === 'fatal'),
    ...events.filter(({ weight }) => weight === 'error'),
  ];
  const chosen = new Set(each === 0 ? [] : grave.slice(0, EXCERPTED));
  const result: TimelineEvent[] = [];
  for (const event of events) {
    const query = chosen.has(event) ? queryAround(event) : undefined;
    const rows = query ? (await engine.call('page', { query, at: 'end', rows: each })).rows : [];
    result.push(rows.length > 0 ? { ...event, excerpts: rows.map(excerptOf) } : event);
  }
  return result;
}

function queryAround({ system, at, notBefore, logKeys }: TimelineEvent): LogQuery | undefined {
  if (system === undefined || logKeys === undefined || logKeys.length === 0) return undefined;
  return {
    systems: [system],
    keys: logKeys,
    minLevel: 'error',
    changes: false,
    since: ((notBefore ?? at) - BEFORE_MS) as Instant,
    until: (at + AFTER_MS) as Instant,
  };
}

function excerptOf({ path, offset, at, text }: LogRow): LogExcerpt {
  return { path, offset, text, ...(at === undefined ? {} : { at }) };
}

/** Prints the report. Returns the exit code. */
export function printTimeline(report: IncidentReport, form: TimelineForm, output: Output): number {
  if (form === 'json') output.json(timelineJson(report), true);
  else if (form === 'markdown') for (const line of markdownLines(report)) output.line(line);
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
    timeText(event),
    event.system ?? '-',
    event.weight === 'info' ? '' : event.weight.toUpperCase(),
    event.by ?? '',
    [event.title, event.text, ...(event.reason === undefined ? [] : [`why: ${event.reason}`])].join(': '),
  ]);
  printTable(output, ['WHEN', 'SYSTEM', 'WEIGHT', 'WHO', 'WHAT'], rows);
  if (rows.length === 0) output.note(safeText('nothing is known of this time'));
  for (const note of report.notes) output.note(safeText(note));
}

function timeText({ at, notBefore }: TimelineEvent): string {
  return notBefore === undefined ? `${dateText(at)}Z` : `${dateText(at)}Z (after ${clockText(notBefore)})`;
}

/** The incident report. Every text that is not ours goes through {@link markdownText}. */
function markdownLines(report: IncidentReport): readonly SafeText[] {
  const references: string[] = [];
  const refer = (text: string): string => {
    const known = references.indexOf(text);
    if (known >= 0) return String(known + 1);
    return String(references.push(text));
  };
  const table = report.events.map((event) => tableRow(event, refer));
  const lines = [
    `# Incident report: ${markdownText(report.host)}, ${dateText(report.since)}Z to ${dateText(report.until)}Z`,
    '',
    `* Host: ${markdownText(report.host)}`,
    `* Systems: ${report.systems.map(({ id, kind, root, state }) => markdownText(`${id} (${kind}, ${root}, ${state})`)).join(', ')}`,
    `* Span: ${toIso(report.since)} to ${toIso(report.until)} (${durationText(report.until - report.since)}), all times UTC`,
    `* Generated: ${toIso(report.generatedAt)}`,
    ...report.notes.map((note) => `* Note: ${markdownText(note)}`),
    '',
    '## Summary',
    '',
    ...summaryLines(report),
    '',
    '## Timeline',
    '',
    ...(table.length === 0
      ? ['Nothing is known of this time.']
      : ['| UTC | system | what | what happened | who | ref |', '|---|---|---|---|---|---|', ...table]),
    '',
    '## Open at the end',
    '',
    ...(report.open.length === 0
      ? ['Nothing needs a human.']
      : report.open.map((item) => openLine(item, report.generatedAt))),
    '',
    '## References',
    '',
    ...(references.length === 0 ? ['None.'] : references.map((text, index) => `${index + 1}. ${text}`)),
  ];
  return lines as unknown as readonly SafeText[];
}

function summaryLines({ fatal, events, generatedAt }: IncidentReport): string[] {
  const acts = events.filter(({ kind, text }) => kind === 'act' && !text.startsWith('started'));
  const started = events.filter(({ kind, text }) => kind === 'act' && text.startsWith('started'));
  const people = [...new Set(started.flatMap(({ by }) => by ?? []))];
  const outcomes = countsText(acts.map(({ text }) => text.split(':')[0] ?? ''));
  const approvals = countsText(
    events.flatMap(({ kind, text }) => (kind === 'approval' ? [text.split(/[ ,(]/)[0] ?? ''] : [])),
  );
  return [
    ...(fatal.length === 0 ? ['* Nothing was fatal.'] : fatal.map((span) => fatalLine(span, generatedAt))),
    started.length === 0
      ? '* Nobody acted from here.'
      : `* Acts: ${started.length} by ${people.map(markdownText).join(', ')}${outcomes === '' ? '' : ` (${markdownText(outcomes)})`}`,
    ...(approvals === '' ? [] : [`* Approvals: ${markdownText(approvals)}`]),
  ];
}

function countsText(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

function fatalLine({ ref, title, from, to }: FatalSpan, now: Instant): string {
  const how =
    to === undefined
      ? `since ${dateText(from)}Z, still so (${durationText(now - from)})`
      : `${dateText(from)}Z to ${dateText(to)}Z (${durationText(to - from)})`;
  return `* **Fatal** ${markdownText(`${ref.system}: ${title}`)}, ${how}`;
}

function tableRow(event: TimelineEvent, refer: (text: string) => string): string {
  const { title, text, reason, commands, by, system, weight, evidence, excerpts } = event;
  const references = [
    ...(evidence ? [evidenceText(system ?? '', evidence)] : []),
    ...(excerpts ?? []).map((excerpt) => excerptText(system ?? '', excerpt)),
  ].map(refer);
  const what = [
    weight === 'fatal' || weight === 'error' ? `**${weight}** ` : '',
    markdownText(text),
    reason === undefined ? '' : `; why: ${markdownText(reason)}`,
    ...(commands ?? []).map((command) => `; ran ${markdownText(command)}`),
  ].join('');
  const cells = [
    timeText(event),
    markdownText(system ?? ''),
    markdownText(title),
    what,
    markdownText(by ?? ''),
    references.map((number) => `${number}`).join(', '),
  ];
  return `| ${cells.join(' | ')} |`;
}

function evidenceText(system: string, { source, path, offset, query, url, pid, text }: Evidence): string {
  const place =
    path === undefined ? (url ?? query ?? '') : `${path}${offset === undefined ? '' : `@${offset}`}`;
  const where = [system, source, place, pid === undefined ? '' : `pid ${pid}`].filter((part) => part !== '');
  const said = text === undefined || text === '' ? '' : `: ${markdownText(text)}`;
  return `Seen in ${markdownText(where.join(' '))}${said}`;
}

function excerptText(system: string, { path, offset, at, text }: LogExcerpt): string {
  const when = at === undefined ? '' : ` ${dateText(at)}Z`;
  return `Log ${markdownText(`${system} ${path}@${offset}`)}${when}: ${markdownText(text)}`;
}

function openLine(item: AttentionItem, now: Instant): string {
  const since =
    item.since === undefined ? '' : `, since ${dateText(item.since)}Z (${durationText(now - item.since)})`;
  const until = item.until === undefined ? '' : `, until ${dateText(item.until)}Z`;
  const count = item.count > 1 ? ` x${item.count}` : '';
  return `* **${markdownText(item.label)}** ${markdownText(`${item.system} ${item.title}`)}${count}: ${markdownText(item.why)}${since}${until}`;
}

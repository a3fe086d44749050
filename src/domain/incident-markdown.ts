import { markdownText } from '../lib/markdown.ts';
import type { SafeText } from '../lib/safe-text.ts';
import { clockText, dateText, durationText } from '../lib/time-text.ts';
import type { AttentionItem } from './attention.ts';
import type { Evidence } from './entity.ts';
import { type Instant, toIso } from './instant.ts';
import type { FatalSpan, IncidentReport, LogExcerpt, TimelineEvent } from './timeline.ts';

/** The incident report as Markdown. Every text that is not ours goes through {@link markdownText}. */
export function incidentMarkdown(report: IncidentReport): readonly SafeText[] {
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
    whenText(event),
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

/** When it happened; `after`: nobody watched then. */
export function whenText({ at, notBefore }: TimelineEvent): string {
  return notBefore === undefined ? `${dateText(at)}Z` : `${dateText(at)}Z (after ${clockText(notBefore)})`;
}

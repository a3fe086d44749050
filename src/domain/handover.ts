/** What one shift leaves to the next: what is open, who has what, what was tried, what was set aside. */
import { dateText, durationText } from '../lib/time-text.ts';
import type { ActEntry, ActStatus } from './act.ts';
import type { AttentionItem } from './attention.ts';
import type { Instant } from './instant.ts';
import type { StepProgress } from './steps.ts';

/** An item in the hands of somebody. */
interface HeldItem {
  readonly key: string;
  readonly by: string;
}

/** An item out of the queue, with who put it there. */
interface SetAside {
  readonly item: AttentionItem;
  readonly by: string;
  readonly until?: Instant;
  readonly forGood: boolean;
  readonly reason?: string;
}

/** All a hand-over is written from. Texts are raw. */
export interface HandOver {
  readonly by: string;
  readonly host: string;
  readonly at: Instant;
  /** Begin of the shift: acts from then on are told. */
  readonly since: Instant;
  readonly note?: string;
  /** Most urgent first. */
  readonly open: readonly AttentionItem[];
  readonly aside: readonly SetAside[];
  readonly holds: readonly HeldItem[];
  readonly acts: readonly ActEntry[];
  /** Playbooks somebody is in the middle of. */
  readonly steps?: readonly StepProgress[];
  /** Systems that can't be read, with the reason: about them nothing is said. */
  readonly unread: readonly string[];
}

/** Unknown ends come first: they must not be done again before somebody has looked. */
const OUTCOME_ORDER: readonly ActStatus[] = [
  'unknown',
  'not-seen',
  'failed',
  'timed-out',
  'cancelled',
  'settled',
  'verified',
];

/** The hand-over as lines of plain text, times in UTC. Raw: whoever prints makes it safe. */
export function handOverText(given: HandOver): string {
  const { at, since, acts } = given;
  const running = acts.filter((act) => act.status === 'running');
  const tried = acts
    .filter((act) => act.status !== 'running' && (act.endedAt ?? act.startedAt) >= since)
    .sort(
      (a, b) =>
        OUTCOME_ORDER.indexOf(a.status) - OUTCOME_ORDER.indexOf(b.status) || b.startedAt - a.startedAt,
    );
  const heldBy = new Map(given.holds.map((hold) => [hold.key, hold.by]));
  const gone = given.holds.filter((hold) => !given.open.some((item) => item.key === hold.key));
  return [
    `Hand-over by ${given.by} on ${given.host}, ${utc(at)}`,
    `Shift since ${utc(since)} (${durationText(at - since)})`,
    ...(given.note === undefined ? [] : ['', ...block('Note', [given.note])]),
    ...section(
      'Open',
      given.open.map((item) => openLine(item, at, heldBy.get(item.key))),
      'nothing needs a human',
    ),
    ...section(
      'Held',
      [
        ...given.open.flatMap((item) =>
          heldBy.has(item.key) ? [`${heldBy.get(item.key)}: ${item.system} ${item.title}`] : [],
        ),
        ...gone.map((hold) => `${hold.by}: ${hold.key} (no longer open)`),
      ],
      'nobody has taken anything',
    ),
    ...section('Tried, unknown outcomes first', tried.map(actLine), 'nothing was done in this shift'),
    ...section('Running now', running.map(actLine), 'no act is running'),
    ...((given.steps ?? []).length > 0
      ? section('Steps under way', (given.steps ?? []).map(stepLine), '')
      : []),
    ...section('Set aside', given.aside.map(asideLine), 'nothing is set aside'),
    ...(given.unread.length > 0 ? section('Not known', given.unread, '') : []),
  ].join('\n');
}

function section(title: string, lines: readonly string[], empty: string): string[] {
  return [
    '',
    ...block(lines.length > 0 ? `${title} (${lines.length})` : title, lines.length > 0 ? lines : [empty]),
  ];
}

/** A text of several lines stays in its place. */
function block(title: string, lines: readonly string[]): string[] {
  return [title, ...lines.map((line) => `  ${line.replaceAll('\n', '\n  ')}`)];
}

function openLine(item: AttentionItem, at: Instant, holder: string | undefined): string {
  const parts = [`${item.label} ${item.system} ${item.title}`];
  if (item.count > 1) parts.push(`x${item.count}`);
  if (item.why !== '' && item.why !== item.title) parts.push(item.why);
  if (item.since !== undefined) parts.push(`since ${utc(item.since)} (${durationText(at - item.since)})`);
  if (item.until !== undefined) parts.push(`until ${utc(item.until)}`);
  if (item.onExpiry !== undefined) parts.push(`then: ${item.onExpiry}`);
  if (holder !== undefined) parts.push(`held by ${holder}`);
  return parts.join('; ');
}

function actLine(act: ActEntry): string {
  const said = act.summary === undefined || act.summary === '' ? '' : `: ${act.summary}`;
  const why = act.reason === undefined ? '' : ` (why: ${act.reason})`;
  const attempt = act.attempt > 1 ? `, attempt ${act.attempt}` : '';
  return `${act.status} ${utc(act.startedAt)} ${act.by}: ${act.title}, ${act.target.system} ${act.targetTitle}${attempt}${said}${why}`;
}

function stepLine({ target, title, playbook, done, total, next, lastBy, lastAt }: StepProgress): string {
  const then = next === undefined ? 'none is left' : `next: ${next}`;
  return `${target.system} ${title}: ${playbook}, ${done} of ${total}, ${lastBy} ${utc(lastAt)}; ${then}`;
}

function asideLine({ item, by, until, forGood, reason }: SetAside): string {
  const how = forGood ? 'for good' : until === undefined ? 'until it changes' : `until ${utc(until)}`;
  return `${item.system} ${item.title}; by ${by} ${how}${reason === undefined ? '' : `: ${reason}`}`;
}

function utc(at: Instant): string {
  return `${dateText(at)}Z`;
}

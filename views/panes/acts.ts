import type { ActEntry, StageState } from '../../src/domain/act.ts';
import { clockText, durationText } from '../../src/lib/time-text.ts';
import { actWords, selectActs } from '../../src/store/selectors/acts.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import type { Line, Pen } from '../components/line.ts';
import type { Tone } from '../theme.ts';
import { firstRow, framed, hasKeys, type PaneInput, paneLabel, phaseLine, titleLine } from './pane.ts';

/** What was done, by whom, and what came of it; an act under way shows its stages. */
export function actsLines(input: PaneInput): readonly Line[] {
  const { snapshot, pen } = input;
  const active = hasKeys(snapshot, 'acts');
  const { acts } = snapshot.state;
  const count = (passes: (act: ActEntry) => boolean, word: string): string => {
    const number = acts.filter(passes).length;
    return number > 0 ? `, ${number} ${word}` : '';
  };
  const running = acts.filter((act) => act.status === 'running').length;
  const right = `${running} running${count((act) => act.status === 'unknown', 'unknown')}${count(isNew, 'new')}`;
  const title = titleLine(input, active, [paneLabel(pen, 'acts', 'Acts', active)], right);
  if (acts.length === 0) return framed(input, title, [phaseLine(input, 'nothing was done yet')]);
  const { rows, cursor } = allRows(input);
  const height = input.rows - 1;
  const first = firstRow(cursor, rows.length, height);
  return framed(
    input,
    title,
    rows.slice(first, first + height).map((row) => row.line),
  );
}

/** An outcome that no screen has shown to anybody yet. */
function isNew(act: ActEntry): boolean {
  return act.unseen === true;
}

/** All rows of the pane, and the one under the cursor (-1: the keys are elsewhere). */
function allRows(input: PaneInput): {
  readonly rows: readonly { readonly order: string; readonly line: Line }[];
  readonly cursor: number;
} {
  const { snapshot, pen, columns } = input;
  const active = hasKeys(snapshot, 'acts');
  const acts = selectActs(snapshot.state.acts);
  const selected = snapshot.desk.selected.acts ?? acts[0]?.order;
  const rows: { readonly order: string; readonly line: Line }[] = [];
  for (const act of acts) {
    const isCursor = active && act.order === selected;
    rows.push({ order: act.order, line: actLine(pen, act, isCursor, columns, snapshot.offsetMs) });
    for (const stage of stagesShown(act))
      rows.push({ order: act.order, line: stageLine(pen, stage, columns, snapshot.offsetMs) });
  }
  return { rows, cursor: active ? rows.findIndex((row) => row.order === selected) : -1 };
}

/** An act under way shows what it waits for; how an ended one went stands in its own row and on its page. */
function stagesShown(act: ActEntry): readonly StageState[] {
  return act.status === 'running' ? act.stages : [];
}

/** Rows the pane would fill, its title not counted. */
export function actRows(acts: readonly ActEntry[]): number {
  return acts.reduce((count, act) => count + 1 + stagesShown(act).length, 0);
}

/** Orders of the acts a pane of that size shows. */
export function actsInView(snapshot: Snapshot, pen: Pen, columns: number, rows: number): readonly string[] {
  const all = allRows({ snapshot, pen, columns, rows });
  const first = firstRow(all.cursor, all.rows.length, rows - 1);
  return [...new Set(all.rows.slice(first, first + rows - 1).map((row) => row.order))];
}

function actLine(pen: Pen, act: ActEntry, isCursor: boolean, columns: number, offsetMs: number): Line {
  const isNarrow = columns < 60;
  const key = act.status === 'unknown' ? ' (s)' : act.playbook ? ' (b)' : '';
  // Where there is little room the key that helps says more than how long it took.
  const took =
    act.endedAt === undefined || (isNarrow && key !== '')
      ? ''
      : ` ${durationText(act.endedAt - act.startedAt)}`;
  const attempt = act.attempt > 1 ? ` (attempt ${act.attempt})` : '';
  const seen = act.stages.filter((stage) => stage.state === 'seen').length;
  const progress = act.status === 'running' && act.stages.length > 0 ? ` ${seen}/${act.stages.length}` : '';
  const status = isNarrow ? shortWords(act) : actWords(act);
  const verb = act.act.slice(act.act.lastIndexOf('.') + 1);
  const what = `${act.by} ${verb}${attempt} ${act.targetTitle}`;
  const outcome = `${status}${progress}${took}${key}`;
  // The outcome is what one looks for: a long name gives way to it, down to what still tells one act from another.
  const least = Math.max(6, Math.floor((columns - 9) * 0.4));
  const room = Math.max(least, columns - 9 - pen.safe(outcome).length);
  return pen.line(
    columns,
    pen.span(isCursor ? '>' : ' ', 'strong'),
    pen.span(clockText(act.startedAt, offsetMs, 'minutes'), 'dim'),
    pen.span(isNew(act) ? '*' : ' ', 'strong'),
    pen.cell(what, Math.min(room, pen.safe(what).length), isCursor ? 'strong' : undefined),
    ': ',
    pen.span(outcome, actTone(act)),
  );
}

/** How it stands, in the few columns of the right column. */
function shortWords(act: ActEntry): string {
  switch (act.status) {
    case 'not-seen':
      return 'NOT SEEN';
    case 'timed-out':
      return 'TIMED OUT';
    case 'failed':
      return 'FAILED';
    case 'unknown':
      return 'UNKNOWN';
    case 'running':
      return act.queued ? 'queued' : act.status;
    case 'verified':
    case 'cancelled':
    case 'settled':
      return act.status;
  }
}

/** ` + accepted: card leaves ready   03:15:09` */
function stageLine(pen: Pen, stage: StageState, columns: number, offsetMs: number): Line {
  const sign = stage.state === 'seen' ? '+' : stage.state === 'contradicted' ? 'x' : '.';
  const when = stageTime(stage, offsetMs);
  const detail = stage.detail === undefined ? '' : `: ${stage.detail}`;
  const tone = stageTone(stage.state);
  const need = stage.required ? '' : ' (shown only)';
  // In the right column what is awaited and until when say more than the name of the stage.
  const text =
    columns < 60
      ? `   ${sign} ${when === '' ? '' : `${when} `}${stage.title}${detail}`
      : `      ${sign} ${stage.stage}${when === '' ? '' : ` ${when}`}  ${stage.title}${detail}${need}`;
  return pen.line(columns, pen.span(text, tone));
}

/** How a stage looks. */
export function stageTone(state: StageState['state']): Tone {
  return state === 'seen' ? 'good' : state === 'contradicted' ? 'alarm' : 'dim';
}

function stageTime(stage: StageState, offsetMs: number): string {
  if (stage.state !== 'seen') return `by ${clockText(stage.deadline, offsetMs)}`;
  return stage.seenAt === undefined ? '' : `at ${clockText(stage.seenAt, offsetMs)}`;
}

/** How the outcome of an act looks. */
export function actTone(act: ActEntry): Tone | undefined {
  switch (act.status) {
    case 'verified':
      return 'good';
    case 'running':
    case 'settled':
    case 'cancelled':
      return undefined;
    case 'not-seen':
    case 'unknown':
      return 'warning';
    case 'failed':
    case 'timed-out':
      return 'alarm';
  }
}

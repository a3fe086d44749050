import type { ActEntry, StageState } from '../../src/domain/act.ts';
import { clockText, durationText } from '../../src/lib/time-text.ts';
import { actWords, selectActs } from '../../src/store/selectors/acts.ts';
import type { Line, Pen } from '../components/line.ts';
import type { Tone } from '../theme.ts';
import { firstRow, framed, hasKeys, type PaneInput, paneLabel, phaseLine, titleLine } from './pane.ts';

/** What was done, by whom, and what came of it; an act under way shows its stages. */
export function actsLines(input: PaneInput): readonly Line[] {
  const { snapshot, pen, columns } = input;
  const active = hasKeys(snapshot, 'acts');
  const acts = selectActs(snapshot.state.acts);
  const running = acts.filter((act) => act.status === 'running').length;
  const unknown = acts.filter((act) => act.status === 'unknown').length;
  const right = `${running} running${unknown > 0 ? `, ${unknown} unknown` : ''}`;
  const title = titleLine(input, active, [paneLabel(pen, 'acts', 'Acts', active)], right);
  if (acts.length === 0) return framed(input, title, [phaseLine(input, 'nothing was done yet')]);
  const selected = snapshot.desk.selected.acts ?? acts[0]?.order;
  const rows: { readonly order: string; readonly line: Line }[] = [];
  for (const act of acts) {
    const isCursor = active && act.order === selected;
    rows.push({ order: act.order, line: actLine(pen, act, isCursor, columns, snapshot.offsetMs) });
    if (act.status === 'running' && columns >= 60) {
      for (const stage of act.stages)
        rows.push({ order: act.order, line: stageLine(pen, stage, columns, snapshot.offsetMs) });
    }
  }
  const cursor = active ? rows.findIndex((row) => row.order === selected) : -1;
  const first = firstRow(cursor, rows.length, input.rows - 1);
  return framed(
    input,
    title,
    rows.slice(first, first + input.rows - 1).map((row) => row.line),
  );
}

function actLine(pen: Pen, act: ActEntry, isCursor: boolean, columns: number, offsetMs: number): Line {
  const took = act.endedAt === undefined ? '' : ` ${durationText(act.endedAt - act.startedAt)}`;
  const attempt = act.attempt > 1 ? ` (attempt ${act.attempt})` : '';
  const seen = act.stages.filter((stage) => stage.state === 'seen').length;
  const progress = act.status === 'running' && act.stages.length > 0 ? ` ${seen}/${act.stages.length}` : '';
  const status = columns < 60 ? shortWords(act) : actWords(act);
  const verb = act.act.slice(act.act.lastIndexOf('.') + 1);
  const what = `${act.by} ${verb} ${act.target.id}${attempt}: `;
  const outcome = `${status}${progress}${took}`;
  // The outcome is what one looks for: a long id gives way to it.
  const room = Math.max(6, columns - 7 - pen.safe(outcome).length);
  return pen.line(
    columns,
    pen.span(isCursor ? '>' : ' ', 'strong'),
    pen.span(clockText(act.startedAt, offsetMs, 'minutes'), 'dim'),
    ' ',
    pen.cell(what, Math.min(room, pen.safe(what).length), isCursor ? 'strong' : undefined),
    pen.span(outcome, toneOf(act)),
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
    case 'verified':
    case 'cancelled':
    case 'settled':
      return act.status;
  }
}

/** ` + accepted: card leaves ready   03:15:09` */
function stageLine(pen: Pen, stage: StageState, columns: number, offsetMs: number): Line {
  const sign = stage.state === 'seen' ? '+' : stage.state === 'contradicted' ? 'x' : '.';
  const when =
    stage.state === 'seen'
      ? stage.seenAt === undefined
        ? ''
        : ` at ${clockText(stage.seenAt, offsetMs)}`
      : ` by ${clockText(stage.deadline, offsetMs)}`;
  const detail = stage.detail === undefined ? '' : `: ${stage.detail}`;
  const tone: Tone | undefined =
    stage.state === 'seen' ? 'good' : stage.state === 'contradicted' ? 'alarm' : 'dim';
  const need = stage.required ? '' : ' (shown only)';
  return pen.line(
    columns,
    pen.span(`      ${sign} ${stage.stage}${when}  ${stage.title}${detail}${need}`, tone),
  );
}

function toneOf(act: ActEntry): Tone | undefined {
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

import type { ActEntry } from '../../domain/act.ts';
import { durationText } from '../../lib/time-text.ts';
import type { DetailSubject, ListResult } from '../mode.ts';
import type { CockpitState } from '../state.ts';
import { actWords } from './acts.ts';
import type { DetailsPage } from './details.ts';

/** An act on marked rows: how each stands, those that need somebody first. */
export function batchPage(
  state: CockpitState,
  { title, items, left }: Extract<DetailSubject, { of: 'batch' }>,
): DetailsPage {
  const rows = [
    ...items.map((item) => rowOf(state, item)),
    ...left.map((one): BatchRow => ({ state: 'not done', rank: 1, item: one.title, text: one.why })),
  ];
  const count = (word: string): string => {
    const number = rows.filter((row) => row.state === word).length;
    return number === 0 ? '' : `${number} ${word}`;
  };
  const counts = ['FAILED', 'not done', 'under way', 'done'].map(count).filter((text) => text !== '');
  return {
    title: `${title}: ${rows.length} marked, ${counts.join(', ')}`,
    columns: ['', 'item', 'how it went'],
    rows: rows.sort((a, b) => a.rank - b.rank).map((row) => [row.state, row.item, row.text]),
    empty: 'nothing was started',
  };
}

interface BatchRow {
  readonly state: 'FAILED' | 'not done' | 'under way' | 'done';
  readonly rank: number;
  readonly item: string;
  readonly text: string;
}

function rowOf(state: CockpitState, { ref, title, order, refused, answer }: ListResult): BatchRow {
  const item = `${ref.system} ${title}`;
  if (refused !== undefined) return { state: 'not done', rank: 1, item, text: refused };
  if (answer) {
    const sections = (answer.sections ?? []).map((section) => `${section.title}:\n${section.text}`);
    return { state: 'done', rank: 3, item, text: [answer.summary, ...sections].join('\n') };
  }
  if (order === undefined) return { state: 'under way', rank: 2, item, text: 'being handed to the runner' };
  const act = state.acts.find((one) => one.order === order);
  if (!act) return { state: 'under way', rank: 2, item, text: `started, order ${order}` };
  return { ...standing(act), item, text: textOf(act) };
}

function standing({ status }: ActEntry): Pick<BatchRow, 'state' | 'rank'> {
  switch (status) {
    case 'running':
      return { state: 'under way', rank: 2 };
    case 'verified':
      return { state: 'done', rank: 3 };
    case 'failed':
    case 'not-seen':
    case 'timed-out':
    case 'unknown':
      return { state: 'FAILED', rank: 0 };
    case 'cancelled':
    case 'settled':
      return { state: 'not done', rank: 1 };
  }
}

function textOf(act: ActEntry): string {
  const took = act.endedAt === undefined ? '' : `, after ${durationText(act.endedAt - act.startedAt)}`;
  const helps = act.playbook ? `\nsteps that help: ${act.playbook.title} (7, then b)` : '';
  const said = act.status !== 'running' && act.summary !== undefined ? `\n${act.summary}` : '';
  return `${actWords(act)}${took}${said}${helps}`;
}

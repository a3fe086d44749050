import type { ActMenu, ActOffer, ActPreview, Params } from '../domain/act.ts';
import { LONGEST_LIST, listActs } from '../domain/act-list.ts';
import { messageOf } from '../domain/error.ts';
import { inMode, unmarked } from '../store/desk.ts';
import type { ListMode, ListResult, ListTargets, MarkedOffers, MarkedRow, Mode } from '../store/mode.ts';
import { selectWork } from '../store/selectors/work.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { CommandContext } from './command.ts';

type MenuMode = Extract<Mode, { type: 'menu' }>;

/**
 * The marked rows in the order of the screen, as one list to act on; undefined where none is marked, or what is marked is
 * nothing that acts are done to (log rows, steps).
 */
export function markedRows({ desk, state }: Snapshot): readonly MarkedRow[] | undefined {
  const { marks, focus } = desk;
  if (marks.size === 0) return undefined;
  switch (focus) {
    case 'queue':
    case 'approvals':
    case 'fatal':
      return state.queue.flatMap(({ key, ref, title }) => (ref && marks.has(key) ? [{ ref, title }] : []));
    case 'work':
      return selectWork(state.lists).flatMap(({ key, ref, text }) =>
        marks.has(key) ? [{ ref, title: text }] : [],
      );
    case 'acts':
    case 'pipeline':
    case 'logs':
    case 'card':
    case 'steps':
      return undefined;
  }
}

/** Opens the menu of what can be done to the marked rows: each act once, with how many of them it is for. */
export async function openListMenu(
  context: CommandContext,
  menu: ActMenu | 'all' | 'undo',
  marked: readonly MarkedRow[],
): Promise<void> {
  const first = marked[0];
  if (!first) {
    context.cockpit.toast(
      'what is marked is no longer there, or has no acts: Esc takes the marks off',
      'refusal',
    );
    return;
  }
  const targetTitle = markedText(marked);
  const opened: MenuMode = { type: 'menu', menu, target: first.ref, targetTitle, index: 0, marked };
  context.cockpit.update((desk) => inMode(desk, opened));
  const answered = (part: Partial<MenuMode>): void =>
    context.cockpit.update((desk) => (desk.mode === opened ? inMode(desk, { ...opened, ...part }) : desk));
  try {
    const { offers, lists } = await markedOffers(context, marked);
    const fitting = offers.filter((offer) => menu === 'all' || menu === 'undo' || offer.menu === menu);
    answered({ offers: sortOffers(fitting), lists });
  } catch (error) {
    answered({ offers: [], error: messageOf(error) });
  }
}

/** How marked rows are called together. */
export function markedText({ length }: readonly MarkedRow[]): string {
  return `${length} marked ${length === 1 ? 'row' : 'rows'}`;
}

/** Asks what can be done to the marked rows. */
export async function markedOffers(
  { cockpit }: CommandContext,
  marked: readonly MarkedRow[],
): Promise<MarkedOffers> {
  const answers = await Promise.all(
    marked.map(async (row) => ({ row, ...(await cockpit.call('offers', { target: row.ref })) })),
  );
  return commonOffers(answers);
}

/** What can be done comes before what can't; the order of the kind otherwise. */
export function sortOffers(offers: readonly ActOffer[]): readonly ActOffer[] {
  return [...offers].sort((a, b) => Number(a.disabled !== undefined) - Number(b.disabled !== undefined));
}

/** Each act any row offers, once; it is off only where no row can have it. Approvals are decided one at a time. */
function commonOffers(
  answers: readonly { readonly row: MarkedRow; readonly offers: readonly ActOffer[] }[],
): MarkedOffers {
  const merged = new Map<string, { offer: ActOffer; able: MarkedRow[] }>();
  for (const { row, offers } of answers) {
    for (const offer of offers) {
      if (answers.length > 1 && (row.ref.type === 'approval' || offer.menu === 'approve')) continue;
      const known = merged.get(offer.act);
      const able = [...(known?.able ?? []), ...(offer.disabled === undefined ? [row] : [])];
      // Of a row that can have it: its words are those of an act that is not off.
      const shown = known && (known.able.length > 0 || offer.disabled !== undefined) ? known.offer : offer;
      merged.set(offer.act, { offer: shown, able });
    }
  }
  return {
    offers: [...merged.values()].map(({ offer }) => offer),
    lists: Object.fromEntries([...merged].map(([act, { able }]) => [act, targetsOf(act, able, answers)])),
  };
}

/** The rows an act is for, and why it is not for the others. */
function targetsOf(
  act: string,
  rows: readonly MarkedRow[],
  answers: readonly { readonly row: MarkedRow; readonly offers: readonly ActOffer[] }[],
): ListTargets {
  const left = answers
    .filter(({ row }) => !rows.includes(row))
    .map(({ row: { ref, title }, offers }) => {
      const off = offers.find((offer) => offer.act === act)?.disabled;
      const why = ref.type === 'approval' ? 'approvals are decided one at a time' : off;
      return { title, why: why ?? `it does not apply to this ${ref.type}` };
    });
  return { rows, left };
}

/** Asks what exactly would run for each row, and shows it as one list. A `read` act runs at once. */
export async function showList(
  context: CommandContext,
  offer: ActOffer,
  { rows, left }: ListTargets,
  params: Params,
): Promise<void> {
  const { cockpit } = context;
  const before = context.snapshot().desk.mode;
  if (rows.length > LONGEST_LIST) {
    cockpit.toast(
      `${rows.length} at once: at most ${LONGEST_LIST} are shown and confirmed together`,
      'refusal',
    );
    return;
  }
  const asked: Mode = before.type === 'params' ? { ...before, busy: true } : before;
  cockpit.update((desk) => (desk.mode === before ? inMode(desk, asked) : desk));
  const previews: ActPreview[] = [];
  const failed: ListMode['left'][number][] = [];
  for (const { ref, title } of rows) {
    try {
      previews.push(await cockpit.call('preview', { act: offer.act, target: ref, params }));
    } catch (error) {
      failed.push({ title, why: messageOf(error) });
    }
  }
  // Whoever pressed Esc meanwhile is not pulled into a dialog.
  if (context.snapshot().desk.mode !== asked) return;
  const mode: ListMode = {
    type: 'list',
    title: offer.title,
    list: listActs(previews),
    left: [...left, ...failed],
    stage: 'choose',
    choice: 'no',
    reason: '',
    code: '',
    scroll: 0,
  };
  if (mode.list.confirmation === 'none' && previews.some(({ refused }) => refused === undefined)) {
    await startList(context, mode);
    return;
  }
  cockpit.update((desk) => inMode(desk, mode));
}

/** The next step of the one confirmation of a list, after a yes, a reason or the code. */
export async function confirmList(context: CommandContext, mode: ListMode): Promise<void> {
  const { cockpit } = context;
  const { list, stage } = mode;
  const refused = list.refused ?? (doable(mode).length === 0 ? 'none of them can be done' : undefined);
  if (refused !== undefined) {
    cockpit.toast(`${refused}: Esc, then look again`, 'refusal');
    return;
  }
  if (stage === 'starting') return;
  const wantsReason = list.needsReason || list.confirmation === 'yes-and-reason';
  if (stage === 'choose' && (wantsReason || list.code !== undefined)) {
    cockpit.update((desk) =>
      inMode(desk, { ...mode, choice: 'yes', stage: wantsReason ? 'reason' : 'code' }),
    );
    return;
  }
  if (stage === 'reason' && mode.reason.trim() === '') {
    cockpit.toast('a reason is needed: it is kept with each act', 'refusal');
    return;
  }
  if (stage === 'reason' && list.code !== undefined) {
    cockpit.update((desk) => inMode(desk, { ...mode, stage: 'code' }));
    return;
  }
  if (stage === 'code' && mode.code !== list.code) {
    cockpit.update((desk) => inMode(desk, { ...mode, code: '' }));
    cockpit.toast(`that is not ${list.code ?? 'the code'}`, 'refusal');
    return;
  }
  await startList(context, mode);
}

function doable(mode: ListMode): readonly ActPreview[] {
  return mode.list.items.flatMap(({ preview }) => (preview.refused === undefined ? [preview] : []));
}

/** Starts what was previewed, one after the other, and opens the page that tells how each goes. The marks go. */
async function startList(context: CommandContext, mode: ListMode): Promise<void> {
  const { cockpit } = context;
  const refusedOnes = mode.list.items.flatMap(({ target, preview }): ListResult[] =>
    preview.refused === undefined
      ? []
      : [{ ref: target, title: preview.targetTitle, refused: preview.refused }],
  );
  const waiting = doable(mode);
  let items: readonly ListResult[] = [
    ...waiting.map(({ target, targetTitle }) => ({ ref: target, title: targetTitle })),
    ...refusedOnes,
  ];
  const { title } = mode;
  cockpit.update((desk) =>
    unmarked(
      inMode(desk, { type: 'details', subject: { of: 'batch', title, items, left: mode.left }, scroll: 0 }),
    ),
  );
  for (const [index, preview] of waiting.entries()) {
    const before = items;
    const result = await startOne(context, mode, preview);
    items = items.map((item, at) => (at === index ? { ...item, ...result } : item));
    cockpit.update((desk) => {
      const { mode: open } = desk;
      const isOpen = open.type === 'details' && open.subject.of === 'batch' && open.subject.items === before;
      return isOpen
        ? inMode(desk, { ...open, subject: { of: 'batch', title, items, left: mode.left } })
        : desk;
    });
  }
  const refused = items.filter((item) => item.refused !== undefined).length;
  const words = `${title}: ${items.length - refused} of ${items.length} started`;
  cockpit.toast(refused === 0 ? words : `${words}, ${refused} refused`, refused === 0 ? 'note' : 'refusal');
}

/** What was confirmed for the list holds for each of its rows as it was shown: its revision, its payload, its letters. */
async function startOne(
  { cockpit }: CommandContext,
  mode: ListMode,
  preview: ActPreview,
): Promise<Pick<ListResult, 'order' | 'refused' | 'answer'>> {
  const { act, target, params, revision, payloadDigest, confirmation, code } = preview;
  const reason = mode.reason.trim();
  try {
    const answer = await cockpit.call('start', {
      act,
      target,
      params,
      revision,
      ...(payloadDigest === undefined ? {} : { payloadDigest }),
      ...(reason === '' ? {} : { reason }),
      confirmedBy: confirmation === 'none' ? 'none' : code === undefined ? 'yes' : 'code',
      ...(code === undefined ? {} : { code }),
    });
    return {
      ...(answer.order === undefined ? {} : { order: answer.order }),
      ...(answer.refused === undefined ? {} : { refused: answer.refused }),
      ...(answer.read === undefined ? {} : { answer: answer.read }),
    };
  } catch (error) {
    return {
      refused: `${messageOf(error)}; look at the acts (7) before trying again: it may have been started`,
    };
  }
}

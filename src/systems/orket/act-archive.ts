import type { ParamSpec, Params, StageState, Step, StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Job } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { getArray, getNumber, getString, readJson } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { isCheckout } from './act-epic.ts';
import {
  answerOf,
  apiStep,
  buildOf,
  cardsOf,
  complaintIn,
  listed,
  mainStep,
  noApi,
  noMain,
  STARTING_MAIN,
  statusWords,
} from './act-program.ts';
import { clip } from './facts.ts';
import { isSafeName } from './schema.ts';

/** Python's start, one transaction for each card, our next look. */
const ARCHIVED_MS = 45_000;
/** `archive_related_cards` looks at no more than this. */
const MOST_MATCHES = 500;
const LONGEST_WORD = 120;

const REASON: ParamSpec = {
  name: 'reason',
  title: 'reason in the history',
  form: 'text',
  required: false,
  maxLength: 300,
  hint: 'stands in the history of each card',
};
const LASTING = [
  'There is no way back: nothing in Orket takes a card out of the archive but a rerun of its epic, and that sets archived cards back to ready whether one wants it or not.',
  'The assignee of each card is overwritten.',
] as const;
const UNDO =
  'nothing in Orket takes a card out of the archive; a rerun of its epic sets every card of it to ready';

/** Archive one card. */
export const archiveCard: ActSpec = {
  id: 'job.archive',
  title: 'archive this card',
  menu: 'cancel',
  risk: 'destructive',
  does: 'puts the card away for good, running or not; its history stays',
  runs: 'main.py --archive-card=CARD; POST /v1/cards/archive where there is no main.py',
  outcome: 'the row of the card says archived',
  params: [REASON],
  appliesTo: (target) => target.type === 'job',
  precondition(view, target) {
    if (target.type !== 'job') return 'not a card';
    if (target.nativeStatus === 'archived')
      return 'it is archived: a second time would only add a row to its history';
    return isSafeName(target.id) ? noWay(view) : 'the id of this card is not safe as an argument';
  },
  warnings: (view, target) => archiveWarnings(view, target.type === 'job' ? [target] : []),
  strands: (_view, target) => (target.type === 'job' ? strandsOf([target]) : []),
  revision: (_view, target) => (target.type === 'job' ? (target.nativeStatus ?? '') : ''),
  baseline: (_view, target) => ({ cards: [target.id] }),
  plan(view, target, params) {
    return [archiveStep(view, { cards: [target.id] }, params, `archive ${target.id}`)];
  },
  read: (outputs) => readArchive(outputs[0]),
  expect: (view, order) => [archivedStage(view, order, idsOf(order))],
  undo: { text: UNDO },
};

/** Archive all cards of a run's build. */
export const archiveBuild: ActSpec = {
  id: 'run.archive',
  title: 'archive its build',
  menu: 'cancel',
  risk: 'destructive',
  does: 'puts every card of the build away for good, running ones too; their history stays',
  runs: 'main.py --archive-build=BUILD; POST /v1/cards/archive where there is no main.py',
  outcome: 'the rows of all cards of the build say archived',
  params: [REASON],
  appliesTo: (target) => target.type === 'run',
  precondition(view, target) {
    const build = target.type === 'run' ? buildOf(target) : undefined;
    if (build === undefined) return 'the build of this run is not known';
    if (!isSafeName(build)) return 'the name of its build is not safe as an argument';
    return cardsOf(view, build).some(({ nativeStatus }) => nativeStatus !== 'archived')
      ? noWay(view)
      : 'no card of its build is left to archive';
  },
  warnings: (view, target) =>
    archiveWarnings(view, buildCards(view, target.type === 'run' ? buildOf(target) : '')),
  strands: (view, target) => strandsOf(buildCards(view, target.type === 'run' ? buildOf(target) : '')),
  revision: (view, target) =>
    buildCards(view, target.type === 'run' ? buildOf(target) : '')
      .map(({ id, nativeStatus }) => `${id}=${nativeStatus}`)
      .sort()
      .join(','),
  baseline: (view, target) => ({
    cards: buildCards(view, target.type === 'run' ? buildOf(target) : '').map(({ id }) => id),
  }),
  plan(view, target, params) {
    const build = target.type === 'run' ? buildOf(target) : undefined;
    if (build === undefined) return [];
    const count = cardsOf(view, build).length;
    return [archiveStep(view, { build }, params, `archive ${counted(count, 'card')} of ${build}`)];
  },
  read: (outputs) => readArchive(outputs[0]),
  expect: (view, order) => [archivedStage(view, order, idsOf(order))],
  undo: { text: UNDO },
};

/** Archive whatever is related to some words, with a look at what that is before it is done. */
export const archiveRelated: ActSpec = {
  id: 'cards.archive',
  title: 'archive related cards',
  menu: 'cancel',
  risk: 'destructive',
  does: 'puts away for good every card whose id, build, summary or note holds one of the words',
  runs: 'main.py --archive-related=WORD ...; POST /v1/cards/archive where there is no main.py',
  outcome: 'every card that matched before says archived',
  params: [
    {
      name: 'words',
      title: 'words, one a line',
      form: 'lines',
      required: true,
      maxLength: 1200,
      hint: 'parts of ids, builds, summaries or notes',
    },
    REASON,
  ],
  appliesTo: isCheckout,
  precondition: (view) => (view.entities('job').length === 0 ? 'no cards are known' : noWay(view)),
  warnings: (view, _target, params) => archiveWarnings(view, matchesOf(view, wordsOf(params ?? {}))),
  strands: (view, _target, params) => strandsOf(matchesOf(view, wordsOf(params ?? {}))),
  revision: (view) => {
    const open = view.entities('job').filter(({ nativeStatus }) => nativeStatus !== 'archived');
    return `${view.entities('job').length}|${open.length}`;
  },
  plan(view, _target, params) {
    const words = wordsOf(params);
    const wrong = words.find(
      (word) => word.length < 3 || word.length > LONGEST_WORD || /[\p{C}%]/u.test(word),
    );
    if (words.length === 0) throw new Error('at least one word is needed');
    if (wrong !== undefined)
      throw new Error(`"${clip(wrong, 40)}" would match too much: 3 to 120 plain characters`);
    const found = matchesOf(view, words);
    if (found.length === 0) throw new Error('no card matches: Orket would say "Archived 0 card(s)."');
    if (found.length > MOST_MATCHES)
      throw new Error(
        `${found.length} cards match, Orket archives the first ${MOST_MATCHES}: take longer words`,
      );
    const title = `archive ${counted(found.length, 'card')}: ${listed(found.map(({ id }) => id))}`;
    return [archiveStep(view, { words }, params, title)];
  },
  read: (outputs) => readArchive(outputs[0]),
  expect: (view, order) => [
    archivedStage(
      view,
      order,
      matchesOf(view, wordsOf(order.params)).map(({ id }) => id),
    ),
  ],
  undo: { text: UNDO },
};

interface Selector {
  readonly cards?: readonly string[];
  readonly build?: string;
  readonly words?: readonly string[];
}

function archiveStep(view: StateView, by: Selector, params: Params, title: string): Step {
  const reason = params['reason']?.trim() || 'archived by the operator';
  if (noMain(view) !== undefined) {
    return apiStep(view, 'POST', '/v1/cards/archive', title, {
      ...(by.cards ? { card_ids: by.cards } : {}),
      ...(by.build === undefined ? {} : { build_id: by.build }),
      ...(by.words ? { related_tokens: by.words } : {}),
      reason,
      archived_by: 'operator',
    });
  }
  const args = [
    ...(by.cards ?? []).map((id) => `--archive-card=${id}`),
    ...(by.build === undefined ? [] : [`--archive-build=${by.build}`]),
    ...(by.words ?? []).map((word) => `--archive-related=${word}`),
    `--archive-reason=${reason}`,
  ];
  return mainStep(view, args, title);
}

function noWay(view: StateView): string | undefined {
  const main = noMain(view);
  return main !== undefined && noApi(view) !== undefined ? main : undefined;
}

function wordsOf(params: Params): readonly string[] {
  return (params['words'] ?? '')
    .split('\n')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/**
 * Cards Orket would find: it looks by substring, as SQLite's LIKE does, for which an underscore is any character. What
 * is shown is rather too much than too little.
 */
function matchesOf(view: StateView, words: readonly string[]): readonly Job[] {
  const patterns = words.map(
    (word) => new RegExp(word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('_', '.'), 'isu'),
  );
  const found = view.entities('job').filter((card) => {
    const texts = [
      card.id,
      buildOf(card),
      card.title,
      getString(card.data, 'summary'),
      getString(card.data, 'note'),
    ];
    return patterns.some((pattern) => texts.some((text) => text !== undefined && pattern.test(text)));
  });
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function buildCards(view: StateView, build: string | undefined): readonly Job[] {
  return build === undefined ? [] : cardsOf(view, build);
}

function idsOf(order: ActOrder): readonly string[] {
  return getArray(order.baseline, 'cards').filter((id): id is string => typeof id === 'string');
}

function archiveWarnings(view: StateView, cards: readonly Job[]): readonly string[] {
  const again = cards.filter(({ nativeStatus }) => nativeStatus === 'archived');
  return [
    ...(cards.length > 1
      ? [
          `${counted(cards.length, 'card')}: ${statusWords(cards)}.`,
          listed(
            cards.map(({ id }) => id),
            40,
          ),
        ]
      : []),
    ...(again.length > 0
      ? [`${counted(again.length, 'card')} archived already get another row of history.`]
      : []),
    ...LASTING,
    ...(noMain(view) === undefined ? STARTING_MAIN : []),
  ];
}

/** Cards in somebody's hands, and those that wait for one that goes. */
function strandsOf(cards: readonly Job[]): readonly string[] {
  const held = cards.filter(({ status }) => status === 'running');
  return held.length === 0
    ? []
    : [`worked on now, archived all the same: ${listed(held.map(({ id }) => id))}`];
}

/** `Archived N card(s).`, `Archived IDs: ...`, `Missing IDs: ...`; over HTTP the same as JSON. */
export function readArchive(output: StepOutput | undefined): StepAnswer {
  if (!output) return answerOf(undefined, false, 'it was not started');
  const complaint = complaintIn(output);
  if (complaint !== undefined) return answerOf(output, false, complaint);
  const json = output.httpStatus === undefined ? undefined : readJson(output.stdout);
  const said = /^\s*Archived (\d{1,9}) card\(s\)\./m.exec(output.stdout)?.[1];
  const count = json?.ok
    ? getNumber(json.value, 'archived_count')
    : said === undefined
      ? undefined
      : Number(said);
  const missing = json?.ok
    ? getArray(json.value, 'missing_ids').filter((id): id is string => typeof id === 'string')
    : (/^\s*Missing IDs: (.*)$/m.exec(output.stdout)?.[1] ?? '').split(/,\s*/).filter((id) => id !== '');
  if (count === undefined) {
    const silent =
      output.stdout.trim() === '' ? 'not a word: nothing was run' : 'without saying how many cards';
    return answerOf(output, false, `it ended ${silent}`);
  }
  const rest = missing.length === 0 ? '' : `, not found: ${listed(missing)}`;
  return answerOf(
    output,
    count > 0 && missing.length === 0,
    `it says ${counted(count, 'card')} archived${rest}`,
  );
}

function archivedStage(view: StateView, order: ActOrder, ids: readonly string[]): StageState {
  const left = ids.filter((id) => view.entity('job', id)?.nativeStatus !== 'archived');
  const title =
    ids.length === 1
      ? `the row of ${ids[0]} says archived`
      : `all ${ids.length} rows say archived: ${listed(ids)}`;
  return {
    stage: 'done',
    title,
    state: ids.length > 0 && left.length === 0 ? 'seen' : 'waiting',
    ...(left.length > 0 && left.length < ids.length
      ? { detail: `${ids.length - left.length} of ${ids.length}, still open: ${listed(left)}` }
      : {}),
    deadline: addMs(order.startedAt, ARCHIVED_MS),
    required: true,
  };
}

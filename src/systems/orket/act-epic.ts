import type { Entity, Job, Run } from '../../domain/entity.ts';
import { getArray, getString } from '../../lib/json.ts';
import type { ActSpec, StateView } from '../system.ts';
import {
  buildOf,
  cardsOf,
  isUnderWay,
  listed,
  liveRunOf,
  noApi,
  noMain,
  RERUN_RESETS,
  runOf,
  STARTING_MAIN,
  statusWords,
} from './act-program.ts';
import { buildOfEpic, epicOf, epicOfBuild, newestRun, runsOf } from './epic-names.ts';
import { DEFAULT_WORKSPACE, expectRun, idsOfRuns, readStart, startStep, workspaceOf } from './epic-start.ts';
import { isSafeName } from './schema.ts';

const KNOBS = [
  ['architecture', 'ORKET_ARCHITECTURE_MODE', ['force_monolith', 'force_microservices', 'architect_decides']],
  [
    'frontend',
    'ORKET_FRONTEND_FRAMEWORK_MODE',
    ['force_vue', 'force_react', 'force_angular', 'architect_decides'],
  ],
  ['governance', 'ORKET_IDESIGN_MODE', ['force_idesign', 'force_none', 'architect_decides']],
] as const;

const COMMON_WARNINGS = [
  'It gets a new run id: what earlier runs cached is not used again, whatever the runbook says of the same session id.',
  'The run ends at the first turn that wants a retry, and must be started again each time.',
  'The program exits 0 also after terminal_failure and [FATAL]: what counts is the ledger.',
] as const;

/** Rerun the epic of a run that is over. */
export const resumeRun: ActSpec = {
  id: 'run.resume',
  title: 'rerun its epic',
  menu: 'resume',
  risk: 'costly',
  does: 'starts the epic again under a new run id; every card of the build goes back to ready first',
  runs: 'main.py --epic=EPIC, let go; POST /v1/system/run-active where there is no main.py',
  outcome: 'a new run of the build stands in the ledger',
  params: [],
  appliesTo: (target) =>
    target.type === 'run' || (target.type === 'issue' && getString(target.data, 'run') !== undefined),
  precondition(view, target) {
    const run = runOf(view, target);
    if (!run) return 'its run is not known any more';
    if (isUnderWay(run)) return `run ${run.id} is still under way: a second one would work on the same cards`;
    const epic = epicOf(run);
    if (epic === undefined) return 'the name of its epic is not safe as an argument';
    const build = buildOf(run) ?? '';
    if (build.startsWith('rock-build-')) return 'it was the run of a rock: start its epics one by one';
    const live = liveRunOf(view, build);
    if (live) return `run ${live.id} of the same build is under way`;
    const cards = cardsOf(view, build);
    if (cards.length > 0 && cards.every(isFinished))
      return 'every card of its build is finished: a rerun would only do finished work again (epic.run does that)';
    return noWay(view);
  },
  warnings: (view, target) => {
    const run = runOf(view, target);
    return run ? epicWarnings(view, epicOf(run) ?? '', buildOf(run) ?? '') : [];
  },
  strands: (view, target) => {
    const run = runOf(view, target);
    return run ? strandsOf(view, buildOf(run) ?? '') : [];
  },
  revision(view, target) {
    const run = runOf(view, target);
    return run ? `${run.id}|${newestRun(view, buildOf(run) ?? '')}` : '';
  },
  baseline(view, target) {
    const run = runOf(view, target);
    const build = run ? (buildOf(run) ?? '') : '';
    return { epic: run ? (epicOf(run) ?? '') : '', build, runs: idsOfRuns(view) };
  },
  plan(view, target) {
    const run = runOf(view, target);
    const epic = run && epicOf(run);
    return epic === undefined ? [] : [startStep(view, epic, [], workspaceOf(view, run), {})];
  },
  read: (outputs) => readStart(outputs[0]),
  expect: expectRun,
  undo: { text: 'nothing puts the cards back; run.halt on the new run ends it' },
};

/** Resume one card of an epic. */
export const resumeCard: ActSpec = {
  id: 'job.resume',
  title: 'run this card alone',
  menu: 'resume',
  risk: 'costly',
  does: 'starts its epic for this one card: cards in hand and this one go back to ready, only this one is run',
  runs: 'main.py --epic=EPIC --resume=CARD, let go',
  outcome: 'a run of the build for this card stands in the ledger',
  params: [],
  appliesTo: (target) => target.type === 'job',
  precondition(view, target) {
    if (target.type !== 'job') return 'not a card';
    const missing = noMain(view);
    if (missing !== undefined) return missing;
    if (!isSafeName(target.id)) return 'the id of this card is not safe as an argument';
    const build = buildOf(target);
    if (build === undefined) return 'the build of this card is not known';
    const live = liveRunOf(view, build);
    if (live) return `run ${live.id} of its build is under way`;
    return epicOfBuild(view, build) === undefined ? `which epic ${build} belongs to is not known` : undefined;
  },
  warnings(view, target) {
    if (target.type !== 'job') return [];
    const build = buildOf(target) ?? '';
    const others = cardsOf(view, build).filter((card) => card.id !== target.id && !isFinished(card));
    return [
      ...(others.length > 0
        ? [
            `The program ends with exit 1, "No executable candidates while backlog incomplete.", and its run with failed, even when this card went through: ${listed(others.map(({ id }) => id))} are open.`,
          ]
        : []),
      ...(isFinished(target) ? [`It is ${target.nativeStatus}: its work is done again.`] : []),
      ...COMMON_WARNINGS,
      ...STARTING_MAIN,
    ];
  },
  strands(view, target) {
    const build = target.type === 'job' ? (buildOf(target) ?? '') : '';
    const held = cardsOf(view, build).filter(
      ({ id, nativeStatus }) => id !== target.id && isRequeued(nativeStatus),
    );
    return held.length === 0
      ? []
      : [`put back to ready, though it is not run: ${listed(held.map(({ id }) => id))}`];
  },
  revision: (view, target) =>
    target.type === 'job' ? `${target.nativeStatus}|${newestRun(view, buildOf(target) ?? '')}` : '',
  baseline(view, target) {
    const build = target.type === 'job' ? (buildOf(target) ?? '') : '';
    return { epic: epicOfBuild(view, build) ?? '', build, card: target.id, runs: idsOfRuns(view) };
  },
  plan(view, target) {
    const build = target.type === 'job' ? buildOf(target) : undefined;
    const epic = build === undefined ? undefined : epicOfBuild(view, build);
    if (epic === undefined) return [];
    const workspace = workspaceOf(view, runsOf(view, build ?? '')[0]);
    return [startStep(view, epic, [`--resume=${target.id}`], workspace, {})];
  },
  read: (outputs) => readStart(outputs[0]),
  expect: expectRun,
  undo: { text: 'nothing puts the cards back; run.halt on the new run ends it' },
};

/** Run any epic of the checkout. */
export const runEpic: ActSpec = {
  id: 'epic.run',
  title: 'run an epic',
  menu: 'restart',
  risk: 'costly',
  does: 'starts an epic; when it ran before, every card of its build goes back to ready first, done ones too',
  runs: 'main.py --epic=EPIC, let go; POST /v1/system/run-active where there is no main.py',
  outcome: 'a new run of this epic stands in the ledger',
  params: [
    {
      name: 'epic',
      title: 'epic',
      form: 'text',
      required: true,
      maxLength: 120,
      hint: 'file name below model/*/epics',
    },
    ...KNOBS.map(([name, variable, choices]) => ({
      name,
      title: `${name} policy`,
      form: 'choice' as const,
      required: false,
      choices: ['', ...choices],
      hint: `${variable} for this run alone; empty leaves it as configured`,
    })),
  ],
  appliesTo: (target) => target.type === 'service' && target.id === 'orket',
  precondition: (view) => noWay(view),
  warnings(view, _target, params) {
    const epic = params?.['epic']?.trim() ?? '';
    return epicWarnings(view, epic, buildOfEpic(view, epic));
  },
  strands: (view, _target, params) => strandsOf(view, buildOfEpic(view, params?.['epic']?.trim() ?? '')),
  revision: (view) => newestOf(view.entities('run'))?.id ?? '',
  baseline: (view) => ({ runs: idsOfRuns(view) }),
  plan(view, target, params) {
    const epic = params['epic']?.trim() ?? '';
    const known = getArray(target.data, 'epics');
    if (!isSafeName(epic)) throw new Error('that is no name of an epic: letters, digits, points, dashes');
    if (known.length > 0 && known.length < 500 && !known.includes(epic))
      throw new Error(`no model/*/epics/${epic}.json: Orket would end in [FATAL] and exit 0`);
    const live = liveRunOf(view, buildOfEpic(view, epic));
    if (live) throw new Error(`run ${live.id} of this epic is under way`);
    const env = Object.fromEntries(
      KNOBS.flatMap(([name, variable]) => {
        const value = params[name]?.trim();
        return value ? [[variable, value] as const] : [];
      }),
    );
    if (Object.keys(env).length > 0 && noMain(view) !== undefined)
      throw new Error('a policy for one run needs main.py here: the API takes that of its own environment');
    return [startStep(view, epic, [], DEFAULT_WORKSPACE, env)];
  },
  read: (outputs) => readStart(outputs[0]),
  expect: expectRun,
  undo: { text: 'nothing puts the cards back; run.halt on the new run ends it' },
};

function noWay(view: StateView): string | undefined {
  const main = noMain(view);
  return main !== undefined && noApi(view) !== undefined ? main : undefined;
}

function epicWarnings(view: StateView, epic: string, build: string): readonly string[] {
  const cards = cardsOf(view, build);
  const known = getArray(view.entity('service', 'orket')?.data, 'epics');
  const isUnknown = known.length > 0 && known.length < 500 && !known.includes(epic);
  const isApi = noMain(view) !== undefined;
  return [
    RERUN_RESETS,
    ...(cards.length > 0 ? [`Now: ${statusWords(cards)}. All ${cards.length} of them will be ready.`] : []),
    ...(isUnknown ? [`No model/*/epics/${epic}.json is here: Orket may end in [FATAL] and exit 0.`] : []),
    ...COMMON_WARNINGS,
    ...(isApi
      ? ['It runs inside the API process: a restart of the API ends it, and its ledger row stays on running.']
      : STARTING_MAIN),
    'A good end empties workspace/default/orket.log, also when another workspace was used.',
  ];
}

/** What a rerun does again. */
function strandsOf(view: StateView, build: string): readonly string[] {
  const cards = cardsOf(view, build);
  const ids = (status: string): readonly string[] =>
    cards.filter(({ nativeStatus }) => nativeStatus === status).map(({ id }) => id);
  return (['done', 'archived', 'canceled', 'blocked'] as const).flatMap((status) => {
    const found = ids(status);
    const what = status === 'blocked' ? 'blocked, and taken up again' : `${status}, and done again`;
    return found.length === 0 ? [] : [`${what}: ${listed(found)}`];
  });
}

function isFinished({ nativeStatus }: Job): boolean {
  return nativeStatus === 'done' || nativeStatus === 'archived' || nativeStatus === 'canceled';
}

/** Statuses `_resume_stalled_issues` puts back to ready. */
function isRequeued(status: string | undefined): boolean {
  return status === 'in_progress' || status === 'code_review' || status === 'awaiting_guard_review';
}

function newestOf(runs: readonly Run[]): Run | undefined {
  return runs.reduce<Run | undefined>(
    (best, run) => ((run.startedAt ?? 0) > (best?.startedAt ?? -1) ? run : best),
    undefined,
  );
}

/** True for an entity acts on the whole checkout apply to. */
export function isCheckout(target: Entity): boolean {
  return target.type === 'service' && target.id === 'orket';
}

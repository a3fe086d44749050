import type { ServiceStep, StageState, Step } from '../../domain/act.ts';
import type { Entity, Job, Run } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { getArray, getString, type Json } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import {
  answerOf,
  apiStep,
  buildOf,
  cardsOf,
  complaintIn,
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
import { isSafeDirectory, isSafeName } from './schema.ts';

/** Python's start, the models' client, the ledger's row, our next look. */
const START_MS = 90_000;
/** How long a card's first move is looked for; seats wait for the model. */
const MOVE_MS = 180_000;
/** Clocks of the row's writer and ours. */
const SLACK_MS = 2_000;
const DEFAULT_WORKSPACE = 'workspace/default';

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

/** A run takes hours: it is let go in a session of its own, and its output is kept beside its log. */
function startStep(
  view: StateView,
  epic: string,
  more: readonly string[],
  workspace: string,
  env: { readonly [name: string]: string },
): Step {
  if (noMain(view) !== undefined)
    return apiStep(view, 'POST', '/v1/system/run-active', `run ${epic} in the API process`, {
      issue_id: epic,
    });
  const place = workspace === DEFAULT_WORKSPACE ? [] : [`--workspace=${workspace}`];
  const outputPath =
    view.located.extra['hasWorkspace'] === true
      ? `${view.located.root}/${DEFAULT_WORKSPACE}/main.py.out`
      : undefined;
  const step: ServiceStep = {
    type: 'service',
    title: `main.py --epic=${epic}${more.length > 0 ? ` ${more.join(' ')}` : ''}`,
    argv: [view.located.python ?? '', 'main.py', `--epic=${epic}`, ...more, ...place],
    cwd: view.located.root,
    env: { PYTHONIOENCODING: 'utf-8', ...env },
    ...(outputPath === undefined ? {} : { outputPath }),
  };
  return step;
}

/** The workspace of an earlier run, where its path may become an argument; else the default one. */
function workspaceOf(view: StateView, run: Run | undefined): string {
  const path = getString(run?.data, 'workspace')?.replace(/\/+$/, '');
  if (path === undefined || !isSafeDirectory(path) || path.includes(' ')) return DEFAULT_WORKSPACE;
  const inside = `${view.located.root}/`;
  if (path.startsWith(inside)) return path.slice(inside.length);
  // The path of a checkout that was moved names nothing here: the workspace of that name is the one.
  const name = /\/(workspace\/[A-Za-z0-9._-]+)$/.exec(path)?.[1];
  return name ?? path;
}

function readStart(output: Parameters<typeof complaintIn>[0] | undefined) {
  if (!output) return answerOf(undefined, false, 'it was not started');
  const complaint = complaintIn({ ...output, ...(output.httpStatus === undefined ? { exitCode: 0 } : {}) });
  if (complaint !== undefined) return answerOf(output, false, complaint);
  const id = /"session_id":\s*"([^"]{1,40})"/.exec(output.stdout)?.[1];
  return answerOf(output, true, id === undefined ? output.stdout.trim() : `run ${id} was announced`);
}

/** A row of the ledger that was not there before: our run, or somebody's who started the same at the same moment. */
function expectRun(view: StateView, order: ActOrder): readonly StageState[] {
  const known = new Set(getArray(order.baseline, 'runs'));
  const build = getString(order.baseline, 'build');
  const card = getString(order.baseline, 'card');
  const epic = getString(order.baseline, 'epic') || order.params['epic']?.trim() || '';
  const run = view
    .entities('run')
    .filter(
      (one) =>
        !known.has(one.id) &&
        (one.startedAt ?? 0) >= order.startedAt - SLACK_MS &&
        (build ? buildOf(one) === build : getString(one.data, 'epic') === epic) &&
        (card === undefined || getString(one.data, 'target') === card),
    )
    .sort((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0))[0];
  const foreign = view
    .entities('run')
    .find((one) => !known.has(one.id) && build !== undefined && buildOf(one) === build && one !== run);
  const runBuild = run ? buildOf(run) : undefined;
  const moved = runBuild === undefined ? undefined : movedSince(view, runBuild, order);
  return [
    {
      stage: 'started',
      title: card === undefined ? `a new run of ${epic}` : `a new run of ${epic} for ${card} alone`,
      state: run ? 'seen' : 'waiting',
      ...(run
        ? { detail: `run ${run.id}, ${run.nativeStatus ?? run.status}` }
        : foreign
          ? { detail: `run ${foreign.id} began, and is not for this card` }
          : {}),
      deadline: addMs(order.startedAt, START_MS),
      required: true,
    },
    {
      stage: 'done',
      title: card === undefined ? 'a card is taken in hand' : `${card} is taken in hand`,
      state: moved ? 'seen' : 'waiting',
      ...(moved ? { detail: `${moved.id} is ${moved.nativeStatus}` } : {}),
      deadline: addMs(order.startedAt, MOVE_MS),
      required: false,
    },
  ];
}

function movedSince(view: StateView, build: string, order: ActOrder): Job | undefined {
  const card = getString(order.baseline, 'card');
  return cardsOf(view, build).find(
    (one) =>
      one.nativeStatus !== 'ready' &&
      (one.updatedAt ?? 0) >= order.startedAt - SLACK_MS &&
      (card === undefined || one.id === card),
  );
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

/** Name of a run's epic, where it may be an argument. */
function epicOf(run: Run): string | undefined {
  const name = getString(run.data, 'epic');
  return name !== undefined && isSafeName(name) ? name : undefined;
}

function runsOf(view: StateView, build: string): readonly Run[] {
  return view
    .entities('run')
    .filter((run) => buildOf(run) === build)
    .sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0));
}

/** The epic of a build: what its newest run was called, else the file whose name the build was made of. */
function epicOfBuild(view: StateView, build: string): string | undefined {
  const run = runsOf(view, build).find((one) => epicOf(one) !== undefined);
  if (run) return epicOf(run);
  const name = build.replace(/^build-/, '');
  const known = getArray(view.entity('service', 'orket')?.data, 'epics');
  return known.includes(name) && isSafeName(name) ? name : undefined;
}

function buildOfEpic(view: StateView, epic: string): string {
  const run = view.entities('run').find((one) => epic !== '' && getString(one.data, 'epic') === epic);
  return (run && buildOf(run)) ?? `build-${epic}`;
}

function newestOf(runs: readonly Run[]): Run | undefined {
  return runs.reduce<Run | undefined>(
    (best, run) => ((run.startedAt ?? 0) > (best?.startedAt ?? -1) ? run : best),
    undefined,
  );
}

function newestRun(view: StateView, build: string): string {
  return runsOf(view, build)[0]?.id ?? '';
}

/** Ids of all runs: a new one is one that is not among them. */
function idsOfRuns(view: StateView): Json {
  return view.entities('run').map(({ id }) => id);
}

/** True for an entity acts on the whole checkout apply to. */
export function isCheckout(target: Entity): boolean {
  return target.type === 'service' && target.id === 'orket';
}

import type { ServiceStep, StageState, Step } from '../../domain/act.ts';
import type { Job, Run } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { getArray, getString, type Json } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import { answerOf, apiStep, buildOf, cardsOf, complaintIn, noMain } from './act-program.ts';
import { isSafeDirectory } from './schema.ts';

/** Python's start, the models' client, the ledger's row, our next look. */
const START_MS = 90_000;
/** How long a card's first move is looked for; seats wait for the model. */
const MOVE_MS = 180_000;
/** Clocks of the row's writer and ours. */
const SLACK_MS = 2_000;
/** Where a run works that names no other. */
export const DEFAULT_WORKSPACE = 'workspace/default';

/** A run takes hours: it is let go in a session of its own, and its output is kept beside its log. */
/** Starts the epic and lets it go: by main.py, else in the API process. */
export function startStep(
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
export function workspaceOf(view: StateView, run: Run | undefined): string {
  const path = getString(run?.data, 'workspace')?.replace(/\/+$/, '');
  if (path === undefined || !isSafeDirectory(path) || path.includes(' ')) return DEFAULT_WORKSPACE;
  const inside = `${view.located.root}/`;
  if (path.startsWith(inside)) return path.slice(inside.length);
  // The path of a checkout that was moved names nothing here: the workspace of that name is the one.
  const name = /\/(workspace\/[A-Za-z0-9._-]+)$/.exec(path)?.[1];
  return name ?? path;
}

/** What starting it printed, or what the API announced. */
export function readStart(output: Parameters<typeof complaintIn>[0] | undefined) {
  if (!output) return answerOf(undefined, false, 'it was not started');
  const complaint = complaintIn({ ...output, ...(output.httpStatus === undefined ? { exitCode: 0 } : {}) });
  if (complaint !== undefined) return answerOf(output, false, complaint);
  const id = /"session_id":\s*"([^"]{1,40})"/.exec(output.stdout)?.[1];
  return answerOf(output, true, id === undefined ? output.stdout.trim() : `run ${id} was announced`);
}

/** A row of the ledger that was not there before: our run, or somebody's who started the same at the same moment. */
export function expectRun(view: StateView, order: ActOrder): readonly StageState[] {
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

/** Ids of all runs: a new one is one that is not among them. */
export function idsOfRuns(view: StateView): Json {
  return view.entities('run').map(({ id }) => id);
}

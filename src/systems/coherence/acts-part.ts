import type { StageState, Step } from '../../domain/act.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { getNumber, getObject, getString, type Json } from '../../lib/json.ts';
import type { ActSpec, StateView } from '../system.ts';
import {
  apiDirectory,
  apiRefusal,
  begunSince,
  crewIn,
  lastWords,
  marksOf,
  pipelineRef,
  pythonRefusal,
  scriptStep,
  signalStep,
  stageOf,
} from './act-common.ts';
import { API_ACT, CHECK_ACT, START_MANAGER_ACT, START_RUNNER_ACT, STOP_ACT } from './condition.ts';
import { atWork, instantIn } from './expect-work.ts';
import { apiPortOf, healthEveryMs, LOGS, restartTimesOf } from './schema.ts';
import { pidOf } from './tasks.ts';

/** A Python program of this project is up within this time. */
const STARTED_MS = 30_000;
const CHECK_TIMEOUT_MS = 180_000;

/** Who has to go before a new API can have the port: ours, or whoever holds it and hangs. */
function oldApis(view: StateView): readonly ProcessInfo[] {
  const { of, portHolder } = crewIn(view);
  const own = of.api.some((one) => one.pid === portHolder?.pid);
  return own || portHolder === undefined ? of.api : [...of.api, portHolder];
}

function isHanging(view: StateView): boolean {
  return view.entity('issue', 'api_hangs') !== undefined;
}

/** Ends the API by its pid and starts a new one, as the runbook does by name for every uvicorn of the machine. */
export const restartApi: ActSpec = {
  id: API_ACT,
  title: 'restart the API alone',
  menu: 'restart',
  risk: 'costly',
  does: 'ends the API of this checkout by its pid (KILL where it hangs) and starts uvicorn app.main:app on its port',
  runs: 'TERM or KILL by pid, then python -m uvicorn app.main:app --port PORT',
  outcome: 'another process holds the port, health 200 with a newer started_at',
  params: [],
  appliesTo: (target) =>
    (target.type === 'service' && target.id === 'api') ||
    (target.type === 'layer' && target.id === 'execution') ||
    (target.type === 'issue' &&
      [
        'api_unreachable',
        'api_error',
        'api_hangs',
        'api_fails',
        'metrics_unavailable',
        'effectiveness_404',
      ].includes(target.key)),
  precondition(view) {
    const { of, portHolder } = crewIn(view);
    const stranger = portHolder && !of.api.some((one) => one.pid === portHolder.pid) ? portHolder : undefined;
    if (stranger)
      return `pid ${stranger.pid} holds port ${apiPortOf(view.located)} and is not this API: see what it is, and end it yourself`;
    return pythonRefusal(view);
  },
  warnings(view) {
    const warnings = [
      'None of this shell’s variables is passed on: what the API needs must stand in api/.env.',
    ];
    const { of } = crewIn(view);
    if (of.manager.length > 0)
      warnings.push(
        'The project manager dies of the first request without an answer, and leaves its runner and monitor as orphans: with a watchdog, restart the pipeline instead.',
      );
    if (of.watchdog.length > 0)
      warnings.push(
        'A watchdog lives: a restart request with the API down restarts both, and knows of its own API only.',
      );
    return warnings;
  },
  revision: (view) => [marksOf(oldApis(view)), getString(view.data, 'apiState') ?? '-'].join('|'),
  baseline: (view): Json => ({
    pids: oldApis(view).map((one) => one.pid),
    startedAt: getNumber(getObject(view.data, 'health'), 'startedAt') ?? null,
  }),
  plan: (view): readonly Step[] => [
    ...oldApis(view).map((one) => signalStep(one, 'API', isHanging(view) ? 'SIGKILL' : 'SIGTERM')),
    {
      type: 'service',
      title: 'start the API',
      argv: [
        view.located.python ?? '',
        ...['-m', 'uvicorn', 'app.main:app', `--port=${apiPortOf(view.located)}`],
      ],
      cwd: apiDirectory(view),
      outputPath: `${view.located.root}/${LOGS}/autonomous_api.log`,
    },
  ],
  expect(view, order): readonly StageState[] {
    const { of } = crewIn(view);
    const begun = begunSince(order, of.api);
    const within = STARTED_MS + healthEveryMs(view.located);
    const started = stageOf(order, 'started', 'a new API runs', STARTED_MS);
    const done = stageOf(order, 'done', 'it answers 200', within, view.located.url !== undefined);
    const health = getObject(view.data, 'health');
    const at = getNumber(health, 'at') ?? 0;
    const since = getNumber(health, 'startedAt');
    const before = getNumber(order.baseline, 'startedAt') ?? 0;
    // Its own start time, where it tells one, must be that of the new one: the old one may still answer.
    const isNew =
      since === undefined ? begun !== undefined : since > before && since >= order.startedAt - 1_000;
    const isWell = begun !== undefined && isNew && at >= begun.startedAt && health?.['ok'] === true;
    return [
      {
        ...started,
        state: begun ? 'seen' : 'waiting',
        detail: begun ? `pid ${begun.pid}` : 'no new process yet',
      },
      {
        ...done,
        state: isWell ? 'seen' : 'waiting',
        detail: isWell ? 'health 200' : `API: ${getString(view.data, 'apiWhy') ?? 'not asked'}`,
      },
    ];
  },
  undo: { text: 'cannot be undone: the old process is gone' },
};

/** Names of workers that tasks wait for and that no living runner has. */
function deserted(view: StateView): readonly string[] {
  const names = view
    .entities('job')
    .filter((job) => ['pending', 'needs_decision'].includes(job.nativeStatus ?? ''))
    .filter((job) => getString(job.data, 'workerLife') === 'gone')
    .flatMap((job) => getString(job.data, 'worker') ?? []);
  return [...new Set(names)].sort();
}

/** A runner beside or instead of the pipeline's own: under the old name it takes what only that name may take. */
export const startRunner: ActSpec = {
  id: START_RUNNER_ACT,
  title: 'start a runner',
  menu: 'restart',
  risk: 'costly',
  does: 'starts a runner, under a worker’s name where you give one: then it takes the tasks that worker had claimed',
  runs: 'AGENT_WORKER_ID=NAME scripts/agent_runner.py --interval 10 --workers 5',
  outcome: 'a new runner lives and its log says that it started',
  params: [
    {
      name: 'worker',
      title: 'worker name',
      form: 'text',
      required: false,
      maxLength: 120,
      hint: 'the claimed_by of the tasks it shall take; a new name if you leave it',
    },
  ],
  appliesTo: (target) =>
    (target.type === 'service' && target.id === 'agent-runner') ||
    (target.type === 'issue' && target.key === 'tasks_bound_to_gone_worker'),
  precondition: (view) => pythonRefusal(view) ?? apiRefusal(view),
  warnings(view) {
    const warnings: string[] = [];
    const live = crewIn(view).of.runner;
    if (live.length > 0)
      warnings.push(
        `A runner lives (${live.map((one) => one.pid).join(', ')}): both take tasks, five at once each.`,
      );
    const names = deserted(view);
    if (names.length > 0) warnings.push(`Tasks wait for: ${names.slice(0, 5).join(', ')}.`);
    const spoken = names.find((name) => pidOf(name) !== undefined);
    if (spoken !== undefined)
      warnings.push(`${spoken} is a name made of host and pid; it can be given like any other.`);
    warnings.push('It belongs to no pipeline: no restart ends it. It runs the commands of tasks as you.');
    return warnings;
  },
  revision: (view) => [marksOf(crewIn(view).of.runner), ...deserted(view)].join('|'),
  plan(view, _target, params): readonly Step[] {
    const worker = params['worker']?.trim();
    return [
      {
        type: 'service',
        title: `start a runner${worker ? ` as ${worker}` : ''}`,
        argv: [view.located.python ?? '', 'scripts/agent_runner.py', '--interval=10', '--workers=5'],
        cwd: apiDirectory(view),
        ...(worker ? { env: { AGENT_WORKER_ID: worker } } : {}),
      },
    ];
  },
  expect(view, order): readonly StageState[] {
    const begun = begunSince(order, crewIn(view).of.runner);
    const started = stageOf(order, 'started', 'a new runner lives', STARTED_MS);
    const done = stageOf(order, 'done', 'its log says that it started', STARTED_MS);
    const said = instantIn(view.data, 'runnerStartedAt');
    const isSaid = begun !== undefined && said !== undefined && said >= begun.startedAt - 1_000;
    return [
      { ...started, state: begun ? 'seen' : 'waiting', detail: begun ? `pid ${begun.pid}` : 'none yet' },
      {
        ...done,
        state: isSaid ? 'seen' : 'waiting',
        detail: isSaid ? 'Agent runner started' : 'no such line since',
      },
    ];
  },
  undo: { text: 'end it by its pid, as the services list names it' },
};

/** The project manager alone, going on where it was: the pipeline's own start would reset it. */
export const startManager: ActSpec = {
  id: START_MANAGER_ACT,
  title: 'start the project manager alone',
  menu: 'restart',
  risk: 'costly',
  does: 'starts a project manager that goes on at the item its state file names (no --reset)',
  runs: 'scripts/project_manager.py --interval 15 --hours 8 [--parallel --state-file ...]',
  outcome: 'a new project manager lives, its log moves, health 200',
  params: [],
  appliesTo: (target) => target.type === 'service' && target.id === 'project-manager',
  precondition(view) {
    const { manager, watchdog } = crewIn(view).of;
    if (manager.length > 0) return `one lives: pid ${manager.map((one) => one.pid).join(', ')}`;
    if (watchdog.length > 0)
      return 'a watchdog lives and starts its own with the pipeline: request a restart';
    return pythonRefusal(view) ?? apiRefusal(view);
  },
  warnings: () => ['It has no pipeline shell and no watchdog: nothing ends or restarts it.'],
  revision: (view) =>
    [marksOf(crewIn(view).of.manager), getNumber(view.data, 'managerLogMovedAt') ?? '-'].join('|'),
  plan(view): readonly Step[] {
    const state = `${view.located.root}/${LOGS}/project_manager_state_overnight.json`;
    const mode = view.data['isParallel'] === true ? ['--parallel', `--state-file=${state}`] : [];
    return [
      {
        type: 'service',
        title: 'start the project manager',
        argv: [
          view.located.python ?? '',
          ...['scripts/project_manager.py', '--interval=15', '--hours=8', ...mode],
        ],
        cwd: apiDirectory(view),
      },
    ];
  },
  expect(view, order): readonly StageState[] {
    const begun = begunSince(order, crewIn(view).of.manager);
    const { startMs } = restartTimesOf(view.located);
    const within = STARTED_MS + Math.max(startMs, healthEveryMs(view.located));
    const done = stageOf(order, 'done', 'it works, the API answers', within);
    if (!begun) return [{ ...done, state: 'waiting', detail: 'none lives' }];
    return [atWork(view, done, begun, begun.startedAt)];
  },
  undo: { act: STOP_ACT, text: 'halt the pipeline, of which it is the one part that runs', on: pipelineRef },
};

/** One check of the monitor: writes its issues and its report anew, asks for no restart. */
export const checkNow: ActSpec = {
  id: CHECK_ACT,
  title: 'let the monitor check now',
  menu: 'other',
  risk: 'reversible',
  does: 'runs one check of the monitor without auto-fix and auto-recover; it writes its issues and report anew',
  runs: 'scripts/monitor_pipeline.py --once',
  outcome: 'last_check in monitor_issues.json is newer (its exit is 0 even with the API down)',
  params: [],
  appliesTo: (target) =>
    (target.type === 'service' && target.id === 'monitor') ||
    (target.type === 'issue' && (target.status === 'unchecked' || target.key === 'monitor_overdue')),
  precondition: pythonRefusal,
  revision: (view) => marksOf(crewIn(view).of.monitor),
  baseline: (view): Json => ({ lastCheck: getNumber(view.data, 'lastCheck') ?? null }),
  plan: (view): readonly Step[] => [
    {
      ...scriptStep(
        view,
        'one check of the monitor',
        ['scripts/monitor_pipeline.py', '--once'],
        CHECK_TIMEOUT_MS,
      ),
      // In the environment too: stale_version reads the variable again and not the flag.
      env: { PIPELINE_AUTO_RECOVER: '0', PIPELINE_AUTO_FIX: '0' },
    },
  ],
  read([output]) {
    if (output?.exitCode === 0) return { ok: true, summary: 'exit 0, which it gives whatever it found' };
    // One that hangs behind its check has written it: the file decides.
    if (output?.timedOut) return { ok: true, summary: 'it did not end in time' };
    return {
      ok: false,
      summary: output?.error ?? `exit ${output?.exitCode ?? '?'}: ${lastWords(output)}`,
    };
  },
  // A later check is another one: the same key would hold it back.
  answerIsProof: true,
  expect(view, order): readonly StageState[] {
    const last = getNumber(view.data, 'lastCheck');
    const isNew =
      last !== undefined && last >= order.startedAt && last > (getNumber(order.baseline, 'lastCheck') ?? 0);
    const base = stageOf(order, 'done', 'the check is written', CHECK_TIMEOUT_MS + STARTED_MS);
    return [
      {
        ...base,
        state: isNew ? 'seen' : 'waiting',
        detail: isNew ? 'last_check is new' : 'last_check is as it was',
      },
    ];
  },
  undo: { text: 'nothing to undo: the next check writes both files anew' },
};

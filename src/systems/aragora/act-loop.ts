import type { StageState } from '../../domain/act.ts';
import { type Entity, refTo } from '../../domain/entity.ts';
import { getNumber, getObject, getString } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import {
  answerOf,
  endingText,
  isAbout,
  pythonEnv,
  pythonRefusal,
  START_TOLERANCE_MS,
  scriptStep,
  stageOf,
  timeIn,
  unansweredText,
} from './act-common.ts';
import { placeOf } from './schema.ts';

const LOOP_ISSUES = [
  'loop-stalled',
  'loop-dead',
  'pause-no-effect',
  'reset-no-effect',
  'start-no-effect',
  'deadlock',
  'cycle-failed',
  'cycles-failing',
  'safety-stop',
  'protected-files',
  'cycle-deadline',
];

const isLoop = (target: Entity): boolean => isAbout(target, 'loop', LOOP_ISSUES);

export const loopPid = (view: StateView): number | undefined => getNumber(view.data, 'loopPid');

export const loopState = (view: StateView): string => getString(view.data, 'loopState') ?? 'never';

/** Checks of the environment; side effect of the program: it makes `.nomic/backups`. */
export const checkLoop: ActSpec = {
  id: 'loop.check',
  title: 'preflight',
  menu: 'other',
  risk: 'reversible',
  does: 'nomic_loop.py preflight: keys, disk, protected files, git, backup directory',
  runs: 'scripts/nomic_loop.py preflight',
  outcome: 'its report ends with "All critical checks passed"',
  params: [],
  appliesTo: isLoop,
  precondition: (view) => pythonRefusal(view, 'scripts/nomic_loop.py', placeOf(view.located).hasLoopProgram),
  warnings: (view) => [
    'Passing is not enough to start: with an Anthropic key alone the loop dies, it wants GEMINI_API_KEY or GOOGLE_API_KEY too.',
    `It makes ${placeOf(view.located).nomic}/backups where that is missing.`,
  ],
  revision: (view) => loopState(view),
  plan: (view) => [
    {
      ...scriptStep(view, 'preflight', ['scripts/nomic_loop.py', 'preflight'], 120_000),
      secretEnv: placeOf(view.located).keys,
    },
  ],
  read(outputs) {
    const [output] = outputs;
    const unanswered = unansweredText(output);
    if (unanswered !== undefined) return answerOf(false, unanswered, outputs);
    const checks = [...(output?.stdout ?? '').matchAll(/^ {2}\[(PASS|FAIL|WARN)\] (.{1,80})$/gm)];
    const failed = checks.filter(([, mark]) => mark === 'FAIL').map(([, , name]) => name);
    const warned = checks.filter(([, mark]) => mark === 'WARN').map(([, , name]) => name);
    const status = /^STATUS: (.*)$/m.exec(output?.stdout ?? '')?.[1];
    if (status === undefined) return answerOf(false, `no report (${endingText(output)})`, outputs);
    const isReady = /^All critical checks passed/.test(status) && failed.length === 0;
    const about = [
      failed.length > 0 ? `failed: ${failed.join(', ')}` : undefined,
      warned.length > 0 ? `warned: ${warned.join(', ')}` : undefined,
    ].filter((part) => part !== undefined);
    const summary = `${isReady ? `${counted(checks.length - warned.length, 'check')} passed` : 'cannot start'}${about.length > 0 ? `; ${about.join('; ')}` : ''}`;
    return answerOf(isReady, summary, outputs);
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: it checks and makes an empty directory' },
};

/** Starts a loop that streams; it needs no terminal, and so is refused every commit. */
export const startLoop: ActSpec = {
  id: 'loop.start',
  title: 'start loop',
  menu: 'restart',
  risk: 'costly',
  does: 'starts run_nomic_with_stream.py in a session of its own; each cycle costs money',
  runs: 'scripts/run_nomic_with_stream.py run --cycles=N',
  outcome: 'a new process of this root, and its first lines in nomic_loop.log',
  params: [
    { name: 'cycles', title: 'cycles', form: 'choice', required: true, choices: ['1', '2', '3', '5', '10'] },
  ],
  appliesTo: isLoop,
  precondition(view) {
    const place = placeOf(view.located);
    const refusal = pythonRefusal(view, 'scripts/run_nomic_with_stream.py', place.loopScript !== undefined);
    if (refusal !== undefined) return refusal;
    const pid = loopPid(view);
    if (pid !== undefined) return `a loop of this root runs already: pid ${pid}`;
    const other = getNumber(view.data, 'otherLoopPid');
    if (other !== undefined) return `pid ${other} may be this loop, its directory can't be seen`;
    if (loopState(view) === 'running' || loopState(view) === 'stalled')
      return 'its server answers with a cycle though no process is seen: it runs elsewhere';
    return undefined;
  },
  warnings(view) {
    const { keys, loopScript } = placeOf(view.located);
    const has = (name: string): boolean => keys.includes(name);
    const warnings = [
      'It spends money with each cycle, up to NOMIC_MAX_COST_USD (100 where it is not set).',
      'Without a terminal its commits are refused: a cycle that passes ends as not_committed, its changes in the working tree.',
      'It makes no preflight of its own; nothing is resumed but finished tasks of the very same design.',
    ];
    if (!has('GEMINI_API_KEY') && !has('GOOGLE_API_KEY'))
      warnings.unshift(
        'Neither GEMINI_API_KEY nor GOOGLE_API_KEY is known here: it dies at its start unless it finds one itself.',
      );
    if (loopState(view) === 'unseen')
      warnings.unshift(
        'Its log moved a moment ago though no process is seen: if it runs elsewhere (a container, another host), two would work in one tree.',
      );
    if (loopScript === 'scripts/nomic_loop.py')
      warnings.push(
        'run_nomic_with_stream.py is not there: nomic_loop.py run --no-stream counts down 5 s and checks first.',
      );
    return warnings;
  },
  revision: (view) => `${loopState(view)}|${getNumber(view.data, 'loopStarts') ?? 0}`,
  baseline: (view) => ({ starts: getNumber(view.data, 'loopStarts') ?? 0 }),
  plan(view, _target, params) {
    const { loopScript, keys } = placeOf(view.located);
    const { python, root } = view.located;
    if (python === undefined || loopScript === undefined || !/^\d{1,3}$/.test(params['cycles'] ?? ''))
      return [];
    const plain = loopScript === 'scripts/nomic_loop.py' ? ['--no-stream'] : [];
    return [
      {
        type: 'service',
        title: `start ${counted(Number(params['cycles']), 'cycle')}`,
        argv: [python, loopScript, 'run', ...plain, `--cycles=${params['cycles']}`],
        cwd: root,
        env: pythonEnv(view),
        secretEnv: keys,
      },
    ];
  },
  expect(view, order) {
    const startedAt = timeIn(view.data, 'loopProcessAt');
    const isOurs = startedAt !== undefined && startedAt >= order.startedAt - START_TOLERANCE_MS;
    const isLogged = (getNumber(view.data, 'loopStarts') ?? 0) > (getNumber(order.baseline, 'starts') ?? 0);
    const crash = crashSince(view, order);
    const gone = !isOurs && crash !== undefined ? { instead: crash } : false;
    return [
      stageOf(
        order,
        'started',
        'a loop process of this root',
        isOurs ? { seen: `pid ${loopPid(view)}` } : gone,
        20_000,
      ),
      stageOf(order, 'done', 'nomic_loop.log begins a new loop', isLogged && !crash ? true : gone, 90_000),
    ];
  },
  undo: {
    act: 'loop.stop',
    text: 'loop.stop; what it spent and changed stays',
    on: (view) => refTo(view.entity('service', 'loop')),
  },
};

/** A crash line written since the order. */
function crashSince(view: StateView, order: ActOrder): string | undefined {
  const crash = getObject(view.data, 'crash');
  const at = timeIn(crash, 'at');
  return at !== undefined && at >= order.startedAt - START_TOLERANCE_MS
    ? `it crashed: ${firstLine(getString(crash, 'text') ?? '', 120)}`
    : undefined;
}

function strandedByEnd(view: StateView): readonly string[] {
  const cycle = getNumber(view.data, 'openCycle');
  const backup = getString(view.data, 'openBackup');
  const waiting = view
    .entities('approval')
    .filter((one) => one.status === 'pending' && one.data?.['form'] === 'file');
  return [
    ...(cycle === undefined
      ? []
      : [
          `cycle ${cycle}${getString(view.data, 'openPhase') ? ` in ${getString(view.data, 'openPhase')}` : ''} ends without an outcome; its changes stay in the working tree, nothing is rolled back`,
        ]),
    ...(backup === undefined ? [] : [`protected files as before it: ${backup}`]),
    ...waiting.slice(0, 10).map((one) => `${one.title}: nobody is left to take the answer`),
  ];
}

const endRevision = (view: StateView): string =>
  [
    loopPid(view) ?? '-',
    getNumber(view.data, 'loopProcessAt') ?? '-',
    getNumber(view.data, 'openCycle') ?? '-',
  ].join('|');

const endBaseline = (view: StateView) => ({
  pid: loopPid(view) ?? null,
  startedAt: getNumber(view.data, 'loopProcessAt') ?? null,
});

function expectGone(view: StateView, order: ActOrder): readonly StageState[] {
  const pid = getNumber(order.baseline, 'pid');
  const startedAt = getNumber(order.baseline, 'startedAt') ?? 0;
  const isThere = view.processes.some(
    (process) =>
      process.pid === pid &&
      process.state !== 'Z' &&
      Math.abs(process.startedAt - startedAt) <= START_TOLERANCE_MS,
  );
  const next = loopPid(view);
  const detail =
    next !== undefined && next !== pid
      ? { seen: `pid ${pid} is gone; pid ${next} was started meanwhile` }
      : true;
  return [stageOf(order, 'done', `pid ${pid ?? '?'} is gone`, isThere ? false : detail, 30_000)];
}

/** SIGTERM to the one process, by pid and start: exit 143, and everything stays as it stands. */
export const stopLoop: ActSpec = {
  id: 'loop.stop',
  title: 'stop loop',
  menu: 'pause',
  risk: 'costly',
  does: 'SIGTERM to the loop alone; what it changed stays in the working tree, nothing is rolled back',
  runs: 'SIGTERM to its pid',
  outcome: 'its process is gone',
  params: [],
  appliesTo: isLoop,
  precondition: (view) => {
    const other = getNumber(view.data, 'otherLoopPid');
    if (loopPid(view) !== undefined) return undefined;
    return other === undefined
      ? 'no loop of this root runs'
      : `pid ${other} may be this loop, its directory can't be seen`;
  },
  warnings: (view) => [
    'Pause, skip and reset over HTTP only edit a file the loop never reads: this is the one way to stop it.',
    ...(loopState(view) === 'waiting'
      ? ['It waits at its terminal: answering there ends the cycle in order.']
      : []),
  ],
  strands: strandedByEnd,
  revision: endRevision,
  baseline: endBaseline,
  plan(view) {
    const [pid, startedAt] = [loopPid(view), timeIn(view.data, 'loopProcessAt')];
    if (pid === undefined || startedAt === undefined) return [];
    return [{ type: 'signal', title: `SIGTERM to ${pid}`, pid, startedAt, signal: 'SIGTERM' }];
  },
  expect: expectGone,
  undo: { text: 'loop.start begins a new cycle; the ended one is not resumed' },
};

/** For a loop that took SIGTERM and lives on. */
export const killLoop: ActSpec = {
  ...stopLoop,
  id: 'loop.kill',
  title: 'kill loop',
  menu: 'cancel',
  risk: 'destructive',
  does: 'SIGKILL to the loop alone: no handler of it runs, a file may be half written',
  runs: 'SIGKILL to its pid',
  precondition(view, target) {
    const refusal = stopLoop.precondition(view, target);
    if (refusal !== undefined) return refusal;
    return loopState(view) === 'stalled' || loopState(view) === 'waiting'
      ? undefined
      : 'it works: stop it with SIGTERM (loop.stop)';
  },
  warnings: () => [
    'Try loop.stop first.',
    'nomic_state.json and cycles.db may be left half written; programs it started may live on.',
  ],
  plan(view) {
    const [pid, startedAt] = [loopPid(view), timeIn(view.data, 'loopProcessAt')];
    if (pid === undefined || startedAt === undefined) return [];
    return [{ type: 'signal', title: `SIGKILL to ${pid}`, pid, startedAt, signal: 'SIGKILL' }];
  },
};

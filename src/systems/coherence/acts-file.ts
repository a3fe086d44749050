import type { StageState, Step, StepOutput } from '../../domain/act.ts';
import { getArray, getBoolean } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActSpec, StateView } from '../system.ts';
import { stageOf } from './act-common.ts';
import { CLEAN_ACT, CLEAR_FATAL_ACT } from './condition.ts';
import { LOGS } from './schema.ts';

const SEEN_MS = 30_000;
const DAY_MS = 86_400_000;
const CLEAN_TIMEOUT_MS = 120_000;
const DAYS: readonly string[] = ['7', '3', '14', '30', '90'];

/** Nothing in the project deletes that file: what it says may be over since. */
export const clearFatal: ActSpec = {
  id: CLEAR_FATAL_ACT,
  title: 'delete the fatal file',
  menu: 'other',
  risk: 'reversible',
  does: 'removes fatal_issues.json once the pipeline runs again; what was in it is kept with this act',
  runs: `rm ${LOGS}/fatal_issues.json`,
  outcome: 'the file is gone and stays gone',
  params: [],
  appliesTo: (target) => target.type === 'issue' && target.key.startsWith('fatal.'),
  precondition: (_view, target) =>
    target.type === 'issue' && target.severity === 'fatal'
      ? 'it is not over: no pipeline was started since. Settle it first'
      : undefined,
  revision: (_view, target) =>
    target.type === 'issue' ? [target.key, target.since ?? '-', target.detail ?? ''].join('|') : '',
  plan: (): readonly Step[] => [
    { type: 'file', title: 'remove the fatal file', path: `${LOGS}/fatal_issues.json` },
  ],
  expect(view, order): readonly StageState[] {
    const isThere = getBoolean(view.data, 'fatalPresent') === true;
    const base = stageOf(order, 'done', 'the file is gone', SEEN_MS);
    const isSeen = order.stepsDone > 0 && !isThere;
    return [{ ...base, state: isSeen ? 'seen' : 'waiting', detail: isThere ? 'it is there' : 'it is gone' }];
  },
  undo: { text: 'its text stands in the record of this act' },
};

/** How find ended that did not end well. */
function endText(output: StepOutput | undefined): string {
  if (output?.timedOut) return 'no end within its time';
  if (output?.error !== undefined) return output.error;
  if (output?.signal !== undefined) return `then ended by ${output.signal}`;
  return `exit ${output?.exitCode ?? '?'}: ${output?.stderr.trim().split('\n').at(-1) || 'no word'}`;
}

/** How many of the task logs are older than that, as `find -mtime +DAYS` counts: whole days, more than that many. */
function olderThan(view: StateView, days: number): { readonly count: number; readonly of: number } {
  const before = view.now - (days + 1) * DAY_MS;
  const ages = getArray(view.data, 'taskLogAges').filter((one): one is number => typeof one === 'number');
  return { count: ages.filter((at) => at <= before).length, of: ages.length };
}

function oldestOf(view: StateView): number | undefined {
  const ages = getArray(view.data, 'taskLogAges');
  return typeof ages[0] === 'number' ? ages[0] : undefined;
}

/** Old task logs, by the runbook's `find`; `cleanup_temp.py` without `--keep-days` would delete all of them. */
export const cleanLogs: ActSpec = {
  id: CLEAN_ACT,
  title: 'delete old task logs',
  menu: 'other',
  risk: 'destructive',
  does: 'deletes task_*.log files older than so many whole days, by their own time; nothing else',
  runs: `find ${LOGS} -maxdepth 1 -type f -name 'task_*.log' -mtime +DAYS -delete`,
  outcome: 'no task log older than that is left',
  params: [
    {
      name: 'days',
      title: 'older than days',
      form: 'choice',
      required: false,
      choices: DAYS,
      hint: '7 if you leave it',
    },
  ],
  appliesTo: (target) => target.type === 'service' && target.id === 'agent-runner',
  precondition: (view) =>
    getArray(view.data, 'taskLogAges').length === 0 ? 'there are no task logs' : undefined,
  warnings(view, _target, params) {
    const { count, of } = olderThan(view, daysOf(params?.['days']));
    return [`${counted(count, 'task log')} of ${of} would be deleted.`];
  },
  revision: (view) => String(oldestOf(view) ?? '-'),
  plan(view, _target, params): readonly Step[] {
    const days = daysOf(params['days']);
    if (olderThan(view, days).count === 0)
      throw new Error(`no task log is older than ${counted(days, 'day')}: there is nothing to delete`);
    const words = [
      '-maxdepth',
      '1',
      '-type',
      'f',
      '-name',
      'task_*.log',
      '-mtime',
      `+${days}`,
      '-print',
      '-delete',
    ];
    return [
      {
        type: 'process',
        title: `delete task logs older than ${counted(days, 'day')}`,
        argv: ['/usr/bin/find', `${view.located.root}/${LOGS}`, ...words],
        cwd: view.located.root,
        timeoutMs: CLEAN_TIMEOUT_MS,
      },
    ];
  },
  read: ([output]) => {
    const count = (output?.stdout ?? '').split('\n').filter((line) => line !== '').length;
    const isWell = output?.exitCode === 0;
    return {
      ok: isWell,
      summary: `${counted(count, 'file')} deleted, ${isWell ? 'exit 0' : endText(output)}`,
    };
  },
  answerIsProof: true,
  expect(view, order): readonly StageState[] {
    const days = daysOf(order.params['days']);
    const oldest = oldestOf(view);
    const limit = order.startedAt - (days + 1) * DAY_MS;
    const base = stageOf(
      order,
      'done',
      `no task log older than ${counted(days, 'day')}`,
      CLEAN_TIMEOUT_MS + SEEN_MS,
    );
    const isSeen = order.stepsDone > 0 && (oldest === undefined || oldest > limit);
    return [
      {
        ...base,
        state: isSeen ? 'seen' : 'waiting',
        detail: isSeen ? 'none is left' : 'an older one is there',
      },
    ];
  },
  undo: { text: 'cannot be undone: the files are gone' },
};

function daysOf(text: string | undefined): number {
  return Number(DAYS.find((one) => one === text) ?? '7');
}

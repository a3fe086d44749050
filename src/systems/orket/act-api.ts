import type { StageState, StepAnswer, StepOutput } from '../../domain/act.ts';
import { addMs, toIso } from '../../domain/instant.ts';
import { getBoolean, getNumber } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import { isCheckout } from './act-epic.ts';
import { namesOf, workspaceOf } from './act-inspect.ts';
import { answerOf, apiStep, complaintIn, noApi } from './act-program.ts';
import { readReplay, replayTargetOf } from './act-replay.ts';

const SEEN_MS = 60_000;

/** The same as `--replay-turn` where there is no main.py, and without what starting it leaves behind. */
export const replayOverHttp: ActSpec = {
  id: 'turn.fetch',
  title: 'replay turn (the API prints it)',
  menu: 'replay',
  risk: 'reversible',
  does: "GET .../replay: the API prints the turn's files; no model is asked and no tool runs again",
  runs: 'GET /v1/sessions/RUN/replay?issue_id=CARD&turn_index=N&role=ROLE',
  outcome: 'the four documents of the turn, none of them null that lies on disk',
  params: [],
  appliesTo: (target) => target.type === 'turn',
  precondition(view, target) {
    if (target.type !== 'turn') return 'not a turn';
    if (target.path === undefined) return 'no directory of this turn is on disk: the API would answer 404';
    if (workspaceOf(target.data) !== 'workspace/default') return 'the API looks into workspace/default alone';
    if (replayTargetOf(target) === undefined) return 'the names of this turn are not safe in an address';
    return noApi(view);
  },
  warnings: (_view, target) =>
    target.type === 'turn' && target.state === 'in-flight'
      ? ['The turn is still in flight: files may be missing or half-written.']
      : [],
  revision: (_view, target) => (target.type === 'turn' ? `${target.state}|${target.capturedAt ?? ''}` : ''),
  baseline: (_view, target) =>
    target.type === 'turn'
      ? { target: replayTargetOf(target) ?? '', names: [...namesOf(target.data)] }
      : null,
  plan(view, target) {
    const [run, issue, index, role] = (target.type === 'turn' ? (replayTargetOf(target) ?? '') : '').split(
      ':',
    );
    if (!run || !issue || !index || !role) return [];
    // The directory's spelling: the API takes the name as it comes, and directories are in lower case.
    const query = `issue_id=${encodeURIComponent(issue)}&turn_index=${index}&role=${encodeURIComponent(role)}`;
    return [
      apiStep(view, 'GET', `/v1/sessions/${encodeURIComponent(run)}/replay?${query}`, 'ask for the turn'),
    ];
  },
  read: (outputs, order) => readFetched(outputs[0], order.baseline),
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: it only reads' },
};

/** The answer is the document `--replay-turn` prints, perhaps in one line. */
function readFetched(output: StepOutput | undefined, baseline: Parameters<typeof readReplay>[1]): StepAnswer {
  if (!output) return answerOf(undefined, false, 'nothing was asked');
  const complaint = complaintIn(output);
  if (complaint !== undefined) return answerOf(output, false, complaint);
  return readReplay({ ...output, exitCode: 0 }, baseline);
}

/** Empties the log of the default workspace. */
export const clearLog: ActSpec = {
  id: 'log.clear',
  title: 'empty the log',
  menu: 'cancel',
  risk: 'destructive',
  does: 'has the API empty workspace/default/orket.log: what happened is then told by database and turn files alone',
  runs: 'POST /v1/system/clear-logs',
  outcome: 'the log is seen emptied',
  params: [],
  appliesTo: isCheckout,
  precondition: (view, target) =>
    getBoolean(target.data, 'logIsEmpty') === true ? 'workspace/default/orket.log is empty' : noApi(view),
  warnings: () => [
    'The API answers ok also when it skipped it: what counts is the file.',
    'Retries, guard verdicts, stalled backlogs and halts stand in no other file. Each good run empties it by itself.',
  ],
  revision: (view, target) =>
    `${getNumber(target.data, 'logEmptiedAt') ?? ''}|${toIso(view.now).slice(0, 15)}`,
  baseline: (_view, target) => ({ emptiedAt: getNumber(target.data, 'logEmptiedAt') ?? null }),
  plan: (view) => [apiStep(view, 'POST', '/v1/system/clear-logs', 'empty orket.log')],
  read(outputs) {
    const output = outputs[0];
    const complaint = output ? complaintIn(output) : 'nothing was sent';
    return answerOf(output, complaint === undefined, complaint ?? 'it says ok, as it does when it skips it');
  },
  expect(view, order): readonly StageState[] {
    const data = view.entity('service', order.target.id)?.data;
    const emptied = getNumber(data, 'logEmptiedAt');
    const before = getNumber(order.baseline, 'emptiedAt');
    const isSeen = getBoolean(data, 'logIsEmpty') === true || (emptied !== undefined && emptied !== before);
    return [
      {
        stage: 'done',
        title: 'workspace/default/orket.log is emptied',
        state: isSeen ? 'seen' : 'waiting',
        deadline: addMs(order.startedAt, SEEN_MS),
        required: true,
      },
    ];
  },
  undo: {
    text: 'the lines are gone from the file; what was read of them here stays readable until its spool is full',
  },
};

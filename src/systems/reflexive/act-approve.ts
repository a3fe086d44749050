import type { Step, StepAnswer } from '../../domain/act.ts';
import { getNumber, getObject, getString } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { answerOf, cliStep, failureOf, optionOf, programRefusal, stage } from './act-common.ts';
import { decisionWords } from './offered.ts';

/** The program starts, decides and writes its line. The list is asked once a minute. */
const decidedMs = 150_000;

type Decision = 'approved' | 'denied';

function expectDecision(view: StateView, order: ActOrder, wanted: Decision) {
  const { id } = order.target;
  const written = getString(getObject(view.data, 'decisions'), id);
  const listedAt = getNumber(view.data, 'listedAt') ?? 0;
  const still = view.entity('approval', id);
  const isGone = still === undefined && listedAt > order.startedAt;
  const ended = written !== undefined && written !== wanted;
  return [
    stage(order, 'done', `the request is ${wanted}`, decidedMs, {
      state: written === wanted ? 'seen' : ended ? 'contradicted' : 'waiting',
      detail:
        written === undefined
          ? isGone
            ? 'it is no longer on the list of what waits; the log does not say which way it was decided'
            : 'it is still on the list of what waits'
          : written === wanted
            ? `the log says ${written}`
            : `the log says ${written}: somebody was first`,
    }),
  ];
}

function readDecision(output: Parameters<typeof answerOf>[2]): StepAnswer {
  const failed = failureOf(output);
  if (failed !== undefined) return answerOf(false, failed, output);
  const lost = /not found|expired/i.exec(output?.stdout ?? '');
  return answerOf(lost === null, lost ? 'it knows no such request' : 'exit 0', output);
}

function refusal(view: StateView, target: Parameters<ActSpec['precondition']>[1]): string | undefined {
  if (target.type !== 'approval' || target.status !== 'pending') return 'it no longer waits for an answer';
  if (!target.answerable) return target.reason ?? 'it can only be watched';
  if (decisionWords(view) === 'none') return 'the program here can’t decide a request of another process';
  if (!/^[A-Za-z0-9][\w.:-]{0,150}$/.test(target.id))
    return 'the id of the request is not safe as an argument';
  return programRefusal(view);
}

/** `approve ID --rationale=R`, or `approvals approve --comment=R ID` where the program has those words. */
export const approveRequest: ActSpec = {
  id: 'request.approve',
  title: 'approve',
  menu: 'approve',
  risk: 'costly',
  does: 'approves the request; what asked for it goes on, which may merge or deploy',
  runs: 'src.cli approvals approve --comment=R ID, or src.cli approve --rationale=R ID',
  outcome: 'the log says approved',
  params: [{ name: 'comment', title: 'comment', form: 'text', required: false, maxLength: 500 }],
  appliesTo: (target) => target.type === 'approval' && target.answerable,
  precondition: refusal,
  revision: (_view, target) => `${target.id}|${target.type === 'approval' ? target.status : ''}`,
  plan(view, target, params): readonly Step[] {
    const comment = params['comment']?.trim() ?? '';
    const words =
      decisionWords(view) === 'runbook'
        ? ['approvals', 'approve', ...(comment === '' ? [] : [optionOf('comment', comment)])]
        : ['approve', ...(comment === '' ? [] : [optionOf('rationale', comment)])];
    return [cliStep(view, [...words, '--', target.id], `approve ${target.id}`)];
  },
  read: ([output]) => readDecision(output),
  expect: (view, order) => expectDecision(view, order, 'approved'),
  undo: { text: 'cannot be undone: what was asked for is done next' },
};

/** `deny ID --rationale=R`, or `approvals deny --reason=R ID`. */
export const denyRequest: ActSpec = {
  id: 'request.deny',
  title: 'deny',
  menu: 'approve',
  risk: 'costly',
  does: 'denies the request; what asked for it is not done',
  runs: 'src.cli approvals deny --reason=R ID, or src.cli deny --rationale=R ID',
  outcome: 'the log says denied',
  params: [{ name: 'reason', title: 'reason', form: 'text', required: true, maxLength: 500 }],
  appliesTo: (target) => target.type === 'approval' && target.answerable,
  precondition: refusal,
  revision: (_view, target) => `${target.id}|${target.type === 'approval' ? target.status : ''}`,
  plan(view, target, params): readonly Step[] {
    const reason = params['reason']?.trim() ?? '';
    const words =
      decisionWords(view) === 'runbook'
        ? ['approvals', 'deny', optionOf('reason', reason)]
        : ['deny', optionOf('rationale', reason)];
    return [cliStep(view, [...words, '--', target.id], `deny ${target.id}`)];
  },
  read: ([output]) => readDecision(output),
  expect: (view, order) => expectDecision(view, order, 'denied'),
  undo: { text: 'cannot be undone: it must be asked for anew' },
};

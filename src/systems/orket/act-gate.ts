import type { StageState, StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { getBoolean, getField, getString, readJson } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { answerOf, apiStep, complaintIn, noApi } from './act-program.ts';
import { isSafeName } from './schema.ts';

/** The row is written before the answer comes; what is listed is asked for every 30 s. */
const SEEN_MS = 60_000;

const WORDS = {
  approve: { does: 'approves the request', note: 'note for the record', past: 'approved' },
  deny: { does: 'denies the request', note: 'reason for the record', past: 'denied' },
} as const;

type Verb = keyof typeof WORDS;

export const approveGate = gateAct('approve');
export const denyGate = gateAct('deny');

/** Gates can be decided where the API has `/v1/approvals`; older versions write them and never look again. */
function gateAct(verb: Verb): ActSpec {
  const { does, note, past } = WORDS[verb];
  return {
    id: `approval.${verb}`,
    title: verb,
    menu: 'approve',
    risk: verb === 'approve' ? 'costly' : 'reversible',
    does: `${does}; a gate of a card is noted in the database for the next attempt, a tool call of an outward run goes on or ends at once`,
    runs: 'POST /v1/approvals/ID/decision',
    outcome: `the row of the request says ${past}`,
    params: [{ name: 'notes', title: note, form: 'text', required: false, maxLength: 1000 }],
    appliesTo: (target) => target.type === 'approval',
    precondition(view, target) {
      if (target.type !== 'approval') return 'not a request';
      if (target.status !== 'pending')
        return `it is ${target.status === 'expired' ? 'expired' : (getString(target.data, 'nativeStatus') ?? target.status)}`;
      if (!target.answerable) return target.reason ?? 'it can only be watched';
      return noApi(view);
    },
    warnings: (_view, target) =>
      isOutward(target)
        ? [
            'A request that was decided or has expired meanwhile is answered 200 all the same: its row is what counts.',
          ]
        : ['Nothing starts the run again: a run that ended on the request stays ended.'],
    strands: (_view, target) =>
      isOutward(target) && verb === 'deny'
        ? [`run ${getString(target.data, 'run') ?? '?'} ends as failed, and does not go on`]
        : [],
    revision: (_view, target) =>
      target.type === 'approval' ? `${target.status}|${target.requestedAt ?? ''}` : '',
    plan(view, target, params) {
      if (!isSafeName(target.id)) return [];
      const notes = params['notes']?.trim();
      const body = { decision: verb, ...(notes ? { notes } : {}) };
      return [apiStep(view, 'POST', `/v1/approvals/${encodeURIComponent(target.id)}/decision`, verb, body)];
    },
    read: (outputs) => readDecision(outputs[0], past),
    expect: (view, order) => [decidedStage(view, order, past)],
    undo: { text: 'a decision is final: Orket takes none back' },
  };
}

function isOutward(target: Entity): boolean {
  return getBoolean(target.data, 'outward') === true;
}

/**
 * `{"status": "resolved" | "idempotent", "approval": {"status", ...}}`. It says resolved also of a request that was
 * decided otherwise before: what it says of the request itself tells.
 */
function readDecision(output: StepOutput | undefined, past: string): StepAnswer {
  const complaint = output ? complaintIn(output) : 'nothing was sent';
  if (complaint !== undefined) return answerOf(output, false, complaint);
  const read = readJson(output?.stdout ?? '');
  const status = read.ok ? getString(getField(read.value, 'approval') ?? null, 'status') : undefined;
  if (status === undefined) return answerOf(output, true, 'the API took it');
  const isOurs = status.toLowerCase() === past;
  return answerOf(
    output,
    isOurs,
    isOurs ? `it says ${status}` : `it says ${status}: it was not ours to decide`,
  );
}

function decidedStage(view: StateView, order: ActOrder, past: string): StageState {
  const gate = view.entity('approval', order.target.id);
  const status = getString(gate?.data, 'nativeStatus') ?? '';
  const word = status.toLowerCase();
  const base = {
    stage: 'done' as const,
    title: `its row says ${past}`,
    deadline: addMs(order.startedAt, SEEN_MS),
    required: true,
  };
  if (word === past || `${word}d` === past || (past === 'denied' && word === 'deny'))
    return { ...base, state: 'seen', detail: `its row says ${status}` };
  // Known from the API's list alone, which names what waits and nothing else: whose decision it was stays open.
  if (gate === undefined)
    return { ...base, state: 'waiting', detail: 'it is listed no more, and its row can not be read here' };
  if (word === 'pending' || word === '') return { ...base, state: 'waiting' };
  return {
    ...base,
    state: 'contradicted',
    detail: `its row says ${status}: somebody else decided, or it expired`,
  };
}

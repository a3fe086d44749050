import type { HttpStep, StageState } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { getArray, getObject, getString, type Json } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { httpAnswer, stageOf, timeIn } from './act-common.ts';
import { decisionIn } from './derive-inbox.ts';
import { placeOf } from './schema.ts';

/** Ids ApprovalFlow makes; others may not become part of a path. */
const FILE_ID = /^[0-9A-Za-z][0-9A-Za-z_-]{0,79}$/;
/** ApprovalFlow looks at its files every 5 s, and the inbox is asked every 20 s. */
const SEEN_MS = 90_000;

/** URL of the server inside the loop's program: configured, else the lowest port its process listens on. */
export function loopUrl(view: Pick<StateView, 'located' | 'data'>): string | undefined {
  if (placeOf(view.located).server === 'nomic') return view.located.url;
  const [port] = getArray(view.data, 'loopPorts');
  return typeof port === 'number' ? `http://127.0.0.1:${port}` : undefined;
}

const isFile = (target: Entity): boolean => target.type === 'approval' && target.data?.['form'] === 'file';
const isInbox = (target: Entity): boolean => target.type === 'approval' && target.data?.['form'] === 'inbox';

function refusalOf(view: StateView, target: Entity, verb: 'approve' | 'reject'): string | undefined {
  if (target.type !== 'approval') return 'not an approval';
  if (target.status !== 'pending')
    return target.status === 'expired'
      ? 'its time is over: nobody takes the answer any more'
      : 'it is decided already';
  if (target.payload === undefined && verb === 'approve' && isFile(target))
    return 'it names no changes: there is nothing to approve';
  if (isInbox(target)) {
    if (decisionIn(target.data?.['item'], verb) === undefined)
      return `it carries no request of this server to ${verb} it`;
    return target.answerable ? undefined : target.reason;
  }
  if (!FILE_ID.test(target.id)) return 'its id is not safe as part of a path';
  if (loopUrl(view) === undefined)
    return 'only the server inside run_nomic_with_stream.py takes it, and no port of one is seen';
  return view.located.settings.keyEnv === undefined
    ? 'that server wants a login: key-env=VARIABLE with a key'
    : undefined;
}

function decide(view: StateView, target: Entity, verb: 'approve' | 'reject', reason: string): HttpStep[] {
  const variable = view.located.settings.keyEnv;
  const key = variable ? { secretHeader: { name: 'authorization', variable, prefix: 'Bearer ' } } : {};
  const title = verb === 'approve' ? 'approve' : 'reject';
  if (isInbox(target)) {
    const decision = decisionIn(target.data?.['item'], verb);
    if (!decision) return [];
    const body =
      reason === '' ? decision.body : { ...(decision.body as { [key: string]: Json }), notes: reason };
    return [
      {
        type: 'http',
        title,
        method: decision.method,
        url: `${view.located.url}${decision.path}`,
        body,
        ...key,
        timeoutMs: 20_000,
      },
    ];
  }
  const url = loopUrl(view);
  if (url === undefined) return [];
  const by = 'binnacle';
  const body: Json = verb === 'approve' ? { approved_by: by } : { rejected_by: by, reason };
  return [
    {
      type: 'http',
      title,
      method: 'POST',
      url: `${url}/api/v1/autonomous/approvals/${target.id}/${verb}`,
      body,
      ...key,
      timeoutMs: 20_000,
    },
  ];
}

/** The file's own status, written by the server; of an inbox item that it is in the inbox no more. */
function expectDecided(
  view: StateView,
  order: ActOrder,
  word: 'approved' | 'rejected',
): readonly StageState[] {
  const title = word === 'approved' ? 'it counts as approved' : 'it counts as rejected';
  if (order.target.id.startsWith('inbox-')) {
    const inbox = getObject(view.data, 'inbox');
    const at = timeIn(inbox, 'at');
    const id = order.target.id.slice('inbox-'.length);
    const isGone =
      at !== undefined &&
      at > order.startedAt &&
      order.stepsDone > 0 &&
      !getArray(inbox, 'waiting').includes(id);
    // Which way it was decided the inbox does not tell.
    return [{ ...stageOf(order, 'done', 'it has left the inbox', isGone, SEEN_MS), anyones: true }];
  }
  const approval = view.entity('approval', order.target.id);
  const native = getString(approval?.data, 'native') ?? '';
  const seen =
    native === word
      ? true
      : native !== 'pending' && native !== ''
        ? { instead: `its file says ${native}` }
        : false;
  return [stageOf(order, 'done', title, seen, SEEN_MS)];
}

const revisionOf = (target: Entity): string =>
  target.type === 'approval' ? `${target.status}|${target.expiresAt ?? '-'}` : '';
const appliesTo = (target: Entity): boolean => isFile(target) || isInbox(target);

/** Approves by the item's own request: that of the inbox, or the loop's server for a file of ApprovalFlow. */
export const approve: ActSpec = {
  id: 'approval.approve',
  title: 'approve',
  menu: 'approve',
  risk: 'costly',
  does: 'sends the approval the way this item names; what it lets go on begins at once',
  runs: "the item's own request, or POST /api/v1/autonomous/approvals/ID/approve",
  outcome: 'its file says approved, or it has left the inbox',
  params: [],
  appliesTo,
  precondition: (view, target) => refusalOf(view, target, 'approve'),
  warnings: () => ['An answer of 200 proves nothing here: some handlers do not read what they are sent.'],
  revision: (_view, target) => revisionOf(target),
  plan: (view, target) => decide(view, target, 'approve', ''),
  read: httpAnswer,
  expect: (view, order) => expectDecided(view, order, 'approved'),
  undo: { text: 'cannot be undone: what waited goes on' },
};

export const deny: ActSpec = {
  id: 'approval.deny',
  title: 'reject',
  menu: 'approve',
  risk: 'costly',
  does: 'sends the rejection the way this item names; the change is not made',
  runs: "the item's own request, or POST /api/v1/autonomous/approvals/ID/reject",
  outcome: 'its file says rejected, or it has left the inbox',
  params: [{ name: 'reason', title: 'reason', form: 'text', required: true, maxLength: 500 }],
  appliesTo,
  precondition: (view, target) => refusalOf(view, target, 'reject'),
  revision: (_view, target) => revisionOf(target),
  plan: (view, target, params) => decide(view, target, 'reject', (params['reason'] ?? '').trim()),
  read: httpAnswer,
  expect: (view, order) => expectDecided(view, order, 'rejected'),
  undo: { text: 'cannot be undone: it must be asked for again' },
};

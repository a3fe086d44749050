import type { Approval } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import {
  getArray,
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  type Json,
} from '../../lib/json.ts';
import { firstLine } from '../../lib/phrase.ts';
import type { FileFacts } from '../system.ts';
import { entityBase, evidenceOf, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import type { Scene } from './scene.ts';

/** Items of the server's inbox that wait. What is decided leaves the inbox. */
export function inboxApprovals(scene: Scene): readonly Approval[] {
  const file = scene.file('api.approvals');
  if (!file) return [];
  return getArray(file.facts.get('inbox'), 'items').map((item) => inboxApproval(scene, file, item));
}

/** The request that decides an item, where it is one that may be sent. */
export function decisionIn(
  item: Json | undefined,
  verb: 'approve' | 'reject',
): { readonly method: 'POST' | 'PUT' | 'PATCH'; readonly path: string; readonly body: Json } | undefined {
  const action = getObject(item, verb);
  const path = getString(action, 'path');
  const method = getString(action, 'method')?.toUpperCase();
  // Its text comes from the watched system: a path of this server's own API, and nothing else.
  const isPath =
    path !== undefined && /^\/api\/[A-Za-z0-9][A-Za-z0-9._~:/-]*$/.test(path) && !/\.\.|\/\//.test(path);
  if (!isPath || (method !== 'POST' && method !== 'PUT' && method !== 'PATCH')) return undefined;
  return { method, path, body: getField(action, 'body') ?? {} };
}

function inboxApproval(scene: Scene, file: FileFacts, item: Json): Approval {
  const id = getString(item, 'id') ?? '?';
  const kind = getString(item, 'kind') ?? 'unknown';
  const native = (getString(item, 'status') ?? 'unknown').toLowerCase();
  const requestedAt = instantOf(item, 'requestedAt');
  const timeoutS = getNumber(item, 'timeoutS');
  const expiresAt =
    requestedAt !== undefined && timeoutS !== undefined && timeoutS > 0 && timeoutS < 315_360_000
      ? addMs(requestedAt, timeoutS * 1000)
      : undefined;
  const isPast = expiresAt !== undefined && scene.due.isPast(expiresAt);
  const status: Approval['status'] = native === 'pending' ? (isPast ? 'expired' : 'pending') : 'decided';
  const isAnswered = getBoolean(file.facts.get('answer'), 'ok') === true;
  const canDecide = decisionIn(item, 'approve') !== undefined || decisionIn(item, 'reject') !== undefined;
  const answerable = status === 'pending' && canDecide && isAnswered;
  const onExpiry = 'its own rule decides: the inbox does not say which';
  const text = [getString(item, 'description'), getString(item, 'metadata')]
    .filter((one) => one && one !== '{}')
    .join('\n\n');
  return {
    ...entityBase(scene, `inbox-${id}`, file),
    type: 'approval',
    title: firstLine(getString(item, 'title') ?? `${kind} ${id}`, 120),
    ask: 'approve',
    status,
    answerable,
    ...(answerable
      ? {}
      : {
          reason: !isAnswered
            ? `the inbox gives no answer now: ${getString(file.facts.get('answer'), 'why') ?? 'unknown'}`
            : status === 'pending'
              ? 'it carries no request of this server that would decide it'
              : status === 'expired'
                ? 'its time is over'
                : native,
        }),
    ...(requestedAt === undefined ? {} : { requestedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt, onExpiry }),
    question: getString(item, 'title') ?? `${kind} ${id}`,
    ...(text === '' ? {} : { payload: { form: 'text', text } }),
    decisions: answerable ? ['approval.approve', 'approval.deny'] : [],
    evidence: evidenceOf(
      file,
      requestedAt === undefined ? undefined : { at: requestedAt },
      `${kind}, ${native}, asked by ${getString(item, 'requestedBy') ?? 'unknown'}`,
    ),
    ...(status === 'pending'
      ? {
          attention: {
            rank: expiresAt === undefined ? 3 : 1,
            label: 'APPROVE',
            why: `${kind}, by ${firstLine(getString(item, 'requestedBy') ?? 'unknown', 30)}`,
            ...(requestedAt === undefined ? {} : { since: requestedAt }),
            ...(expiresAt === undefined ? { onExpiry: 'never expires' } : { until: expiresAt, onExpiry }),
            playbook: 'inbox-approval',
          } as const,
        }
      : {}),
    logKeys: [id],
    cautions: textsOf(
      status === 'pending' &&
        'some handlers answer with success and do not read what was sent: it is looked at again afterwards',
    ),
    data: { form: 'inbox', item, key: id },
  };
}

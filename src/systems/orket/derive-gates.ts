import type { Approval, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { Collected } from './collect.ts';
import { clip, compact, type GateRow } from './facts.ts';
import { isSafeName } from './schema.ts';

/** Without `/v1/approvals` nothing calls the repository's resolver: a gate is written and never read back. */
const NO_ANSWER = 'this Orket has no command or endpoint that answers a gate';
const NOT_ASKED = 'whether this Orket can answer a gate is not known: give url and key-env of its API';

/** A row of `pending_gate_requests` as an approval. `isCurrent`: nothing newer has taken its card up. */
export function approvalEntity(
  system: SystemId,
  gate: GateRow,
  facts: Collected,
  isCurrent: boolean,
): Approval {
  const status = statusOf(gate.status);
  const isTool = gate.request === 'tool_approval';
  const card = gate.card ?? 'a card';
  const tool = gate.reason?.startsWith('approval_required_tool:') ? gate.reason.slice(23) : undefined;
  const title = isTool
    ? `${card}: ${gate.seat ?? 'a seat'} asks to use ${clip(tool ?? 'a tool', 80)}`
    : `${card}: rejection by ${gate.seat ?? 'a seat'} to be reviewed`;
  const reason = whyUnanswerable(facts, gate.id);
  const isAnswerable = reason === undefined;
  const isTooLong = gate.payload === undefined && (gate.payloadBytes ?? 0) > 2;
  return compact({
    type: 'approval',
    system,
    id: gate.id,
    title,
    observedAt: (facts.db?.readAt ?? 0) as Instant,
    evidence: compact({
      source: 'db',
      path: facts.db?.path,
      query: `pending_gate_requests where request_id = '${gate.id}'`,
      text: [gate.status, gate.mode, gate.reason].filter((part) => part).join(', '),
      at: gate.resolvedAt ?? gate.createdAt,
    }),
    attention:
      status === 'pending' && isCurrent
        ? compact({
            rank: 3,
            label: isTool ? 'APPROVE' : 'REVIEW',
            why: reason === undefined ? (gate.reason ?? 'a decision is asked for') : `watch only: ${reason}`,
            since: gate.createdAt,
            onExpiry: 'never expires',
            playbook: 'waiting-gate',
          })
        : undefined,
    ask: isTool ? 'approve' : 'review',
    status,
    answerable: isAnswerable,
    reason,
    requestedAt: gate.createdAt,
    onExpiry: 'never expires',
    payload:
      gate.payload === undefined
        ? undefined
        : { form: isTool ? ('arguments' as const) : ('text' as const), text: gate.payload },
    decisions: isAnswerable ? ['approval.approve', 'approval.deny'] : [],
    subject: gate.card,
    data: { nativeStatus: gate.status, run: gate.run ?? null },
    logKeys: [gate.id, ...(gate.card === undefined ? [] : [gate.card])],
    cautions: [
      ...(reason === undefined
        ? ['A decision is written down; whether its run goes on is to be watched.']
        : [`${reason}. The way on is to rerun the epic, which resets every card of the build.`]),
      ...(gate.payload === undefined && !isTooLong ? ['The request carries nothing to decide about.'] : []),
      ...(isTooLong ? [`What is asked could not be read (${gate.payloadBytes} bytes).`] : []),
    ],
  });
}

/** Why a request can only be watched; where the API was not asked or has not answered, nothing is promised. */
export function whyUnanswerable(facts: Collected, id: string): string | undefined {
  if (facts.gatesAnswerable === undefined) return NOT_ASKED;
  if (!facts.gatesAnswerable) return NO_ANSWER;
  return isSafeName(id) ? undefined : 'its id is not safe in an address';
}

/** Both spellings: `pending`, `resolved` as written now, and the capitals of the later approval table. */
function statusOf(status: string): Approval['status'] {
  const word = status.toLowerCase();
  return word === 'pending' ? 'pending' : word === 'expired' ? 'expired' : 'decided';
}

import type { Approval, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { Collected } from './collect.ts';
import { whyUnanswerable } from './derive-gates.ts';
import { clip, compact, type Found, type ProposalRow } from './facts.ts';

const ON_EXPIRY = 'counts as denied, and its run fails';
const RISKS: readonly string[] = ['low', 'medium', 'high', 'critical'];

/** A tool call of an outward run that waits for a person, and does so for a few minutes only. */
export function proposalEntity(
  system: SystemId,
  { fact, file }: Found<ProposalRow>,
  facts: Collected,
  now: Instant,
): Approval {
  const isLate = fact.status === 'pending' && fact.expiresAt !== undefined && fact.expiresAt <= now;
  const status = fact.status === 'pending' ? (isLate ? 'expired' : 'pending') : statusOf(fact.status);
  const reason = whyUnanswerable(facts, fact.id);
  const tool = clip(fact.tool ?? 'a tool', 80);
  const risk = RISKS.find((one) => one === fact.risk) as Approval['risk'];
  const why = fact.summary ?? `a run asks to use ${tool}`;
  return compact({
    type: 'approval',
    system,
    id: fact.id,
    title: `run ${fact.run ?? '?'} asks to use ${tool}`,
    observedAt: file.readAt,
    evidence: compact({
      source: file.source,
      ...(file.source === 'proposals' ? { path: file.path } : { url: file.path }),
      query: `outward_approval_proposals where proposal_id = '${fact.id}'`,
      text: [fact.status, fact.by, fact.reason].filter((part) => part).join(', '),
      at: fact.decidedAt ?? fact.submittedAt,
    }),
    attention:
      status === 'pending'
        ? compact({
            rank: 1,
            label: 'APPROVE',
            why: reason === undefined ? why : `watch only: ${reason}`,
            since: fact.submittedAt,
            until: fact.expiresAt,
            onExpiry: ON_EXPIRY,
            playbook: 'waiting-gate',
          })
        : undefined,
    ask: 'approve',
    status,
    answerable: reason === undefined,
    reason,
    risk,
    requestedAt: fact.submittedAt,
    expiresAt: fact.expiresAt,
    onExpiry: ON_EXPIRY,
    question: fact.summary,
    payload: fact.payload === undefined ? undefined : { form: 'arguments' as const, text: fact.payload },
    decisions: reason === undefined ? ['approval.approve', 'approval.deny'] : [],
    data: { nativeStatus: fact.status, run: fact.run ?? null, outward: true },
    logKeys: [fact.id, ...(fact.run === undefined ? [] : [fact.run])],
    cautions: [
      ...(reason === undefined
        ? ['Approved, the tool runs at once and its run goes on in the API. Denied, its run fails.']
        : [`${reason}.`]),
      ...(fact.payload === undefined
        ? [
            (fact.payloadBytes ?? 0) > 2
              ? `What is asked could not be read (${fact.payloadBytes} bytes).`
              : 'The request carries nothing to decide about.',
          ]
        : fact.payload.includes('[REDACTED]')
          ? ['Fields the tool declares as personal are written [REDACTED] by Orket itself.']
          : []),
    ],
  });
}

function statusOf(status: string): Approval['status'] {
  return status === 'expired' ? 'expired' : 'decided';
}

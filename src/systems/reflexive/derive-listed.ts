import type { Approval, Attention } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { evidence, type Picture } from './derive-picture.ts';
import type { DecidedFact, ListedFact, ProgramFact } from './facts.ts';
import { type Found, findFact, findFamily } from './find-facts.ts';
import { logSources } from './locate.ts';
import { approvalWords } from './offered.ts';

const hourMs = 3_600_000;
const risks = ['low', 'medium', 'high', 'critical'] as const;

/** Requests that the program lists itself: a store that outlives its commands, so that a command can decide them. */
export function listedApprovals(picture: Picture): Approval[] {
  const { facts } = picture.context;
  const listed = findFamily<ListedFact>(facts, ['approvals'], 'listed:', () => 0);
  const decided = findFamily<DecidedFact>(facts, logSources, 'decided:', (fact) => fact.at);
  const program = findFact<ProgramFact>(facts, ['program'], 'program', () => 0)?.value;
  const canDecide = approvalWords(program) !== 'none';
  return [...listed].map(([id, found]) => listedOf(picture, found, decided.get(id), canDecide));
}

function listedOf(
  picture: Picture,
  found: Found<ListedFact>,
  decision: Found<DecidedFact> | undefined,
  canDecide: boolean,
): Approval {
  const { id, operation, risk, requestedAt, expiresAt, grainMs, text, concerns } = found.value;
  const isPast = expiresAt !== undefined && expiresAt <= picture.now;
  if (expiresAt !== undefined && !isPast) picture.wake(expiresAt);
  // The list is asked once a minute; the log knows sooner.
  const isDecided = decision !== undefined;
  const status = isDecided
    ? decision.value.how === 'timeout'
      ? 'expired'
      : 'decided'
    : isPast
      ? 'expired'
      : 'pending';
  const known = risks.find((one) => one === risk);
  const pr = /(?:(?<![a-z])pr[_#-]?|"pr_number": ?)(\d{1,9})\b/i.exec(`${operation} ${text}`)?.[1];
  const reason = 'the program lists it and has no command to decide it';
  const attention = status === 'pending' ? attentionOf(picture, found.value, canDecide) : undefined;
  return {
    type: 'approval',
    system: picture.context.located.system,
    id,
    title: `${operation}${pr === undefined ? '' : ` for PR #${pr}`}`,
    observedAt: found.file.readAt,
    evidence: evidence(found, {
      text: `pending: ${operation}${risk === undefined ? '' : `, risk ${risk}`}`,
      ...(requestedAt === undefined ? {} : { at: requestedAt }),
    }),
    ...(decision
      ? {
          trail: [
            evidence(decision, {
              offset: decision.value.offset,
              at: decision.value.at,
              text: `${decision.value.how}${decision.value.by === undefined ? '' : ` by ${decision.value.by}`}`,
            }),
          ],
        }
      : {}),
    ask: 'approve',
    status,
    answerable: status === 'pending' && canDecide,
    ...(canDecide ? {} : { reason }),
    ...(known === undefined ? {} : { risk: known }),
    ...(requestedAt === undefined ? {} : { requestedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(grainMs === undefined ? {} : { expiresGrainMs: grainMs }),
    onExpiry: 'counts as denied',
    ...(text === '' || text === '{}' ? {} : { payload: { form: 'arguments', text } }),
    decisions: canDecide ? ['request.approve', 'request.deny'] : [],
    ...(pr === undefined ? {} : { subject: `pr-${pr}` }),
    ...(attention === undefined ? {} : { attention }),
    logKeys: [id, ...(pr === undefined ? [] : [`pr-${pr}`])],
    cautions: [
      ...concerns,
      ...(risk !== undefined && known === undefined ? [`risk as it says: ${risk}`] : []),
    ],
  };
}

function attentionOf(picture: Picture, fact: ListedFact, canDecide: boolean): Attention {
  const { requestedAt, expiresAt, risk } = fact;
  const soonAt = expiresAt === undefined ? undefined : addMs(expiresAt, -hourMs);
  const soon = soonAt !== undefined && soonAt <= picture.now;
  if (soonAt !== undefined && !soon) picture.wake(soonAt);
  return {
    rank: soon ? 1 : 3,
    label: 'APPROVE',
    why: `waits for a yes or no${risk === undefined ? '' : `, risk ${risk}`}`,
    ...(requestedAt === undefined ? {} : { since: requestedAt }),
    ...(expiresAt === undefined ? {} : { until: expiresAt }),
    onExpiry: 'counts as denied',
    ...(canDecide ? { act: 'request.approve' } : {}),
    playbook: 'approval-request',
  };
}

import type { Job } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { getArray, getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import { entityBase, evidenceOf, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import type { Scene } from './scene.ts';
import { NEWS_MS } from './schema.ts';

/** Debates of the server as jobs. `debate-` keeps their ids apart from those of implement tasks. */
export function debateJobs(scene: Scene): readonly Job[] {
  const file = scene.file('api.debates');
  if (!file) return [];
  return getArray(file.facts.get('debates'), 'items').map((debate): Job => {
    const id = getString(debate, 'id') ?? '?';
    const native = getString(debate, 'status') ?? 'unknown';
    const status = statusOf(native);
    const isOpen = getBoolean(debate, 'isOpen');
    const createdAt = instantOf(debate, 'at');
    const agents = getArray(debate, 'agents').filter((one) => typeof one === 'string');
    const text = textsOf(native, agents.length > 0 && agents.join(', '), roundsText(debate)).join(', ');
    const isNews = createdAt === undefined || !scene.due.isPast(addMs(createdAt, NEWS_MS));
    return {
      ...entityBase(scene, `debate-${id}`, file),
      type: 'job',
      title: firstLine(getString(debate, 'task') ?? `debate ${id}`, 120),
      status,
      nativeStatus: native,
      ...(createdAt === undefined ? {} : { createdAt }),
      evidence: evidenceOf(file, createdAt === undefined ? undefined : { at: createdAt }, text),
      logKeys: [id],
      cautions: textsOf(
        status === 'failed' &&
          isOpen === true &&
          'the server says "in progress" too: its status is what counts',
      ),
      ...(status === 'failed' && isNews
        ? {
            attention: {
              rank: 7,
              label: 'DEBATE',
              ...(createdAt === undefined ? {} : { since: createdAt }),
              why: `${native}: no answer came of it`,
              group: 'debates-failed',
              playbook: 'agent-timeouts',
            } as const,
          }
        : {}),
    };
  });
}

function roundsText(debate: Json): string | false {
  const rounds = getNumber(debate, 'rounds');
  return rounds !== undefined && counted(rounds, 'round');
}

/** Words of the server's own; an unknown one is shown as it is. */
function statusOf(native: string): Job['status'] {
  switch (native.toLowerCase()) {
    case 'created':
    case 'pending':
    case 'queued':
      return 'queued';
    case 'running':
    case 'in_progress':
    case 'active':
    case 'resuming':
      return 'running';
    case 'completed':
    case 'complete':
    case 'consensus':
    case 'no_consensus':
    case 'concluded':
      return 'done';
    case 'error':
    case 'failed':
    case 'timeout':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
    case 'paused':
      return 'waiting';
    default:
      return 'unknown';
  }
}

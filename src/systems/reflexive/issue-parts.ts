import type { ActMenu } from '../../domain/act.ts';
import type { Attention, Evidence, Issue } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { Picture } from './derive-picture.ts';

type Severity = Issue['severity'];

/** What an issue of this kind is made of. */
interface IssueParts {
  readonly key: string;
  readonly title: string;
  readonly severity: Severity;
  readonly trail: readonly Evidence[];
  readonly observedAt: Instant;
  readonly since?: Instant | undefined;
  readonly detail?: string;
  readonly suggestedAction?: string;
  readonly playbook?: string;
  /** Rank, label and why of its row; none: it is known, and another row leads to it. */
  readonly row?: Pick<Attention, 'rank' | 'label' | 'why'> & {
    until?: Instant;
    onExpiry?: string;
    act?: string;
    menu?: ActMenu;
    tells?: readonly string[];
  };
  readonly cautions?: readonly string[];
  readonly logKeys?: readonly string[];
  readonly logFiles?: readonly string[];
}

/** The issue, with its row in the queue where it has one. */
export function issueOf(picture: Picture, parts: IssueParts): Issue {
  const { row, since } = parts;
  const attention: Attention | undefined = row && {
    ...row,
    ...(since === undefined ? {} : { since }),
    ...(parts.playbook === undefined ? {} : { playbook: parts.playbook }),
  };
  return {
    type: 'issue',
    system: picture.context.located.system,
    id: parts.key,
    key: parts.key,
    title: parts.title,
    observedAt: parts.observedAt,
    evidence: parts.trail[0] ?? { source: 'orchestrator.log' },
    ...(parts.trail.length > 1 ? { trail: parts.trail.slice(1) } : {}),
    severity: parts.severity,
    status: 'open',
    ...(parts.detail === undefined ? {} : { detail: parts.detail }),
    ...(since === undefined ? {} : { since }),
    ...(parts.suggestedAction === undefined ? {} : { suggestedAction: parts.suggestedAction }),
    ...(parts.playbook === undefined ? {} : { playbook: parts.playbook }),
    ...(attention === undefined ? {} : { attention }),
    ...(parts.cautions === undefined ? {} : { cautions: parts.cautions }),
    ...(parts.logKeys === undefined ? {} : { logKeys: parts.logKeys }),
    ...(parts.logFiles === undefined ? {} : { logFiles: parts.logFiles }),
  };
}

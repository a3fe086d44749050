import type { Attention, Evidence, Issue } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { entityBase } from './draft.ts';
import type { Scene } from './scene.ts';

interface IssueParts {
  readonly severity: Issue['severity'];
  readonly title: string;
  readonly detail?: string;
  /** Known from a source that gives no answer now. */
  readonly isUnchecked?: boolean;
  readonly since: Instant | undefined;
  readonly evidence: Evidence;
  readonly trail?: readonly Evidence[];
  readonly attention?: Attention;
  readonly playbook?: string;
  readonly suggested?: string;
  readonly cautions?: readonly string[];
  readonly logKeys?: readonly string[];
  readonly logFiles?: readonly string[];
}

/** An issue of this kind from its parts. */
export function issueOf(scene: Scene, key: string, parts: IssueParts): Issue {
  const { severity, title, detail, since, evidence, trail, attention, playbook, suggested } = parts;
  return {
    ...entityBase(scene, key, scene.file(evidence.source)),
    type: 'issue',
    key,
    title,
    severity,
    status: parts.isUnchecked === true ? 'unchecked' : 'open',
    evidence,
    ...(detail === undefined ? {} : { detail }),
    ...(since === undefined ? {} : { since }),
    ...(trail === undefined ? {} : { trail }),
    ...(suggested === undefined ? {} : { suggestedAction: suggested }),
    ...(playbook === undefined ? {} : { playbook }),
    ...(attention === undefined
      ? {}
      : {
          attention: {
            ...(since === undefined ? {} : { since }),
            ...(playbook ? { playbook } : {}),
            ...attention,
          },
        }),
    ...(parts.cautions === undefined || parts.cautions.length === 0 ? {} : { cautions: parts.cautions }),
    ...(parts.logKeys === undefined ? {} : { logKeys: parts.logKeys }),
    ...(parts.logFiles === undefined ? {} : { logFiles: parts.logFiles }),
  };
}

import type { Evidence, Issue, Service } from '../../domain/entity.ts';
import { getArray, getBoolean, getString } from '../../lib/json.ts';
import type { FileFacts } from '../system.ts';
import { entityBase } from './draft.ts';
import { instantOf } from './facts.ts';
import { issueOf } from './issue.ts';
import type { Scene } from './scene.ts';

/** A component as the server's status page names it. */
interface Component {
  readonly id: string;
  readonly name: string;
  readonly native: string;
  readonly status: Service['status'];
  readonly message: string | undefined;
  readonly file: FileFacts;
  /** The page gives no answer now: this is what it said last. */
  readonly isOld: boolean;
}

/** Components of the status page, as it says or last said. */
export function componentsOf(scene: Scene): readonly Component[] {
  const file = scene.file('api.status');
  if (!file) return [];
  const isOld = getBoolean(file.facts.get('answer'), 'ok') !== true;
  return getArray(file.facts.get('status'), 'components').map((one) => {
    const native = getString(one, 'status') ?? 'unknown';
    return {
      id: getString(one, 'id') ?? '?',
      name: getString(one, 'name') ?? '?',
      native,
      status: componentStatus(native),
      message: getString(one, 'message'),
      file,
      isOld,
    };
  });
}

function componentStatus(native: string): Service['status'] {
  if (native === 'operational') return 'up';
  if (/degraded|partial|maintenance/.test(native)) return 'degraded';
  if (/outage|down|unavailable|error/.test(native)) return 'down';
  return 'unknown';
}

/** Each component as a service. */
export function componentServices(scene: Scene): readonly Service[] {
  return componentsOf(scene).map((one) => componentService(scene, one));
}

/** An issue for each component that is down or degraded. */
export function componentIssues(scene: Scene): readonly Issue[] {
  return componentsOf(scene)
    .filter((one) => one.status === 'down' || one.status === 'degraded')
    .map((one) => componentIssue(scene, one));
}

function componentService(scene: Scene, one: Component): Service {
  return {
    ...entityBase(scene, `component.${one.id}`, one.file),
    type: 'service',
    title: one.name,
    status: one.isOld ? 'unknown' : one.status,
    detail: `${one.message ?? one.native}${one.isOld ? ', when its status page last answered' : ''}`,
    evidence: { ...componentEvidence(one), text: `${one.native}${one.message ? `: ${one.message}` : ''}` },
  };
}

function componentEvidence(one: Component): Evidence {
  const at = instantOf(one.file.facts.get('answer'), 'since');
  return { source: one.file.source, url: one.file.path, ...(at === undefined ? {} : { at }) };
}

function componentIssue(scene: Scene, one: Component): Issue {
  const isDown = one.status === 'down';
  return issueOf(scene, `component/${one.id}`, {
    severity: isDown ? 'error' : 'warning',
    title: `${one.name} ${one.native.replaceAll('_', ' ')}`,
    ...(one.message === undefined ? {} : { detail: one.message }),
    isUnchecked: one.isOld,
    since: undefined,
    evidence: { ...componentEvidence(one), text: one.message ?? one.native },
    attention: {
      rank: isDown ? 4 : 5,
      label: isDown ? 'DOWN' : 'DEGRADED',
      why: one.message ?? 'says its status page',
      group: `components-${one.status}`,
    },
    playbook:
      one.id === 'redis'
        ? 'redis-down'
        : one.id === 'database'
          ? 'database'
          : one.id === 'websocket'
            ? 'websockets'
            : 'api-down',
  });
}

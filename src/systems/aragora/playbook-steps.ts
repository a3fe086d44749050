import { type Entity, type Ref, refOf } from '../../domain/entity.ts';
import { getArray, getNumber, getString } from '../../lib/json.ts';
import type { ActSpec, PlaybookStep, StateView } from '../system.ts';

// Steps that the procedures of this kind have in common.

export const check = (text: string, holds: (view: StateView) => boolean): PlaybookStep => ({
  type: 'check',
  text,
  holds,
});
export const note = (text: string): PlaybookStep => ({ type: 'note', text });

/** An act on a service of this system, by its id. */
export const onService = (
  text: string,
  act: string,
  id: string,
  params?: { readonly [name: string]: string },
): PlaybookStep => ({
  type: 'act',
  text,
  act,
  on: (view) => serviceRef(view, id),
  ...(params ? { params: () => params } : {}),
});
/** An act on the item the steps are shown for, where it is for such an item. */
export const onItem = (text: string, act: ActSpec): PlaybookStep => ({
  type: 'act',
  text,
  act: act.id,
  on: (_view, target) => (act.appliesTo(target) ? refOf(target) : undefined),
});

function serviceRef(view: StateView, id: string): Ref | undefined {
  const service = view.entity('service', id);
  return service && refOf(service);
}

/** What a restore goes back to: the item itself, else the backup of the open cycle, else the newest one with files. */
export function backupRef(view: StateView, target?: Entity): Ref | undefined {
  const backups = view.entities('restorePoint').filter((one) => (getNumber(one.data, 'files') ?? 0) > 0);
  const current = getString(view.data, 'openBackup');
  const chosen =
    backups.find((one) => target?.type === 'restorePoint' && one.id === target.id) ??
    backups.find((one) => one.id === current) ??
    [...backups].sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0))[0];
  return chosen && refOf(chosen);
}
export const onBackup = (text: string, act: string): PlaybookStep => ({
  type: 'act',
  text,
  act,
  on: backupRef,
});

function deploymentRef(view: StateView): Ref | undefined {
  const all = view.entities('service').filter((one) => one.data?.['form'] === 'deployment');
  const chosen = all.find((one) => one.status !== 'up') ?? all[0];
  return chosen && refOf(chosen);
}
export const onDeployment = (text: string, act: string): PlaybookStep => ({
  type: 'act',
  text,
  act,
  on: (view, target) => (target.id.startsWith('deployment') ? refOf(target) : deploymentRef(view)),
});

export const loopState = (view: StateView): string => getString(view.data, 'loopState') ?? 'never';
export const hasLoop = (view: StateView): boolean => getNumber(view.data, 'loopPid') !== undefined;
export const isSettled = (view: StateView, key: string): boolean => view.entity('issue', key) === undefined;

export const loopGone = check('no loop of this root runs', (view) => !hasLoop(view));
export const loopWorks = check(
  'a loop of this root runs within its limits',
  (view) => loopState(view) === 'running',
);
export const apiAnswers = check(
  'the API answers and is not degraded',
  (view) => getString(view.data, 'apiState') === 'up',
);
export const hasBackup = check('a backup with a manifest is there', (view) => backupRef(view) !== undefined);
export const noBreaker = check(
  'no breaker of the server is open',
  (view) => getArray(view.data, 'openBreakers').length === 0,
);

export const lookAtTree = onService(
  'see what is uncommitted: a stopped loop rolls nothing back',
  'tree.inspect',
  'loop',
);
export const stopLoop = onService('end the loop: SIGTERM to its pid alone', 'loop.stop', 'loop');
export const preflight = onService('preflight', 'loop.check', 'loop');
export const startLoop = onService('start a loop (it costs money)', 'loop.start', 'loop', { cycles: '1' });
export const compare = onBackup('see what a restore would overwrite', 'backup.compare');
export const stash = onService('put uncommitted changes aside', 'tree.stash', 'loop');
export const restore = onBackup('restore the protected files', 'backup.restore');
export const restartServer = onService('restart the server: running debates are lost', 'api.restart', 'api');
export const noPlainKill = note(
  'not "pkill -9 -f aragora", nor kill -USR1 "$(pgrep -f aragora)": both end the server, the loop and whatever else has that word in its command line',
);
export const noWipe = note(
  'not redis-cli FLUSHALL, FLUSHDB or rm /var/lib/aragora/*.db: these are users, debates and sessions, not a cache. Nothing writes /tmp/aragora_*.lock',
);
export const placebo = note(
  'ARAGORA_AGENT_TIMEOUT_SECONDS, ARAGORA_MAX_CONCURRENT_DEBATES and ARAGORA_DB_POOL_SIZE are read, from the unit’s own environment file; an export before systemctl restart reaches nothing',
);
export const readLog = note(
  'the log: pane logs, or journalctl -u aragora -n 100; nothing writes /var/log/aragora',
);

import { type Entity, type Ref, refOf } from '../../domain/entity.ts';
import type { ActSpec, PlaybookStep, StateView } from '../system.ts';

// Steps that the procedures of this kind have in common.

export const note = (text: string): PlaybookStep => ({ type: 'note', text });
export const check = (text: string, holds: (view: StateView, target: Entity) => boolean): PlaybookStep => ({
  type: 'check',
  text,
  holds,
});

const daemonRef = (view: StateView): Ref => ({ system: view.located.system, type: 'service', id: 'daemon' });

/** An act on the item itself, where it is for such an item: a request that can only be watched has nothing to decide. */
export const onItem = (act: ActSpec, text: string): PlaybookStep => ({
  type: 'act',
  text,
  act: act.id,
  on: (_view, target) => (act.appliesTo(target) ? refOf(target) : undefined),
});

/** An act on the daemon, whatever the item is. */
export const onDaemon = (
  act: string,
  text: string,
  params?: { readonly [name: string]: string },
): PlaybookStep => ({
  type: 'act',
  text,
  act,
  on: daemonRef,
  ...(params ? { params: () => params } : {}),
});

const isDaemonUp = (view: StateView): boolean => view.entity('service', 'daemon')?.status === 'up';
export const hasNoIssue = (view: StateView, ...keys: string[]): boolean =>
  keys.every((key) => view.entity('issue', key) === undefined);
export const nothingInFlight = (view: StateView): boolean =>
  view.entities('job').every((job) => job.status !== 'running');

export const daemonIsUp = check('the daemon runs', isDaemonUp);
export const daemonIsDown = check('the daemon does not run', (view) => {
  const status = view.entity('service', 'daemon')?.status;
  return status !== 'up' && status !== 'degraded';
});
export const restartSafely = check('no operation is in flight (a restart orphans it)', nothingInFlight);
export const costBelowWarning = check('cost below 80 % of the limit', (view) => {
  const status = view.entity('meter', 'cost')?.status;
  return status !== 'warning' && status !== 'critical';
});
export const configWouldStart = check('the configuration would start', (view) =>
  hasNoIssue(view, 'config-invalid'),
);
export const noOrphan = check('no operation was left in flight', (view) =>
  view.entities('job').every((job) => job.attention?.label !== 'ORPHAN'),
);
export const validate = onDaemon('config.validate', 'validate the configuration, as a start would');
export const health = onDaemon(
  'health.check',
  'check health; the check of GitHub that always fails is not counted',
);
export const restart = onDaemon(
  'daemon.restart',
  'restart the daemon: validated first, interrupted, started anew',
);
export const stop = onDaemon('daemon.stop', 'stop the daemon (SIGINT: SIGTERM leaves no stop event)');
export const start = onDaemon('daemon.start', 'start the daemon in supervised mode', { mode: 'supervised' });

/** The newest commit to roll back to that the checkout is not at already; archives beside it hold no commit. */
const newestPoint = (view: StateView): Ref | undefined => {
  const [point] = view
    .entities('restorePoint')
    .filter((one) => one.commit !== undefined && one.data?.['isHere'] !== true)
    .sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0));
  return point && refOf(point);
};

export const rollBackToNewest = (text: string): PlaybookStep => ({
  type: 'act',
  text,
  act: 'checkout.rollback',
  // On the card of a point it is this one, else the newest.
  on: (view, target) =>
    target.type === 'restorePoint' && target.commit !== undefined ? refOf(target) : newestPoint(view),
});
export const nothingUncommitted = check(
  'nothing is changed and not committed',
  (view) => view.data['changedFiles'] === 0,
);

export const rollBackByHand = note(
  'if it fails: git revert --abort, then git revert the commits one by one; git reset --hard loses uncommitted work, and git push --force loses the commits of others: neither is offered',
);

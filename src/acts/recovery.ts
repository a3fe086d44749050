/** Orders whose cockpit or runner was ended: they get a truthful outcome, and the ledger its line. */
import type { OrderProgress, OrderRow } from '../domain/order.ts';
import type { ActSpec, Located } from '../systems/system.ts';
import { finishedRecord, mayTryAgain } from './ending.ts';
import { isAlive } from './hands.ts';
import type { OrderPlan } from './order.ts';
import type { ActServicePorts, LedgerBook } from './ports.ts';
import { type Abandoned, judgeAbandoned, mayTakeOver, notWatchedOn } from './sweep.ts';

type RecoveryPorts = Pick<
  ActServicePorts,
  'beatSilenceMs' | 'clock' | 'hands' | 'ledger' | 'orders' | 'system' | 'version' | 'who'
>;

/** How many of the newest orders are looked through for a missing line. */
const REPAIRED = 100;
/** How long a runner that takes over may take to begin, and how often one is started, before it is given up. */
const TAKEOVER_PATIENCE_MS = 10_000;
const TAKEOVER_TRIES = 3;

/** Starts runners for orders whose own were ended while they watched. Each is given time before it is tried again. */
export class Takeovers {
  readonly #ports: Pick<ActServicePorts, 'clock' | 'spawnRunner'>;
  readonly #tried = new Map<string, { readonly at: number; readonly times: number }>();

  constructor(ports: Pick<ActServicePorts, 'clock' | 'spawnRunner'>) {
    this.#ports = ports;
  }

  /** False when it was tried often enough: nobody will watch any more. */
  start(row: OrderRow): boolean {
    const { clock, spawnRunner } = this.#ports;
    const key = `${row.id} ${row.runner?.pid ?? 0}`;
    const last = this.#tried.get(key) ?? { at: Number.NEGATIVE_INFINITY, times: 0 };
    if (clock.monotonic() - last.at < TAKEOVER_PATIENCE_MS) return true;
    if (last.times >= TAKEOVER_TRIES) return false;
    this.#tried.set(key, { at: clock.monotonic(), times: last.times + 1 });
    // One that can't be started now is tried again; at last the order is told to be unknown.
    Promise.resolve()
      .then(() => spawnRunner({ order: row.id, watch: row.digest }))
      .catch(() => {});
    return true;
  }
}

/** Gives outcomes to orders that nobody works on. Throws while another process has the lock. */
export function sweepOrders(ports: RecoveryPorts, takeovers: Takeovers): void {
  const { ledger, orders, who } = ports;
  for (const row of orders.open()) {
    const isOurs = row.user === who.user;
    const abandoned = abandonedOf(ports, row, () =>
      ledger.ok && isOurs ? ledger.value.find(row.id, 'finished')?.record : undefined,
    );
    if (!abandoned) continue;
    if (abandoned.outcome === 'unknown' && row.progress.watch && (isOurs || isSameSystem(ports, row))) {
      if (mayTakeOver(row) && takeovers.start(row)) continue;
      // Nobody will watch any more, whoever's it is: it would stay under way for ever.
      endOrder(ports, row, notWatchedOn(row, abandoned));
      continue;
    }
    // The ledger of another user can't be read here, and it may know the outcome.
    if (isOurs) endOrder(ports, row, abandoned);
  }
}

/**
 * Whether this cockpit watches the very system of another user's order: their plan says which programs look at it, and
 * nobody but whoever configured this cockpit decides what is run here.
 */
function isSameSystem({ system }: RecoveryPorts, row: OrderRow): boolean {
  const { located, target } = JSON.parse(row.plan) as OrderPlan;
  const own = system(target.system)?.view().located;
  const looks = ({ kind, root, url, python, extra }: Located): string =>
    JSON.stringify([kind, root, url, python, extra]);
  return own !== undefined && looks(own) === looks(located);
}

/** What became of an order whose workers are gone; undefined while there is one. */
export function abandonedOf(
  { beatSilenceMs, clock, hands }: Pick<RecoveryPorts, 'beatSilenceMs' | 'clock' | 'hands'>,
  row: OrderRow,
  finished: Parameters<typeof judgeAbandoned>[3] = () => undefined,
): Abandoned | undefined {
  return judgeAbandoned(row, clock.now(), (mark) => isAlive(hands, mark), finished, beatSilenceMs);
}

/**
 * Ends an order: its row first, since of several who try only one wins there, and a runner that has taken it meanwhile
 * wins over all of them. False when this call did not win.
 */
export function endOrder(ports: RecoveryPorts, row: OrderRow, end: Abandoned): boolean {
  const { clock, ledger, orders } = ports;
  const { outcome, summary } = end;
  const progress: OrderProgress = { ...row.progress, doing: 'ended', summary };
  const at = clock.now();
  const release = mayTryAgain(outcome, specOf(ports, row));
  if (!orders.finish(row, { outcome, at, progress, release })) return false;
  if (ledger.ok) recordEnd(ports, ledger.value, { ...row, outcome, endedAt: at, progress });
  return true;
}

/**
 * Enters ends that are in the orders' rows and not in the ledger: whoever wrote the row was ended before the line. Where
 * another user could not know how an order ended, and our ledger does, the row gets to know it too.
 */
export function repairLedger(ports: RecoveryPorts): void {
  const { ledger, orders, who } = ports;
  if (!ledger.ok) return;
  for (const row of orders.list(REPAIRED)) {
    if (row.status !== 'finished' || row.user !== who.user) continue;
    const known = ledger.value.find(row.id, 'finished')?.record;
    if (known?.phase !== 'finished') recordEnd(ports, ledger.value, row);
    else if (row.outcome === 'unknown' && known.outcome !== 'unknown') {
      const { outcome, summary } = known;
      orders.learn(row.id, { outcome, summary, release: mayTryAgain(outcome, specOf(ports, row)) });
    }
  }
}

function specOf({ system }: RecoveryPorts, row: OrderRow): ActSpec | undefined {
  const { target } = JSON.parse(row.plan) as OrderPlan;
  return system(target.system)?.kind.acts.find((act) => act.id === row.act);
}

function recordEnd({ clock, version, who }: RecoveryPorts, ledger: LedgerBook, row: OrderRow): void {
  // An order that never came into the ledger has started nothing, and leaves nothing there.
  if (!ledger.find(row.id, 'started')) return;
  const plan = JSON.parse(row.plan) as OrderPlan;
  const { id: order, progress } = row;
  const at = row.endedAt ?? clock.now();
  const outcome = row.outcome === undefined || row.outcome === 'settled' ? 'unknown' : row.outcome;
  const record = finishedRecord({ order, plan, at, who, version, outcome, progress, outputs: [] });
  ledger.appendOnce(record);
}

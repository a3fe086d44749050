import { join } from 'node:path';
import type { Instant } from '../domain/instant.ts';
import type { OrderBook } from '../domain/order.ts';
import type { StepBook } from '../domain/steps.ts';
import { type AlertClaims, createAlertClaims } from './alert-claims.ts';
import { type AsideStore, createAsideStore } from './asides.ts';
import { layBallast } from './ballast.ts';
import { createHoldStore, type HoldStore } from './holds.ts';
import { openDatabase } from './open.ts';
import { createOrderStore } from './orders.ts';
import { createPresenceStore, type PresenceStore } from './presence.ts';
import { createPruner, type Pruner } from './pruning.ts';
import { withSpareRoom } from './spare-room.ts';
import { createStepStore, STEP_TABLES } from './steps.ts';
import { createWatchStore, type WatchStore } from './watches.ts';

/** `BINH` in ASCII. */
const APPLICATION_ID = 0x42494e48;

const MIGRATIONS = [
  `CREATE TABLE orders (
     id TEXT PRIMARY KEY,
     act TEXT NOT NULL,
     system TEXT NOT NULL,
     slot TEXT NOT NULL,
     target TEXT NOT NULL,
     revision TEXT NOT NULL,
     attempt INTEGER NOT NULL,
     user TEXT NOT NULL,
     plan TEXT NOT NULL,
     created_at REAL NOT NULL,
     placed_pid INTEGER NOT NULL,
     placed_started REAL NOT NULL,
     status TEXT NOT NULL CHECK (status IN ('placed', 'ready', 'running', 'finished')),
     outcome TEXT,
     runner_pid INTEGER,
     runner_started REAL,
     beat_at REAL,
     ended_at REAL,
     cancel_at REAL,
     cancel_by TEXT,
     progress TEXT NOT NULL,
     unseen INTEGER NOT NULL DEFAULT 1
   ) STRICT;
   CREATE INDEX orders_newest ON orders (created_at);
   CREATE INDEX orders_open ON orders (status) WHERE status <> 'finished';
   CREATE TABLE claims (
     slot TEXT NOT NULL,
     target TEXT NOT NULL,
     revision TEXT NOT NULL,
     attempt INTEGER NOT NULL,
     order_id TEXT NOT NULL REFERENCES orders (id),
     released INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (slot, target, revision, attempt)
   ) STRICT;
   CREATE INDEX claims_of_order ON claims (order_id);
   CREATE TABLE kept_files (
     order_id TEXT NOT NULL,
     step INTEGER NOT NULL,
     path TEXT NOT NULL,
     content TEXT,
     mode INTEGER,
     PRIMARY KEY (order_id, step)
   ) STRICT;
   CREATE TABLE holds (
     key TEXT PRIMARY KEY,
     holder TEXT NOT NULL,
     until REAL NOT NULL
   ) STRICT;
   CREATE TABLE asides (
     key TEXT PRIMARY KEY,
     revision TEXT NOT NULL,
     until REAL,
     for_good INTEGER NOT NULL,
     reason TEXT,
     by_whom TEXT NOT NULL,
     at REAL NOT NULL
   ) STRICT;
   CREATE TABLE presence (
     pid INTEGER NOT NULL,
     started REAL NOT NULL,
     who TEXT NOT NULL,
     terminal TEXT NOT NULL,
     beat_at REAL NOT NULL,
     PRIMARY KEY (pid, started)
   ) STRICT;`,
  `CREATE TABLE watches (
     who TEXT NOT NULL,
     key TEXT NOT NULL,
     system TEXT NOT NULL,
     type TEXT NOT NULL,
     id TEXT NOT NULL,
     title TEXT NOT NULL,
     state TEXT NOT NULL,
     since REAL NOT NULL,
     set_at REAL NOT NULL,
     moves INTEGER NOT NULL,
     ended_at REAL,
     PRIMARY KEY (who, key)
   ) STRICT;
   CREATE TABLE alert_claims (
     event TEXT NOT NULL,
     hook TEXT NOT NULL,
     at REAL NOT NULL,
     PRIMARY KEY (event, hook)
   ) STRICT;
   CREATE INDEX alert_claims_oldest ON alert_claims (at);`,
  STEP_TABLES,
];

/** What the cockpits and runners of one host agree through: orders and claims, holds, asides, watches, steps, who is there. */
export interface HostStore {
  readonly orders: OrderBook;
  readonly holds: HoldStore;
  readonly steps: StepBook;
  readonly asides: AsideStore;
  readonly presence: PresenceStore;
  readonly watches: WatchStore;
  readonly alertClaims: AlertClaims;
  readonly pruner: Pruner;
  /** The file that was put aside because it was broken, and why: to be told on the screen. */
  readonly quarantined?: { readonly path: string; readonly why: string };
  /** Sets space apart, where there is room, in which orders can be recorded on a full disk. */
  keepRoom(): void;
  close(): void;
}

/** How the store is opened. */
export interface HostStoreOptions {
  /** The shared directory; the user's own where there is none. */
  readonly directory: string;
  readonly now: Instant;
  /** 50 by default; 5,000 for the runner. */
  readonly busyMs?: number;
  /** 0660 in a directory shared by operators; default 0600. */
  readonly mode?: number;
}

/**
 * Opens or creates the store. A broken file is put aside and told; the ledger, which is a file of its own, still knows
 * which orders had been started.
 */
export function openHostStore(options: HostStoreOptions): HostStore {
  const path = join(options.directory, 'host.db');
  const { database, quarantined } = openDatabase({
    path,
    title: 'the record of orders and holds',
    applicationId: APPLICATION_ID,
    migrations: MIGRATIONS,
    // A claim that a power loss takes back would let an act fire twice.
    synchronous: 'FULL',
    whenBroken: 'quarantine',
    now: options.now,
    ...(options.busyMs === undefined ? {} : { busyMs: options.busyMs }),
    ...(options.mode === undefined ? {} : { mode: options.mode }),
  });
  return {
    orders: withSpareRoom(createOrderStore(database), path, database),
    holds: createHoldStore(database),
    steps: createStepStore(database),
    asides: createAsideStore(database),
    presence: createPresenceStore(database),
    watches: createWatchStore(database),
    alertClaims: createAlertClaims(database),
    pruner: createPruner(database),
    ...(quarantined ? { quarantined } : {}),
    keepRoom: () => layBallast(path),
    close: () => database.close(),
  };
}

import type { Migration } from './migration.ts';

/** `BINY` in ASCII. */
export const HISTORY_ID = 0x42494e59;

/**
 * A system is its name and its root: the same name at another place is another system. `lease_at` is also until when it
 * was watched. `states` holds what is last known of each thing, `changes` how it came to that.
 */
export const HISTORY_MIGRATIONS: readonly Migration[] = [
  `CREATE TABLE systems (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL,
     root TEXT NOT NULL,
     lease_pid INTEGER,
     lease_started REAL,
     lease_at REAL,
     UNIQUE (name, root)
   ) STRICT;
   CREATE TABLE states (
     system INTEGER NOT NULL REFERENCES systems (id),
     type TEXT NOT NULL,
     id TEXT NOT NULL,
     title TEXT NOT NULL,
     state TEXT NOT NULL,
     traits TEXT NOT NULL,
     since REAL,
     changed_at REAL,
     seen_at REAL NOT NULL,
     source TEXT NOT NULL,
     PRIMARY KEY (system, type, id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE changes (
     seq INTEGER PRIMARY KEY,
     system INTEGER NOT NULL REFERENCES systems (id),
     type TEXT NOT NULL,
     id TEXT NOT NULL,
     title TEXT NOT NULL,
     at REAL NOT NULL,
     seen_at REAL NOT NULL,
     not_before REAL,
     from_state TEXT,
     from_since REAL,
     to_state TEXT NOT NULL,
     detail TEXT,
     weight TEXT NOT NULL,
     evidence TEXT NOT NULL,
     log_keys TEXT NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX changes_once ON changes (system, type, id, to_state, at);
   CREATE INDEX changes_at ON changes (at);
   CREATE INDEX changes_stay ON changes (system, type, from_state) WHERE from_since IS NOT NULL;
   CREATE TABLE remarks (
     seq INTEGER PRIMARY KEY,
     at REAL NOT NULL,
     kind TEXT NOT NULL,
     by_whom TEXT NOT NULL,
     system TEXT,
     item TEXT,
     text TEXT NOT NULL
   ) STRICT;
   CREATE INDEX remarks_at ON remarks (at);
   CREATE TABLE remarks_read (
     seq INTEGER NOT NULL,
     reader TEXT NOT NULL,
     PRIMARY KEY (seq, reader)
   ) STRICT, WITHOUT ROWID;`,
];

import type { Migration } from './migration.ts';

/** `BINL` in ASCII. */
export const LEDGER_ID = 0x42494e4c;

/**
 * `body` is canonical JSON of the record; `hash` is SHA-256 over place, hash before and body. Order and phase are read
 * out of the body by SQLite itself, so that no column can contradict it. One `started` and one `finished` per order.
 * Rows may leave only once a record in the chain says that they were sealed.
 */
export const LEDGER_MIGRATIONS: readonly Migration[] = [
  `CREATE TABLE ledger (
     seq INTEGER PRIMARY KEY,
     prev TEXT NOT NULL,
     hash TEXT NOT NULL,
     body TEXT NOT NULL,
     order_id TEXT GENERATED ALWAYS AS (json_extract(body, '$.order')) VIRTUAL,
     phase TEXT GENERATED ALWAYS AS (json_extract(body, '$.phase')) VIRTUAL
   ) STRICT;
   CREATE UNIQUE INDEX ledger_once ON ledger (order_id, phase) WHERE phase IN ('started', 'finished');
   CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
   CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;`,
  `CREATE INDEX ledger_sealed ON ledger (phase) WHERE phase = 'sealed';
   DROP TRIGGER ledger_no_delete;
   CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
   WHEN OLD.seq > coalesce((SELECT max(json_extract(body, '$.to')) FROM ledger WHERE phase = 'sealed'), 0)
   BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;`,
];

import type { ActEntry } from '../domain/act.ts';
import type { SystemId } from '../domain/entity.ts';
import { entryOf, inReadingOrder, playbookFor } from './entry.ts';
import type { ActServicePorts } from './ports.ts';
import { abandonedOf } from './recovery.ts';

/** How many of the newest orders are shown. */
const SHOWN = 100;
/** The newest entries carry the end of their output, so much of it. */
const TAIL = { entries: 10, bytes: 2_048 };

type Watched = Pick<
  ActServicePorts,
  'beatSilenceMs' | 'clock' | 'hands' | 'orders' | 'output' | 'system' | 'who'
>;

/** The orders of this host as entries, built anew when rows or output moved. */
export class EntryWatch {
  readonly #ports: Watched;
  #entries: readonly ActEntry[] = [];
  #version: number | undefined;
  #tails = '';

  constructor(ports: Watched) {
    this.#ports = ports;
  }

  get entries(): readonly ActEntry[] {
    return this.#entries;
  }

  /** Of the record, as of the last look; undefined before the first. */
  get version(): number | undefined {
    return this.#version;
  }

  /**
   * Looks again; true when the record was written to, or an entry moved without that. Entries that read the same stay
   * the same array. While another process has the lock, what was known stays.
   */
  look(): boolean {
    const { orders, output, system, who } = this.#ports;
    try {
      const version = orders.version();
      const isQuiet = version === this.#version;
      // Output and the death of another user's runner move without any row being written.
      if (isQuiet && !this.#entries.some((entry) => entry.status === 'running')) return false;
      const rows = orders.list(SHOWN);
      const tails = rows.map((row, index) =>
        index < TAIL.entries ? output.tail(row.id, TAIL.bytes) : undefined,
      );
      const orphaned = rows.map((row) =>
        row.user === who.user ? undefined : abandonedOf(this.#ports, row)?.summary,
      );
      const told = JSON.stringify([tails, orphaned]);
      if (isQuiet && told === this.#tails) return false;
      this.#version = version;
      this.#tails = told;
      const entries = inReadingOrder(
        rows.map((row, index) =>
          entryOf(row, tails[index], orphaned[index], playbookFor(row, system(row.system as SystemId))),
        ),
      );
      // Much of what is written to the record is about other things: who is here, what is held.
      if (JSON.stringify(entries) !== JSON.stringify(this.#entries)) this.#entries = entries;
      return true;
    } catch {
      return false;
    }
  }
}

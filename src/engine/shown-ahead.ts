import type { LogRecord } from '../domain/log.ts';
import type { IngestEvent } from '../ingest/ingest.ts';

type LogEvent = Exclude<IngestEvent, { readonly type: 'processes' | 'status' }>;

interface Shown {
  readonly file: string | undefined;
  /** Where the last line that was told ahead begins. */
  readonly lastOffset: number;
  /** The reading has come to this file; before it come the parts that were rotated away. */
  isReached: boolean;
}

/**
 * The ends of long logs were shown before the logs are read. What is read up to there makes facts and no rows: the older
 * lines are in their files, the newest are shown.
 */
export class ShownAhead {
  readonly #logs = new Map<string, Shown>();

  /** Those of an event's records that are to be shown. */
  rest(event: LogEvent, records: readonly LogRecord[]): readonly LogRecord[] {
    const log = `${event.source}\n${event.path}`;
    if (event.type === 'wiped' || event.type === 'gone') this.#logs.delete(log);
    if (event.type !== 'chunk' || event.chunk.type !== 'lines') return records;
    const lastOffset = event.chunk.lines.at(-1)?.offset ?? -1;
    if (event.ahead) {
      this.#logs.set(log, { file: event.file, lastOffset, isReached: false });
      return records;
    }
    const shown = this.#logs.get(log);
    if (!shown) return records;
    if (event.file !== shown.file) {
      // Behind it comes what its writer went on with: another file, or a copy of this one.
      if (shown.isReached) this.#logs.delete(log);
      return shown.isReached ? records : [];
    }
    shown.isReached = true;
    if (lastOffset >= shown.lastOffset) this.#logs.delete(log);
    return records.filter(({ offset }) => offset > shown.lastOffset);
  }
}

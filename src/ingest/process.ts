import { messageOf } from '../domain/error.ts';
import { emptyProcessTable, type ProcessTable } from '../domain/process.ts';
import type { SourceStatus } from '../domain/source.ts';
import { processTableReader } from '../host/process-table.ts';
import type { ProcessWish } from '../host/process-wish.ts';
import { gate, type ReaderContext, type SourceReader, type SpecOf, StatusKeeper } from './reader.ts';

const EVERY_MS = 1000;
/** All systems look in the same beat, and what one of them has read then serves the others. */
const BEAT_MS = 50;
/** A table in which nothing changed is told again that often, so that its age stays small. */
const RETELL_MS = 5000;

/** What a reader wants of the table, as of the newest description of its source. */
type Wish = { -readonly [K in keyof ProcessWish]: ProcessWish[K] };

/** What does not change in a process's life is known for all systems together. */
const table = processTableReader();

const onBeat = new Set<() => void>();
let beat: NodeJS.Timeout | undefined;

/** Calls back once a second, everybody at the same moment, until the returned function is called. */
function everySecond(look: () => void): () => void {
  onBeat.add(look);
  beat ??= setInterval(() => {
    for (const each of onBeat) each();
  }, EVERY_MS);
  beat.unref();
  return () => {
    onBeat.delete(look);
    if (onBeat.size > 0) return;
    clearInterval(beat);
    beat = undefined;
  };
}

/** Runnable or asleep is what a process is from one moment to the next: no news. Ended, stopped or stuck is. */
function steadyState(name: string, value: unknown): unknown {
  return name === 'state' && (value === 'R' || value === 'S' || value === 'I') ? 'S' : value;
}

/** A `process` source: the processes a system is interested in, once a second. */
export function processReader(spec: SpecOf<'process'>, context: ReaderContext): SourceReader {
  const keeper = new StatusKeeper(spec, 'process table');
  const first = gate();
  let stop = (): void => {};
  // One object for the reader's life: for a wish it does not know, the table looks at all sockets anew.
  const wish: Wish = { ...spec.match };
  let reading: Promise<void> | undefined;
  /** The first reading since the wish changed. */
  let rereading: Promise<void> | undefined;
  let toldKey = '';
  let toldAt = Number.NEGATIVE_INFINITY;
  let closed = false;

  const tell = (now: ProcessTable): void => {
    const key = JSON.stringify(now.processes, steadyState);
    const isNews = key !== toldKey;
    if (!isNews && performance.now() - toldAt < RETELL_MS) return;
    toldKey = key;
    toldAt = performance.now();
    if (isNews) keeper.changed(now.readAt);
    context.emit({ type: 'processes', table: now });
    context.touched();
  };

  const look = (shareMs: number): Promise<ProcessTable> => {
    const now = context.options.clock.now();
    return context.options.hideProcesses
      ? Promise.resolve(emptyProcessTable(now))
      : table.read(wish, now, shareMs);
  };

  const read = (shareMs: number): Promise<void> => {
    reading ??= look(shareMs)
      .then((now) => {
        if (closed) return;
        keeper.items = now.processes.length;
        keeper.lastReadAt = now.readAt;
        keeper.set('fresh');
        tell(now);
      })
      .catch((error: unknown) => keeper.set('error', messageOf(error)))
      .finally(() => {
        reading = undefined;
        first.open();
      });
    return reading;
  };

  return {
    get settled() {
      return rereading ?? first.opened;
    },
    accept(changed) {
      if (changed.type !== 'process') return false;
      Object.assign(wish, { ports: undefined, pids: undefined }, changed.match);
      rereading = first.opened
        .then(() => reading)
        .then(() => (closed ? undefined : read(BEAT_MS)))
        .finally(() => {
          rereading = undefined;
        });
      return true;
    },
    start() {
      void read(BEAT_MS);
      if (!context.options.once) stop = everySecond(() => void read(BEAT_MS));
    },
    async refresh() {
      await reading;
      toldAt = Number.NEGATIVE_INFINITY;
      await read(0);
    },
    status: (): SourceStatus => keeper.status(),
    close() {
      closed = true;
      stop();
      first.open();
    },
  };
}

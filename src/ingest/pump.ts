/** All sources of one system, read side by side. */
import { resolve } from 'node:path';
import type { SourceStatus } from '../domain/source.ts';
import { every } from '../host/clock.ts';
import { assertNever } from '../lib/assert-never.ts';
import { checkReader } from './check.ts';
import { databaseReader } from './database-source.ts';
import { directoryCache } from './directory-cache.ts';
import { documentReader } from './document.ts';
import { httpReader } from './http.ts';
import type { IngestSpec, Pump, PumpOptions } from './ingest.ts';
import { logReader } from './log.ts';
import { probeReader } from './probe.ts';
import { processReader } from './process.ts';
import type { ReaderContext, SourceReader } from './reader.ts';
import { Schedule } from './schedule.ts';
import { streamReader } from './stream.ts';
import { treeReader } from './tree.ts';
import { blindWatcher, kernelWatcher } from './watcher.ts';

/** How soon a changed status is told, and how often an unchanged one with its newer reading time. */
const STATUS_MS = 50;
const STATUS_SWEEP_MS = 1000;
const STATUS_AGE_MS = 5000;

interface Running {
  key: string;
  readonly reader: SourceReader;
  told?: SourceStatus;
}

/** Starts nothing until `start`. Events come one after the other, on this thread. */
export function createPump(specs: readonly IngestSpec[], options: PumpOptions): Pump {
  const root = resolve(options.root);
  const schedule = new Schedule({ once: options.once });
  const cache = directoryCache();
  const watcher = options.once ? blindWatcher() : kernelWatcher(schedule, () => tellStatuses());
  const running = new Map<string, Running>();
  let wanted = specs;
  let started = false;
  let closed = false;
  let statusTimer: NodeJS.Timeout | undefined;
  let stopSweep = (): void => {};
  const starting = Promise.withResolvers<void>();

  const context: ReaderContext = {
    options: { ...options, root },
    root,
    schedule,
    cache,
    watcher,
    emit: (event) => {
      if (!closed) options.onEvent(event);
    },
    touched: () => {
      if (closed || statusTimer !== undefined) return;
      statusTimer = setTimeout(tellStatuses, STATUS_MS);
      statusTimer.unref();
    },
  };

  function tellStatuses(): void {
    clearTimeout(statusTimer);
    statusTimer = undefined;
    if (closed) return;
    for (const entry of running.values()) {
      const status = entry.reader.status();
      if (entry.told !== undefined && isSameStatus(entry.told, status)) continue;
      entry.told = status;
      options.onEvent({ type: 'status', status });
    }
  }

  const apply = (): void => {
    const next = new Map(wanted.map((spec) => [spec.id, { spec, key: JSON.stringify(spec) }]));
    for (const [id, entry] of running) {
      const now = next.get(id);
      if (now?.key === entry.key) continue;
      if (now && entry.reader.accept?.(now.spec) === true) {
        entry.key = now.key;
        continue;
      }
      running.delete(id);
      void entry.reader.close();
    }
    for (const spec of wanted) {
      if (running.has(spec.id)) continue;
      const reader = readerOf(spec, context);
      running.set(spec.id, { key: JSON.stringify(spec), reader });
      reader.start();
    }
    context.touched();
  };

  return {
    start() {
      if (started || closed) return;
      started = true;
      apply();
      if (!options.once) stopSweep = every(STATUS_SWEEP_MS, tellStatuses);
      starting.resolve();
    },
    async settled() {
      await starting.promise;
      // A list that was replaced while it was waited for is waited for anew.
      let awaited: readonly Running[] = [];
      const isNew = (entry: Running): boolean => !awaited.includes(entry);
      while ([...running.values()].some(isNew)) {
        awaited = [...running.values()];
        await Promise.all(awaited.map((entry) => entry.reader.settled));
      }
      tellStatuses();
    },
    async refresh(source) {
      const chosen = [...running].filter(([id]) => source === undefined || id === source);
      await Promise.all(chosen.map(([, entry]) => entry.reader.refresh()));
      tellStatuses();
    },
    update(specs) {
      wanted = specs;
      if (started && !closed) apply();
    },
    position: (source, path) => running.get(source)?.reader.position?.(path),
    polling: () => watcher.polling(),
    async close() {
      if (closed) return;
      closed = true;
      clearTimeout(statusTimer);
      stopSweep();
      starting.resolve();
      await Promise.all([...running.values()].map((entry) => entry.reader.close()));
      running.clear();
      schedule.close();
      await watcher.close();
    },
  };
}

function readerOf(spec: IngestSpec, context: ReaderContext): SourceReader {
  switch (spec.type) {
    case 'log':
      return logReader(spec, context);
    case 'document':
      return documentReader(spec, context);
    case 'tree':
      return treeReader(spec, context);
    case 'database':
      return databaseReader(spec, context);
    case 'http':
      return httpReader(spec, context);
    case 'probe':
      return probeReader(spec, context);
    case 'stream':
      return streamReader(spec, context);
    case 'process':
      return processReader(spec, context);
    case 'check':
      return checkReader(spec, context);
    default:
      return assertNever(spec, 'source type');
  }
}

/** Reading times alone are told every few seconds; everything else at once. */
function isSameStatus(a: SourceStatus, b: SourceStatus): boolean {
  const agedMs = (b.lastReadAt ?? 0) - (a.lastReadAt ?? 0);
  return (
    agedMs < STATUS_AGE_MS &&
    a.state === b.state &&
    a.items === b.items &&
    a.error === b.error &&
    a.unreadBytes === b.unreadBytes &&
    a.readShare === b.readShare &&
    a.lastChangedAt === b.lastChangedAt
  );
}

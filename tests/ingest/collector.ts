import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceStatus } from '../../src/domain/source.ts';
import { systemClock } from '../../src/host/clock.ts';
import type { IngestEvent, IngestSpec, Pump, PumpOptions } from '../../src/ingest/ingest.ts';
import { createPump } from '../../src/ingest/pump.ts';

/** A pump over a real directory with everything it told. */
export interface Collector {
  readonly pump: Pump;
  readonly events: IngestEvent[];
  /** Texts of all lines told, in order. */
  lines(path?: string): string[];
  chunks(path?: string): Extract<IngestEvent, { type: 'chunk' }>[];
  of<T extends IngestEvent['type']>(type: T): Extract<IngestEvent, { type: T }>[];
  status(source?: string): SourceStatus | undefined;
  /** Waits until `holds`, looking every 2 ms; fails with what was seen instead. */
  until(holds: () => boolean, withinMs?: number): Promise<void>;
}

export async function collect(
  root: string,
  specs: readonly IngestSpec[],
  more: Partial<PumpOptions> = {},
): Promise<Collector> {
  const events: IngestEvent[] = [];
  const pump = createPump(specs, {
    root,
    clock: systemClock(),
    once: false,
    secret: () => undefined,
    onEvent: (event) => events.push(event),
    ...more,
  });
  const collector: Collector = {
    pump,
    events,
    chunks: (path) =>
      events
        .filter((event) => event.type === 'chunk')
        .filter((event) => path === undefined || event.path === path),
    lines: (path) =>
      collector
        .chunks(path)
        .flatMap(({ chunk }) => (chunk.type === 'lines' ? chunk.lines.map((line) => line.text) : [])),
    of: <T extends IngestEvent['type']>(type: T) =>
      events.filter((event): event is Extract<IngestEvent, { type: T }> => event.type === type),
    status: (source) =>
      collector
        .of('status')
        .map(({ status }) => status)
        .filter((status) => source === undefined || status.id === source)
        .at(-1),
    until: (holds, withinMs = 20_000) => until(holds, withinMs, () => describe(events)),
  };
  pump.start();
  await pump.settled();
  return collector;
}

export async function until(
  holds: () => boolean,
  withinMs: number,
  seen: () => string = () => '',
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not seen within ${withinMs} ms; there was:\n${seen()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function temporary(): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'ingest-test-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

function describe(events: readonly IngestEvent[]): string {
  return events
    .slice(-40)
    .map((event) => JSON.stringify(event).slice(0, 300))
    .join('\n');
}

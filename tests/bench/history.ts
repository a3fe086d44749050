/**
 * What the history costs: commits of one change, of a hundred and of a full batch, the usual stay of a state and the last
 * day's changes out of a million, and one slice of retention. Run it with `node tests/bench/history.ts [DIRECTORY]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHistory } from '../../src/db/history-store.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { addMs, instant } from '../../src/domain/instant.ts';
import type { Sighting } from '../../src/domain/sighting.ts';
import { makeOldRows } from '../db/old-rows.ts';

const NOW = instant(1_795_144_447_551);
const DAY_MS = 86_400_000;
const OLD_ROWS = 1_000_000;
const system = 'orket' as SystemId;
const self = { pid: 1, startedAt: NOW };
const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'binnacle-bench-'));
try {
  const store = openHistory({ directory, now: NOW });
  const row = store.systemId(system, '/srv/orket');
  store.lease.take(row, self, NOW, () => true);
  let ids = 0;
  const sightings = (count: number): Sighting[] =>
    Array.from({ length: count }, () => {
      ids += 1;
      return {
        ref: { system, type: 'turn', id: `9c41:TIDE-${ids}/6` },
        title: `TIDE-${ids} turn 6 coder`,
        state: 'in-flight',
        traits: {},
        weight: 'info',
        seenAt: addMs(NOW, ids),
        live: true,
        evidence: { source: 'turns', path: `workspace/default/observability/9c41/TIDE-${ids}/turn-6` },
        logKeys: [`TIDE-${ids}`],
      };
    });
  for (const [size, rounds] of [
    [1, 2_000],
    [100, 200],
    [500, 100],
  ] as const) {
    const batches = Array.from({ length: rounds }, () => sightings(size));
    print(
      `commit of ${size}`,
      batches.map((batch) => timed(() => store.record(row, self, batch, undefined))),
    );
  }
  makeOldRows(store.path, { rows: OLD_ROWS, system: row, from: addMs(NOW, -60 * DAY_MS), everyMs: 5_000 });
  const since = addMs(NOW, -5 * DAY_MS);
  const repeat = (count: number, task: () => unknown): number[] =>
    Array.from({ length: count }, () => timed(task));
  print(
    '2,000 changes read',
    repeat(20, () => store.changes({ systems: [row], since, limit: 2_000 })),
  );
  print(
    'usual stay asked',
    repeat(200, () => store.usualStayMs(row, 'job', 'queued')),
  );
  print(
    'slice of 100 removed',
    repeat(1_000, () => store.sweep(since, Number.MAX_SAFE_INTEGER, 100)),
  );
  store.close();
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function timed(task: () => unknown): number {
  const startedAt = performance.now();
  task();
  return performance.now() - startedAt;
}

function print(name: string, times: number[]): void {
  times.sort((a, b) => a - b);
  const at = (part: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0).toFixed(3);
  console.log(`history ${name.padEnd(22)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   max ${at(1)} ms`);
}

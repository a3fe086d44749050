import { statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMasker } from '../../src/acts/mask.ts';
import type { LogRow } from '../../src/domain/log.ts';
import { readersOf } from '../../src/engine/kind-lines.ts';
import { LogArchive } from '../../src/engine/log-archive.ts';
import { SystemWatch } from '../../src/engine/system-watch.ts';
import { fixedClock } from '../../src/host/clock.ts';
import { createPump } from '../../src/ingest/pump.ts';
import { LogDesk } from '../../src/logs/log-desk.ts';
import { type HeldSince, LogStore } from '../../src/logs/log-store.ts';
import { builtInKinds } from '../../src/systems/registry.ts';
import type { Located, SystemKind } from '../../src/systems/system.ts';
import { caseNames, layOutCase, locateCase } from '../systems/fixture-case.ts';

/** The rows of a case's logs as they are read at first, and as they are read when they are old. */
async function readBothWays(kind: SystemKind, located: Located, at: Parameters<typeof fixedClock>[0]) {
  const store = new LogStore();
  const held: HeldSince[] = [];
  const archive = new LogArchive({
    open: async () => new LogDesk(readersOf([{ kind, located }])),
    masker: createMasker(),
    heldSince: () => held,
  });
  const watch = new SystemWatch(kind, located, {
    clock: fixedClock(at),
    logs: store,
    archive,
    once: true,
    hideProcesses: true,
    makePump: createPump,
    secret: () => undefined,
    onChange: () => {},
    onStatus: () => {},
  });
  try {
    await watch.start();
    for (const since of store.heldSince) {
      const path = isAbsolute(since.path) ? since.path : join(located.root, since.path);
      const { size } = statSync(path);
      held.push({ ...since, offset: size });
    }
    const first = store.page({ changes: false }, 'start', 10_000).rows.filter(({ wiped }) => !wiped);
    const old = held.length === 0 ? [] : (await archive.page({}, 'end', 500, 'backward')).rows;
    return { first, old };
  } finally {
    await archive.close();
    await watch.close();
  }
}

const placeOf = ({ source, path, offset }: LogRow): string => `${source} ${path} ${offset}`;

describe.each(builtInKinds.map((kind) => [kind.kind, kind] as const))('old lines of %s', (name, kind) => {
  it('are the rows they were when they were new, but for what their log said before them', async () => {
    let compared = 0;
    for (const one of caseNames(name).slice(0, 3)) {
      const laid = await layOutCase(name, one);
      try {
        const located = locateCase(kind, laid.dir, laid.case);
        const { first, old } = await readBothWays(kind, located, laid.case.at);
        const known = new Map(first.map((row) => [placeOf(row), row]));
        for (const row of old) {
          const before = known.get(placeOf(row));
          // A row that was folded into its twin stands there with a count.
          if (!before) continue;
          compared += 1;
          const { text, at, level, origin } = before;
          const now = { text: row.text, at: row.at, level: row.level, origin: row.origin };
          expect({ one, ...now }).toEqual({ one, text, at, level, origin });
          // What has no id is named by its place in the file, which a line alone does not know.
          const named = (row.keys ?? []).filter((key) => !key.includes('@'));
          for (const key of named) expect(before.keys).toContain(key);
        }
      } finally {
        laid.remove();
      }
    }
    expect(compared).toBeGreaterThan(10);
  });
});

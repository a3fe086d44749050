import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMasker } from '../../src/acts/mask.ts';
import type { LogRow, LogTwin } from '../../src/domain/log.ts';
import { readersOf } from '../../src/engine/kind-lines.ts';
import { LogArchive } from '../../src/engine/log-archive.ts';
import { archivedPlace } from '../../src/engine/log-archive-rows.ts';
import { SystemWatch } from '../../src/engine/system-watch.ts';
import { fixedClock } from '../../src/host/clock.ts';
import { createPump } from '../../src/ingest/pump.ts';
import { LogDesk } from '../../src/logs/log-desk.ts';
import { type HeldSince, LogStore } from '../../src/logs/log-store.ts';
import type { LogPosition } from '../../src/logs/log-view.ts';
import { builtInKinds } from '../../src/systems/registry.ts';
import type { Located, SystemKind } from '../../src/systems/system.ts';
import { describedKind } from '../systems/custom/described.ts';
import { caseNames, layOutCase, locateCase } from '../systems/fixture-case.ts';

const allKinds = await builtInKinds();

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
    const logs = new Set(held.map(({ source, path }) => `${source} ${path}`));
    const first = store
      .page({ changes: false }, 'start', 10_000)
      .rows.filter(({ wiped, source, path, log }) => !wiped && logs.has(`${source} ${log ?? path}`));
    const old: LogRow[] = [];
    while (held.length > 0) {
      const last = old.at(-1);
      const place = last && archivedPlace(last.id);
      const from: LogPosition = place ? { place, side: 'behind' } : 'start';
      const { rows, atEnd } = await archive.page({}, from, 500, 'forward');
      old.push(...rows);
      if (atEnd || rows.length === 0) break;
    }
    return { first, old };
  } finally {
    await archive.close();
    await watch.close();
  }
}

const placeOf = ({ source, path, offset }: LogTwin): string => `${source} ${path} ${offset}`;

const described = ['queue', 'transcripts'].map(
  (name) => [name, describedKind(name), [['custom', name]]] as const,
);
const builtIn = allKinds.map(
  (kind) => [kind.kind, kind, caseNames(kind.kind).map((one) => [kind.kind, one])] as const,
);

describe.each([...builtIn, ...described])('old lines of %s', (_name, kind, cases) => {
  it('are the rows they were when they were new, but for what their log said before them', async () => {
    let compared = 0;
    for (const [folder = '', one = ''] of cases) {
      const laid = await layOutCase(folder, one);
      try {
        const located = locateCase(kind, laid.dir, laid.case);
        const { first, old } = await readBothWays(kind, located, laid.case.at);
        const known = new Map(first.map((row) => [placeOf(row), row]));
        const found = new Set(old.flatMap((row) => [row, ...(row.twins ?? [])]).map(placeOf));
        expect({ one, lost: first.filter((row) => !found.has(placeOf(row))) }).toEqual({ one, lost: [] });
        let heads = 0;
        const foldedIn = (rows: readonly LogRow[]): number =>
          rows.reduce((sum, { count = 1 }) => sum + count - 1, 0);
        let twins = foldedIn(first) - foldedIn(old);
        const pieces = kind
          .sources(located, {})
          .flatMap(({ id, parser }) => (kind.parsers[parser]?.showsWritten ? [id] : []));
        for (const row of old.filter(({ source }) => pieces.includes(source))) {
          const [line = ''] = readFileSync(join(located.root, row.path))
            .toString('utf8', row.offset)
            .split('\n');
          const isPiece = line.includes('\\') || line.includes(row.text.split('\n')[0] ?? '');
          expect({ row, line, isPiece }).toEqual({ row, line, isPiece: true });
        }
        for (const row of old) {
          const before = known.get(placeOf(row));
          if (!before) {
            // It was folded into its twin, which stands there with a count; or, at a file's head, its parser tells no
            // row of it, and there is none before it with which it could go.
            if (row.offset > 0) twins -= 1;
            else heads += 1;
            continue;
          }
          compared += 1;
          const { text, at, level, origin } = before;
          const now = { text: row.text, at: row.at, level: row.level, origin: row.origin };
          expect({ one, ...now }).toEqual({ one, text, at, level, origin });
          // What has no id is named by its place in the file, which a line alone does not know.
          const named = (row.keys ?? []).filter((key) => !key.includes('@'));
          for (const key of named) expect(before.keys).toContain(key);
        }
        expect({ one, unseen: twins < 0 || twins > heads }).toEqual({ one, unseen: false });
      } finally {
        laid.remove();
      }
    }
    expect(compared).toBeGreaterThan(2);
  });
});

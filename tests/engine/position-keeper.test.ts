import { copyFileSync, renameSync, rmSync, truncateSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMasker } from '../../src/acts/mask.ts';
import { openPositions, type PositionStore } from '../../src/db/positions.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { PositionKeeper } from '../../src/engine/position-keeper.ts';
import { systemClock } from '../../src/host/clock.ts';
import type { Located, SystemKind } from '../../src/systems/system.ts';
import { until } from '../ingest/collector.ts';
import { listen, Mill, millAt, millEngine, millKind } from './mill.ts';

let mill: Mill;
let engines: Engine[] = [];
let stores: PositionStore[] = [];

beforeEach(() => {
  mill = new Mill();
  mill.jobs({});
});
afterEach(async () => {
  for (const engine of engines) await engine.close();
  for (const store of stores) store.close();
  engines = [];
  stores = [];
  mill.remove();
});

interface How {
  readonly kind?: SystemKind;
  readonly settings?: Located['settings'];
  readonly mayCommit?: () => boolean;
  readonly secrets?: readonly string[];
}

/** A cockpit's engine that has read everything once. */
async function start({ kind = millKind, settings = {}, mayCommit = () => true, secrets = [] }: How = {}) {
  const store = openPositions({
    directory: mill.dir,
    reader: 'cockpit',
    now: systemClock().now(),
    isAlive: () => false,
  });
  stores.push(store);
  const located = { ...millAt(mill.dir), settings };
  let commits = 0;
  const engine = millEngine(located, {
    systems: [{ kind, located }],
    keeperOf: ({ parsers }) =>
      new PositionKeeper({
        store,
        located,
        parsers,
        clock: systemClock(),
        masker: createMasker([...secrets]),
        delayMs: 5,
        replayBytes: 1 << 20,
        needsFacts: true,
        mayCommit,
        onCommit: () => {
          commits += 1;
        },
      }),
  });
  engines.push(engine);
  await engine.call('settle', {});
  const lines = (): unknown => engine.watches.get(located.system)?.view().data['lines'];
  return {
    engine,
    lines,
    commits: () => commits,
    untilLines: (count: number) =>
      until(
        () => lines() === count,
        20_000,
        () => `${lines()} lines`,
      ),
    texts: () => engine.logs.page({ changes: false }, 'start', 100).rows.map(({ text }) => text),
    changes: () =>
      engine.logs
        .page({}, 'start', 100)
        .rows.filter(({ form }) => form === 'change')
        .map(({ text }) => text),
  };
}

/** Ends it as a cockpit ends. */
async function end({ engine }: { readonly engine: Engine }): Promise<void> {
  await engine.close();
  engines = engines.filter((one) => one !== engine);
}

const log = (): string => join(mill.dir, 'mill.log');

describe('the facts of a log', () => {
  it('are those of all it ever held, though its older parts are gone', async () => {
    mill.log('1000 one', '2000 two');
    await end(await start());
    mill.log('3000 three');
    renameSync(log(), `${log()}.1`);
    mill.log('4000 four');
    const second = await start();
    expect(second.lines()).toBe(4);
    expect(second.changes()).toEqual([]);
    await end(second);
    rmSync(`${log()}.1`);
    const third = await start();
    expect(third.lines()).toBe(4);
    mill.log('5000 five');
    await third.untilLines(5);
  });

  it('count each line once after a cockpit was killed', async () => {
    mill.log('1000 one', '2000 two');
    const killed = await start();
    await until(() => killed.commits() > 0, 20_000);
    mill.log('3000 three', '4000 four');
    copyFileSync(log(), `${log()}.1`);
    truncateSync(log());
    mill.log('5000 five');
    await killed.untilLines(5);
    // It goes on beside: what it holds in memory helps nobody else.
    const next = await start();
    expect(next.lines()).toBe(5);
  });

  it('come with the newest lines, to be shown', async () => {
    mill.log('1000 one', '2000 two');
    await end(await start());
    mill.log('3000 three');
    const second = await start();
    expect(second.texts()).toEqual(['one', 'two', 'three']);
    expect(second.lines()).toBe(3);
  });

  it('come with lines that have no time where they stood before', async () => {
    mill.log('no time at all', 'nor here');
    utimesSync(log(), 1_700_000_000, 1_700_000_000);
    const placesOf = ({ engine }: { readonly engine: Engine }): readonly number[] =>
      engine.logs.page({}, 'start', 9).rows.map(({ sortAt }) => sortAt);
    const first = await start();
    expect(placesOf(first)).toEqual([1_700_000_000_000, 1_700_000_000_000]);
    await end(first);
    expect(placesOf(await start())).toEqual([1_700_000_000_000, 1_700_000_000_000]);
  });

  it('are made anew by a parser of another version, and by other settings', async () => {
    mill.log('1000 one', '2000 two');
    await end(await start());
    rmSync(log());
    mill.log('3000 three');
    const { log: logParser, ...parsers } = millKind.parsers;
    if (!logParser) throw new Error('the mill has no parser of its log');
    const newer = { ...millKind, parsers: { ...parsers, log: { ...logParser, version: 2 } } };
    const second = await start({ kind: newer });
    expect(second.lines()).toBe(1);
    await end(second);
    const third = await start({ kind: newer, settings: { project: 'another' } });
    expect(third.lines()).toBe(1);
    expect(third.changes()).toEqual([]);
  });

  it('are kept by the one that writes alone', async () => {
    mill.log('1000 one', '2000 two');
    const follower = await start({ mayCommit: () => false });
    await end(follower);
    expect(follower.commits()).toBe(0);
    rmSync(log());
    mill.log('3000 three');
    expect((await start()).lines()).toBe(1);
  });
});

it('a log that was removed and made anew while nobody watched leaves a line about the gap, and is counted', async () => {
  mill.log('1000 one', '2000 two');
  const first = await start();
  expect(listen(first.engine).at(-1)?.figures).toMatchObject({ gaps: 0, badRecords: 0, unreadBytes: 0 });
  await end(first);
  rmSync(log());
  mill.log('3000 three');
  const second = await start();
  expect(second.changes()).toEqual([
    'mill.log: a gap behind byte 18: removed or rewritten while nobody watched: what was written behind is not known',
  ]);
  expect(second.lines()).toBe(3);
  expect(listen(second.engine).at(-1)?.figures).toMatchObject({ gaps: 1 });
});

it('facts that hold a secret are not kept: the log is read anew', async () => {
  const telling: SystemKind = {
    ...millKind,
    parsers: {
      ...millKind.parsers,
      log: {
        version: 1,
        start: null,
        fold: (_carry, chunk) => {
          const [line] = chunk.type === 'lines' ? chunk.lines : [];
          return { carry: null, facts: line ? { said: line.text } : {} };
        },
      },
    },
  };
  mill.log('1000 the word is hunter-two-and-more');
  await end(await start({ kind: telling, secrets: ['hunter-two-and-more'] }));
  const [store] = stores;
  expect(store?.load({ system: 'mill' as never, root: mill.dir })).toEqual([]);
});

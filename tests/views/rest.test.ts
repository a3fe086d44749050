/** A screen at rest: no frame is made that would look like the one that stands, and none is left out that would not. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addMs, type Instant } from '../../src/domain/instant.ts';
import type { StateChanges, SystemSummary } from '../../src/engine/protocol.ts';
import { manualClock } from '../../src/host/clock.ts';
import { createCockpit } from '../../src/store/cockpit.ts';
import { type PaneId, paneNumbers } from '../../src/store/desk.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { type Line, penOf } from '../../views/components/line.ts';
import { headerLines } from '../../views/panes/header.ts';
import { paneLines } from '../../views/panes/pane-lines.ts';
import { plainTheme } from '../../views/theme.ts';
import { FakeEngine } from './fake-engine.ts';
import { storyNow, storySnapshot, storySystems } from './sample-state.ts';

const pen = penOf(plainTheme);
const beatMs = 5_000;

/** All that is drawn of a snapshot. */
function picture(snapshot: Snapshot): string {
  const size = { snapshot, pen, columns: 120, rows: 12 };
  const text = (lines: readonly Line[]): string =>
    lines.map((line) => line.map((span) => span.text).join('')).join('\n');
  const panes = (Object.keys(paneNumbers) as PaneId[]).map((pane) => text(paneLines(pane, size)));
  return [text(headerLines({ ...size, rows: 2, host: 'h' })), ...panes].join('\n');
}

function open(now = storyNow) {
  const clock = manualClock(now);
  const engine = new FakeEngine();
  // In a zone with half hours: the local clock stands beside the other one.
  const localOffsetMs = 5.5 * 3_600_000;
  const cockpit = createCockpit({ port: engine, timer: clock, columns: 120, rows: 40, localOffsetMs });
  let frames = 0;
  cockpit.subscribe(() => {
    frames += 1;
  });
  return { clock, engine, cockpit, frames: () => frames };
}

/** The answers of the fake engine come as microtasks. */
const answered = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const reread = (now: Instant): readonly SystemSummary[] =>
  storySystems.map((one) => ({ ...one, sources: one.sources.map((at) => ({ ...at, lastReadAt: now })) }));

const failed = (): readonly SystemSummary[] =>
  storySystems.map((one) => ({
    ...one,
    sources: one.sources.map((at) => ({ ...at, state: 'stale' as const })),
  }));

/** What an engine may say, by name. */
const messages: Readonly<Record<string, (now: Instant) => Partial<StateChanges>>> = {
  alive: () => ({}),
  reread: (now) => ({ systems: reread(now) }),
  stale: () => ({ systems: failed() }),
  busy: () => ({ figures: { lagMs: 7, unreadBytes: 3, badRecords: 1, linesPerSecond: 2, polling: false } }),
  calm: () => ({ figures: { lagMs: 0, unreadBytes: 0, badRecords: 0, linesPerSecond: 0, polling: false } }),
  notice: () => ({ notices: ['DISK FULL'] }),
  all: (now) => ({ ...storySnapshot(), now }),
};

describe('a screen at rest', () => {
  test('makes no frame of an engine that only says that it lives, but once a minute', async () => {
    const { clock, engine, frames } = open();
    // Until nothing is so young that it is told in tens of seconds.
    clock.advance(120_000);
    engine.say({ now: clock.now(), systems: reread(clock.now()) });
    clock.advance(2 * beatMs);
    engine.say({ now: clock.now() });
    await answered();
    clock.advance(100);
    const before = frames();
    for (let beat = 0; beat < 24; beat += 1) {
      clock.advance(beatMs);
      engine.say({ now: clock.now(), ...(beat % 6 === 0 ? { systems: reread(clock.now()) } : {}) });
      await answered();
    }
    // Two full minutes went by.
    expect(frames() - before).toBe(2);
  });

  test('says at once that an engine which had fallen silent is back', async () => {
    const { clock, engine, cockpit } = open();
    clock.advance(95_000);
    expect(picture(cockpit.snapshot())).toContain('03:14:07Z');
    engine.say({ now: clock.now() });
    clock.advance(100);
    expect(picture(cockpit.snapshot())).toContain('03:15Z');
  });

  test('shows what a frame made of the newest message would show, whatever comes when', async () => {
    const step = fc.record({
      waitMs: fc.oneof(
        fc.integer({ min: 0, max: 900 }),
        fc.constantFrom(beatMs, 15_000, 61_000),
        fc.integer({ min: 0, max: 70_000 }),
      ),
      says: fc.option(fc.constantFrom(...Object.keys(messages)), { freq: 3, nil: undefined }),
      key: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 59_999 }),
        fc.array(step, { maxLength: 12 }),
        async (startMs, steps) => {
          const { clock, engine, cockpit } = open(addMs(storyNow, startMs));
          for (const { waitMs, says, key } of steps) {
            clock.advance(waitMs);
            if (key) cockpit.update((desk) => ({ ...desk, frozenUntil: addMs(clock.now(), 2_000) }));
            if (says !== undefined) engine.say({ now: clock.now(), ...messages[says]?.(clock.now()) });
            await answered();
            // A window between frames at its longest, and all that may be due behind it.
            for (const afterMs of [100, 1_100, 2_100]) {
              clock.advance(afterMs);
              await answered();
              const drawn = cockpit.snapshot();
              expect(picture(drawn)).toBe(picture({ ...drawn, state: cockpit.fresh().state }));
            }
          }
          cockpit.close();
        },
      ),
      { numRuns: 150 },
    );
  });
});

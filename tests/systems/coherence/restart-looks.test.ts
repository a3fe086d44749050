/**
 * A restart judged by looks that come late, seldom, and not at everything at once, as on a machine under load: a
 * watchdog that eats the request, and one that takes it, with a pipeline of the watchdog's own making in between.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, mergeStages, type Outcome } from '../../../src/acts/verify.ts';
import type { StageState } from '../../../src/domain/act.ts';
import { addMs, type Instant, toIso } from '../../../src/domain/instant.ts';
import { coherenceActs } from '../../../src/systems/coherence/acts.ts';
import type { ActOrder } from '../../../src/systems/system.ts';
import { at, located, pipeline, process, scripts, Told } from './facts.ts';

const restart = coherenceActs.find((act) => act.id === 'pipeline.restart');
const START = at('03:00:00');
const POLL_S = 90;
const text = (seconds: number): string => toIso(addMs(START, Math.round(seconds * 1000)));

/** One night, in seconds after the yes. */
interface Night {
  /** When the request was on disk. */
  readonly written: number;
  /** A pipeline the watchdog starts by itself, if it does. */
  readonly ownStart: number | undefined;
  readonly taken: number;
  /** What the taking leads to, if to anything. */
  readonly restarted: number | undefined;
}

interface Look {
  readonly at: number;
  /** Which sources were read anew: request, processes, version, log, health. */
  readonly fresh: readonly boolean[];
}

const lookTimes = (longestGap: number): fc.Arbitrary<Look[]> =>
  fc
    .array(
      fc.record({
        gap: fc.double({ min: 0.05, max: longestGap, noNaN: true }),
        fresh: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      }),
      { minLength: 40, maxLength: 60 },
    )
    .map((looks) => {
      let now = 0;
      return looks.map(({ gap, fresh }) => {
        now += gap;
        return { at: now, fresh };
      });
    });

/** Judges a night as the runner does: look after look, until a verdict. */
function verdictOf(night: Night, looks: readonly Look[]): Outcome | 'none' {
  if (!restart) throw new Error('no restart act');
  const told = new Told(located({ url: 'http://127.0.0.1:8000' }))
    .document('version', { git_sha: 'a', started_at: '2026-02-21T01:00:00Z' })
    .http('api.health', { status: 200, body: { status: 'ok' } }, '02:59:50');
  told.processes = [process(50, '01:00:00', scripts.watchdog), ...pipeline('01:00:00').slice(0, 1)];
  if (night.ownStart === undefined) told.processes = pipeline('01:00:00');
  const before = told.view('03:00:00');
  const target = before.entity('service', 'pipeline');
  if (!target) throw new Error('no pipeline');
  const order: ActOrder = {
    order: 'o',
    act: restart.id,
    target: { system: target.system, type: target.type, id: target.id },
    params: {},
    startedAt: START,
    revision: '',
    baseline: restart.baseline?.(before, target) ?? null,
    stepsDone: 1,
    lastStepAt: addMs(START, night.written * 1000),
  };
  let stages: readonly StageState[] = [];
  let wasThere = false;
  for (const look of looks) {
    if (look.at < night.written) continue;
    const when = text(look.at);
    const [request, processes, version, log, health] = look.fresh;
    const began = [night.restarted, night.ownStart].find((one) => one !== undefined && one <= look.at);
    if (request) {
      if (look.at < night.taken) {
        const at = text(0).replace('Z', '+00:00');
        told.document('restart', { reason: 'x', at }, { modified: when, born: text(night.written) });
        wasThere = true;
      } else if (wasThere) {
        told.gone('restart', when);
        wasThere = false;
      }
      told.looked('restart', when);
    }
    if (processes && began !== undefined)
      told.processes = [
        process(50, '01:00:00', scripts.watchdog),
        process(11, '01:00:00', 'uvicorn'),
        process(160 + began, text(began), scripts.shell, { parentPid: 50 }),
        process(170 + began, text(began + 2), scripts.manager, { parentPid: 160 + began }),
      ];
    if (version && began !== undefined)
      told.document('version', { git_sha: 'b', started_at: `${text(began).slice(0, 19)}Z` });
    if (log && began !== undefined && look.at > began + 3) told.log('project_manager.log', 'x', when);
    if (health) told.http('api.health', { status: 200, body: { status: 'ok' } }, when);
    const now: Instant = addMs(START, Math.round(look.at * 1000));
    stages = mergeStages(stages, restart.expect(told.view(when), { ...order, stages }), now);
    const verdict = judge({ now, startedAt: START, ends: [{ end: 'ok' }], stepsLeft: false, stages });
    if (verdict.state === 'ended') return verdict.outcome;
  }
  return 'none';
}

describe('a restart judged on a machine under load', () => {
  it('is never verified where the request was eaten, whenever the watchdog started a pipeline of its own', () => {
    const nights = fc.record({
      written: fc.double({ min: 0, max: 60, noNaN: true }),
      ownStart: fc.option(fc.double({ min: -1, max: 80, noNaN: true }), { nil: undefined }),
      late: fc.double({ min: 0, max: 90, noNaN: true }),
      looks: lookTimes(25),
    });
    fc.assert(
      fc.property(nights, ({ written, ownStart, late, looks }) => {
        // A watchdog that starts a pipeline sleeps a poll before it looks.
        const taken = Math.max(written, ownStart === undefined ? 0 : ownStart + POLL_S) + late;
        const verdict = verdictOf({ written, ownStart, taken, restarted: undefined }, looks);
        expect(['not-seen', 'none']).toContain(verdict);
      }),
      { numRuns: 150 },
    );
  });

  it('is verified where it was taken and a pipeline came of it, although looks lie seconds apart', () => {
    const nights = fc.record({
      written: fc.double({ min: 0, max: 10, noNaN: true }),
      late: fc.double({ min: 0.5, max: 80, noNaN: true }),
      looks: lookTimes(8),
    });
    fc.assert(
      fc.property(nights, ({ written, late, looks }) => {
        const taken = written + late;
        const night = { written, ownStart: undefined, taken, restarted: taken + 8 };
        // Looks at everything, late and seldom.
        const whole = looks.map((look) => ({ ...look, fresh: [true, true, true, true, true] }));
        expect(['verified', 'none']).toContain(verdictOf(night, whole));
      }),
      { numRuns: 100 },
    );
  });
});

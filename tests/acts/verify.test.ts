import { describe, expect, it } from 'vitest';
import { type Case, judge, mergeStages } from '../../src/acts/verify.ts';
import type { StageState } from '../../src/domain/act.ts';
import { addMs } from '../../src/domain/instant.ts';
import { exitCodeOf } from '../../src/domain/ledger.ts';
import type { StepEnd } from '../../src/domain/order.ts';
import { NIGHT } from '../db/temporary.ts';

const DEADLINE = addMs(NIGHT, 60_000);
const ok: StepEnd = { end: 'ok' };
const exit1: StepEnd = { end: 'refused', detail: 'exit 1: no API' };
const killed: StepEnd = { end: 'timed-out', detail: 'the program did not end in 5 s and was killed' };
const noProgram: StepEnd = { end: 'not-started', detail: 'could not start /x: ENOENT' };
const broken: StepEnd = { end: 'no-answer', detail: 'the server closed the connection' };

function stage(state: StageState['state'], more: Partial<StageState> = {}): StageState {
  return { stage: 'started', title: 'card leaves ready', state, deadline: DEADLINE, required: true, ...more };
}

function judged(more: Partial<Case>): string {
  const verdict = judge({
    now: addMs(NIGHT, 1_000),
    startedAt: NIGHT,
    ends: [ok],
    stepsLeft: false,
    stages: [stage('waiting')],
    ...more,
  });
  return verdict.state === 'waiting'
    ? `waiting until +${(verdict.until - NIGHT) / 1_000}`
    : `${verdict.outcome}: ${verdict.summary}`;
}

describe('the verdict on an act', () => {
  it('waits for the deadline of the stage, whatever the program said', () => {
    for (const end of [ok, exit1, killed, broken]) expect(judged({ ends: [end] })).toBe('waiting until +60');
  });

  it('is verified when the state shows it, and says what the program said', () => {
    const stages = [stage('seen', { detail: 'card left ready 03:14:09' })];
    expect(judged({ stages })).toBe('verified: seen: card left ready 03:14:09');
    expect(judged({ stages, ends: [exit1] })).toBe(
      'verified: seen: card left ready 03:14:09; the program: exit 1: no API',
    );
    expect(judged({ stages, ends: [killed] })).toMatch(/^verified: /);
    expect(judged({ stages, ends: [broken], now: addMs(DEADLINE, 9_000) })).toMatch(/^verified: /);
  });

  it('does not take for ours what anybody may have done, where the program refused our request', () => {
    const stages = [stage('seen', { title: 'it has left the inbox', anyones: true })];
    expect(judged({ stages })).toBe('verified: seen: it has left the inbox');
    expect(judged({ stages, ends: [exit1] })).toBe(
      'failed: it has left the inbox, and ours was not taken: exit 1: no API',
    );
    expect(judged({ stages, ends: [killed] })).toMatch(
      /^timed-out: it has left the inbox, and whether ours was taken is not known: the program did not end/,
    );
  });

  it('needs every required stage, and does not wait for the others', () => {
    const later = stage('waiting', { stage: 'done', title: 'run ends', required: false });
    expect(judged({ stages: [stage('seen'), later] })).toMatch(/^verified/);
    expect(judged({ stages: [stage('seen'), stage('waiting', { stage: 'done' })] })).toBe(
      'waiting until +60',
    );
  });

  it("names the program's own end when nothing was seen at the deadline", () => {
    expect(judged({ now: DEADLINE })).toBe('not-seen: not seen in 60 s: card leaves ready');
    expect(judged({ now: DEADLINE, ends: [exit1] })).toBe(
      'failed: exit 1: no API; not seen in 60 s: card leaves ready',
    );
    expect(judged({ now: DEADLINE, ends: [killed] })).toMatch(/^timed-out: the program did not end in 5 s/);
    expect(judged({ now: DEADLINE, ends: [broken] })).toMatch(/^unknown: the server closed/);
  });

  it('ends at once when the opposite is seen', () => {
    const stages = [stage('contradicted', { detail: 'card went back to ready' })];
    expect(judged({ stages })).toBe('not-seen: card leaves ready: card went back to ready');
    expect(judged({ stages, ends: [exit1] })).toMatch(/^failed/);
    expect(judged({ stages, ends: [killed] })).toMatch(/^timed-out/);
    expect(judged({ stages, ends: [broken] })).toMatch(/^failed/);
    expect(judged({ stages: [stage('contradicted', { required: false }), stage('waiting')] })).toBe(
      'waiting until +60',
    );
  });

  it('fails at once when nothing could be started, and not while an earlier step may show its effect', () => {
    expect(judged({ ends: [noProgram] })).toBe('failed: could not start /x: ENOENT');
    expect(judged({ ends: [ok, noProgram] })).toBe('waiting until +60');
    expect(judged({ ends: [ok, noProgram], now: DEADLINE })).toMatch(/^failed: could not start/);
  });

  it('takes the earliest open deadline, and no deadline longer than six hours', () => {
    const stages = [
      stage('waiting', { deadline: addMs(NIGHT, 90_000) }),
      stage('waiting', { deadline: addMs(NIGHT, 30_000) }),
    ];
    expect(judged({ stages })).toBe('waiting until +30');
    expect(judged({ stages: [stage('waiting', { deadline: addMs(NIGHT, 1e15) })] })).toBe(
      'waiting until +21600',
    );
    expect(judged({ stages: [stage('waiting', { deadline: Number.NaN as never })] })).toBe(
      'waiting until +21600',
    );
  });

  it('is unknown when the state could not be looked at', () => {
    expect(judged({ stages: undefined })).toBe('waiting until +30');
    expect(judged({ stages: undefined, now: addMs(NIGHT, 30_000) })).toBe(
      'unknown: the state could not be looked at',
    );
  });

  it('does not call an act done that declares nothing to be seen', () => {
    expect(judged({ stages: [] })).toBe(
      'not-seen: it ran; nothing is known by which its effect could be seen',
    );
    expect(judged({ stages: [], ends: [exit1] })).toBe('failed: exit 1: no API');
  });

  it('takes an answer for the proof where the act says so', () => {
    const good = { ok: true, summary: 'replayed, 3 tool calls' };
    const bad = { ok: false, summary: 'no JSON in its output' };
    expect(judged({ stages: [], proof: good })).toBe('verified: replayed, 3 tool calls');
    expect(judged({ stages: [], proof: good, ends: [exit1] })).toMatch(/^verified/);
    expect(judged({ stages: [], proof: bad })).toBe('not-seen: no JSON in its output');
    expect(judged({ stages: [], proof: bad, ends: [exit1] })).toBe('failed: no JSON in its output');
    expect(judged({ stages: [], proof: bad, ends: [killed] })).toMatch(/^timed-out/);
    expect(judged({ stages: [stage('seen')], proof: bad })).toBe('not-seen: no JSON in its output');
  });

  it('is cancelled only when its effect was not seen', () => {
    expect(judged({ cancelledBy: 'bob', ends: [] })).toBe(
      'cancelled: cancelled by bob before anything was started',
    );
    expect(judged({ cancelledBy: 'bob' })).toBe(
      'cancelled: cancelled by bob; the steps had run, its effect was not seen',
    );
    expect(
      judged({ cancelledBy: 'bob', ends: [{ end: 'refused', detail: 'the program was ended on request' }] }),
    ).toMatch(/the program was ended, its effect was not seen/);
    expect(judged({ cancelledBy: 'bob', stages: [stage('seen')] })).toMatch(/^verified/);
  });

  it('waits while steps are left', () => {
    expect(judged({ stepsLeft: true, stages: [stage('seen')] })).toMatch(/^waiting/);
  });

  it('has one exit code per outcome', () => {
    expect(
      (['verified', 'failed', 'timed-out', 'cancelled', 'not-seen', 'unknown'] as const).map(exitCodeOf),
    ).toEqual([0, 5, 5, 5, 6, 7]);
  });
});

describe('stages over time', () => {
  it('stay seen once they were, with the time of the first look', () => {
    const first = mergeStages([], [stage('seen')], NIGHT);
    expect(first[0]).toMatchObject({ state: 'seen', seenAt: NIGHT });
    const second = mergeStages(
      first,
      [stage('waiting'), stage('waiting', { stage: 'done', title: 'run ends' })],
      addMs(NIGHT, 5),
    );
    expect(second.map((one) => [one.title, one.state, one.seenAt])).toEqual([
      ['card leaves ready', 'seen', NIGHT],
      ['run ends', 'waiting', undefined],
    ]);
    expect(mergeStages(second, [], addMs(NIGHT, 9)).map((one) => one.state)).toEqual(['seen']);
  });

  it('keep the time a kind says it was seen', () => {
    expect(mergeStages([], [stage('seen', { seenAt: NIGHT })], addMs(NIGHT, 500))[0]?.seenAt).toBe(NIGHT);
  });
});

/**
 * Where the program does otherwise than its runbook says: each would go unseen, or be told wrong, if the cockpit believed
 * the runbook. Each is met twice: watched from before it happened, and by a cockpit that is started afterwards.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookInto } from '../../../src/config/look.ts';
import { type Entity, entityKey, type SystemId } from '../../../src/domain/entity.ts';
import { emptyProcessTable } from '../../../src/domain/process.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { SystemWatch } from '../../../src/engine/system-watch.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { createPump } from '../../../src/ingest/pump.ts';
import { LogStore } from '../../../src/logs/log-store.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { Installation } from './installation.ts';

describe('row 70: traps of Orket, watched from before and looked at afterwards', () => {
  let orket: Installation;
  const watches: SystemWatch[] = [];
  beforeEach(() => {
    orket = new Installation();
    orket.run('aaaa1111', 'running', 0);
    orket.card('TIDE-3', 'in_progress');
    orket.log(1, 'session_start', { epic: 'tide_ledger', run_id: 'aaaa1111', build_id: 'build-tide_ledger' });
  });
  afterEach(async () => {
    for (const watch of watches.splice(0)) await watch.close();
    orket.remove();
  });

  async function watchIt(once: boolean): Promise<SystemWatch> {
    const look = lookInto(orket.dir, { PATH: '/nowhere' });
    const settings = { timezone: 'UTC', python: '/usr/bin/python3' };
    const located = orketKind.locate(orket.dir, look, 'orket' as SystemId, settings);
    const watch = new SystemWatch(orketKind, located, {
      clock: systemClock(),
      logs: new LogStore(),
      once,
      makePump: createPump,
      secret: () => undefined,
      onChange: () => {},
      onStatus: () => {},
    });
    watches.push(watch);
    await watch.start();
    return watch;
  }

  interface Seen {
    readonly view: StateView;
    get(key: string): Entity | undefined;
  }

  /** What both of them see: one that was there before `happens`, and one that comes after. */
  async function both(happens: () => void, check: (seen: Seen) => void): Promise<void> {
    const before = await watchIt(false);
    happens();
    await before.refresh();
    check(seenBy(before));
    check(seenBy(await watchIt(true)));
  }

  function seenBy(watch: SystemWatch): Seen {
    const now = systemClock().now();
    const entities = new Map([...watch.entities.values()].map((one) => [entityKey(one), one]));
    const look = lookInto(orket.dir, { PATH: '/nowhere' });
    const located = orketKind.locate(orket.dir, look, 'orket' as SystemId, { python: '/usr/bin/python3' });
    const view = stateViewOf(located, now, entities, {}, emptyProcessTable(now));
    return { view, get: (key) => entities.get(key) };
  }

  it('log 1: the log is emptied by each good run, of another workspace too: no turn and no run is lost by it', async () => {
    orket.turnLog(5, 'turn_start', ['aaaa1111', 'TIDE-3', 1, 'coder']);
    orket.turn(5, ['aaaa1111', 'TIDE-3', 1, 'coder'], 'asked');
    await both(
      () => writeFileSync(join(orket.dir, 'workspace/default/orket.log'), ''),
      ({ get }) => {
        expect(get('turn/aaaa1111:tide-3:1:coder')).toMatchObject({ state: 'dead', issue: 'TIDE-3' });
        expect(get('run/aaaa1111')).toMatchObject({ status: 'stalled', nativeStatus: 'running' });
      },
    );
  });

  it('log 2: the API process writes the same lines into two logs: they are one turn', async () => {
    await both(
      () => {
        orket.turnLog(5, 'turn_start', ['aaaa1111', 'TIDE-3', 1, 'coder']);
        orket.turnLog(9, 'turn_complete', ['aaaa1111', 'TIDE-3', 1, 'coder'], { tool_calls: 1 });
        const twin = JSON.stringify({
          timestamp: '2026-02-20T03:00:09.000+00:00',
          role: 'coder',
          event: 'turn_complete',
          data: { issue_id: 'TIDE-3', role: 'coder', session_id: 'aaaa1111', turn_index: 1 },
        });
        orket.write('orket.log', `${twin}\n`);
      },
      ({ view }) =>
        expect(view.entities('turn').map(({ id, state }) => `${id} ${state}`)).toEqual([
          'aaaa1111:tide-3:1:coder completed',
        ]),
    );
  });

  it('log 3: events of a run carry run_id and no session_id: its stalled backlog is found all the same', async () => {
    await both(
      () => {
        orket.run('aaaa1111', 'failed', 0, 60, {
          failureClass: 'ExecutionFailed',
          reason: 'No executable candidates while backlog incomplete.',
        });
        const backlog = [{ id: 'TIDE-3', status: 'blocked' }];
        orket.log(50, 'orchestrator_stalled', {
          run_id: 'aaaa1111',
          epic: 'tide_ledger',
          iteration: 2,
          reason: 'no_executable_candidates',
          backlog,
        });
      },
      ({ get }) =>
        expect(get('issue/backlog.stalled:build-tide_ledger')).toMatchObject({
          severity: 'fatal',
          evidence: { source: 'orket.log', text: 'no_executable_candidates' },
          playbook: 'blocked-backlog',
        }),
    );
  });

  it('turns: directories are in lower case: the card is named as it is, the replay as its directory is', async () => {
    await both(
      () => void orket.turn(5, ['aaaa1111', 'TIDE-3', 1, 'coder'], 'asked'),
      ({ view, get }) => {
        const turn = get('turn/aaaa1111:tide-3:1:coder');
        expect(turn).toMatchObject({ issue: 'TIDE-3', run: 'aaaa1111' });
        const replay = orketKind.acts.find(({ id }) => id === 'turn.replay');
        const [step] = replay?.plan(view, turn as Entity, {}) ?? [];
        expect(step?.type === 'process' && step.argv.at(-1)).toBe('aaaa1111:tide-3:1:coder');
      },
    );
  });

  it('turns: the checkpoint says what was asked, not what happened: the card stays what its row says', async () => {
    await both(
      () => {
        orket.run('aaaa1111', 'failed', 0, 60, { failureClass: 'ExecutionFailed', reason: 'x' });
        orket.turn(5, ['aaaa1111', 'TIDE-3', 1, 'coder'], 'done', [{ ok: false, error: 'Is a directory' }]);
      },
      ({ get }) => {
        expect(get('job/TIDE-3')).toMatchObject({ nativeStatus: 'in_progress', status: 'waiting' });
        const turn = get('turn/aaaa1111:tide-3:1:coder');
        expect(turn).toMatchObject({ state: 'failed' });
        expect(turn?.cautions?.join()).toContain('what the model wanted, not what happened');
      },
    );
  });

  it('turns: a model timeout writes no turn_failed: the turn is told as dead, and the report as silent about it', async () => {
    orket.turnLog(5, 'turn_start', ['aaaa1111', 'TIDE-3', 1, 'coder']);
    await both(
      () => {
        orket.turn(5, ['aaaa1111', 'TIDE-3', 1, 'coder'], 'asked');
        orket.run('aaaa1111', 'failed', 0, 600, {
          failureClass: 'ModelTimeoutError',
          reason: 'Model call exceeded 300s',
        });
      },
      ({ get }) => {
        expect(get('turn/aaaa1111:tide-3:1:coder')).toMatchObject({
          state: 'dead',
          attention: { why: 'model timed out, run over, no turn_failed' },
        });
        expect(get('issue/model.failed:build-tide_ledger')).toMatchObject({ severity: 'fatal' });
      },
    );
  });

  it('database a: a card loses its session once it is saved again: it is joined to its run by the build', async () => {
    await both(
      () => orket.sql("UPDATE issues SET session_id = NULL WHERE id = 'TIDE-3'"),
      ({ view, get }) => {
        expect(get('job/TIDE-3')?.data).toMatchObject({ build: 'build-tide_ledger' });
        const resume = orketKind.acts.find(({ id }) => id === 'run.resume');
        const warnings = resume?.warnings?.(view, get('run/aaaa1111') as Entity) ?? [];
        expect(warnings.join('\n')).toContain('Now: 1 in_progress. All 1 of them will be ready.');
      },
    );
  });

  it('database c: the newest row of the history is not the status: the row of the card counts', async () => {
    await both(
      () => {
        orket.move(
          50,
          'TIDE-3',
          "Set Status to 'ready' (from 'code_review') reason='retry_scheduled' meta={}",
        );
        orket.card('TIDE-3', 'code_review', { retries: 1 });
      },
      ({ get }) => {
        expect(get('job/TIDE-3')).toMatchObject({ nativeStatus: 'code_review' });
        expect(get('issue/card.drift:TIDE-3')).toMatchObject({
          severity: 'info',
          detail: expect.stringContaining('the row counts'),
        });
      },
    );
  });

  it('database d: a reset of the build writes no history: a card that was done and is ready again is told', async () => {
    orket.move(40, 'TIDE-3', "Set Status to 'done' (from 'code_review')");
    orket.card('TIDE-3', 'done');
    await both(
      () => orket.card('TIDE-3', 'ready'),
      ({ get }) =>
        expect(get('issue/card.drift:TIDE-3')).toMatchObject({ attention: { label: 'DRIFT', rank: 7 } }),
    );
  });

  it('archive: a rerun sets archived cards back to ready: what was put away and is ready is told', async () => {
    orket.move(40, 'TIDE-3', 'Archived card (project removal)');
    orket.card('TIDE-3', 'archived');
    await both(
      () => orket.card('TIDE-3', 'ready'),
      ({ get }) =>
        expect(get('issue/card.drift:TIDE-3')?.title).toBe('TIDE-3: history says archived, row says ready'),
    );
  });

  it('halt: the ledger says running for ever: a halted run is shown as halted, a killed one as a zombie', async () => {
    orket.run('bbbb2222', 'running', 5, undefined, { name: 'reef_watch', build: 'build-reef_watch' });
    orket.card('REEF-1', 'in_progress', { build: 'build-reef_watch' });
    await both(
      () => orket.log(30, 'session_halted', { session_id: 'aaaa1111' }),
      ({ get }) => {
        expect(get('run/aaaa1111')).toMatchObject({ status: 'halted', nativeStatus: 'running' });
        expect(get('issue/run.zombie:bbbb2222')).toMatchObject({ severity: 'fatal', playbook: 'zombie-run' });
      },
    );
  });

  it('exit codes: a run that gave cards up exited 0: it is fatal all the same', async () => {
    await both(
      () => {
        orket.run('aaaa1111', 'terminal_failure', 0, 60);
        orket.card('TIDE-3', 'blocked', { note: 'runtime_guard_terminal_failure: three times' });
      },
      ({ get }) => {
        expect(get('issue/run.terminal-failure:build-tide_ledger')).toMatchObject({ severity: 'fatal' });
        expect(get('run/aaaa1111')?.cautions).toEqual(['The command of this run exited 0.']);
        expect(get('job/TIDE-3')).toMatchObject({ status: 'failed' });
      },
    );
  });

  it('retries: each ends the whole run: somebody must start it again, and is told what that resets', async () => {
    await both(
      () =>
        orket.run('aaaa1111', 'failed', 0, 60, {
          failureClass: 'ExecutionFailed',
          reason: 'Orchestration Turn Failed (Retry 1/3): no progress',
        }),
      ({ get }) => {
        const issue = get('issue/retry.wanted:build-tide_ledger');
        expect(issue).toMatchObject({ severity: 'fatal', title: 'tide_ledger: stopped for retry 1 of 3' });
        expect(issue?.cautions?.join('\n')).toContain('every card of the build back to ready');
      },
    );
  });

  it('commands: nothing is ever started the way the runbook starts it, which does nothing and exits 0', async () => {
    orket.run('aaaa1111', 'failed', 0, 60, { failureClass: 'ExecutionFailed', reason: 'x' });
    orket.turn(5, ['aaaa1111', 'TIDE-3', 1, 'coder'], 'asked');
    orket.card('TIDE-4', 'ready');
    await both(
      () => {},
      ({ view }) => {
        const everything = (['turn', 'run', 'job', 'service'] as const).flatMap((type) =>
          view.entities(type),
        );
        const planned = orketKind.acts.flatMap((act) =>
          everything
            .filter((one) => act.appliesTo(one) && act.precondition(view, one) === undefined)
            .flatMap((one) => {
              try {
                return act.plan(view, one, { words: 'tide', epic: 'tide_ledger' });
              } catch {
                return [];
              }
            }),
        );
        const words = planned.flatMap((step) =>
          step.type === 'process' || step.type === 'service' ? step.argv : [],
        );
        expect(words).toContain('--archive-related=tide');
        expect(words).toContain('--epic=tide_ledger');
        expect(words.some((word) => word.includes('orket.interfaces.cli'))).toBe(false);
      },
    );
  });
});

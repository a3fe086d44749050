/**
 * Every command of scripts/control.py in every status: what the program does (as it was seen to, run on a real queue), what
 * the cockpit says that it does, and what it offers there. The program takes each of them with exit 0 and "accepted".
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stamp } from '../../../fixtures/demo/openclaw/formats.ts';
import { withStore } from '../../../fixtures/demo/openclaw/queue-store.ts';
import type { Entity } from '../../../src/domain/entity.ts';
import { commandEffect } from '../../../src/systems/openclaw/command-effect.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { type DemoSystem, layDemo } from './demo-system.ts';

const STATUSES = [
  ...(['queued', 'planning', 'awaiting_audit', 'approved', 'running'] as const),
  ...(['waiting_human', 'revise_requested', 'completed', 'failed', 'cancelled'] as const),
];
type Status = (typeof STATUSES)[number];

/** Status and `audit_passed` afterwards, of a job that nobody had approved and of one that somebody had. */
const AFTER: {
  readonly [command: string]: (status: Status, passed: 0 | 1) => readonly [status: string, passed: 0 | 1];
} = {
  approve: (status) => [status === 'queued' || status === 'awaiting_audit' ? 'approved' : status, 1],
  revise: () => ['revise_requested', 0],
  resume: (_status, passed) => [passed === 1 ? 'approved' : 'awaiting_audit', passed],
  cancel: (_status, passed) => ['cancelled', passed],
};
const COMMANDS = ['approve', 'revise', 'resume', 'cancel'] as const;

let demo: DemoSystem;
beforeAll(async () => {
  demo = await layDemo();
});
afterAll(() => demo.remove());

const skill = (): string => `${demo.dir}/agent-orchestrator`;
const home = (): { base: string; project: string } => ({ base: `${demo.dir}/workspace`, project: 'harbour' });
const idOf = (command: string, status: string, passed: number): string => `${command}-${status}-${passed}`;

describe('control.py', () => {
  test.each(COMMANDS)(
    '%s in each of 10 statuses, approved before or not: as it was seen, and as we say',
    async (command) => {
      const cases = STATUSES.flatMap((status) => ([0, 1] as const).map((passed) => ({ status, passed })));
      withStore(home(), (store) =>
        store.atomically(() => {
          for (const { status, passed } of cases)
            store.insert(idOf(command, status, passed), 'x', Date.now(), { status, audit_passed: passed });
        }),
      );
      const words = command === 'revise' || command === 'resume' ? ['a text'] : [];
      const outputs = await demo.run(
        cases.map(({ status, passed }) => ({
          type: 'process',
          title: command,
          argv: [
            '/usr/bin/env',
            `${skill()}/scripts/control.py`,
            command,
            idOf(command, status, passed),
            ...words,
          ],
          cwd: skill(),
          env: { BASE_PATH: home().base, PROJECT_ID: 'harbour' },
          timeoutMs: 1000,
        })),
      );
      withStore(home(), (store) => {
        for (const [index, { status, passed }] of cases.entries()) {
          const id = idOf(command, status, passed);
          const row = store.job(id);
          const wanted = AFTER[command]?.(status, passed);
          expect([id, [row?.status, row?.audit_passed]]).toEqual([id, wanted]);
          expect([id, commandEffect(command, status, passed === 1).to]).toEqual([id, wanted?.[0]]);
          expect(outputs[index]).toMatchObject({
            exitCode: 0,
            stdout: expect.stringContaining('"accepted"'),
          });
        }
      });
    },
  );

  test('harm is said wherever a command leads astray, and nowhere else', () => {
    const harmless = COMMANDS.flatMap((command) =>
      STATUSES.flatMap((status) =>
        [false, true]
          .filter((passed) => commandEffect(command, status, passed).harm === undefined)
          .map((passed) => `${command} ${status}${passed ? ' (approved once)' : ''}`),
      ),
    );
    expect(harmless).toEqual([
      'approve awaiting_audit',
      'approve awaiting_audit (approved once)',
      'resume waiting_human (approved once)',
      'resume failed (approved once)',
      ...[
        'queued',
        'awaiting_audit',
        'approved',
        'waiting_human',
        'revise_requested',
        'failed',
        'cancelled',
      ].flatMap((status) => [`cancel ${status}`, `cancel ${status} (approved once)`]),
    ]);
  });

  test.each([
    [['--token', 'x', 'approve', 'feed'], 2, 'unrecognized'],
    [['approve', 'feed', '--project-id', 'harbour'], 2, 'unrecognized'],
    [['revise', 'feed'], 2, 'required'],
    [['resume', 'feed', '  '], 1, ''],
  ])(
    '%j ends with %d: a word in the wrong place, an unknown option, a blank answer',
    async (words, exit, said) => {
      const [output] = await demo.run([
        {
          type: 'process',
          title: 'control.py',
          argv: ['/usr/bin/env', `${skill()}/scripts/control.py`, ...words],
          cwd: skill(),
          env: { BASE_PATH: home().base, PROJECT_ID: 'harbour' },
          timeoutMs: 1000,
        },
      ]);
      expect(output?.exitCode).toBe(exit);
      expect(output?.stderr).toContain(said);
    },
  );
});

/** Acts that give one of the four commands to this job. */
const GIVING = [
  'job.approve',
  'job.answer',
  'job.rerun',
  'job.revise',
  'job.cancel',
  'job.resubmit',
  'job.retry',
];

/** Acts that can be done, and those that are shown with why not. */
function offeredOn(view: StateView, target: Entity): readonly string[] {
  return openclawKind.acts
    .filter((act) => GIVING.includes(act.id) && act.appliesTo(target))
    .map((act) => {
      const why = act.precondition(view, target);
      return why === undefined ? act.id : `${act.id}: ${why}`;
    });
}

const OVER = 'it would go to awaiting_audit, where it waits for a review without a plan';
const NEVER = `job.rerun: nobody ever approved it: ${OVER}; job.retry submits the goal again`;

/** By status; `once`: of a job that somebody had approved, where that makes a difference. */
const OFFERED: {
  readonly [S in Status]: readonly string[] | { readonly never: string[]; readonly once: string[] };
} = {
  queued: ['job.cancel'],
  planning: ['job.cancel'],
  awaiting_audit: ['job.approve', 'job.resubmit', 'job.cancel', 'job.revise'],
  approved: ['job.cancel'],
  running: ['job.cancel'],
  waiting_human: ['job.resubmit', 'job.answer', 'job.cancel'],
  revise_requested: ['job.resubmit', 'job.retry', 'job.cancel'],
  completed: {
    never: ['job.retry', NEVER, 'job.cancel: it is completed: cancelling would only rewrite the record'],
    once: ['job.retry', 'job.rerun', 'job.cancel: it is completed: cancelling would only rewrite the record'],
  },
  failed: {
    never: ['job.resubmit', 'job.retry', NEVER, 'job.cancel'],
    once: ['job.resubmit', 'job.retry', 'job.rerun', 'job.cancel'],
  },
  cancelled: { never: ['job.retry', NEVER], once: ['job.retry', 'job.rerun'] },
};

const PLAN = JSON.stringify({
  status: 'awaiting_audit',
  run_id: '20260101_000000',
  orchestration: { summary: { total_tasks: 1 }, tasks: [{ task_id: 't', title: 'T', agent: 'a' }] },
});
const QUESTION = JSON.stringify({
  status: 'waiting_human',
  run_id: '20260101_000000',
  waiting: { t: 'Which?' },
});

describe('the cockpit offers', () => {
  test.each([0, 1] as const)(
    'in each status what does what it says, and refuses the rest with the reason (audit_passed %d)',
    (passed) => {
      const now = Date.now();
      withStore(home(), (store) =>
        store.atomically(() => {
          for (const status of STATUSES) {
            const result = status === 'awaiting_audit' ? PLAN : status === 'waiting_human' ? QUESTION : null;
            store.insert(idOf('offer', status, passed), `Goal ${status} ${passed}`, now, {
              ...{
                status,
                audit_passed: passed,
                last_result: result,
                run_id: result ? '20260101_000000' : null,
              },
              ...(status === 'running' || status === 'planning'
                ? { heartbeat_at: stamp(now), lease_until: stamp(now + 60_000) }
                : {}),
            });
          }
        }),
      );
      const view = demo.view();
      for (const status of STATUSES) {
        const job = view.entity('job', idOf('offer', status, passed));
        const wanted = OFFERED[status];
        const offered = 'never' in wanted ? wanted[passed === 1 ? 'once' : 'never'] : wanted;
        expect([status, job && offeredOn(view, job)]).toEqual([status, offered]);
        // What harms is warned of before the yes.
        for (const act of openclawKind.acts.filter(({ id }) => id === 'job.cancel' || id === 'job.rerun'))
          if (job && offered.includes(act.id) && harmOf(act.id, status, passed === 1) !== undefined)
            expect(act.warnings?.(view, job), `${act.id} ${status}`).not.toEqual([]);
      }
    },
  );
});

function harmOf(act: string, status: Status, passed: boolean): string | undefined {
  return commandEffect(act === 'job.cancel' ? 'cancel' : 'resume', status, passed).harm;
}

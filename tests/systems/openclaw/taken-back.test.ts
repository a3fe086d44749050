/**
 * A command of scripts/control.py is applied twice: at once, and at the next pass with all that was given before it. An
 * older cancel among the signals therefore takes an approval back, and a worker may claim the job in between. However the
 * steps of the two programs fall, and whenever and however late each file is looked at, that must not count as verified.
 */
import { describe, expect, test } from 'vitest';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import { mergeStages } from '../../../src/acts/verify.ts';
import type { StageState } from '../../../src/domain/act.ts';
import type { Job } from '../../../src/domain/entity.ts';
import { addMs, type Instant, instant } from '../../../src/domain/instant.ts';
import type { Json } from '../../../src/lib/json.ts';
import type { ActOrder, StateView } from '../../../src/systems/system.ts';
import { actOf, entityIn, layDemo, planned } from './demo-system.ts';

const START = instant(1_790_000_000_000);

/** What the two files hold after some steps. */
interface World {
  readonly native: string;
  readonly marks: readonly { readonly [key: string]: Json }[];
  readonly file: readonly { readonly action: string; readonly at: number }[];
}
type Step = 'signal' | 'local' | 'claim' | 'pop' | 'older' | 'ours' | 'end';
const OLDER = { action: 'cancel', at: START - 30_000 };
const OURS = { action: 'approve', at: START + 300 };

/** One step of control.py, of a worker that drains, of another one that claims, or of its runner. */
function after(world: World, step: Step, withOlder: boolean): World {
  const mark = (event: string, more: { readonly [key: string]: Json } = {}) => ({
    id: 100 + world.marks.length,
    event,
    at: START + 1_000 + world.marks.length * 10,
    ...more,
  });
  const approved = (): World => ({
    ...world,
    native: world.native === 'awaiting_audit' ? 'approved' : world.native,
    marks: [...world.marks, mark('audit_approved')],
  });
  const applied = (by: World, { action, at }: typeof OURS): World => ({
    ...by,
    marks: [
      ...by.marks,
      {
        ...mark('control_signal_applied', { action, given: at, status: by.native }),
        id: 100 + by.marks.length,
      },
    ],
  });
  switch (step) {
    case 'signal':
      return { ...world, file: [...(withOlder ? [OLDER] : []), OURS] };
    case 'local':
      return approved();
    case 'claim':
      return world.native === 'approved'
        ? { ...world, native: 'running', marks: [...world.marks, mark('job_claimed')] }
        : world;
    case 'pop':
      return { ...world, file: [] };
    case 'older':
      return withOlder
        ? applied({ ...world, native: 'cancelled', marks: [...world.marks, mark('job_cancelled')] }, OLDER)
        : world;
    case 'ours':
      return applied(approved(), OURS);
    case 'end':
      return world.marks.some((one) => one['event'] === 'job_claimed')
        ? { ...world, native: 'completed', marks: [...world.marks, mark('status_changed')] }
        : world;
  }
}

/** Every order the steps can fall in: each program keeps its own, and a drain empties the file first or last. */
function orders(): readonly (readonly Step[])[] {
  const steps: readonly Step[] = ['signal', 'local', 'claim', 'end', 'pop', 'older', 'ours'];
  const found: Step[][] = [];
  const go = (done: readonly Step[]): void => {
    if (done.length === steps.length) found.push([...done]);
    const has = (step: Step): boolean => done.includes(step);
    for (const step of steps) {
      if (has(step)) continue;
      const fits: { readonly [S in Step]: boolean } = {
        signal: true,
        local: has('signal'),
        claim: has('local'),
        end: has('claim'),
        pop: has('signal') && has('older') === has('ours'),
        older: has('signal'),
        ours: has('older'),
      };
      if (fits[step]) go([...done, step]);
    }
  };
  go([]);
  return found;
}

const before: World = { native: 'awaiting_audit', marks: [], file: [] };
const act = actOf('job.approve');
const order: ActOrder = {
  order: 'o1',
  act: act.id,
  target: { system: 'openclaw', type: 'job', id: 'j' } as ActOrder['target'],
  params: {},
  startedAt: START,
  revision: '',
  baseline: { lastEvent: 99, status: 'awaiting_audit', pollMs: 2000 },
  stepsDone: 1,
};

/** Stages as seen with the database of one moment and the signal file of another. */
function look(database: World, file: World): readonly StageState[] {
  const job = {
    type: 'job',
    id: 'j',
    nativeStatus: database.native,
    data: { job: 'j', marks: database.marks, ...(file.file.length > 0 ? { pending: file.file } : {}) },
  } as unknown as Job;
  const view = { now: addMs(START, 5_000), entity: () => job, entities: () => [job] } as unknown as StateView;
  return act.expect(view, order);
}

function worldsOf(steps: readonly Step[], withOlder: boolean): readonly World[] {
  const worlds = [before];
  for (const step of steps) worlds.push(after(worlds.at(-1) ?? before, step, withOlder));
  return worlds;
}

describe('an approval with an older cancel among the signals', () => {
  test('is never verified, in whatever order the programs ran and whatever was looked at when', () => {
    const all = orders();
    expect(all.length).toBeGreaterThan(30);
    for (const steps of all) {
      const worlds = worldsOf(steps, true);
      // The union over every pair of looks: no schedule of looks can see more.
      const seen = new Set(
        worlds.flatMap((database) =>
          worlds.flatMap((file) =>
            look(database, file)
              .filter((stage) => stage.state === 'seen')
              .map((stage) => stage.title),
          ),
        ),
      );
      expect(seen.size, steps.join(' ')).toBeLessThan(3);
    }
  });

  test('ends as taken back as soon as the drain is over, though the run itself completed', () => {
    for (const steps of orders()) {
      const worlds = worldsOf(steps, true);
      const last = worlds.at(-1) as World;
      expect(
        look(last, last).some((stage) => stage.required && stage.state === 'contradicted'),
        steps.join(' '),
      ).toBe(true);
    }
  });

  test('is verified in every order when nothing older is among the signals', () => {
    for (const steps of orders()) {
      const worlds = worldsOf(steps, false);
      let stages: readonly StageState[] = [];
      for (const world of worlds) stages = mergeStages(stages, look(world, world), START as Instant);
      const claimed = worlds.at(-1)?.marks.some((mark) => mark['event'] === 'job_claimed');
      expect(
        stages.map((stage) => stage.state),
        steps.join(' '),
      ).toEqual(claimed ? ['seen', 'seen', 'seen'] : ['seen', 'waiting', 'seen']);
    }
  });
});

test('an approval is refused while an older cancel of the job waits to be applied', async () => {
  const demo = await layDemo();
  try {
    const view = demo.view();
    const target = entityIn(view, 'approval', STORY.review);
    const { steps } = planned(act, view, target);
    // A first approval, and the cancel before it, are left among the signals; the job asks again.
    await demo.run(steps, ['flip-back']);
    const later = demo.view();
    expect(later.entity('job', STORY.review)?.data?.['pending']).toMatchObject([
      { action: 'cancel' },
      { action: 'approve' },
    ]);
    const job = later.entity('job', STORY.review) as Job;
    const asking = { ...job, data: { ...job.data, condition: 'review' } };
    const patched = { ...later, entity: () => asking } as unknown as StateView;
    expect(act.precondition(patched, asking)).toContain('a cancel given');
  } finally {
    demo.remove();
  }
});

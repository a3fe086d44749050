/** A cockpit over the toy with its stores, for tests of steps and undo. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ActServicePorts } from '../../src/acts/ports.ts';
import { type ActService, createActService, type PreviewRequest } from '../../src/acts/service.ts';
import type { ActEntry, ActOccasion, Params } from '../../src/domain/act.ts';
import type { Ref, SystemId } from '../../src/domain/entity.ts';
import { temporaryDirectory } from '../db/temporary.ts';
import { layToy, type ToyState } from './toy/kind.ts';
import { ALICE, type Cockpit, cockpit } from './toy/ports.ts';

export const job: Ref = { system: 'toy' as SystemId, type: 'job', id: 'a1' };

export interface StepBench extends Cockpit {
  readonly root: string;
  readonly service: ActService;
  set(state: ToyState): void;
  /** Preview, yes, and the wait for the end. */
  done(act: string, params?: Params, occasion?: ActOccasion): Promise<ActEntry>;
  start(request: PreviewRequest): ReturnType<ActService['start']>;
  /** A second cockpit, of bob, over the same records. */
  beside(): StepBench;
}

/** Lays the toy out with this state and opens a cockpit. */
export function stepBench(toy: ToyState, mode = 'honest'): StepBench {
  const base = temporaryDirectory();
  const located = layToy(join(base, 'root'), toy, mode);
  const open = (more: Partial<ActServicePorts>): StepBench => {
    const pit = cockpit(located, join(base, 'state'), more);
    const service = createActService(pit.ports);
    onTestFinished(() => {
      service.close();
      pit.close();
    });
    const start: StepBench['start'] = (request) => {
      const { confirmation, revision } = service.preview(request);
      return service.start({ ...request, revision, confirmedBy: confirmation === 'none' ? 'none' : 'yes' });
    };
    return {
      ...pit,
      root: located.root,
      service,
      set: (next) => writeFileSync(join(located.root, 'state.json'), JSON.stringify(next)),
      start,
      async done(act, params = {}, occasion) {
        const answer = await start({ act, target: job, params, ...(occasion ? { occasion } : {}) });
        if (answer.order === undefined) throw new Error(`refused: ${answer.refused}`);
        return await seen(() =>
          service.entries().find((one) => one.order === answer.order && one.status !== 'running'),
        );
      },
      beside: () => open({ who: { ...ALICE, user: 'bob' } }),
    };
  };
  return open({});
}

/** Looks until there is something to see. */
export async function seen<T>(look: () => T | undefined, withinMs = 15_000): Promise<T> {
  for (const until = performance.now() + withinMs; ; ) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error(`not seen within ${withinMs} ms: ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * The simulated installation in a temporary directory, derived by reading its files, with the stand-in programs run as
 * an act's steps say. What a test changes, it changes through the programs.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openclawSimulator } from '../../../fixtures/demo/openclaw/simulator.ts';
import { lookInto } from '../../../src/config/look.ts';
import type { Params, ProcessStep, StepOutput } from '../../../src/domain/act.ts';
import type { Entity, SystemId } from '../../../src/domain/entity.ts';
import { entityKey, refOf } from '../../../src/domain/entity.ts';
import { type Instant, instant } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import type { ActOrder, ActSpec, Derived, Located, StateView } from '../../../src/systems/system.ts';
import { deriveLocated } from '../fixture-case.ts';

export interface DemoSystem {
  readonly dir: string;
  readonly located: Located;
  derive(at?: Instant, processes?: readonly ProcessInfo[]): Derived;
  view(at?: Instant, processes?: readonly ProcessInfo[]): StateView;
  /** Runs the steps of an act with the stand-ins, as the runner would. */
  run(steps: readonly ProcessStep[], lies?: readonly string[]): Promise<readonly StepOutput[]>;
  /** One pass of the simulated worker. */
  pass(): Promise<void>;
  remove(): void;
}

/** Lays the story out as of `at` (default now). */
export async function layDemo(at: number = Date.now()): Promise<DemoSystem> {
  const dir = mkdtempSync(join(tmpdir(), 'binnacle-openclaw-demo-'));
  const laid = await openclawSimulator.lay(dir, { pace: 1, python: '/usr/bin/env', now: () => at });
  const located = openclawKind.locate(
    laid.dir,
    lookInto(laid.dir, {}),
    'openclaw' as SystemId,
    laid.settings,
  );
  const derive = (when: Instant = instant(Date.now()), processes: readonly ProcessInfo[] = []): Derived =>
    deriveLocated(openclawKind, located, { at: when, settings: {}, mtimes: {}, processes, http: {} });
  const play = async (
    argv: readonly string[],
    cwd: string,
    env: Readonly<Record<string, string>>,
    lies: readonly string[],
  ): Promise<StepOutput> => {
    const said = { stdout: '', stderr: '' };
    const exitCode = await openclawSimulator.standIn(argv, {
      cwd,
      env,
      lies: new Set(lies),
      out: (text) => {
        said.stdout += text;
      },
      error: (text) => {
        said.stderr += text;
      },
    });
    return { title: argv[0] ?? '', exitCode, truncated: false, ...said };
  };
  return {
    dir,
    located,
    derive,
    view: (when = instant(Date.now()), processes = []) => {
      const derived = derive(when, processes);
      const byKey = new Map(derived.entities.map((entity) => [entityKey(entity), entity]));
      return stateViewOf(located, when, byKey, derived.data ?? {}, { readAt: when, processes });
    },
    async run(steps, lies = []) {
      const outputs: StepOutput[] = [];
      for (const step of steps) {
        const script = step.argv[1] ?? '';
        if (!existsSync(script)) throw new Error(`${script} is not there`);
        outputs.push(await play(step.argv.slice(1), step.cwd, step.env ?? {}, lies));
      }
      return outputs;
    },
    async pass() {
      const skill = join(dir, 'agent-orchestrator');
      const env = { BASE_PATH: join(dir, 'workspace'), PROJECT_ID: 'harbour' };
      await play([join(skill, 'scripts/worker.py'), '--once'], skill, env, []);
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** The act with that id. */
export function actOf(id: string): ActSpec {
  const act = openclawKind.acts.find((one) => one.id === id);
  if (!act) throw new Error(`no act ${id}`);
  return act;
}

/** The entity, or a failure that names it. */
export function entityIn(view: StateView, type: 'job' | 'approval', id: string): Entity {
  const entity = view.entity(type, id);
  if (!entity) throw new Error(`no ${type} ${id}`);
  return entity;
}

/** Plans an act as the engine does: steps and order of one moment. */
export function planned(
  act: ActSpec,
  view: StateView,
  target: Entity,
  params: Params = {},
): { readonly steps: readonly ProcessStep[]; readonly order: ActOrder } {
  const steps = act.plan(view, target, params).filter((step): step is ProcessStep => step.type === 'process');
  return {
    steps,
    order: {
      order: 'o1',
      act: act.id,
      target: refOf(target),
      params,
      startedAt: view.now,
      revision: act.revision(view, target),
      baseline: act.baseline?.(view, target) ?? null,
      stepsDone: steps.length,
    },
  };
}

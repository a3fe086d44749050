import { hostname } from 'node:os';
import type { Options } from '../config/options.ts';
import { configuredSystems } from '../config/systems.ts';
import { stateDirectories } from '../db/state-dir.ts';
import { systemClock } from '../host/clock.ts';
import { type Demo, startDemoSystems } from './demo.ts';
import { type EnginePlan, planFor } from './engine-plan.ts';
import { startEngineThread } from './engine-worker.ts';
import { runOnTerminal } from './run-on-terminal.ts';
import { nothingToWatch, openSession, type Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/** How the cockpit is opened. */
export interface CockpitWishes {
  /** With nothing to watch, open the demo instead of ending. */
  readonly orDemo?: boolean;
  readonly demo?: boolean;
  /** This pane alone. */
  readonly pane?: string;
}

/** What draws: `runScreen` of `views/main.tsx`, handed in so that this room knows no Ink. */
export type DrawCockpit = typeof import('../../views/main.tsx').drawCockpit;

/** Opens the cockpit on this terminal and returns its exit code. */
export async function openCockpit(
  options: Options,
  wishes: CockpitWishes,
  draw: DrawCockpit,
): Promise<number> {
  const session = wishes.demo ? undefined : openSession(options, process.cwd());
  const isDemo = session === undefined || (session.systems.length === 0 && wishes.orDemo === true);
  if (!isDemo && session.systems.length === 0) throw nothingToWatch();
  const demo = isDemo ? await startDemoSystems() : undefined;
  try {
    return await watch(options, wishes, session ?? openSession(withoutSystems(options), '/'), demo, draw);
  } finally {
    await demo?.close();
  }
}

/** The demo needs no configuration of the host, but read-only and such still hold. */
function withoutSystems(options: Options): Options {
  return { ...options, systems: [], config: undefined };
}

async function watch(
  options: Options,
  wishes: CockpitWishes,
  session: Session,
  demo: Demo | undefined,
  draw: DrawCockpit,
): Promise<number> {
  const systems = demo
    ? configuredSystems(demo.systems, {}, undefined, demo.dir, process.env).systems
    : session.systems;
  const plan: EnginePlan = planFor(systems, {
    describedKinds: demo ? {} : session.describedKinds,
    once: false,
    notices: [
      ...(demo ? ['DEMO: simulated systems, nothing here is real'] : [`watching: ${session.from}`]),
      ...(stateDirectories(process.env).isHostWide ? [] : ['alone: others are not seen']),
    ],
    ...(options.at === undefined ? {} : { at: options.at }),
  });
  const clock = systemClock();
  const { stdin, stdout, stderr } = process;
  return await runOnTerminal({ stdin, stdout, stderr, clock }, (terminal: Terminal) => {
    let tellEnd = (_why: string): void => {};
    const engine = startEngineThread({ plan, config: demo ? {} : session.config }, (why) => tellEnd(why));
    const drawing = draw({
      engine,
      terminal,
      clock,
      hostName: hostname(),
      ...(wishes.pane === undefined ? {} : { pane: wishes.pane }),
    });
    tellEnd = drawing.engineEnded;
    return drawing;
  });
}

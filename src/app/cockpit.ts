import { hostname } from 'node:os';
import type { Options } from '../config/options.ts';
import type { ConfigFile } from '../config/schema.ts';
import { configuredSystems } from '../config/systems.ts';
import { type StateDirectories, stateDirectories } from '../db/state-dir.ts';
import type { EnginePort } from '../engine/protocol.ts';
import { type Clock, clockFrom, systemClock } from '../host/clock.ts';
import { keepCompiled, LOADED_MS } from './compile-cache.ts';
import { type Demo, startDemoSystems } from './demo.ts';
import { absencesOf, planFor } from './engine-plan.ts';
import type { EngineThread } from './engine-worker.ts';
import { type LogMemory, logMemory } from './kept-log-view.ts';
import { giveBackMemory, stayYoung } from './memory.ts';
import { type OperatorHost, operatorHost } from './operator-host.ts';
import { type Drawing, runOnTerminal } from './run-on-terminal.ts';
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

/** What draws; its loading is handed in, so that this room knows nothing of how. */
export type DrawCockpit = (given: {
  readonly engine: EnginePort;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly hostName: string;
  readonly pane?: string;
  readonly rebindings?: { readonly [command: string]: readonly string[] };
  /** `theme` of the configuration. */
  readonly wantedTheme?: 'color' | 'mono' | 'ascii';
  readonly host: OperatorHost;
  readonly logMemory: LogMemory;
}) => Drawing & { engineEnded(why: string): void };

/** Opens the cockpit on this terminal and returns its exit code. Its engine gets to work in `thread`. */
export async function openCockpit(
  options: Options,
  wishes: CockpitWishes,
  thread: EngineThread,
  loadDraw: () => Promise<DrawCockpit>,
): Promise<number> {
  const session = wishes.demo ? undefined : await openSession(options, process.cwd());
  if (session && session.systems.length > 0)
    return await watch(options, wishes, session, undefined, thread, loadDraw);
  if (session && wishes.orDemo !== true) throw nothingToWatch();
  const demo = await startDemoSystems();
  try {
    return await watch(options, wishes, await demoSession(options, demo), demo, thread, loadDraw);
  } finally {
    await demo.close();
  }
}

/** The demo's systems, located as the command line would; the host's configuration has no part in it. */
async function demoSession(options: Options, demo: Demo): Promise<Session> {
  const { systems } = await configuredSystems(demo.systems, {}, { path: undefined }, demo.dir, process.env);
  return {
    systems,
    absent: [],
    from: 'command line',
    config: {},
    configPath: undefined,
    describedKinds: {},
    readOnly: options.flags.has('--read-only'),
  };
}

async function watch(
  options: Options,
  wishes: CockpitWishes,
  session: Session,
  demo: Demo | undefined,
  thread: EngineThread,
  loadDraw: () => Promise<DrawCockpit>,
): Promise<number> {
  const plan = planFor(session.systems, {
    absent: absencesOf(session.absent),
    describedKinds: session.describedKinds,
    once: false,
    notices: [
      ...(demo ? ['DEMO: five simulated systems, nothing here is real'] : []),
      ...(session.readOnly ? ['read-only'] : []),
      ...aloneNotices(stateDirectories(process.env)),
    ],
    ...(options.at === undefined ? {} : { at: options.at }),
  });
  const clock = systemClock();
  const { stdin, stdout, stderr } = process;
  let tellEnd = (_why: string): void => {};
  // The engine reads while the screen's own code is still being loaded.
  const engine = thread.begin({ plan, config: session.config }, (why) => tellEnd(why));
  const loading = loadDraw();
  try {
    return await runOnTerminal({ stdin, stdout, stderr, clock }, async (terminal) => {
      const draw = await loading;
      const drawing = draw({
        engine,
        terminal,
        // Ages on the screen are as of the same time as those of the engine.
        clock: options.at === undefined ? clock : clockFrom(options.at),
        hostName: hostname(),
        host: operatorHost(terminal),
        logMemory: logMemory(stateDirectories(process.env).state),
        ...(wishes.pane === undefined ? {} : { pane: wishes.pane }),
        ...rebindingsOf(session.config),
        ...(session.config.theme === undefined ? {} : { wantedTheme: session.config.theme }),
      });
      tellEnd = drawing.engineEnded;
      stayYoung();
      // One after the other: each holds this thread for a moment.
      clock.after(LOADED_MS, keepCompiled);
      clock.after(LOADED_MS + 1_000, giveBackMemory);
      return drawing;
    });
  } finally {
    await engine.close();
  }
}

function rebindingsOf(config: ConfigFile): {
  readonly rebindings?: { readonly [command: string]: readonly string[] };
} {
  if (!config.keys) return {};
  const rebindings = Object.fromEntries(
    Object.entries(config.keys).map(([command, keys]) => [command, typeof keys === 'string' ? [keys] : keys]),
  );
  return { rebindings };
}

/** A host directory that is there and not used is told by the records, with the reason. */
function aloneNotices({ isHostWide, refused }: StateDirectories): readonly string[] {
  return isHostWide || refused !== undefined ? [] : ['alone: others are not seen'];
}

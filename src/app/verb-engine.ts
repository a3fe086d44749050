import type { Options } from '../config/options.ts';
import type { ActSummary } from '../domain/act.ts';
import { ExternalError } from '../domain/error.ts';
import type { EnginePort } from '../engine/protocol.ts';
import { keepAlive } from '../host/clock.ts';
import { type CockpitState, initialState, reduceChanges } from '../store/state.ts';
import { actDeskFor, openActs } from './acts-room.ts';
import { engineOf, planFor } from './engine-plan.ts';
import { nothingToWatch, openSession } from './session.ts';

/** What a verb works with. */
export interface VerbEngine {
  readonly engine: EnginePort;
  /** The state as of the newest message. */
  state(): CockpitState;
  /** The acts of the kinds that are watched. */
  verbs(): readonly ActSummary[];
  close(): Promise<void>;
}

export interface VerbNeeds {
  /** See {@link openActs}. */
  readonly withActs: 'never' | 'if there' | 'rehearse' | 'create';
  /** Go on watching after the first look. */
  readonly watch?: boolean;
}

/** Opens the session of a verb, reads everything once, and returns when all of it was read. */
export async function openEngine(options: Options, needs: VerbNeeds): Promise<VerbEngine> {
  const session = openSession(options, process.cwd());
  if (session.systems.length === 0) throw nothingToWatch();
  const acts = needs.withActs === 'never' ? undefined : openActs(needs.withActs);
  const plan = planFor(session.systems, {
    describedKinds: session.describedKinds,
    once: needs.watch !== true,
    notices: [],
    ...(options.at === undefined ? {} : { at: options.at }),
    ...(acts?.budgetDir === undefined ? {} : { budgetDir: acts.budgetDir }),
  });
  const engine = engineOf(
    plan,
    acts ? (watches, clock) => actDeskFor(acts, session.config, watches, clock) : undefined,
  );
  const release = keepAlive();
  let state = initialState;
  try {
    await engine.call('settle', {});
  } catch (error) {
    await engine.close();
    release();
    throw new ExternalError('the engine', error instanceof Error ? error.message : String(error));
  }
  engine.subscribe((changes) => {
    state = reduceChanges(state, changes);
  });
  return {
    engine,
    state: () => state,
    verbs: () =>
      session.systems.flatMap(({ kind, located }) =>
        kind.acts.map((act) => ({
          system: located.system,
          act: act.id,
          risk: act.risk,
          menu: act.menu,
          title: act.title,
          does: act.does,
          params: act.params.map((param) => (param.required ? param.name : `[${param.name}]`)).join(' '),
        })),
      ),
    async close() {
      await engine.close();
      acts?.close();
      release();
    },
  };
}

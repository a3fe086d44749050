import type { Options } from '../config/options.ts';
import { stateDirectories } from '../db/state-dir.ts';
import type { ActSummary, DeclaredAct } from '../domain/act.ts';
import { ExternalError, UserError } from '../domain/error.ts';
import { createHistoryDesk, type HistoryRoom } from '../engine/history-desk.ts';
import type { EnginePort } from '../engine/protocol.ts';
import { keepAlive } from '../host/clock.ts';
import { type CockpitState, initialState, reduceChanges } from '../store/state.ts';
import { type ActsRoom, actDeskFor, openActs, tryOpenActs } from './acts-room.ts';
import { actsOfSystems, declaredActs } from './declared-acts.ts';
import { engineOf } from './engine-of.ts';
import { absencesOf, planFor } from './engine-plan.ts';
import { openHistoryRoom } from './history-room.ts';
import type { KeeperOf } from './positions-room.ts';
import { nothingToWatch, openSession, type Session } from './session.ts';
import { learnSecretsOfHooks } from './system-secrets.ts';

/** What a verb works with. */
export interface VerbEngine {
  /** The configuration and the systems it found. */
  readonly session: Session;
  readonly engine: EnginePort;
  /** The state as of the newest message. */
  state(): CockpitState;
  /** The acts of each system that is watched. */
  verbs(): readonly ActSummary[];
  /** The acts of every kind there is, described ones too. */
  declared(): Promise<readonly DeclaredAct[]>;
  /** What is wrong beside: systems that were named and are not there, records that can't be opened. */
  readonly troubles: readonly UserError[];
  close(): Promise<void>;
}

export interface VerbNeeds {
  /** See {@link openActs}; `if there, or none`: where none are there, empty ones that go away again. */
  readonly withActs: 'never' | 'if there' | 'if there, or none' | 'rehearse' | 'create';
  /** Go on watching after the first look. */
  readonly watch?: boolean;
  /** Records of its own in the history (a hand-over). What it sees is not recorded: it looks once. */
  readonly withHistory?: boolean;
  /** Keeps how far the logs were read. */
  readonly keeperOf?: KeeperOf;
  /** With nothing to watch it opens all the same. */
  readonly orNothing?: boolean;
}

/** Opens the session of a verb, reads everything once, and returns when all of it was read. */
export async function openEngine(options: Options, needs: VerbNeeds): Promise<VerbEngine> {
  const session = await openSession(options, process.cwd());
  learnSecretsOfHooks(session.config);
  if (session.systems.length === 0 && needs.orNothing !== true) throw nothingToWatch();
  const troubles = session.absent.map(({ error }) => error);
  const acts = actsFor(needs.withActs, troubles);
  const history = needs.withHistory === true ? historyFor(session) : undefined;
  const plan = planFor(session.systems, {
    absent: absencesOf(session.absent),
    describedKinds: session.describedKinds,
    once: needs.watch !== true,
    notices: [],
    ...(options.at === undefined ? {} : { at: options.at }),
    // Requests of a verb count with those of the cockpits; a directory that is not there is not made for it.
    budgetDir: acts?.budgetDir ?? stateDirectories(process.env).shared,
  });
  const engine = await engineOf(
    plan,
    acts ? (watches, clock) => actDeskFor(acts, watches, clock) : undefined,
    undefined,
    history
      ? (logs, clock, onChange) => ({
          ...createHistoryDesk({ room: history, clock, logs, systems: [], onChange }),
          // One look shows no change; taking the lease would only interrupt the cockpit that watches.
          take() {},
        })
      : undefined,
    undefined,
    needs.keeperOf,
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
    session,
    engine,
    troubles,
    state: () => state,
    verbs: () => actsOfSystems(session),
    declared: () => declaredActs(session),
    async close() {
      await engine.close();
      acts?.close();
      history?.close();
      release();
    },
  };
}

/** The history for a verb that writes to it. Throws UserError (exit 3) where it can't be had. */
function historyFor({ config }: Session): HistoryRoom & { close(): void } {
  const room = openHistoryRoom(config);
  if (!room.ok) throw new UserError(`the history can't be written: ${room.error}`, [], 3);
  return room.value;
}

/** A verb that reads does without the records where they can't be opened; one that acts does not. */
function actsFor(withActs: VerbNeeds['withActs'], troubles: UserError[]): ActsRoom | undefined {
  switch (withActs) {
    case 'never':
      return undefined;
    case 'if there':
    case 'if there, or none': {
      const opened = tryOpenActs('if there');
      if (opened.ok) return opened.value ?? (withActs === 'if there' ? undefined : openActs('rehearse'));
      troubles.push(new UserError(`acts and items set aside are not known: ${opened.error}`, [], 0));
      return undefined;
    }
    default:
      return openActs(withActs);
  }
}

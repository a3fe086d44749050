/** The engine's thread: builds the engine of the plan it was given and serves it over its port. */
import { parentPort } from 'node:worker_threads';
import { hooksOf } from '../config/hooks.ts';
import { refKey, type SystemId } from '../domain/entity.ts';
import { serveEngine } from '../engine/carrier.ts';
import { createHistoryDesk, type HistoryDesk } from '../engine/history-desk.ts';
import { actDeskFor, tryOpenActs } from './acts-room.ts';
import { openAlerts } from './alerts-room.ts';
import { clockOf, engineOf } from './engine-of.ts';
import type { EngineThreadData } from './engine-worker.ts';
import { openHistoryRoom } from './history-room.ts';
import { writeIncident } from './incident.ts';
import { keepLedger } from './ledger-keeper.ts';
import { giveBackMemory } from './memory.ts';
import { openCockpitPositions } from './positions-room.ts';
import { keepRecords } from './record-keeper.ts';
import { learnSecretsOfHooks } from './system-secrets.ts';

/** After its first reading it has told all of it. */
const SETTLED_MS = 1_000;

/** Serves the engine of this plan at the thread's own port. */
export async function serve({ plan, config }: EngineThreadData): Promise<void> {
  learnSecretsOfHooks(config);
  const opened = tryOpenActs('create');
  const acts = opened.ok ? opened.value : undefined;
  // Judged as of another time, what is seen did not happen then: none of it is recorded.
  const historyRoom = plan.at === undefined ? openHistoryRoom(config) : undefined;
  let history: HistoryDesk | undefined;
  // Judged as of another time, what is seen did not just happen: nothing rings, and nobody is told.
  const alerts =
    acts && plan.at === undefined
      ? openAlerts({
          room: acts,
          hooks: hooksOf(config),
          clock: clockOf(plan),
          usualStayMs: (system, type, state) => history?.usualStayMs(system, type, state),
          fired: (text, { ref }) => history?.remark('hook', text, { system: ref.system, key: refKey(ref) }),
        })
      : undefined;
  // Of the cockpits that watch a system, the one that writes its history also keeps how far its logs were read, and what
  // their writers empty.
  const leads = (system: SystemId): boolean => history?.leads(system) === true;
  const positions = plan.at === undefined ? openCockpitPositions(leads) : undefined;
  const engine = await engineOf(
    {
      ...plan,
      ...(acts ? { budgetDir: acts.budgetDir } : {}),
      // A cockpit that can record nothing still shows everything.
      ...(opened.ok ? {} : { actsOff: opened.error }),
      notices: [
        ...plan.notices,
        ...(opened.ok ? [] : [`ACTS OFF: ${opened.error}`]),
        ...(historyRoom?.ok === false && opened.ok ? [`HISTORY OFF: ${historyRoom.error}`] : []),
        ...(positions?.ok === true ? positions.value.notices : []),
        ...(positions?.ok === false && historyRoom?.ok === true ? [`POSITIONS OFF: ${positions.error}`] : []),
      ],
    },
    acts ? (watches, clock) => actDeskFor(acts, watches, clock) : undefined,
    alerts?.desk,
    historyRoom?.ok === true
      ? (logs, clock, onChange) => {
          const systems = plan.systems.map(({ located }) => located);
          history = createHistoryDesk({ room: historyRoom.value, clock, logs, systems, onChange });
          return history;
        }
      : undefined,
    writeIncident,
    positions?.ok === true ? positions.value.keeperOf : undefined,
    plan.at === undefined ? leads : undefined,
  );
  alerts?.follow(engine);
  const keeping =
    acts && plan.at === undefined
      ? [keepLedger(acts, config, clockOf(plan)), keepRecords(acts, config, clockOf(plan))]
      : [];
  const close = async (): Promise<void> => {
    for (const stop of keeping) stop();
    await alerts?.close();
    await engine.close();
    if (positions?.ok === true) positions.value.close();
    if (historyRoom?.ok === true) historyRoom.value.close();
  };
  // The first reading of long logs takes much for a moment.
  void engine.call('settle', {}).then(
    () => clockOf(plan).after(SETTLED_MS, giveBackMemory),
    () => {},
  );
  if (parentPort) serveEngine({ ...engine, close }, parentPort);
}

/** The simulated installation that really runs, and acts that are really done to it by stand-ins as programs. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openclawSimulator } from '../../../fixtures/demo/openclaw/simulator.ts';
import { lookInto } from '../../../src/config/look.ts';
import type { ActPreview, UndoOffer } from '../../../src/domain/act.ts';
import type { EntityType, SystemId } from '../../../src/domain/entity.ts';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import type { CommonSettings } from '../../../src/systems/system.ts';
import { Acting, type Doing, type Ended, until, watchOf } from '../acting.ts';
import { writeInterpreter } from '../interpreter.ts';

/** Where each program notes the lies it began with. */
const BEGUN = '.begun';

export interface Live {
  readonly watch: SystemWatch;
  lie(...names: string[]): void;
  /** Until a program has begun under that lie: only then may it be taken back. */
  begunWith(lie: string): Promise<void>;
  preview(act: string, type: EntityType, id: string): ActPreview;
  act(act: string, type: EntityType, id: string, doing?: Doing): Promise<Ended>;
  /** What undoes the newest act. */
  undo(): UndoOffer;
  until(holds: (watch: SystemWatch) => boolean): Promise<void>;
  end(): Promise<void>;
}

/** Lays the story out and, if wanted, lets the queue go on with its workers. */
export async function startLive(options: { readonly workers: boolean }): Promise<Live> {
  const dir = mkdtempSync(join(tmpdir(), 'binnacle-openclaw-live-'));
  mkdirSync(join(dir, 'bin'), { recursive: true });
  const python = join(dir, 'bin', 'python');
  writeInterpreter(python, new URL('./stand-in.ts', import.meta.url), WITHOUT_INTERPRETER);
  const simulated = { pace: 4, python, now: () => Date.now() };
  const laid = await openclawSimulator.lay(dir, simulated);
  const ending = new AbortController();
  const running = options.workers ? openclawSimulator.run(laid, simulated, ending.signal) : Promise.resolve();
  const look = lookInto(laid.dir, {});
  const settings = { ...laid.settings, interval: '0.3' } as CommonSettings;
  const located = openclawKind.locate(laid.dir, look, 'openclaw' as SystemId, settings);
  const watch = watchOf(openclawKind, located);
  await watch.start();
  const acting = new Acting(openclawKind, located, watch, join(dir, 'state-of-ours'));
  return {
    watch,
    lie(...names) {
      rmSync(join(laid.dir, BEGUN), { force: true });
      writeFileSync(join(laid.dir, '.lies'), names.join(' '));
    },
    begunWith: (lie) =>
      until(
        () => existsSync(join(laid.dir, BEGUN)) && readFileSync(join(laid.dir, BEGUN), 'utf8').includes(lie),
      ),
    preview: (act, type, id) => acting.preview(act, type, id),
    undo: () => acting.undo(),
    async act(act, type, id, doing) {
      await watch.refresh();
      return acting.act(act, type, id, doing);
    },
    until: (holds) => until(() => holds(watch)),
    async end() {
      acting.close();
      const workers = watch.view().entity('service', 'worker')?.data?.['workers'];
      await watch.close();
      for (const { pid } of (workers ?? []) as unknown as readonly { pid: number }[]) {
        try {
          if (pid > 1) process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended.
        }
      }
      ending.abort();
      await running;
      // A worker that was not seen ends at its next pass, when its script is gone.
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Programs that fail or hang need no interpreter to do so: many of them are started. */
const WITHOUT_INTERPRETER = `case "$(cat .lies 2>/dev/null)" in
  crash) echo 'sqlite3.OperationalError: database is locked' >&2; exit 1 ;;
  hang) exec sleep 600 ;;
esac
`;

/** Holds of a cockpit that ends, as another cockpit of the same host sees them. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, it } from 'vitest';
import { pressFor, startCockpit, temporaryDirectory } from './cockpit.ts';
import { layOutQueue } from './queue-system.ts';
import type { DrivenTerminal } from './terminal.ts';
import { runVerb } from './verb.ts';

const HELD = /FAILED .*\[held by .*pts\/\d+\]/;

describe('a hold', () => {
  it('is let go when its cockpit is quit, told to end, or loses its terminal; killed, it leaves a hold that lapses', async ({
    expect,
    onTestFinished: atEnd,
  }) => {
    const queue = await layOutQueue('honest');
    const state = temporaryDirectory('e2e-holds');
    atEnd(queue.remove);
    atEnd(state.remove);
    const open = async (): Promise<DrivenTerminal> => {
      const opened = startCockpit({ args: queue.args, state: state.path });
      atEnd(() => opened.close());
      await opened.waitFor(/3\/3 fresh[\s\S]*^>- FAILED +nightly mail digest/m, 20_000);
      return opened;
    };
    const bob = await open();
    const ends: readonly ((alice: DrivenTerminal) => void)[] = [
      (alice) => void alice.press('Q'),
      (alice) => alice.kill('SIGTERM'),
      (alice) => alice.hangUp(),
    ];
    for (const end of ends) {
      const alice = await open();
      await pressFor(alice, 'K', /\[held by you\]/);
      await bob.waitFor(HELD, 15_000);
      // A verb asked beside it lets nothing go.
      if (end === ends[0]) {
        await runVerb(['list', 'attention', ...queue.args], { env: { BINNACLE_STATE_DIR: state.path } });
        expect(bob.text()).toMatch(HELD);
      }
      end(alice);
      await bob.waitGone(HELD, 15_000);
    }
    const alice = await open();
    await pressFor(alice, 'K', /\[held by you\]/);
    await bob.waitFor(HELD, 15_000);
    alice.kill('SIGKILL');
    await alice.exit;
    const host = new Database(join(state.path, 'host.db'));
    atEnd(() => void host.close());
    const left = (): number[] => host.prepare('SELECT until FROM holds').pluck().all() as number[];
    expect(left()).toHaveLength(1);
    expect(Math.abs((left()[0] ?? 0) - Date.now() - 90_000)).toBeLessThan(90_000);
    expect(bob.text()).toMatch(HELD);
    // As if the 90 seconds had passed.
    host.prepare('UPDATE holds SET until = ?').run(Date.now() + 200);
    await bob.waitGone(HELD, 15_000);
  });
});

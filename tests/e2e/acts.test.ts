/**
 * Acts pressed by keys in the built cockpit, on the simulated systems: once with the honest program and once with each
 * of its lies. What the ledger says afterwards must tell them apart.
 */
import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import {
  jsonLines,
  type LedgerLine,
  mainPath,
  type RunningDemo,
  selectRow,
  startCockpit,
  startDemo,
  temporaryDirectory,
} from './cockpit.ts';
import { closeTerminals, type DrivenTerminal } from './terminal.ts';

const undo: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  await closeTerminals();
  for (const step of undo.splice(0).reverse()) await step();
});

async function demoOf(...kinds: string[]): Promise<RunningDemo> {
  const demo = await startDemo(...kinds);
  undo.push(() => demo.close());
  return demo;
}

function stateDirectory(): string {
  const state = temporaryDirectory('e2e-acts');
  undo.push(() => state.remove());
  return state.path;
}

function ledgerOf(state: string): LedgerLine[] {
  const told = spawnSync(process.execPath, [mainPath, 'ledger', '--json'], {
    encoding: 'utf8',
    env: { BINNACLE_STATE_DIR: state, BINNACLE_HOST_DIR: '', HOME: state },
  });
  return jsonLines<LedgerLine>(told.stdout);
}

function verifyLedger(state: string): { status: number | null; text: string } {
  const told = spawnSync(process.execPath, [mainPath, 'ledger', 'verify'], {
    encoding: 'utf8',
    env: { BINNACLE_STATE_DIR: state, BINNACLE_HOST_DIR: '', HOME: state },
  });
  return { status: told.status, text: told.stdout };
}

/** Waits until the ledger has the end of the act, and returns it. */
async function outcomeOf(state: string, act: string, withinMs = 60_000): Promise<LedgerLine['record']> {
  const until = performance.now() + withinMs;
  for (;;) {
    const end = ledgerOf(state).find(({ record }) => record.phase === 'finished' && record.act === act);
    if (end) return end.record;
    if (performance.now() > until) {
      throw new Error(`no end of ${act} within ${withinMs} ms: ${JSON.stringify(ledgerOf(state))}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Opens the menu of a key, takes the act with that title, confirms, and gives a reason where one is asked for. */
async function actByKey(
  terminal: DrivenTerminal,
  key: string,
  title: RegExp,
  reason?: string,
): Promise<void> {
  await terminal.press(key);
  await terminal.waitFor(/Enter choose|>no, back/);
  for (let step = 0; /Enter choose/.test(terminal.text()); step += 1) {
    const chosen = terminal.screen().findLast((row) => row.startsWith('>')) ?? '';
    if (title.test(chosen)) {
      await terminal.press('enter');
      await terminal.waitGone(/Enter choose/);
    } else {
      if (step > 8) throw new Error(`no entry ${title} in the menu of ${key}; screen:\n${terminal.text()}`);
      await terminal.press('j');
      await terminal.settled();
    }
  }
  await terminal.waitFor(/>no, back/);
  await terminal.press('y');
  if (reason !== undefined) {
    await terminal.waitFor(/[Rr]eason/);
    terminal.type(reason);
    await terminal.waitFor(reason);
    await terminal.press('enter');
  }
}

describe('OpenClaw: approve, on the card', () => {
  async function approve(lie?: string): Promise<{ state: string; terminal: DrivenTerminal }> {
    const demo = await demoOf('openclaw');
    if (lie) demo.lie('openclaw', lie);
    const state = stateDirectory();
    const terminal = startCockpit({ args: demo.args, state });
    await selectRow(terminal, 'Draft the tide table');
    await terminal.press('a');
    await terminal.waitFor(/REVIEW .*Draft the tide table/);
    // The first line says what the program does differently from what is shown.
    expect(terminal.text()).toMatch(/approving makes a new plan/);
    await terminal.press('end');
    await terminal.waitFor('to the end');
    await terminal.press('y');
    await terminal.waitFor(/[Rr]eason/);
    terminal.type('tide table reviewed');
    await terminal.waitFor('tide table reviewed');
    await terminal.press('enter');
    return { state, terminal };
  }

  it('is verified when a worker claims the job, and shows so', async () => {
    const { state, terminal } = await approve();
    expect(await outcomeOf(state, 'job.approve')).toMatchObject({ outcome: 'verified', exitCode: 0 });
    await terminal.waitFor(/approve .*verified/);
    expect(ledgerOf(state)[0]?.record).toMatchObject({ phase: 'started', reason: 'tide table reviewed' });
    expect(verifyLedger(state)).toMatchObject({ status: 0 });
  });

  it.each(['accepted-not-found', 'not-claimed', 'flip-back'])(
    'is not believed when the program exits 0 and %s',
    async (lie) => {
      const { state, terminal } = await approve(lie);
      expect(await outcomeOf(state, 'job.approve', 120_000)).toMatchObject({
        outcome: 'not-seen',
        exitCode: 0,
      });
      await terminal.waitFor(/approve .*NOT SEEN/);
    },
    180_000,
  );
});

describe('OpenClaw: answer', () => {
  it('submits the goal with the answer and cancels the old job', async () => {
    const demo = await demoOf('openclaw');
    const state = stateDirectory();
    const terminal = startCockpit({ args: demo.args, state });
    await selectRow(terminal, 'Write to the three pilots');
    await terminal.press('a');
    await terminal.waitFor(/Which of the two berths/);
    expect(terminal.text()).toMatch(/answer is NOT passed on/);
    await terminal.press('enter');
    await terminal.waitFor(/Enter shows what it will run/);
    terminal.type('the northern berth');
    await terminal.waitFor('the northern berth');
    await terminal.press('enter');
    await terminal.waitFor(/y\s+yes: submit/);
    await terminal.press('y');
    await terminal.waitFor(/Reason/);
    terminal.type('asked by phone');
    await terminal.waitFor('asked by phone');
    await terminal.press('enter');
    expect(await outcomeOf(state, 'job.resubmit')).toMatchObject({ outcome: 'verified' });
    await terminal.press('L');
    await terminal.waitFor(/job_cancelled/);
  });
});

describe('Orket: replay a turn', () => {
  async function replay(lie?: string): Promise<string> {
    const demo = await demoOf('orket');
    if (lie) demo.lie('orket', lie);
    const state = stateDirectory();
    const terminal = startCockpit({ args: demo.args, state });
    await selectRow(terminal, 'NO-PROG');
    await actByKey(terminal, 'r', /replay/i);
    return state;
  }

  it('is verified by the answer of the program', async () => {
    expect(await outcomeOf(await replay(), 'turn.replay')).toMatchObject({
      outcome: 'verified',
      exitCode: 0,
    });
  });

  it.each(['fatal-exit-0', 'nulls', 'silent'])(
    'is not believed when the program exits 0 with %s',
    async (lie) => {
      expect(await outcomeOf(await replay(lie), 'turn.replay')).toMatchObject({
        outcome: 'not-seen',
        exitCode: 0,
      });
    },
  );
});

describe('Coherence: restart the pipeline', () => {
  async function restart(lie?: string): Promise<string> {
    const demo = await demoOf('coherence');
    if (lie) demo.lie('coherence', lie);
    const state = stateDirectory();
    const terminal = startCockpit({ args: demo.args, state });
    await selectRow(terminal, 'stale version');
    await actByKey(terminal, 'R', /restart/i, 'load the new commit');
    return state;
  }

  it('is verified when a younger project manager lives and its log moves', async () => {
    expect(await outcomeOf(await restart(), 'pipeline.restart', 180_000)).toMatchObject({
      outcome: 'verified',
    });
  }, 240_000);

  it.each(['eat-request', 'version-only'])(
    'is not believed when the request vanished and %s',
    async (lie) => {
      const end = await outcomeOf(await restart(lie), 'pipeline.restart', 240_000);
      expect(end).toMatchObject({ outcome: 'not-seen' });
    },
    300_000,
  );
});

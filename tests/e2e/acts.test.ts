/**
 * Acts pressed by keys in the built cockpit, on the simulated systems: once with the honest program and once with each
 * of its lies. What the ledger says afterwards must tell them apart.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import {
  giveReason,
  jsonLines,
  type LedgerLine,
  pressFor,
  type RunningDemo,
  selectRow,
  startCockpit,
  startDemo,
  temporaryDirectory,
  textOf,
} from './cockpit.ts';
import type { DrivenTerminal } from './terminal.ts';
import { type EndedVerb, runVerb } from './verb.ts';

/** Ends with the test what it started: tests of this file run side by side, for most of their time is waiting. */
type AtEnd = (step: () => void | Promise<void>) => void;

async function demoOf(atEnd: AtEnd, ...kinds: string[]): Promise<RunningDemo> {
  const demo = await startDemo(...kinds);
  atEnd(() => demo.close());
  return demo;
}

function stateDirectory(atEnd: AtEnd): string {
  const state = temporaryDirectory('e2e-acts');
  atEnd(() => state.remove());
  return state.path;
}

function cockpitOf(atEnd: AtEnd, demo: RunningDemo, state: string): DrivenTerminal {
  const terminal = startCockpit({ args: demo.args, state });
  atEnd(() => terminal.close());
  return terminal;
}

/** What a verb about the ledger says. Asked beside everything else: while this thread waits, no terminal is read. */
async function ledgerVerb(state: string, ...args: string[]): Promise<EndedVerb> {
  return await runVerb(['ledger', ...args], { env: { BINNACLE_STATE_DIR: state, HOME: state } });
}

async function ledgerOf(state: string): Promise<LedgerLine[]> {
  return jsonLines<LedgerLine>((await ledgerVerb(state, '--json')).stdout);
}

async function expectWholeLedger(state: string): Promise<void> {
  expect(await ledgerVerb(state, 'verify')).toMatchObject({ code: 0 });
}

/** Waits until the order has ended, and returns what the ledger says about the end of the act. */
async function outcomeOf(state: string, act: string, withinMs = 60_000): Promise<LedgerLine['record']> {
  await until(() => newestOrder(state)?.status === 'finished', withinMs);
  const rows = await ledgerOf(state);
  const end = rows.find(({ record }) => record.phase === 'finished' && record.act === act);
  if (!end) throw new Error(`no end of ${act}: ${JSON.stringify(rows)}`);
  return end.record;
}

/** Opens the menu of a key, takes the act with that title, confirms, and gives a reason where one is asked for. */
async function actByKey(
  terminal: DrivenTerminal,
  key: string,
  title: RegExp,
  reason?: string,
): Promise<void> {
  await pressFor(terminal, key, /Enter choose|>no, back/);
  for (let step = 0; /Enter choose/.test(terminal.text()); step += 1) {
    const chosen = terminal.screen().findLast((row) => row.startsWith('>')) ?? '';
    if (title.test(chosen)) {
      await pressFor(terminal, 'enter', />no, back/);
    } else {
      if (step > 8) throw new Error(`no entry ${title} in the menu of ${key}; screen:\n${terminal.text()}`);
      // The cursor keeps its entry where others come in above it: what is wanted may lie either way.
      const rows = terminal.screen();
      const isAbove = rows.slice(0, rows.lastIndexOf(chosen)).some((row) => title.test(row));
      await terminal.press(isAbove ? 'k' : 'j');
      await terminal.waitFor((now) => now.findLast((row) => row.startsWith('>')) !== chosen);
    }
  }
  await terminal.waitFor(/>no, back/);
  if (reason === undefined) await pressFor(terminal, 'y', /Needs-you(?![\s\S]*>no, back)/);
  else await giveReason(terminal, reason);
}

/** Opens the card of the plan to review, reads it to its end, says yes and why. */
async function approveOnCard(terminal: DrivenTerminal): Promise<void> {
  await selectRow(terminal, 'Draft the tide table');
  // The title of the card: its row in the queue reads alike, and keys pressed before the card is open go to the queue.
  await pressFor(terminal, 'a', /^=REVIEW .*Draft the tide table/m);
  // The first line says what the program does differently from what is shown.
  expect(terminal.text()).toMatch(/approving makes a new plan/);
  await terminal.press('end');
  await terminal.waitFor('to the end');
  await giveReason(terminal, 'tide table reviewed');
}

describe.concurrent('OpenClaw: approve, on the card', () => {
  async function approve(atEnd: AtEnd, lie?: string): Promise<{ state: string; terminal: DrivenTerminal }> {
    const demo = await demoOf(atEnd, 'openclaw');
    if (lie) demo.lie('openclaw', lie);
    const state = stateDirectory(atEnd);
    const terminal = cockpitOf(atEnd, demo, state);
    await approveOnCard(terminal);
    return { state, terminal };
  }

  it('is verified when a worker claims the job, and shows so', async ({ onTestFinished }) => {
    const { state, terminal } = await approve(onTestFinished);
    expect(await outcomeOf(state, 'job.approve')).toMatchObject({ outcome: 'verified', exitCode: 0 });
    await terminal.waitFor(/approve.*verified/, 30_000);
    expect((await ledgerOf(state))[0]?.record).toMatchObject({
      phase: 'started',
      reason: 'tide table reviewed',
    });
    await expectWholeLedger(state);
  });

  it.for(['accepted-not-found', 'not-claimed', 'flip-back'])(
    'is not believed when the program exits 0 and %s',
    { timeout: 180_000 },
    async (lie, { onTestFinished }) => {
      const { state, terminal } = await approve(onTestFinished, lie);
      expect(await outcomeOf(state, 'job.approve', 120_000)).toMatchObject({
        outcome: 'not-seen',
        exitCode: 0,
      });
      await terminal.waitFor(/approve.*NOT SEEN/);
    },
  );
});

describe.concurrent('OpenClaw: answer', () => {
  it('submits the goal with the answer and cancels the old job', async ({ onTestFinished: atEnd }) => {
    const demo = await demoOf(atEnd, 'openclaw');
    const state = stateDirectory(atEnd);
    const terminal = cockpitOf(atEnd, demo, state);
    await selectRow(terminal, 'Write to the three pilots');
    await pressFor(terminal, 'a', /^=ANSWER /m);
    expect(terminal.text()).toMatch(/Which of the two berths/);
    expect(terminal.text()).toMatch(/answer is NOT passed on/);
    await terminal.press('enter');
    await terminal.waitFor(/Enter shows what it will run/);
    terminal.type('the northern berth');
    await terminal.waitFor('the northern berth');
    await terminal.press('enter');
    await terminal.waitFor(/y\s+yes: submit/);
    await pressFor(terminal, 'y', /Reason/);
    terminal.type('asked by phone');
    await terminal.waitFor('asked by phone');
    await terminal.press('enter');
    expect(await outcomeOf(state, 'job.resubmit')).toMatchObject({ outcome: 'verified' });
  });
});

describe.concurrent('Orket: replay a turn', () => {
  async function replay(atEnd: AtEnd, lie?: string): Promise<string> {
    const demo = await demoOf(atEnd, 'orket');
    if (lie) demo.lie('orket', lie);
    const state = stateDirectory(atEnd);
    const terminal = cockpitOf(atEnd, demo, state);
    await selectRow(terminal, 'NO-PROG');
    await actByKey(terminal, 'r', /Orket prints it/);
    return state;
  }

  it('is verified by the answer of the program', async ({ onTestFinished: atEnd }) => {
    expect(await outcomeOf(await replay(atEnd), 'turn.replay')).toMatchObject({
      outcome: 'verified',
      exitCode: 0,
    });
  });

  it.for(['fatal-exit-0', 'nulls', 'silent'])(
    'is not believed when the program exits 0 with %s',
    async (lie, { onTestFinished: atEnd }) => {
      expect(await outcomeOf(await replay(atEnd, lie), 'turn.replay')).toMatchObject({
        outcome: 'not-seen',
        exitCode: 0,
      });
    },
  );
});

describe.concurrent('Coherence: restart the pipeline', () => {
  async function restart(atEnd: AtEnd, lie?: string): Promise<string> {
    const demo = await demoOf(atEnd, 'coherence');
    // Before that there is nothing to restart: the watchdog is about to start its first pipeline.
    await until(() => isPipelineUp(demo), 60_000);
    if (lie) demo.lie('coherence', lie);
    const state = stateDirectory(atEnd);
    const terminal = cockpitOf(atEnd, demo, state);
    await selectRow(terminal, 'stale version');
    await actByKey(terminal, 'R', /restart/i, 'load the new commit');
    return state;
  }

  it('is verified when a younger project manager lives and its log moves', async ({
    onTestFinished: atEnd,
  }) => {
    const end = await outcomeOf(await restart(atEnd), 'pipeline.restart', 180_000);
    expect(end, JSON.stringify(end)).toMatchObject({ outcome: 'verified' });
  }, 240_000);

  it.for(['eat-request', 'version-only'])(
    'is not believed when the request vanished and %s',
    { timeout: 300_000 },
    async (lie, { onTestFinished: atEnd }) => {
      const end = await outcomeOf(await restart(atEnd, lie), 'pipeline.restart', 240_000);
      expect(end, JSON.stringify(end)).toMatchObject({ outcome: 'not-seen' });
    },
  );
});

describe.concurrent('killed in the middle of an act', () => {
  it('the cockpit: the runner goes on, and the next cockpit shows how it ended', async ({
    onTestFinished: atEnd,
  }) => {
    const demo = await demoOf(atEnd, 'orket');
    const state = stateDirectory(atEnd);
    const terminal = cockpitOf(atEnd, demo, state);
    await selectRow(terminal, 'NO-PROG');
    await actByKey(terminal, 'r', /Orket prints it/);
    // Recorded as started; until then the order is only placed.
    await until(() => !['placed', undefined].includes(newestOrder(state)?.status));
    terminal.kill('SIGKILL');
    expect(await terminal.exit).toMatchObject({ signal: 'SIGKILL' });
    expect(await outcomeOf(state, 'turn.replay')).toMatchObject({ outcome: 'verified' });
    const next = cockpitOf(atEnd, demo, state);
    await next.waitFor(/replay.*verified/, 20_000);
    expect((await ledgerOf(state)).map(({ record }) => record.phase)).toEqual(['started', 'finished']);
  });

  it('the runner, its program under way: unknown until a person settles it, and nothing runs again', async ({
    onTestFinished: atEnd,
  }) => {
    const demo = await demoOf(atEnd, 'orket');
    demo.lie('orket', 'hang');
    const state = stateDirectory(atEnd);
    const terminal = cockpitOf(atEnd, demo, state);
    await selectRow(terminal, 'NO-PROG');
    await actByKey(terminal, 'r', /Orket prints it/);
    await until(() => stepsOf(state).begun > 0 && runnerOf(state) !== undefined);
    process.kill(runnerOf(state) as number, 'SIGKILL');
    await terminal.waitFor(/replay .*UNKNOWN/, 20_000);
    terminal.kill('SIGKILL');
    await terminal.exit;
    const next = cockpitOf(atEnd, demo, state);
    await next.waitFor(/replay .*UNKNOWN/, 20_000);
    expect(runnerOf(state)).toBeUndefined();
    expect((await ledgerOf(state)).filter(({ record }) => record.phase === 'started')).toHaveLength(1);
    await expectWholeLedger(state);
  });

  it('the runner, watching for the effect: another goes on watching, and nothing runs again', async ({
    onTestFinished: atEnd,
  }) => {
    const demo = await demoOf(atEnd, 'openclaw');
    demo.lie('openclaw', 'not-claimed');
    const state = stateDirectory(atEnd);
    const terminal = cockpitOf(atEnd, demo, state);
    await approveOnCard(terminal);
    await until(() => stepsOf(state).isWatched && runnerOf(state) !== undefined);
    const first = runnerOf(state) as number;
    process.kill(first, 'SIGKILL');
    await until(() => ![undefined, first].includes(runnerOf(state)));
    expect(await outcomeOf(state, 'job.approve')).toMatchObject({ outcome: 'not-seen' });
    expect((await ledgerOf(state)).filter(({ record }) => record.phase === 'started')).toHaveLength(1);
    await expectWholeLedger(state);
  });
});

/** Whether the watchdog's first pipeline has begun and its project manager works. */
function isPipelineUp(demo: RunningDemo): boolean {
  const logs = join(demo.systems[0]?.dir ?? '', 'api/logs');
  const version = JSON.parse(textOf(join(logs, 'pipeline_version.json')) || '{}') as { started_at?: string };
  const isNew = Date.parse(version.started_at ?? '') > Date.now() - 120_000;
  return isNew && existsSync(join(logs, 'project_manager_state_overnight.json'));
}

async function until(holds: () => boolean, withinMs = 20_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The runner of the newest order, while it lives. */
function runnerOf(state: string): number | undefined {
  const pid = newestOrder(state)?.runner_pid;
  return pid !== undefined && pid !== null && existsSync(`/proc/${pid}`) ? pid : undefined;
}

interface StoredOrder {
  readonly status: string;
  readonly progress: string;
  readonly runner_pid: number | null;
}

function newestOrder(state: string): StoredOrder | undefined {
  const path = join(state, 'host.db');
  if (!existsSync(path)) return undefined;
  const database = new Database(path, { readonly: true });
  try {
    // The cockpit may have made the file a moment ago, and be about to lay it out.
    if (database.pragma('user_version', { simple: true }) === 0) return undefined;
    return database
      .prepare('SELECT status, progress, runner_pid FROM orders ORDER BY created_at DESC LIMIT 1')
      .get() as StoredOrder | undefined;
  } finally {
    database.close();
  }
}

/** How far the newest order is. `isWatched`: every step was run, what is left is to look for the effect. */
function stepsOf(state: string): { begun: number; isWatched: boolean } {
  const order = newestOrder(state);
  const progress = JSON.parse(order?.progress ?? '{}') as { stepsBegun?: number; watch?: unknown };
  return { begun: progress.stepsBegun ?? 0, isWatched: progress.watch !== undefined };
}

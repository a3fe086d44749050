/**
 * One incident from end to end, by keys alone, on the simulated systems: a stalled turn and a job that waits for a person
 * are found, the turn replayed as a step of its playbook, the question answered, both verified, and the report written. In
 * the middle of the playbook the cockpit is killed; the next one goes on where it was.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pressFor, selectRow, startCockpit, startDemo, temporaryDirectory } from './cockpit.ts';
import type { DrivenTerminal } from './terminal.ts';

/** The row under the cursor of the steps. */
function stepHere(terminal: DrivenTerminal): string {
  return terminal.screen().find((row) => /^>\[.\]\d+ /.test(row)) ?? '';
}

/** Moves down the steps until the cursor is on the one that matches. */
async function toStep(terminal: DrivenTerminal, text: RegExp): Promise<void> {
  await terminal.press('g');
  await terminal.waitFor(() => /^>\[.\]1 /.test(stepHere(terminal)));
  while (!text.test(stepHere(terminal))) {
    const before = stepHere(terminal);
    await terminal.press('j');
    await terminal.waitFor(() => stepHere(terminal) !== before);
  }
}

async function openSteps(terminal: DrivenTerminal): Promise<void> {
  await selectRow(terminal, 'NO-PROG');
  await terminal.waitFor(/Steps: Stalled role pipeline/);
  await pressFor(terminal, 'b', /=9 Steps/);
}

it('is found, replayed, answered, verified and exported as a timeline by keys alone', async ({
  onTestFinished: atEnd,
}) => {
  const home = temporaryDirectory('e2e-incident');
  atEnd(() => home.remove());
  const demo = await startDemo('orket', 'openclaw');
  atEnd(() => demo.close());
  const cockpit = (): DrivenTerminal => {
    const terminal = startCockpit({ args: demo.args, state: home.path, columns: 160, rows: 60 });
    atEnd(() => terminal.close());
    return terminal;
  };

  const first = cockpit();
  await openSteps(first);
  await toStep(first, /Only a prompt/);
  await pressFor(first, 'enter', /Step done/);
  first.type('no answer: the model');
  await first.waitFor('no answer: the model_');
  await first.press('enter');
  await first.waitFor(/\[x\]\d+ Only a prompt.*no answer: the model/, 30_000);
  first.kill('SIGKILL');
  await first.exit;

  const second = cockpit();
  await openSteps(second);
  await second.waitFor(/\[x\]\d+ Only a prompt.*no answer: the model/);
  await toStep(second, /read its files/);
  await pressFor(second, 'enter', /=Inspect|messages\.json/i);
  await second.press('escape');
  await second.waitFor(/\[x\]\d+ read its files/);
  await toStep(second, /print the same turn/);
  await pressFor(second, 'enter', />no, back/);
  await pressFor(second, 'y', /=9 Steps(?![\s\S]*>no, back)/);
  await second.waitFor(/\[x\]\d+ .*print the same turn/, 30_000);
  await second.waitFor(/verified \d\d:\d\d:\d\dZ; /, 30_000);

  await second.press('!');
  await selectRow(second, 'Write to the three pilots');
  await pressFor(second, 'a', /^=ANSWER /m);
  await pressFor(second, 'enter', /Enter shows what it will run/);
  second.type('the northern berth');
  await second.waitFor('the northern berth');
  await second.press('enter');
  await second.waitFor(/y\s+yes: submit/);
  await pressFor(second, 'y', /Reason/);
  second.type('asked by phone');
  await second.waitFor('asked by phone');
  await second.press('enter');
  await second.waitFor(/[Ss]ubmit.*verified \d\d:\d\d:\d\dZ; can be undone by job.cancel/, 60_000);

  await second.press(':');
  second.type('timeline');
  await second.waitFor(/:timeline_[\s\S]*>.*timeline: write/);
  await pressFor(second, 'enter', /written to .*incident-.*\.md/);
  const [name] = readdirSync(home.path).filter((one) => one.startsWith('incident-'));
  const report = readFileSync(join(home.path, name ?? ''), 'utf8');
  expect(report).toMatch(/^# Incident report/);
  expect(report).toMatch(/\| orket \| .*started.*ran `[^`]*--replay-turn/);
  expect(report).toMatch(/\| orket \| [^|]*turn\.replay[^|]*\| `?verified/);
  expect(report).toMatch(/Stalled role pipeline.*step \d+ done: Only a prompt.*no answer: the model/);
  expect(report).toMatch(/\| openclaw \| [^|]*job\.resubmit[^|]*\| `?verified/);
  expect(report).toMatch(/why: asked by phone/);
}, 120_000);

/**
 * Decisions and lists of acts by keys in the built program: two cockpits of one host at one approval, texts that must
 * reach a program as they were written, and marked rows.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { layOutCase } from '../systems/fixture-case.ts';
import {
  jsonLines,
  type LedgerLine,
  pressFor,
  selectRow,
  startCockpit,
  temporaryDirectory,
  textOf,
} from './cockpit.ts';
import { layOutQueue } from './queue-system.ts';
import type { DrivenTerminal } from './terminal.ts';
import { runVerb } from './verb.ts';

/** Ends with the test what it started. */
type AtEnd = (step: () => void | Promise<void>) => void;

interface Host {
  readonly args: readonly string[];
  readonly state: string;
  readonly env: Readonly<Record<string, string>>;
  /** Words the program of an act was started with, one start after the other. */
  starts(): readonly (readonly string[])[];
  /** Lets the program end. */
  release(): void;
}

/** A workspace with a plan to review and a question, whose program records its words and waits to be let go. */
async function layOutHost(atEnd: AtEnd): Promise<Host> {
  const home = temporaryDirectory('e2e-cards');
  const laid = await layOutCase('openclaw', 'states-side-by-side');
  const skill = join(home.path, 'skill');
  const python = join(home.path, 'python');
  const [reached, go] = [join(home.path, 'reached'), join(home.path, 'go')];
  mkdirSync(join(skill, 'scripts'), { recursive: true });
  for (const name of ['control.py', 'submit.py']) writeFileSync(join(skill, 'scripts', name), '');
  writeFileSync(
    python,
    `#!/bin/sh\nfor word in "$@"; do printf '%s\\0' "$word"; done >>${reached}\nprintf '\\1' >>${reached}\nwhile [ ! -e ${go} ]; do sleep 0.1; done\nexit 1\n`,
  );
  chmodSync(python, 0o755);
  const editor = join(home.path, 'editor');
  writeFileSync(editor, `#!/bin/sh\nprintf ' and\\n\\tthe editor: – é "q" \\\\\\n' >>"$1"\n`);
  chmodSync(editor, 0o755);
  const release = (): void => writeFileSync(go, '');
  atEnd(() => {
    release();
    laid.remove();
    home.remove();
  });
  return {
    args: ['-s', `openclaw=${laid.dir},skill=${skill},python=${python}`],
    state: join(home.path, 'state'),
    env: { HOME: home.path, EDITOR: editor, VISUAL: '' },
    starts: () =>
      textOf(reached)
        .split('\x01')
        .slice(0, -1)
        .map((words) => words.split('\0').slice(0, -1)),
    release,
  };
}

async function openCockpit(
  atEnd: AtEnd,
  { args, state, env }: Host,
  settled: string | RegExp,
): Promise<DrivenTerminal> {
  const cockpit = startCockpit({ args, state, env });
  atEnd(() => cockpit.close());
  await cockpit.waitFor(settled, 20_000);
  return cockpit;
}

async function openCard(cockpit: DrivenTerminal, row: string, card: RegExp): Promise<void> {
  await selectRow(cockpit, row);
  await pressFor(cockpit, 'a', card);
}

describe.concurrent('two cockpits of one host', () => {
  it('have one hold and one decision of an approval, and both see both', async ({
    expect,
    onTestFinished,
  }) => {
    const host = await layOutHost(onTestFinished);
    const alice = await openCockpit(onTestFinished, host, '9/9 fresh');
    const bob = await openCockpit(onTestFinished, host, '9/9 fresh');
    // Each knows of the other by name and terminal.
    await alice.waitFor(/^ \S+ {3}.*\bpts\/\d+/m, 15_000);
    const card = /^=REVIEW .*Draft the tide table/m;
    await selectRow(alice, 'Draft the tide table');
    await pressFor(alice, 'K', /\[held by you\]/);
    await bob.waitFor(/REVIEW .*\[held by .*pts\/\d+\]/, 15_000);
    await openCard(bob, 'REVIEW', card);
    await bob.waitFor(/none of these now: held by .* pts\/\d+ until \d\d:\d\d:\d\d/);
    await pressFor(bob, 'y', /approve the plan: held by/);
    await pressFor(alice, 'K', /released/);
    await bob.waitGone('none of these now', 15_000);
    await openCard(alice, 'REVIEW', card);
    await alice.press('end');
    await alice.waitFor('to the end');
    await pressFor(alice, 'y', /yes: approve the plan\. Reason/);
    await alice.type('read');
    await alice.waitFor('> read');
    await pressFor(alice, 'enter', /approve the plan: started/);
    // The other card is open all the while: it says who decides, and its keys are dead.
    await bob.waitFor(/BEING DECIDED by \S+ \d\d:\d\d:\d\d \(approve the plan\)/, 15_000);
    await pressFor(bob, 'y', /approve the plan: being decided by/);
    await expect.poll(host.starts, { timeout: 10_000 }).toHaveLength(1);
    // Anybody of the host may end it; then it can be decided again, and what came of it stands above the second try.
    await pressFor(bob, 'escape', /Needs-you(?![\s\S]*^=REVIEW)/m);
    await bob.press('7');
    await pressFor(bob, 'enter', /^=approve the plan: .* running$/m);
    await pressFor(bob, 'C', /once more ends its program/);
    await pressFor(bob, 'C', /^=approve the plan: .* cancelled$/m);
    await bob.press('escape', '1');
    await openCard(bob, 'REVIEW', card);
    await bob.press('end');
    await bob.waitFor('to the end');
    await pressFor(bob, 'y', /before +attempt 1: cancelled by/);
    expect(host.starts()).toHaveLength(1);
  });
});

describe.concurrent('a text for a program', () => {
  it('reaches it to the byte, from a paste of several lines and from $EDITOR', async ({
    expect,
    onTestFinished,
  }) => {
    const host = await layOutHost(onTestFinished);
    host.release();
    const cockpit = await openCockpit(onTestFinished, host, '9/9 fresh');
    await openCard(cockpit, 'Write to the three', /^=ANSWER .*Write to the three/m);
    await pressFor(cockpit, 'enter', /> _/);
    const pasted = 'Größe "L", it\'s 2026 🧭\n\n  $(id) `x` \\ ; --now';
    cockpit.paste(pasted);
    await cockpit.waitFor('--now_');
    await pressFor(cockpit, 'ctrl-e', /the editor: – é "q"/);
    await pressFor(cockpit, 'enter', /y {2}yes:/);
    await pressFor(cockpit, 'y', /Reason/);
    cockpit.type('asked by phone');
    await cockpit.waitFor('asked by phone');
    await pressFor(cockpit, 'enter', /started, its effect/);
    await expect.poll(host.starts, { timeout: 10_000 }).toHaveLength(1);
    const words = host.starts()[0] ?? [];
    const said = words.at(-1) ?? '';
    expect(said.slice(said.indexOf(pasted))).toBe(`${pasted} and\n\tthe editor: – é "q" \\`);
  });
});

describe.concurrent('marked rows', () => {
  it('act as one list: shown, confirmed once, done and recorded one by one, failures by name', async ({
    expect,
    onTestFinished,
  }) => {
    // Its program reads and writes the whole queue: two at once would undo each other.
    const queue = await layOutQueue('honest', { config: 'acts: { at-once: 1 }' });
    onTestFinished(() => queue.remove());
    const state = temporaryDirectory('e2e-marks');
    onTestFinished(() => state.remove());
    const file = join(queue.root, 'state', 'queue.json');
    const { jobs } = JSON.parse(readFileSync(file, 'utf8')) as { jobs: object[] };
    jobs.push({ id: 'j-6', name: 'tide charts', state: 'ERR', error: 'no paper' });
    writeFileSync(file, JSON.stringify({ jobs }));
    const cockpit = startCockpit({ args: queue.args, state: state.path });
    onTestFinished(() => cockpit.close());
    await cockpit.waitFor('tide charts', 20_000);
    for (const [index, name] of ['mail digest', 'hostile', 'tide charts'].entries()) {
      await selectRow(cockpit, name);
      await cockpit.press('space');
      await cockpit.waitFor(`${index + 1} marked`);
    }
    await pressFor(cockpit, 'r', /3 marked rows/);
    await cockpit.waitFor('Retry job');
    await pressFor(cockpit, 'enter', />no, back/);
    // Every command is shown, and what can't be done is named with its reason.
    expect(cockpit.text()).toMatch(/--job j-3/);
    expect(cockpit.text()).toMatch(/--job j-6/);
    await pressFor(cockpit, 'y', /Reason/);
    cockpit.type('after the outage');
    await cockpit.waitFor('after the outage');
    await pressFor(cockpit, 'enter', /Retry job: 3 marked/);
    await cockpit.waitFor(/\| done .*mail digest/, 30_000);
    await cockpit.waitFor(/\| done .*tide charts/, 30_000);
    await cockpit.waitFor(/\| not done .*hostile/);
    await cockpit.waitFor('Retry job: 3 marked, 1 not done, 2 done');
    expect([queue.stateOf('j-3'), queue.stateOf('j-6'), queue.stateOf('-rf')]).toEqual(['RUN', 'RUN', 'ERR']);
    await cockpit.press('escape');
    await cockpit.waitGone('marked');
    const ledger = await runVerb(['ledger', '--json'], {
      env: { BINNACLE_STATE_DIR: state.path, HOME: state.path },
    });
    const rows = jsonLines<LedgerLine>(ledger.stdout).map(({ record }) => record);
    expect(
      rows.filter(({ phase }) => phase === 'started').map(({ target, reason }) => [target.id, reason]),
    ).toEqual([
      ['j-3', 'after the outage'],
      ['j-6', 'after the outage'],
    ]);
    expect(rows.filter(({ phase }) => phase === 'finished').map(({ outcome }) => outcome)).toEqual([
      'verified',
      'verified',
    ]);
  });
});

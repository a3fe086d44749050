/**
 * Hands must be safe: the built program with an approval open, and everything that reaches a terminal without anybody
 * having pressed a key. The stand-in leaves a mark when an act reaches it.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SEQUENCE_GAP_MS } from '../../src/lib/key-state.ts';
import { layOutCase } from '../systems/fixture-case.ts';
import { startCockpit } from './cockpit.ts';
import { closeTerminals, type DrivenTerminal } from './terminal.ts';

/** A gap in a sequence that a slow link makes, and that must not turn it into letters. */
const GAP_MS = 250;
/** Past this a lone ESC may be taken for the key Escape: 20 ms are left for what lies between the two programs. */
const LONGEST_GAP_MS = SEQUENCE_GAP_MS - 20;

let home = '';
let laid: Awaited<ReturnType<typeof layOutCase>>;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'binnacle-hands-'));
  mkdirSync(join(home, 'skill', 'scripts'), { recursive: true });
  for (const name of ['control.py', 'submit.py']) writeFileSync(join(home, 'skill', 'scripts', name), '');
  writeFileSync(join(home, 'python'), `#!/bin/sh\necho "$@" >>${join(home, 'reached')}\nexit 1\n`);
  chmodSync(join(home, 'python'), 0o755);
  laid = await layOutCase('openclaw', 'states-side-by-side');
});
afterEach(async () => {
  await closeTerminals();
  laid.remove();
  rmSync(home, { recursive: true, force: true });
});

const reached = (): string =>
  existsSync(join(home, 'reached')) ? readFileSync(join(home, 'reached'), 'utf8') : '';

/** The cockpit with the card of a plan's review open. */
async function openCard(): Promise<DrivenTerminal> {
  const cockpit = startCockpit({
    args: ['-s', `openclaw=${laid.dir},skill=${join(home, 'skill')},python=${join(home, 'python')}`],
    state: join(home, 'state'),
    env: { HOME: home },
  });
  // Once everything was read nothing moves any more.
  await cockpit.waitFor('9/9 fresh', 20_000);
  await cockpit.press('g');
  await pressUntil(cockpit, 'j', /^>! REVIEW/m);
  await cockpit.press('a');
  await cockpit.waitFor(CARD);
  return cockpit;
}

/** Where the plan under review lies. */
const PLAN = 'draft-the-tide-table-not_a1c0ffee00000001/.orchestrator/state/audit_20260302_030112.json';
const CARD = '1 y      approve the plan';
const REASON = 'yes: approve the plan. Reason';

/**
 * The cockpit with its card open, and pieces of sequences sent to it one after the other with the gaps of a slow link.
 * Where this process itself was held up and made a gap longer than any link's, that told the cockpit another thing: it is
 * sent to a fresh one.
 */
async function cardWithPieces(...pieces: string[]): Promise<DrivenTerminal> {
  for (;;) {
    const cockpit = await openCard();
    if ((await longestGapSending(cockpit, pieces)) <= LONGEST_GAP_MS) return cockpit;
    await cockpit.close();
  }
}

/** Milliseconds between the two pieces that were furthest apart. */
async function longestGapSending(cockpit: DrivenTerminal, pieces: readonly string[]): Promise<number> {
  let longest = 0;
  let sentAt: number | undefined;
  for (const piece of pieces) {
    if (sentAt !== undefined) {
      await new Promise<void>((resolve) => {
        setTimeout(resolve, GAP_MS);
      });
    }
    const before = sentAt ?? performance.now();
    cockpit.send(piece);
    sentAt = performance.now();
    longest = Math.max(longest, sentAt - before);
  }
  return longest;
}

/** The card is still there, alive to a key pressed by hand, and nothing was begun. */
async function expectUntouched(cockpit: DrivenTerminal, unbound = 'x'): Promise<void> {
  // A key nobody bound is answered in the footer: what came before it has been dealt with. Not the first time where the
  // machine is so slow that it is read together with what came before.
  await pressUntil(cockpit, unbound, `${unbound}: no key of this place`);
  expect(cockpit.text()).toContain(CARD);
  expect(cockpit.text()).not.toContain(REASON);
  expect(cockpit.text()).toContain('0 set aside');
  expect(reached()).toBe('');
}

async function pressUntil(cockpit: DrivenTerminal, key: string, expected: string | RegExp): Promise<void> {
  for (let times = 1; ; times += 1) {
    await cockpit.press(key);
    try {
      return await cockpit.waitFor(expected, 3000);
    } catch (error) {
      if (times === 10) throw error;
    }
  }
}

describe('with an approval open', () => {
  it('keys pressed by hand decide it: y, the reason, Enter', async () => {
    const cockpit = await openCard();
    await cockpit.press('y');
    await cockpit.waitFor(REASON);
    await cockpit.press('o', 'k');
    await cockpit.waitFor('> ok');
    await cockpit.press('enter');
    await cockpit.waitFor('approve the plan: started');
    await expect.poll(reached, { timeout: 10_000 }).toMatch(/control\.py approve a1c0ffee00000001/);
  });

  it('row 21: a plan that changes behind the card is not approved by the yes to what was shown', async () => {
    const cockpit = await openCard();
    await cockpit.press('y');
    await cockpit.waitFor(REASON);
    const plan = join(laid.dir, PLAN);
    writeFileSync(plan, readFileSync(plan, 'utf8').replace('Draft the notice', 'Delete the archive'));
    cockpit.type('read it');
    await cockpit.waitFor('> read it');
    await pressUntil(
      cockpit,
      'enter',
      /Refused: what is (asked changed since|to be decided is not what was shown)/,
    );
    expect(cockpit.text()).toContain('Draft the notice');
    expect(cockpit.text()).not.toContain('Delete the archive');
    expect(reached()).toBe('');
  });

  it('row 48: a paste decides nothing, in brackets or not', async () => {
    const cockpit = await openCard();
    cockpit.paste('y\nok\n');
    await expectUntouched(cockpit);
    cockpit.type('yok\r');
    await expectUntouched(cockpit, 'X');
    cockpit.type('y\r');
    await expectUntouched(cockpit, 'Z');
  });

  it('row 48: a paste fills in the reason and does not confirm it', async () => {
    const cockpit = await openCard();
    await cockpit.press('y');
    await cockpit.waitFor(REASON);
    cockpit.paste('seen by two\n');
    await cockpit.waitFor('> seen by two');
    cockpit.type('x\r');
    await pressUntil(cockpit, 'z', /> seen by two.*z/);
    expect(cockpit.text()).toContain(REASON);
    expect(reached()).toBe('');
  });

  it('row 65: an arrow in pieces is an arrow: its last letter denies nothing', async () => {
    const cockpit = await cardWithPieces('\x1b', '[', 'D', '\x1b', 'O', 'D', '\x1b[1;', '2', 'D');
    await expectUntouched(cockpit);
  });

  it('row 65: mouse and focus reports in pieces decide nothing', async () => {
    const pieces = ['\x1b[', '<', '0;10', ';5', 'M', '\x1b[M', 'y', 'y', 'y', '\x1b', '[', 'I'];
    const cockpit = await cardWithPieces(...pieces);
    await expectUntouched(cockpit);
  });
});

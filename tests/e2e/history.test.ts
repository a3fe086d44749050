/** What the built program remembers: a cockpit records, the next one shows it, and the verbs tell it. */
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BoardSystem, layOutBoard } from './board-system.ts';
import { pressFor, startCockpit } from './cockpit.ts';
import type { DrivenTerminal } from './terminal.ts';
import { runVerb } from './verb.ts';

/** A link, HTML, a table cell, a terminal sequence and an end of a code span, all in one name. */
const HOSTILE = 'x](http://evil.example) <script>alert(1)</script> | `` ` @all \u001b]0;owned\u0007';

let board: BoardSystem;
let terminals: DrivenTerminal[] = [];

beforeEach(() => {
  board = layOutBoard();
});
afterEach(async () => {
  for (const terminal of terminals) await terminal.close();
  terminals = [];
  board.remove();
});

function cockpit(): DrivenTerminal {
  const terminal = startCockpit(board);
  terminals.push(terminal);
  return terminal;
}

const verb = (...words: string[]): ReturnType<typeof runVerb> =>
  runVerb([...words, ...board.args], { env: { BINNACLE_STATE_DIR: board.state } });

async function timelineUntil(wanted: RegExp, ...more: string[]): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    const { stdout } = await verb('timeline', '--since', '1h', ...more);
    if (wanted.test(stdout)) return stdout;
    if (attempt === 20) throw new Error(`the timeline never told ${wanted}:\n${stdout}`);
  }
}

/** Until a change of another job is in the record: then the cockpit writes, and what was there before is known to it. */
async function recording(): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    board.write({ ...jobs, probe: { name: 'probe', state: attempt % 2 === 0 ? 'RUN' : 'OK' } });
    const { stdout } = await verb('timeline', '--since', '1h');
    if (/probe: .*->/.test(stdout)) return;
  }
  throw new Error('the cockpit never wrote');
}

const jobs = { 'j-1': { name: 'tide table', state: 'RUN' }, 'j-2': { name: HOSTILE, state: 'RUN' } };

describe('what a cockpit saw', () => {
  it('is in the incident report, inert, with the errors around it; the next cockpit shows it and the hand-over', async () => {
    board.write(jobs);
    board.log({ ts: new Date().toISOString(), lvl: 'error', job: 'j-1', msg: 'tide gauge <b>gone</b>' });
    const first = cockpit();
    await first.waitFor(/2 running/);
    await recording();
    board.write({ 'j-1': { name: 'tide table', state: 'ERR' }, 'j-2': { name: HOSTILE, state: 'OK' } });
    await first.waitFor(/FATAL/);
    await timelineUntil(/running -> failed/);
    await first.press(':');
    await first.type('handover');
    await first.waitFor(/:handover_[\s\S]*hand over: write/);
    await pressFor(first, 'enter', /written to/);
    await first.press('escape');
    await first.press('Q');
    await first.exit;

    const { stdout: report, code } = await verb('timeline', '--since', '1h', '--markdown');
    expect(code).toBe(0);
    expect(report).toMatch(/^\* \*\*Fatal\*\* .*tide table.*still so/m);
    expect(report).toMatch(/^\| .* \| board \| job tide table \| \*\*fatal\*\* .*running -> failed/m);
    expect(report).toMatch(/Log `?board app\.log@0`? .*: `tide gauge <b>gone<\/b>`/);
    expect(report).toMatch(/running -> done/);
    // Outside code spans there is no sign of what the name tried.
    const outside = report.replaceAll(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, '');
    expect(outside).not.toMatch(/evil|script|@all|owned/);
    expect(report).not.toContain('\u001b');
    for (const row of report.split('\n').filter((line) => line.startsWith('| ')))
      expect(row.split('|')).toHaveLength(8);
    expect(readdirSync(board.state).filter((name) => name.startsWith('hand-over-'))).toHaveLength(1);

    const second = cockpit();
    await second.waitFor(/hand-over by/);
    await second.waitFor(/CHANGE +job tide table: running -> failed/);
    await second.press(':');
    await second.type('hand-over');
    await second.waitFor(/:hand-over_[\s\S]*hand-over: read/);
    await pressFor(second, 'enter', /Hand-over by/);
    await second.press('escape');
    await second.waitGone(/hand-over by/);
  }, 60_000);

  it('need not be there: without a record things tell their own times', async () => {
    board.write({ 'j-1': { name: 'tide table', state: 'ERR' } });
    const { stdout, stderr, code } = await verb('timeline', '--since', '1h', '--json');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      schema: 'binnacle/1',
      notes: [expect.stringMatching(/no cockpit has watched here/)],
      open: [{ label: 'FATAL', title: 'tide table' }],
    });
    // Reading leaves nothing behind.
    expect(() => readdirSync(board.state)).toThrow();
  });

  it('wants a begin, one form, and a system that is watched', async () => {
    board.write({});
    const wrong = async (...words: string[]): Promise<string> => {
      const { code, stderr } = await verb('timeline', ...words);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await wrong()).toMatch(/from when on/);
    expect(await wrong('--since', '1h', '--json', '--markdown')).toMatch(/--markdown/);
    expect(await wrong('--since', '1h', '--system', 'nobody')).toMatch(/no system of that name/);
    expect(await wrong('--since', '1h', '--until', '2h')).toMatch(/before/);
  });
});

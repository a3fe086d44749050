/** Every code point there is, in each place where a watched system can put it, through the built program in a terminal. */
import { afterEach, describe, expect, it } from 'vitest';
import { mainPath } from '../e2e/cockpit.ts';
import { type HostileSystem, layOutHostile } from '../e2e/hostile-system.ts';
import { codePoints } from '../e2e/hostile-texts.ts';
import { closeTerminals, startTerminal } from '../e2e/terminal.ts';
import { strayIn } from '../e2e/terminal-sequences.ts';

/** Of all but the end of a line and halves of pairs. */
const CODE_POINTS = 0x110000 - 0x800 - 1;

let system: HostileSystem | undefined;
afterEach(async () => {
  await closeTerminals();
  system?.remove();
});

/** What the verbs write to a terminal, one after the other. */
async function printed(verbs: readonly string[]): Promise<Buffer> {
  const terminal = startTerminal({
    command: '/bin/sh',
    args: [
      '-c',
      verbs.map((verb) => `"$0" ${mainPath} ${verb} "$@"`).join('; '),
      process.execPath,
      ...(system?.args ?? []),
    ],
    env: { BINNACLE_STATE_DIR: system?.state, BINNACLE_HOST_DIR: '' },
    columns: 1_000,
  });
  await terminal.exit;
  return terminal.output();
}

/** How many characters are before what would make a sequence of each. */
const count = (text: string): number => text.split('[2J').length - 1;

describe('each code point', () => {
  it.each([
    ['text', 'logs -n 100000'],
    ['json', 'logs --json -n 100000'],
  ] as const)('row 13: in a log line, as key and as writer of one, is harmless in %s', async (as, verb) => {
    system = layOutHostile([...codePoints(100)], false);
    const output = await printed([verb]);
    expect(strayIn(output, as)).toEqual([]);
    expect(output.includes('\x1b')).toBe(false);
    // Each was there; the same line of the raw log is the same row.
    expect(count(output.toString())).toBeGreaterThan(CODE_POINTS);
  });

  it.each([
    ['text', ['list jobs', 'status']],
    ['json', ['list jobs --json', 'status --json']],
  ] as const)(
    'row 13: as id, title, error, name of a field and name of a file, is harmless in %s',
    async (as, verbs) => {
      // Files for all of them would be 74,000: of those above U+0300 each hundredth has one.
      system = layOutHostile([...codePoints(30, 97)]);
      const output = await printed(verbs);
      expect(strayIn(output, as)).toEqual([]);
      expect(output.includes('\x1b')).toBe(false);
      expect(count(output.toString())).toBeGreaterThan(CODE_POINTS / 97);
    },
  );
});

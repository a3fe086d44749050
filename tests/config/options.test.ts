import { describe, expect, it } from 'vitest';
import { parseOptions, parseSystemOption, readTimeOrAge } from '../../src/config/options.ts';
import { instant } from '../../src/domain/instant.ts';

describe('the command line', () => {
  it('takes options before, between and after the words', () => {
    const options = parseOptions([
      '-s',
      'orket=/srv/o,name=a',
      'list',
      '--json',
      'turns',
      '--at=2026-02-21T03:14:07Z',
    ]);
    expect(options.words).toEqual(['list', 'turns']);
    expect(options.flags).toEqual(new Set(['--json']));
    expect(options.systems).toEqual([{ kind: 'orket', dir: '/srv/o', settings: { name: 'a' } }]);
    expect(options.at).toBe(Date.UTC(2026, 1, 21, 3, 14, 7));
  });

  it.each([
    [['--jsn'], 'there is no option --jsn'],
    [['status', '--dry-run'], '--dry-run is no option of `binnacle status`'],
    [['status', '--at'], '--at needs a value'],
    [['status', '--at', 'noon'], '--at noon: not a time'],
    [['status', '--at', '2026-02-30T00:00:00Z'], 'not a time'],
    [['status', '--json=yes'], '--json takes no value'],
    [['-s', 'orket'], '-s orket: KIND=DIR is wanted'],
    [['-s', 'orket=/x,url'], '"url" is not key=value'],
  ])('says what is wrong with %j', (argv, message) => {
    expect(() => parseOptions(argv)).toThrow(message);
  });

  it('keeps a comma in a value when it is escaped', () => {
    expect(parseSystemOption('orket=/srv/a\\,b,log=x\\,y')).toEqual({
      kind: 'orket',
      dir: '/srv/a,b',
      settings: { log: 'x,y' },
    });
  });

  it('takes a bare name after --system of logs as a filter', () => {
    const options = parseOptions(['logs', '-s', 'orket=/x', '--system', 'orket']);
    expect(options.systemNames).toEqual(['orket']);
    expect(options.systems).toHaveLength(1);
  });

  it('reads ages back from now', () => {
    expect(readTimeOrAge('--since', '15m', instant(3_600_000))).toBe(2_700_000);
    const wrong = (): unknown => readTimeOrAge('--since', '15 min', instant(0));
    expect(wrong).toThrow(
      expect.objectContaining({ nextSteps: [expect.stringContaining('or as an age: 90s 15m 2h 3d')] }),
    );
  });
});

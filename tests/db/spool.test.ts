import { statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSpool, SPOOL_BYTES } from '../../src/db/spool.ts';
import { temporaryDirectory } from './temporary.ts';

describe('the spool', () => {
  it('gives back beginning and end of what was written, from another opening too, readable by its owner alone', () => {
    const directory = temporaryDirectory();
    const writer = openSpool(directory).open('o1');
    writer.write('first line\n');
    writer.write('ééé\n');
    const reader = openSpool(directory);
    expect(reader.text('o1', 1_000)).toBe('first line\nééé\n');
    expect(reader.text('o1', 5)).toBe('first');
    // Cut in the middle of a character, at either end.
    expect(reader.tail('o1', 4)).toBe('é\n');
    expect(reader.text('o1', 12)).toBe('first line\n');
    expect(reader.tail('none', 10)).toBe('');
    writer.close();
    expect(statSync(join(directory, 'spool', 'o1.out')).mode & 0o777).toBe(0o600);
  });

  it('keeps so much and says that there was more', () => {
    const spool = openSpool(temporaryDirectory());
    const writer = spool.open('o1');
    for (let n = 0; n < 50; n += 1) writer.write('x'.repeat(100_000));
    writer.close();
    const text = spool.text('o1', SPOOL_BYTES * 2);
    expect(text.length).toBe(SPOOL_BYTES + '\n[output beyond this is not kept]\n'.length);
    expect(text.endsWith('[output beyond this is not kept]\n')).toBe(true);
  });

  it('opens no file outside itself', () => {
    const directory = temporaryDirectory();
    const spool = openSpool(directory);
    expect(() => spool.open('../x')).toThrow(/not the id of an order/);
    spool.open('o1').close();
    symlinkSync(join(directory, 'elsewhere'), join(directory, 'spool', 'o2.out'));
    expect(() => spool.open('o2')).toThrow(/ELOOP/);
  });
});

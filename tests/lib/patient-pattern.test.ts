import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PATIENCE_FLAG, patientForm } from '../../src/lib/patient-pattern.ts';
import { temporaryDirectory } from '../db/temporary.ts';

/** Expressions of what people type: characters, classes, escapes, groups, alternatives, repetitions. */
const patterns = fc.letrec<{ all: string; part: string; one: string }>((tie) => ({
  all: fc.array(tie('part'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
  part: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'groups' },
    fc
      .tuple(tie('one'), fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '*?'))
      .map(([one, many]) => one + many),
    fc
      .tuple(
        tie('all'),
        tie('all'),
        fc.constantFrom('(', '(?:', '(?<n>'),
        fc.constantFrom('*', '+', '{1,2}', ''),
      )
      .map(([one, other, open, many]) => `${open}${one}|${other.replaceAll('(?<n>', '(')})${many}`)
      .map((text) => text.replace(/(?<=\(\?<n>.*)\(\?<n>/gs, '(')),
    fc
      .tuple(tie('all'), fc.constantFrom('*', '+', '{2,}'))
      .map(([all, many]) => `(${all.replaceAll('(?<n>', '(')})${many}`),
  ),
  one: fc.constantFrom(
    ...['a', 'B', 'k', '7', ' ', '_', '\\w', '\\d', '\\S', '\\.', '\\b', '.', '^', '$'],
    ...['[a-f]', '[^a-c]', '[A-Z_]', '[\\w-]', '[0-z]', '[\\]b]', '[.*+]', '[^\\d\\s]'],
  ),
})).all;

const isValid = (pattern: string): boolean => {
  try {
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
};

describe('the form of an expression that may take for ever', () => {
  it('finds what the expression finds', () => {
    let changed = 0;
    fc.assert(
      fc.property(
        patterns.filter(isValid),
        fc.string({ unit: fc.constantFrom(...'aAbBkKfz79_ .]-é'), maxLength: 7 }),
        fc.boolean(),
        (pattern, text, ignoreCase) => {
          const form = patientForm(pattern, ignoreCase);
          if (form === undefined) return;
          changed += 1;
          expect(new RegExp(form).test(text)).toBe(new RegExp(pattern, ignoreCase ? 'iu' : 'u').test(text));
        },
      ),
      { numRuns: 4_000 },
    );
    expect(changed).toBeGreaterThan(500);
  });

  it.each(['\\d+ ms', 'error|fatal', '(a|b) c+', '[(a+)+]', '\\(a+\\)+', 'a{2,3}b', '(?<year>\\d+)-'])(
    'leaves %s, which takes no longer than its line, as it is written',
    (pattern) => expect(patientForm(pattern, true)).toBeUndefined(),
  );

  it.each(['(a+)+(?=b)', '(a+)+\\1', '(\\p{L}+)*$', '(é+)+'])('has none for %s', (pattern) =>
    expect(patientForm(pattern, true)).toBeUndefined(),
  );

  it('is over at once on a line that would keep the expression for years', () => {
    const program = join(temporaryDirectory(), 'search.mjs');
    const forms = ['(a+)+$', '(a|aa)+$', '^(\\w+\\s?)*$', '(.*,)*x$', '^(?<w>[a-z]+)+ end'].map((one) =>
      patientForm(one, true),
    );
    expect(forms).not.toContain(undefined);
    writeFileSync(
      program,
      `import { setFlagsFromString } from 'node:v8';
setFlagsFromString(${JSON.stringify(PATIENCE_FLAG)});
const line = 'aA'.repeat(2500) + '!';
for (const form of ${JSON.stringify(forms)}) for (const flags of ['', 'm', 'gm']) console.log(new RegExp(form, flags).test(line));`,
    );
    const said = execFileSync(process.execPath, [program], { encoding: 'utf8', timeout: 30_000 });
    expect(said.trim().split('\n')).toEqual(Array.from({ length: 15 }, () => 'false'));
  });
});

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeFailure, EXIT_BUG, EXIT_EXTERNAL, writeDiagnostics } from '../../src/app/failure.ts';
import { ExternalError, UserError } from '../../src/domain/error.ts';

describe('a failure', () => {
  it('of the operator keeps its exit code and says what to do next', () => {
    expect(describeFailure(new UserError('no such verb', ['try `status`']), undefined)).toEqual({
      lines: ['no such verb', '  try `status`'],
      exitCode: 2,
    });
    expect(describeFailure(new UserError('held by bob', [], 4), undefined).exitCode).toBe(4);
  });

  it('of the world names what failed', () => {
    expect(describeFailure(new ExternalError('psql', 'not found'), undefined)).toEqual({
      lines: ['psql: not found'],
      exitCode: EXIT_EXTERNAL,
    });
  });

  it('of ours points at the details, or says that they could not be kept', () => {
    expect(describeFailure(new RangeError('-1'), '/state/diagnostics.log')).toEqual({
      lines: ['a fault of binnacle itself: RangeError: -1', '  details: /state/diagnostics.log'],
      exitCode: EXIT_BUG,
    });
    expect(describeFailure('thrown text', undefined).lines).toEqual([
      'a fault of binnacle itself: thrown text',
      '  the details could not be written to the state directory',
    ]);
  });

  it('is told by name, since the launcher has classes of its own', () => {
    class UserErrorOfAnotherBundle extends Error {
      override name = 'UserError';
      nextSteps = ['do'];
      exitCode = 4;
    }
    expect(describeFailure(new UserErrorOfAnotherBundle('no'), undefined)).toEqual({
      lines: ['no', '  do'],
      exitCode: 4,
    });
    const alike = new Error('only the name');
    alike.name = 'UserError';
    expect(describeFailure(alike, undefined).exitCode).toBe(EXIT_BUG);
  });
});

describe('the diagnostics file', () => {
  let state = '';
  const before = process.env['BINNACLE_STATE_DIR'];
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'binnacle-failure-'));
    process.env['BINNACLE_STATE_DIR'] = join(state, 'made', 'when needed');
  });
  afterEach(() => {
    if (before === undefined) delete process.env['BINNACLE_STATE_DIR'];
    else process.env['BINNACLE_STATE_DIR'] = before;
    rmSync(state, { recursive: true, force: true });
  });

  it('is for its owner alone, and grows line by line', () => {
    const path = writeDiagnostics('one\n') ?? '';
    writeDiagnostics('two');
    expect(readFileSync(path, 'utf8')).toMatch(/^\d{4}-.*Z pid \d+ one\n\d{4}-.*Z pid \d+ two\n$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
  });

  it('is begun anew when it is large, and one before is kept', () => {
    const path = writeDiagnostics('first') ?? '';
    writeFileSync(path, 'x'.repeat(1024 * 1024 + 1));
    writeDiagnostics('after');
    expect(statSync(path).size).toBeLessThan(100);
    expect(statSync(`${path}.1`).size).toBe(1024 * 1024 + 1);
  });

  it('that can not be written hides nothing', () => {
    writeFileSync(join(state, 'made'), 'a file in the way');
    expect(writeDiagnostics('lost')).toBeUndefined();
  });
});

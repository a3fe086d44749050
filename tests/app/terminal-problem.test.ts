import { describe, expect, it } from 'vitest';
import { terminalProblem } from '../../src/app/terminal-problem.ts';

const tty = { isTTY: true };
const pipe = {};

describe('a terminal', () => {
  it('is no problem', () => {
    expect(terminalProblem(tty, tty, { TERM: 'xterm-256color' })).toBeUndefined();
    expect(terminalProblem(tty, tty, { TERM: 'linux', CI: '' })).toBeUndefined();
    expect(terminalProblem(tty, tty, { TERM: 'linux', CI: 'false' })).toBeUndefined();
    expect(terminalProblem(tty, tty, { TERM: 'linux', CI: '0' })).toBeUndefined();
  });

  it.each([
    [tty, pipe, { TERM: 'xterm' }, 'standard output is not a terminal'],
    [pipe, tty, { TERM: 'xterm' }, 'standard input is not a terminal'],
    [tty, tty, { TERM: 'dumb' }, 'TERM=dumb says this terminal can only print lines'],
    [tty, tty, {}, 'TERM is not set, so the terminal is unknown'],
    [tty, tty, { TERM: 'xterm', CI: 'true' }, 'CI is set, so nobody is at the keys'],
  ])('that can not be drawn on is told in a sentence', (stdin, stdout, env, sentence) => {
    expect(terminalProblem(stdin, stdout, env)).toBe(sentence);
  });
});

import type { Environment } from './terminal-streams.ts';

/**
 * Why the cockpit can't be drawn here, as a sentence for the operator; undefined when it can. The verbs (`status`,
 * `logs` ...) work everywhere.
 */
export function terminalProblem(
  stdin: { readonly isTTY?: boolean | undefined },
  stdout: { readonly isTTY?: boolean | undefined },
  env: Environment,
): string | undefined {
  const term = env['TERM'] ?? '';
  if (stdout.isTTY !== true) return 'standard output is not a terminal';
  if (stdin.isTTY !== true) return 'standard input is not a terminal';
  if (term === '') return 'TERM is not set, so the terminal is unknown';
  if (term === 'dumb') return 'TERM=dumb says this terminal can only print lines';
  if (isSet(env['CI'])) return 'CI is set, so nobody is at the keys';
  return undefined;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

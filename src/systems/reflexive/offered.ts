import { getArray, getString } from '../../lib/json.ts';
import type { StateView } from '../system.ts';
import type { ProgramFact } from './facts.ts';

/**
 * Which words the installed program understands. `code`: those of `src/cli.py` as published; `runbook`: those its runbook
 * prints, which other generations of it have.
 */
export type Dialect = 'code' | 'runbook';

/** Where approvals can be listed and decided: with which words, or why not. */
export type ApprovalWords = Dialect | 'none';

/** How this program lists approvals. */
export function approvalWords(program: ProgramFact | undefined): ApprovalWords {
  if (!program) return 'none';
  if (program.commands.includes('approvals list')) return 'runbook';
  return program.commands.includes('approval-list') && program.listsApprovals ? 'code' : 'none';
}

/** True when the program has that command, as far as its source could be read. Undefined: it could not. */
export function offers(view: StateView, command: string): boolean | undefined {
  const commands = getArray(view.data, 'commands');
  return commands.length === 0 ? undefined : commands.includes(command);
}

/** How the program is asked for its health. Where its source could not be read, as the published one is. */
export function healthWords(view: StateView): readonly string[] | undefined {
  if (offers(view, 'health') !== false) return ['health', '--json-output'];
  return offers(view, 'health-check') === true ? ['health-check'] : undefined;
}

/** The words approvals are decided with. */
export function decisionWords(view: StateView): ApprovalWords {
  const words = getString(view.data, 'approvals');
  return words === 'runbook' || words === 'code' ? words : 'none';
}

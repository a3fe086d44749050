import type { Json } from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import type { ProgramFact } from './facts.ts';

/**
 * `src/cli.py`, read for the commands it declares: what this installation offers, without starting it. Programs of this
 * name differ (`health` and `health-check`, `approve` and `approvals approve`), and asking one for its help takes seconds.
 */
export const programParser: Parser = {
  version: 1,
  start: null,
  fold(carry: Json, chunk: Chunk, _context: ParseContext): Folded {
    if (chunk.type !== 'document') return { carry };
    return { carry, facts: { program: readProgram(chunk.text) } };
  },
};

/** `@GROUP.command("name")` or `@GROUP.command()`, then other decorators, then `def name(`. */
const declaration =
  /^@(\w+)\.(command|group)\(\s*(?:name\s*=\s*)?(?:["']([A-Za-z0-9][\w-]{0,60})["'])?[^\n]*\n((?:.*\n){0,60}?)(?:async )?def (\w{1,60})\(/gm;

/** Commands as they are typed after `src.cli`: `health`, `approvals list`. */
export function readProgram(text: string): ProgramFact {
  const groups = new Map<string, string>();
  const commands: string[] = [];
  let listsApprovals = false;
  for (const match of text.slice(0, 1_000_000).matchAll(declaration)) {
    const [, owner = '', sort, given, , named = ''] = match;
    // Click takes the function's name with dashes where no other is given.
    const name = given ?? named.replaceAll('_', '-');
    const path = [groups.get(owner), name].filter((word) => word !== undefined).join(' ');
    if (commands.length >= 200) break;
    // The outermost group is typed as `src.cli` itself.
    if (owner === 'click') continue;
    if (sort === 'group') groups.set(named, path);
    else commands.push(path);
    if (path === 'approval-list') listsApprovals = bodyOf(text, match.index).includes('setup_logging(');
  }
  return { commands, listsApprovals };
}

/** From a declaration to the next one. */
function bodyOf(text: string, start: number): string {
  const next = text.indexOf('\n@', text.indexOf('def ', start));
  return text.slice(start, next < 0 ? undefined : next);
}

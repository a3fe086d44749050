import type { Options } from '../config/options.ts';
import { checkListed, printList } from '../headless/list.ts';
import { tellUnread } from '../headless/unread.ts';
import { withEngine, worstOf } from './beside.ts';

/** These lists rest on no file of theirs, or say themselves what could not be read. */
const TELL_THEMSELVES: readonly string[] = ['sources', 'systems', 'verbs', 'acts', 'attention'];

/** `binnacle list WHAT`. */
export async function runList(options: Options): Promise<number> {
  const what = options.words[1];
  checkListed(what);
  // What acts there are is the program's to tell, wherever it stands.
  const needs = { withActs: 'if there', orNothing: what === 'acts' } as const;
  return await withEngine(options, needs, async (opened, output) => {
    const printed = await printList(what, opened, options.flags.has('--json'), output);
    if (TELL_THEMSELVES.includes(what ?? '')) return printed;
    const unread = tellUnread(opened.state(), output);
    return worstOf(opened.troubles) || unread || printed;
  });
}

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
  return await withEngine(options, { withActs: 'if there' }, ({ state, verbs, troubles }, output) => {
    const printed = printList(what, state(), verbs(), options.flags.has('--json'), output);
    if (TELL_THEMSELVES.includes(what ?? '')) return printed;
    const unread = tellUnread(state(), output);
    return worstOf(troubles) || unread || printed;
  });
}

/** Searching through the whole log. */
import { matcherOf } from '../domain/log-filter.ts';
import { searchQuery, selectedLogRow } from '../store/lens-query.ts';
import { textCondition } from '../store/log-view.ts';
import type { CommandContext } from './command.ts';

/** Goes to the next hit of what is searched for in the log. Resolves to whether there was one, or nobody wants it any more. */
export async function stepLogSearch(context: CommandContext, direction: 1 | -1): Promise<boolean> {
  const { desk } = context.snapshot();
  if (await toHit(context, direction)) return true;
  if (desk.search)
    context.cockpit.toast(`"${desk.search.text}": no more ${direction === 1 ? 'below' : 'above'}`);
  return false;
}

async function toHit(context: CommandContext, direction: 1 | -1): Promise<boolean> {
  const { cockpit } = context;
  const { desk, log } = context.snapshot();
  const text = desk.search?.text;
  if (text === undefined) return false;
  const found = await cockpit.logs.seekNext(`"${text}"`, searchQuery(log.query, text), direction);
  if (found === 'stopped') return true;
  if (found === 'none') return false;
  cockpit.update((now) =>
    now.search?.text === text
      ? { ...now, search: { ...now.search, hit: { sortAt: found.sortAt, id: found.id } } }
      : now,
  );
  return true;
}

/** A text is searched for in the log: the row under the cursor, the next hit below, or for want of one the nearest above. */
export async function walkSearch(context: CommandContext, text: string): Promise<void> {
  const { cockpit } = context;
  cockpit.update((desk) => ({ ...desk, search: { pane: 'logs', text } }));
  const row = selectedLogRow(context.snapshot());
  if (row && matcherOf({ filter: [textCondition(text).condition] })(row)) {
    const hit = { sortAt: row.sortAt, id: row.id };
    cockpit.log.setFollow(false);
    cockpit.update((desk) => ({ ...desk, search: { pane: 'logs', text, hit } }));
    return;
  }
  if (await toHit(context, 1)) return;
  if (await toHit(context, -1)) cockpit.toast(`"${text}": none below, this is the nearest above`);
  else cockpit.toast(`"${text}": nowhere in these rows`);
}

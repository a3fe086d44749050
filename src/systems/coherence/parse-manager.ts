import { getArray, getNumber } from '../../lib/json.ts';
import type { Parser } from '../system.ts';
import { cut, scriptLogParser, taskIdsIn } from './parse-line.ts';

const KEPT_IDS = 50;

/**
 * `api/logs/project_manager.log`, written by scripts/project_manager.py in both modes and by all its runs. Facts:
 * `started`, `last`, `worked` (newest line that is neither a start nor an error), `created` (newest task made), `blocked` (since when it says so without a break), `error`, `ended`
 * (the run ended by itself), `gaveUp` (items left after their last iteration), `notFound` (tasks the API did not know).
 */
export const managerLogParser: Parser = scriptLogParser<Record<string, never>>(1, {}, (line, draft, own) => {
  const { message, at, offset } = line;
  const place = { at, offset };
  draft.set('last', { ...place, text: cut(message, 200) ?? '' });
  if (line.level !== 'error' && !message.startsWith('Project Manager started')) draft.set('worked', place);
  const started = /^Project Manager started API=(\S+) backlog=(.+) executor=(\S+)/.exec(message);
  if (started) {
    const [, api = '', backlog = '', executor = ''] = started;
    draft.set('started', {
      ...place,
      api: cut(api, 200) ?? '',
      backlog: cut(backlog, 300) ?? '',
      executor: cut(executor, 40) ?? '',
    });
    for (const key of ['ended', 'blocked', 'error', 'gaveUp', 'notFound']) draft.set(key, null);
    return own;
  }
  if (/^Blocked: (task )?needs_decision/.test(message) || /^Task \S+ needs_decision; pausing/.test(message)) {
    const known = draft.get('blocked');
    draft.set('blocked', { ...place, since: getNumber(known, 'since') ?? at });
    return own;
  }
  if (
    /^(created |spec done, created|impl done, created|test done, created|item \d+ \w+ done)/.test(message)
  ) {
    draft.set('created', { ...place, text: cut(message, 200) ?? '' });
    draft.set('blocked', null);
  } else if (/^(Reached time limit|Backlog complete|Reached --max-items)/.test(message)) {
    draft.set('ended', { ...place, text: cut(message, 100) ?? '' });
  } else if (/failed max iterations, advance$|^Max iterations/.test(message)) {
    const known = getArray(draft.get('gaveUp'), 'lines');
    draft.set('gaveUp', { ...place, lines: [...known.slice(-KEPT_IDS), cut(message, 120) ?? ''] });
  } else if (/not found \(404\)/.test(message)) {
    const known = getArray(draft.get('notFound'), 'ids');
    draft.set('notFound', { ...place, ids: [...known.slice(-KEPT_IDS), ...taskIdsIn(message)] });
  } else if (line.level === 'error') {
    draft.set('error', { ...place, text: cut(message, 300) ?? '' });
  }
  return own;
});

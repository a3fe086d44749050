import type { Instant } from '../../domain/instant.ts';
import { getArray, getField, getNumber, isObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { Parser } from '../system.ts';
import { cut, type FactDraft, scriptLogParser, type TimedLine } from './parse-line.ts';

const KEPT_REQUESTS = 300;
const MAX_CONDITIONS = 60;

/** Conditions under which a check ends before it looked at anything else: what it did not report may still be so. */
export const BLIND_CONDITIONS: readonly string[] = ['api_unreachable', 'api_error'];

/**
 * `api/logs/monitor.log`, written by scripts/monitor_pipeline.py. Facts: `started`, `last`, `status` (newest STATUS
 * line), `unreachable` (newest warning that the API did not answer), `requests` (each "Restart requested"), `open`
 * (condition to since, last and offset, as of the newest check that could look). A check that finds the API down
 * prints no `Detected` line and replaces nothing here but `api_unreachable` itself.
 */
export const monitorLogParser: Parser = scriptLogParser<Record<string, never>>(1, {}, (line, draft, own) => {
  const { message, at, offset } = line;
  const place = { at, offset };
  draft.set('last', place);
  const started = /^Monitor started interval=(\d+)s auto_fix=(\w+) auto_recover=(\w+)/.exec(message);
  if (started) {
    const [, interval, autoFix, autoRecover] = started;
    draft.set('started', {
      ...place,
      intervalS: Number(interval),
      autoFix: autoFix === 'True',
      autoRecover: autoRecover === 'True',
    });
    return own;
  }
  if (message.startsWith('Restart requested: ')) {
    const reason = cut(message.slice('Restart requested: '.length).trim(), 60) ?? '';
    const known = getArray(draft.get('requests'), 'list');
    draft.set('requests', { list: [...known.slice(1 - KEPT_REQUESTS), { ...place, reason }] });
    return own;
  }
  if (message.startsWith('API unreachable: ')) {
    const before = draft.get('unreachable');
    const since = getNumber(before, 'since');
    draft.set('unreachable', { ...place, since: since ?? at, text: cut(message, 200) ?? '' });
    return own;
  }
  if (message.startsWith('STATUS ')) takeStatus(line, draft);
  const needs = /^\s+NEEDS_ATTENTION \[\d+\] (\w{1,80})$/.exec(message)?.[1];
  if (needs !== undefined) {
    if (!BLIND_CONDITIONS.includes(needs)) return own;
    draft.set('open', { ...rest(draft, [needs]), ...sight(draft, [needs], place) });
    return own;
  }
  const detected = /^Detected \d+ issue\(s\): \[(.*)\]$/.exec(message)?.[1];
  if (detected !== undefined) {
    const found = [...detected.matchAll(/['"](\w{1,80})['"]/g)].map((match) => match[1] ?? '');
    draft.set('open', sight(draft, found.slice(0, MAX_CONDITIONS), place));
    draft.set('unreachable', null);
  }
  return own;
});

function takeStatus(line: TimedLine, draft: FactDraft): void {
  const match = /^STATUS (\w+) \| (.*)$/.exec(line.message);
  if (!match) return;
  const [, word = '', layers = ''] = match;
  const place = { at: line.at, offset: line.offset };
  draft.set('status', { ...place, word: cut(word, 20) ?? '', layers: cut(layers, 60) ?? '' });
  if (/\bL3:ok\b/.test(layers)) draft.set('open', {});
  if (/\bL2:ok\b/.test(layers)) draft.set('unreachable', null);
}

/** The open conditions after a sighting: those known keep since when they are open. */
function sight(
  draft: FactDraft,
  conditions: readonly string[],
  place: { readonly at: Instant; readonly offset: number },
): JsonObject {
  const open = draft.get('open');
  const next: Record<string, Json> = {};
  for (const condition of conditions) {
    const known = getField(open, condition);
    next[condition] = {
      since: getNumber(known, 'since') ?? place.at,
      last: place.at,
      offset: place.offset,
    };
  }
  return next;
}

/** The open conditions except those named. */
function rest(draft: FactDraft, except: readonly string[]): JsonObject {
  const open = draft.get('open');
  if (!isObject(open)) return {};
  return Object.fromEntries(Object.entries(open).filter(([condition]) => !except.includes(condition)));
}

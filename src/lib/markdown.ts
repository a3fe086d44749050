/** Text of watched systems in Markdown, where it must stay text: no link, no HTML, no table cell of its own. */
import { safeText } from './safe-text.ts';

/** Longest text in a report. */
const MAX_LENGTH = 400;
/** Nothing in here means anything to Markdown in the middle of a line. */
const CALM = /^[\p{L}\p{N} .,;:()'"’“”…–—=+%/?-]*$/u;
/** What a renderer makes a link or a sign of without being asked to. */
const SELF_LINKING = /:\/\/|www\.|:[\w+-]+:/i;

/**
 * Any text as inert Markdown on one line: as it is where every character is harmless, else as a code span, within which
 * nothing is interpreted. A bar is written `\x7c`, as other signs that can't be shown are: in a table it would end its
 * cell, code span or not.
 */
export function markdownText(raw: string): string {
  const text = safeText(raw, MAX_LENGTH).replaceAll('|', '\\x7c').trim();
  if (text === '') return '';
  if (CALM.test(text) && !SELF_LINKING.test(text)) return text;
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  const pad = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${text}${pad}${fence}`;
}

import { instant } from '../../domain/instant.ts';
import type { Folded, Parser } from '../system.ts';
import { FactDraft } from './facts.ts';

const ENTRY = /^[0-9a-f]{40,64} ([0-9a-f]{40,64}) .*> (\d{9,11}) [+-]\d{4}\t(.*)$/;

/**
 * `.git/logs/HEAD` and `.git/logs/refs/stash`: git adds a line for each move of HEAD and each stash, with the seconds
 * since 1970. Fact: `newest`.
 */
export const reflogParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'lines') return { carry };
    const draft = new FactDraft(context);
    for (const line of chunk.lines) {
      const [, commit, seconds, text = ''] = ENTRY.exec(line.text) ?? [];
      if (commit === undefined) continue;
      const at = instant(Number(seconds) * 1000);
      draft.set('newest', { commit, at, offset: line.offset, text: text.slice(0, 200) });
    }
    const facts = draft.done();
    return { carry, ...(facts ? { facts } : {}) };
  },
};

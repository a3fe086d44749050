import { instant, parseInstant } from '../../domain/instant.ts';
import type { BadRecord } from '../../domain/source.ts';
import type { Json } from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import type { HeadFact, MoveFact, PointFact, TreeFact } from './facts.ts';

/** How many moves of HEAD are kept: a roll back of ours is among the newest. */
const keptMoves = 20;

/** `.git/logs/HEAD`: git writes a line for each move of HEAD, `OLD NEW Name <mail> SECONDS ZONE<tab>message`. */
export const headParser: Parser = {
  version: 1,
  start: null,
  fold(carry: Json, chunk: Chunk, context: ParseContext): Folded {
    if (chunk.type !== 'lines') return { carry };
    const before = context.fact('head') as HeadFact | undefined;
    let moves: readonly MoveFact[] = before?.moves ?? [];
    for (const line of chunk.lines) {
      const match = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) .*> (\d{1,12}) [+-]\d{4}(?:\t(.*))?$/.exec(
        line.text,
      );
      if (!match) continue;
      const [, from = '', to = '', seconds = '0', message = ''] = match;
      moves = [
        ...moves,
        {
          from,
          to,
          at: instant(Number(seconds) * 1000),
          offset: line.offset,
          message: message.slice(0, 300),
        },
      ].slice(-keptMoves);
    }
    return moves.length === 0 ? { carry } : { carry, facts: { head: { moves } satisfies HeadFact } };
  },
};

/** What `git for-each-ref` is asked to print of a tag, one line each, parted by tabs. */
export const tagFormat =
  '%(refname:short)%09%(objecttype)%09%(*objectname)%09%(objectname)%09%(creatordate:iso-strict)%09%(contents:subject)';

/**
 * Tags `rollback-*` and `pre-merge-*`. Asked of git, since the program's own list can't read the annotated tags that the
 * program itself makes (`list_rollback_points` in `src/safety/rollback.py`).
 */
export const tagsParser: Parser = {
  version: 1,
  start: null,
  fold(carry: Json, chunk: Chunk, context: ParseContext): Folded {
    if (chunk.type !== 'probe' || chunk.exitCode !== 0 || chunk.error !== undefined) return { carry };
    const facts: Record<string, Json> = {};
    let unread = 0;
    for (const line of chunk.stdout.split('\n')) {
      if (line === '') continue;
      const [tag = '', type = '', target = '', own = '', created = '', ...subject] = line.split('\t');
      const commit = target === '' ? own : target;
      if (tag === '' || !/^[0-9a-f]{40,64}$/.test(commit)) {
        unread += 1;
        continue;
      }
      const at = parseInstant(created);
      const point: PointFact = {
        commit,
        annotated: type === 'tag',
        ...(at === undefined ? {} : { at }),
        subject: subject.join(' ').slice(0, 300),
      };
      facts[`point:${tag.slice(0, 200)}`] = point;
    }
    if (unread === 0) return { carry, facts };
    const bad = [notOfGit(context, `${unread} lines of tags not understood`, chunk.stdout)];
    return Object.keys(facts).length === 0 ? { carry, bad } : { carry, facts, bad };
  },
};

function notOfGit(context: ParseContext, reason: string, text: string): BadRecord {
  return { path: context.path, reason, excerpt: text.slice(0, 200) };
}

/** `git status --porcelain=v2 --branch`: branch, commit, and how many tracked files differ from it. */
export const treeParser: Parser = {
  version: 1,
  start: null,
  fold(carry: Json, chunk: Chunk, context: ParseContext): Folded {
    if (chunk.type !== 'probe' || chunk.exitCode !== 0 || chunk.error !== undefined) return { carry };
    const lines = chunk.stdout.split('\n');
    const word = (name: string): string | undefined =>
      lines.find((line) => line.startsWith(`# ${name} `))?.slice(name.length + 3);
    const branch = word('branch.head');
    const commit = word('branch.oid');
    // Git begins with both, whatever there is: without them nothing is known, least of all that nothing is changed.
    if (branch === undefined || commit === undefined)
      return { carry, bad: [notOfGit(context, 'no branch in it', chunk.stdout)] };
    const changed = lines.filter((line) => /^[12u] /.test(line));
    const tree: TreeFact = {
      changed: changed.length,
      conflicts: changed.filter((line) => line.startsWith('u ')).length,
      ...(branch === '(detached)' ? {} : { branch: branch.slice(0, 200) }),
      ...(/^[0-9a-f]{40,64}$/.test(commit) ? { commit } : {}),
    };
    return { carry, facts: { tree } };
  },
};

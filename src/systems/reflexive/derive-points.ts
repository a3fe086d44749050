import type { RestorePoint } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { evidence, type Picture, timeWord } from './derive-picture.ts';
import type { HeadFact, MoveFact, PointFact } from './facts.ts';
import { type Found, findFact, findFamily } from './find-facts.ts';

/** The newest move of HEAD in the checkout. */
export function newestMove(picture: Picture): Found<MoveFact> | undefined {
  const found = findFact<HeadFact>(picture.context.facts, ['git.head'], 'head', () => 0);
  const move = found?.value.moves.at(-1);
  return found && move ? { file: found.file, value: move } : undefined;
}

/** Commits one can roll back to, the newest first, and archives of configuration and state. */
export function derivePoints(picture: Picture): RestorePoint[] {
  const points = findFamily<PointFact>(picture.context.facts, ['git.tags'], 'point:', (fact) => fact.at ?? 0);
  const head = newestMove(picture)?.value.to;
  return [...points]
    .sort(([, a], [, b]) => (b.value.at ?? 0) - (a.value.at ?? 0))
    .map(([tag, found]) => pointOf(picture, tag, found, head))
    .concat(backups(picture));
}

function backups(picture: Picture): RestorePoint[] {
  const found = findFamily<{ readonly at: Instant | null }>(
    picture.context.facts,
    ['backups'],
    'backup:',
    ({ at }) => at ?? 0,
  );
  return [...found].map(([name, one]) => ({
    type: 'restorePoint',
    system: picture.context.located.system,
    id: name,
    title: name,
    label: 'archive of configuration and state',
    observedAt: one.file.readAt,
    playbook: 'data-loss',
    evidence: { source: 'backups', path: name, ...(one.value.at === null ? {} : { at: one.value.at }) },
    ...(one.value.at === null ? {} : { createdAt: one.value.at }),
    cautions: [
      'unpacking it replaces the configuration as it is now: stop the daemon and keep what is there first',
    ],
  }));
}

function pointOf(
  picture: Picture,
  tag: string,
  found: Found<PointFact>,
  head: string | undefined,
): RestorePoint {
  const { commit, annotated, at, subject } = found.value;
  const isHere = head === commit;
  const pr = /^(?:rollback-pr-|pre-merge-)(\d{1,9})(?:-|$)/.exec(tag)?.[1];
  return {
    type: 'restorePoint',
    system: picture.context.located.system,
    id: tag,
    title: `${tag}${subject === '' ? '' : ` ${subject}`}`,
    label: subject === '' ? tag : subject,
    observedAt: found.file.readAt,
    evidence: evidence(found, {
      text: `${annotated ? 'annotated tag' : 'tag'} on ${commit.slice(0, 12)}${at === undefined ? '' : `, ${timeWord(at, picture.now)}`}`,
      ...(at === undefined ? {} : { at }),
    }),
    commit,
    playbook: 'rollback',
    ...(at === undefined ? {} : { createdAt: at }),
    ...(pr === undefined ? {} : { logKeys: [`pr-${pr}`] }),
    data: { annotated, isHere },
    cautions: [
      'a roll back reverts commits of this checkout, on the branch it stands on, and pushes nothing',
      ...(annotated
        ? [
            'the program lists none of the annotated tags it makes itself: it is given the commit in place of the tag',
          ]
        : []),
    ],
  };
}

import type { Job } from '../../domain/entity.ts';
import { evidence, type Picture, timeWord } from './derive-picture.ts';
import type { RoadmapFact } from './facts.ts';
import { findFact } from './find-facts.ts';

/** The roadmap's schedule as one piece of work: made by a command, never by the daemon. */
export function deriveRoadmap(picture: Picture): Job[] {
  const found = findFact<RoadmapFact>(picture.context.facts, ['roadmap'], 'roadmap', () => 0);
  if (!found) return [];
  const { generatedAt, roadmapId, nextAt, count, error, errorAt } = found.value;
  const failed =
    error !== undefined && (generatedAt === undefined || (errorAt ?? generatedAt) >= generatedAt);
  const updatedAt = failed ? (errorAt ?? generatedAt) : generatedAt;
  const { now } = picture;
  return [
    {
      type: 'job',
      system: picture.context.located.system,
      id: 'roadmap',
      title: `roadmap${roadmapId === undefined ? '' : ` ${roadmapId}`}`,
      observedAt: found.file.readAt,
      evidence: evidence(found, {
        text: `generation_count ${count ?? 0}${generatedAt === undefined ? '' : `, last ${timeWord(generatedAt, now)}`}`,
        ...(updatedAt === undefined ? {} : { at: updatedAt }),
      }),
      status: failed ? 'failed' : generatedAt === undefined ? 'unknown' : 'done',
      nativeStatus: failed ? 'last try failed' : generatedAt === undefined ? 'never generated' : 'generated',
      ...(updatedAt === undefined ? {} : { updatedAt }),
      logKeys: ['roadmap_generation'],
      cautions: [
        nextAt === undefined
          ? 'the daemon generates none: a command does'
          : `next_scheduled_time ${timeWord(nextAt, now)} is a note: the daemon's own step for it is empty`,
      ],
    },
  ];
}

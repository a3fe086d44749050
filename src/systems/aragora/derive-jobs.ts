import type { Job } from '../../domain/entity.ts';
import { getArray, getBoolean, getNumber, getString } from '../../lib/json.ts';
import { firstLine } from '../../lib/phrase.ts';
import { entityBase, evidenceOf, spanText, textsOf } from './draft.ts';
import type { Scene } from './scene.ts';

/**
 * Tasks of the implement phase, from implement_progress.json. The file outlives its cycle: a task is running only while
 * the loop is in that phase and the file was written since the phase began.
 */
export function jobsOf(scene: Scene): readonly Job[] {
  const file = scene.file('nomic.implement');
  const progress = file?.facts.get('progress');
  if (!file || progress === undefined) return [];
  const { loop } = scene;
  const isLive =
    loop.phase?.name === 'implement' &&
    !loop.isLogFormer &&
    (loop.state === 'running' || loop.state === 'stalled' || loop.state === 'unseen');
  const done = new Set(getArray(progress, 'done'));
  const current = getString(progress, 'current');
  const results = getArray(progress, 'results');
  return getArray(progress, 'tasks').map((task): Job => {
    const id = getString(task, 'id') ?? '?';
    const result = results.filter((one) => getString(one, 'id') === id).at(-1);
    const isDone = done.has(id);
    const isFailed = getBoolean(result, 'success') === false && !isDone;
    const isCurrent = id === current && !isDone;
    const status: Job['status'] = isDone
      ? 'done'
      : isCurrent && isLive
        ? 'running'
        : isFailed
          ? 'failed'
          : isLive
            ? 'queued'
            : 'unknown';
    const seconds = getNumber(result, 'seconds');
    const cost = getNumber(result, 'costUsd');
    const text = textsOf(
      isCurrent && !isLive ? 'was the current one when the loop left off' : status,
      getString(result, 'model') && `by ${getString(result, 'model')}`,
      seconds !== undefined && `in ${spanText(seconds)}`,
      cost !== undefined && `$${cost.toFixed(2)}`,
      getString(result, 'error') && firstLine(getString(result, 'error') ?? '', 80),
    ).join(', ');
    return {
      ...entityBase(scene, id, file),
      type: 'job',
      title: firstLine(getString(task, 'title') ?? id, 120),
      status,
      nativeStatus: isDone ? 'completed' : isCurrent ? 'current' : isFailed ? 'failed' : 'pending',
      evidence: evidenceOf(file, undefined, text),
      logKeys: [id],
      cautions: textsOf(
        !isLive && !isDone && 'a new start goes on with it only if its new design is the very same',
      ),
    };
  });
}

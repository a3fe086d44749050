import type { DueTimes } from '../../domain/due-times.ts';
import type { Issue } from '../../domain/entity.ts';
import { addMs, clockText, instant } from '../../domain/instant.ts';
import { getArray, getNumber, getString } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import type { DeriveContext } from '../system.ts';
import { START_RUNNER_ACT } from './condition.ts';
import { entityBase } from './draft.ts';
import type { Scene } from './scene.ts';
import { instantOf, newestOf, type Seen, seenOf } from './seen.ts';
import { type TaskBook, taskTime } from './tasks.ts';

/** A waiver that ends within a day is renewed or its cause mended by a person. */
const NEAR_MS = 86_400_000;

/** What other files of the checkout tell that needs a human, each at most once. */
export function noticesOf(
  context: DeriveContext,
  scene: Scene,
  book: TaskBook,
  due: DueTimes,
): readonly (Issue | undefined)[] {
  const seen = (source: string): Seen | undefined => {
    const found = seenOf(newestOf(context.facts.files(source)));
    return found?.file.present ? found : undefined;
  };
  return [
    boundTasks(scene, book),
    deployBlock(scene, seen('deploy')),
    metaQuestions(scene, seen('meta')),
    ...waivers(scene, seen('waivers'), due),
  ];
}

/** Pending tasks claimed by a worker that is gone: nobody else is given them, and nothing says so. */
function boundTasks(scene: Scene, book: TaskBook): Issue | undefined {
  const bound = book.tasks.filter(
    (task) =>
      task.status === 'pending' && task.worker !== undefined && book.workerLife(task.worker) === 'gone',
  );
  const [first] = bound;
  if (!first) return undefined;
  const workers = [...new Set(bound.map((task) => task.worker ?? ''))];
  const since = taskTime(first, 'updatedAt') ?? taskTime(first, 'createdAt');
  const why = 'only the worker that claimed a task is given it again, and that one is gone';
  return {
    ...entityBase(scene, 'tasks_bound_to_gone_worker', first.seen.file.readAt),
    type: 'issue',
    key: 'tasks_bound_to_gone_worker',
    title: firstLine(
      `${counted(bound.length, 'task')} pending for a worker that is gone: ${workers.join(', ')}`,
      120,
    ),
    severity: 'warning',
    status: 'open',
    detail: why,
    suggestedAction: `Start a runner under that name (AGENT_WORKER_ID), or fail the tasks.`,
    playbook: 'bound-tasks',
    evidence: first.seen.at(
      since === undefined ? undefined : { at: since },
      bound
        .map((task) => task.id)
        .join(', ')
        .slice(0, 300),
    ),
    logKeys: bound.map((task) => task.id).slice(0, 20),
    ...(since === undefined ? {} : { since }),
    attention: {
      rank: 4,
      label: 'BOUND',
      why,
      act: START_RUNNER_ACT,
      playbook: 'bound-tasks',
      ...(since === undefined ? {} : { since }),
    },
  };
}

/** `public_deploy_contract_block_state.json`: since when, and by which checks, where the monitor only says that. */
function deployBlock(scene: Scene, seen: Seen | undefined): Issue | undefined {
  const block = seen?.fact('block');
  const since = instantOf(block, 'blockedSince');
  if (!seen || since === undefined) return undefined;
  const failing = getArray(block, 'failing').filter((one): one is string => typeof one === 'string');
  const why = 'deployment is blocked';
  return {
    ...entityBase(scene, 'public_deploy_contract_blocked', seen.file.readAt),
    type: 'issue',
    key: 'public_deploy_contract_blocked',
    title: firstLine(`public deploy contract blocked: ${failing.join(', ') || 'no check named'}`, 120),
    severity: 'error',
    status: 'open',
    detail: `Last status ${getString(block, 'lastStatus') ?? 'unknown'}.`,
    since,
    evidence: seen.at(
      { at: instantOf(block, 'lastChecked') ?? null },
      `blocked since ${clockText(since, scene.now)}`,
    ),
    logKeys: ['public_deploy_contract_blocked'],
    playbook: 'ci-blocks',
    attention: { rank: 4, label: 'BLOCKED', why, since, playbook: 'ci-blocks' },
  };
}

/** `meta_questions.json`: never in the monitor's own report. */
function metaQuestions(scene: Scene, seen: Seen | undefined): Issue | undefined {
  const meta = seen?.fact('meta');
  const texts = (key: string): string[] =>
    getArray(meta, key).filter((one): one is string => typeof one === 'string');
  const [unanswered, failed] = [texts('unanswered'), texts('failed')];
  if (!seen || unanswered.length + failed.length === 0) return undefined;
  const since = instantOf(meta, 'lastRun');
  const parts = [
    failed.length > 0 ? `${failed.length} failed` : undefined,
    unanswered.length > 0 ? `${unanswered.length} unanswered` : undefined,
  ].filter((part) => part !== undefined);
  return {
    ...entityBase(scene, 'meta_questions', seen.file.readAt),
    type: 'issue',
    key: 'meta_questions',
    title: `meta questions: ${parts.join(', ')}`,
    severity: 'warning',
    status: 'open',
    detail: firstLine([...failed, ...unanswered].join('; '), 300),
    evidence: seen.at(since === undefined ? undefined : { at: since }, parts.join(', ')),
    ...(since === undefined ? {} : { since }),
    attention: {
      rank: 7,
      label: 'META',
      why: 'the pipeline’s questions about itself wait for an answer',
      ...(since === undefined ? {} : { since }),
    },
  };
}

/** Waivers of the start gate that end soon or have ended: the gate then blocks again. */
function waivers(scene: Scene, seen: Seen | undefined, due: DueTimes): readonly Issue[] {
  const ids = new Set<string>();
  return getArray(seen?.fact('waivers'), 'list').flatMap((waiver): Issue[] => {
    const expires = getNumber(waiver, 'expiresAt');
    const workflow = getString(waiver, 'workflow') ?? '';
    if (!seen || expires === undefined) return [];
    const until = instant(expires);
    const isOver = due.isPast(until);
    if (!isOver && !due.isPast(addMs(until, -NEAR_MS))) return [];
    const id = `waiver.${workflow.slice(0, 80)}`;
    if (ids.has(id)) return [];
    ids.add(id);
    const why = isOver ? 'the start gate blocks on it again' : 'then the start gate blocks on it again';
    const owner = getString(waiver, 'owner');
    return [
      {
        ...entityBase(scene, id, seen.file.readAt),
        type: 'issue',
        key: id,
        title: firstLine(
          `waiver of ${workflow} ${isOver ? 'ended' : 'ends'} ${clockText(until, scene.now)}`,
          120,
        ),
        severity: 'warning',
        status: 'open',
        detail: firstLine(`${getString(waiver, 'reason') ?? 'no reason'}; owner ${owner || 'nobody'}`, 300),
        evidence: seen.at(undefined, `${workflow}: expires_at ${clockText(until, scene.now)}`),
        playbook: 'ci-blocks',
        attention: {
          rank: isOver ? 7 : 5,
          label: 'WAIVER',
          why,
          playbook: 'ci-blocks',
          ...(isOver ? { since: until } : { until, onExpiry: 'the gate blocks' }),
        },
      },
    ];
  });
}

import { type Evidence, type Issue, trailOf } from '../../domain/entity.ts';
import { addMs, clockText } from '../../domain/instant.ts';
import { getString } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import { crashEvidence } from './derive-loop.ts';
import { type CycleView, logTrail, outcomeText } from './derive-runs.ts';
import { evidenceOf, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import { issueOf } from './issue.ts';
import type { Scene } from './scene.ts';
import { NEWS_MS } from './schema.ts';

/** How cycles ended that needs a person: the newest one while nothing newer runs, and what repeats. */
export function outcomeIssues(scene: Scene, cycles: readonly CycleView[]): readonly Issue[] {
  const failed = failedIssue(scene, cycles);
  return [
    failed,
    safetyIssue(scene),
    deadlockIssue(scene),
    failingIssue(scene, cycles, failed !== undefined),
  ].filter((issue) => issue !== undefined);
}

const DAMAGES = ['protected_files_damaged', 'protected_files_violation', 'constitution_violation'];

/** How the newest cycle failed, while nothing newer runs. */
function failedIssue(scene: Scene, cycles: readonly CycleView[]): Issue | undefined {
  const { loop, due, now } = scene;
  const newest = loop.newest;
  if (!loop.log || !newest || newest.outcome === null || loop.open || loop.isLogFormer) return undefined;
  const { outcome } = newest;
  if (outcome === 'success' || outcome === 'partial_success') return undefined;
  const isDamage = DAMAGES.includes(outcome);
  if (!isDamage && loop.state !== 'ended' && loop.state !== 'dead') return undefined;
  // A later cycle whose log is elsewhere supersedes it.
  const later = cycles.at(-1);
  if (later && !later.log && (later.startedAt ?? 0) > (newest.at ?? 0)) return undefined;
  const since = newest.endAt ?? undefined;
  const isNews = since === undefined || !due.isPast(addMs(since, NEWS_MS));
  const isLeft = outcome === 'not_committed';
  const isRestored = newest.restored !== null && newest.restored > 0;
  const what = isDamage
    ? isRestored
      ? `${counted(newest.restored ?? 0, 'file')} restored by the loop, check them`
      : 'not restored by the loop'
    : isLeft
      ? 'its changes are in the working tree, uncommitted'
      : `the loop ${loop.state === 'ended' ? 'is over' : 'died'}${since === undefined ? '' : ` since ${clockText(since, now)}`}, nothing committed`;
  return issueOf(scene, isDamage ? 'protected-files' : 'cycle-failed', {
    severity: isDamage ? 'error' : isLeft ? 'warning' : 'error',
    title: `cycle ${newest.n}: ${outcomeText(outcome)}`,
    detail: `outcome ${outcome}`,
    since,
    evidence: evidenceOf(
      loop.log,
      { offset: newest.outcomeOffset ?? newest.offset, at: newest.endAt },
      `Cycle ${newest.n} outcome: ${outcome}`,
    ),
    trail: trailOf(...logTrail(scene, loop.log, newest), crashEvidence(scene)),
    ...(isDamage || isNews
      ? {
          attention: {
            rank: isDamage && !isRestored ? 2 : isLeft ? 7 : 4,
            label: isDamage ? 'DAMAGED' : isLeft ? 'NOT KEPT' : 'FAILED',
            why: what,
          } as const,
        }
      : {}),
    playbook: isDamage ? 'protected-files' : 'cycle-failed',
    cautions: textsOf(
      newest.refused &&
        'without a terminal the commit is always refused: start it at one, or NOMIC_AUTO_COMMIT=1',
    ),
    logKeys: textsOf(newest.id ?? undefined),
    logFiles: [loop.log.path],
  });
}

/** `[SAFETY]`: time or money of the whole loop is used up, and it ends by itself. */
function safetyIssue(scene: Scene): Issue | undefined {
  const { loop, due } = scene;
  const line = loop.log?.facts.get('safety');
  if (!loop.log || line === undefined || loop.isLogFormer) return undefined;
  const since = instantOf(line, 'at');
  const isNews = since === undefined || !due.isPast(addMs(since, NEWS_MS));
  const text = (getString(line, 'text') ?? '').replace(/^\[\w+\] /, '');
  return issueOf(scene, 'safety-stop', {
    severity: 'error',
    title: firstLine(`loop stopped: ${text}`, 70),
    since,
    evidence: evidenceOf(loop.log, line),
    ...(isNews
      ? {
          attention: {
            rank: 4,
            label: 'STOPPED',
            why: 'a limit of the whole loop is used up, no further cycle starts',
          } as const,
        }
      : {}),
    playbook: 'start-loop',
    logFiles: [loop.log.path],
  });
}

/** `[DEADLOCK]`: cycles fail the same way again and again, and the loop goes on to the next one. */
function deadlockIssue(scene: Scene): Issue | undefined {
  const { loop } = scene;
  const line = loop.log?.facts.get('deadlock');
  if (!loop.log || line === undefined || loop.isLogFormer) return undefined;
  const text = (getString(line, 'text') ?? '').replace(/^\[DEADLOCK\] (Detected: )?/, '');
  const isAlive = loop.process !== undefined;
  return issueOf(scene, 'deadlock', {
    severity: 'warning',
    title: firstLine(`fails the same way again: ${text}`, 70),
    detail: text,
    since: instantOf(line, 'at'),
    evidence: evidenceOf(loop.log, line),
    ...(isAlive
      ? {
          attention: {
            rank: 7,
            label: 'DEADLOCK',
            why: 'the loop skips on to the next cycle, each try costs money',
            playbook: 'stop-loop',
          } as const,
        }
      : {}),
    logFiles: [loop.log.path],
  });
}

const IN_A_ROW = 3;

/** Cycles that fail one after the other; where the newest failure stands in the queue already, only its card says so. */
function failingIssue(scene: Scene, cycles: readonly CycleView[], isToldElse: boolean): Issue | undefined {
  const { loop, due } = scene;
  const ended = cycles.filter(
    (one) => one.status === 'failed' || one.status === 'succeeded' || one.status === 'halted',
  );
  let count = 0;
  while (count < ended.length && ended[ended.length - 1 - count]?.status === 'failed') count += 1;
  const newest = ended.at(-1);
  if (count < IN_A_ROW || !newest) return undefined;
  const since = ended[ended.length - count]?.endedAt;
  const isNews = newest.endedAt !== undefined && !due.isPast(addMs(newest.endedAt, NEWS_MS));
  const log = newest.log && loop.log;
  const names = ended.slice(-count).map((one) => one.outcome ?? 'failed');
  const common = [...new Set(names)];
  return issueOf(scene, 'cycles-failing', {
    severity: 'warning',
    title: `${count} cycles in a row failed`,
    detail: common.slice(0, 4).join(', '),
    since,
    evidence: log
      ? evidenceOf(
          log,
          { offset: newest.log?.outcomeOffset ?? newest.log?.offset ?? 0, at: newest.endedAt ?? null },
          names.at(-1) ?? '',
        )
      : { source: 'nomic.cycles', path: `${scene.place.nomic}/cycles.db`, text: `newest: ${newest.id}` },
    trail: ended.slice(-Math.min(count, 6)).map((one) => cycleEvidence(scene, one)),
    ...(isNews && !isToldElse
      ? {
          attention: {
            rank: 7,
            label: 'FAILING',
            why: `${common.slice(0, 2).join(', ')}: paid for, nothing kept`,
          } as const,
        }
      : {}),
    playbook: 'cycle-failed',
  });
}

function cycleEvidence(scene: Scene, cycle: CycleView): Evidence {
  const text = `${cycle.log ? `cycle ${cycle.log.n}` : `cycle ${cycle.id}`}: ${cycle.outcome ?? cycle.status}`;
  const at = cycle.endedAt ?? cycle.startedAt;
  if (cycle.log && scene.loop.log) {
    const offset = cycle.log.outcomeOffset ?? cycle.log.offset;
    return evidenceOf(scene.loop.log, { offset, at: at ?? null }, text);
  }
  const place = { source: 'nomic.cycles', path: `${scene.place.nomic}/cycles.db`, text };
  return at === undefined ? place : { ...place, at };
}

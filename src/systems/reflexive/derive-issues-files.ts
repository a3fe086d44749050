import type { Issue } from '../../domain/entity.ts';
import { instant } from '../../domain/instant.ts';
import type { FileFacts } from '../system.ts';
import {
  currentLifetime,
  dayMs,
  evidence,
  isAlive,
  isRecent,
  type Picture,
  timeWord,
} from './derive-picture.ts';
import type { GuardFact, RoadmapFact, SeenFact } from './facts.ts';
import { type Found, findFact, findFamily } from './find-facts.ts';
import { issueOf } from './issue-parts.ts';
import { auditSources } from './locate.ts';

/**
 * The log was renamed and the daemon writes on into the renamed file (it keeps its descriptor): the file under the usual
 * name stays empty until a restart.
 */
export function movedLog(picture: Picture): Issue | undefined {
  const { facts, located } = picture.context;
  if (!isAlive(picture)) return undefined;
  const names = [picture.config.logFile, located.extra['logFile'], located.settings.log];
  const files = facts.files('orchestrator.log').filter((file) => file.present);
  const main = files.find((file) => names.includes(file.path));
  const moved = newestOf(files.filter((file) => file !== main));
  if (!moved) return undefined;
  const mainSeen = main?.facts.get('seen') as SeenFact | undefined;
  const mainBegins =
    main === undefined ? 0 : (mainSeen?.firstAt ?? main.modifiedAt ?? Number.POSITIVE_INFINITY);
  // Lines in the renamed file newer than the beginning of the present one: its writer never let go of it.
  if (moved.value.lastAt <= mainBegins + 1000) return undefined;
  const lifetime = currentLifetime(picture);
  if (lifetime && moved.value.lastAt < lifetime.startedAt) return undefined;
  const since = main === undefined ? undefined : (main.bornAt ?? instant(mainBegins));
  return issueOf(picture, {
    key: 'log-moved',
    logFiles: [moved.file.path],
    title: `the daemon writes to ${moved.file.path}, which was moved`,
    severity: 'warning',
    observedAt: moved.file.readAt,
    trail: [
      evidence(moved, { at: moved.value.lastAt, text: 'newest line' }),
      ...(main
        ? [evidence({ file: main }, { text: mainSeen ? 'lines of other commands only' : 'empty' })]
        : []),
    ],
    since,
    detail:
      'Its descriptor follows the renamed file. A tail of the usual name shows nothing, and deleting the old file loses lines.',
    suggestedAction: 'Restart when convenient; rotate with copytruncate instead.',
    playbook: 'log-moved',
    row: { rank: 7, label: 'LOG', why: 'the log under its usual name stands still', act: 'daemon.restart' },
  });
}

/** The last roadmap failed, and nothing tries again. */
export function roadmapError(picture: Picture): Issue | undefined {
  const found = findFact<RoadmapFact>(
    picture.context.facts,
    ['roadmap'],
    'roadmap',
    (fact) => fact.errorAt ?? 0,
  );
  const error = found?.value.error;
  if (!found || error === undefined) return undefined;
  const { errorAt, generatedAt } = found.value;
  return issueOf(picture, {
    key: 'roadmap-error',
    logKeys: ['roadmap_generation'],
    title: `roadmap failed: ${error}`.slice(0, 160),
    severity: 'warning',
    observedAt: found.file.readAt,
    trail: [evidence(found, { text: error, ...(errorAt === undefined ? {} : { at: errorAt }) })],
    since: errorAt,
    detail:
      generatedAt === undefined
        ? 'No roadmap was ever generated.'
        : `The last one is of ${timeWord(generatedAt, picture.now)}.`,
    suggestedAction:
      'python -m src.cli generate-roadmap --force (spends money; creates GitHub issues when roadmap.auto_create_issues is true)',
    playbook: 'roadmap',
    row: { rank: 7, label: 'ROADMAP', why: 'nothing tries again by itself', act: 'roadmap.generate' },
    cautions: ['the daemon generates no roadmap: next_scheduled_time passes and nothing happens'],
  });
}

/** Guards that blocked something within a day. */
export function guards(picture: Picture): Issue[] {
  const found = findFamily<GuardFact>(
    picture.context.facts,
    auditSources(picture.context.facts),
    'guard:',
    (fact) => fact.at,
  );
  const issues: Issue[] = [];
  for (const [guard, one] of found) {
    const { at, offset, reason, blocked, count } = one.value;
    if (!isRecent(picture, at, dayMs)) continue;
    const times = count > 1 ? `, ${count} times` : '';
    issues.push(
      issueOf(picture, {
        key: `guard-${guard}`,
        logKeys: ['safety_guard_triggered'],
        title: `guard ${guard} blocked ${blocked}${times}`.slice(0, 160),
        severity: 'warning',
        observedAt: one.file.readAt,
        trail: [evidence(one, { offset, at, text: `${reason}; blocked: ${blocked}` })],
        since: at,
        detail: reason,
        // Somebody's work reached for what keeps the rest safe.
        playbook: /secur|protected/i.test(guard) ? 'security-incident' : 'safety-violation',
        row: {
          rank: 3,
          label: 'GUARD',
          why: `${reason || 'no reason written'}; stays blocked`.slice(0, 120),
        },
      }),
    );
  }
  return issues;
}

const stateSources = ['analytics.db', 'cost', 'roadmap'] as const;

/** Files of state that are there and can't be read: what was known of them is shown, with its age. */
export function unreadableState(picture: Picture): Issue | undefined {
  const { facts } = picture.context;
  const torn = stateSources.flatMap((source) => {
    const file = facts.files(source).find((one) => one.error !== undefined);
    const status = facts.status(source);
    const why = file?.error ?? (status?.state === 'error' ? status.error : undefined);
    return why === undefined ? [] : [{ source, why, file }];
  });
  const [first] = torn;
  if (!first) return undefined;
  return issueOf(picture, {
    key: 'state-unreadable',
    title: `state unreadable: ${torn.map(({ source }) => source).join(', ')}`,
    severity: 'warning',
    observedAt: first.file?.readAt ?? picture.observedAt,
    trail: torn.map(({ source, why, file }) => ({
      source,
      text: why.slice(0, 200),
      ...(file === undefined ? {} : { path: file.path }),
    })),
    detail: 'Half a file for a moment is how the program writes; one that stays so is damaged.',
    playbook: 'state-corruption',
    row: {
      rank: 6,
      label: 'STATE',
      why: first.why.slice(0, 120),
      tells: torn.map(({ source }) => source),
    },
    cautions: ['.orchestrator-state.json does not exist, and Redis is used by nothing: neither is at fault'],
  });
}

/** The file with the newest line. */
function newestOf(files: readonly FileFacts[]): Found<SeenFact> | undefined {
  let newest: Found<SeenFact> | undefined;
  for (const file of files) {
    const value = file.facts.get('seen') as SeenFact | undefined;
    if (value && (!newest || value.lastAt > newest.value.lastAt)) newest = { value, file };
  }
  return newest;
}

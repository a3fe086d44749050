import type { Step, StepAnswer } from '../../domain/act.ts';
import { type Instant, toIso } from '../../domain/instant.ts';
import { getArray, getString, readJson } from '../../lib/json.ts';
import type { ActSpec, StateView } from '../system.ts';
import { gitRefusal } from './act-check.ts';
import { answerOf, failureOf, isDaemon, runningDaemons, stage } from './act-common.ts';
import { repositoryOf } from './act-pull-request.ts';
import { ghPath, programPath } from './locate.ts';

const tarTimeoutMs = 10 * 60_000;
/** The directory is looked at whenever a name in it comes or goes. */
const seenMs = tarTimeoutMs + 15_000;

/** The runbook's monthly backup, without the file that does not exist, on which its tar fails. */
export const createBackup: ActSpec = {
  id: 'backup.create',
  title: 'back up configuration and state',
  menu: 'other',
  risk: 'reversible',
  does: 'packs configuration, analytics.db and counters into backup-TIME.tar.gz beside them; .env, with its secrets, is left out',
  runs: 'tar --create --gzip --file=backup-TIME.tar.gz -- FILES',
  outcome: 'the archive is in the directory',
  params: [],
  appliesTo: isDaemon,
  precondition(view) {
    return pathsOf(view).length === 0 ? 'none of the files that are worth keeping is there' : undefined;
  },
  warnings: (view) => [
    ...(runningDaemons(view).length > 0
      ? [
          'The daemon may write while it is packed: analytics.db is whole for certain only when it is stopped.',
        ]
      : []),
    'It is as readable as other files here: keep .env, which is not in it, where secrets are kept.',
  ],
  revision: (view) => [nameOf(view.now), ...pathsOf(view)].join('|'),
  plan: (view): readonly Step[] => [
    {
      type: 'process',
      title: `pack ${nameOf(view.now)}`,
      argv: [
        programPath(view.located, 'tar'),
        '--create',
        '--gzip',
        `--file=${nameOf(view.now)}`,
        '--',
        ...pathsOf(view),
      ],
      cwd: view.located.root,
      timeoutMs: tarTimeoutMs,
    },
  ],
  read: ([output]): StepAnswer => {
    const failed = failureOf(output);
    return answerOf(failed === undefined, failed ?? 'packed', output);
  },
  expect(view, order) {
    const name = order.revision.split('|')[0] ?? '';
    const isThere = view.entity('restorePoint', name) !== undefined;
    const there = stage(order, 'done', 'the archive is there', seenMs, {
      state: isThere ? 'seen' : 'waiting',
      detail: isThere ? name : undefined,
    });
    // A tar that was cut off leaves one of the same name, which is not whole.
    return [{ ...there, anyones: true }];
  },
  undo: { text: 'remove the archive' },
};

/** One name a minute: a yes is for the name that was shown. */
function nameOf(now: Instant): string {
  return `backup-${toIso(now).slice(0, 16).replaceAll('-', '').replace(':', '').replace('T', '-')}.tar.gz`;
}

/** Files worth keeping that are there, below the root. */
function pathsOf(view: StateView): readonly string[] {
  return getArray(view.data, 'worthKeeping').filter((path) => typeof path === 'string');
}

/** The two looks of the runbook's security incident: commits of a day, and pull requests merged lately. */
export const reviewActivity: ActSpec = {
  id: 'activity.review',
  title: 'what was committed and merged lately',
  menu: 'other',
  risk: 'reversible',
  does: 'shows commits of the last day of all branches of this checkout, and with gh the pull requests merged last',
  runs: 'git log --all --since=24.hours, gh pr list --state=merged',
  outcome: 'both lists shown',
  params: [],
  appliesTo: isDaemon,
  precondition: gitRefusal,
  warnings: (view) => [
    'The daemon works in a clone of its own below work_dir: commits there are seen on GitHub, not in this log.',
    ...(ghPath(view.located) === undefined ? ['Without gh on this host merges are not shown.'] : []),
  ],
  revision: () => 'activity',
  plan(view): readonly Step[] {
    const git = programPath(view.located, 'git');
    const gh = ghPath(view.located);
    const repository = repositoryOf(view);
    const steps: Step[] = [
      {
        type: 'process',
        title: 'commits of the last day',
        argv: [
          git,
          'log',
          '--all',
          '--since=24.hours',
          '--max-count=200',
          '--format=%h %cI %an: %s',
          '--no-color',
        ],
        cwd: view.located.root,
        env: { GIT_PAGER: 'cat' },
        timeoutMs: 30_000,
      },
    ];
    if (gh !== undefined && repository !== undefined) {
      steps.push({
        type: 'process',
        title: 'pull requests merged last',
        argv: [
          gh,
          'pr',
          'list',
          `--repo=${repository}`,
          '--state=merged',
          '--limit=50',
          '--json=number,title,author,mergedAt',
        ],
        cwd: view.located.root,
        env: { GH_PROMPT_DISABLED: '1', NO_COLOR: '1' },
        timeoutMs: 30_000,
      });
    }
    return steps;
  },
  read(outputs): StepAnswer {
    const [commits, merges] = outputs;
    const lines = (commits?.stdout ?? '').split('\n').filter((line) => line !== '');
    const read = readJson(merges?.stdout.trim() ?? '');
    const merged = read.ok && Array.isArray(read.value) ? read.value : [];
    const failed =
      outputs.map(failureOf).find((text) => text !== undefined) ??
      (merges && !(read.ok && Array.isArray(read.value)) ? 'gh printed no list of pull requests' : undefined);
    const text = merged.map((one) => {
      const author = getString(
        one && typeof one === 'object' && 'author' in one ? one['author'] : undefined,
        'login',
      );
      const number = one && typeof one === 'object' && 'number' in one ? String(one['number']) : '?';
      return `#${number} ${getString(one, 'mergedAt') ?? ''} ${author ?? '?'}: ${getString(one, 'title') ?? ''}`;
    });
    return {
      ok: failed === undefined,
      summary:
        failed ??
        `${lines.length} commits in a day${merges ? `, ${merged.length} pull requests merged last` : ''}`,
      sections: [
        { title: 'commits of the last day', text: lines.join('\n') || 'none' },
        ...(merges ? [{ title: 'pull requests merged last', text: text.join('\n') || 'none' }] : []),
      ],
    };
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: it only looks' },
};

import type { Step, StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { getArray, getField, getObject, getString, readJson } from '../../lib/json.ts';
import type { ActSpec, StateView } from '../system.ts';
import { nothingToUndo } from './act-check.ts';
import { answerOf, failureOf } from './act-common.ts';
import { ghPath } from './locate.ts';

/** The repository of the configuration as `gh` takes it; undefined where it is none. */
export function repositoryOf(view: StateView): string | undefined {
  const name =
    getString(view.data, 'repository') ?? getString(getObject(view.located.extra, 'config'), 'repository');
  return name !== undefined && /^[A-Za-z0-9][\w.-]{0,99}\/[A-Za-z0-9_.-]{1,100}$/.test(name)
    ? name
    : undefined;
}

/** `gh pr view` and `gh pr checks` in one: nobody else watches the CI of a pull request the daemon opened. */
export const checkPullRequest: ActSpec = {
  id: 'pr.check',
  title: 'look at the pull request and its CI',
  menu: 'other',
  risk: 'reversible',
  does: 'asks GitHub through gh for the state, the reviews and the CI checks of the pull request',
  runs: 'gh pr view N --repo=OWNER/NAME --json=...',
  outcome: 'its checks are known, and none fails or runs',
  params: [],
  appliesTo: (target) => prOf(target) !== undefined,
  precondition(view) {
    if (ghPath(view.located) === undefined) return 'no gh on this host';
    return repositoryOf(view) === undefined ? 'github.repository is no OWNER/NAME' : undefined;
  },
  revision: (_view, target) => String(prOf(target)),
  plan(view, target): readonly Step[] {
    const number = prOf(target);
    if (number === undefined) return [];
    return [
      {
        type: 'process',
        title: `gh pr view ${number}`,
        argv: [
          ghPath(view.located) ?? '',
          'pr',
          'view',
          String(number),
          `--repo=${repositoryOf(view) ?? ''}`,
          '--json=number,title,state,isDraft,mergeable,mergedAt,reviewDecision,url,statusCheckRollup',
        ],
        cwd: view.located.root,
        env: { GH_PROMPT_DISABLED: '1', NO_COLOR: '1' },
        timeoutMs: 30_000,
      },
    ];
  },
  read: ([output]) => readPullRequest(output),
  answerIsProof: true,
  expect: () => [],
  undo: nothingToUndo,
};

/** The pull request an entity is about. */
export function prOf(target: Entity): number | undefined {
  const named = getField(target.data, 'pr');
  if (target.type === 'job' && typeof named === 'number' && Number.isInteger(named) && named > 0)
    return named;
  const subject = target.type === 'approval' ? /^pr-(\d{1,9})$/.exec(target.subject ?? '')?.[1] : undefined;
  return subject === undefined ? undefined : Number(subject);
}

/** What `gh pr view --json` printed. */
export function readPullRequest(output: StepOutput | undefined): StepAnswer {
  const failed = failureOf(output);
  if (!output || failed !== undefined) {
    const said = output?.stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
    return answerOf(false, said === '' ? (failed ?? 'not started') : said, output);
  }
  const json = readJson(output.stdout.trim());
  const read = json.ok ? json.value : undefined;
  const state = getString(read, 'state');
  if (state === undefined) return answerOf(false, 'exit 0, but no JSON of a pull request', output);
  const checks = getArray(read, 'statusCheckRollup').map((check) => ({
    name: (getString(check, 'name') ?? getString(check, 'context') ?? '?').slice(0, 80),
    result: (
      getString(check, 'conclusion') ||
      getString(check, 'state') ||
      getString(check, 'status') ||
      'unknown'
    ).toLowerCase(),
  }));
  const good = new Set(['success', 'neutral', 'skipped']);
  const running = new Set(['pending', 'queued', 'in_progress', 'expected', 'waiting', 'requested']);
  const failing = checks.filter(({ result }) => !good.has(result) && !running.has(result));
  const open = checks.filter(({ result }) => running.has(result));
  const ci =
    failing.length > 0
      ? `CI fails: ${failing.map(({ name }) => name).join(', ')}`
      : open.length > 0
        ? `${open.length} of ${checks.length} checks still run`
        : checks.length === 0
          ? 'no checks'
          : `${checks.length} checks pass`;
  const review = getString(read, 'reviewDecision');
  const text = checks.map(({ name, result }) => `${result.padEnd(12)} ${name}`).join('\n');
  return {
    ok: failing.length === 0 && open.length === 0,
    summary:
      `${state.toLowerCase()}, ${ci}${review ? `, ${review.toLowerCase().replaceAll('_', ' ')}` : ''}`.slice(
        0,
        300,
      ),
    sections: [
      {
        title: 'pull request',
        text: [getString(read, 'title') ?? '', getString(read, 'url') ?? ''].join('\n'),
      },
      ...(text === '' ? [] : [{ title: 'checks', text }]),
    ],
  };
}

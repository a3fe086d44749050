import type { Step, StepAnswer } from '../../domain/act.ts';
import { getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { gitRefusal } from './act-check.ts';
import { answerOf, cliStep, failureOf, inFlight, optionOf, programRefusal, stage } from './act-common.ts';
import { prOf } from './act-pull-request.ts';

const revertTimeoutMs = 5 * 60_000;
/** From the commit to git's own record of it, which is written at once. */
const seenMs = revertTimeoutMs + 15_000;

const reasonParam = {
  name: 'reason',
  title: 'reason',
  form: 'text',
  required: true,
  maxLength: 300,
  hint: 'goes into the command line of the program',
} as const;

/** What of the checkout a roll back depends on. */
interface Checkout {
  readonly commit: string | undefined;
  readonly branch: string | undefined;
  readonly changed: number | undefined;
}

function checkoutOf(view: StateView): Checkout {
  const { data } = view;
  return {
    commit: getString(data, 'head'),
    branch: getString(data, 'branch'),
    changed: getNumber(data, 'changedFiles'),
  };
}

function checkoutRefusal(view: StateView): string | undefined {
  const { changed, branch } = checkoutOf(view);
  if (changed !== undefined && changed > 0)
    return `${changed} tracked files are changed and not committed: git revert would refuse`;
  if (changed !== undefined && branch === undefined)
    return 'HEAD is detached: the commit of a roll back would belong to no branch';
  return undefined;
}

function commonWarnings(view: StateView): readonly string[] {
  const { branch } = checkoutOf(view);
  const working = inFlight(view);
  return [
    `It reverts in this checkout, on branch ${branch ?? '(unknown)'}, and pushes nothing: what is on GitHub stays as it is.`,
    'On a conflict it stops half way and does not abort: then git revert --abort, or resolve and commit.',
    ...(working.length > 0 ? [`The daemon is at work (${working[0]}): its program changes under it.`] : []),
    'The running daemon keeps the code it has loaded until a restart.',
  ];
}

function revisionOf(view: StateView): string {
  const { commit, branch, changed } = checkoutOf(view);
  return [commit?.slice(0, 12) ?? '?', branch ?? '?', (changed ?? 0) > 0 ? 'changed' : 'clean'].join('|');
}

/** A commit made since, whose message begins so, on the commit that was there before. */
function commitStages(view: StateView, order: ActOrder, title: string, isOurs: (message: string) => boolean) {
  const before = getString(order.baseline, 'head');
  const { commit } = checkoutOf(view);
  const message = getString(view.data, 'headMessage') ?? '';
  const movedAt = getNumber(view.data, 'headAt') ?? 0;
  // Git writes whole seconds.
  const isNew = commit !== before && movedAt >= Math.floor(order.startedAt / 1000) * 1000;
  const mine = isNew && isOurs(message);
  const conflicts = getNumber(view.data, 'conflicts') ?? 0;
  return [
    stage(order, 'done', title, seenMs, {
      state: mine ? 'seen' : conflicts > 0 ? 'contradicted' : 'waiting',
      detail: mine
        ? `${commit?.slice(0, 12)} ${message.slice(0, 120)}`
        : conflicts > 0
          ? `${conflicts} files in conflict: the revert stands half done`
          : isNew
            ? `HEAD moved to something else: ${message.slice(0, 80)}`
            : 'HEAD has not moved',
    }),
  ];
}

function readRollback(output: Parameters<typeof answerOf>[2]): StepAnswer {
  const failed = failureOf(output);
  const said = /Rollback completed successfully/.test(output?.stdout ?? '');
  if (failed !== undefined) return answerOf(false, failed, output);
  return answerOf(
    said,
    said ? 'it says that the roll back is complete' : 'exit 0, but no word of a roll back',
    output,
  );
}

/** `rollback TARGET`: commits that undo all commits since. */
export const rollBack: ActSpec = {
  id: 'checkout.rollback',
  title: 'roll back to this point',
  menu: 'rollback',
  risk: 'destructive',
  does: 'makes one commit in this checkout that reverts every commit since this point; pushes nothing, deletes no branch',
  runs: 'src.cli rollback TAG --type=tag|commit --no-cleanup --reason=R',
  outcome: 'a commit "Rollback to ..." on HEAD, seen in the reflog',
  params: [reasonParam],
  appliesTo: (target) => target.type === 'restorePoint' && target.commit !== undefined,
  precondition(view, target) {
    if (target.type !== 'restorePoint' || target.commit === undefined) return 'it has no commit';
    if (!/^[0-9a-f]{40,64}$/.test(target.commit)) return 'its commit is no hash';
    if (target.commit === checkoutOf(view).commit) return 'the checkout is at this commit already';
    return gitRefusal(view) ?? programRefusal(view, 'rollback') ?? checkoutRefusal(view);
  },
  warnings: (view) => [
    ...commonWarnings(view),
    'Without --no-cleanup, which is given here, the program deletes branches, on GitHub too.',
    'A merge among the commits makes git refuse.',
  ],
  revision: (view) => revisionOf(view),
  baseline: (view) => ({ head: checkoutOf(view).commit ?? null }),
  plan(view, target, params): readonly Step[] {
    if (target.type !== 'restorePoint' || target.commit === undefined) return [];
    // The program finds only lightweight tags; a commit it takes as it is.
    const byTag =
      getBoolean(target.data, 'annotated') === false && /^[A-Za-z0-9][\w.-]{0,150}$/.test(target.id);
    return [
      gitSafe(
        cliStep(
          view,
          [
            'rollback',
            `--type=${byTag ? 'tag' : 'commit'}`,
            '--no-cleanup',
            optionOf('reason', params['reason'] ?? ''),
            '--',
            byTag ? target.id : target.commit,
          ],
          `roll back to ${byTag ? target.id : target.commit.slice(0, 12)}`,
          revertTimeoutMs,
        ),
      ),
    ];
  },
  read: ([output]) => readRollback(output),
  expect(view, order) {
    const commit = view.entity('restorePoint', order.target.id)?.commit ?? '';
    return commitStages(view, order, 'a commit that rolls back', (message) =>
      // By tag it names the tag, by commit its first eight places.
      [`Rollback to ${order.target.id}:`, `Rollback to rollback-to-${commit.slice(0, 8)}:`].some((start) =>
        message.replace(/^commit(?: \([a-z]+\))?: /, '').startsWith(start),
      ),
    );
  },
  undo: { text: 'git revert HEAD in the checkout brings everything back, as one more commit' },
};

/** `rollback N --type pr`: a revert of the merge, in the checkout. */
export const revertPullRequest: ActSpec = {
  id: 'pr.revert',
  title: 'revert the merged pull request',
  menu: 'rollback',
  risk: 'destructive',
  does: 'reverts the merge commit of the pull request in this checkout (git revert -m 1); pushes nothing',
  runs: 'src.cli rollback N --type=pr --no-cleanup --reason=R',
  outcome: 'a revert commit on HEAD, seen in the reflog',
  params: [reasonParam],
  appliesTo: (target) => target.type === 'job' && prOf(target) !== undefined,
  precondition: (view) => gitRefusal(view) ?? programRefusal(view, 'rollback') ?? checkoutRefusal(view),
  warnings: (view) => [
    ...commonWarnings(view),
    'It asks GitHub for the merge commit: a pull request that is not merged is refused.',
    'One merged by squash or rebase (merge_strategy: squash is the default) has no merge commit, and git refuses: revert that commit by hand.',
    'The merge commit must be in this checkout: git fetch and pull first.',
  ],
  revision: (view) => revisionOf(view),
  baseline: (view) => ({ head: checkoutOf(view).commit ?? null }),
  plan(view, target, params): readonly Step[] {
    const number = prOf(target);
    if (number === undefined) return [];
    return [
      gitSafe(
        cliStep(
          view,
          [
            'rollback',
            '--type=pr',
            '--no-cleanup',
            optionOf('reason', params['reason'] ?? ''),
            '--',
            String(number),
          ],
          `revert PR #${number}`,
          revertTimeoutMs,
        ),
      ),
    ];
  },
  read: ([output]) => readRollback(output),
  expect: (view, order) =>
    commitStages(view, order, 'a commit that reverts the merge', (message) =>
      /^revert: |: Revert "/.test(message),
    ),
  undo: { text: 'git revert HEAD in the checkout brings it back, as one more commit' },
};

/** `git revert -m 1` would open an editor, and a push would ask for a password. */
function gitSafe<S extends Extract<Step, { type: 'process' }>>(step: S): S {
  return { ...step, env: { ...step.env, GIT_EDITOR: 'true', GIT_TERMINAL_PROMPT: '0' } };
}

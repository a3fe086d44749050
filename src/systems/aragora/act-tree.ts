import { getNumber, getObject, getString } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActSpec, StateView } from '../system.ts';
import {
  answerOf,
  endingText,
  isAbout,
  pythonRefusal,
  scriptStep,
  stageOf,
  unansweredText,
} from './act-common.ts';
import { isBackup } from './act-restore.ts';
import { placeOf } from './schema.ts';

/** Working tree as git sees it: what a stopped cycle left, what a commit at the prompt would take. */
export const inspectTree: ActSpec = {
  id: 'tree.inspect',
  title: 'look at the working tree',
  menu: 'other',
  risk: 'reversible',
  does: 'git status and git diff --stat: what is uncommitted now; changes nothing',
  runs: 'git status --short, git diff --stat',
  outcome: 'the uncommitted files',
  params: [],
  appliesTo: (target) =>
    isAbout(target, 'loop', ['loop-stalled', 'loop-dead', 'cycle-failed', 'protected-files']) ||
    isBackup(target) ||
    (target.type === 'approval' && target.id.startsWith('prompt-')),
  precondition: gitRefusal,
  revision: (view) => getString(getObject(view.data, 'head'), 'commit') ?? '-',
  plan: (view) => [
    gitStep(view, 'git status', ['--no-optional-locks', 'status', '--short', '--branch']),
    gitStep(view, 'git diff --stat', ['--no-optional-locks', '--no-pager', 'diff', '--stat', 'HEAD']),
  ],
  read(outputs) {
    const [status, diff] = outputs;
    const failed = [status, diff].find((one) => one?.exitCode !== 0);
    if (failed || !status || !diff)
      return answerOf(false, `git failed: ${unansweredText(failed) ?? endingText(failed)}`, outputs);
    // Its first line names the branch, whatever else there is to say.
    if (!status.stdout.startsWith('## ')) return answerOf(false, 'git said nothing', outputs);
    const lines = status.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('## '));
    const fresh = lines.filter((line) => line.startsWith('??')).length;
    const summary =
      lines.length === 0
        ? 'nothing is uncommitted'
        : `${counted(lines.length - fresh, 'file')} changed, ${fresh} new: ${diff.stdout.trim().split('\n').at(-1)?.trim() ?? ''}`;
    return answerOf(true, summary, outputs);
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: it only reads' },
};

const STASH_MESSAGE = 'binnacle: before a restore';

/** Puts uncommitted changes aside where they can be had back. */
export const stashTree: ActSpec = {
  id: 'tree.stash',
  title: 'stash the working tree',
  menu: 'rollback',
  risk: 'reversible',
  does: 'git stash push: puts changes of tracked files aside and leaves the tree as last committed',
  runs: 'git stash push',
  outcome: 'a new entry in the stash, as git itself logs it',
  params: [],
  appliesTo: (target) =>
    isAbout(target, 'loop', ['loop-dead', 'cycle-failed', 'protected-files']) || isBackup(target),
  precondition(view) {
    const pid = getNumber(view.data, 'loopPid') ?? getNumber(view.data, 'otherLoopPid');
    return (
      gitRefusal(view) ??
      (pid === undefined ? undefined : `the loop (pid ${pid}) works in this tree: stop it first (loop.stop)`)
    );
  },
  warnings: () => [
    'Files git does not know stay where they are: the loop’s own directory is one of them.',
    'With nothing to save git makes no entry: then this is not seen, and nothing is lost.',
  ],
  revision: (view) =>
    `${getString(getObject(view.data, 'head'), 'commit') ?? '-'}|${getString(getObject(view.data, 'stash'), 'commit') ?? '-'}`,
  baseline: (view) => ({ commit: getString(getObject(view.data, 'stash'), 'commit') ?? null }),
  plan: (view) => [gitStep(view, 'git stash', ['stash', 'push', `--message=${STASH_MESSAGE}`])],
  read: (outputs) => {
    const said = outputs[0]?.stdout.trim().split('\n')[0] ?? '';
    return answerOf(/^Saved working directory/.test(said), said || 'no word of git', outputs);
  },
  expect(view, order) {
    const stash = getObject(view.data, 'stash');
    const commit = getString(stash, 'commit');
    const isNew = commit !== undefined && commit !== getString(order.baseline, 'commit');
    const isOurs = getString(stash, 'text')?.includes(STASH_MESSAGE) === true;
    const seen = !isNew
      ? false
      : isOurs
        ? { seen: commit.slice(0, 12) }
        : { instead: `another entry: ${getString(stash, 'text') ?? ''}` };
    return [stageOf(order, 'done', 'a new stash entry', seen, 20_000)];
  },
  undo: { text: 'git stash pop, when the tree is clean again' },
};

function gitRefusal(view: StateView): string | undefined {
  if (placeOf(view.located).git === undefined) return 'git is not on PATH';
  return getObject(view.data, 'head') === undefined
    ? 'no git log of this checkout (.git/logs/HEAD) is there'
    : undefined;
}

function gitStep(view: StateView, title: string, words: readonly string[]) {
  const git = placeOf(view.located).git ?? '';
  // A hook for file watching named in the checkout's configuration would be started by a mere look.
  const argv = [git, '-c', 'core.fsmonitor=false', ...words];
  return { type: 'process' as const, title, argv, cwd: view.located.root, timeoutMs: 60_000 };
}

/** The signature of the safety rules; without the file the loop runs on, its rules off. */
export const checkConstitution: ActSpec = {
  id: 'constitution.check',
  title: 'verify the constitution',
  menu: 'other',
  risk: 'reversible',
  does: 'sign_constitution.py verify: whether the safety rules carry a valid signature',
  runs: 'scripts/sign_constitution.py verify',
  outcome: '"Constitution signature is VALID"',
  params: [],
  appliesTo: (target) => isAbout(target, 'loop', ['protected-files']),
  precondition: (view) =>
    pythonRefusal(view, 'scripts/sign_constitution.py', placeOf(view.located).hasConstitutionProgram),
  revision: (view) => getString(getObject(view.data, 'head'), 'commit') ?? '-',
  plan: (view) => [scriptStep(view, 'verify', ['scripts/sign_constitution.py', 'verify'], 60_000)],
  read(outputs) {
    const [output] = outputs;
    const unanswered = unansweredText(output);
    if (unanswered !== undefined) return answerOf(false, unanswered, outputs);
    const said = `${output?.stdout ?? ''}\n${output?.stderr ?? ''}`;
    const isValid = /^.*Constitution signature is VALID\b.*$/m.test(said) && output?.exitCode === 0;
    const line = /^.*(signature is (IN)?VALID|Could not load|INVALID or missing).*$/m.exec(said)?.[0].trim();
    if (line === undefined) return answerOf(false, `no verdict (${endingText(output)})`, outputs);
    const isCut = !isValid && /signature is VALID/.test(line);
    return answerOf(isValid, isCut ? `not believed: ${endingText(output)}` : line, outputs);
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: it only reads; signing needs the private key and stays with its holder' },
};

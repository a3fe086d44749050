import type { StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { isPlainId } from '../../lib/ids.ts';
import { getArray, getNumber, getObject, getString } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { answerOf, isAbout, pythonRefusal, scriptStep, stageOf, unansweredText } from './act-common.ts';
import { placeOf } from './schema.ts';

const isBackup = (target: Entity): boolean =>
  target.type === 'restorePoint' && target.data?.['form'] === 'backup';

function backupRefusal(target: Entity): string | undefined {
  if (!isPlainId(target.id)) return 'the name of this backup is not safe as an argument';
  const files = getNumber(target.data, 'files') ?? 0;
  if (files === 0) return 'it has no manifest with files: nothing can be restored from it';
  return namesOf(target).length === files ? undefined : 'its manifest names files outside of the checkout';
}

/** POSIX; it prints checksum, size and path of each file, and says of those that are not there that they are not. */
const CKSUM = '/usr/bin/cksum';

function namesOf(target: Entity): readonly string[] {
  return getArray(target.data, 'names').filter((name) => typeof name === 'string');
}

function compareStep(view: StateView, target: Entity) {
  const { root } = view.located;
  const { nomic } = placeOf(view.located);
  const backup = `${nomic.startsWith('/') ? nomic : `${root}/${nomic}`}/backups/${target.id}`;
  const pairs = namesOf(target).flatMap((name) => [`${backup}/${name}`, `${root}/${name}`]);
  return {
    type: 'process' as const,
    title: 'compare the files with the backup',
    argv: [CKSUM, '--', ...pairs],
    cwd: root,
    env: { LC_ALL: 'C' },
    timeoutMs: 60_000,
  };
}

/** Files of the backup that are not the same in the tree; undefined when they could not be compared. */
function differing(output: StepOutput | undefined, names: readonly string[]): readonly string[] | undefined {
  if (!output || output.timedOut || output.error !== undefined || output.truncated) return undefined;
  const sums = output.stdout.split('\n').flatMap((line): [string, string][] => {
    const [, sum, path] = /^(\d+ \d+) (\/.*)$/.exec(line) ?? [];
    return sum === undefined || path === undefined ? [] : [[path, sum]];
  });
  if (sums.length === 0) return undefined;
  return names.filter((name) => {
    const [copy, own] = [
      sums.find(([path]) => isIn(path, name, true)),
      sums.find(([path]) => isIn(path, name, false)),
    ];
    return copy === undefined || own === undefined || copy[1] !== own[1];
  });
}

function isIn(path: string, name: string, isCopy: boolean): boolean {
  return path.endsWith(`/${name}`) && /\/backups\/[^/]+\//.test(path.slice(0, -name.length)) === isCopy;
}

/** What a restore would overwrite: shown before it is done. */
export const compareBackup: ActSpec = {
  id: 'backup.compare',
  title: 'compare with the tree',
  menu: 'rollback',
  risk: 'reversible',
  does: 'which files of this backup differ from the working tree now; changes nothing',
  runs: 'cksum of both',
  outcome: 'the files a restore would change',
  params: [],
  appliesTo: isBackup,
  precondition: (_view, target) => backupRefusal(target),
  revision: (view) => getString(getObject(view.data, 'head'), 'commit') ?? '-',
  baseline: (_view, target) => ({ names: [...namesOf(target)] }),
  plan: (view, target) => [compareStep(view, target)],
  read(outputs, order) {
    const files = differing(outputs[0], namesIn(order));
    if (!files)
      return answerOf(
        false,
        unansweredText(outputs[0]) ?? `cksum failed (exit ${outputs[0]?.exitCode ?? '?'})`,
        outputs,
      );
    const summary =
      files.length === 0
        ? 'no file differs: a restore would change nothing'
        : `${counted(files.length, 'file')} would be overwritten: ${files.slice(0, 6).join(', ')}`;
    return {
      ok: true,
      summary,
      sections: [{ title: 'would be overwritten', text: files.join('\n') || 'none' }],
    };
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: it only reads' },
};

function namesIn(order: ActOrder): readonly string[] {
  return getArray(order.baseline, 'names').filter((name) => typeof name === 'string');
}

/**
 * `nomic_loop.py restore --backup NAME`. Its exit code is 0 whatever happened; what counts is `Restored N files` and
 * what the files are afterwards.
 */
export const restoreBackup: ActSpec = {
  id: 'backup.restore',
  title: 'restore protected files',
  menu: 'rollback',
  risk: 'destructive',
  does: 'nomic_loop.py restore --backup=NAME: overwrites the protected files of this backup, uncommitted edits too, and nothing else',
  runs: 'scripts/nomic_loop.py restore --backup=NAME, then cksum of its files',
  outcome: '"Restored N files" with N as in the manifest, and no file of the backup differs from the tree',
  params: [],
  appliesTo: isBackup,
  precondition(view, target) {
    const refusal =
      pythonRefusal(view, 'scripts/nomic_loop.py', placeOf(view.located).hasLoopProgram) ??
      backupRefusal(target);
    if (refusal !== undefined) return refusal;
    const pid = getNumber(view.data, 'loopPid') ?? getNumber(view.data, 'otherLoopPid');
    return pid === undefined
      ? undefined
      : `the loop (pid ${pid}) works on these files: stop it first (loop.stop)`;
  },
  warnings: (_view, target) => [
    `It overwrites ${counted(getNumber(target.data, 'files') ?? 0, 'file')} without asking, uncommitted edits too: tree.stash saves them first.`,
    'Other files and git stay as they are: what the cycle changed elsewhere is still there.',
    '"rollback" of the runbook is no command of the program, and a path in place of the name finds nothing.',
  ],
  revision: (view, target) =>
    `${getString(getObject(view.data, 'head'), 'commit') ?? '-'}|${getNumber(target.data, 'files') ?? 0}`,
  baseline: (_view, target) => ({ files: getNumber(target.data, 'files') ?? 0, names: [...namesOf(target)] }),
  plan: (view, target) => [
    scriptStep(
      view,
      `restore ${target.id}`,
      ['scripts/nomic_loop.py', 'restore', `--backup=${target.id}`],
      120_000,
    ),
    compareStep(view, target),
  ],
  read(outputs, order): StepAnswer {
    const [restore, compare] = outputs;
    const wanted = getNumber(order.baseline, 'files') ?? 0;
    const unanswered = unansweredText(restore);
    if (unanswered !== undefined) return answerOf(false, unanswered, outputs);
    const said = restore?.stdout ?? '';
    const count = Number(/^Restored (\d{1,6}) files/m.exec(said)?.[1] ?? Number.NaN);
    if (Number.isNaN(count)) {
      const why =
        /^.*(Backup not found|No valid backups).*$/m.exec(said)?.[0] ??
        (restore?.stderr.trim().split('\n').at(-1) || 'no word of it');
      return answerOf(false, `restored nothing (exit ${restore?.exitCode ?? '?'}): ${why}`, outputs);
    }
    const files = differing(compare, namesIn(order));
    if (count === 0) return answerOf(false, 'restored 0 files, exit 0', outputs);
    if (files === undefined)
      return answerOf(false, `says ${count} files; they could not be compared with the backup`, outputs);
    if (files.length > 0)
      return answerOf(false, `says ${count} files; ${files.slice(0, 4).join(', ')} still differ`, outputs);
    if (count < wanted) return answerOf(false, `restored ${count} of ${wanted} files`, outputs);
    return answerOf(true, `restored ${count} files, all as in the backup`, outputs);
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'only what was saved before: a stash (tree.stash) or a commit' },
};

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
      return answerOf(
        false,
        `git failed: ${failed?.stderr.trim().split('\n')[0] ?? 'it was not started'}`,
        outputs,
      );
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
    return answerOf(isValid, line ?? `no verdict (exit ${output?.exitCode ?? '?'})`, outputs);
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: it only reads; signing needs the private key and stays with its holder' },
};

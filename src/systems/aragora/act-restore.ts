import type { StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { isPlainId } from '../../lib/ids.ts';
import { getArray, getNumber, getObject, getString } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { answerOf, endingText, pythonRefusal, scriptStep, unansweredText } from './act-common.ts';
import { placeOf } from './schema.ts';

export const isBackup = (target: Entity): boolean =>
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

interface Comparison {
  /** Files that are not the same in the tree. */
  readonly differing: readonly string[];
  /** Files the backup names and has no copy of: a restore leaves them as they are. */
  readonly absent: readonly string[];
}

/** Files of the backup against those of the tree; undefined when they could not be compared. */
function compared(output: StepOutput | undefined, names: readonly string[]): Comparison | undefined {
  if (!output || output.timedOut || output.error !== undefined || output.truncated) return undefined;
  // What it had not come to would look like a file that is gone.
  if (output.signal !== undefined) return undefined;
  const sums = output.stdout.split('\n').flatMap((line): [string, string][] => {
    const [, sum, path] = /^(\d+ \d+) (\/.*)$/.exec(line) ?? [];
    return sum === undefined || path === undefined ? [] : [[path, sum]];
  });
  if (sums.length === 0) return undefined;
  const sumOf = (name: string, isCopy: boolean) => sums.find(([path]) => isIn(path, name, isCopy))?.[1];
  const absent = names.filter((name) => sumOf(name, true) === undefined);
  const there = names.filter((name) => !absent.includes(name));
  return { absent, differing: there.filter((name) => sumOf(name, true) !== sumOf(name, false)) };
}

const someOf = (names: readonly string[]): string => names.slice(0, 6).join(', ');

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
    const found = compared(outputs[0], namesIn(order));
    if (!found)
      return answerOf(
        false,
        unansweredText(outputs[0]) ?? `cksum failed (${endingText(outputs[0])})`,
        outputs,
      );
    const { absent, differing } = found;
    const change =
      differing.length === 0
        ? 'no file differs: a restore would change nothing'
        : `${counted(differing.length, 'file')} would be overwritten: ${someOf(differing)}`;
    const lack = absent.length === 0 ? '' : `; the backup has no copy of ${someOf(absent)}`;
    return {
      ok: true,
      summary: `${change}${lack}`,
      sections: [
        { title: 'would be overwritten', text: differing.join('\n') || 'none' },
        ...(absent.length === 0 ? [] : [{ title: 'no copy in the backup', text: absent.join('\n') }]),
      ],
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
    const found = compared(compare, namesIn(order));
    if (count === 0) return answerOf(false, 'restored 0 files, exit 0', outputs);
    if (!found)
      return answerOf(false, `says ${count} files; they could not be compared with the backup`, outputs);
    const { absent, differing } = found;
    if (differing.length > 0)
      return answerOf(false, `says ${count} files; ${someOf(differing)} still differ`, outputs);
    if (absent.length > 0)
      return answerOf(false, `says ${count} files; the backup has no copy of ${someOf(absent)}`, outputs);
    if (count < wanted) return answerOf(false, `restored ${count} of ${wanted} files`, outputs);
    return answerOf(true, `restored ${count} files, all as in the backup`, outputs);
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'only what was saved before: a stash (tree.stash) or a commit' },
};

import type { Step, StepAnswer } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import type { ActSpec } from '../system.ts';
import { answerOf, daemonState, failureOf, plainOutput, runningDaemons } from './act-common.ts';
import { programPath } from './locate.ts';

const tarTimeoutMs = 10 * 60_000;

/** As `backup.create` and the runbook name them; such a name can be no option and no path. */
const archiveName = /^backup-[\w.-]{1,60}\.tar\.gz$/;

/** True for an archive of configuration and state beside them. */
export function isArchive(target: Entity): boolean {
  return target.type === 'restorePoint' && target.commit === undefined && archiveName.test(target.id);
}

/** What tar says of a file whose bytes are the same, which is all that was to be had back. */
const sameBytes = /: (Uid|Gid|Mode|Mod time) differs$/;

/** The runbook's `tar -xzf`, looked at afterwards by tar's own comparison: its exit code tells of no file that was missing. */
export const restoreArchive: ActSpec = {
  id: 'backup.restore',
  title: 'unpack this archive',
  menu: 'rollback',
  risk: 'destructive',
  does: 'puts the files of this archive back, over those that are there now; the daemon must not run',
  runs: 'tar --extract --gzip --file=NAME, then tar --compare',
  outcome: 'every file has the bytes it has in the archive',
  params: [],
  appliesTo: isArchive,
  precondition(view) {
    const running = runningDaemons(view);
    if (running.length > 0)
      return `the daemon (pid ${running.map(({ pid }) => pid).join(', ')}) would write over it: stop it first`;
    return daemonState(view) === 'hidden' ? 'a daemon whose directory is hidden may be this one' : undefined;
  },
  warnings: () => [
    'Configuration and state as they are now are gone after it: backup.create keeps them first.',
    'One made by the runbook’s command holds .env, and no database.',
  ],
  revision: (_view, target) => (target.type === 'restorePoint' ? String(target.createdAt ?? '') : ''),
  plan(view, target): readonly Step[] {
    const tar = (verb: 'extract' | 'compare'): Step => ({
      type: 'process',
      title: `${verb} ${target.id}`,
      argv: [programPath(view.located, 'tar'), `--${verb}`, '--gzip', `--file=${target.id}`],
      cwd: view.located.root,
      env: { LC_ALL: 'C' },
      timeoutMs: tarTimeoutMs,
    });
    return [tar('extract'), tar('compare')];
  },
  read([extract, compare]): StepAnswer {
    const failed = failureOf(extract);
    if (failed !== undefined || !compare) return answerOf(false, failed ?? 'it was not compared', extract);
    const lines = plainOutput(compare)
      .split('\n')
      .filter((line) => line !== '');
    const differing = lines.filter((line) => !sameBytes.test(line));
    const unread = lines.length === 0 ? failureOf(compare) : undefined;
    return answerOf(
      differing.length === 0 && unread === undefined,
      unread ?? differing[0] ?? 'every file is as in the archive',
      compare,
    );
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'unpack the archive that was made before it, where one was' },
};

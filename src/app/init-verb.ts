import type { Options } from '../config/options.ts';
import { hostDirectoryPath, makeHostDirectory } from '../db/host-directory.ts';
import { UserError } from '../domain/error.ts';
import { type Group, groupOf } from '../host/accounts.ts';

/** The group that is taken where none is named. */
const USUAL_GROUP = 'binnacle';

/**
 * `init --host`: makes the directory in which the operators of this host share orders, holds and ledgers. Returns what
 * was done, a sentence each. Throws UserError with the line for an administrator where this user may not.
 */
export function initHost(options: Options): readonly string[] {
  if (options.words.length > 1)
    throw new UserError('--host and directories are not given together', [
      '`binnacle init --host` makes what operators share; `binnacle init DIR` looks for systems',
    ]);
  const path = hostDirectoryPath(process.env);
  if (path === undefined)
    throw new UserError('BINNACLE_HOST_DIR is empty: this host shares nothing', [
      'unset it, or name a directory',
    ]);
  const group = wantedGroup(options.values.get('--group')?.at(-1));
  const did = makeHostDirectory(path, group);
  const members =
    group.members.length > 0
      ? `operators now: ${group.members.join(', ')}, and whoever has ${group.name} as first group`
      : `nobody is listed in group ${group.name} yet`;
  return [...did, `${members}; to add one: usermod -aG ${group.name} NAME, then a new login`];
}

function wantedGroup(name: string | undefined): Group {
  const group = groupOf(name ?? USUAL_GROUP);
  if (group) return group;
  if (name !== undefined)
    throw new UserError(`there is no group ${name} on this host`, [`sudo groupadd --system ${name}`]);
  throw new UserError(`which group? There is none called ${USUAL_GROUP}`, [
    'name the group of the operators: binnacle init --host --group NAME',
    `or make one: sudo groupadd --system ${USUAL_GROUP}`,
  ]);
}

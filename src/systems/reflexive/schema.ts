import * as z from 'zod/mini';
import { getString } from '../../lib/json.ts';
import type { CommonSettings, SystemKind } from '../system.ts';

/** What this kind adds to the common settings; every key is optional. */
const shape = z.strictObject({
  config: z
    .optional(z.string())
    .check(z.describe("the daemon's configuration file where it is started with `-c PATH`; relative to DIR")),
  daemonCwd: z
    .optional(z.string())
    .check(
      z.describe("the directory the daemon sees as its own where that is not DIR (a container's `/app`)"),
    ),
  keeper: z
    .optional(z.string())
    .check(
      z.describe(
        'what starts and stops the daemon: `systemd:UNIT`, `systemd-user:UNIT` or `docker:NAME`; without it the daemon is a process of its own',
      ),
    ),
});

export const reflexiveSettings: SystemKind['settings'] = shape;

/** A setting of this kind, where it was given. */
export function kindSetting(
  settings: CommonSettings,
  name: 'config' | 'daemonCwd' | 'keeper',
): string | undefined {
  const value = getString(settings, name);
  return value === undefined || value === '' ? undefined : value;
}

/** What starts and stops the daemon. */
export type Keeper =
  | { readonly by: 'process' }
  | { readonly by: 'systemd' | 'systemd-user' | 'docker'; readonly name: string };

/** The keeper as set; `wrong` when what is set is none. */
export function keeperOf(settings: CommonSettings): Keeper | 'wrong' {
  const text = kindSetting(settings, 'keeper');
  if (text === undefined || text === 'process') return { by: 'process' };
  const match = /^(systemd|systemd-user|docker):([A-Za-z0-9][A-Za-z0-9@:._-]{0,200})$/.exec(text);
  if (!match) return 'wrong';
  return { by: match[1] as 'systemd' | 'systemd-user' | 'docker', name: match[2] ?? '' };
}

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

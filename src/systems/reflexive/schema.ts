import * as z from 'zod/mini';
import { getString } from '../../lib/json.ts';
import type { CommonSettings, SystemKind } from '../system.ts';

/** What this kind adds to the common settings; every key is optional. */
const shape = z.object({
  /** The daemon's configuration file, when it is started with `-c PATH`. Relative to the root. */
  config: z.optional(z.string()),
  /** The directory the daemon sees as its own, where that is not the root (a container's `/app`). */
  daemonCwd: z.optional(z.string()),
});

export const reflexiveSettings: SystemKind['settings'] = shape;

/** A setting of this kind, where it was given. */
export function kindSetting(settings: CommonSettings, name: 'config' | 'daemonCwd'): string | undefined {
  const value = getString(settings, name);
  return value === undefined || value === '' ? undefined : value;
}

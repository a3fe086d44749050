import * as z from 'zod/mini';
import { dependenciesSchema } from './dependencies.ts';
import { hooksSchema } from './hooks.ts';

/** Settings every system may have, by the names of the configuration file and of `-s KIND=DIR,key=value`. */
export const COMMON_KEYS: Readonly<Record<string, string>> = {
  name: 'how the system is called on screen; default its kind',
  url: 'base URL of its HTTP server, for example http://127.0.0.1:8000',
  python: 'Python interpreter its programs are started with',
  'env-file': 'file of NAME=value lines that acts may use',
  timezone: 'zone of its times without one, for example Europe/Berlin; default this host',
  project: 'project within the installation, where there are several',
  'key-env': 'name of the environment variable that holds its API key',
  log: 'log file that is not at its usual place',
  environment: 'what it is used for; prod asks for one confirmation more',
  'run-as': 'user its acts run as; default the owner of its directory, or refused',
  'read-only': 'true: nothing but acts that read',
};

/** `env-file` as the code names it: `envFile`. */
export function camelCase(key: string): string {
  return key.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

const text = z.string().check(z.minLength(1), z.maxLength(4_096));

/** Which acts may be done and how, for all systems or for one. */
const actPolicy = z.strictObject({
  deny: z.optional(z.array(text)),
  allow: z.optional(z.array(text)),
  'reason-required': z.optional(z.array(text)),
  /** How many acts may run their steps in a system at once. */
  'at-once': z.optional(z.int().check(z.minimum(1), z.maximum(16))),
});

/** One entry of `systems:`. Keys of the kind itself are checked against the kind afterwards. */
const systemEntry = z.catchall(
  z.object({
    kind: text,
    root: text,
    acts: z.optional(actPolicy),
    dependencies: z.optional(dependenciesSchema),
  }),
  z.union([z.string(), z.boolean(), z.number()]),
);

/** How long something is kept: `30d`. */
const keepDays = z.string().check(z.regex(/^[1-9]\d{0,3}d$/, 'days are wanted, for example 30d'));

/** `binnacle.yaml`. */
export const configSchema = z.strictObject({
  version: z.optional(z.literal(1)),
  systems: z.optional(z.array(systemEntry)),
  'read-only': z.optional(z.boolean()),
  acts: z.optional(actPolicy),
  keys: z.optional(z.record(z.string(), z.union([text, z.array(text)]))),
  theme: z.optional(z.enum(['color', 'mono', 'ascii'])),
  hooks: z.optional(hooksSchema),
  history: z.optional(z.strictObject({ keep: z.optional(keepDays) })),
  /** Older rows go to sealed archives beside the ledger; without it none do. */
  ledger: z.optional(z.strictObject({ keep: z.optional(keepDays) })),
  kinds: z.optional(z.record(z.string(), z.unknown())),
});

/** The configuration file after checking. */
export type ConfigFile = z.infer<typeof configSchema>;

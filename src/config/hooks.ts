import * as z from 'zod/mini';
import { alertSeverities, alertTopics } from '../domain/alert.ts';
import { DEADLINE_WITHIN_MS, defaultHooks, type Hook, type HookDeed } from '../domain/hook.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d{1,5})([smhd])$/;
const FORMS = 'bell, osc9, { program: [/path, argument...] } or { webhook: URL } is wanted';

/** What is wrong with the `do` of a hook, and below which key. One form at a time, so that the message can name it. */
function deedProblem(
  value: unknown,
): { readonly keys: readonly (string | number)[]; readonly text: string } | undefined {
  const at = (text: string, ...keys: (string | number)[]): ReturnType<typeof deedProblem> => ({ keys, text });
  if (value === 'bell' || value === 'osc9') return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return at(FORMS);
  const { program, webhook, 'secret-header': header, ...rest } = value as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return at(`is no key of a hook's do: ${FORMS}`, unknown);
  if ((program === undefined) === (webhook === undefined)) return at(FORMS);
  if (program !== undefined) {
    if (header !== undefined) return at('belongs to a webhook', 'secret-header');
    if (!Array.isArray(program) || program.length === 0 || !program.every((word) => typeof word === 'string'))
      return at('a list is wanted: the program, then its arguments', 'program');
    return /^\/./.test(String(program[0])) ? undefined : at('an absolute path is wanted', 'program', 0);
  }
  if (typeof webhook !== 'string' || !/^https?:\/\//.test(webhook) || !URL.canParse(webhook))
    return at('an http or https address is wanted', 'webhook');
  if (header === undefined) return undefined;
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    return at('{ name: HEADER, env: VARIABLE } is wanted', 'secret-header');
  const { name, env, prefix, ...more } = header as Readonly<Record<string, unknown>>;
  const [odd] = Object.keys(more);
  if (odd !== undefined) return at('is no key of a secret header: name, env, prefix', 'secret-header', odd);
  if (typeof name !== 'string' || !/^[A-Za-z0-9-]{1,100}$/.test(name))
    return at('the name of a header is wanted', 'secret-header', 'name');
  if (typeof env !== 'string' || !/^[A-Za-z_]\w{0,99}$/.test(env))
    return at('the name of an environment variable is wanted', 'secret-header', 'env');
  if (prefix !== undefined && (typeof prefix !== 'string' || /[^\x20-\x7e]/.test(prefix)))
    return at('a text is wanted', 'secret-header', 'prefix');
  return undefined;
}

const deed = z.unknown().check((context) => {
  const problem = deedProblem(context.value);
  if (problem)
    context.issues.push({
      code: 'custom',
      message: problem.text,
      path: [...problem.keys],
      input: context.value,
    });
});

/** `hooks:` of the configuration. */
export const hooksSchema = z.array(
  z.strictObject({
    on: z.array(z.enum(alertTopics)).check(z.refine((on) => on.length > 0, 'at least one event is wanted')),
    systems: z.optional(z.array(z.string())),
    severity: z.optional(z.enum(alertSeverities)),
    'at-start': z.optional(z.boolean()),
    within: z.optional(z.string().check(z.regex(DURATION, 'a time like 15m is wanted: s, m, h or d'))),
    do: deed,
  }),
);

/** The hooks of a checked configuration; the default where it says nothing of any. `hooks: []` is none. */
export function hooksOf(config: {
  readonly hooks?: z.infer<typeof hooksSchema> | undefined;
}): readonly Hook[] {
  if (config.hooks === undefined) return defaultHooks;
  return config.hooks.map((entry) => ({
    on: entry.on,
    ...(entry.systems === undefined ? {} : { systems: entry.systems }),
    severity: entry.severity ?? 'info',
    atStart: entry['at-start'] ?? false,
    withinMs: entry.within === undefined ? DEADLINE_WITHIN_MS : durationMs(entry.within),
    deed: deedOf(entry.do),
  }));
}

function durationMs(text: string): number {
  const [, count = '0', unit = 's'] = DURATION.exec(text) ?? [];
  return Number(count) * (UNITS[unit] ?? 0);
}

/** As checked by {@link deedProblem}. */
function deedOf(value: unknown): HookDeed {
  if (value === 'bell' || value === 'osc9') return { type: value };
  const {
    program,
    webhook,
    'secret-header': header,
  } = value as {
    readonly program?: readonly string[];
    readonly webhook?: string;
    readonly 'secret-header'?: { readonly name: string; readonly env: string; readonly prefix?: string };
  };
  if (program !== undefined) return { type: 'program', argv: program };
  return {
    type: 'webhook',
    url: webhook ?? '',
    ...(header === undefined
      ? {}
      : {
          secretHeader: {
            name: header.name,
            variable: header.env,
            ...(header.prefix === undefined ? {} : { prefix: header.prefix }),
          },
        }),
  };
}

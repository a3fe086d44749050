/** How a kind is described in `binnacle.yaml` below `kinds:`. */
import * as z from 'zod/mini';

const text = z.string().check(z.minLength(1), z.maxLength(4_096));
const fieldPath = text;
/** `250ms`, `10s`, `5m`, `2h`. */
const duration = z.string().check(z.regex(/^\d{1,6}(ms|s|m|h)$/, 'a duration such as 10s or 5m is wanted'));

const logSource = z.strictObject({
  type: z.literal('log'),
  glob: text,
  format: z.optional(z.enum(['json', 'text'])),
  /** Fields of a JSON line, or names of the groups of `pattern`. */
  time: z.optional(fieldPath),
  level: z.optional(fieldPath),
  message: z.optional(fieldPath),
  keys: z.optional(z.array(fieldPath)),
  /** Regular expression with named groups, for `format: text`. */
  pattern: z.optional(text),
});

const source = z.discriminatedUnion('type', [
  logSource,
  z.strictObject({ type: z.literal('document'), glob: text }),
  z.strictObject({ type: z.literal('database'), path: text, queries: z.record(z.string(), text) }),
  z.strictObject({ type: z.literal('http'), path: text, every: z.optional(duration) }),
  z.strictObject({ type: z.literal('process'), words: z.array(text) }),
]);

const stateMap = z.strictObject({
  field: fieldPath,
  map: z.optional(z.record(z.string(), text)),
  default: z.optional(text),
});

const condition = z.strictObject({
  status: z.optional(z.array(text)),
  /** True when this time field is older than `for`, or missing. */
  silent: z.optional(z.strictObject({ field: fieldPath, for: duration })),
});

const attention = z.strictObject({
  when: condition,
  rank: z.number().check(z.int(), z.minimum(1), z.maximum(7)),
  label: text,
  why: text,
  act: z.optional(text),
});

const entity = z.strictObject({
  type: z.enum(['run', 'job', 'issue', 'layer', 'service', 'meter']),
  /** A source, or `source.query` of a database. */
  from: text,
  /** Path to the array (or object of objects) in it; default the whole. */
  each: z.optional(fieldPath),
  id: z.optional(fieldPath),
  /** Text with `{field}` in it. */
  title: text,
  status: z.optional(stateMap),
  severity: z.optional(stateMap),
  summary: z.optional(text),
  order: z.optional(z.number()),
  since: z.optional(fieldPath),
  heartbeat: z.optional(fieldPath),
  value: z.optional(fieldPath),
  limit: z.optional(fieldPath),
  unit: z.optional(text),
  keys: z.optional(z.array(fieldPath)),
  attention: z.optional(z.array(attention)),
});

const act = z.strictObject({
  id: z.string().check(z.regex(/^[a-z][a-z-]*\.[a-z][a-z-]*$/, 'an act is called noun.verb')),
  title: text,
  does: text,
  menu: z.optional(z.enum(['replay', 'restart', 'resume', 'pause', 'rollback', 'cancel', 'other'])),
  risk: z.enum(['reversible', 'costly', 'destructive']),
  applies: z.strictObject({ type: text, status: z.optional(z.array(text)) }),
  /** Program and arguments; `{id}` and `{field}` are put in as part of one argument. No shell. */
  run: z.array(text).check(z.minLength(1)),
  cwd: z.optional(text),
  timeout: z.optional(duration),
  expect: z
    .array(
      z.strictObject({
        stage: z.enum(['accepted', 'started', 'done']),
        status: z.array(text),
        within: duration,
      }),
    )
    .check(z.minLength(1)),
  undo: z.optional(text),
});

/** A described kind. */
export const kindDescription = z.strictObject({
  title: text,
  recognise: z.optional(z.array(text)),
  sources: z.record(z.string(), source),
  entities: z.array(entity),
  acts: z.optional(z.array(act)),
});

export type KindDescription = z.infer<typeof kindDescription>;
export type DescribedSource = KindDescription['sources'][string];
export type DescribedEntity = KindDescription['entities'][number];
export type DescribedAct = NonNullable<KindDescription['acts']>[number];

/** Milliseconds of a duration text. */
export function durationMs(given: string): number {
  const unit = /(ms|s|m|h)$/.exec(given)?.[1] as 'ms' | 's' | 'm' | 'h';
  return Number.parseInt(given, 10) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit];
}

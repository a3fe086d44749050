/** What the parts of a description are made of: texts, paths, durations, and conditions on a record. */
import * as z from 'zod/mini';

/** A text an operator wrote. */
export const text = z.string().check(z.minLength(1), z.maxLength(4_096));

/** Where a value stands in a record: `a.b.0.c`. */
export const path = text.check(z.describe('where the value stands in the record: a.b.0.c'));

/** Text into which values of the record are put: `{a.b}`, `{settings.NAME}`. */
export const template = text.check(
  z.describe('text; {a.b} is a value of the record, {settings.NAME} a setting'),
);

/** `250ms`, `10s`, `5m`, `2h`, `30d`. */
export const duration = z
  .string()
  .check(
    z.regex(/^\d{1,6}(ms|s|m|h|d)$/, 'a duration such as 10s or 5m is wanted'),
    z.describe('a duration: 250ms, 10s, 5m, 2h, 30d'),
  );

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of a duration text. */
export function durationMs(given: string): number {
  const unit = /(ms|s|m|h|d)$/.exec(given)?.[1] as keyof typeof UNITS;
  return Number.parseInt(given, 10) * UNITS[unit];
}

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** What a value must be: itself, one of several, or within bounds. */
const valueTest = z.union([
  scalar,
  z.array(scalar),
  z.strictObject({
    /** Numbers and times; a text is the path of the other value. */
    above: z.optional(z.union([z.number(), z.string()])),
    below: z.optional(z.union([z.number(), z.string()])),
    not: z.optional(z.union([scalar, z.array(scalar)])),
    matches: z.optional(z.string().check(z.describe('a regular expression'))),
    missing: z.optional(z.boolean()),
  }),
]);

/** Values of a record, by path; all must hold. */
export const valueTests = z.record(z.string(), valueTest);

/** When something is so. All parts must hold. */
export const condition = z.strictObject({
  status: z.optional(z.array(text).check(z.describe('the status it has here is one of these'))),
  where: z.optional(valueTests),
  silent: z.optional(
    z
      .strictObject({ field: path, for: duration })
      .check(z.describe('the time in this field is longer ago than this, or missing')),
  ),
  passed: z.optional(path.check(z.describe('the time in this field is past'))),
  alive: z.optional(z.boolean().check(z.describe('whether the process named by `process` lives'))),
});

/** A value of a record, told in other words. */
export const wordMap = z.strictObject({
  field: path,
  map: z.optional(z.record(z.string(), text)),
  default: z.optional(text),
});

export type ValueTest = z.infer<typeof valueTest>;
export type ValueTests = z.infer<typeof valueTests>;
export type Condition = z.infer<typeof condition>;
export type WordMap = z.infer<typeof wordMap>;

/** Where a described kind reads, and how bytes become records. */
import * as z from 'zod/mini';
import { duration, path, template, text, valueTests, wordMap } from './words.ts';

const taken = z.union([
  z.strictObject({ last: path, when: z.optional(valueTests) }),
  z.strictObject({ first: path, when: z.optional(valueTests) }),
  z.strictObject({ sum: path, when: z.optional(valueTests) }),
  z.strictObject({ max: path, when: z.optional(valueTests) }),
  z.strictObject({ min: path, when: z.optional(valueTests) }),
  z.strictObject({ count: z.literal(true), when: z.optional(valueTests) }),
]);

/** Records of a log folded into one item per file, or per value of `by`. */
const fold = z.strictObject({
  by: z.optional(
    path.check(z.describe('records with the same value here make one item; default: one item per file')),
  ),
  when: z.optional(valueTests.check(z.describe('records that count; default all'))),
  take: z
    .record(z.string(), taken)
    .check(z.describe('fields of the item: last, first, sum, max, min of a path, or count: true')),
});

const lineReading = {
  format: z.optional(
    z
      .enum(['json', 'keyvalue', 'text'])
      .check(
        z.describe(
          'json: an object a line; keyvalue: a=1 b="x y"; text: as it is, or by `pattern`. Default text',
        ),
      ),
  ),
  pattern: z.optional(text.check(z.describe('regular expression with named groups, for text'))),
  time: z.optional(path.check(z.describe('default `time`'))),
  level: z.optional(
    z
      .union([path, wordMap])
      .check(z.describe('a path, or { field, map, default } to debug info warning error')),
  ),
  message: z.optional(
    template.check(z.describe('a path, or text with {path} in it; default `message`, else the line')),
  ),
  origin: z.optional(path.check(z.describe('who wrote it'))),
  keys: z.optional(
    z.array(path).check(z.describe('ids the line is about: rows of an item are found by them')),
  ),
  fold: z.optional(
    z
      .record(z.string(), fold)
      .check(z.describe('items made of records; an entity names one: from: SOURCE.NAME')),
  ),
};

const answerReading = {
  format: z.optional(
    z
      .enum(['json', 'json-lines', 'keyvalue', 'text'])
      .check(
        z.describe(
          'keyvalue: NAME=value lines, an empty line between two records; text: lines by `pattern`. Default json',
        ),
      ),
  ),
  pattern: z.optional(text.check(z.describe('regular expression with named groups, for text'))),
};

const argv = z
  .array(template)
  .check(
    z.minLength(1),
    z.describe(
      'program and arguments, no shell; a bare name is found on PATH, ./NAME and a/b below the root',
    ),
  );

/** One source. */
export const source = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('log'),
    glob: template,
    volatile: z.optional(
      z.literal(true).check(z.describe('its writer empties it in place: what was read of it is kept')),
    ),
    ...lineReading,
  }),
  z.strictObject({ type: z.literal('stream'), argv, ...lineReading }),
  z.strictObject({ type: z.literal('document'), glob: template, ...answerReading }),
  z.strictObject({
    type: z.literal('database'),
    path: template,
    queries: z
      .record(z.string(), text)
      .check(z.describe('NAME: SQL; an entity names one: from: SOURCE.NAME')),
  }),
  z.strictObject({
    type: z.literal('http'),
    path: template.check(z.describe('below the url of the system, or a whole address')),
    every: z.optional(duration),
    timeout: z.optional(duration),
    'per-minute': z.optional(z.int().check(z.minimum(1), z.maximum(600))),
    accepts: z.optional(z.array(z.int()).check(z.describe('statuses beside 2xx that are answers too'))),
    headers: z.optional(z.record(z.string(), text)),
    'secret-header': z.optional(z.strictObject({ name: text, env: text, prefix: z.optional(text) })),
    ...answerReading,
  }),
  z.strictObject({
    type: z.literal('probe'),
    argv,
    every: z.optional(duration),
    timeout: z.optional(duration),
    success: z.optional(z.array(z.int()).check(z.describe('exit codes of an answer; default 0'))),
    leaves: z.optional(
      text.check(z.describe('what running it leaves behind, told in `list sources`; default nothing')),
    ),
    ...answerReading,
  }),
  z.strictObject({
    type: z.literal('process'),
    words: z.array(template).check(z.minLength(1), z.describe('any of these occurs in an argument')),
  }),
]);

export type DescribedSource = z.infer<typeof source>;
export type DescribedLines = Extract<DescribedSource, { type: 'log' | 'stream' }>;
export type DescribedAnswer = Extract<DescribedSource, { type: 'document' | 'http' | 'probe' }>;
export type DescribedFold = z.infer<typeof fold>;
export type Taken = z.infer<typeof taken>;

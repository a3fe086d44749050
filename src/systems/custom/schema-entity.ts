/** How records become entities. */
import * as z from 'zod/mini';
import { condition, path, template, text, wordMap } from './words.ts';

const attention = z.strictObject({
  when: condition,
  rank: z
    .int()
    .check(
      z.minimum(1),
      z.maximum(7),
      z.describe(
        '1 loss with a clock, 2 nothing moves, 3 answers block work, 4 silent or dead work, 5 limits near, 6 sources stale, 7 fake successes',
      ),
    ),
  label: text.check(z.describe('the first word of its row, in capitals')),
  why: template,
  act: z.optional(text.check(z.describe('id of the act that helps most'))),
  playbook: z.optional(text),
  since: z.optional(
    path.check(z.describe('since when; default the time it is silent or past, else that of the item')),
  ),
  until: z.optional(path.check(z.describe('when the default outcome comes'))),
  'on-expiry': z.optional(template),
  group: z.optional(template.check(z.describe('items with the same text are one row with a count'))),
});

const status = z.strictObject({
  ...wordMap.shape,
  field: z.optional(path),
  rules: z.optional(
    z
      .array(z.strictObject({ when: condition, is: text }))
      .check(z.describe('the first that holds wins over `map`')),
  ),
});

const common = {
  from: text.check(
    z.describe('a source; SOURCE.QUERY of a database, SOURCE.FOLD of a log, SOURCE.answer of http and probe'),
  ),
  each: z.optional(
    path.check(z.describe('path of the list, or of the mapping, of items; default the whole')),
  ),
  where: z.optional(condition.check(z.describe('items it is made of; default all'))),
  id: z.optional(template.check(z.describe('a path, or text with {path} in it; default the title'))),
  title: template,
  since: z.optional(path),
  keys: z.optional(z.array(path).check(z.describe('further ids by which its log rows are found'))),
  process: z.optional(
    z
      .strictObject({
        pid: path,
        recorded: z.optional(path.check(z.describe('when the pid was written down'))),
      })
      .check(z.describe('the process that does it: `alive` asks for it, signals go to it')),
  ),
  cautions: z.optional(z.array(z.strictObject({ when: z.optional(condition), text: template }))),
  attention: z.optional(z.array(attention).check(z.describe('the first that holds puts it into the queue'))),
};
const stated = { ...common, status: z.optional(status) };

/** One rule: items of a source become entities of a type. */
export const entity = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('run'), ...stated, ended: z.optional(path) }),
  z.strictObject({
    type: z.literal('turn'),
    ...stated,
    run: template,
    issue: z.optional(template),
    index: z.optional(path),
    role: z.optional(template),
    model: z.optional(template),
    captured: z.optional(path),
  }),
  z.strictObject({
    type: z.literal('job'),
    ...stated,
    heartbeat: z.optional(path),
    lease: z.optional(path),
    attempts: z.optional(path),
    created: z.optional(path),
    'waiting-for': z.optional(template),
  }),
  z.strictObject({
    type: z.literal('approval'),
    ...stated,
    ask: z.enum(['approve', 'review', 'answer']),
    question: z.optional(template),
    payload: z.optional(
      z.strictObject({ form: z.enum(['plan', 'diff', 'arguments', 'question', 'text']), text: template }),
    ),
    risk: z.optional(wordMap),
    expires: z.optional(path),
    'on-expiry': z.optional(template),
    subject: z.optional(template),
    decisions: z.optional(
      z.array(text).check(z.describe('ids of the acts that decide it, most useful first')),
    ),
    'only-watched': z.optional(text.check(z.describe('why it can not be answered from here'))),
  }),
  z.strictObject({
    type: z.literal('issue'),
    ...stated,
    severity: z.optional(wordMap),
    summary: z.optional(template),
    suggests: z.optional(template),
    playbook: z.optional(text),
  }),
  z.strictObject({
    type: z.literal('layer'),
    ...stated,
    order: z.optional(z.number()),
    summary: z.optional(template),
  }),
  z.strictObject({
    type: z.literal('service'),
    ...stated,
    summary: z.optional(template),
    latency: z.optional(path),
  }),
  z.strictObject({
    type: z.literal('meter'),
    ...common,
    value: path,
    limit: z.optional(z.union([path, z.number()])),
    unit: z.optional(text),
    window: z.optional(template),
    warning: z.optional(z.number().check(z.describe('share of the limit from which it warns; default 0.8'))),
    critical: z.optional(
      z.number().check(z.describe('share of the limit from which it is critical; default 0.95')),
    ),
  }),
  z.strictObject({
    type: z.literal('restore-point'),
    ...common,
    created: z.optional(path),
    commit: z.optional(path),
  }),
]);

export type DescribedEntity = z.infer<typeof entity>;
export type DescribedStatus = z.infer<typeof status>;

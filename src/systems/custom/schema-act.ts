/** What can be done in a described kind, and its procedures. */
import * as z from 'zod/mini';
import { condition, duration, path, template, text, valueTests } from './words.ts';

const name = z
  .string()
  .check(z.regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, 'a name of letters, digits, - and _ is wanted'));
const environment = {
  env: z.optional(z.record(name, text)),
  'secret-env': z.optional(
    z.array(name).check(z.describe('variables taken from the environment or the env-file when it runs')),
  ),
};
const argv = z
  .array(template)
  .check(
    z.minLength(1),
    z.describe(
      'program and arguments, no shell; a value of the record is never more than (a part of) one argument, and never an option',
    ),
  );

const step = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('run'),
    argv,
    cwd: z.optional(text.check(z.describe('below the root; default the root'))),
    timeout: z.optional(duration),
    success: z.optional(
      z
        .array(z.int().check(z.minimum(0), z.maximum(255)))
        .check(z.describe('exit codes that are no failure; default 0')),
    ),
    ...environment,
  }),
  z.strictObject({
    type: z.literal('http'),
    method: z.enum(['GET', 'POST', 'PATCH', 'PUT', 'DELETE']),
    path: template.check(z.describe('below the url of the system')),
    body: z.optional(
      z
        .json()
        .check(z.describe('JSON; texts in it may hold {path}, one that is {path} alone keeps its type')),
    ),
    headers: z.optional(z.record(z.string(), text)),
    'secret-header': z.optional(z.strictObject({ name: text, env: name, prefix: z.optional(text) })),
    timeout: z.optional(duration),
  }),
  z.strictObject({
    type: z.literal('write'),
    path: template,
    text: z.optional(template),
    json: z.optional(z.json()),
  }),
  z.strictObject({ type: z.literal('remove'), path: template }),
  z.strictObject({
    type: z.literal('signal'),
    signal: z
      .enum(['SIGTERM', 'SIGINT', 'SIGKILL'])
      .check(z.describe('to the process the entity names by `process`')),
  }),
  z.strictObject({
    type: z.literal('service'),
    argv,
    cwd: z.optional(text),
    log: z.optional(text.check(z.describe('file its output is appended to'))),
    ...environment,
  }),
  z.strictObject({ type: z.literal('read'), paths: z.array(template).check(z.minLength(1)) }),
]);

const stage = z.strictObject({
  stage: z.enum(['accepted', 'started', 'done']),
  title: z.optional(template),
  status: z.optional(z.array(text).check(z.describe('its status is one of these'))),
  where: z.optional(valueTests.check(z.describe('values of its record; a text may hold {params.NAME}'))),
  changed: z.optional(z.array(path).check(z.describe('these values are others than when the act began'))),
  gone: z.optional(z.literal(true).check(z.describe('it is not there any more'))),
  within: duration,
  optional: z.optional(
    z.literal(true).check(z.describe('shown, and not needed for the act to count as done')),
  ),
});

/** One act. */
export const act = z.strictObject({
  id: z.string().check(z.regex(/^[a-z][a-z-]*\.[a-z][a-z-]*$/, 'an act is called noun.verb')),
  title: text,
  does: text.check(z.describe('one line: what it really does')),
  menu: z.optional(
    z.enum(['approve', 'replay', 'restart', 'resume', 'pause', 'rollback', 'cancel', 'other']),
  ),
  risk: z.enum(['read', 'reversible', 'costly', 'destructive']),
  applies: z.strictObject({ type: text, status: z.optional(z.array(text)), where: z.optional(valueTests) }),
  params: z.optional(
    z.array(
      z.strictObject({
        name: name,
        title: text,
        form: z.optional(z.enum(['text', 'lines', 'choice'])),
        required: z.optional(z.boolean()),
        choices: z.optional(z.array(text)),
        hint: z.optional(text),
        'max-length': z.optional(z.int().check(z.minimum(1), z.maximum(100_000))),
      }),
    ),
  ),
  refuse: z.optional(
    z
      .array(z.strictObject({ when: condition, because: template }))
      .check(z.describe('preconditions: it is off while one of these holds')),
  ),
  warn: z.optional(z.array(z.strictObject({ when: z.optional(condition), text: template }))),
  strands: z.optional(z.array(template).check(z.describe('what is lost or orphaned by it'))),
  revision: z.optional(z.array(path).check(z.describe('values the decision depends on, beside the status'))),
  steps: z.array(step).check(z.minLength(1)),
  expect: z.optional(
    z
      .array(stage)
      .check(z.describe('what is seen in the sources when it worked; the exit code proves nothing')),
  ),
  contradicted: z.optional(
    z.strictObject({ status: z.optional(z.array(text)), where: z.optional(valueTests) }),
  ),
  undo: z.optional(text.check(z.describe('how it is taken back, or why it can not be'))),
  'undo-act': z.optional(text.check(z.describe('id of the act that takes it back'))),
});

/** One procedure. */
export const playbook = z.strictObject({
  id: text,
  title: text,
  steps: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('check'), text, when: condition }),
        z.strictObject({
          type: z.literal('act'),
          text,
          act: text,
          on: z.optional(z.strictObject({ type: text, id: template })),
          params: z.optional(z.record(z.string(), template)),
        }),
        z.strictObject({ type: z.literal('note'), text }),
      ]),
    )
    .check(z.minLength(1)),
});

export type DescribedAct = z.infer<typeof act>;
export type DescribedStep = z.infer<typeof step>;
export type DescribedStage = z.infer<typeof stage>;
export type DescribedPlaybook = z.infer<typeof playbook>;

/** The shape of `status --json` as it is promised: every field with its type, null where nothing is known, none beside. */
import * as z from 'zod';

const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const text = z.string();
const number = z.number();
const orNull = <T extends z.ZodType>(schema: T): z.ZodNullable<T> => z.nullable(schema);

const evidence = z.strictObject({
  source: text,
  path: text.optional(),
  offset: number.optional(),
  query: text.optional(),
  url: text.optional(),
  pid: number.optional(),
  text: text.optional(),
  at: time.optional(),
});

const base = {
  system: text.min(1),
  id: text.min(1),
  title: text,
  observedAt: time,
  evidence,
  trail: z.array(evidence).optional(),
  cautions: z.array(text).optional(),
  playbook: text.optional(),
};

const source = {
  id: text,
  type: z.enum(['log', 'document', 'tree', 'database', 'http', 'probe', 'stream', 'process', 'check']),
  path: text.optional(),
  url: text.optional(),
  state: z.enum(['waiting', 'fresh', 'stale', 'error', 'limited', 'off']),
  lastReadAt: orNull(time),
  lastChangedAt: orNull(time),
  items: number,
  records: number,
  badRecords: number,
  unreadBytes: number,
  readShare: number.optional(),
  lastBad: z
    .strictObject({ path: text, offset: number.optional(), reason: text, excerpt: text.optional() })
    .optional(),
  error: orNull(text),
  clockAheadMs: number.optional(),
};

/** A row of `list sources --json`. */
export const listedSource = z.strictObject({ system: text, ...source });

const stage = z.strictObject({
  stage: z.enum(['accepted', 'started', 'done']),
  title: text,
  state: z.enum(['seen', 'waiting', 'contradicted']),
  detail: text.optional(),
  seenAt: time.optional(),
  deadline: time,
  required: z.boolean(),
});

/** An act that was done: a row of `done` in `list acts --json`, and of `acts` in `status --json`. */
export const act = z.strictObject({
  order: text,
  act: text.regex(/^[a-z]+\.[a-z-]+$/),
  target: text.includes('/'),
  type: text,
  title: text,
  status: z.enum([
    'running',
    'verified',
    'not-seen',
    'failed',
    'timed-out',
    'cancelled',
    'unknown',
    'settled',
  ]),
  startedAt: time,
  endedAt: orNull(time),
  by: text,
  attempt: number,
  reason: orNull(text),
  exitCode: orNull(number),
  summary: orNull(text),
  undo: orNull(text),
  undoAct: orNull(text),
  undoes: orNull(text),
  stages: z.array(stage),
});

/** The one object of `status --json`. */
export const statusSchema = z.strictObject({
  schema: z.literal('binnacle/1'),
  generatedAt: time,
  factsSince: orNull(time),
  systems: z.array(
    z.strictObject({
      id: text,
      kind: text,
      root: text.startsWith('/'),
      url: text.optional(),
      environment: text.optional(),
      state: z.enum(['ok', 'stale', 'unreachable', 'error']),
      sources: z.array(
        z.strictObject(source).refine(({ path, url }) => (path === undefined) !== (url === undefined)),
      ),
    }),
  ),
  attention: z.array(
    z.strictObject({
      rank: number.int().min(1).max(7),
      label: text.regex(/^[A-Z][A-Z -]*$/),
      kind: z.enum([
        ...(['approval', 'issue', 'turn', 'job', 'run', 'meter', 'source'] as const),
        ...(['layer', 'service', 'restorePoint'] as const),
      ]),
      ref: text,
      system: text,
      title: text,
      why: text.min(1),
      key: orNull(text),
      since: orNull(time),
      until: orNull(time),
      onExpiry: orNull(text),
      playbook: orNull(text),
      heldBy: orNull(text),
      asideUntil: orNull(z.union([time, z.literal('for good'), z.literal('until it changes')])),
      count: number.int().min(1),
    }),
  ),
  approvals: z.array(
    z.strictObject({
      ...base,
      ask: z.enum(['approve', 'review', 'answer']),
      status: z.enum(['pending', 'decided', 'expired']),
      answerable: z.boolean(),
      reason: orNull(text),
      risk: orNull(z.enum(['low', 'medium', 'high', 'critical'])),
      requestedAt: orNull(time),
      expiresAt: orNull(time),
      onExpiry: orNull(text),
      question: orNull(text),
      payloadDigest: orNull(text.regex(/^[0-9a-f]{64}$/)),
      decisions: z.array(text),
      payload: z
        .strictObject({ form: z.enum(['plan', 'diff', 'arguments', 'question', 'text']), text })
        .optional(),
      subject: text.optional(),
    }),
  ),
  issues: z.array(
    z.strictObject({
      ...base,
      key: text,
      severity: z.enum(['fatal', 'error', 'warning', 'info']),
      status: z.enum(['open', 'unchecked', 'aside']),
      detail: orNull(text),
      since: orNull(time),
      suggestedAction: orNull(text),
      playbook: orNull(text),
    }),
  ),
  layers: z.array(
    z.strictObject({
      ...base,
      order: number,
      name: text,
      status: z.enum(['ok', 'attention', 'failed', 'unknown']),
      summary: text,
    }),
  ),
  runs: z.array(
    z.strictObject({
      ...base,
      status: z.enum(['running', 'succeeded', 'failed', 'halted', 'stalled', 'unknown']),
      nativeStatus: orNull(text),
      startedAt: orNull(time),
      endedAt: orNull(time),
    }),
  ),
  turns: z.array(
    z.strictObject({
      ...base,
      run: text,
      issue: orNull(text),
      index: number,
      role: text,
      state: z.enum(['in-flight', 'stalled', 'no-progress', 'failed', 'completed', 'dead', 'unknown']),
      model: orNull(text),
      path: orNull(text),
      capturedAt: orNull(time),
      startedAt: time.optional(),
    }),
  ),
  jobs: z.array(
    z.strictObject({
      ...base,
      status: z.enum([
        ...(['queued', 'running', 'waiting', 'done', 'failed'] as const),
        ...(['cancelled', 'blocked', 'archived', 'unknown'] as const),
      ]),
      nativeStatus: orNull(text),
      waitingFor: orNull(text),
      leaseUntil: orNull(time),
      heartbeatAt: orNull(time),
      attempts: orNull(number),
      createdAt: time.optional(),
      updatedAt: time.optional(),
    }),
  ),
  services: z.array(
    z.strictObject({
      ...base,
      status: z.enum(['up', 'degraded', 'down', 'unknown']),
      latencyMs: orNull(number),
      detail: orNull(text),
    }),
  ),
  meters: z.array(
    z.strictObject({
      ...base,
      name: text,
      value: number,
      limit: orNull(number),
      unit: text,
      window: orNull(text),
      perHour: orNull(number),
      exhaustsAt: orNull(time),
      status: z.enum(['ok', 'warning', 'critical']),
    }),
  ),
  restorePoints: z.array(
    z.strictObject({ ...base, label: text, createdAt: orNull(time), commit: orNull(text) }),
  ),
  acts: z.array(act),
});

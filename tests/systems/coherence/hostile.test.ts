import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entityKey } from '../../../src/domain/entity.ts';
import { coherenceActs } from '../../../src/systems/coherence/acts.ts';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import { at, located, process, Told } from './facts.ts';

/** Field names the documents really have, so that wrong values stand in right places. */
const fields = [
  ...[
    'issues',
    'history',
    'last_check',
    'condition',
    'severity',
    'message',
    'created_at',
    'at',
    'reason',
    'detail',
  ],
  ...[
    'tasks',
    'id',
    'status',
    'claimed_by',
    'context',
    'hold_pattern_policy',
    'decision',
    'output',
    'started_at',
  ],
  ...[
    'in_flight',
    'task_id',
    'blocked',
    'blocked_at',
    'runners',
    'runner_id',
    'pid',
    'lease_expires_at',
    'worker_id',
  ],
  ...[
    'git_sha',
    'generated_at',
    'overall',
    'layer_0_goal',
    'layer_2_execution',
    'summary',
    'backlog_index',
    '__proto__',
  ],
];
const words = fc.oneof(
  fc.constantFrom(
    'needs_decision',
    'running',
    'api_unreachable',
    'stale_version',
    'high',
    '2026-02-21T02:59:00Z',
    'None',
    'w7',
    'h:1',
    '--x',
    'constructor',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    words,
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...fields), tie('value'), { maxKeys: 6 }),
  ),
}));
const documents = coherenceKind
  .sources(located(), {})
  .flatMap((one) => (one.type === 'document' ? [one.id] : []));

/** A plan may say no with words of its own; what it must not do is stumble. */
function refusalOf(plan: () => unknown): string | undefined {
  try {
    plan();
    return undefined;
  } catch (error) {
    return (error as Error).name;
  }
}

describe('whatever the files hold', () => {
  it('derive gives entities with keys of their own, acts answer, and nothing throws', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...documents), value, { maxKeys: 8 }),
        value,
        fc.array(fc.tuple(fc.array(words, { maxLength: 4 }), fc.option(words)), { maxLength: 4 }),
        (files, answer, programs) => {
          const told = new Told(located({ url: 'http://127.0.0.1:8000' }));
          for (const [source, body] of Object.entries(files))
            told.document(source, body ?? 'null', { modified: '02:59:00', born: '02:00:00' });
          for (const source of ['api.health', 'api.attention', 'api.runners', 'api.fatal']) {
            told.http(source, { status: 200, body: answer ?? 'null' }, '02:59:30');
          }
          told.processes = programs.map(([argv, cwd], index) => {
            const { cwd: _cwd, ...base } = process(index + 1, '01:00:00', 'x');
            return { ...base, argv, ...(cwd === null ? {} : { cwd }) };
          });
          const derived = told.derive('03:00:00');
          const keys = derived.entities.map(entityKey);
          expect(new Set(keys).size).toBe(keys.length);
          expect(JSON.parse(JSON.stringify(derived.data))).toEqual(derived.data);
          if (derived.nextInstant !== undefined) expect(derived.nextInstant).toBeGreaterThan(at('03:00:00'));
          const view = told.view('03:00:00');
          for (const entity of derived.entities) {
            for (const act of coherenceActs.filter((one) => one.appliesTo(entity))) {
              act.precondition(view, entity);
              act.warnings?.(view, entity);
              act.strands?.(view, entity);
              act.revision(view, entity);
              expect(refusalOf(() => act.plan(view, entity, { decision: 'x' }))).toBeOneOf([
                undefined,
                'Error',
              ]);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

import { describe, expect, it } from 'vitest';
import { confirmationRefusal } from '../../src/acts/confirm.ts';
import { confirmationOf, decide, type PolicyQuestion } from '../../src/acts/policy.ts';
import type { ActRules } from '../../src/domain/act-rules.ts';
import type { Approval, Job, SystemId } from '../../src/domain/entity.ts';
import { instant } from '../../src/domain/instant.ts';
import { codeOf } from '../../src/lib/typed-code.ts';

const system = 'claw' as SystemId;
const job: Job = {
  type: 'job',
  system,
  id: 'a1',
  title: 'nightly',
  observedAt: instant(0),
  evidence: { source: 'db' },
  status: 'waiting',
};
const approval: Approval = {
  type: 'approval',
  system,
  id: 'p1',
  title: 'plan',
  observedAt: instant(0),
  evidence: { source: 'db' },
  ask: 'review',
  status: 'pending',
  answerable: true,
  payload: { form: 'plan', text: '1. do it' },
  decisions: [],
};

function question(more: Partial<PolicyQuestion> = {}): PolicyQuestion {
  return {
    act: { id: 'job.restart', menu: 'restart', risk: 'reversible' },
    target: job,
    policy: { readOnly: false },
    root: '/srv/claw',
    user: { uid: 1000, name: 'alice' },
    owner: { uid: 1000, user: 'alice' },
    commandLine: ['binnacle', 'act', 'job.restart', 'claw/a1'],
    ...more,
  };
}

/** Lists as a configuration has them, each entry on a line of its own. */
function rules(given: {
  readonly allow?: readonly (readonly string[])[];
  readonly deny?: readonly string[];
  readonly reasons?: readonly string[];
}): ActRules {
  const entry = (pattern: string, index: number) => ({
    pattern,
    at: `binnacle.yaml:${20 + index}: acts.deny.${index}`,
  });
  return {
    allow: (given.allow ?? []).map((list, index) => ({
      rules: list.map(entry),
      at: `binnacle.yaml:${10 + index}: acts.allow`,
    })),
    deny: (given.deny ?? []).map(entry),
    reasonRequired: (given.reasons ?? []).map(entry),
  };
}

describe('how an act is confirmed', () => {
  it.each([
    ['read', 'other', undefined, 'none'],
    ['read', 'other', 'prod', 'none'],
    ['reversible', 'other', undefined, 'yes'],
    ['reversible', 'other', 'prod', 'yes-and-reason'],
    ['costly', 'other', 'staging', 'yes-and-reason'],
    ['costly', 'other', 'production', 'code'],
    ['destructive', 'other', undefined, 'code'],
    ['destructive', 'other', 'PROD', 'code'],
    ['reversible', 'approve', undefined, 'yes-and-reason'],
    ['costly', 'approve', 'prod', 'yes-and-reason'],
    ['destructive', 'approve', undefined, 'code'],
  ] as const)('%s in menu %s, environment %s: %s', (risk, menu, environment, expected) => {
    expect(confirmationOf(risk, menu, environment)).toBe(expected);
  });

  it('wants a reason where the configuration asks for one, and no harder confirmation', () => {
    const wanted = (reasons: readonly string[]): string =>
      decide(question({ policy: { readOnly: false, rules: rules({ reasons }) } })).confirmation;
    expect(wanted(['job.restart'])).toBe('yes-and-reason');
    expect(wanted(['job.*'])).toBe('yes-and-reason');
    expect(wanted(['run.restart'])).toBe('yes');
    const destructive = { id: 'job.restart', menu: 'restart', risk: 'destructive' } as const;
    const policy = { readOnly: false, rules: rules({ reasons: ['*'] }) };
    expect(decide(question({ act: destructive, policy })).confirmation).toBe('code');
  });

  it('takes a yes only where it is enough, a reason that says something, and exactly the letters shown', () => {
    const ask = (confirmation: 'none' | 'yes' | 'yes-and-reason' | 'code') => ({
      confirmation,
      code: 'KRTX',
    });
    expect(confirmationRefusal(ask('none'), 'job', { confirmedBy: 'none' })).toBeUndefined();
    expect(confirmationRefusal(ask('yes'), 'job', { confirmedBy: 'none' })).toBe('it was not confirmed');
    expect(confirmationRefusal(ask('yes'), 'job', { confirmedBy: 'yes' })).toBeUndefined();
    expect(confirmationRefusal(ask('yes-and-reason'), 'job', { confirmedBy: 'yes', reason: '  ' })).toBe(
      'it needs a reason',
    );
    expect(
      confirmationRefusal(ask('yes-and-reason'), 'approval', { confirmedBy: 'card', reason: 'ok' }),
    ).toBeUndefined();
    expect(confirmationRefusal(ask('yes'), 'service', { confirmedBy: 'card' })).toMatch(/only approvals/);
    expect(confirmationRefusal(ask('code'), 'job', { confirmedBy: 'yes', reason: 'x' })).toMatch(
      /four letters/,
    );
    expect(confirmationRefusal(ask('code'), 'job', { confirmedBy: 'code', code: 'krtx' })).toMatch(
      /not the four letters/,
    );
    expect(confirmationRefusal(ask('code'), 'job', { confirmedBy: 'code', code: 'KRTX' })).toBeUndefined();
  });

  it('shows four capital letters that follow from what is confirmed', () => {
    const codes = Array.from({ length: 200 }, (_, n) => codeOf(['run.rollback', 'claw', `run-${n}`, 'r1']));
    for (const code of codes) expect(code).toMatch(/^[A-Z]{4}$/);
    expect(new Set(codes).size).toBeGreaterThan(195);
    expect(codeOf(['run.rollback', 'claw', 'run-1', 'r1'])).toBe(codes[1]);
  });
});

describe('what is refused', () => {
  it('nothing, when the owner of the root acts on something free', () => {
    expect(decide(question())).toEqual({ confirmation: 'yes' });
  });

  it('everything but reading, in read-only mode', () => {
    expect(decide(question({ policy: { readOnly: true } })).refused).toMatch(/^read-only/);
    expect(
      decide(
        question({ policy: { readOnly: true }, act: { id: 'turn.inspect', menu: 'other', risk: 'read' } }),
      ).refused,
    ).toBeUndefined();
  });

  it('what another operator holds, with who and until when', () => {
    const heldBy = { by: 'bob', until: instant(Date.UTC(2026, 10, 20, 3, 15)) };
    expect(decide(question({ heldBy })).refused).toBe('held by bob until 2026-11-20T03:15:00.000Z');
  });

  it('acting as another user than the owner of the root, with the line that would do it', () => {
    const refused = decide(question({ owner: { uid: 33, user: 'www data' } })).refused;
    expect(refused).toBe(
      "/srv/claw belongs to www data, this is alice: run it as www data: sudo -u 'www data' binnacle act job.restart claw/a1",
    );
    expect(
      decide(question({ owner: { uid: 33, user: 'www' }, policy: { readOnly: false, runAs: 'alice' } }))
        .refused,
    ).toBeUndefined();
    expect(decide(question({ policy: { readOnly: false, runAs: 'deploy' } })).refused).toMatch(
      /sudo -u deploy/,
    );
    expect(
      decide(question({ owner: { uid: 33, user: 'www' }, policy: { readOnly: false, runAs: '*' } })).refused,
    ).toBeUndefined();
    expect(decide(question({ owner: undefined })).refused).toBe('the root is not there: /srv/claw');
  });

  it('what the lists of the configuration say, with the line that says so', () => {
    const refused = (lists: Parameters<typeof rules>[0]): string | undefined =>
      decide(question({ policy: { readOnly: false, rules: rules(lists) } })).refused;
    expect(refused({ allow: [['job.approve']] })).toBe(
      'job.restart is not on the list of allowed acts (binnacle.yaml:10: acts.allow)',
    );
    expect(refused({ allow: [['job.*']] })).toBeUndefined();
    expect(refused({ allow: [['job.*'], ['run.*']] })).toMatch(/\(binnacle.yaml:11: acts.allow\)$/);
    expect(refused({ deny: ['run.restart', '*.restart'] })).toBe(
      'job.restart is denied by "*.restart" (binnacle.yaml:21: acts.deny.1)',
    );
    expect(refused({ allow: [['*']], deny: ['run.restart'] })).toBeUndefined();
    expect(
      decide(
        question({ policy: { readOnly: true, rules: { ...rules({}), readOnlyAt: 'b.yaml:3: read-only' } } }),
      ).refused,
    ).toBe('read-only: this cockpit changes nothing in this system (b.yaml:3: read-only)');
    const runAsAt = 'b.yaml:4: systems.0.run-as';
    expect(
      decide(question({ policy: { readOnly: false, runAs: 'deploy', rules: { ...rules({}), runAsAt } } }))
        .refused,
    ).toMatch(/^acts run as deploy \(b.yaml:4: systems.0.run-as\), this is alice/);
  });

  it('a yes to nothing: an approval whose plan is empty or unreadable', () => {
    const act = { id: 'job.approve', menu: 'approve', risk: 'costly' } as const;
    const { payload: _, ...bare } = approval;
    expect(decide(question({ act, target: approval })).refused).toBeUndefined();
    expect(decide(question({ act, target: { ...bare, reason: 'plan.json is torn' } })).refused).toBe(
      'nothing to approve: plan.json is torn',
    );
    expect(
      decide(question({ act, target: { ...approval, payload: { form: 'plan', text: ' \n' } } })).refused,
    ).toMatch(/^nothing to approve/);
    expect(decide(question({ act: { ...act, id: 'job.deny' }, target: bare })).refused).toBeUndefined();
    expect(decide(question({ act, target: { ...bare, ask: 'answer' } })).refused).toBeUndefined();
  });

  it('an approval that is decided, or can only be watched', () => {
    const act = { id: 'job.deny', menu: 'approve', risk: 'costly' } as const;
    expect(decide(question({ act, target: { ...approval, status: 'decided' } })).refused).toMatch(
      /nothing waits here any more: decided/,
    );
    expect(
      decide(question({ act, target: { ...approval, answerable: false, reason: 'decided at a terminal' } }))
        .refused,
    ).toBe('decided at a terminal');
  });
});

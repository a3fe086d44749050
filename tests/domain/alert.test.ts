import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActEntry } from '../../src/domain/act.ts';
import { actAlert, deadlineAlert, deadlineLook, entityAlerts } from '../../src/domain/alert.ts';
import type { Approval, Entity, Issue, Meter, SystemId } from '../../src/domain/entity.ts';
import { addMs, type Instant, instant } from '../../src/domain/instant.ts';

const NOW = instant(Date.UTC(2026, 10, 20, 3, 14, 7));
const base = {
  system: 'orket' as SystemId,
  title: 'raise the sluice',
  observedAt: NOW,
  evidence: { source: 'gates' },
};

function approval(more: Partial<Approval> = {}): Approval {
  return {
    ...base,
    type: 'approval',
    id: 'a1',
    ask: 'approve',
    status: 'pending',
    answerable: true,
    decisions: [],
    requestedAt: addMs(NOW, -60_000),
    ...more,
  };
}

function issue(more: Partial<Issue> = {}): Issue {
  return {
    ...base,
    type: 'issue',
    id: 'i1',
    key: 'i1',
    severity: 'fatal',
    status: 'open',
    since: addMs(NOW, -5_000),
    ...more,
  };
}

function idsOf(before: Entity | undefined, after: Entity): readonly string[] {
  return entityAlerts(before, after, NOW).map(({ id }) => id);
}

describe('an approval', () => {
  it('rings when it appears, and when one that could only be watched can be answered', () => {
    expect(idsOf(undefined, approval())).toHaveLength(1);
    expect(idsOf(approval({ answerable: false }), approval())).toEqual(idsOf(undefined, approval()));
  });

  it('does not ring while it can only be watched, once it is decided, or when something else of it changes', () => {
    expect(idsOf(undefined, approval({ answerable: false }))).toEqual([]);
    expect(idsOf(approval(), approval({ status: 'decided' }))).toEqual([]);
    expect(idsOf(approval(), approval({ title: 'another title' }))).toEqual([]);
    expect(idsOf(approval({ payloadDigest: 'x' }), approval({ payloadDigest: 'y' }))).toEqual([]);
  });

  it('rings again when the same id asks anew', () => {
    const again = approval({ requestedAt: NOW });
    expect(idsOf(approval(), again)).toHaveLength(1);
    expect(idsOf(approval(), again)).not.toEqual(idsOf(undefined, approval()));
  });

  it('does not ring a second time when its payload is read after the rest', () => {
    const { requestedAt: _none, ...early } = approval();
    expect(idsOf(early, approval({ payloadDigest: 'x' }))).toEqual([]);
  });

  it('is graver where its risk is high, and says what comes of silence', () => {
    const [alert] = entityAlerts(
      undefined,
      approval({ risk: 'critical', onExpiry: 'counts as denied' }),
      NOW,
    );
    expect(alert).toMatchObject({
      severity: 'error',
      text: 'waits for your yes or no; left alone it counts as denied',
    });
  });
});

describe('a fatal issue', () => {
  it('rings when it appears and when a milder one turns fatal', () => {
    expect(idsOf(undefined, issue())).toHaveLength(1);
    expect(idsOf(issue({ severity: 'error' }), issue())).toHaveLength(1);
    expect(idsOf(undefined, issue({ severity: 'error' }))).toEqual([]);
  });

  it('does not ring again while it goes on, even when its begin is told anew', () => {
    expect(idsOf(issue(), issue({ detail: 'still' }))).toEqual([]);
    expect(idsOf(issue(), issue({ since: NOW }))).toEqual([]);
  });

  it('has the id of its occasion: the same seen again after a gap, another one later', () => {
    expect(idsOf(undefined, issue())).toEqual(idsOf(undefined, issue({ detail: 'read anew' })));
    expect(idsOf(undefined, issue())).not.toEqual(idsOf(undefined, issue({ since: NOW })));
  });

  it('may fire again after a while where its system does not say since when it is', () => {
    const { since: _none, ...timeless } = issue();
    expect(entityAlerts(undefined, timeless, NOW)[0]?.repeatMs).toBe(3_600_000);
    expect(entityAlerts(undefined, issue(), NOW)[0]?.repeatMs).toBeUndefined();
  });

  it('rings exactly as often as it turns fatal, whatever comes between', () => {
    const severities = fc.constantFrom('fatal', 'error', 'warning', undefined);
    fc.assert(
      fc.property(fc.array(severities, { maxLength: 40 }), (steps) => {
        let before: Issue | undefined;
        let rung = 0;
        let turned = 0;
        for (const severity of steps) {
          const after = severity === undefined ? undefined : issue({ severity });
          if (after) rung += entityAlerts(before, after, NOW).length;
          if (after?.severity === 'fatal' && before?.severity !== 'fatal') turned += 1;
          before = after;
        }
        expect(rung).toBe(turned);
      }),
    );
  });
});

describe('an act', () => {
  const entry = (status: ActEntry['status']): ActEntry => ({
    order: 'o-1',
    act: 'turn.replay',
    title: 'Replay turn',
    target: { system: base.system, type: 'turn', id: 't1' },
    targetTitle: 'MOON-1 coder',
    status,
    attempt: 1,
    startedAt: NOW,
    by: 'alice',
    stages: [],
  });

  it('rings when it has ended, also when its beginning was missed', () => {
    expect(actAlert(entry('running'), entry('verified'), NOW)).toMatchObject({ on: 'act', severity: 'info' });
    expect(actAlert(undefined, entry('failed'), NOW)).toMatchObject({
      severity: 'error',
      act: { by: 'alice' },
    });
    expect(actAlert(entry('running'), entry('unknown'), NOW)?.text).toContain('a person must settle it');
  });

  it('does not ring while it runs, a second time, or when a person settled it', () => {
    expect(actAlert(undefined, entry('running'), NOW)).toBeUndefined();
    expect(actAlert(entry('verified'), entry('verified'), NOW)).toBeUndefined();
    expect(actAlert(entry('unknown'), entry('settled'), NOW)).toBeUndefined();
  });
});

describe('a deadline', () => {
  const minutes = (count: number): number => count * 60_000;

  it('rings within the time asked for, and neither before nor once it is over', () => {
    const at = (ms: number): Entity => approval({ expiresAt: addMs(NOW, ms) });
    expect(deadlineAlert(at(minutes(16)), minutes(15), NOW)).toBeUndefined();
    expect(deadlineAlert(at(minutes(15)), minutes(15), NOW)?.text).toBe('15 min left: it is over then');
    expect(deadlineAlert(at(0), minutes(15), NOW)).toBeUndefined();
    expect(deadlineAlert(approval({ status: 'decided', expiresAt: addMs(NOW, 5) }), 10, NOW)).toBeUndefined();
  });

  it('is looked at again exactly when it comes within reach', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000_000 }),
        fc.integer({ min: 1, max: 10_000_000 }),
        (left, within) => {
          const entity = approval({ expiresAt: addMs(NOW, left) });
          const look = deadlineLook(entity, within, NOW);
          if (look === undefined) expect(deadlineAlert(entity, within, NOW)).toBeDefined();
          else {
            expect(deadlineAlert(entity, within, addMs(look, -1))).toBeUndefined();
            expect(deadlineAlert(entity, within, look)).toBeDefined();
          }
        },
      ),
    );
  });

  it('that is reckoned from a rate is one a window, however it moves', () => {
    const meter = (exhaustsAt: Instant): Meter => ({
      ...base,
      type: 'meter',
      id: 'usd',
      name: 'cost',
      value: 40,
      unit: 'USD',
      window: '2026-11-20 UTC',
      status: 'warning',
      exhaustsAt,
    });
    const first = deadlineAlert(meter(addMs(NOW, minutes(10))), minutes(15), NOW);
    const second = deadlineAlert(meter(addMs(NOW, minutes(12))), minutes(15), NOW);
    expect(first?.id).toBe(second?.id);
  });
});

import { describe, expect, it } from 'vitest';
import type { Issue, Run, SystemId } from '../../src/domain/entity.ts';
import { handOverText } from '../../src/domain/handover.ts';
import type { StateChange } from '../../src/domain/history.ts';
import { addMs, type Instant, instant } from '../../src/domain/instant.ts';
import type { FinishedRecord, StartedRecord } from '../../src/domain/ledger.ts';
import { type TimelineParts, timelineOf } from '../../src/domain/timeline.ts';

const NIGHT = instant(Date.UTC(2026, 10, 20, 3, 0, 0));
const system = 'mill' as SystemId;
const at = (seconds: number): Instant => addMs(NIGHT, seconds * 1000);
const evidence = { source: 's' };

function change(
  id: string,
  from: string | undefined,
  to: string,
  seconds: number,
  more: Partial<StateChange> = {},
): StateChange {
  return {
    seq: seconds,
    ref: { system, type: 'issue', id },
    title: id,
    at: at(seconds),
    seenAt: at(seconds),
    ...(from === undefined ? {} : { from }),
    to,
    weight: 'info',
    evidence,
    logKeys: [],
    ...more,
  };
}
function told(parts: Partial<TimelineParts>): string[] {
  const { events } = timelineOf({
    since: at(0),
    until: at(1000),
    changes: [],
    entities: [],
    ledger: [],
    remarks: [],
    ...parts,
  });
  return events.map((event) => `${(event.at - NIGHT) / 1000} ${event.kind} ${event.title}: ${event.text}`);
}

const run: Run = {
  type: 'run',
  system,
  id: 'r',
  title: 'r',
  status: 'failed',
  observedAt: NIGHT,
  evidence,
  startedAt: at(10),
  endedAt: at(40),
};

describe('the chronology', () => {
  it('of things that nobody recorded is what they say of themselves', () => {
    expect(told({ entities: [run] })).toEqual(['10 change run r: started', '40 change run r: failed']);
  });

  it('tells once what both the record and the thing tell', () => {
    const recorded = change('r', 'running', 'failed', 40.4, {
      ref: { system, type: 'run', id: 'r' },
      fromSince: at(10),
    });
    expect(told({ entities: [run], changes: [recorded] })).toEqual([
      '10 change run r: running',
      '40.4 change run r: running -> failed',
    ]);
  });

  it('has acts with who and why, approvals in their own words, and remarks', () => {
    const common = {
      who: { user: 'root', cameFrom: 'alice', host: 'h' },
      version: '1',
      order: 'o',
      act: 'run.resume',
      target: { system, type: 'run', id: 'r' },
      revision: 'x',
      attempt: 2,
      undo: '',
    } as const;
    const started: StartedRecord = {
      ...common,
      phase: 'started',
      at: at(50),
      title: 'Resume',
      targetTitle: 'run r',
      root: '/',
      params: {},
      commands: ['resume r'],
      reason: 'paged',
      confirmedBy: 'yes',
      planDigest: '',
    };
    const finished: FinishedRecord = {
      ...common,
      phase: 'finished',
      at: at(60),
      outcome: 'not-seen',
      summary: 'exit 0',
      stages: [{ stage: 'done', title: 'run goes on', state: 'waiting', deadline: at(60), required: true }],
      outputs: [],
    };
    const ref = { system, type: 'approval', id: 'p' } as const;
    const parts: Partial<TimelineParts> = {
      ledger: [{ record: started }, { record: finished }],
      changes: [
        change('p', undefined, 'pending', 20, { ref }),
        change('p', 'pending', 'expired', 30, { ref }),
      ],
      remarks: [{ seq: 1, at: at(55), kind: 'hold', by: 'bob', system, item: 'mill/run/r', text: '' }],
    };
    expect(told(parts)).toEqual([
      '20 approval approval p: requested',
      '30 approval approval p: expired',
      '50 act Resume: run r: started, attempt 2',
      '55 remark mill/run/r: hold',
      '60 act run.resume r: not-seen: exit 0; run goes on: waiting',
    ]);
    const { events } = timelineOf({
      since: at(0),
      until: at(99),
      entities: [],
      changes: [],
      remarks: [],
      ledger: [{ record: started }],
    });
    expect(events[0]).toMatchObject({ by: 'alice', reason: 'paged', commands: ['resume r'] });
  });

  it('keeps to its span and its systems', () => {
    const parts = { entities: [run], changes: [change('i', undefined, 'open', 100)] };
    expect(told({ ...parts, since: at(30), until: at(50) })).toEqual(['40 change run r: failed']);
    expect(told({ ...parts, systems: ['other' as SystemId] })).toEqual([]);
  });

  it('knows when something was fatal, and what still is', () => {
    const fatal = { weight: 'fatal' } as const;
    const open: Issue = {
      ...run,
      type: 'issue',
      id: 'j',
      key: 'j',
      title: 'j',
      severity: 'fatal',
      status: 'open',
      since: at(70),
    };
    const { fatal: spans } = timelineOf({
      since: at(0),
      until: at(1000),
      changes: [change('i', undefined, 'open', 10, fatal), change('i', 'open', 'gone', 25)],
      entities: [open],
      ledger: [],
      remarks: [],
    });
    expect(spans.map(({ title, from, to }) => [title, from, to])).toEqual([
      ['i', at(10), at(25)],
      ['j', at(70), undefined],
    ]);
  });
});

describe('a hand-over', () => {
  it('tells unknown outcomes first, and leaves out what was done before the shift', () => {
    const act = (order: string, status: 'verified' | 'unknown' | 'running', seconds: number) => ({
      order,
      act: 'run.resume',
      title: `Resume ${order}`,
      target: { system, type: 'run' as const, id: 'r' },
      targetTitle: 'r',
      status,
      attempt: 1,
      startedAt: at(seconds),
      by: 'alice',
      stages: [],
    });
    const text = handOverText({
      by: 'alice',
      host: 'h',
      at: at(3600),
      since: at(0),
      note: 'mind\nthe gauge',
      open: [],
      aside: [],
      holds: [{ key: 'mill/run/r', by: 'bob' }],
      acts: [
        act('new', 'verified', 90),
        act('lost', 'unknown', 50),
        act('old', 'verified', -9),
        act('now', 'running', 99),
      ],
      unread: ['mill is error'],
    });
    expect(text.split('\n')).toEqual([
      'Hand-over by alice on h, 2026-11-20 04:00:00Z',
      'Shift since 2026-11-20 03:00:00Z (1h00m)',
      '',
      'Note',
      '  mind',
      '  the gauge',
      '',
      'Open',
      '  nothing needs a human',
      '',
      'Held (1)',
      '  bob: mill/run/r (no longer open)',
      '',
      'Tried, unknown outcomes first (2)',
      '  unknown 2026-11-20 03:00:50Z alice: Resume lost, mill r',
      '  verified 2026-11-20 03:01:30Z alice: Resume new, mill r',
      '',
      'Running now (1)',
      '  running 2026-11-20 03:01:39Z alice: Resume now, mill r',
      '',
      'Set aside',
      '  nothing is set aside',
      '',
      'Not known (1)',
      '  mill is error',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { at, find, located, loopProcess, queue, Told } from './told.ts';

function asked(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 'a1',
    title: 'Apply',
    description: 'why',
    changes: [{ path: 'x.py', change_type: 'modify' }],
    risk_level: 'high',
    requested_at: '2026-11-20T22:00:00.500000',
    requested_by: 'nomic-loop',
    timeout_seconds: 3600,
    status: 'pending',
    approved_by: null,
    ...more,
  };
}

describe('an approval of a file', () => {
  it('loses by waiting: first in the queue, with its deadline and what that means', () => {
    const derived = new Told().document('approvals', asked()).derive('22:59:00');
    expect(queue(derived)).toEqual(['1 APPROVE a1']);
    const approval = find(derived, 'approval', 'a1');
    expect(approval).toMatchObject({
      status: 'pending',
      expiresAt: at('23:00:00.500'),
      onExpiry: 'counts as not approved',
    });
    expect(approval?.payload?.text).toBe('why\n\nmodify x.py');
    expect(derived.nextInstant).toBe(at('23:00:00.500'));
  });

  it('has expired by its time alone, whatever its file still says, and is news for a day', () => {
    const state = new Told().document('approvals', asked());
    const derived = state.derive('23:00:01');
    expect(find(derived, 'approval', 'a1')?.status).toBe('expired');
    expect(queue(derived)).toEqual(['7 EXPIRED a1']);
    expect(queue(state.derive('2026-11-21T23:00:01Z'))).toEqual([]);
  });

  it('takes naive times in the zone of the installation', () => {
    const where = located({ timezone: 'America/Los_Angeles' });
    const derived = new Told(where)
      .document('approvals', asked({ requested_at: '2026-11-20T14:00:00' }))
      .derive('22:30:00');
    expect(find(derived, 'approval', 'a1')?.expiresAt).toBe(at('23:00:00'));
  });

  it.each([
    ['approved', 'decided'],
    ['rejected', 'decided'],
    ['auto_approved', 'decided'],
    ['timeout', 'expired'],
  ])('is %s: %s', (status, expected) => {
    const derived = new Told()
      .document('approvals', asked({ status, approved_by: 'ana' }))
      .derive('22:30:00');
    expect(find(derived, 'approval', 'a1')).toMatchObject({ status: expected, answerable: false });
    expect(queue(derived).filter((row) => row.includes('APPROVE'))).toEqual([]);
  });

  it('has nothing to approve when it names no changes', () => {
    const derived = new Told().document('approvals', asked({ changes: [] })).derive('22:30:00');
    expect(find(derived, 'approval', 'a1')?.payload).toBeUndefined();
  });

  it('has no deadline when its time or its timeout is no such thing', () => {
    for (const more of [{ requested_at: 'yesterday' }, { timeout_seconds: 1e308 }, { timeout_seconds: -5 }]) {
      const derived = new Told().document('approvals', asked(more)).derive('23:30:00');
      const approval = find(derived, 'approval', 'a1');
      expect(approval).toMatchObject({ status: 'pending' });
      expect(approval?.expiresAt).toBeUndefined();
    }
  });
});

describe('breakers', () => {
  const answer = (items: Record<string, unknown>): { status: number; body: unknown } => ({
    status: 200,
    body: { circuit_breakers: items },
  });

  it('are open, half-open in either spelling, closed', () => {
    const state = new Told().http(
      'api.breakers',
      '22:00:00',
      answer({
        a: {
          status: 'open',
          failures: 6,
          failure_threshold: 5,
          cooldown_remaining: 53.9,
          open_duration: 6.1,
        },
        b: { status: 'half-open' },
        c: { status: 'half_open' },
        d: { status: 'closed' },
      }),
    );
    const derived = state.derive('22:00:00');
    const statuses = ['a', 'b', 'c', 'd'].map((id) => find(derived, 'service', `breaker.${id}`)?.status);
    expect(statuses).toEqual(['down', 'degraded', 'degraded', 'up']);
    expect(queue(derived)).toEqual(['5 BREAKER breaker-open/a']);
    expect(find(derived, 'issue', 'breaker-open/a')?.attention?.until).toBe(at('22:00:54'));
    expect(find(derived, 'layer', 'breakers')?.summary).toBe('1 open (a), 2 half-open (b, c)');
  });

  it('keep their times over answers that waver by milliseconds, so that the screen rests', () => {
    const state = new Told();
    const item = (left: number, open: number): unknown => ({
      status: 'open',
      failures: 5,
      cooldown_remaining: left,
      open_duration: open,
    });
    state.http('api.breakers', '22:00:00', answer({ a: item(53.94, 6.06) }));
    const first = find(state.derive('22:00:00'), 'issue', 'breaker-open/a');
    state.http('api.breakers', '22:00:15', answer({ a: item(38.2, 21.8) }));
    const second = find(state.derive('22:00:15'), 'issue', 'breaker-open/a');
    expect(second?.attention).toEqual(first?.attention);
  });

  it('are on trial once their cooldown is over, before the next answer says so', () => {
    const state = new Told().http(
      'api.breakers',
      '22:00:00',
      answer({ a: { status: 'open', failures: 5, cooldown_remaining: 10, open_duration: 50 } }),
    );
    expect(state.derive('22:00:00').nextInstant).toBe(at('22:00:10'));
    const derived = state.derive('22:00:10');
    expect(find(derived, 'service', 'breaker.a')).toMatchObject({ status: 'degraded' });
    expect(queue(derived)).toEqual([]);
  });

  it('are told by the log where the server can’t be asked, unnamed ones too, and reset together', () => {
    const line = (time: string, message: string): string =>
      `${JSON.stringify({ level: 'WARNING', logger: 'aragora.resilience.circuit_breaker', message, timestamp: `2026-11-20T${time}+00:00` })}\n`;
    const { url: _none, ...where } = located();
    const state = new Told(where).log(
      'server.log',
      line('22:00:00', 'Circuit breaker OPEN for grok after 5 failures') +
        line('22:00:05', 'Circuit breaker OPEN after 5 failures') +
        line('22:00:09', 'Circuit breaker OPEN for grok after 6 failures'),
    );
    const derived = state.derive('22:01:00');
    expect(queue(derived)).toEqual(['5 BREAKER breaker-open/grok', '5 BREAKER breaker-open/unnamed']);
    expect(find(derived, 'issue', 'breaker-open/grok')?.since).toBe(at('22:00:00'));
    const trial = new Told(where).log(
      'server.log',
      line('22:00:00', '[gpt] Circuit state: OPEN -> HALF_OPEN'),
    );
    expect(find(trial.derive('22:01:00'), 'service', 'breaker.gpt')?.status).toBe('degraded');
    const reset = new Told(where).log(
      'server.log',
      line('22:00:00', 'Circuit breaker OPEN for grok after 5 failures') +
        line('22:02:00', 'Circuit breaker reset all states'),
    );
    expect(queue(reset.derive('22:03:00'))).toEqual([]);
  });

  it('of the loop cost an agent some cycles and no sleep', () => {
    const state = new Told().document('nomic.breakers', { failures: { grok: 2 }, cooldowns: { codex: 1 } });
    const derived = state.derive('22:00:00');
    expect(queue(derived)).toEqual([]);
    expect(find(derived, 'issue', 'breaker-open/nomic.codex')?.severity).toBe('info');
    expect(find(derived, 'issue', 'breaker-open/nomic.grok')).toBeUndefined();
  });
});

describe('the API', () => {
  const ok = { status: 200, body: { status: 'ok' } };

  it('is up when it answers, and a refusal is an answer', () => {
    const state = new Told()
      .http('api.healthz', '22:00:00', ok)
      .http('api.breakers', '22:00:00', { status: 401, body: {} }, 3);
    const derived = state.derive('22:00:01');
    expect(find(derived, 'service', 'api')?.status).toBe('up');
    expect(queue(derived)).toEqual([]);
    expect(find(derived, 'layer', 'breakers')).toMatchObject({ status: 'unknown', summary: 'answered 401' });
  });

  it('is not down after one missing answer, and is after two, since the first of them', () => {
    const state = new Told().http('api.healthz', '22:00:00', ok);
    state.http('api.healthz', '22:00:10', { error: 'timed out' }, 1);
    expect(find(state.derive('22:00:11'), 'service', 'api')?.status).toBe('unknown');
    state.http('api.healthz', '22:00:20', { error: 'timed out' }, 2);
    const derived = state.derive('22:00:21');
    expect(queue(derived)).toEqual(['2 DOWN api-down']);
    expect(find(derived, 'issue', 'api-down')).toMatchObject({ severity: 'fatal', since: at('22:00:10') });
  });

  it('is unknown when nobody has asked it for three minutes, whatever it said then', () => {
    const state = new Told().http('api.healthz', '22:00:00', ok);
    expect(find(state.derive('22:02:59'), 'service', 'api')?.status).toBe('up');
    expect(find(state.derive('22:03:00'), 'service', 'api')).toMatchObject({
      status: 'unknown',
      detail: 'not asked since 22:00:00Z',
    });
  });

  it('hangs when its process lives and gives no answer', () => {
    const state = new Told().http('api.healthz', '22:00:20', { error: 'timed out' }, 2);
    state.processes = [
      loopProcess('20:00:00', { pid: 801, argv: ['python3', '-m', 'aragora.server'], ports: [8080] }),
    ];
    expect(find(state.derive('22:00:21'), 'issue', 'api-down')?.title).toBe(
      'API hangs: pid 801 gives no answer',
    );
  });

  it('does not take degraded_mode: true of the readiness checks for degraded', () => {
    const checks = { degraded_mode: true, startup_complete: true, redis_pool: 'not_configured' };
    const state = new Told()
      .http('api.healthz', '22:00:00', ok)
      .http('api.readyz', '22:00:00', { status: 200, body: { status: 'ready', checks } });
    expect(find(state.derive('22:00:01'), 'service', 'api')?.status).toBe('up');
    const bad = { status: 'not_ready', checks: { ...checks, startup_complete: false } };
    state.http('api.readyz', '22:00:15', { status: 503, body: bad }, 1);
    const derived = state.derive('22:00:16');
    expect(find(derived, 'service', 'api')).toMatchObject({
      status: 'degraded',
      detail: 'not ready: startup_complete',
    });
    expect(queue(derived)).toEqual(['4 DEGRADED api-degraded']);
  });

  it('names each component its status page names', () => {
    const components = [
      { id: 'redis', name: 'Cache', status: 'degraded', message: 'using fallback' },
      { id: 'database', name: 'Database', status: 'major_outage', message: null },
      { id: 'new', name: 'New', status: 'puzzled' },
    ];
    const state = new Told().http('api.healthz', '22:00:00', ok).http('api.status', '22:00:00', {
      status: 200,
      body: { status: 'degraded', uptime_seconds: 60, components },
    });
    const derived = state.derive('22:00:01');
    const statuses = ['redis', 'database', 'new'].map(
      (id) => find(derived, 'service', `component.${id}`)?.status,
    );
    expect(statuses).toEqual(['degraded', 'down', 'unknown']);
    expect(queue(derived)).toEqual(['4 DOWN component/database', '5 DEGRADED component/redis']);
  });

  it('counts failed requests of ten minutes by its log, and forgets them', () => {
    const failed = Array.from({ length: 5 }, (_, index) =>
      JSON.stringify({
        level: 'ERROR',
        logger: 'aragora.server.request_logging',
        message: '[request] GET /api/x status=500 duration=2.9ms ip=1.2.3.4',
        timestamp: `2026-11-20T22:0${index}:00+00:00`,
      }),
    ).join('\n');
    const state = new Told().log('server.log', failed);
    const derived = state.derive('22:05:00');
    expect(queue(derived)).toEqual(['5 ERRORS server-errors']);
    expect(derived.nextInstant).toBe(at('22:10:00'));
    expect(queue(state.derive('22:10:01'))).toEqual([]);
  });
});

/**
 * What the runbook of this system has operators believe, and what is so. Each is looked at twice: by a cockpit that saw
 * every step, and by one started afterwards, which has the logs whole and of everything else only the newest state.
 */
import { describe, expect, it } from 'vitest';
import { entityKey } from '../../../src/domain/entity.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import type { Derived, StateView } from '../../../src/systems/system.ts';
import { caseNames, deriveLocated, layOutCase, locateCase } from '../fixture-case.ts';
import { at, find, located, loopLog, loopProcess, queue, Told } from './told.ts';

type Answer = { status?: number; body?: unknown; error?: string };
type Happening = { readonly when: string } & (
  | { readonly log: string; readonly text: string }
  | { readonly document: string; readonly value: unknown }
  | { readonly http: string; readonly answer: Answer; readonly text?: string }
  | { readonly processes: ProcessInfo[] }
);

function apply(told: Told, one: Happening): void {
  if ('log' in one) told.append(one.log, one.text, one.when);
  else if ('document' in one) told.document(one.document, one.value, one.when);
  else if ('http' in one && one.text !== undefined) told.text(one.http, one.when, one.text);
  else if ('http' in one) told.http(one.http, one.when, one.answer, one.answer.status === 200 ? 0 : 3);
  else told.processes = one.processes;
}

/** Looks after each happening. */
function watched(story: readonly Happening[], until: string): Derived {
  const told = new Told(KEYED);
  for (const one of story) {
    apply(told, one);
    told.derive(one.when);
  }
  return told.derive(until);
}

/** Comes when all is over: what was overwritten is gone. */
function startedAfter(story: readonly Happening[], until: string): Derived {
  const told = new Told(KEYED);
  const keyOf = (one: Happening): string =>
    'document' in one ? `d ${one.document}` : 'http' in one ? `h ${one.http}` : 'processes' in one ? 'p' : '';
  const logs = new Map<string, string>();
  for (const one of story) if ('log' in one) logs.set(one.log, `${logs.get(one.log) ?? ''}${one.text}`);
  for (const [source, text] of logs) told.append(source, text, until);
  const last = new Map(story.filter((one) => !('log' in one)).map((one) => [keyOf(one), one]));
  for (const one of last.values()) apply(told, one);
  return told.derive(until);
}

/** With a key, so that the inbox is asked. */
const KEYED = located({ settings: { log: 'server.log', keyEnv: 'ARAGORA_KEY' } });

const BOTH = [
  ['watching from before', watched],
  ['started after', startedAfter],
] as const;

function viewOf(derived: Derived, when: string): StateView {
  const entities = new Map(derived.entities.map((one) => [entityKey(one), one]));
  return stateViewOf(located(), at(when), entities, derived.data ?? {}, { readAt: at(when), processes: [] });
}

const loopAt = (started: string): Happening => ({ when: started, processes: [loopProcess(started)] });
const log = (when: string, ...lines: string[]): Happening => ({
  when,
  log: 'nomic.log',
  text: `${lines.join('\n')}\n`,
});
const server = (when: string, message: string, logger = 'server', level = 'INFO'): Happening => ({
  when,
  log: 'server.log',
  text: `${JSON.stringify({ level, logger: `aragora.${logger}`, message, timestamp: `2026-11-20T${when}.000000+00:00`, service: 'aragora', hostname: 'h' })}\n`,
});
const ok = (http: string, when: string, body: unknown): Happening => ({
  when,
  http,
  answer: { status: 200, body },
});

describe.each(BOTH)('%s', (_name, see) => {
  it('public health has a status and a time, with the zone twice: it is up, and nothing is missing', () => {
    const body = { status: 'healthy', timestamp: '2026-11-20T22:13:30.589878+00:00Z' };
    const derived = see(
      [ok('api.healthz', '22:13:30', { status: 'ok' }), ok('api.health', '22:13:30', body)],
      '22:14:00',
    );
    expect(find(derived, 'service', 'api')).toMatchObject({ status: 'up' });
    expect(queue(derived)).toEqual([]);
  });

  it('a pause is told by the time it was asked at, though that time ends in +00:00Z', () => {
    const state = {
      phase: 'paused',
      paused_at: '2026-11-20T22:16:40.513629+00:00Z',
      paused_by: 'ops-1',
      previous_phase: 'debate',
    };
    const story = [
      loopAt('21:59:57'),
      log('22:16:00', loopLog("[22:15:00]   [timeout] Phase 'debate' has 1800s budget")),
      { when: '22:16:41', document: 'nomic.state', value: state },
    ];
    const issue = find(see(story, '22:17:00'), 'issue', 'pause-no-effect');
    expect(issue).toMatchObject({
      since: at('22:16:40') + 513,
      attention: { label: 'NO EFFECT', act: 'loop.stop' },
    });
  });

  it('a pause that the next save wiped out is still told by the server’s log', () => {
    const story = [
      loopAt('21:59:57'),
      log('22:16:00', loopLog("[22:15:00]   [timeout] Phase 'debate' has 1800s budget")),
      {
        when: '22:16:41',
        document: 'nomic.state',
        value: { phase: 'paused', paused_at: '2026-11-20T22:16:40+00:00Z' },
      },
      server(
        '22:16:40',
        'Admin ops-1 paused nomic: Admin requested pause',
        'server.handlers.admin.nomic_admin',
      ),
      { when: '22:18:00', document: 'nomic.state', value: { phase: 'debate', cycle: 1 } },
      log('22:18:00', '[22:18:00]     claude: thinking...'),
    ];
    const issue = find(see(story, '22:18:10'), 'issue', 'pause-no-effect');
    expect(issue?.evidence.source).toBe('server.log');
    expect(issue?.attention?.why).toBe('loop logged on at 22:18:00Z');
  });

  it('the state file says cycle_start for a cycle that was cut: the log is believed', () => {
    const story = [
      loopAt('21:59:57'),
      { when: '22:00:01', document: 'nomic.state', value: { phase: 'cycle_start', cycle: 1 } },
      log(
        '22:59:00',
        loopLog(
          '[22:59:00] [CYCLE TIMEOUT] Cycle exceeded 3600s budget',
          '[22:59:01] ',
          'Cycle 1 outcome: cycle_timeout',
          '[22:59:02] NOMIC LOOP COMPLETE',
          '[22:59:02] Total cycles: 1',
          '[22:59:02] Successful commits: 0',
        ),
      ),
      { when: '22:59:05', processes: [] },
    ];
    const derived = see(story, '23:00:00');
    expect(find(derived, 'run', '310fcea8')).toMatchObject({
      status: 'failed',
      nativeStatus: 'cycle_timeout',
    });
    expect(find(derived, 'service', 'loop')?.cautions?.join()).toContain('still says cycle_start');
  });

  it('a loop silent past its budget is stalled, though /api/nomic/health says healthy of any loop', () => {
    const story = [
      loopAt('21:59:57'),
      log('22:00:05', loopLog("[22:00:05]   [timeout] Phase 'context' has 1200s budget")),
    ];
    const derived = see(story, '23:59:00');
    expect(find(derived, 'issue', 'loop-stalled')).toMatchObject({
      severity: 'fatal',
      since: at('22:20:05'),
    });
    expect(
      aragoraKind.sources(located(), {}).some((one) => 'path' in one && one.path.includes('nomic/health')),
    ).toBe(false);
  });

  it('a reset with a target phase goes to idle and the loop goes on: no act offers one', () => {
    const story = [
      loopAt('21:59:57'),
      log('22:10:00', loopLog('[22:10:00]     claude: thinking...')),
      {
        when: '22:11:00',
        document: 'nomic.state',
        value: { phase: 'idle', reset_by: 'ops-1', last_update: '2026-11-20T22:11:00+00:00Z' },
      },
    ];
    const derived = see(story, '22:12:00');
    expect(find(derived, 'issue', 'reset-no-effect')?.cautions?.[0]).toContain('always goes to idle');
    expect(find(derived, 'service', 'loop')?.status).toBe('up');
  });

  it('a start over HTTP answers with success and a pid that is gone', () => {
    const story = [
      {
        when: '22:11:00',
        document: 'nomic.state',
        value: { running: true, pid: 4711, started_at: '2026-11-20T22:11:00', cycle: 0, phase: 'starting' },
      },
    ];
    expect(find(see(story, '22:12:00'), 'issue', 'start-no-effect')?.attention).toMatchObject({
      label: 'NO START',
      act: 'loop.start',
    });
  });

  it('a restart does not clear an open breaker, nor does the reset of the admin', () => {
    const story = [
      server(
        '22:00:00',
        'Circuit breaker OPEN for grok after 5 failures',
        'resilience.circuit_breaker',
        'WARNING',
      ),
      server(
        '22:01:00',
        'Graceful shutdown completed in 0.6s (27 succeeded, 1 failed)',
        'server.shutdown_sequence',
      ),
      server('22:01:10', 'Restored 4 circuit breaker states from disk', 'server.startup'),
      server('22:01:20', '[88aec60f] admin reset circuit breakers: 200 in 1.68ms', 'server.handlers'),
    ];
    expect(find(see(story, '22:02:00'), 'service', 'breaker.grok')).toMatchObject({ status: 'down' });
  });

  it.each([1, 2])(
    'a gauge of %d means open in one module and half-open in the other: not closed is what is said',
    (value) => {
      const text = `# TYPE x gauge\naragora_agent_circuit_breaker_state{agent_type="grok"} ${value}\naragora_agent_circuit_breaker_state{agent_type="claude"} 0\n`;
      const derived = see(
        [{ when: '22:00:00', http: 'api.metrics', answer: { status: 200 }, text }],
        '22:00:10',
      );
      expect(find(derived, 'service', 'breaker.grok')).toMatchObject({ status: 'degraded' });
      expect(find(derived, 'service', 'breaker.claude')).toBeUndefined();
    },
  );

  it('"created" means queued: a debate with status error is over, whatever in_progress says', () => {
    const debate = (status: string) => ({
      debates: [{ id: 'adhoc_1', task: 'x', status, in_progress: true }],
      count: 1,
    });
    const derived = see(
      [ok('api.debates', '22:00:00', debate('created')), ok('api.debates', '22:00:30', debate('error'))],
      '22:01:00',
    );
    expect(find(derived, 'job', 'debate-adhoc_1')).toMatchObject({ status: 'failed', nativeStatus: 'error' });
  });

  it('401, 403, 404 and 405 are answers of a server that lives, a path that is refused need not exist', () => {
    const refuse = (http: string, status: number): Happening => ({
      when: '22:00:00',
      http,
      answer: { status, body: { error: 'x', code: status } },
    });
    const derived = see(
      [
        ok('api.healthz', '22:00:00', { status: 'ok' }),
        refuse('api.status', 403),
        refuse('api.breakers', 401),
        refuse('api.limits', 404),
        refuse('api.debates', 405),
      ],
      '22:00:10',
    );
    expect(find(derived, 'service', 'api')?.status).toBe('up');
    expect(
      derived.entities.filter((one) => one.type === 'service' && one.id.startsWith('component.')),
    ).toEqual([]);
    expect(find(derived, 'layer', 'breakers')).toMatchObject({ status: 'unknown' });
  });

  it('an answer in HTML, or none within its time, is no list of nothing', () => {
    const html: Happening = {
      when: '22:00:30',
      http: 'api.debates',
      answer: { status: 200 },
      text: '<html>',
    };
    const inbox = (waiting: boolean): unknown => ({
      approvals: waiting ? [{ id: 'a1', kind: 'workflow', status: 'pending', title: 'Gate' }] : [],
    });
    const derived = see([ok('api.approvals', '22:00:00', inbox(true)), html], '22:01:00');
    expect(find(derived, 'approval', 'inbox-a1')).toMatchObject({ status: 'pending', answerable: false });
    const gone = see(
      [{ when: '22:00:30', http: 'api.approvals', answer: { error: 'no answer in 4 s' } }],
      '22:01:00',
    );
    expect(gone.entities.some((one) => one.type === 'approval')).toBe(false);
    expect(gone.data?.['inbox']).toMatchObject({ at: null });
    expect(derived.entities.some((one) => one.type === 'job')).toBe(false);
  });

  it('"pgrep -f aragora" finds whatever has that word in it: a tail, an editor, a restore are no loop', () => {
    const other = (argv: string[], pid: number): ProcessInfo => ({ ...loopProcess('22:00:00'), argv, pid });
    const story: Happening[] = [
      {
        when: '22:00:00',
        processes: [
          other(['tail', '-f', '/srv/aragora/.nomic/nomic_loop.log'], 11),
          other(['vim', 'scripts/nomic_loop.py', 'run'], 12),
          other(['/usr/bin/python3', 'scripts/nomic_loop.py', 'restore', '--backup=x'], 13),
        ],
      },
    ];
    const derived = see(story, '22:01:00');
    expect(derived.data?.['loopPid']).toBeNull();
    const view = viewOf(derived, '22:01:00');
    const loop = find(derived, 'service', 'loop');
    const stop = aragoraKind.acts.find((one) => one.id === 'loop.stop');
    expect(loop && stop?.precondition(view, loop)).toBe('no loop of this root runs');
  });

  it('files of ApprovalFlow are decided by the server inside the loop alone: the unified one answers 404', () => {
    const file = {
      id: '337b18338016a2fb',
      title: 'Change',
      status: 'pending',
      changes: [{ path: 'a', change_type: 'modify' }],
      requested_at: '2026-11-20T21:59:00',
      timeout_seconds: 3600,
    };
    const derived = see([{ when: '22:00:00', document: 'approvals', value: file }], '22:00:10');
    expect(find(derived, 'approval', file.id)).toMatchObject({
      answerable: false,
      reason: expect.stringContaining('404'),
    });
  });

  it('a commit without a terminal is refused and the cycle is over: its changes are in the tree', () => {
    const story = [
      loopAt('21:59:57'),
      log(
        '22:30:00',
        loopLog(
          '[22:30:00] ',
          'Changes ready for review:',
          '[22:30:01]   [commit] Non-interactive mode detected, auto-commit disabled',
          '[22:30:02] ',
          'Cycle 1 outcome: not_committed',
          '[22:30:03] NOMIC LOOP COMPLETE',
        ),
      ),
      { when: '22:30:05', processes: [] },
    ];
    const derived = see(story, '22:31:00');
    expect(find(derived, 'run', '310fcea8')).toMatchObject({
      status: 'halted',
      nativeStatus: 'not_committed',
    });
    expect(find(derived, 'issue', 'cycle-failed')?.attention).toMatchObject({ label: 'NOT KEPT' });
  });
});

/** Paths the runbook names and no version of the server has. */
const NEVER =
  /\/api\/(ws\/stats|rate-limits|agents\/circuit-breakers|agents\/[^/]+\/reset-circuit|system\/|admin\/|debug\/)|\/livez|readyz\/dependencies|nomic\/control|nomic\/proposals|checkpoints\/[^/]+\/resume/;
/** What the runbook offers and ends or wipes more than it says; and what does nothing and says so. */
const HARM = /USR1|pkill|killall|FLUSH|rm -|\.db['"]?$|--force|reset --hard|DROP |'rollback'|nomic resume/;

describe('no act and no source', () => {
  it('asks a path that never was, sends SIGUSR1, or runs one of the runbook’s destructive twins', async () => {
    let planned = 0;
    for (const name of caseNames('aragora')) {
      const laid = await layOutCase('aragora', name);
      try {
        const where = { ...locateCase(aragoraKind, laid.dir, laid.case), python: '/usr/bin/python3' };
        for (const source of aragoraKind.sources(where, {}))
          if ('path' in source) expect(source.path).not.toMatch(NEVER);
        const derived = deriveLocated(aragoraKind, where, laid.case);
        const entities = new Map(derived.entities.map((one) => [entityKey(one), one]));
        const view = stateViewOf(where, laid.case.at, entities, derived.data ?? {}, {
          readAt: laid.case.at,
          processes: laid.case.processes,
        });
        for (const act of aragoraKind.acts) {
          for (const target of derived.entities.filter(
            (one) => act.appliesTo(one) && act.precondition(view, one) === undefined,
          )) {
            const params = Object.fromEntries(act.params.map((one) => [one.name, one.choices?.[0] ?? 'why']));
            for (const step of act.plan(view, target, params)) {
              planned += 1;
              if (step.type === 'http') expect(step.url).not.toMatch(NEVER);
              if (step.type === 'signal') expect(['SIGTERM', 'SIGKILL']).toContain(step.signal);
              if (step.type === 'process' || step.type === 'service')
                for (const word of step.argv) expect(word).not.toMatch(HARM);
            }
          }
        }
      } finally {
        laid.remove();
      }
    }
    expect(planned).toBeGreaterThan(20);
  });

  it('reads what nothing writes: transcripts, locks, /var/log/aragora', () => {
    const places = aragoraKind.sources(located(), {}).map((one) => JSON.stringify(one));
    expect(places.filter((one) => /transcript|\.lock|\/var\/log/.test(one))).toEqual([]);
  });

  it('is offered for what only says that it did something: resume, pause, skip, reset', () => {
    expect(aragoraKind.acts.filter((act) => /resume|pause|skip|reset/.test(act.id))).toEqual([]);
  });
});

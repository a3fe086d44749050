import type { ActEntry, ActOffer, ActPreview, StageState } from '../../src/domain/act.ts';
import type {
  Approval,
  Entity,
  Evidence,
  Issue,
  Job,
  Layer,
  Meter,
  Service,
  SystemId,
  Turn,
} from '../../src/domain/entity.ts';
import { addMs, type Instant, instant } from '../../src/domain/instant.ts';
import type { LogRow } from '../../src/domain/log.ts';
import type { SourceStatus } from '../../src/domain/source.ts';
import type { PlaybookView, StateChanges, SystemSummary } from '../../src/engine/protocol.ts';

/**
 * One night as an engineer would find it: Coherence's API hangs, seven restarts were asked for and nothing runs, a
 * worker's question waits, money runs out at 07:25. All names and texts are our own.
 */
export const storyNow = instant(Date.UTC(2026, 1, 21, 3, 14, 7));

/** A time of that night, `03:06:10` or `22:13:58` of the evening before. */
export function at(clock: string): Instant {
  const [hour = 0, minute = 0, second = 0] = clock.split(':').map(Number);
  return instant(Date.UTC(2026, 1, hour >= 12 ? 20 : 21, hour, minute) + Math.round(second * 1000));
}

export const coherence = 'coherence' as SystemId;
export const orket = 'orket' as SystemId;
export const openclaw = 'openclaw' as SystemId;
export const aragora = 'aragora' as SystemId;
export const reflexive = 'reflexive' as SystemId;

const evidence: Evidence = { source: 'test' };

export function source(
  id: string,
  type: SourceStatus['type'],
  state: SourceStatus['state'] = 'fresh',
  error?: string,
): SourceStatus {
  return {
    id,
    type,
    place: type === 'http' ? `http://127.0.0.1:8000/${id}` : `logs/${id}`,
    state,
    items: 1,
    lastReadAt: addMs(storyNow, -2000),
    records: 120,
    badRecords: 0,
    unreadBytes: 0,
    ...(error === undefined ? {} : { error }),
  };
}

export function system(
  id: SystemId,
  sources: readonly SourceStatus[],
  more: Partial<SystemSummary> = {},
): SystemSummary {
  return {
    id,
    kind: id,
    title: id,
    root: `/srv/${id}`,
    readOnly: false,
    state: 'ok',
    sources,
    settled: true,
    ...more,
  };
}

const restart: ActOffer = {
  act: 'pipeline.restart',
  title: 'restart pipeline',
  menu: 'restart',
  risk: 'costly',
  params: [],
  does: 'writes restart_requested.json; the watchdog ends and starts the pipeline within 60 s',
};

export const hangs: Issue = {
  type: 'issue',
  system: coherence,
  id: 'api_unreachable',
  key: 'api_unreachable',
  title: 'API hangs: pid 2210 holds :8000',
  severity: 'fatal',
  status: 'open',
  since: at('03:06:10'),
  observedAt: addMs(storyNow, -2000),
  evidence: {
    source: 'monitor_issues',
    path: 'monitor_issues.json',
    text: 'api_unreachable, high, "timed out"; advises "watchdog restarts pipeline": it did not',
  },
  trail: [
    { source: 'api.health', url: 'http://127.0.0.1:8000/api/health', text: 'no answer in 5s (3 of 3)' },
    { source: 'processes', pid: 2210, text: 'uvicorn app.main:app since 22:13:58Z, listens on :8000' },
    {
      source: 'autonomous_api.log',
      path: 'autonomous_api.log',
      offset: 1899,
      text: '[Errno 98] address already in use (x5)',
    },
  ],
  attention: {
    rank: 2,
    label: 'FATAL',
    why: 'nothing moves: the port is held by a process that does not answer',
    since: at('03:06:10'),
    act: 'pipeline.restart',
    playbook: 'api-unreachable',
  },
  logKeys: ['api_unreachable', ':8000'],
  logFiles: ['monitor.log', 'autonomous_api.log'],
};

const swallowed: Issue = {
  ...hangs,
  id: 'restart_swallowed',
  key: 'restart_swallowed',
  title: 'restart asked 7 times, nothing runs',
  evidence: {
    source: 'pipeline_version',
    path: 'pipeline_version.json',
    text: 'started_at 03:13:46Z is new, but no PM lives',
  },
  trail: [],
  since: at('03:06:05'),
  attention: {
    rank: 2,
    label: 'FATAL',
    why: 'requests are eaten',
    since: at('03:06:05'),
    playbook: 'restart-swallowed',
  },
};

export const question: Approval = {
  type: 'approval',
  system: coherence,
  id: 'task_864e65b18d8b704c',
  title: 'task_864e65b18d8b704c (worker w7)',
  ask: 'answer',
  status: 'pending',
  answerable: true,
  requestedAt: at('03:01:47'),
  onExpiry: 'never expires, the task waits',
  question: 'Which price list applies to the renewal, 2025 or 2026?',
  payload: { form: 'question', text: 'Which price list applies to the renewal, 2025 or 2026?' },
  payloadDigest: 'd1',
  decisions: ['task.answer'],
  observedAt: addMs(storyNow, -4000),
  evidence,
  attention: {
    rank: 3,
    label: 'ANSWER',
    why: 'worker w7 asks',
    since: at('03:01:47'),
    onExpiry: 'never',
    act: 'task.answer',
  },
};

const cost: Meter = {
  type: 'meter',
  system: reflexive,
  id: 'cost',
  name: 'cost',
  title: '41.20 of 50.00 USD, +2.10/h',
  value: 41.2,
  limit: 50,
  unit: 'USD',
  perHour: 2.1,
  exhaustsAt: at('07:25:00'),
  status: 'warning',
  observedAt: addMs(storyNow, -9000),
  evidence,
  attention: {
    rank: 5,
    label: 'COST',
    why: 'the day limit is near',
    since: at('02:11:00'),
    until: at('07:25:00'),
    onExpiry: 'the loop stops',
  },
};

function layer(of: SystemId, order: number, name: string, status: Layer['status'], summary: string): Layer {
  return {
    type: 'layer',
    system: of,
    id: name,
    title: name,
    order,
    name,
    status,
    summary,
    observedAt: addMs(storyNow, -67_000),
    evidence,
  };
}

const turn: Turn = {
  type: 'turn',
  system: orket,
  id: '9c41/TIDE-3/6',
  title: 'TIDE-3 turn 6',
  run: '9c41',
  issue: 'TIDE-3',
  index: 6,
  role: 'coder',
  state: 'in-flight',
  startedAt: at('03:12:55'),
  observedAt: storyNow,
  evidence,
};

const job: Job = {
  type: 'job',
  system: openclaw,
  id: '3c4d',
  title: '3c4d billing-cron',
  status: 'running',
  heartbeatAt: addMs(storyNow, -2000),
  createdAt: at('03:00:00'),
  observedAt: storyNow,
  evidence,
};

function orphan(id: string, title: string): Service {
  return {
    type: 'service',
    system: coherence,
    id,
    title,
    status: 'degraded',
    observedAt: storyNow,
    evidence: { source: 'processes', pid: 4120 },
    attention: { rank: 4, label: 'ORPHAN', why: 'its parent is gone', since: at('03:13:46') },
  };
}

/** A reviewed plan of forty lines, for the card. */
export const plan: Approval = {
  type: 'approval',
  system: openclaw,
  id: '1a2b',
  title: 'plan of job 1a2b: renew certificates',
  ask: 'review',
  status: 'pending',
  answerable: true,
  risk: 'high',
  requestedAt: at('02:40:00'),
  expiresAt: at('03:44:07'),
  onExpiry: 'counts as denied',
  payload: {
    form: 'plan',
    text: Array.from({ length: 40 }, (_, index) => `${index + 1}. step number ${index + 1} of the plan`).join(
      '\n',
    ),
  },
  payloadDigest: 'plan-digest',
  decisions: ['job.approve', 'job.deny', 'job.revise'],
  cautions: ['approving plans again: the plan that runs need not be this one'],
  subject: '1a2b',
  observedAt: storyNow,
  evidence,
  attention: {
    rank: 3,
    label: 'REVIEW',
    why: 'a plan waits',
    since: at('02:40:00'),
    until: at('03:44:07'),
    onExpiry: 'counts as denied',
    act: 'job.approve',
  },
};

export const storyEntities: readonly Entity[] = [
  hangs,
  swallowed,
  question,
  cost,
  layer(coherence, 1, 'goal', 'unknown', 'Data unavailable'),
  layer(coherence, 2, 'orchestr.', 'unknown', 'PM not seen, workers=5'),
  layer(coherence, 3, 'execution', 'failed', 'API down'),
  layer(coherence, 4, 'attention', 'attention', '1 issue, 2 unchecked'),
  layer(orket, 1, 'api', 'ok', 'up'),
  layer(orket, 2, 'runs', 'ok', '1 running'),
  layer(orket, 3, 'turns', 'ok', ''),
  layer(orket, 4, 'cards', 'ok', ''),
  layer(openclaw, 1, 'queue', 'ok', ''),
  layer(openclaw, 2, 'plan', 'ok', ''),
  layer(openclaw, 3, 'audit', 'ok', ''),
  layer(openclaw, 4, 'run', 'ok', ''),
  layer(aragora, 1, 'api', 'ok', ''),
  layer(aragora, 2, 'breakers', 'ok', ''),
  layer(aragora, 3, 'debates', 'ok', ''),
  layer(reflexive, 1, 'loop', 'ok', ''),
  layer(reflexive, 2, 'cost', 'attention', ''),
  layer(reflexive, 3, 'github', 'ok', ''),
  turn,
  job,
  orphan('runner', 'runner:4120 (w7)'),
  orphan('monitor', 'monitor:4121'),
];

export const storySystems: readonly SystemSummary[] = [
  system(
    coherence,
    [
      source('api', 'http', 'error', 'no answer in 5 s'),
      source('monitor.log', 'log'),
      source('monitor_issues', 'document'),
      source('processes', 'process'),
    ],
    { environment: 'prod' },
  ),
  system(orket, [source('orket.log', 'log'), source('turns', 'tree')]),
  system(openclaw, [source('jobs', 'database')]),
  system(aragora, [source('server.log', 'log')]),
  system(reflexive, [source('audit.log', 'log'), source('costs', 'document')]),
];

export const doneAct: ActEntry = {
  order: 'o-1',
  act: 'approve',
  title: 'approve job',
  target: { system: openclaw, type: 'job', id: '1a2b' },
  targetTitle: '1a2b renew certificates',
  status: 'verified',
  attempt: 1,
  startedAt: at('02:41:00'),
  endedAt: at('02:41:04'),
  by: 'bob',
  stages: [
    {
      stage: 'done',
      title: 'job leaves awaiting_audit',
      state: 'seen',
      seenAt: at('02:41:04'),
      deadline: at('02:42:00'),
      required: true,
    },
  ],
  undo: 'cancel the job',
};

/** The whole story as one message. */
export function storySnapshot(more: Partial<StateChanges> = {}): StateChanges {
  return {
    reset: true,
    complete: true,
    now: storyNow,
    systems: storySystems,
    upserts: storyEntities,
    removed: [],
    acts: [doneAct],
    asides: [],
    holds: [],
    presence: [
      { who: 'alice', terminal: 'pts/4' },
      { who: 'bob', terminal: 'pts/3' },
    ],
    figures: { lagMs: 100, unreadBytes: 0, badRecords: 0, linesPerSecond: 2, polling: false },
    logSeq: 5,
    notices: [],
    ...more,
  };
}

function row(seq: number, clock: string, origin: string, text: string, more: Partial<LogRow> = {}): LogRow {
  const path = `${origin}.log`;
  const time = at(clock);
  return {
    id: String(seq),
    seq,
    system: coherence,
    source: path,
    path,
    offset: seq * 100,
    at: time,
    sortAt: time,
    form: 'log',
    origin,
    text,
    ...more,
  };
}

/** A line without a time of its own. */
function timeless(of: LogRow): LogRow {
  const { at: _none, ...rest } = of;
  return rest;
}

export const storyRows: readonly LogRow[] = [
  row(1, '03:05:00', 'orket', 'turn TIDE-3/6 started by coder', {
    system: orket,
    keys: ['9c41', 'TIDE-3'],
    level: 'info',
  }),
  row(2, '03:06:10.902', 'monitor', 'API unreachable: timed out', {
    level: 'warning',
    keys: ['api_unreachable'],
  }),
  timeless(
    row(
      3,
      '03:06:34',
      'autonomous_api',
      "ERROR: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000)",
      { level: 'error' },
    ),
  ),
  row(4, '03:13:10.871', 'monitor', 'Restart requested: api_unreachable', {
    level: 'info',
    keys: ['api_unreachable'],
  }),
  row(5, '03:13:46', 'change', 'pipeline_version.json started_at 03:13:46Z', {
    form: 'change',
    keys: ['api_unreachable'],
  }),
];

export const steps: PlaybookView = {
  id: 'api-unreachable',
  title: 'API unreachable',
  steps: [
    {
      type: 'act',
      text: 'KILL 2210; watchdog 4098 starts the API: health 200 by 03:15:16',
      state: 'open',
      act: 'pipeline.restart',
      offer: restart,
    },
    { type: 'check', text: 'answer task_864e65b18d8b704c, requeue while w7 (4120) lives', state: 'open' },
    { type: 'check', text: 'see the pipeline run: PM alive, its log moves', state: 'unknown' },
    { type: 'note', text: 'end orphans 4120, 4121: one runner, one monitor', state: 'open' },
  ],
};

export const offers: { readonly [type: string]: readonly ActOffer[] } = {
  issue: [
    restart,
    {
      ...restart,
      act: 'api.restart',
      title: 'restart API alone',
      disabled: 'the API must answer first',
      does: 'asks the API to restart itself',
    },
    {
      act: 'run.inspect',
      title: 'inspect run',
      menu: 'other',
      risk: 'read',
      params: [],
      does: 'shows the files of the run',
    },
  ],
  approval: [
    {
      act: 'job.approve',
      title: 'approve the plan',
      menu: 'approve',
      risk: 'reversible',
      params: [],
      does: 'the worker plans again and runs',
    },
    {
      act: 'job.deny',
      title: 'deny',
      menu: 'approve',
      risk: 'costly',
      params: [{ name: 'reason', title: 'why', form: 'text', required: true }],
      does: 'the job ends',
    },
    {
      act: 'task.answer',
      title: 'answer',
      menu: 'approve',
      risk: 'reversible',
      params: [{ name: 'answer', title: 'your answer', form: 'lines', required: true }],
      does: 'the task goes on with it',
    },
  ],
};

/** What the engine would show before an act. */
export function previewOf(
  act: string,
  target: ActPreview['target'],
  params: ActPreview['params'],
): ActPreview {
  const offer = [...(offers['issue'] ?? []), ...(offers['approval'] ?? [])].find((one) => one.act === act);
  const expected: StageState[] = [
    {
      stage: 'accepted',
      title: 'request file is taken',
      state: 'waiting',
      deadline: addMs(storyNow, 60_000),
      required: true,
    },
    {
      stage: 'done',
      title: 'health answers 200',
      state: 'waiting',
      deadline: addMs(storyNow, 69_000),
      required: true,
    },
  ];
  const risk = offer?.risk ?? 'reversible';
  return {
    act,
    title: offer?.title ?? act,
    system: target.system,
    root: `/srv/${target.system}`,
    ...(target.system === coherence ? { environment: 'prod' } : {}),
    target,
    targetTitle: target.id,
    params,
    steps: [],
    commands: [`/usr/bin/python3 scripts/request.py --target=${target.id}`],
    risk,
    confirmation:
      risk === 'read'
        ? 'none'
        : risk === 'reversible'
          ? 'yes'
          : risk === 'costly'
            ? 'yes-and-reason'
            : 'code',
    warnings: ['the runbook says 30 s, it takes 60'],
    strands: ['task_864e65b18d8b704c stays with w7'],
    expected,
    undo: 'none: a restart cannot be taken back',
    revision: `rev-${target.id}`,
    attempt: 1,
  };
}

import type { Step } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { toIso } from '../../domain/instant.ts';
import { getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { ActSpec, StateView } from '../system.ts';
import { pipelineRef } from './act-common.ts';
import { RESTART_ACT, RESTART_REASONS, WITHDRAW_ACT } from './condition.ts';
import { expectRestart, REQUEST_PATH } from './expect-restart.ts';
import { apiPortOf } from './schema.ts';
import { pidOf } from './tasks.ts';

/** Services, layers and issues that a restart of the pipeline may help. */
const SERVICES = ['pipeline', 'project-manager', 'agent-runner', 'monitor', 'watchdog', 'api'];
const LAYERS = ['orchestration', 'execution'];
const ISSUES: readonly string[] = [
  ...Object.keys(RESTART_REASONS),
  'manager_lost_task',
  'monitor_overdue',
  'restart_not_taken',
  'restart_hangs',
];

/** Restarts the pipeline by the one way its scripts have: a request that the watchdog takes. */
export const restartPipeline: ActSpec = {
  id: RESTART_ACT,
  title: 'restart pipeline',
  menu: 'restart',
  risk: 'costly',
  does: 'writes the restart request that the watchdog looks for; the watchdog ends the pipeline and starts it anew',
  runs: 'writes api/logs/restart_requested.json for the watchdog',
  outcome: 'the request is taken, then a pipeline begins whose project manager works, health 200',
  params: [],
  appliesTo(target) {
    switch (target.type) {
      case 'service':
        return SERVICES.includes(target.id);
      case 'layer':
        return LAYERS.includes(target.id);
      case 'issue':
        return ISSUES.includes(target.key) || target.key.startsWith('fatal.');
      default:
        return false;
    }
  },
  precondition(view) {
    const { data } = view;
    if (getNumber(data, 'watchdogPid') === undefined) {
      return 'no watchdog of this checkout lives to take the request: start the pipeline (cd api && ./scripts/run_overnight_pipeline.sh)';
    }
    const hangsOn = getNumber(data, 'hangsOnPid');
    if (hangsOn !== undefined) {
      return `the watchdog waits for project manager ${hangsOn} to end and takes no request: end it (kill ${hangsOn}), it then restarts`;
    }
    return undefined;
  },
  warnings: restartWarnings,
  strands: restartStrands,
  revision(view, target) {
    const { data } = view;
    const parts = ['watchdogPid', 'managerPid', 'managerStartedAt'].map((key) => getNumber(data, key) ?? '-');
    return [...parts, restartReason(view, target), strandedTasks(view).join(',')].join('|');
  },
  baseline(view) {
    const { data } = view;
    return {
      versionStartedAt: getNumber(data, 'versionStartedAt') ?? null,
      managerPid: getNumber(data, 'managerPid') ?? null,
      managerStartedAt: getNumber(data, 'managerStartedAt') ?? null,
      shellPid: getNumber(data, 'shellPid') ?? null,
      // One of an earlier try: it is not ours when it goes.
      requestAt: getNumber(data, 'requestAt') ?? null,
    };
  },
  plan(view, target): readonly Step[] {
    const reason = restartReason(view, target);
    return [
      {
        type: 'file',
        title: `request a restart (${reason})`,
        path: REQUEST_PATH,
        // The monitor writes it with an indent of 2 and a time in UTC.
        text: JSON.stringify({ reason, at: toIso(view.now).replace('Z', '+00:00') }, null, 2),
      },
    ];
  },
  expect: expectRestart,
  undo: {
    act: WITHDRAW_ACT,
    text: `cannot be undone once taken; before that, removing ${REQUEST_PATH} withdraws it`,
    on: pipelineRef,
  },
};

/**
 * The reason decides what the watchdog does: only `api_unreachable` (and `effectiveness_404`) makes it start the API
 * too. While the API is down any other reason gives a pipeline that exits at once.
 */
function restartReason(view: StateView, target: Entity): string {
  if (getString(view.data, 'apiState') === 'down') return 'api_unreachable';
  const key = target.type === 'issue' ? target.key : target.id;
  const named = Object.hasOwn(RESTART_REASONS, key) ? RESTART_REASONS[key] : undefined;
  // An issue that says the API is down while it answers is yesterday's news.
  return named === undefined || named === 'api_unreachable' ? 'stale_version' : named;
}

function restartWarnings(view: StateView, target: Entity): readonly string[] {
  const { data } = view;
  const warnings: string[] = [];
  const reason = restartReason(view, target);
  const item = getNumber(data, 'resetItem');
  if (getBoolean(data, 'isParallel') === true) {
    warnings.push(
      `The start resets the project manager (--reset): it begins at item 0 again${item ? ` instead of ${item}` : ''} and makes tasks twice.`,
    );
  }
  const manager = getNumber(data, 'managerPid');
  if (manager !== undefined) {
    warnings.push(
      `The watchdog can hang: the pipeline's shell ends only after project manager ${manager}. If the request vanishes and no new version comes, end ${manager}.`,
    );
  }
  if (reason === 'api_unreachable' || reason === 'effectiveness_404') {
    warnings.push(
      'It ends every "uvicorn app.main" of this machine, other checkouts’ too, and starts this one.',
    );
    const holder = getNumber(data, 'portHolderPid');
    if (getString(data, 'apiState') === 'down' && holder !== undefined) {
      warnings.push(
        `Pid ${holder} holds port ${apiPortOf(view.located)}: if it ignores TERM the new API can't start, and neither does the pipeline. End it first.`,
      );
    }
  }
  const pending = getString(data, 'requestReason');
  if (getBoolean(data, 'requestPresent') === true) {
    warnings.push(`A request is there already (${pending || 'no reason'}); this one replaces it.`);
  }
  const version = view.entity('issue', 'stale_version');
  if (reason === 'stale_version' && version?.cautions?.[0]) warnings.push(version.cautions[0]);
  if (view.located.url === undefined) {
    warnings.push('No url is configured: whether the API answers afterwards stays unchecked.');
  }
  return warnings;
}

/** Tasks bound to the name of the runner that a restart ends. */
function strandedTasks(view: StateView): readonly string[] {
  const waiting = view
    .entities('approval')
    .filter((one) => one.status === 'pending' && workerOf(one) !== undefined);
  return waiting.map((one) => one.id);
}

function workerOf(entity: Entity): string | undefined {
  return getString(entity.data, 'worker');
}

/** A runner calls itself `host:pid` unless AGENT_WORKER_ID names it; nobody else can take what it claimed. */
export function restartStrands(view: StateView): readonly string[] {
  const strands = view.entities('approval').flatMap((approval): string[] => {
    const worker = workerOf(approval);
    if (approval.status !== 'pending' || worker === undefined) return [];
    if (pidOf(worker) === undefined) {
      return [
        `${approval.id} waits for an answer and for worker ${worker}: only a runner started under that name takes it`,
      ];
    }
    return [
      `${approval.id} waits for an answer: its worker ${worker} ends, nobody can take it again; decide it first`,
    ];
  });
  const running = view.entities('job').filter((job) => job.status === 'running');
  for (const job of running.slice(0, 20)) {
    strands.push(
      `${job.id} runs now: it is cut off and stays "running" until the monitor fails it after 30 min`,
    );
  }
  if (running.length > 20) strands.push(`${running.length - 20} more running tasks`);
  return strands;
}

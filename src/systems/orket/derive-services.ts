import type { Evidence, Service } from '../../domain/entity.ts';
import type { Json } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { DeriveContext } from '../system.ts';
import type { Collected } from './collect.ts';
import { processEvidence, type RunState } from './derive-runs.ts';
import { compact, type Found, type Health, type KeeperState } from './facts.ts';
import type { Programs } from './liveness.ts';
import { keeperFor, webhookUrlOf } from './sources.ts';

/** An answer that failed once may come the next time; three in a row is down. */
const FAILURES_UNTIL_DOWN = 3;

/** The checkout itself, its API and its webhook server, whether they are up or not: acts on them need a place. */
export function serviceEntities(
  context: DeriveContext,
  facts: Collected,
  programs: Programs,
  runs: readonly RunState[],
): Service[] {
  const { located } = context;
  const api = serverService(context, {
    id: 'api',
    title: 'Orket API',
    health: facts.health,
    keeper: facts.keepers.api,
    process: programs.api,
    source: 'api.health',
    url: located.url,
    carried: runs.filter(
      (run) =>
        run.process !== undefined &&
        !programs.runners.includes(run.process) &&
        run.process !== programs.webhook,
    ),
  });
  const webhook = serverService(context, {
    id: 'webhook',
    title: 'webhook server',
    health: facts.webhookHealth,
    keeper: facts.keepers.webhook,
    process: programs.webhook,
    source: 'webhook.health',
    url: webhookUrlOf(located),
    carried: runs.filter((run) => run.process !== undefined && run.process === programs.webhook),
  });
  const isWebhookUsed =
    programs.webhook !== undefined ||
    webhookUrlOf(located) !== undefined ||
    keeperFor(located, 'webhook').by !== 'process' ||
    located.extra['hasWebhook'] === true;
  return [api, ...(isWebhookUsed ? [webhook] : []), checkoutService(context, facts, programs)];
}

interface Server {
  readonly id: 'api' | 'webhook';
  readonly title: string;
  readonly health: Found<Health> | undefined;
  readonly keeper: Found<KeeperState> | undefined;
  readonly process: Programs['api'];
  readonly source: string;
  readonly url: string | undefined;
  /** Runs it may be carrying out: they die with it. */
  readonly carried: readonly RunState[];
}

function serverService(context: DeriveContext, server: Server): Service {
  const { located } = context;
  const { health, keeper, process } = server;
  const kept = keeperFor(located, server.id);
  const seen = [
    process ? `pid ${process.pid} lives` : 'no server process seen',
    ...(kept.by === 'process' ? [] : [`${kept.by} ${kept.name}: ${keeper?.fact.word ?? 'not known'}`]),
  ].join('; ');
  const trail: Evidence[] = process ? [processEvidence(process)] : [];
  if (keeper) {
    trail.push(
      compact({
        source: keeper.file.source,
        text: `${keeper.fact.word}${keeper.fact.pid === undefined ? '' : `, pid ${keeper.fact.pid}`}`,
        at: keeper.fact.since,
      }),
    );
  }
  const base = {
    type: 'service' as const,
    system: located.system,
    id: server.id,
    title: server.title,
    // Its key or its secret stands in .env.
    playbook: 'leaked-secret',
    data: compact({
      pid: process?.pid,
      startedAt: process?.startedAt,
      healthAsked: server.url !== undefined,
      answers: health?.fact.state ?? 'not asked',
      downSince: health?.fact.since,
      keeperSince: keeper?.fact.since,
      keeperUp: keeper?.fact.isUp,
      carried: server.carried.map((run) => run.id),
    }) as { readonly [key: string]: Json },
  };
  if (!health) {
    const isDown = keeper !== undefined && !keeper.fact.isUp;
    return compact({
      ...base,
      observedAt: context.processes.readAt,
      evidence: trail[0] ?? { source: 'programs', text: seen },
      trail: trail.length > 1 ? trail.slice(1) : undefined,
      status: isDown ? ('down' as const) : ('unknown' as const),
      detail:
        server.url === undefined ? `${seen}; health not asked: no url given` : `${seen}; no answer read yet`,
    });
  }
  const { state, failures, httpStatus, latencyMs, error } = health.fact;
  const status =
    state === 'up' ? 'up' : state === 'none' && failures >= FAILURES_UNTIL_DOWN ? 'down' : 'degraded';
  return compact({
    ...base,
    observedAt: health.file.readAt,
    evidence: compact({
      source: server.source,
      url: `${server.url ?? ''}/health`,
      text: httpStatus === undefined ? (error ?? 'no answer') : `HTTP ${httpStatus}`,
    }),
    trail: trail.length > 0 ? trail : undefined,
    status,
    latencyMs: state === 'up' ? latencyMs : undefined,
    detail:
      state === 'up'
        ? seen
        : state === 'odd'
          ? `${oddAnswer(health.fact)}; ${seen}`
          : `no answer (${failures} in a row); ${seen}`,
  });
}

/** What an answer that is none of Orket's own means. */
export function oddAnswer({ httpStatus = 0 }: Health): string {
  if (httpStatus === 429) return 'HTTP 429: asked too often, or its limit is in force';
  if (httpStatus === 401 || httpStatus === 403) return `HTTP ${httpStatus} on /health, which wants no key`;
  if (httpStatus >= 500) return `HTTP ${httpStatus}: it fails inside`;
  if (httpStatus === 200) return 'HTTP 200, not as Orket answers: is it another server?';
  return `HTTP ${httpStatus}, not as Orket answers`;
}

/** What one runs from the checkout's directory: epics, reports, checks, archiving. */
function checkoutService(context: DeriveContext, facts: Collected, programs: Programs): Service {
  const { located } = context;
  const log = facts.logs.find(
    (file) => file.path === (located.settings.log ?? 'workspace/default/orket.log'),
  );
  const running = programs.runners.length;
  const knobs = Array.isArray(located.extra['knobs']) ? (located.extra['knobs'] as readonly string[]) : [];
  const isRead = facts.tables.runs || facts.tables.cards;
  const trouble =
    context.facts.status('db')?.state === 'error' ? context.facts.status('db')?.error : undefined;
  const detail = [
    `${running === 0 ? 'no run' : counted(running, 'run')} of main.py`,
    isRead
      ? `${counted(facts.cards.size, 'card')}, ${counted(facts.ledger.size, 'run')} in its ledger`
      : 'no database read yet',
    ...(trouble === undefined ? [] : [`the database can not be read now: ${trouble}`]),
    ...(facts.epics.length > 0 ? [counted(facts.epics.length, 'epic')] : []),
    ...knobs,
  ].join('; ');
  return compact({
    type: 'service' as const,
    system: located.system,
    id: 'orket',
    title: 'Orket checkout',
    playbook: 'release-gate',
    observedAt: facts.db?.readAt ?? context.now,
    evidence: compact({ source: 'db', path: facts.db?.path, text: detail }),
    trail: programs.runners.length > 0 ? programs.runners.map(processEvidence) : undefined,
    status: trouble !== undefined ? ('degraded' as const) : isRead ? ('up' as const) : ('unknown' as const),
    detail,
    data: compact({
      epics: facts.epics.slice(0, 500),
      logEmptiedAt: log?.wipedAt,
      logIsEmpty: log === undefined || log.sizeBytes === 0,
    }) as { readonly [key: string]: Json },
  });
}

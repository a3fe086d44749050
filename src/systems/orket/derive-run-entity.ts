import type { Attention, Run } from '../../domain/entity.ts';
import type { DeriveContext } from '../system.ts';
import type { Collected } from './collect.ts';
import { type RunState, runStatusOf, runTrail } from './derive-runs.ts';
import { compact, newest } from './facts.ts';
import { carrierOf } from './liveness.ts';
import { runLinesKey } from './log-text.ts';

/** A run as an entity. `needsHuman`: it lives and is silent, and nothing else tells that. */
export function runEntity(
  context: DeriveContext,
  run: RunState,
  facts: Collected,
  isSilent: boolean,
  needsHuman: boolean,
): Run {
  const trail = runTrail(run, facts);
  const attention: Attention | undefined = needsHuman
    ? compact({
        rank: 4,
        label: 'STALLED',
        why: `nothing from it, pid ${run.process?.pid ?? '?'} lives, no turn is open`,
        since: run.stillSince,
        playbook: 'stalled-role-pipeline',
      })
    : undefined;
  const isActive = facts.apiSessions.get(run.id)?.fact.active;
  const cautions: string[] = [];
  if (run.life === 'gone' || run.life === 'halted') {
    cautions.push('The ledger will say running for ever: nothing in Orket corrects it.');
  }
  if (run.nativeStatus === 'terminal_failure') cautions.push('The command of this run exited 0.');
  return compact({
    type: 'run',
    system: context.located.system,
    id: run.id,
    title: run.ledger?.target
      ? `${run.name} (${run.id}, only ${run.ledger.target})`
      : `${run.name} (${run.id})`,
    observedAt: newest([facts.db?.readAt, run.logged?.file.readAt]) ?? context.now,
    evidence: trail[0] ?? { source: 'db' },
    trail: trail.length > 1 ? trail.slice(1) : undefined,
    attention,
    logKeys: [run.id, runLinesKey(run.id)],
    cautions: cautions.length > 0 ? cautions : undefined,
    status: runStatusOf(run, isSilent),
    nativeStatus: run.nativeStatus,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    data: {
      build: run.build ?? null,
      life: run.life,
      epic: run.name,
      workspace: run.ledger?.workspace ?? null,
      target: run.ledger?.target ?? null,
      ...(isActive === undefined ? {} : { apiActive: isActive }),
      ...(run.process
        ? { pid: run.process.pid, pidSince: run.process.startedAt, carrier: carrierOf(run.process) }
        : {}),
    },
  });
}

import type { Meter } from '../../domain/entity.ts';
import { toIso } from '../../domain/instant.ts';
import type { DeriveContext } from '../system.ts';
import type { Collected } from './collect.ts';
import { compact } from './facts.ts';

const RATE_NAMES: { readonly [name: string]: string } = {
  tool_parse_rate: 'answers with tool calls',
  required_action_completion_rate: 'required actions done',
  status_progression_rate: 'turns that moved their card',
  guard_decision_reach_rate: 'turns that reached a guard',
};

/** What the two reports on file say. They are as old as their files: the window tells. */
export function meterEntities(context: DeriveContext, facts: Collected): Meter[] {
  const { located } = context;
  const meters: Meter[] = [];
  const { promptMetrics, failureReport } = facts;
  if (promptMetrics) {
    const { fact, file } = promptMetrics;
    for (const [name, rate] of Object.entries(fact.rates)) {
      meters.push(
        compact({
          type: 'meter' as const,
          system: located.system,
          id: `prompts.${name}`,
          title: RATE_NAMES[name] ?? name,
          name: RATE_NAMES[name] ?? name,
          observedAt: file.readAt,
          evidence: compact({
            source: file.source,
            path: file.path,
            text: `${name} ${rate}`,
            at: file.modifiedAt,
          }),
          value: Math.round(rate * 1000) / 10,
          limit: 100,
          unit: '%',
          window: `${fact.turns} turns, as of ${file.modifiedAt === undefined ? '?' : toIso(file.modifiedAt).slice(0, 16)}Z`,
          status: 'ok' as const,
        }),
      );
    }
  }
  if (failureReport) {
    const { fact, file } = failureReport;
    const failures = sum(fact.failures) + sum(fact.idle);
    const words = [
      ...Object.entries(fact.failures),
      ...Object.entries(fact.idle).map(([role, n]) => [`${role} idle`, n] as const),
    ];
    meters.push(
      compact({
        type: 'meter' as const,
        system: located.system,
        id: 'report.failures',
        title: 'failed and idle turns in the report',
        name: 'failed and idle turns in the report',
        observedAt: file.readAt,
        evidence: compact({
          source: file.source,
          path: file.path,
          text: words.map(([name, count]) => `${count} ${name}`).join(', ') || 'none counted',
          at: file.modifiedAt,
        }),
        value: failures,
        unit: 'turns',
        window: `${sum(fact.events)} events, as of ${file.modifiedAt === undefined ? '?' : toIso(file.modifiedAt).slice(0, 16)}Z`,
        status: 'ok' as const,
        cautions: ['Model timeouts are in no such report, and a good run empties the log it is made from.'],
      }),
    );
  }
  return meters;
}

function sum(counts: { readonly [name: string]: number }): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

import { describe, expect, it } from 'vitest';
import { costRatio } from '../../cost.ts';
import { at, loopProcess, queue, Told } from './told.ts';

/** An installation that ran for years: as many cycles, approvals and backups as its sources ever give. */
function installation(cycles: number, approvals: number): Told {
  const told = new Told();
  const lines = ['=== NOMIC LOOP STARTED: 2026-11-20T00:00:00.000000 ==='];
  for (let n = 1; n <= cycles; n += 1) {
    lines.push(`[10:00:00] NOMIC CYCLE ${n}`, "[10:00:00]   [timeout] Phase 'context' has 1200s budget");
    lines.push(
      `[10:00:01]   [context] Completed in 1.0s (1% of 1200s budget)`,
      `Cycle ${n} outcome: success`,
    );
  }
  told.log('nomic.log', lines.join('\n'));
  for (let index = 0; index < approvals; index += 1) {
    const requested = new Date(at('21:00:00') - index * 60_000).toISOString().slice(0, 19);
    const file = {
      id: `a${index}`,
      status: 'pending',
      changes: [{ path: 'x' }],
      requested_at: requested,
      timeout_seconds: 3600,
    };
    told.document('approvals', file, '22:00:00', `.approvals/a${index}.json`);
  }
  told.rows(
    'nomic.cycles',
    'cycles',
    Array.from({ length: 200 }, (_, index) => ({
      cycle_id: `${index}-x`,
      started_at: 1.7e9 + index,
      success: index % 2,
    })),
  );
  told.processes = [loopProcess('00:00:00')];
  return told;
}

describe('deriving a large installation', () => {
  it('costs in proportion what a tenth of it does', () => {
    const [small, large] = [installation(200, 1_000), installation(2_000, 10_000)];
    expect(queue(large.derive('22:00:00')).length).toBeGreaterThan(1000);
    const ratio = costRatio(
      () => small.derive('22:00:00'),
      () => large.derive('22:00:00'),
    );
    expect(ratio).toBeLessThan(25);
  });
});

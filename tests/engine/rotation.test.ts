import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { lookInto } from '../../src/config/look.ts';
import type { Entity, SystemId } from '../../src/domain/entity.ts';
import type { Instant } from '../../src/domain/instant.ts';
import { SystemWatch } from '../../src/engine/system-watch.ts';
import { fixedClock } from '../../src/host/clock.ts';
import { createPump } from '../../src/ingest/pump.ts';
import { LogStore } from '../../src/logs/log-store.ts';
import { orketKind } from '../../src/systems/orket/index.ts';
import { reflexiveKind } from '../../src/systems/reflexive/index.ts';
import type { SystemKind } from '../../src/systems/system.ts';
import { until } from '../ingest/collector.ts';
import { Installation, at as orketAt, type TurnName } from '../systems/orket/installation.ts';
import { beginning, line, at as reflexiveAt, World } from '../systems/reflexive/world.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Looked {
  readonly watch: SystemWatch;
  readonly logs: LogStore;
}

/** Watches an installation as of `now`, from this moment on or with one look. */
async function look(kind: SystemKind, dir: string, now: Instant, once: boolean): Promise<Looked> {
  const logs = new LogStore();
  const located = kind.locate(dir, lookInto(dir, {}), kind.kind as SystemId, { timezone: 'UTC' });
  const watch = new SystemWatch(kind, located, {
    clock: fixedClock(now),
    logs,
    once,
    makePump: createPump,
    secret: () => undefined,
    onChange: () => {},
    onStatus: () => {},
  });
  ends.push(() => watch.close());
  await watch.start();
  return { watch, logs };
}

const entitiesOf = ({ watch }: Looked): Entity[] =>
  [...watch.entities.values()].sort((a, b) => (`${a.type}/${a.id}` < `${b.type}/${b.id}` ? -1 : 1));
/** Every line with how often it was told, in the order of time. */
const linesOf = ({ logs }: Looked): string[] =>
  logs.page({ changes: false }, 'start', 1000).rows.map((row) => `${row.text} x${row.count ?? 1}`);
const has = ({ logs }: Looked, text: string): boolean => logs.find({ grep: text }, 'end', -1) !== undefined;

describe('a log that is rotated', () => {
  it('row 70: gives Orket the same states since the same times, watched from before and looked at afterwards', async () => {
    const orket = new Installation();
    ends.push(() => orket.remove());
    const log = join(orket.dir, 'workspace/default/orket.log');
    const stuck: TurnName = ['aaaa1111', 'TIDE-3', 5, 'coder'];
    orket.run('aaaa1111', 'running', 0);
    orket.card('TIDE-3', 'in_progress');
    orket.card('TIDE-4', 'in_progress');
    orket.log(0, 'session_start', { session_id: 'aaaa1111', run_id: 'aaaa1111', epic: 'tide_ledger' });
    orket.turnLog(10, 'turn_start', stuck, { selected_model: 'm' });
    orket.turn(10, stuck, 'asked');
    orket.log(12, 'model_timeout_retry', { model: 'm', attempt: 1, error: 'timed out' });
    const before = await look(orketKind, orket.dir, orketAt(900), false);
    // What RotatingFileHandler does: two rotations, of which the second finds one line only.
    renameSync(log, `${log}.1`);
    orket.turnLog(40, 'turn_start', ['aaaa1111', 'TIDE-4', 1, 'coder'], { selected_model: 'm2' });
    await until(() => has(before, 'TIDE-4'), 3000);
    renameSync(`${log}.1`, `${log}.2`);
    renameSync(log, `${log}.1`);
    orket.turnLog(50, 'turn_failed', ['aaaa1111', 'TIDE-4', 1, 'coder'], { error: 'no', type: 'E' });
    await until(() => has(before, 'turn_failed|failed'), 3000);
    await before.watch.refresh();

    const after = await look(orketKind, orket.dir, orketAt(900), true);
    expect(entitiesOf(after)).toEqual(entitiesOf(before));
    expect(linesOf(after)).toEqual(linesOf(before));
    expect(linesOf(after)).toHaveLength(5);
    // It rests on the first file of three.
    const turn = after.watch.entities.get('turn/aaaa1111:tide-3:5:coder');
    expect(turn).toMatchObject({ model: 'm', attention: { since: orketAt(10) } });
    expect(after.logs.page({ grep: 'TIDE-3' }, 'start', 1).rows[0]?.path).toMatch(/orket\.log\.2$/);
    const status = after.watch.summary().sources.find(({ place }) => place.endsWith('/orket.log'));
    expect(status).toMatchObject({ items: 1, records: 5 });
  });

  it('row 70: gives Self-Reflexive the same, whose moved files have names of their own', async () => {
    const world = new World();
    ends.push(() => world.remove());
    const now = '2026-02-25T09:00:00Z';
    const log = join(world.dir, 'logs/orchestrator.log');
    const audit = join(world.dir, 'logs/audit.log');
    const entry = (time: string, event: string): string =>
      `${JSON.stringify({ timestamp: time, event_type: event, actor: 'orchestrator', resource_type: 'issue', resource_id: '5' })}\n`;
    world.write(
      'config/orchestrator-config.yaml',
      'orchestrator:\n  mode: supervised\ngithub:\n  repository: acme/widgets\nlogging:\n  file: logs/orchestrator.log\n  audit_file: logs/audit.log\n',
    );
    world.write(
      'logs/orchestrator.log',
      beginning('2026-02-25T06:00:00Z') +
        line('2026-02-25T06:01:00Z', 'api_request_tracked', {
          provider: 'openai',
          cost: 0.2,
          daily_total_cost: 41,
        }) +
        line('2026-02-25T06:02:00Z', 'Error in main loop', { error: 'rate limit' }, 'error'),
    );
    world.write('logs/audit.log', entry('2026-02-25T06:01:00Z', 'issue_claimed'));
    const before = await look(reflexiveKind, world.dir, reflexiveAt(now), false);
    renameSync(log, `${log}.20260225`);
    writeFileSync(
      log,
      line('2026-02-25T06:05:00Z', 'Error in main loop', { error: 'rate limit again' }, 'error'),
    );
    renameSync(audit, `${audit}.1`);
    writeFileSync(audit, entry('2026-02-25T06:05:00Z', 'issue_failed'));
    await until(() => has(before, 'rate limit again') && has(before, 'issue_failed'), 3000);
    await until(() => before.watch.summary().sources.some(({ items }) => items === 2), 3000);
    await before.watch.refresh();

    const after = await look(reflexiveKind, world.dir, reflexiveAt(now), true);
    const comparable = (looked: Looked): unknown => entitiesOf(looked).map(withoutPlaces);
    expect(linesOf(after)).toEqual(linesOf(before));
    expect(linesOf(after).every((text) => text.endsWith(' x1'))).toBe(true);
    expect(linesOf(after).filter((text) => text.includes('issue_'))).toHaveLength(2);
    expect(comparable(after)).toEqual(comparable(before));
    expect(after.logs.page({ grep: 'issue_claimed' }, 'end', 1).rows[0]).toMatchObject({
      path: 'logs/audit.log.1',
      log: 'logs/audit.log',
    });
  });
});

/** Without the name a line's file had when it was read: moved files are followed under the new one by its glob. */
function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'path' && key !== 'offset');
  return Object.fromEntries(kept.map(([key, one]) => [key, withoutPlaces(one)]));
}

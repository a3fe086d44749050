import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { EntityOf, EntityType } from '../../../src/domain/entity.ts';
import { type Instant, instant, parseInstant } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { reflexiveKind } from '../../../src/systems/reflexive/index.ts';
import type { CommonSettings, Derived } from '../../../src/systems/system.ts';
import { deriveCase } from '../fixture-case.ts';

/** The instant of an ISO text that is known to be one. */
export function at(iso: string): Instant {
  return parseInstant(iso) ?? instant(Number.NaN);
}

/** An installation of its own in a temporary directory, read and derived as of any moment. */
export class World {
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-reflexive-')));
  processes: ProcessInfo[] = [];
  settings: CommonSettings = {};

  write(path: string, text: string, modified?: string): void {
    const file = join(this.dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    if (modified !== undefined) utimesSync(file, at(modified) / 1000, at(modified) / 1000);
  }

  /** A daemon of this checkout, unless told otherwise. */
  daemon(pid: number, since: string, more: Partial<ProcessInfo> = {}): void {
    this.processes.push({
      pid,
      parentPid: 1,
      groupId: pid,
      startedAt: at(since),
      argv: ['python', '-m', 'src.cli', 'start'],
      cwd: this.dir,
      state: 'S',
      ports: [],
      readsTerminal: false,
      ...more,
    });
  }

  async derive(now: string): Promise<Derived> {
    return await deriveCase(reflexiveKind, this.dir, {
      at: at(now),
      settings: this.settings,
      mtimes: {},
      processes: this.processes,
      http: {},
    });
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The entity of that type and id. */
export function find<T extends EntityType>(derived: Derived, type: T, id: string): EntityOf<T> | undefined {
  return derived.entities.find((one) => one.type === type && one.id === id) as EntityOf<T> | undefined;
}

/** A line of orchestrator.log. */
export function line(time: string, event: string, fields: object = {}, level = 'info'): string {
  return `${JSON.stringify({ ...fields, event, level, logger: 'orchestrator', timestamp: time })}\n`;
}

/** A daemon's first lines. */
export function beginning(time: string, limit = 50, pollS = 300): string {
  return (
    line(time, 'cost_tracker_initialized', { max_daily_cost: limit, current_cost: 0 }) +
    line(time, 'Starting orchestrator', { mode: 'supervised', repository: 'acme/widgets' }) +
    line(time, 'Starting main loop', { poll_interval: pollS })
  );
}

/** `cost_tracker.json` as far as the meter needs it. */
export function costFile(date: string, total: number, updated: string): string {
  return JSON.stringify({
    date,
    provider_usage: {},
    total_cost: total,
    total_tokens: 1,
    total_requests: 1,
    started_at: `${date}T00:00:01+00:00`,
    last_updated_at: updated,
  });
}

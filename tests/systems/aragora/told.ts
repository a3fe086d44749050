/** Builds an installation's facts from texts, without files, for tests of single rules. */
import type { EntityOf, EntityType, SystemId } from '../../../src/domain/entity.ts';
import { type Instant, instant, parseInstant } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { FactStore } from '../../../src/engine/fact-store.ts';
import type { IngestChunk } from '../../../src/ingest/ingest.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import type { Derived, Line, Located } from '../../../src/systems/system.ts';

export const ROOT = '/srv/aragora';

/** An instant of the evening all tests play in. */
export function at(time: string): Instant {
  return parseInstant(time.includes('T') ? time : `2026-11-20T${time}Z`) ?? instant(Number.NaN);
}

export function located(more: Partial<Located> = {}): Located {
  return {
    system: 'aragora' as SystemId,
    kind: 'aragora',
    root: ROOT,
    timezone: 'UTC',
    settings: { log: 'server.log' },
    extra: { nomic: '.nomic', server: 'unified', stream: [] },
    url: 'http://127.0.0.1:8080',
    ...more,
  };
}

/** A loop of this root. */
export function loopProcess(started: string, more: Partial<ProcessInfo> = {}): ProcessInfo {
  return {
    pid: 4120,
    parentPid: 1,
    groupId: 4120,
    startedAt: at(started),
    argv: ['/usr/bin/python3', 'scripts/nomic_loop.py', 'run', '--no-stream'],
    cwd: ROOT,
    state: 'S',
    ports: [],
    readsTerminal: false,
    ...more,
  };
}

/** Lines of a text with their byte offsets. */
export function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let offset = 0;
  for (const line of text.replace(/\n$/, '').split('\n')) {
    lines.push({ text: line, offset });
    offset += Buffer.byteLength(line) + 1;
  }
  return lines;
}

/** A loop's log up to a cycle that began at 22:00:00 with a budget of an hour, and what follows. */
export function loopLog(...more: readonly string[]): string {
  return [
    '=== NOMIC LOOP STARTED: 2026-11-20T21:59:58.000000 ===',
    '[21:59:58] Max cycles: 3',
    '[21:59:59]   [cross-cycle] Started recording cycle 310fcea8',
    '[22:00:00] NOMIC CYCLE 1',
    '[22:00:00] Started: 2026-11-20T22:00:00.000000',
    '[22:00:00] Deadline: 2026-11-20T23:00:00.000000 (3600s budget)',
    '[22:00:00]   Creating backup: backup_cycle_1_20261120_220000',
    ...more,
    '',
  ].join('\n');
}

/** Facts that grow as a test tells them. */
export class Told {
  readonly store: FactStore;
  readonly located: Located;
  processes: ProcessInfo[] = [];
  readonly #lengths = new Map<string, number>();
  constructor(where: Located = located()) {
    this.located = where;
    this.store = new FactStore(where, aragoraKind.parsers);
    this.store.setSpecs(aragoraKind.sources(where, {}));
  }
  #give(source: string, path: string, chunk: IngestChunk, when: string, fresh = true): this {
    this.store.take({ type: 'chunk', source, path, chunk, at: at(when), modifiedAt: at(when), fresh });
    return this;
  }
  log(source: string, text: string, modified = '22:00:00', path = source): this {
    return this.#give(source, path, { type: 'lines', lines: linesOf(text) }, modified);
  }
  /** Further lines of a log that is followed. */
  append(source: string, text: string, when: string): this {
    const from = this.#lengths.get(source) ?? 0;
    this.#lengths.set(source, from + Buffer.byteLength(text));
    const lines = linesOf(text).map((line) => ({ ...line, offset: line.offset + from }));
    return this.#give(source, source, { type: 'lines', lines }, when, from === 0);
  }
  /** An answer that is no JSON. */
  text(source: string, when: string, body: string): this {
    const chunk = { type: 'http' as const, latencyMs: 4, failures: 0, status: 200, body };
    return this.#give(source, `http://127.0.0.1:8080/${source}`, chunk, when, false);
  }
  document(source: string, value: unknown, modified = '22:00:00', path = source): this {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return this.#give(source, path, { type: 'document', text }, modified);
  }
  /** What a program printed, as JSON. */
  probe(source: string, when: string, printed: unknown): this {
    const chunk = { type: 'probe' as const, exitCode: 0, stdout: JSON.stringify(printed), stderr: '' };
    return this.#give(source, source, chunk, when, false);
  }
  rows(source: string, query: string, rows: readonly Record<string, string | number | null>[]): this {
    const chunk = { type: 'database' as const, results: { [query]: rows }, failed: {} };
    return this.#give(source, source, chunk, '22:00:00');
  }
  http(
    source: string,
    when: string,
    answer: { status?: number; body?: unknown; error?: string },
    failures = 0,
  ): this {
    const { body, ...rest } = answer;
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const chunk = { type: 'http' as const, latencyMs: 4, failures, ...rest, ...text };
    return this.#give(source, `http://127.0.0.1:8080/${source}`, chunk, when, false);
  }
  derive(when: string): Derived {
    const now = at(when);
    const processes = { readAt: now, processes: this.processes };
    return aragoraKind.derive({ located: this.located, facts: this.store, processes, now });
  }
}

/** The entity of that type and id. */
export function find<T extends EntityType>(derived: Derived, type: T, id: string): EntityOf<T> | undefined {
  return derived.entities.find((one): one is EntityOf<T> => one.type === type && one.id === id);
}

/** The queue as `rank label id`. */
export function queue(derived: Derived): string[] {
  const waiting = derived.entities.filter((one) => one.attention !== undefined);
  return waiting.map((one) => `${one.attention?.rank} ${one.attention?.label} ${one.id}`).sort();
}

/** Builds a checkout's facts from texts, without files, for tests of single rules. */
import type { SystemId } from '../../../src/domain/entity.ts';
import { type Entity, type EntityOf, type EntityType, entityKey } from '../../../src/domain/entity.ts';
import { type Instant, instant, parseInstant } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { FactStore } from '../../../src/engine/fact-store.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import type { Derived, Line, Located, StateView } from '../../../src/systems/system.ts';

/** An instant of the night all tests play in. */
export function at(time: string): Instant {
  return parseInstant(time.includes('T') ? time : `2026-02-21T${time}Z`) ?? instant(Number.NaN);
}

export const ROOT = '/srv/coherence';

export function located(more: Partial<Located> = {}): Located {
  return {
    system: 'coherence' as SystemId,
    kind: 'coherence',
    root: ROOT,
    timezone: 'UTC',
    settings: {},
    extra: { port: 8000, pollS: 90, pace: 1 },
    ...more,
  };
}

/** A process of the checkout. */
export function process(
  pid: number,
  started: string,
  script: string,
  more: Partial<ProcessInfo> = {},
): ProcessInfo {
  const argv =
    script === 'uvicorn'
      ? ['/usr/bin/python3', '-m', 'uvicorn', 'app.main:app', '--port', '8000']
      : [script.endsWith('.sh') ? '/bin/bash' : '/usr/bin/python3', ...script.split(' ')];
  return {
    pid,
    parentPid: 1,
    groupId: pid,
    startedAt: at(started),
    argv,
    cwd: `${ROOT}/api`,
    state: 'S',
    ports: script === 'uvicorn' ? [8000] : [],
    readsTerminal: false,
    ...more,
  };
}

export const scripts = {
  watchdog: 'scripts/run_overnight_pipeline_watchdog.sh',
  shell: 'scripts/run_overnight_pipeline.sh --no-watchdog',
  manager: 'scripts/project_manager.py --parallel',
  runner: 'scripts/agent_runner.py --workers 5',
  monitor: 'scripts/monitor_pipeline.py --interval 60',
};

/** A whole pipeline as it runs: watchdog 50, shell 60, runner 62, monitor 63, manager 70, API 11. */
export function pipeline(started: string): ProcessInfo[] {
  return [
    process(11, started, 'uvicorn'),
    process(50, started, scripts.watchdog),
    {
      ...process(60, started, 'scripts/run_overnight_pipeline.sh'),
      argv: ['/bin/bash', ...scripts.shell.split(' ')],
      parentPid: 50,
    },
    process(62, started, scripts.runner, { parentPid: 60 }),
    process(63, started, scripts.monitor, { parentPid: 60 }),
    process(70, started, scripts.manager, { parentPid: 60 }),
  ];
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

/** Facts that grow as a test tells them. */
export class Told {
  readonly store: FactStore;
  readonly located: Located;
  processes: ProcessInfo[] = [];
  constructor(where: Located = located()) {
    this.located = where;
    this.store = new FactStore(where, coherenceKind.parsers);
    this.store.setSpecs(coherenceKind.sources(where, {}));
  }
  document(source: string, value: unknown, times: { modified?: string; born?: string } = {}): this {
    const spec = coherenceKind.sources(this.located, {}).find((one) => one.id === source);
    const path = spec?.type === 'document' ? spec.glob : source;
    const modifiedAt = at(times.modified ?? '03:00:00');
    this.store.take({
      type: 'chunk',
      source,
      path,
      chunk: { type: 'document', text: typeof value === 'string' ? value : JSON.stringify(value) },
      at: modifiedAt,
      modifiedAt,
      fresh: true,
      ...(times.born === undefined ? {} : { bornAt: at(times.born) }),
    });
    return this;
  }
  gone(source: string, when: string): this {
    for (const file of this.store.files(source))
      this.store.take({ type: 'gone', source, path: file.path, at: at(when) });
    return this;
  }
  /** The place of a source was looked at, whether or not anything was there. */
  looked(source: string, when: string): this {
    const counts = { items: 0, records: 0, badRecords: 0, unreadBytes: 0 };
    const status = { id: source, type: 'document', place: source, state: 'waiting', ...counts } as const;
    this.store.take({ type: 'status', status: { ...status, lastReadAt: at(when) } });
    return this;
  }
  log(source: string, text: string, modified = '03:00:00', path = `api/logs/${source}`): this {
    const chunk = { type: 'lines' as const, lines: linesOf(text) };
    this.store.take({
      type: 'chunk',
      source,
      path,
      chunk,
      at: at(modified),
      modifiedAt: at(modified),
      fresh: true,
    });
    return this;
  }
  http(
    source: string,
    answer: { status?: number; body?: unknown; error?: string; failures?: number },
    when: string,
  ): this {
    const { body, failures = answer.status === 200 ? 0 : 1, ...rest } = answer;
    this.store.take({
      type: 'chunk',
      source,
      path: `/api/${source}`,
      chunk: {
        type: 'http',
        latencyMs: 4,
        failures,
        ...rest,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
      at: at(when),
      fresh: false,
    });
    return this;
  }
  derive(when: string): Derived {
    const now = at(when);
    const processes = { readAt: now, processes: this.processes };
    return coherenceKind.derive({ located: this.located, facts: this.store, processes, now });
  }
  view(when: string): StateView {
    const derived = this.derive(when);
    const entities = new Map(derived.entities.map((one) => [entityKey(one), one]));
    const table = { readAt: at(when), processes: this.processes };
    return stateViewOf(this.located, at(when), entities, derived.data ?? {}, table);
  }
}

/** The entity of that type and id. */
export function find<T extends EntityType>(derived: Derived, type: T, id: string): EntityOf<T> | undefined {
  return derived.entities.find((one): one is EntityOf<T> => one.type === type && one.id === id);
}

/** The queue as `label id`, for a look at all of it. */
export function queue(derived: Derived): string[] {
  const waiting = derived.entities.filter((one: Entity) => one.attention !== undefined);
  return waiting.map((one) => `${one.attention?.rank} ${one.attention?.label} ${one.id}`).sort();
}

/**
 * A made-up orchestrator for the tests of the engine: `jobs.json` holds its jobs, `mill.log` its lines (`1500 text`: a
 * time in milliseconds and words; `fault` breaks our parser, which must not happen and must not matter).
 */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Entity, SystemId } from '../../src/domain/entity.ts';
import { instant } from '../../src/domain/instant.ts';
import type { LogRecord } from '../../src/domain/log.ts';
import { createEngine, type Engine, type EngineOptions } from '../../src/engine/engine.ts';
import type { StateChanges } from '../../src/engine/protocol.ts';
import { systemClock } from '../../src/host/clock.ts';
import { createPump } from '../../src/ingest/pump.ts';
import { getNumber, getString, type Json, type JsonObject, readJson } from '../../src/lib/json.ts';
import type { FileFacts, Located, Parser, SystemKind } from '../../src/systems/system.ts';

/** A job as `jobs.json` has it. `leaseUntil`: past that it counts as blocked. `plan` makes an approval of it. */
export interface MillJob {
  readonly status: 'queued' | 'running' | 'done';
  readonly leaseUntil?: number;
  readonly plan?: string;
}

const jobsParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, { path }) {
    const read = chunk.type === 'document' ? readJson(chunk.text) : undefined;
    if (!read?.ok) return { carry, bad: [{ path, reason: `no JSON: ${read?.error ?? chunk.type}` }] };
    return { carry, facts: { jobs: read.value } };
  },
};

/** Counts lines from the beginning of its file in its carry, and all of the log in a fact. */
const logParser: Parser = {
  version: 1,
  start: 0,
  fold(carry, chunk, context) {
    if (chunk.type !== 'lines') return { carry };
    if (chunk.lines.some((line) => line.text === 'fault')) throw new Error('a rule of ours is wrong');
    const records = chunk.lines.map((line): LogRecord => {
      const [, time, text] = /^(\d+) (.*)$/.exec(line.text) ?? [];
      return {
        offset: line.offset,
        text: text ?? line.text,
        ...(time === undefined ? {} : { at: instant(Number(time)) }),
      };
    });
    const inFile = Number(carry) + records.length;
    const before = context.fact('lines');
    const lines = (typeof before === 'number' ? before : 0) + records.length;
    return { carry: inFile, facts: { lines, inFile }, records };
  },
};

export const millKind: SystemKind = {
  kind: 'mill',
  title: 'Mill',
  settings: z.strictObject({}),
  recognise: () => undefined,
  locate: (root, _look, system) => millAt(root, system),
  sources: (located) => [
    { id: 'jobs', type: 'document', glob: 'jobs.json', parser: 'jobs' },
    { id: 'log', type: 'log', glob: 'mill.log', parser: 'log' },
    ...(located.url === undefined
      ? []
      : ([{ id: 'api', type: 'http', path: '/health', everyMs: 60_000, parser: 'jobs' }] as const)),
  ],
  parsers: { jobs: jobsParser, log: logParser },
  derive({ located, facts, now }) {
    const [file] = facts.files('jobs');
    const jobs = file?.facts.get('jobs');
    if (!file || typeof jobs !== 'object' || jobs === null) return { entities: [] };
    if (getString(jobs, 'status') === 'boom') throw new Error('derive met what it did not expect');
    const entities = Object.entries(jobs).flatMap(([id, job]) => entitiesOf(located, file, id, job, now));
    const ends = Object.values(jobs)
      .map((job) => getNumber(job as Json, 'leaseUntil') ?? 0)
      .filter((end) => end > now);
    const lines = facts.files('log')[0]?.facts.get('lines') ?? 0;
    return {
      entities,
      data: { lines } as JsonObject,
      ...(ends.length > 0 ? { nextInstant: instant(Math.min(...ends)) } : {}),
    };
  },
  acts: [],
  playbooks: [],
};

function entitiesOf({ system }: Located, file: FileFacts, id: string, job: Json, now: number): Entity[] {
  const native = getString(job, 'status') ?? '';
  const end = getNumber(job, 'leaseUntil');
  const plan = getString(job, 'plan');
  const base = { system, observedAt: file.readAt, evidence: { source: file.source, path: file.path } };
  const isOver = native === 'running' && end !== undefined && end <= now;
  const status = native === 'running' || native === 'done' ? native : 'queued';
  const found: Entity[] = [
    { ...base, type: 'job', id, title: id, status: isOver ? 'blocked' : status, logKeys: [id] },
  ];
  if (plan !== undefined) {
    found.push({
      ...base,
      type: 'approval',
      id,
      title: `plan of ${id}`,
      ask: 'review',
      status: 'pending',
      answerable: true,
      payload: { form: 'plan', text: plan },
      decisions: [],
    });
  }
  return found;
}

/** The installation at `root`. */
export function millAt(root: string, system: SystemId = 'mill' as SystemId, url?: string): Located {
  return {
    system,
    kind: 'mill',
    root,
    timezone: 'UTC',
    settings: {},
    extra: {},
    ...(url === undefined ? {} : { url }),
  };
}

/** A mill in a directory of its own. */
export class Mill {
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), 'engine-test-')));

  /** Replaces the jobs in one step. */
  jobs(jobs: { readonly [id: string]: MillJob } | { readonly status: 'boom' }): void {
    mkdirSync(this.dir, { recursive: true });
    writeFileSync(join(this.dir, 'jobs.tmp'), JSON.stringify(jobs));
    renameSync(join(this.dir, 'jobs.tmp'), join(this.dir, 'jobs.json'));
  }

  log(...lines: string[]): void {
    writeFileSync(join(this.dir, 'mill.log'), lines.map((line) => `${line}\n`).join(''), { flag: 'a' });
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** An engine over real files that watches one mill. */
export function millEngine(located: Located, more: Partial<EngineOptions> = {}): Engine {
  return createEngine({
    systems: [{ kind: millKind, located }],
    clock: systemClock(),
    once: false,
    makePump: createPump,
    secret: () => undefined,
    ...more,
  });
}

/** Subscribes and keeps all messages. */
export function listen(engine: Pick<Engine, 'subscribe'>): StateChanges[] {
  const messages: StateChanges[] = [];
  engine.subscribe((changes) => messages.push(changes));
  return messages;
}

/** Ids of jobs with their states, as the messages after one another leave them. */
export function jobsIn(messages: readonly StateChanges[]): Record<string, string> {
  const jobs = new Map<string, string>();
  for (const { reset, upserts, removed } of messages) {
    if (reset) jobs.clear();
    for (const entity of upserts) if (entity.type === 'job') jobs.set(entity.id, entity.status);
    for (const ref of removed) if (ref.type === 'job') jobs.delete(ref.id);
  }
  return Object.fromEntries(jobs);
}

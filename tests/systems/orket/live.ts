/**
 * A simulated checkout whose programs really run, acted on by the real service and runner: stores, ledger, hands, child
 * programs and servers are real. The state is looked at afresh each time: files, process table and servers, nothing kept.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { untie } from '../../../fixtures/demo/orket/leash.ts';
import { orketSimulator } from '../../../fixtures/demo/orket/simulator.ts';
import { hostHands } from '../../../src/acts/hands.ts';
import { createMasker } from '../../../src/acts/mask.ts';
import type { Hands } from '../../../src/acts/ports.ts';
import { runOrder } from '../../../src/acts/runner.ts';
import { createActService } from '../../../src/acts/service.ts';
import { secretOf } from '../../../src/config/systems.ts';
import { openHostStore } from '../../../src/db/host-store.ts';
import { openLedger } from '../../../src/db/ledger.ts';
import { openSpool } from '../../../src/db/spool.ts';
import type { ActPreview, Params, StepAnswer } from '../../../src/domain/act.ts';
import { type EntityType, entityKey, type SystemId } from '../../../src/domain/entity.ts';
import { type Instant, instant } from '../../../src/domain/instant.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { type Clock, systemClock } from '../../../src/host/clock.ts';
import { processStartedAt } from '../../../src/host/process-stat.ts';
import { processTableReader } from '../../../src/host/process-table.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import type { CommonSettings, Located, StateView } from '../../../src/systems/system.ts';
import { deriveLocated, type FixtureCase, locateCase } from '../fixture-case.ts';
import { writeInterpreter } from '../interpreter.ts';

/** How an act ended. */
export interface Ended {
  readonly outcome: string | undefined;
  readonly summary: string;
  readonly answer: StepAnswer | undefined;
  readonly preview: ActPreview;
  /** Its stages as they were last seen: `done seen: ...`. */
  readonly stages: readonly string[];
}

export interface ActMore {
  readonly params?: Params;
  /** Nothing is to come: once the steps have run and the state was looked at, its deadlines are over. */
  readonly inVain?: true;
  /** Programs are given no more than this, in milliseconds. */
  readonly timeoutMs?: number;
}

const PACE = 30;
/** Between two looks: each reads everything, which takes a third of that time. */
const LOOK_MS = 100;

/** The simulated checkout with the programs that a test starts. */
export class LiveOrket {
  readonly home = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-orket-live-')));
  readonly dir = join(this.home, 'orket');
  settings: CommonSettings = {};
  /** Programs of the host that a test puts in place of those there are. */
  programs: { readonly [name: string]: string } = {};
  readonly #children: ChildProcess[] = [];
  readonly #reader = processTableReader();
  #python = '';
  #data = {};

  async lay(more: CommonSettings = {}): Promise<void> {
    this.#python = join(this.home, 'python');
    writeInterpreter(this.#python, new URL('./stand-in.ts', import.meta.url));
    const options = { pace: PACE, python: this.#python, now: () => Date.now() };
    const laid = await orketSimulator.lay(this.dir, options);
    const camel = (key: string): string => key.replace(/-[a-z]/g, (part) => part.slice(1).toUpperCase());
    const given = Object.fromEntries(
      Object.entries(laid.settings).map(([key, value]) => [camel(key), value]),
    );
    this.settings = { ...given, ...more };
  }

  get located(): Located {
    const { python: _python, ...rest } = this.settings as { [name: string]: string };
    const fixture = { settings: rest, mtimes: {}, processes: [], http: {}, at: instant(0) };
    const found = locateCase(orketKind, this.dir, fixture);
    const extra = { ...found.extra, ...this.programs };
    return {
      ...found,
      extra,
      ...(this.settings.python === undefined ? {} : { python: this.settings.python }),
    };
  }

  lie(...names: string[]): void {
    writeFileSync(join(this.dir, '.lies'), names.join(' '));
  }

  /** Starts a program of the checkout beside the acts, as its owner would. */
  start(...argv: string[]): ChildProcess {
    const child = spawn(this.#python, argv, { cwd: this.dir, stdio: 'ignore' });
    this.#children.push(child);
    return child;
  }

  async startApi(): Promise<ChildProcess> {
    const child = this.start('server.py');
    await this.until('the API to answer', (view) => view.entity('service', 'api')?.status === 'up');
    return child;
  }

  async look(): Promise<StateView> {
    const { located } = this;
    const now = instant(Date.now());
    // What sources there are is told by what is read, mostly what the last look found: begun with nothing, all is read twice.
    let data = this.#data;
    let processes: FixtureCase['processes'] = [];
    let http: FixtureCase['http'] = {};
    for (;;) {
      const sources = orketKind.sources(located, data);
      const spec = sources.find((source) => source.type === 'process');
      if (spec?.type === 'process') processes = (await this.#reader.read(spec.match, now)).processes;
      http = { ...http, ...(await this.#answers(located, data, http)) };
      const at = instant(Date.now());
      const probes = probesOf(located, data);
      const derived = deriveLocated(orketKind, located, {
        probes,
        settings: {},
        mtimes: {},
        processes,
        http,
        at,
      });
      const next = derived.data ?? {};
      if (JSON.stringify(next) === JSON.stringify(data)) {
        this.#data = next;
        const entities = new Map(derived.entities.map((entity) => [entityKey(entity), entity]));
        return stateViewOf(located, at, entities, next, { readAt: at, processes });
      }
      data = next;
    }
  }

  async #answers(located: Located, data: object, known: FixtureCase['http']): Promise<FixtureCase['http']> {
    const asked = orketKind
      .sources(located, data as never)
      .flatMap((spec) => (spec.type === 'http' && !Object.hasOwn(known, spec.path) ? [spec] : []));
    const answers = await Promise.all(
      asked.map(async (spec): Promise<[string, FixtureCase['http'][string]]> => {
        const url = spec.path.startsWith('http') ? spec.path : `${located.url}${spec.path}`;
        const key = spec.secretHeader && secretOf(located, spec.secretHeader.variable, process.env);
        const headers = spec.secretHeader && key ? { [spec.secretHeader.name]: key } : {};
        try {
          const answer = await fetch(url, { headers, signal: AbortSignal.timeout(400) });
          return [spec.path, { status: answer.status, body: await answer.text() }];
        } catch (error) {
          return [spec.path, { error: String(error) }];
        }
      }),
    );
    return Object.fromEntries(answers);
  }

  async until(what: string, holds: (view: StateView) => boolean): Promise<StateView> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const view = await this.look();
      if (holds(view)) return view;
      if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
      await sleep(LOOK_MS);
    }
  }

  /** What the preview of an act shows. */
  async preview(act: string, type: EntityType, id: string, params: Params = {}): Promise<ActPreview> {
    const desk = await this.#desk();
    try {
      return desk.service.preview({ act, target: { system: 'orket' as SystemId, type, id }, params });
    } finally {
      desk.close();
    }
  }

  /** Says yes to an act and runs it to its end. */
  async act(act: string, type: EntityType, id: string, more: ActMore = {}): Promise<Ended> {
    const desk = await this.#desk(more);
    try {
      const target = { system: 'orket' as SystemId, type, id };
      const params = more.params ?? {};
      const preview = desk.service.preview({ act, target, params });
      if (preview.refused !== undefined) throw new Error(`refused: ${preview.refused}`);
      const given = await desk.service.start({
        act,
        target,
        params,
        revision: preview.revision,
        confirmedBy: preview.confirmation === 'code' ? 'code' : 'yes',
        reason: 'test',
        ...(preview.code === undefined ? {} : { code: preview.code }),
      } as Parameters<typeof desk.service.start>[0]);
      if (given.read)
        return { outcome: 'read', summary: given.read.summary, answer: given.read, preview, stages: [] };
      if (given.order === undefined) throw new Error(`not started: ${given.refused}`);
      await runOrder(given.order, desk.runner);
      const row = desk.host.orders.get(given.order);
      return {
        outcome: row?.outcome,
        summary: row?.progress.summary ?? '',
        answer: row?.progress.answer,
        preview,
        stages: (row?.progress.stages ?? []).map(
          (one) => `${one.stage} ${one.state}: ${one.detail ?? one.title}`,
        ),
      };
    } finally {
      desk.close();
    }
  }

  async #desk(more: ActMore = {}) {
    const state = join(this.home, 'state');
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const clock = systemClock();
    const host = openHostStore({ directory: state, now: clock.now(), busyMs: 5_000 });
    const ledger = openLedger({ path: join(state, 'ledger.db'), now: clock.now(), busyMs: 5_000 });
    const output = openSpool(state, {});
    const self = { pid: process.pid, startedAt: processStartedAt(process.pid) ?? clock.now() };
    const masker = createMasker(['demo-key-of-no-worth']);
    const hands = handsFor(more.timeoutMs);
    const view = await this.look();
    const service = createActService({
      clock,
      version: 'test',
      who: { user: 'alice', uid: process.getuid?.() ?? 0, host: 'test' },
      self,
      orders: host.orders,
      steps: host.steps,
      ledger: { ok: true, value: ledger },
      output,
      hands,
      masker,
      system: () => ({ kind: orketKind, policy: { readOnly: false, runAs: '*' }, view: () => view }),
      heldByOther: () => undefined,
      spawnRunner: () => {},
    });
    const runnerClock = new RunnerClock();
    const runner: Parameters<typeof runOrder>[1] = {
      clock: runnerClock,
      version: 'test',
      self,
      uid: process.getuid?.(),
      orders: host.orders,
      ledger,
      output,
      hands,
      masker,
      kindOf: () => orketKind,
      observe: (_kind, _located, listener) => {
        let isOpen = true;
        let looks = 0;
        const watching = (async () => {
          while (isOpen) {
            const now = await this.look();
            if (isOpen) listener(now);
            // Two looks that began when all was done: what they don't show does not come.
            if (host.orders.list(1)[0]?.progress.watch) looks += 1;
            if (more.inVain && looks > 2) runnerClock.leap();
            await sleep(LOOK_MS);
          }
        })();
        return {
          close: async () => {
            isOpen = false;
            await watching;
          },
        };
      },
      secret: (located, name) => secretOf(located, name, process.env),
    };
    return {
      service,
      runner,
      host,
      close: () => {
        service.close();
        host.close();
        ledger.close();
      },
    };
  }

  async remove(): Promise<void> {
    untie(this.dir);
    for (const child of this.#children) child.kill('SIGKILL');
    // What acts have started sees the end within a quarter of a second.
    const isOurs = (view: StateView): boolean => view.processes.every(({ cwd }) => cwd !== this.dir);
    await this.until('the programs to end', isOurs).catch(() => {});
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Real hands; a program is given no more than `timeoutMs`. */
function handsFor(timeoutMs: number | undefined): Hands {
  if (timeoutMs === undefined) return hostHands;
  return { ...hostHands, run: (options) => hostHands.run({ ...options, timeoutMs }) };
}

/** What the programs of probes print now. */
function probesOf(located: Located, data: object): NonNullable<FixtureCase['probes']> {
  return Object.fromEntries(
    orketKind.sources(located, data as never).flatMap((spec) => {
      if (spec.type !== 'probe') return [];
      const { status, stdout, stderr } = spawnSync(spec.argv[0] ?? '', spec.argv.slice(1), {
        encoding: 'utf8',
      });
      return [[spec.id, { exitCode: status ?? 1, stdout, stderr }]];
    }),
  );
}

/** Half an hour: longer than any deadline of an act. */
const LEAP_MS = 1_800_000;

/** The clock of a runner. It can be put forward; short pauses are shorter. */
class RunnerClock implements Clock {
  readonly #real = systemClock();
  readonly #pending = new Map<() => void, () => void>();
  #ahead = 0;

  now(): Instant {
    return (this.#real.now() + this.#ahead) as Instant;
  }

  monotonic(): number {
    return this.#real.monotonic() + this.#ahead;
  }

  after(ms: number, task: () => void): () => void {
    const run = (): void => {
      this.#pending.delete(run);
      task();
    };
    const stop = this.#real.after(ms <= 1_000 ? ms / 4 : ms, run);
    // Deadlines alone leap with the clock.
    if (ms > 1_000) this.#pending.set(run, stop);
    return () => {
      this.#pending.delete(run);
      stop();
    };
  }

  every(ms: number, task: () => void): () => void {
    return this.#real.every(ms, task);
  }

  at(when: Instant, task: () => void): () => void {
    return this.after(when - this.now(), task);
  }

  leap(): void {
    this.#ahead += LEAP_MS;
    for (const [run, stop] of [...this.#pending]) {
      stop();
      run();
    }
  }
}

/** An installation whose acts are really done: stand-ins as programs, git, signals, the ledger, and a watch that looks. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { layCheckout } from '../../../fixtures/demo/reflexive/checkout.ts';
import { publishedSource, runbookSource } from '../../../fixtures/demo/reflexive/cli-source.ts';
import { analyticsSchema } from '../../../fixtures/demo/reflexive/formats.ts';
import { daemonMark } from '../../../fixtures/demo/reflexive/stand-in.ts';
import { lookInto } from '../../../src/config/look.ts';
import type { ActPreview, Params } from '../../../src/domain/act.ts';
import type { Entity, EntityType, SystemId } from '../../../src/domain/entity.ts';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import { reflexiveKind } from '../../../src/systems/reflexive/index.ts';
import type { CommonSettings, Located, StateView } from '../../../src/systems/system.ts';
import { Acting, type Ended, until, watchOf } from '../acting.ts';
import { writeInterpreter } from '../interpreter.ts';
import { World } from './world.ts';

const node = new URL('../../../node_modules/.bin/node', import.meta.url).pathname;

const configText = `orchestrator:
  mode: supervised
  poll_interval: 300 # seconds
github:
  repository: acme/widgets
safety:
  max_api_cost_per_day: 50.0  # USD
logging:
  level: INFO
`;

export class Rig {
  readonly world = new World();
  readonly dir = this.world.dir;
  readonly bin = join(this.dir, 'bin');
  readonly #children: ChildProcess[] = [];
  readonly #watches: SystemWatch[] = [];
  #acting: Acting | undefined;
  #watch: SystemWatch | undefined;
  settings: CommonSettings = {};
  /** How many times faster deadlines pass; for acts whose effect never comes. */
  hurry = 1;
  /** What an act has to have seen before they do. */
  patientUntil: (view: StateView) => boolean = () => true;
  /** Longest a program may take, in place of what its act allows. */
  longestRunMs = Number.POSITIVE_INFINITY;

  constructor(generation: 'published' | 'listing' | 'runbook' = 'published') {
    const source = generation === 'runbook' ? runbookSource() : publishedSource(generation === 'listing');
    this.world.write('src/cli.py', source);
    this.world.write('config/orchestrator-config.yaml', configText);
    mkdirSync(this.bin, { recursive: true });
    writeInterpreter(join(this.bin, 'python'), new URL('./stand-in.ts', import.meta.url));
  }

  /** A program on the PATH of the cockpit. */
  tool(name: string, body: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(this.bin, name), 0o755);
  }

  lie(...names: string[]): void {
    this.world.write('.lies', names.join(' '));
  }

  git(...words: string[]): string {
    return spawnSync('git', words, { cwd: this.dir, encoding: 'utf8' }).stdout.trim();
  }

  layCheckout(): void {
    layCheckout(this.dir, Date.now() - 60_000);
  }

  /** The daemon as a process, as somebody in a terminal would start it. */
  async daemon(): Promise<number> {
    const child = spawn(join(this.bin, 'python'), ['-m', 'src.cli', 'start', '--mode', 'supervised'], {
      cwd: this.dir,
      stdio: 'ignore',
      env: { ...process.env, DEMO_PACE: '20' },
    });
    this.#children.push(child);
    await until(
      () => existsSync(join(this.dir, 'logs/orchestrator.log')) && this.log().includes('Starting main loop'),
    );
    return child.pid ?? 0;
  }

  /** A process that looks like the daemon and does nothing. */
  stillDaemon(): void {
    const argv = ['-e', 'setTimeout(() => {}, 1e6)', 'src.cli', 'start'];
    this.#children.push(spawn(node, argv, { cwd: this.dir, stdio: 'ignore' }));
  }

  /** Rows for `analytics.db`. */
  database(sql: string): void {
    const database = new Database(join(this.dir, 'workspace/analytics.db'));
    database.exec(`${analyticsSchema}; ${sql}`);
    database.close();
  }

  log(): string {
    const path = join(this.dir, 'logs/orchestrator.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  get located(): Located {
    const env = { ...process.env, PATH: `${this.bin}:${process.env['PATH'] ?? ''}` };
    const settings = { timezone: 'UTC', python: join(this.bin, 'python'), ...this.settings };
    return reflexiveKind.locate(this.dir, lookInto(this.dir, env), 'reflexive' as SystemId, settings);
  }

  /** A watch begun now: what is seen by one who starts after everything has happened. */
  async look(once = false): Promise<SystemWatch> {
    const watch = watchOf(reflexiveKind, this.located, once);
    this.#watches.push(watch);
    await watch.start();
    return watch;
  }

  /** The view of a watch that has been there since the first call. */
  async view(): Promise<StateView> {
    this.#watch ??= await this.look();
    return this.#watch.view();
  }

  /** Has that watch read everything anew. */
  async refresh(): Promise<void> {
    await this.#watch?.refresh();
  }

  async find<T extends EntityType>(type: T, id: string): Promise<Entity> {
    let found: Entity | undefined;
    await until(async () => {
      found = (await this.view()).entity(type, id);
      return found !== undefined;
    });
    return found as Entity;
  }

  async preview(act: string, type: EntityType, id: string, params: Params = {}): Promise<ActPreview> {
    return (await this.#acts()).preview(act, type, id, params);
  }

  /** Says yes, and waits until the order is recorded as ended. */
  async act(act: string, type: EntityType, id: string, params: Params = {}): Promise<Ended> {
    const { hurry, patientUntil, longestRunMs: runMs } = this;
    return (await this.#acts()).act(act, type, id, { params, hurry, patientUntil, runMs });
  }

  async #acts(): Promise<Acting> {
    await this.view();
    const watch = this.#watch as SystemWatch;
    this.#acting ??= new Acting(reflexiveKind, this.located, watch, join(this.dir, 'state-of-ours'));
    return this.#acting;
  }

  async end(): Promise<void> {
    this.#acting?.close();
    for (const watch of this.#watches) await watch.close();
    const mark = join(this.dir, daemonMark);
    const pids = [
      ...this.#children.map((child) => child.pid),
      existsSync(mark) ? Number(readFileSync(mark, 'utf8')) : 0,
    ];
    for (const pid of pids) {
      try {
        if (pid !== undefined && pid > 1) process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    this.world.remove();
  }
}

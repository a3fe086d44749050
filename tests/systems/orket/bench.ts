/** A laid-out checkout that is watched once and acted on many times: for acts that are to leave it as it is. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Params } from '../../../src/domain/act.ts';
import type { EntityType } from '../../../src/domain/entity.ts';
import { SystemWatch } from '../../../src/engine/system-watch.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { createPump } from '../../../src/ingest/pump.ts';
import { LogStore } from '../../../src/logs/log-store.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { Acting, type Doing, type Ended, until } from '../acting.ts';
import { LiveOrket } from './live.ts';

/** An act, what it is done to, and parameters. */
export type Given = readonly [act: string, type: EntityType, id: string, params?: Params];

/** Everything waits for its effect in vain: deadlines are over at once. */
const IN_VAIN = 50_000;
export const KEY = 'ORKET_API_KEY';

/** One laid-out checkout with a watch of it, for as many acts as leave it as it is. */
export class Bench {
  readonly orket = new LiveOrket();
  #watch: SystemWatch | undefined;
  #acting: Acting | undefined;

  async lay(more: object = {}): Promise<void> {
    await this.orket.lay(more);
  }

  get python(): string {
    return join(this.orket.home, 'python');
  }

  /** The interpreter from now on. What is let go and stays notes its id in `$NOTED`, and is ended with the test. */
  interpreter(body: string): void {
    writeFileSync(this.python, `#!/bin/sh\nNOTED='${join(this.orket.home, 'pids')}'\n${body}\n`);
    chmodSync(this.python, 0o755);
  }

  /** Begins to watch: what was set up to now is what is there. */
  async watch(): Promise<void> {
    const { located } = this.orket;
    this.#watch = new SystemWatch(orketKind, located, {
      clock: systemClock(),
      logs: new LogStore(),
      once: false,
      makePump: createPump,
      secret: (_located, name) => process.env[name],
      onChange: () => {},
      onStatus: () => {},
    });
    await this.#watch.start();
    await until(() => this.view().entity('job', 'KELP-1') !== undefined);
    this.#acting = new Acting(orketKind, located, this.#watch, join(this.orket.home, 'state-of-watch'));
  }

  view(): StateView {
    return (this.#watch as SystemWatch).view();
  }

  async refresh(): Promise<void> {
    await this.#watch?.refresh();
  }

  async act([act, type, id, params = {}]: Given, doing: Doing = {}): Promise<Ended> {
    return await (this.#acting as Acting).act(act, type, id, { hurry: IN_VAIN, ...doing, params });
  }

  /** One after the other: act, item, how it ended. */
  async all(given: readonly Given[], doing: Doing = {}): Promise<readonly (readonly [string, Ended])[]> {
    const ended: (readonly [string, Ended])[] = [];
    for (const one of given) ended.push([`${one[0]} ${one[2]}`, await this.act(one, doing)]);
    return ended;
  }

  /** Every file of the checkout but what servers and runs print, by its bytes. */
  files(): string {
    const names = readdirSync(this.orket.dir, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile() && !one.name.endsWith('.out') && one.name !== '.lies')
      .map((one) => join(one.parentPath, one.name))
      .sort();
    return names
      .map((name) => `${name} ${createHash('sha1').update(readFileSync(name)).digest('hex')}`)
      .join('\n');
  }

  async end(): Promise<void> {
    this.#acting?.close();
    await this.#watch?.close();
    const noted = join(this.orket.home, 'pids');
    for (const pid of existsSync(noted) ? readFileSync(noted, 'utf8').trim().split('\n').map(Number) : []) {
      try {
        if (readlinkSync(`/proc/${pid}/cwd`) === this.orket.dir) process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    await this.orket.remove();
  }
}

/** How each ended: `act item: outcome`. */
export const outcomes = (ended: readonly (readonly [string, Ended])[]): readonly string[] =>
  ended.map(([what, { outcome }]) => `${what}: ${outcome}`);
/** The same for acts that all end in one way. */
export const allOf = (given: readonly Given[], outcome: string): readonly string[] =>
  given.map(([act, , id]) => `${act} ${id}: ${outcome}`);

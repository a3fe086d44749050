/** A simulated checkout that really runs, looked at afresh each time: files, process table and server, nothing kept. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { coherenceSimulator } from '../../../fixtures/demo/coherence/simulator.ts';
import type { LaidSystem, SimulatorOptions } from '../../../fixtures/demo/simulator.ts';
import { entityKey } from '../../../src/domain/entity.ts';
import { type Instant, instant } from '../../../src/domain/instant.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { processTableReader } from '../../../src/host/process-table.ts';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import type { Derived, Located, StateView } from '../../../src/systems/system.ts';
import { deriveLocated, type FixtureCase, locateCase } from '../fixture-case.ts';
import { writeInterpreter } from '../interpreter.ts';

export interface Live {
  readonly dir: string;
  readonly laid: LaidSystem;
  readonly located: Located;
  /** Everything as of now. */
  look(): Promise<{ readonly derived: Derived; readonly view: StateView }>;
  /** Looks until `holds`, or fails after `seconds` with what was there last. */
  until<T>(
    what: string,
    seconds: number,
    holds: (look: { derived: Derived; view: StateView }) => T | undefined,
  ): Promise<T>;
  /** Names of the lies switched on from now on. */
  lie(...names: string[]): void;
  end(): Promise<void>;
}

/** Lays the simulated checkout out and starts it. */
export async function startLive(): Promise<Live> {
  const { dir, laid, options } = await layLive();
  const ending = new AbortController();
  const running = coherenceSimulator.run(laid, options, ending.signal);
  const fixture = { settings: laid.settings, mtimes: {}, processes: [], http: {}, at: instant(0) };
  const located = locateCase(coherenceKind, laid.dir, {
    ...fixture,
    settings: { ...laid.settings, timezone: zone() },
  });
  const reader = processTableReader();
  const look = async (): Promise<{ derived: Derived; view: StateView }> => {
    const now = instant(Date.now());
    const processes = await readProcesses(reader, located, now);
    const http = await readAnswers(located);
    const at = instant(Date.now());
    const derived = deriveLocated(coherenceKind, located, { ...fixture, at, processes, http });
    const entities = new Map(derived.entities.map((entity) => [entityKey(entity), entity]));
    const table = { readAt: at, processes };
    return { derived, view: stateViewOf(located, at, entities, derived.data ?? {}, table) };
  };
  return {
    dir,
    laid,
    located,
    look,
    async until(what, seconds, holds) {
      const end = Date.now() + seconds * 1000;
      for (;;) {
        const seen = await look();
        const answer = holds(seen);
        if (answer !== undefined) return answer;
        if (Date.now() > end) {
          const state = seen.derived.entities.map(
            (one) => `${entityKey(one)} ${'status' in one ? one.status : ''}`,
          );
          throw new Error(
            `not within ${seconds} s: ${what}\n${state.join('\n')}\n${JSON.stringify(seen.derived.data)}`,
          );
        }
        await sleep(150);
      }
    },
    lie: (...names) => writeFileSync(join(laid.dir, '.lies'), names.join(' ')),
    async end() {
      ending.abort();
      await running;
      // Parts that others of them started see the end within a quarter of a second.
      await sleep(600);
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The checkout as laid out, not started. */
export async function layLive(): Promise<{ dir: string; laid: LaidSystem; options: SimulatorOptions }> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-coherence-live-')));
  const options: SimulatorOptions = { pace: 3, python: join(dir, 'python'), now: () => Date.now() };
  writeInterpreter(options.python, new URL('./stand-in.ts', import.meta.url));
  const laid = await coherenceSimulator.lay(join(dir, 'checkout'), options);
  return { dir, laid, options };
}

export function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

async function readProcesses(
  reader: ReturnType<typeof processTableReader>,
  located: Located,
  now: Instant,
): Promise<FixtureCase['processes']> {
  const spec = coherenceKind.sources(located, {}).find((source) => source.type === 'process');
  if (spec?.type !== 'process') return [];
  return (await reader.read(spec.match, now)).processes;
}

async function readAnswers(located: Located): Promise<FixtureCase['http']> {
  const answers: Record<string, { status?: number; body?: string; error?: string }> = {};
  for (const spec of coherenceKind.sources(located, {})) {
    if (spec.type !== 'http') continue;
    try {
      const answer = await fetch(`${located.url}${spec.path}`, { signal: AbortSignal.timeout(700) });
      answers[spec.path] = { status: answer.status, body: await answer.text() };
    } catch (error) {
      answers[spec.path] = {
        error: error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : 'no answer',
      };
    }
  }
  return answers;
}

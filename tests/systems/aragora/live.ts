/** A simulated checkout that really runs, looked at afresh each time: files, process table and server, nothing kept. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { aragoraSimulator } from '../../../fixtures/demo/aragora/simulator.ts';
import type { LaidSystem, SimulatorOptions } from '../../../fixtures/demo/simulator.ts';
import { lookInto } from '../../../src/config/look.ts';
import { entityKey, type SystemId } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { processTableReader } from '../../../src/host/process-table.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import type { CommonSettings, Derived, Located } from '../../../src/systems/system.ts';
import { deriveLocated, type FixtureCase } from '../fixture-case.ts';
import { writeInterpreter } from '../interpreter.ts';

export interface Live {
  readonly laid: LaidSystem;
  readonly located: Located;
  /** Everything as of now, or as of a later moment; `as` another configuration of it sees it. */
  look(laterMs?: number, as?: Located): Promise<Derived>;
  /** Looks until `holds`, or fails after `seconds` with what was there last. */
  until<T>(
    what: string,
    seconds: number,
    holds: (derived: Derived) => T | undefined,
    laterMs?: number,
  ): Promise<T>;
  /** Processes of the checkout, as the process source gives them. */
  processes(): Promise<readonly ProcessInfo[]>;
  /** Names of the lies switched on from now on. */
  lie(...names: string[]): void;
  end(): Promise<void>;
}

export function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The demo's settings as the configuration's reader hands them on. */
export function settingsOf(laid: LaidSystem): CommonSettings {
  const camel = (key: string): string => key.replace(/-[a-z]/g, (part) => part.slice(1).toUpperCase());
  const own = Object.fromEntries(Object.entries(laid.settings).map(([key, value]) => [camel(key), value]));
  return { ...own, timezone: zone() };
}

/** The installation as a configuration with the demo's settings names it. */
export function locateLaid(laid: LaidSystem, more: CommonSettings = {}): Located {
  const settings = { ...settingsOf(laid), ...more };
  return aragoraKind.locate(laid.dir, lookInto(laid.dir, process.env), 'aragora' as SystemId, settings);
}

/** What systemctl, docker and kubectl say, asked as the probes would but in this process. */
export async function readProbes(dir: string): Promise<NonNullable<FixtureCase['probes']>> {
  const probes: Record<string, { exitCode: number; stdout: string; stderr: string }> = {};
  for (const [id, words] of Object.entries({
    unit: ['systemctl', 'show', '--', 'aragora'],
    container: ['docker', 'inspect', '--', 'aragora'],
    cluster: ['kubectl', '--namespace=aragora', 'get', 'deployments,horizontalpodautoscalers,pods'],
  }))
    probes[id] = await play(dir, words);
  return probes;
}

/** Runs a stand-in within this process. */
export async function play(
  cwd: string,
  argv: readonly string[],
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const exitCode = await aragoraSimulator.standIn(argv, {
    cwd,
    env: {},
    lies: new Set(),
    out: (text) => {
      said.stdout += text;
    },
    error: (text) => {
      said.stderr += text;
    },
  });
  return { exitCode, ...said };
}

/** The checkout as laid out, not started. */
export async function layLive(
  pace: number,
): Promise<{ dir: string; laid: LaidSystem; options: SimulatorOptions }> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-aragora-live-')));
  const options: SimulatorOptions = { pace, python: join(dir, 'python'), now: () => Date.now() };
  writeInterpreter(options.python, new URL('./stand-in.ts', import.meta.url));
  const laid = await aragoraSimulator.lay(join(dir, 'checkout'), options);
  return { dir, laid, options };
}

/** Lays the simulated checkout out and starts it. */
export async function startLive(pace: number): Promise<Live> {
  const { dir, laid, options } = await layLive(pace);
  const ending = new AbortController();
  const running = aragoraSimulator.run(laid, options, ending.signal);
  const settings = settingsOf(laid);
  const fixture = { settings, mtimes: {}, processes: [], http: {}, at: instant(0) };
  const located = locateLaid(laid);
  const reader = processTableReader();
  const processes = async (): Promise<readonly ProcessInfo[]> => {
    const spec = aragoraKind.sources(located, {}).find((source) => source.type === 'process');
    if (spec?.type !== 'process') return [];
    return (await reader.read(spec.match, instant(Date.now()))).processes;
  };
  const look = async (laterMs = 0, as = located): Promise<Derived> => {
    const http = await readAnswers(as);
    const probes = readProbes(laid.dir);
    const table = await processes();
    const at = instant(Date.now() + laterMs);
    return deriveLocated(aragoraKind, as, {
      ...fixture,
      at,
      processes: table,
      http,
      probes: await probes,
    });
  };
  return {
    laid,
    located,
    look,
    processes,
    async until(what, seconds, holds, laterMs) {
      const end = Date.now() + seconds * 1000;
      for (;;) {
        const derived = await look(laterMs);
        const answer = holds(derived);
        if (answer !== undefined) return answer;
        if (Date.now() > end) {
          const state = derived.entities.map(
            (one) => `${entityKey(one)} ${'status' in one ? one.status : ''}`,
          );
          throw new Error(`not within ${seconds} s: ${what}\n${state.join('\n')}`);
        }
        await sleep(150);
      }
    },
    lie: (...names) => writeFileSync(join(laid.dir, '.lies'), names.join(' ')),
    async end() {
      ending.abort();
      await running;
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** As `.env` of the simulated checkout has it. */
const DEMO_KEY = 'Bearer ara_demo_7f3a91c2';

export async function readAnswers(located: Located): Promise<FixtureCase['http']> {
  const answers: Record<string, { status?: number; body?: string; error?: string }> = {};
  const asked = aragoraKind.sources(located, {}).map(async (spec) => {
    if (spec.type !== 'http') return;
    try {
      const headers = spec.secretHeader ? { authorization: DEMO_KEY } : {};
      const answer = await fetch(`${located.url}${spec.path}`, { headers, signal: AbortSignal.timeout(700) });
      answers[spec.path] = { status: answer.status, body: await answer.text() };
    } catch (error) {
      answers[spec.path] = { error: error instanceof Error ? error.message : 'no answer' };
    }
  });
  await Promise.all(asked);
  return answers;
}

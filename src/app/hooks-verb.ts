import { accessSync, constants } from 'node:fs';
import { hooksOf } from '../config/hooks.ts';
import { type ConfigPlace, loadConfig, placeText } from '../config/load.ts';
import type { Options } from '../config/options.ts';
import type { ConfigFile } from '../config/schema.ts';
import type { Alert } from '../domain/alert.ts';
import type { SystemId } from '../domain/entity.ts';
import { UserError } from '../domain/error.ts';
import { type Hook, hookName } from '../domain/hook.ts';
import { deliver, deliveryLimits } from '../engine/hook-delivery.ts';
import { keepAlive, systemClock } from '../host/clock.ts';
import type { Result } from '../lib/result.ts';
import { ringSequence } from '../lib/ring-sequence.ts';
import { hookHands } from './alerts-room.ts';
import { openSession } from './session.ts';
import { learnSecretsOf, learnSecretsOfHooks } from './system-secrets.ts';

/** One hook that was tried. */
export interface TriedHook {
  /** `hooks.0 fatal,watch: bell`. */
  readonly name: string;
  readonly outcome: Result<string>;
}

/**
 * Hands a test event to every hook of the configuration, one after the other. Rates and what was fired before do not
 * count. A terminal hook rings through `ring`, where there is a terminal to ring on.
 */
export async function tryHooks(
  options: Options,
  cwd: string,
  ring: ((bytes: string) => void) | undefined,
): Promise<readonly TriedHook[]> {
  const { file } = loadConfig(options.config, cwd, process.env);
  const clock = systemClock();
  learnSecretsOfHooks(file);
  try {
    // What a hook prints may be in an env-file.
    for (const { located } of (await openSession(options, cwd)).systems) learnSecretsOf(located);
  } catch {
    // Systems that are not right yet are no reason not to try a hook.
  }
  const release = keepAlive();
  const tried: TriedHook[] = [];
  try {
    for (const [index, hook] of hooksOf(file).entries()) {
      const from = file.hooks === undefined ? 'default' : `hooks.${index}`;
      const name = `${from} on ${hook.on.join(', ')}: ${hookName(hook)}`;
      const event = { first: testAlert(hook, clock.now()), count: 1, others: [] };
      const { type } = hook.deed;
      const outcome =
        type === 'bell' || type === 'osc9'
          ? rung(type, ring)
          : await deliver(hook, event, hookHands(clock), deliveryLimits, new AbortController().signal);
      tried.push({ name, outcome });
    }
  } finally {
    release();
  }
  return tried;
}

function rung(type: 'bell' | 'osc9', ring: ((bytes: string) => void) | undefined): Result<string> {
  if (!ring) return { ok: false, error: 'there is no terminal here to ring on' };
  const place = { tmux: Boolean(process.env['TMUX']), ascii: false };
  ring(ringSequence(type === 'bell' ? { bell: true } : { notify: 'a test of this hook' }, place));
  return { ok: true, value: 'sent to this terminal' };
}

function testAlert(hook: Hook, at: Alert['at']): Alert {
  return {
    id: `test:${at}`,
    on: hook.on[0] ?? 'fatal',
    severity: hook.severity,
    at,
    ref: { system: (hook.systems?.[0] ?? 'test') as SystemId, type: 'issue', id: 'test' },
    title: 'a test of this hook',
    text: 'nothing happened: `binnacle hooks test` was run',
    isTest: true,
  };
}

/** What `config check` asks of hooks beyond their form: systems that are there, programs that can be started. */
export function checkHooks(file: ConfigFile, place: ConfigPlace, systems: readonly string[]): void {
  for (const [index, hook] of (file.hooks === undefined ? [] : hooksOf(file)).entries()) {
    for (const [at, system] of (hook.systems ?? []).entries()) {
      if (systems.includes(system)) continue;
      throw new UserError(
        `${placeText(place, ['hooks', index, 'systems', at])}: no system is called "${system}"`,
        [`systems: ${systems.join(', ')}`],
      );
    }
    if (hook.deed.type !== 'program') continue;
    const [program = ''] = hook.deed.argv;
    try {
      accessSync(program, constants.X_OK);
    } catch {
      throw new UserError(
        `${placeText(place, ['hooks', index, 'do', 'program'])}: ${program} can't be started`,
        ['it must be there and be executable'],
      );
    }
  }
}

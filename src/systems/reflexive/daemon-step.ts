import type { Step } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { keeperProgram, keeperStep } from '../../domain/keeper.ts';
import { getString } from '../../lib/json.ts';
import type { StateView } from '../system.ts';
import {
  cliArgv,
  cliEnvironment,
  cliStep,
  type DaemonMark,
  daemonOf,
  keeper,
  runningDaemons,
  secrets,
} from './act-common.ts';
import { programPath } from './locate.ts';

const keeperTimeoutMs = 120_000;

export const modes = ['supervised', 'autonomous', 'manual'] as const;

/** Why nothing can be asked of what keeps the daemon. */
export function keeperRefusal(view: StateView): string | undefined {
  const by = keeper(view);
  return by === 'wrong' ? 'the setting keeper names nothing that keeps a daemon' : undefined;
}

/** What is said to the keeper; undefined where the daemon is a process of its own. */
export function keptStep(view: StateView, verb: 'start' | 'stop' | 'restart'): Step | undefined {
  const by = keeper(view);
  if (by === 'wrong' || by.by === 'process') return undefined;
  const program = programPath(view.located, keeperProgram(by));
  return keeperStep(by, verb, { program, cwd: view.located.root, timeoutMs: keeperTimeoutMs });
}

export function configRefusal(view: StateView): string | undefined {
  const invalid = view.entity('issue', 'config-invalid');
  return invalid ? `start would end with exit 1: ${invalid.title}` : undefined;
}

/** How the daemon is told its mode: as it was asked for, else as the one before was started. */
function modeArgument(mode: string | undefined): readonly string[] {
  return mode !== undefined && (modes as readonly string[]).includes(mode) ? [`--mode=${mode}`] : [];
}

export function serviceStep(view: StateView, mode: string | undefined, title: string): Step {
  return {
    type: 'service',
    title,
    argv: cliArgv(view, ['start', ...modeArgument(mode)]),
    cwd: view.located.root,
    env: cliEnvironment,
    ...secrets(view),
  };
}

export function validateStep(view: StateView): Step {
  return cliStep(view, ['validate-config'], 'validate the configuration');
}

/** What a start really does, and what it costs. */
export function startWarnings(view: StateView): readonly string[] {
  const by = keeper(view);
  const warnings: string[] = [];
  if (by !== 'wrong' && by.by === 'process') {
    warnings.push(
      view.located.settings.envFile === undefined
        ? 'GITHUB_TOKEN and ANTHROPIC_API_KEY must stand in .env or the configuration: none of this cockpit is passed on'
        : 'GITHUB_TOKEN and ANTHROPIC_API_KEY are passed on from the configured file of variables',
      'It belongs to no terminal and to nothing that starts it again; what it prints besides its log is not kept',
    );
  }
  warnings.push(
    'It claims open labelled issues anew, those done or failed before too, and pays for them again',
  );
  const mode = getString(daemonOf(view)?.data, 'mode');
  if (mode === 'autonomous') warnings.push('The mode is autonomous: nothing it does is asked for');
  if (mode === 'manual') warnings.push('The mode is manual: it polls nothing, and no command reaches it');
  return warnings;
}

/** All processes of the daemon; of two daemons on one checkout, the one that came last. */
export function aimedAt(view: StateView, target: Entity): readonly DaemonMark[] {
  const running = runningDaemons(view);
  return target.type === 'issue' && target.id === 'two-daemons' ? running.slice(-1) : running;
}

export function signalSteps(view: StateView, target: Entity, signal: 'SIGINT' | 'SIGKILL'): readonly Step[] {
  const verb = signal === 'SIGINT' ? 'interrupt' : 'kill';
  return aimedAt(view, target).map(
    ({ pid, startedAt }): Step => ({ type: 'signal', title: `${verb} ${pid}`, pid, startedAt, signal }),
  );
}

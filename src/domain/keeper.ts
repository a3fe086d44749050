/** What starts and stops a program on its host: systemd, docker, or nobody but whoever starts it. */
import type { ProcessStep } from './act.ts';

/** A unit or container that keeps a program. */
export interface NamedKeeper {
  readonly by: 'systemd' | 'systemd-user' | 'docker';
  readonly name: string;
}

/** The keeper of a program; `process`: it is a process of its own. */
export type Keeper = { readonly by: 'process' } | NamedKeeper;

/** How the setting is written; its name can be no option and holds no character of a shell. */
export const KEEPER_FORM = /^(systemd|systemd-user|docker):([A-Za-z0-9][A-Za-z0-9@:._-]{0,200})$/;

/** The keeper as set: nothing, an empty text and `process` mean a process of its own; `wrong` is what names none. */
export function keeperOf(setting: string | undefined): Keeper | 'wrong' {
  if (setting === undefined || setting === '' || setting === 'process') return { by: 'process' };
  const match = KEEPER_FORM.exec(setting);
  if (!match?.[2]) return 'wrong';
  return { by: match[1] as NamedKeeper['by'], name: match[2] };
}

/** The program a keeper is spoken to with. */
export function keeperProgram(keeper: NamedKeeper): 'systemctl' | 'docker' {
  return keeper.by === 'docker' ? 'docker' : 'systemctl';
}

/**
 * `systemctl [--user] --no-ask-password VERB -- UNIT` or `docker VERB NAME`. Without `--no-ask-password` systemctl asks
 * on a terminal it does not have, and stands still until its deadline.
 *
 * @param program absolute path of {@link keeperProgram}
 */
export function keeperStep(
  keeper: NamedKeeper,
  verb: 'start' | 'stop' | 'restart',
  { program, cwd, timeoutMs }: { readonly program: string; readonly cwd: string; readonly timeoutMs: number },
): ProcessStep {
  const user = keeper.by === 'systemd-user' ? ['--user'] : [];
  const words =
    keeper.by === 'docker' ? [verb, keeper.name] : [...user, '--no-ask-password', verb, '--', keeper.name];
  return {
    type: 'process',
    title: `${keeperProgram(keeper)} ${verb} ${keeper.name}`,
    argv: [program, ...words],
    cwd,
    timeoutMs,
  };
}

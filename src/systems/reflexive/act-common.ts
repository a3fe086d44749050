import type { ProcessStep, StageState, StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity, Service } from '../../domain/entity.ts';
import { addMs, type Instant, instant } from '../../domain/instant.ts';
import { keeperOf } from '../../domain/keeper.ts';
import { getArray, getBoolean, getNumber, getString, isObject, type Json, readJson } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import { offers } from './offered.ts';
import { kindSetting } from './schema.ts';

/** A process of the daemon, as the card of the daemon has it. */
export interface DaemonMark {
  readonly pid: number;
  readonly startedAt: Instant;
}

/** The daemon's service; there is always one, also when nothing runs. */
export function daemonOf(view: StateView): Service | undefined {
  return view.entity('service', 'daemon');
}

/** True for the entity that stands for the whole system. */
export function isDaemon(target: Entity): boolean {
  return target.type === 'service' && target.id === 'daemon';
}

/** Processes of the daemon that run now, the oldest first. */
export function runningDaemons(view: StateView): readonly DaemonMark[] {
  return getArray(daemonOf(view)?.data, 'daemons').flatMap((mark): DaemonMark[] => {
    const pid = getNumber(mark, 'pid');
    const startedAt = getNumber(mark, 'startedAt');
    return pid === undefined || startedAt === undefined ? [] : [{ pid, startedAt: instant(startedAt) }];
  });
}

/** `up`, `suspended`, `hidden`, `stopped`, `down` or `never`. */
export function daemonState(view: StateView): string {
  return getString(daemonOf(view)?.data, 'state') ?? 'never';
}

/** What keeps the daemon, in a word of the settings. */
export function keeper(view: StateView) {
  return keeperOf(kindSetting(view.located.settings, 'keeper'));
}

/** Why the program can't be started at all; undefined when it can. `command`: one that it must have. */
export function programRefusal(view: StateView, command?: string): string | undefined {
  const { located } = view;
  if (located.python === undefined) return 'no Python interpreter: set python=PATH for this system';
  if (getBoolean(located.extra, 'hasProgram') === false)
    return `no src/cli.py in ${located.root}: the program runs from its checkout only`;
  if (command !== undefined && offers(view, command) === false)
    return `the program here has no command ${command}`;
  return undefined;
}

/** `python -m src.cli [--config=FILE] WORDS`, in the checkout, where alone it can be imported. */
export function cliArgv(view: StateView, words: readonly string[]): readonly string[] {
  const config = kindSetting(view.located.settings, 'config');
  return [
    view.located.python ?? '',
    '-m',
    'src.cli',
    ...(config === undefined ? [] : [`--config=${config}`]),
    ...words,
  ];
}

/** Wide enough that tables are not cut, and no byte code of ours beside the owner's sources. */
export const cliEnvironment = {
  COLUMNS: '200',
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONIOENCODING: 'utf-8',
} as const;

/** A command of the program that ends by itself. */
export function cliStep(
  view: StateView,
  words: readonly string[],
  title: string,
  timeoutMs = 60_000,
): ProcessStep {
  return {
    type: 'process',
    title,
    argv: cliArgv(view, words),
    cwd: view.located.root,
    env: cliEnvironment,
    ...secrets(view),
    timeoutMs,
  };
}

/** The program reads its tokens from `.env` of the checkout; where a file of them is configured here, from that. */
export function secrets(view: StateView): { readonly secretEnv?: readonly string[] } {
  return view.located.settings.envFile === undefined
    ? {}
    : { secretEnv: ['GITHUB_TOKEN', 'ANTHROPIC_API_KEY'] };
}

/** A text as one word of an option, `--name=TEXT`: one line, no NUL. */
export function optionOf(name: string, text: string): string {
  return `--${name}=${text.replaceAll('\0', '').replace(/\s+/g, ' ').trim()}`;
}

/** Titles of the operations a daemon is at work on. */
export function inFlight(view: StateView): readonly string[] {
  return view
    .entities('job')
    .filter((job) => job.status === 'running')
    .map((job) => job.title);
}

/** What ends with the daemon's process. */
export function strandedByEnd(view: StateView): readonly string[] {
  const strands = inFlight(view).map(
    (title) => `${title}: cut off, its row stays in flight for ever; a branch or a PR of it may exist`,
  );
  const waiting = view.entities('approval').filter((one) => one.status === 'pending' && !one.answerable);
  for (const one of waiting.slice(0, 20)) strands.push(`${one.title}: the request is in memory and is lost`);
  const queued = view.entities('job').filter((job) => job.status === 'queued').length;
  if (queued > 0) strands.push(`${queued} claimed and not begun: claimed anew only while open and labelled`);
  return strands;
}

/** A stage of the expected outcome. */
export function stage(
  order: ActOrder,
  name: StageState['stage'],
  title: string,
  withinMs: number,
  look: Pick<StageState, 'state'> & { readonly detail?: string | undefined },
  required = true,
): StageState {
  const { state, detail } = look;
  return {
    stage: name,
    title,
    state,
    ...(detail === undefined ? {} : { detail }),
    deadline: addMs(order.startedAt, withinMs),
    required,
  };
}

/** Output without the log lines that the program prints among its answers. */
export function plainOutput(output: StepOutput): string {
  return `${output.stdout}${output.stderr === '' ? '' : `\n${output.stderr}`}`
    .split('\n')
    .filter((line) => !/^\{"/.test(line))
    .join('\n')
    .trim();
}

/** The JSON object that begins on a line that is just `{`: log lines and panels of the program stand before it. */
export function printedObject(stdout: string): Json | undefined {
  const lines = stdout.split('\n');
  for (const [index, line] of lines.entries()) {
    if (line.trim() !== '{') continue;
    const rest = lines.slice(index).join('\n');
    const read = readJson(rest.slice(0, rest.lastIndexOf('}') + 1));
    if (read.ok && isObject(read.value)) return read.value;
  }
  return undefined;
}

/** The program's own words on why it failed, else how it ended. */
export function failureOf(output: StepOutput | undefined): string | undefined {
  if (!output) return 'it was not started';
  if (output.timedOut) return 'no end within its time';
  if (output.error !== undefined) return output.error.slice(0, 200);
  if (output.exitCode === 0) return undefined;
  const text = plainOutput(output);
  const said = text.split('\n').find((line) => /✗|^Error|error:/i.test(line));
  const code =
    output.exitCode === null ? `ended by ${output.signal ?? 'a signal'}` : `exit ${output.exitCode ?? '?'}`;
  return said === undefined
    ? code
    : `${code}: ${said
        .replace(/^\s*✗\s*/, '')
        .trim()
        .slice(0, 200)}`;
}

/** An answer that shows what was printed. */
export function answerOf(ok: boolean, summary: string, output: StepOutput | undefined): StepAnswer {
  const text = output ? plainOutput(output).slice(0, 8000) : '';
  return { ok, summary, ...(text === '' ? {} : { sections: [{ title: 'output', text }] }) };
}

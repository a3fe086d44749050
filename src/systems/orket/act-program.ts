import type { HttpStep, ProcessStep, StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity, Job, Run } from '../../domain/entity.ts';
import { getArray, getField, getString, isObject, type JsonObject, readJson } from '../../lib/json.ts';
import type { StateView } from '../system.ts';
import { clip } from './facts.ts';

/** What any start of main.py does first, whatever it was started for (orket/interfaces/cli.py). */
export const STARTING_MAIN = [
  'Starting main.py may rewrite model/core/rocks/run_the_business.json (the reconciler adopts orphan epics).',
  'It appends reconciler_start to workspace/default/orket.log and creates .orket/durable where it is missing.',
] as const;
/** What a rerun does to cards that are done already. */
export const RERUN_RESETS =
  'Rerunning an epic sets EVERY card of its build back to ready: done, blocked and archived ones too.';

const CLI_TIMEOUT_MS = 60_000;
const API_TIMEOUT_MS = 30_000;
/** Beside PYTHONDONTWRITEBYTECODE, which keeps byte code of ours away from the owner's sources. */
const PYTHON = { PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' };

/** Why main.py can't be started here; undefined when it can. */
export function noMain(view: StateView): string | undefined {
  if (view.located.python === undefined) return 'no Python interpreter: set python=PATH for this system';
  return view.located.extra['hasMain'] === false ? `no main.py in ${view.located.root}` : undefined;
}

/** Why a script of the checkout can't be started; undefined when it can. */
export function noScript(view: StateView, script: string): string | undefined {
  if (view.located.python === undefined) return 'no Python interpreter: set python=PATH for this system';
  return getArray(view.located.extra, 'scripts').includes(script)
    ? undefined
    : `no ${script} in ${view.located.root}`;
}

/** Why the API can't be asked; undefined when it can. `/v1` answers 403 to whoever brings no key. */
export function noApi(view: StateView): string | undefined {
  if (view.located.url === undefined) return 'the address of its API is not known: set url=http://HOST:8082';
  return view.located.settings.keyEnv === undefined
    ? 'its API wants a key: name the variable that holds it, key-env=ORKET_API_KEY'
    : undefined;
}

/** `python main.py ...` from the root. `python -m orket.interfaces.cli`, which the runbook names, does nothing. */
export function mainStep(view: StateView, args: readonly string[], title: string): ProcessStep {
  return scriptStep(view, 'main.py', args, { title });
}

/** A script of the checkout, from the root. */
export function scriptStep(
  view: StateView,
  script: string,
  args: readonly string[],
  more: {
    readonly title: string;
    readonly timeoutMs?: number;
    readonly env?: { readonly [name: string]: string };
  },
): ProcessStep {
  return {
    type: 'process',
    title: more.title,
    argv: [view.located.python ?? '', script, ...args],
    cwd: view.located.root,
    env: { ...PYTHON, ...more.env },
    timeoutMs: more.timeoutMs ?? CLI_TIMEOUT_MS,
  };
}

/** One request to the API with its key. `path` is made of parts that were checked. */
export function apiStep(
  view: StateView,
  method: HttpStep['method'],
  path: string,
  title: string,
  body?: JsonObject,
): HttpStep {
  return {
    type: 'http',
    title,
    method,
    url: `${view.located.url ?? ''}${path}`,
    ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    secretHeader: { name: 'X-API-Key', variable: view.located.settings.keyEnv ?? '' },
    timeoutMs: API_TIMEOUT_MS,
  };
}

/** What a program of Orket complains of, though it may exit 0: `[FATAL] ...`, `[CRITICAL ERROR] ...`, `[HALT]`. */
export function complaintIn(output: StepOutput): string | undefined {
  if (output.timedOut) return 'no end within its time';
  if (output.error !== undefined) return output.error;
  const line = /^\s*\[(FATAL|CRITICAL ERROR|HALT)\].*$/m.exec(output.stdout)?.[0].trim();
  if (line !== undefined) return `${clip(line, 200)} (exit ${output.exitCode ?? 'by signal'})`;
  if (output.httpStatus !== undefined) return output.httpStatus < 400 ? undefined : apiComplaint(output);
  if (output.exitCode === 0) return undefined;
  const last = `${output.stdout}\n${output.stderr}`.trim().split('\n').at(-1) ?? '';
  return `exit ${output.exitCode ?? `by ${output.signal ?? 'a signal'}`}${last === '' ? '' : `: ${clip(last, 160)}`}`;
}

function apiComplaint(output: StepOutput): string {
  const read = readJson(output.stdout);
  const detail = read.ok ? getField(read.value, 'detail') : undefined;
  const told = typeof detail === 'string' ? detail : detail === undefined ? '' : JSON.stringify(detail);
  const next = output.httpStatus === 403 || output.httpStatus === 401 ? ': the key is not accepted' : '';
  return `HTTP ${output.httpStatus}${next}${told === '' ? '' : ` (${clip(told, 160)})`}`;
}

/** An answer with its raw output as the last section. */
export function answerOf(
  output: StepOutput | undefined,
  ok: boolean,
  summary: string,
  sections: NonNullable<StepAnswer['sections']> = [],
): StepAnswer {
  const raw = output === undefined ? '' : clip(`${output.stdout}${output.stderr}`, 8000);
  return {
    ok,
    summary,
    sections: raw.trim() === '' ? sections : [...sections, { title: 'output', text: raw }],
  };
}

/** The JSON object behind banner lines: from a line that begins with a brace to the last brace of the output. */
export function printedObject(stdout: string): JsonObject | undefined {
  for (const match of stdout.matchAll(/^\{/gm)) {
    const rest = stdout.slice(match.index);
    const end = rest.lastIndexOf('}');
    const read = readJson(rest.slice(0, end + 1));
    if (read.ok && isObject(read.value)) return read.value;
  }
  return undefined;
}

/** The run an item is about: itself, or the one its data names. */
export function runOf(view: StateView, target: Entity): Run | undefined {
  if (target.type === 'run') return view.entity('run', target.id);
  const id = target.type === 'turn' ? target.run : getString(target.data, 'run');
  return id === undefined ? undefined : view.entity('run', id);
}

/** A run's build, and a card's. */
export function buildOf(item: Run | Job): string | undefined {
  return getString(item.data, 'build');
}

/** The cards of a build. */
export function cardsOf(view: StateView, build: string): readonly Job[] {
  return view.entities('job').filter((card) => buildOf(card) === build);
}

/** Runs of a build that say they run and may be alive. */
export function liveRunOf(view: StateView, build: string): Run | undefined {
  return view.entities('run').find((run) => buildOf(run) === build && isUnderWay(run));
}

/** True while somebody may be carrying the run out. */
export function isUnderWay(run: Run): boolean {
  const life = getString(run.data, 'life');
  return life === 'alive' || life === 'quiet';
}

/** `3 done, 1 blocked`. */
export function statusWords(cards: readonly Job[]): string {
  const counts = new Map<string, number>();
  for (const card of cards)
    counts.set(card.nativeStatus ?? '?', (counts.get(card.nativeStatus ?? '?') ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${clip(status, 40)}`).join(', ');
}

/** Ids in a line, the rest counted. */
export function listed(ids: readonly string[], most = 8): string {
  const shown = ids.slice(0, most).map((id) => clip(id, 60));
  return ids.length > most ? `${shown.join(', ')} and ${ids.length - most} more` : shown.join(', ');
}

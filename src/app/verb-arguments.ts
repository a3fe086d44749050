import type { Options } from '../config/options.ts';
import { readTimeOrAge } from '../config/options.ts';
import type { Params } from '../domain/act.ts';
import type { SystemId } from '../domain/entity.ts';
import { UserError } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import type { LogCondition, LogLevel, LogQuery } from '../domain/log.ts';
import { patternOf } from '../domain/log-filter.ts';
import type { StepWish } from '../domain/steps.ts';
import type { RequestOf } from '../engine/protocol.ts';
import { systemClock } from '../host/clock.ts';
import type { TimelineSpan } from './timeline-verb.ts';

/** Rows beside one that are asked for at most. */
const MOST_CONTEXT = 100;

/** `-n N`, or undefined when it was not given. */
export function lineCount(options: Options): number | undefined {
  const text = options.values.get('--lines')?.at(-1);
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0)
    throw new UserError(`-n ${text}: a number of lines is wanted`, ['for example -n 50']);
  return count;
}

/** `--context N`, or undefined when it was not given. */
function contextOf(options: Options): number | undefined {
  const text = options.values.get('--context')?.at(-1);
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > MOST_CONTEXT)
    throw new UserError(`--context ${text}: a number of lines, ${MOST_CONTEXT} at most, is wanted`, [
      'for example --context 3',
    ]);
  return count;
}

/** The filters of `logs`. */
export function logQuery(options: Options): LogQuery {
  const all = (name: string): readonly string[] => options.values.get(name) ?? [];
  const one = (name: string): string | undefined => all(name).at(-1);
  const now = options.at ?? systemClock().now();
  const level = one('--level') === 'warn' ? 'warning' : one('--level');
  const run = one('--run');
  const since = readTimeOrAge('--since', one('--since'), now);
  const until = readTimeOrAge('--until', one('--until'), now);
  const context = contextOf(options);
  if (level !== undefined && !['debug', 'info', 'warning', 'error'].includes(level)) {
    throw new UserError(`--level ${level}: there is no such level`, ['levels: debug, info, warning, error']);
  }
  const systems = options.systemNames as readonly SystemId[];
  const sources = all('--source');
  const filter: LogCondition[] = [
    ...all('--grep').map((pattern) => matchOf('--grep', pattern)),
    ...all('--not').map((pattern): LogCondition => ({ ...matchOf('--not', pattern), out: true })),
    ...all('--field').map(fieldOf),
  ];
  return {
    ...(systems.length > 0 ? { systems } : {}),
    ...(sources.length > 0 ? { sources } : {}),
    ...(level === undefined ? {} : { minLevel: level as LogLevel }),
    ...(run === undefined ? {} : { keys: [run] }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(filter.length > 0 ? { filter } : {}),
    ...(context === undefined ? {} : { context }),
  };
}

function matchOf(option: string, pattern: string): LogCondition {
  try {
    patternOf(pattern);
  } catch (error) {
    throw new UserError(
      `${option} ${pattern}: ${error instanceof Error ? error.message : 'not a regular expression'}`,
      ['write a sign that means itself with a backslash before it, for example \\('],
    );
  }
  return { is: 'match', pattern };
}

function fieldOf(text: string): LogCondition {
  const equals = text.indexOf('=');
  if (equals <= 0)
    throw new UserError(`--field ${text}: NAME=VALUE is wanted`, ['for example --field status=failed']);
  return { is: 'field', name: text.slice(0, equals), value: text.slice(equals + 1) };
}

/** The span of `timeline`. Throws UserError without a begin. */
export function timelineSpan(options: Options): TimelineSpan {
  const now = options.at ?? systemClock().now();
  const one = (name: string): Instant | undefined =>
    readTimeOrAge(name, options.values.get(name)?.at(-1), now);
  const since = one('--since');
  if (since === undefined)
    throw new UserError('`binnacle timeline --since T`: from when on?', ['for example --since 2h']);
  const until = one('--until') ?? now;
  if (until < since) throw new UserError('--until is before --since');
  return { since, until, now, systems: options.systemNames as readonly SystemId[] };
}

/** Begin of the shift and note of `handover`. */
export function handOverRequest(options: Options): RequestOf<'handOver'> {
  const now = options.at ?? systemClock().now();
  const since = readTimeOrAge('--since', options.values.get('--since')?.at(-1), now);
  const note = options.values.get('--note')?.at(-1);
  return { ...(since === undefined ? {} : { since }), ...(note === undefined ? {} : { note }) };
}

/** What `steps` is to record; undefined: it only shows. */
export function stepWish(options: Options): StepWish | undefined {
  const wishes = [
    ['--done', 'done'],
    ['--skip', 'skipped'],
    ['--open', 'open'],
  ] as const;
  const given = wishes.filter(([name]) => options.values.has(name));
  const [first, second] = given;
  const note = options.values.get('--note')?.at(-1);
  if (!first) {
    if (note !== undefined) throw new UserError('--note goes with --done, --skip or --open');
    return undefined;
  }
  const texts = options.values.get(first[0]) ?? [];
  if (second || texts.length > 1) throw new UserError('one step at a time', ['for example --done 2']);
  const number = Number(texts[0]);
  if (!Number.isInteger(number) || number < 1)
    throw new UserError(`${first[0]} ${texts[0]}: the number of a step is wanted`, ['for example --done 2']);
  return { state: first[1], number, note };
}

/** `--param name=value`, repeated. */
export function actParams(given: readonly string[]): Params {
  const params: Record<string, string> = {};
  for (const text of given) {
    const equals = text.indexOf('=');
    if (!/^[A-Za-z][\w-]*=/.test(text))
      throw new UserError(`--param ${text}: name=value is wanted`, [
        '`binnacle list verbs` names the parameters',
      ]);
    params[text.slice(0, equals)] = text.slice(equals + 1);
  }
  return params;
}

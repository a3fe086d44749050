import type { Options } from '../config/options.ts';
import { readTimeOrAge } from '../config/options.ts';
import type { Params } from '../domain/act.ts';
import type { SystemId } from '../domain/entity.ts';
import { UserError } from '../domain/error.ts';
import type { LogLevel, LogQuery } from '../domain/log.ts';
import { systemClock } from '../host/clock.ts';

/** `-n N`, or undefined when it was not given. */
export function lineCount(options: Options): number | undefined {
  const text = options.values.get('--lines')?.at(-1);
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0)
    throw new UserError(`-n ${text}: a number of lines is wanted`, ['for example -n 50']);
  return count;
}

/** The filters of `logs`. */
export function logQuery(options: Options): LogQuery {
  const one = (name: string): string | undefined => options.values.get(name)?.at(-1);
  const now = options.at ?? systemClock().now();
  const grep = one('--grep');
  const level = one('--level') === 'warn' ? 'warning' : one('--level');
  const run = one('--run');
  const since = readTimeOrAge('--since', one('--since'), now);
  const until = readTimeOrAge('--until', one('--until'), now);
  if (level !== undefined && !['debug', 'info', 'warning', 'error'].includes(level)) {
    throw new UserError(`--level ${level}: there is no such level`, ['levels: debug, info, warning, error']);
  }
  if (grep !== undefined) {
    try {
      new RegExp(grep, 'u');
    } catch (error) {
      throw new UserError(
        `--grep ${grep}: ${error instanceof Error ? error.message : 'not a regular expression'}`,
        ['write a sign that means itself with a backslash before it, for example \\('],
      );
    }
  }
  const systems = options.systemNames as readonly SystemId[];
  return {
    ...(systems.length > 0 ? { systems } : {}),
    ...(grep === undefined ? {} : { grep }),
    ...(level === undefined ? {} : { minLevel: level as LogLevel }),
    ...(run === undefined ? {} : { keys: [run] }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
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

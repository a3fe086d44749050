/** Queries of rows as the log engine takes them. */
import type { LogCondition, LogFilter, LogQuery } from '../domain/log.ts';
import { logOfId } from './log-archive-rows.ts';

/** Those of the logs, by their ids, that a query wants. */
export function wantedLogs(
  { systems, sources, filter = [] }: LogQuery,
  logs: readonly string[],
): readonly string[] {
  return logs.filter((id) => {
    const { system, source, path } = logOfId(id);
    if (systems && !systems.includes(system)) return false;
    if (sources && !sources.includes(source)) return false;
    return filter.every((one) => {
      const isIn =
        one.is === 'system'
          ? one.systems.includes(system)
          : one.is === 'source'
            ? one.sources.includes(source)
            : one.is === 'log'
              ? one.logs.includes(path)
              : undefined;
      return isIn === undefined || isIn === (one.out !== true);
    });
  });
}

/** A query as the log engine takes it: logs by their ids, of which these are known. */
export function filterOf(query: LogQuery, logs: readonly string[]): LogFilter {
  const idsOf = (paths: readonly string[]): readonly string[] =>
    logs.filter((id) => paths.includes(logOfId(id).path));
  const { systems, sources, minLevel, grep, since, until, keys, files, filter = [] } = query;
  const conditions: LogCondition[] = [];
  if (systems) conditions.push({ is: 'system', systems });
  if (sources) conditions.push({ is: 'source', sources });
  if (minLevel) conditions.push({ is: 'level', least: minLevel });
  if (since !== undefined) conditions.push({ is: 'time', since });
  // A query's last moment is of it.
  if (until !== undefined) conditions.push({ is: 'time', until: until + 0.001 });
  if (keys || files) conditions.push({ is: 'about', keys: keys ?? [], logs: idsOf(files ?? []) });
  for (const condition of filter) {
    if (condition.is === 'log') conditions.push({ ...condition, logs: idsOf(condition.logs) });
    else if (condition.is === 'about') conditions.push({ ...condition, logs: idsOf(condition.logs ?? []) });
    else conditions.push(condition);
  }
  if (grep !== undefined && grep !== '') conditions.push({ is: 'match', pattern: grep });
  return conditions;
}

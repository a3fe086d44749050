import { parseInstant } from '../../domain/instant.ts';
import { getBoolean, getNumber, getString, type Json, readJson } from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import type { UnitFact } from './facts.ts';

/** What is asked of systemd, in this order. */
export const unitProperties = ['ActiveState', 'SubState', 'Result', 'ExecMainStatus', 'MainPID', 'NRestarts'];

/** What keeps the daemon: `systemctl show UNIT` or `docker inspect`. */
export const unitParser: Parser = {
  version: 1,
  start: null,
  fold(carry: Json, chunk: Chunk, context: ParseContext): Folded {
    if (chunk.type !== 'probe' || chunk.exitCode !== 0 || chunk.error !== undefined) return { carry };
    const unit = chunk.stdout.trimStart().startsWith('{')
      ? containerOf(chunk.stdout)
      : serviceOf(chunk.stdout);
    return unit
      ? { carry, facts: { unit } }
      : {
          carry,
          bad: [{ path: context.path, reason: 'no state in it', excerpt: chunk.stdout.slice(0, 200) }],
        };
  },
};

function serviceOf(text: string): UnitFact | undefined {
  const values = new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).slice(0, 100)]];
    }),
  );
  const active = values.get('ActiveState');
  if (active === undefined) return undefined;
  const number = (name: string): number | undefined => {
    const value = values.get(name);
    return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  };
  const exit = number('ExecMainStatus');
  const restarts = number('NRestarts');
  const pid = number('MainPID');
  return {
    active,
    sub: values.get('SubState') ?? '',
    result: values.get('Result') ?? '',
    ...(exit === undefined ? {} : { exit }),
    ...(restarts === undefined ? {} : { restarts }),
    ...(pid === undefined || pid === 0 ? {} : { pid }),
  };
}

/** `docker inspect --format={{json .State}}`. */
function containerOf(text: string): UnitFact | undefined {
  const read = readJson(text.trim());
  if (!read.ok) return undefined;
  const status = getString(read.value, 'Status');
  if (status === undefined) return undefined;
  const exit = getNumber(read.value, 'ExitCode');
  const pid = getNumber(read.value, 'Pid');
  const finishedAt = parseInstant(getString(read.value, 'FinishedAt'));
  const isUp = status === 'running' || status === 'paused';
  return {
    active: isUp ? 'active' : status === 'restarting' ? 'activating' : exit === 0 ? 'inactive' : 'failed',
    sub: status.slice(0, 40),
    result: getBoolean(read.value, 'OOMKilled') === true ? 'oom-kill' : '',
    ...(exit === undefined || isUp ? {} : { exit }),
    ...(pid === undefined || pid === 0 ? {} : { pid }),
    ...(finishedAt === undefined || finishedAt <= 0 ? {} : { endedAt: finishedAt }),
  };
}

import { getBoolean, getNumber, getString, isObject, type JsonObject, readJson } from '../../lib/json.ts';
import type { Chunk, Folded, Parser } from '../system.ts';
import { type Facts, readFacts, readFatal, readRunners, readTasks, timeOrNull } from './parse-documents.ts';
import { cut, textOrNull } from './parse-line.ts';

/** A parser of an API answer: its facts carry when it was given; no answer or a bad one keeps the last good facts. */
function answerParser(read: (value: JsonObject) => Facts | string): Parser {
  return {
    version: 1,
    start: null,
    fold(carry, chunk, context): Folded {
      if (chunk.type !== 'http' || chunk.status !== 200) return { carry };
      const { facts, bad } = readFacts(chunk.body ?? '', context, read);
      if (!facts) return { carry, ...(bad ? { bad } : {}) };
      return { carry, facts: { ...facts, answered: { at: context.now } } };
    },
  };
}

/** `GET /api/agent/tasks/attention`: what waits for a decision or failed, as the server has it in memory. */
export const attentionAnswerParser = answerParser(readTasks);

/** `GET /api/agent/runners?include_stale=true`. */
export const runnersAnswerParser = answerParser(readRunners);

/** `GET /api/agent/fatal-issues`: `{"fatal": false}`, or the file's fields. */
export const fatalAnswerParser = answerParser((value) =>
  getBoolean(value, 'fatal') === false ? {} : readFatal(value),
);

/**
 * `GET /api/health`. Facts: `health` as of the newest try, with the last good answer kept in it. Any answer of another
 * status is "unwell": the server is there and not usable.
 */
export const healthParser: Parser = {
  version: 1,
  start: { okAt: null, failingSince: null },
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'http') return { carry };
    const okBefore = getNumber(carry, 'okAt') ?? null;
    const json = chunk.status === 200 ? readJson(chunk.body ?? '') : undefined;
    const value = json?.ok && isObject(json.value) ? json.value : undefined;
    // A proxy's page comes with 200 too, and so does the JSON of another server.
    const answer = getString(value, 'status') === undefined || chunk.error !== undefined ? undefined : value;
    const ok = answer !== undefined;
    const failingSince = ok ? null : (getNumber(carry, 'failingSince') ?? context.now);
    const health: Facts = {
      ok,
      at: context.now,
      okAt: ok ? context.now : okBefore,
      failingSince,
      status: chunk.status ?? null,
      failures: ok ? 0 : Math.max(1, chunk.failures),
      error: ok ? null : reasonOf(chunk),
      latencyMs: Math.round(chunk.latencyMs),
      startedAt: timeOrNull(answer ?? {}, 'started_at'),
      version: textOrNull(answer ?? {}, 'version', 60),
    };
    const bad =
      !ok && chunk.status === 200
        ? {
            bad: [{ path: context.path, reason: reasonOf(chunk), excerpt: (chunk.body ?? '').slice(0, 200) }],
          }
        : {};
    return { carry: { okAt: health['okAt'] ?? null, failingSince }, facts: { health }, ...bad };
  },
};

function reasonOf(chunk: Extract<Chunk, { type: 'http' }>): string {
  return (
    cut(
      chunk.error ??
        (chunk.status === undefined
          ? 'no answer'
          : `answered ${chunk.status}${chunk.status === 200 ? ', not as this API answers' : ''}`),
      200,
    ) ?? ''
  );
}

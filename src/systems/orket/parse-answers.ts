import { instant, parseInstant } from '../../domain/instant.ts';
import {
  getBoolean,
  getNumber,
  getObject,
  getString,
  isObject,
  type Json,
  readJson,
} from '../../lib/json.ts';
import type { Parser } from '../system.ts';
import { clip, compact, type Health, type KeeperState, toJson } from './facts.ts';

/** `GET /health` of the API: `{"status":"ok", ...}`. */
export const healthParser: Parser = healthParserFor('ok');

/** `GET /health` of the webhook server: `{"status":"healthy"}`. */
export const webhookParser: Parser = healthParserFor('healthy');

function healthParserFor(word: string): Parser {
  return {
    version: 2,
    start: null,
    fold(carry, chunk, context) {
      if (chunk.type !== 'http') return { carry };
      const body = chunk.body === undefined ? undefined : readJson(chunk.body);
      const says = body?.ok ? getString(body.value, 'status') : undefined;
      const state =
        chunk.status === undefined ? 'none' : chunk.status === 200 && says === word ? 'up' : 'odd';
      // The first bad answer in a row, as far as it was seen.
      const since = state === 'up' ? null : typeof carry === 'number' ? carry : context.now;
      const health: Health = compact({
        state,
        since: since === null ? undefined : instant(since),
        httpStatus: chunk.status,
        latencyMs: chunk.latencyMs,
        failures: chunk.failures,
        error: chunk.error === undefined ? undefined : clip(chunk.error, 300),
      });
      const bad =
        state === 'odd' && chunk.status === 200
          ? {
              bad: [
                { path: context.path, reason: oddReason(chunk.body), excerpt: clip(chunk.body ?? '', 200) },
              ],
            }
          : {};
      return { carry: since, facts: { health: toJson(health) }, ...bad };
    },
  };
}

function oddReason(body: string | undefined): string {
  const read = readJson(body ?? '');
  const what = read.ok ? 'JSON of another sort' : read.error;
  return clip(`answered 200, not as Orket answers: ${what}; is it another server?`, 200);
}

/** `GET /v1/system/heartbeat`: how many runs the API process itself has under way. */
export const heartbeatParser: Parser = answerParser((value) => {
  const active = getNumber(value, 'active_tasks');
  return active === undefined ? 'no active_tasks in it' : { active: { count: active } };
});

/** `GET /v1/sessions/ID/status`: whether the API process carries this run. Runs of the command line never are. */
export const sessionParser: Parser = answerParser((value) => {
  const active = getBoolean(value, 'active');
  const task = getString(value, 'task_state');
  return active === undefined
    ? 'no "active" in it'
    : { session: { active, ...(task ? { task: clip(task, 40) } : {}) } };
});

/**
 * An HTTP answer read by `read`, which gives its facts or what is wrong with it. A refusal, a page or silence tells
 * nothing: what was known stays, and the source says how it was answered.
 */
export function answerParser(
  read: (value: Json) => { readonly [key: string]: Json } | string,
  answers404?: { readonly [key: string]: Json },
): Parser {
  return {
    version: 3,
    start: null,
    fold(carry, chunk, context) {
      if (chunk.type !== 'http') return { carry };
      const body = chunk.body === undefined ? undefined : readJson(chunk.body);
      // FastAPI's own 404; the page of a proxy says nothing about Orket.
      if (chunk.status === 404 && answers404 && body?.ok && isObject(body.value))
        return { carry, facts: answers404 };
      if (chunk.status !== 200 && (chunk.status !== 404 || !answers404)) return { carry };
      const facts = !body ? 'no body' : body.ok ? read(body.value) : body.error;
      if (typeof facts !== 'string' && chunk.status === 200) return { carry, facts };
      const what = `answered ${chunk.status}, not as Orket answers: ${typeof facts === 'string' ? facts : 'no detail'}`;
      return {
        carry,
        bad: [{ path: context.path, reason: clip(what, 200), excerpt: clip(chunk.body ?? '', 200) }],
      };
    },
  };
}

/** `systemctl show` or `docker inspect` of the unit or container that keeps a server. */
export const keeperParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context) {
    if (chunk.type !== 'probe') return { carry };
    const state =
      chunk.exitCode === 0 ? (systemdState(chunk.stdout) ?? dockerState(chunk.stdout)) : undefined;
    if (!state) {
      const reason = chunk.error ?? (chunk.stderr.trim().split('\n')[0] || `exit ${chunk.exitCode ?? '?'}`);
      return { carry, bad: [{ path: context.path, reason: clip(reason, 200) }] };
    }
    return { carry, facts: { keeper: toJson(state) } };
  },
};

function systemdState(text: string): KeeperState | undefined {
  const fields = new Map(
    text.split('\n').map((line) => [line.split('=')[0] ?? '', line.replace(/^[^=]*=/, '')]),
  );
  const active = fields.get('ActiveState');
  if (!active) return undefined;
  const seconds = Number(/^@(\d{1,12})$/.exec(fields.get('ActiveEnterTimestamp') ?? '')?.[1] ?? Number.NaN);
  const pid = Number(fields.get('MainPID') ?? 0);
  return compact({
    word: clip(active, 40),
    isUp: active === 'active',
    pid: pid > 0 ? pid : undefined,
    since: seconds > 0 ? instant(seconds * 1000) : undefined,
  });
}

function dockerState(text: string): KeeperState | undefined {
  const match = /^([a-z]{1,20}) (\d{1,10}) (\S{1,40})\s*$/.exec(text);
  if (!match?.[1]) return undefined;
  const pid = Number(match[2]);
  return compact({
    word: match[1],
    isUp: match[1] === 'running',
    pid: pid > 0 ? pid : undefined,
    since: parseInstant(match[3]?.replace(/(\.\d{3})\d+/, '$1')),
  });
}

/** Texts of a nested object's numbers: how the reports count. */
export function countsOf(value: Json, field: string): { [name: string]: number } {
  const counts: { [name: string]: number } = Object.create(null) as { [name: string]: number };
  for (const [name, count] of Object.entries(getObject(value, field) ?? {}).slice(0, 40)) {
    if (typeof count === 'number') counts[clip(name, 60)] = count;
  }
  return counts;
}

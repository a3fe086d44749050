import { parseInstant } from '../../domain/instant.ts';
import {
  getArray,
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  type Json,
  type JsonObject,
} from '../../lib/json.ts';
import type { Parser } from '../system.ts';
import { textOrNull } from './facts.ts';
import { answerParser } from './parse-answers.ts';

const MOST_DEBATES = 50;

/** `/api/debates`: the newest debates. `error` may stand beside `in_progress: true`. */
export const debatesParser: Parser = answerParser((body, context) => {
  if (!Array.isArray(getField(body, 'debates'))) return undefined;
  return {
    debates: {
      items: getArray(body, 'debates')
        .slice(0, MOST_DEBATES)
        .flatMap((one): Json[] => {
          const id = textOrNull(one, 'debate_id', 120) ?? textOrNull(one, 'id', 120);
          if (id === null || id === '') return [];
          return [
            {
              id,
              task: textOrNull(one, 'task', 1000) ?? textOrNull(one, 'question', 1000),
              status: textOrNull(one, 'status', 40),
              isOpen: getBoolean(one, 'in_progress') ?? null,
              rounds: getNumber(one, 'rounds') ?? null,
              agents: getArray(one, 'agents')
                .filter((agent): agent is string => typeof agent === 'string')
                .map((agent) => agent.slice(0, 60))
                .slice(0, 20),
              at: parseInstant(getString(one, 'created_at'), context.located.timezone) ?? null,
            },
          ];
        }),
    },
  };
});

const MOST_INBOX = 100;

/** Longest text of what is decided that is kept for a card. */
const INBOX_TEXT = 20_000;

/** `/api/v1/approvals`: the inbox of all sources. Each item carries the request that decides it. */
export const inboxParser: Parser = answerParser((body, context) => {
  if (!Array.isArray(getField(body, 'approvals'))) return undefined;
  return {
    inbox: {
      items: getArray(body, 'approvals')
        .slice(0, MOST_INBOX)
        .flatMap((one): Json[] => {
          const id = textOrNull(one, 'id', 120);
          if (id === null || id === '') return [];
          const metadata = getObject(one, 'metadata');
          const actions = getObject(one, 'actions');
          return [
            {
              id,
              kind: textOrNull(one, 'kind', 60),
              status: textOrNull(one, 'status', 40),
              title: textOrNull(one, 'title', 300),
              description: textOrNull(one, 'description', 4000),
              metadata: JSON.stringify(metadata ?? {}, null, 2).slice(0, INBOX_TEXT),
              requestedAt: parseInstant(getString(one, 'requested_at'), context.located.timezone) ?? null,
              requestedBy: textOrNull(one, 'requested_by', 120),
              timeoutS: getNumber(metadata, 'timeout_seconds') ?? null,
              approve: actionOf(getObject(actions, 'approve')),
              reject: actionOf(getObject(actions, 'reject') ?? getObject(actions, 'deny')),
            },
          ];
        }),
    },
  };
});

function actionOf(action: JsonObject | undefined): Json {
  const path = getString(action, 'path');
  const method = getString(action, 'method');
  if (path === undefined || method === undefined) return null;
  const body = getObject(action, 'body') ?? {};
  return JSON.stringify(body).length > 4000
    ? null
    : { method: method.slice(0, 10), path: path.slice(0, 400), body };
}

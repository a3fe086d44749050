import { type Instant, instant, parseInstant } from '../../domain/instant.ts';
import type { BadRecord } from '../../domain/source.ts';
import {
  getArray,
  getBoolean,
  getField,
  getObject,
  getString,
  isObject,
  type Json,
  readJson,
} from '../../lib/json.ts';
import type { Parser } from '../system.ts';
import { type Checkpoint, clip, compact, fromJson, type TurnFiles, toJson } from './facts.ts';
import { isUsableId, turnIdOf } from './schema.ts';

const DIRECTORY = /^(\d{3,6})_(.{1,200})$/s;
const RESULT = /^tool_result_(.+)_([0-9a-f]{12})\.json$/;
/** Between the prompt and the checkpoint of one and the same turn the prompt is the older file. */
const REOPENED_AFTER_MS = 1000;
const MOST_NAMES = 60;

/** Parts of `observability/<run>/<issue>/<index>_<role>` as turn_executor.py names them. */
interface TurnPath {
  readonly run: string;
  readonly issue: string;
  readonly index: number;
  readonly role: string;
}

/** Reads the parts of a turn directory's path, or undefined when the last part is no turn. */
function readTurnPath(path: string): TurnPath | undefined {
  const parts = path.split('/');
  const match = DIRECTORY.exec(parts.at(-1) ?? '');
  const issue = parts.at(-2);
  const run = parts.at(-3);
  if (!match?.[1] || !match[2] || !issue || !run) return undefined;
  if (!isUsableId(issue) || !isUsableId(run)) return undefined;
  return { run, issue, index: Number(match[1]), role: match[2] };
}

/** One turn's directory (written by turn_executor.py, each file once and not atomically). */
export const turnParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context) {
    if (chunk.type !== 'directory') return { carry };
    const bad: BadRecord[] = [];
    const named = readTurnPath(context.path);
    if (!named) {
      return { carry, facts: {}, bad: [{ path: context.path, reason: 'not named <index>_<role>' }] };
    }
    const former = fromJson<TurnFiles>(context.fact('turn'));
    const times = Object.values(chunk.modifiedAt);
    const openedAt = chunk.modifiedAt['messages.json'] ?? chunk.modifiedAt['prompt_layers.json'];
    const id = turnIdOf(named.run, named.issue, named.index, named.role);
    const files: TurnFiles = { id, ...named, names: chunk.names.slice(0, MOST_NAMES), results: [] };
    if (openedAt !== undefined) files.openedAt = openedAt;
    if (times.length > 0) files.touchedAt = instant(Math.max(...times));
    noteCheckpoint(files, chunk, former, context.path, bad);
    for (const name of chunk.names) {
      const match = RESULT.exec(name);
      if (!match?.[1]) continue;
      const result = readResult(name, match[1], chunk.texts[name]);
      if (result.bad) bad.push({ path: `${context.path}/${name}`, reason: result.bad });
      files.results.push(result.fact);
      if (files.results.length >= MOST_NAMES) break;
    }
    return { carry, facts: { turn: toJson(files) }, bad };
  },
};

function noteCheckpoint(
  files: TurnFiles,
  chunk: { readonly texts: { readonly [name: string]: string }; readonly names: readonly string[] } & {
    readonly modifiedAt: { readonly [name: string]: Instant };
  },
  former: TurnFiles | undefined,
  path: string,
  bad: BadRecord[],
): void {
  if (!chunk.names.includes('checkpoint.json')) return;
  const writtenAt = chunk.modifiedAt['checkpoint.json'];
  if (
    writtenAt !== undefined &&
    files.openedAt !== undefined &&
    files.openedAt > writtenAt + REOPENED_AFTER_MS
  ) {
    files.reopened = true;
  }
  const text = chunk.texts['checkpoint.json'];
  const read = text === undefined ? undefined : readJson(text);
  if (read?.ok && isObject(read.value)) {
    files.checkpoint = readCheckpoint(read.value);
    return;
  }
  files.torn = true;
  if (former?.checkpoint) files.checkpoint = former.checkpoint;
  const reason =
    text === undefined ? 'too large or not readable' : read?.ok ? 'not an object' : (read?.error ?? '');
  bad.push({
    path: `${path}/checkpoint.json`,
    reason: `half-written or broken: ${reason}`,
    ...(text === undefined ? {} : { excerpt: text.slice(0, 200) }),
  });
}

function readCheckpoint(value: Json): Checkpoint {
  const calls = getArray(value, 'tool_calls');
  const delta = getObject(value, 'state_delta');
  const distinct = new Set(
    calls.map((call) => JSON.stringify([getField(call, 'tool'), getField(call, 'args')])),
  );
  const short = (text: string | undefined): string | undefined => (text ? clip(text, 200) : undefined);
  return compact({
    issue: short(getString(value, 'issue_id')),
    model: short(getString(value, 'model')),
    capturedAt: parseInstant(getString(value, 'captured_at')),
    from: short(getString(delta, 'from')),
    to: short(getString(delta, 'to')),
    tools: calls.slice(0, 40).map((call) => clip(getString(call, 'tool') ?? '?', 80)),
    distinctCalls: distinct.size,
  });
}

/** A result that can't be read counts as written: the tool ran. */
function readResult(
  name: string,
  tool: string,
  text: string | undefined,
): { readonly fact: TurnFiles['results'][number]; readonly bad?: string } {
  const read = text === undefined ? undefined : readJson(text);
  if (!read?.ok) {
    const fact = { name, tool, ok: true };
    return text === undefined ? { fact } : { fact, bad: `half-written or broken: ${read?.error ?? ''}` };
  }
  const ok = getBoolean(read.value, 'ok') !== false;
  const error = getString(read.value, 'error');
  return { fact: { name, tool, ok, ...(!ok && error ? { error: clip(error, 400) } : {}) } };
}

import type { StepAnswer } from '../../domain/act.ts';
import {
  getArray,
  getField,
  getNumber,
  getObject,
  getString,
  isObject,
  type Json,
  readJson,
} from '../../lib/json.ts';
import { clip } from './facts.ts';

type Section = NonNullable<StepAnswer['sections']>[number];

/** What a turn's files hold, each parsed or undefined where it is missing or broken. */
export interface TurnDocuments {
  readonly checkpoint: Json | undefined;
  readonly messages: Json | undefined;
  readonly response: string | undefined;
  readonly calls: Json | undefined;
  readonly provider?: Json | undefined;
  readonly diagnostics?: Json | undefined;
  readonly layers?: Json | undefined;
  readonly results?: readonly {
    readonly name: string;
    readonly value: Json | undefined;
    readonly problem?: string;
  }[];
}

const LONGEST_BLOCK = 6000;

/** The sections a reader wants of a turn, in the order of use. */
export function turnSections(turn: TurnDocuments): Section[] {
  const sections: Section[] = [];
  if (isObject(turn.checkpoint))
    sections.push({ title: 'checkpoint', text: checkpointText(turn.checkpoint) });
  const calls = callsText(turn);
  if (calls !== '') sections.push({ title: 'tool calls', text: calls });
  const model = modelText(turn);
  if (model !== '') sections.push({ title: 'model', text: model });
  if (turn.response !== undefined && turn.response !== '') {
    sections.push({ title: 'first answer of the model', text: clip(turn.response, LONGEST_BLOCK) });
  }
  const messages = Array.isArray(turn.messages) ? (turn.messages as readonly Json[]) : [];
  if (messages.length > 0) {
    sections.push({
      title: `last messages (${messages.length} in all)`,
      text: messages.slice(-3).map(messageText).join('\n\n'),
    });
  }
  return sections;
}

function checkpointText(checkpoint: Json): string {
  const delta = getObject(checkpoint, 'state_delta');
  const meta = getObject(checkpoint, 'prompt_metadata');
  const lines = [
    `run ${getString(checkpoint, 'run_id') ?? '?'}, card ${getString(checkpoint, 'issue_id') ?? '?'}, turn ${getNumber(checkpoint, 'turn_index') ?? '?'}, role ${getString(checkpoint, 'role') ?? '?'}`,
    `captured ${getString(checkpoint, 'captured_at') ?? '?'}, before the tools ran`,
    `status ${getString(delta, 'from') ?? '?'} -> ${getString(delta, 'to') ?? 'not asked'} (what the model asked, not what happened)`,
    `prompt ${getString(meta, 'prompt_id') ?? '?'} ${getString(meta, 'prompt_version') ?? ''}, hash ${getString(checkpoint, 'prompt_hash') ?? '?'}`,
  ];
  return lines.join('\n');
}

function callsText(turn: TurnDocuments): string {
  const fromCheckpoint = isObject(turn.checkpoint) ? getArray(turn.checkpoint, 'tool_calls') : [];
  const parsed = Array.isArray(turn.calls) ? (turn.calls as readonly Json[]) : [];
  const calls = fromCheckpoint.length > 0 ? fromCheckpoint : parsed;
  const lines = calls.map((call, index) => {
    const args = JSON.stringify(getField(call, 'args') ?? null);
    return `${index + 1}. ${getString(call, 'tool') ?? '?'} ${clip(args, 600)}`;
  });
  if (turn.results === undefined) return lines.join('\n');
  const results = turn.results.map(({ name, value, problem }) => {
    if (problem !== undefined) return `${name}: ${problem}`;
    const ok = getField(value, 'ok');
    const error = getString(value, 'error');
    return `${name}: ${ok === false ? `FAILED ${error ?? 'without a reason'}` : `ok ${clip(JSON.stringify(value ?? null), 300)}`}`;
  });
  if (calls.length > 0 && results.length === 0) results.push('no result was written: no tool ran');
  return [...lines, ...results].join('\n');
}

function modelText(turn: TurnDocuments): string {
  const provider = turn.provider;
  const lines: string[] = [];
  const model = getString(provider, 'model') ?? getString(turn.checkpoint, 'model');
  if (model) lines.push(`model ${model}`);
  if (isObject(provider)) {
    const figure = (name: string): string => String(getNumber(provider, name) ?? '?');
    lines.push(
      `latency ${figure('latency_ms')} ms, retries ${figure('retries')}, answer ${figure('response_chars')} characters`,
    );
    lines.push(`tokens in ${figure('input_tokens')}, out ${figure('output_tokens')}`);
  }
  for (const step of Array.isArray(turn.diagnostics)
    ? (turn.diagnostics as readonly Json[]).slice(0, 10)
    : []) {
    lines.push(
      `${getString(step, 'stage') ?? '?'} ${clip(JSON.stringify(getField(step, 'data') ?? null), 200)}`,
    );
  }
  const profile = getString(turn.layers, 'context_profile');
  if (profile) lines.push(`context profile ${profile}`);
  return lines.join('\n');
}

function messageText(message: Json): string {
  return `[${getString(message, 'role') ?? '?'}] ${clip(getString(message, 'content') ?? '', 2000)}`;
}

/** Text of a file as JSON; undefined when it is missing or broken. */
export function jsonOfFile(text: string | null | undefined): Json | undefined {
  if (text === null || text === undefined) return undefined;
  const read = readJson(text);
  return read.ok ? read.value : undefined;
}

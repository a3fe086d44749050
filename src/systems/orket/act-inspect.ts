import type { StepAnswer } from '../../domain/act.ts';
import { getArray, getField, getString, readJson } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import { jsonOfFile, type TurnDocuments, turnSections } from './turn-report.ts';

const KNOWN_FILES = [
  'checkpoint.json',
  'messages.json',
  'model_response.txt',
  'model_response_raw.json',
  'parsed_tool_calls.json',
  'prompt_layers.json',
  'tool_parser_diagnostics.json',
];
const MOST_RESULTS = 40;
const LARGEST_FILE = 1_048_576;

/** Composes a turn from its files. Nothing of Orket is started: its own replay rewrites files when it starts. */
export const inspectTurn: ActSpec = {
  id: 'turn.inspect',
  title: 'inspect turn',
  menu: 'replay',
  risk: 'read',
  does: "reads the turn's files and shows what was asked, answered and done; starts nothing",
  runs: "the cockpit reads the turn's files",
  outcome: 'the files themselves',
  params: [],
  appliesTo: (target) => target.type === 'turn',
  precondition(_view, target) {
    if (target.type !== 'turn') return 'not a turn';
    return target.path === undefined
      ? 'no directory of this turn is on disk: it is known from log lines only'
      : undefined;
  },
  revision: (_view, target) => (target.type === 'turn' ? `${target.state}|${target.capturedAt ?? ''}` : ''),
  baseline: (_view, target) =>
    target.type === 'turn'
      ? { state: target.state, why: getString(target.data, 'why') ?? '', title: target.title }
      : null,
  plan(_view, target) {
    const path = target.type === 'turn' ? target.path : undefined;
    if (path === undefined) return [];
    const names = getArray(target.data, 'names').filter((name) => typeof name === 'string');
    const results = names.filter((name) => name.startsWith('tool_result_')).slice(0, MOST_RESULTS);
    return [
      {
        type: 'read',
        title: `read ${path}`,
        paths: [...KNOWN_FILES, ...results].map((name) => `${path}/${name}`),
        maxBytes: LARGEST_FILE,
      },
    ];
  },
  read(outputs, order): StepAnswer {
    const files = new Map<string, { readonly text: string | null; readonly error?: string }>();
    for (const output of outputs) {
      for (const file of output.files ?? []) files.set(file.path.split('/').at(-1) ?? '', file);
    }
    const json = (name: string) => jsonOfFile(files.get(name)?.text);
    const documents: TurnDocuments = {
      checkpoint: json('checkpoint.json'),
      messages: json('messages.json'),
      response: files.get('model_response.txt')?.text ?? undefined,
      calls: json('parsed_tool_calls.json'),
      provider: json('model_response_raw.json'),
      diagnostics: json('tool_parser_diagnostics.json'),
      layers: json('prompt_layers.json'),
      results: [...files].flatMap(([name, file]) => {
        if (!name.startsWith('tool_result_') || file.text === null) return [];
        const read = readJson(file.text);
        return [
          read.ok
            ? { name, value: read.value }
            : { name, value: undefined, problem: `unreadable: ${read.error}` },
        ];
      }),
    };
    const problems = [...files].flatMap(([name, file]) => {
      if (file.error !== undefined) return [`${name}: ${file.error}`];
      if (file.text === null || !name.endsWith('.json')) return [];
      const read = readJson(file.text);
      return read.ok ? [] : [`${name}: ${read.error}`];
    });
    const present = [...files].filter(([, file]) => file.text !== null).map(([name]) => name);
    const state = getString(order.baseline, 'state') ?? stageInWords(present, documents);
    const why = getString(order.baseline, 'why') ?? '';
    const classification = [
      `${state}${why === '' ? '' : `: ${why}`}`,
      `files: ${present.length === 0 ? 'none' : present.join(', ')}`,
      ...problems.map((problem) => `unreadable: ${problem}`),
    ].join('\n');
    return {
      ok: present.length > 0,
      summary:
        present.length === 0
          ? "none of the turn's files is there any more"
          : `${state}${why === '' ? '' : `: ${why}`} (${present.length} files read)`,
      sections: [{ title: 'classification', text: classification }, ...turnSections(documents)],
    };
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: it only reads' },
};

/** How far the turn got, told from the files that were just read. */
function stageInWords(present: readonly string[], { checkpoint, results = [] }: TurnDocuments): string {
  if (present.includes('checkpoint.json')) {
    const calls = new Set(
      getArray(checkpoint, 'tool_calls').map((call) =>
        JSON.stringify([getField(call, 'tool'), getField(call, 'args')]),
      ),
    );
    const failed = results.filter((result) => getField(result.value, 'ok') === false).length;
    const ran = `${results.length} of ${calls.size} tool calls ran`;
    return failed > 0 ? `${ran}, ${failed} failed` : ran;
  }
  if (present.some((name) => name.startsWith('model_response')))
    return 'answered, its answer met no contract';
  return present.length > 0 ? 'asked, no answer' : 'no files';
}

/** Names of the files the turn had when it was derived. */
export function namesOf(data: unknown): readonly string[] {
  return getArray(data, 'names').filter((name): name is string => typeof name === 'string');
}

/** Where the turn's workspace lies, relative to the root. */
export function workspaceOf(data: unknown): string | undefined {
  const value = getField(data, 'workspace');
  return typeof value === 'string' ? value : undefined;
}

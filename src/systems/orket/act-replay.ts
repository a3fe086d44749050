import type { StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Turn } from '../../domain/entity.ts';
import { getArray, getField, getString, type Json, type JsonObject } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import { namesOf, workspaceOf } from './act-inspect.ts';
import { complaintIn, printedObject, STARTING_MAIN } from './act-program.ts';
import { clip } from './facts.ts';
import { isSafeTargetPart } from './schema.ts';
import { turnSections } from './turn-report.ts';

const REPLAY_TIMEOUT_MS = 60_000;
const DEFAULT_WORKSPACE = 'workspace/default';

/** The parts of a replay target; undefined when one of them may not become an argument. */
export function replayTargetOf(turn: Turn): string | undefined {
  const [run, issue, index, ...role] = turn.id.split(':');
  if (run === undefined || issue === undefined || role.length !== 1 || role[0] === undefined)
    return undefined;
  const parts = [run, issue, role[0]];
  if (!parts.every(isSafeTargetPart) || !/^\d{1,6}$/.test(index ?? '')) return undefined;
  return `${run}:${issue}:${index}:${role[0]}`;
}

/**
 * Orket's own `--replay-turn`. It prints the turn's files and runs nothing again, yet starting main.py is not free:
 * the structural reconciler runs first. `python -m orket.interfaces.cli`, which its runbook names, does nothing at all.
 */
export const replayTurn: ActSpec = {
  id: 'turn.replay',
  title: 'replay turn (Orket prints it)',
  menu: 'replay',
  risk: 'reversible',
  does: "python main.py --replay-turn: prints the turn's files; no model is asked and no tool runs again",
  runs: 'main.py --replay-turn RUN:CARD:N:ROLE',
  outcome: 'the four documents it prints, none of them null that lies on disk',
  params: [],
  appliesTo: (target) => target.type === 'turn',
  precondition(view, target) {
    if (target.type !== 'turn') return 'not a turn';
    if (view.located.python === undefined) return 'no Python interpreter: set python=PATH for this system';
    if (view.located.extra['hasMain'] === false) return `no main.py in ${view.located.root}`;
    if (target.path === undefined) return 'no directory of this turn is on disk: replay would end in [FATAL]';
    if (replayTargetOf(target) === undefined) return 'the names of this turn are not safe as an argument';
    if (workspaceArguments(target) === undefined)
      return 'the path of its workspace is not safe as an argument';
    return undefined;
  },
  warnings(view, target) {
    const warnings = [
      ...STARTING_MAIN,
      'It exits 0 on most failures ([FATAL]): the printed JSON is what counts.',
    ];
    if (target.type === 'turn' && target.state === 'in-flight') {
      warnings.push('The turn is still in flight: files may be missing or half-written.');
    }
    if (target.type === 'turn' && !namesOf(target.data).includes('checkpoint.json')) {
      warnings.push('It has no checkpoint: checkpoint and tool calls will be printed as null.');
    }
    if (view.processes.some((process) => process.argv.includes('--replay-turn'))) {
      warnings.push('Another replay is running in this checkout.');
    }
    return warnings;
  },
  revision: (_view, target) => (target.type === 'turn' ? `${target.state}|${target.capturedAt ?? ''}` : ''),
  baseline: (_view, target) =>
    target.type === 'turn'
      ? { target: replayTargetOf(target) ?? '', names: [...namesOf(target.data)] }
      : null,
  plan(view, target) {
    const replay = target.type === 'turn' ? replayTargetOf(target) : undefined;
    const workspace = target.type === 'turn' ? workspaceArguments(target) : undefined;
    const python = view.located.python;
    if (replay === undefined || workspace === undefined || python === undefined) return [];
    return [
      {
        type: 'process',
        title: `main.py --replay-turn ${replay}`,
        argv: [python, 'main.py', ...workspace, '--replay-turn', replay],
        cwd: view.located.root,
        // No byte code of ours beside the owner's sources.
        env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' },
        timeoutMs: REPLAY_TIMEOUT_MS,
      },
    ];
  },
  read: (outputs, order) => readReplay(outputs[0], order.baseline),
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'it changes no turn; what the reconciler rewrites is in version control' },
};

/** `--workspace W`, nothing for the default one; undefined when its path may not become an argument. */
function workspaceArguments(turn: Turn): readonly string[] | undefined {
  const workspace = workspaceOf(turn.data);
  if (workspace === undefined || workspace === '') return undefined;
  if (workspace === DEFAULT_WORKSPACE) return [];
  const isSafe =
    !workspace.startsWith('-') && !/[\p{C}]/u.test(workspace) && !workspace.split('/').includes('..');
  return isSafe ? ['--workspace', workspace] : undefined;
}

const PRINTED = ['checkpoint', 'messages', 'model_response', 'parsed_tool_calls'] as const;
const FILE_OF: { readonly [part in (typeof PRINTED)[number]]: string } = {
  checkpoint: 'checkpoint.json',
  messages: 'messages.json',
  model_response: 'model_response.txt',
  parsed_tool_calls: 'parsed_tool_calls.json',
};

/** What the program said: its JSON stands behind banner lines, and its exit code says little. */
export function readReplay(output: StepOutput | undefined, baseline: Json): StepAnswer {
  if (!output) return { ok: false, summary: 'it was not started' };
  const raw = { title: 'output', text: clip(`${output.stdout}${output.stderr}`, 8000) };
  const failed = (summary: string): StepAnswer => ({ ok: false, summary, sections: [raw] });
  const complaint = complaintIn(output);
  if (complaint !== undefined)
    return failed(output.error === undefined ? complaint : `could not be started: ${complaint}`);
  const printed = printedObject(output.stdout);
  if (!printed) {
    return failed(
      output.stdout.trim() === ''
        ? 'exit 0 and not a word: nothing was run'
        : 'exit 0, but no JSON was printed',
    );
  }
  const sections = [
    { title: 'turn directory', text: getString(printed, 'turn_dir') ?? '?' },
    ...turnSections({
      checkpoint: present(printed, 'checkpoint'),
      messages: present(printed, 'messages'),
      response: getString(printed, 'model_response'),
      calls: present(printed, 'parsed_tool_calls'),
    }),
    raw,
  ];
  const missing = PRINTED.filter((part) => present(printed, part) === undefined);
  const names = getArray(baseline, 'names');
  const denied = missing.filter((part) => names.includes(FILE_OF[part]));
  if (denied.length > 0) {
    return {
      ok: false,
      summary: `printed null for ${denied.join(', ')}, though the files are there`,
      sections,
    };
  }
  if (missing.length === PRINTED.length)
    return { ok: false, summary: 'printed nothing but nulls: no artifacts', sections };
  const other = otherTurn(printed, getString(baseline, 'target') ?? '');
  if (other !== undefined)
    return { ok: false, summary: `printed another turn: ${clip(other, 160)}`, sections };
  const summary =
    missing.length === 0 ? 'the whole turn was printed' : `printed; null for ${missing.join(', ')}`;
  return { ok: true, summary, sections };
}

function present(printed: JsonObject, part: string): Json | undefined {
  const value = getField(printed, part);
  return value === null ? undefined : value;
}

/** The directory it printed, when that is not the one asked for. */
function otherTurn(printed: JsonObject, target: string): string | undefined {
  const directory = getString(printed, 'turn_dir');
  const [run, issue, index, role] = target.split(':');
  if (directory === undefined || role === undefined) return undefined;
  const wanted = `${run}/${issue}/${(index ?? '').padStart(3, '0')}_${role}`;
  return directory.replaceAll('\\', '/').replace(/\/+$/, '').endsWith(wanted) ? undefined : directory;
}

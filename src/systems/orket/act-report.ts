import type { StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Run } from '../../domain/entity.ts';
import { getBoolean, getNumber, type Json } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActSpec, StateView } from '../system.ts';
import { isCheckout } from './act-epic.ts';
import { answerOf, complaintIn, noScript, printedObject, scriptStep } from './act-program.ts';
import { readFailureReport, readPromptMetrics } from './parse-documents.ts';

const FAILURES = 'scripts/report_failure_modes.py';
const PROMPTS = 'scripts/prompt_lab/eval_harness.py';
const LOG = 'workspace/default/orket.log';
const REPORT = 'benchmarks/results/failure_modes.json';

/** The failure and non-progress report of the runbook, with what it can't know put beside it. */
export const reportFailures: ActSpec = {
  id: 'report.failures',
  title: 'report failures',
  menu: 'other',
  risk: 'reversible',
  does: 'counts failures, idle turns and guard verdicts in orket.log, and writes them over the last report',
  runs: `${FAILURES} --log=${LOG} --out=${REPORT}`,
  outcome: 'the report it prints, read and held against the ledger',
  params: [],
  appliesTo: isCheckout,
  precondition: (view) => noScript(view, FAILURES),
  warnings: (_view, target) => [
    'It overwrites benchmarks/results/failure_modes.json.',
    'It counts no model timeout: none writes turn_failed. It reads one file, none of the rotated ones.',
    ...(getBoolean(target.data, 'logIsEmpty') === true
      ? ['The log is empty now (each good run empties it): the report will be empty and the program exit 0.']
      : []),
  ],
  revision: () => 'the log as it is',
  baseline: (view) => ({ unwritten: timeoutsIn(view) }),
  plan: (view) => [
    scriptStep(view, FAILURES, [`--log=${LOG}`, `--out=${REPORT}`], { title: 'count failures in orket.log' }),
  ],
  read: (outputs, order) => readFailures(outputs[0], order.baseline),
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'the former report is overwritten; made again from the same log it is the same' },
};

/** The prompt metrics of the runbook. */
export const reportPrompts: ActSpec = {
  id: 'report.prompts',
  title: 'measure prompts',
  menu: 'other',
  risk: 'reversible',
  does: 'rates over the turn directories: answers parsed, actions done, cards moved; writes them over the last ones',
  runs: `${PROMPTS} --out=benchmarks/results/prompt_eval_metrics.json`,
  outcome: 'the rates it prints, read',
  params: [],
  appliesTo: isCheckout,
  precondition: (view) => noScript(view, PROMPTS),
  warnings: () => ['It overwrites benchmarks/results/prompt_eval_metrics.json.'],
  revision: () => 'the turns as they are',
  plan: (view) => [
    scriptStep(view, PROMPTS, ['--out=benchmarks/results/prompt_eval_metrics.json'], {
      title: 'measure the prompts',
    }),
  ],
  read: (outputs) => readPrompts(outputs[0]),
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'the former metrics are overwritten; made again from the same turns they are the same' },
};

/** Runs that ended by the model: the ledger knows them, the log does not. */
function timeoutsIn(view: StateView): Json {
  return view.entities('run').filter(isModelFailure).length;
}

function isModelFailure(run: Run): boolean {
  return /^failed: Model\w*Error\b/.test(run.evidence.text ?? '');
}

/** What the report says, and what it is silent about. */
export function readFailures(output: StepOutput | undefined, baseline: Json): StepAnswer {
  const printed = printedBy(output);
  if ('ok' in printed) return printed;
  const report = readFailureReport(printed.value);
  if (!report) return answerOf(output, false, 'it printed no report of failures');
  const events = total(report.events);
  const words = [
    ...list(report.failures, 'failed: '),
    ...list(report.idle, 'no progress: '),
    ...list(report.guards, ''),
    `${counted(report.retries, 'retry').replace('retrys', 'retries')}`,
  ];
  const unwritten = getNumber(baseline, 'unwritten') ?? 0;
  const silent =
    unwritten > 0
      ? `; the ledger has ${counted(unwritten, 'run')} ended by the model, in no such report`
      : '';
  const summary =
    events === 0
      ? `empty: the log has no line (a good run empties it)${silent}`
      : `${counted(events, 'event')}: ${words.join(', ')}${silent}`;
  return answerOf(output, true, summary, [
    { title: 'events', text: list(report.events, '').join('\n') || 'none' },
  ]);
}

/** The rates in per cent. */
export function readPrompts(output: StepOutput | undefined): StepAnswer {
  const printed = printedBy(output);
  if ('ok' in printed) return printed;
  const metrics = readPromptMetrics(printed.value);
  if (!metrics) return answerOf(output, false, 'it printed no prompt metrics');
  const rates = Object.entries(metrics.rates).map(([name, rate]) => `${name} ${(rate * 100).toFixed(1)} %`);
  const turns = counted(metrics.turns, 'turn');
  return answerOf(
    output,
    true,
    metrics.turns === 0 ? 'no turns to measure' : `${turns}: ${rates.join(', ')}`,
  );
}

function printedBy(output: StepOutput | undefined): { readonly value: Json } | StepAnswer {
  if (!output) return answerOf(undefined, false, 'it was not started');
  const complaint = complaintIn(output);
  if (complaint !== undefined) return answerOf(output, false, complaint);
  const value = printedObject(output.stdout);
  if (value) return { value };
  const silent =
    output.stdout.trim() === ''
      ? 'exit 0 and not a word: nothing was run'
      : 'exit 0, but no JSON was printed';
  return answerOf(output, false, silent);
}

function list(counts: { readonly [name: string]: number }, prefix: string): string[] {
  return Object.entries(counts).map(([name, count]) => `${count} ${prefix}${name}`);
}

function total(counts: { readonly [name: string]: number }): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

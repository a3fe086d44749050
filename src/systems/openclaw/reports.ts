import type { ParamSpec, Params, StageState, StepOutput } from '../../domain/act.ts';
import { addMs, instant } from '../../domain/instant.ts';
import {
  getArray,
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  isObject,
  type Json,
} from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import { headline } from './words.ts';

/** One program of the skill whose answer is all there is. */
export interface Report {
  readonly id: string;
  readonly title: string;
  readonly script: string;
  readonly does: string;
  readonly runs: string;
  readonly outcome: string;
  readonly risk?: 'costly';
  readonly warnings?: readonly string[];
  readonly params?: readonly ParamSpec[];
  readonly timeoutMs?: number;
  args(params: Params): readonly string[];
  read(said: Json | undefined, output: StepOutput): { readonly ok: boolean; readonly summary: string };
  /** For one that writes: what must be seen in the files beside its own word. */
  expect?(view: StateView, order: ActOrder): readonly StageState[];
}

/** The stamp of a decision is rounded to the second in some versions. */
const ROUNDING_MS = 1_000;
const WRITTEN_MS = 20_000;

const METRICS_FILE: ParamSpec = {
  name: 'metrics',
  title: 'File with the metrics',
  form: 'text',
  required: true,
  maxLength: 1000,
  hint: 'JSON as scripts/metrics.py prints it; relative to the skill directory',
};

/** A path as one argument: `--name=value` is no option of its own, whatever the value begins with. */
function option(name: string, value: string | undefined): string {
  return `--${name}=${(value ?? '').trim()}`;
}

function exitOf(output: StepOutput): string {
  return output.exitCode === null || output.exitCode === undefined
    ? 'no exit code'
    : `exit ${output.exitCode}`;
}

/** Last words of a program that printed no JSON: a missing module, a usage line. */
export function lastWords(output: StepOutput): string {
  const lines = `${output.stdout}\n${output.stderr}`.trim().split('\n');
  return headline(lines.at(-1) ?? '', 200) || `${exitOf(output)}, and it said nothing`;
}

export const reports: readonly Report[] = [
  {
    id: 'report.metrics',
    title: "the program's own metrics",
    script: 'scripts/metrics.py',
    does: 'asks the program for its four numbers and alerts; counts a stall only after 5 minutes of silence',
    runs: 'metrics.py',
    outcome: 'four numbers and the list of alerts',
    args: () => [],
    read(said, output) {
      const stalled = getNumber(said, 'stalled_count');
      if (stalled === undefined) return { ok: false, summary: lastWords(output) };
      const alerts = getArray(said, 'alerts').map(String);
      return {
        ok: true,
        summary: [
          `${stalled} stalled`,
          `resumes that worked ${getNumber(said, 'resume_success_rate') ?? '?'}`,
          `${getNumber(said, 'mean_converge_time') ?? '?'} s to an end`,
          alerts.length === 0 ? 'no alert' : `alerts: ${alerts.join(', ')}`,
        ].join(', '),
      };
    },
  },
  {
    id: 'check.imports',
    title: 'check that the skill can be imported',
    script: 'test_imports.py',
    does: 'imports the modules of the skill with the interpreter the acts use',
    runs: 'test_imports.py',
    outcome: 'exit 0',
    args: () => [],
    read: (_said, output) => ({
      ok: output.exitCode === 0,
      summary: output.exitCode === 0 ? 'every module can be imported' : lastWords(output),
    }),
  },
  {
    id: 'check.security',
    title: 'run the security baseline tests',
    script: 'utils/test_security_baseline.py',
    does: 'runs the tests of masking and control that one branch of the skill has; other versions have none',
    runs: 'python -m pytest -q utils/test_security_baseline.py',
    outcome: 'pytest ends with 0',
    timeoutMs: 300_000,
    args: () => [],
    read: (_said, output) => ({ ok: output.exitCode === 0, summary: lastWords(output) }),
  },
  {
    id: 'gate.slo',
    title: 'release gate: service levels',
    script: 'scripts/slo_gate.py',
    does: 'compares the metrics with the release limits; the first limit compares a count with 0.02, the third never fails',
    runs: 'slo_gate.py --fail-on-block',
    outcome: 'pass, with M1 to M3',
    args: () => ['--fail-on-block'],
    read(said, output) {
      const pass = getBoolean(said, 'pass');
      if (pass === undefined) return { ok: false, summary: lastWords(output) };
      const gates = Object.entries(getObject(said, 'gates') ?? {});
      const blocked = gates.filter(([, gate]) => !isPassed(gate)).map(([name]) => name);
      return {
        ok: pass && output.exitCode === 0,
        summary: pass
          ? `pass: ${gates.map(([name]) => name).join(', ')}`
          : `blocked by ${blocked.join(', ') || 'the gate'}`,
      };
    },
  },
  {
    id: 'gate.canary',
    title: 'release gate: canary report',
    script: 'scripts/canary_gate.py',
    does: 'judges the report of the canary; where it blocks it calls a rollback script that only prints a line',
    runs: 'canary_gate.py',
    outcome: 'exit 0',
    args: () => [],
    read(said, output) {
      const reason = getString(said, 'reason') ?? getString(said, 'status');
      const verdict: { readonly [exit: number]: string } = {
        0: 'pass',
        2: 'there is no canary report to judge',
        3: 'blocked',
        4: 'blocked; the rollback script it calls does nothing: roll back by hand',
      };
      const known = verdict[output.exitCode ?? -1];
      if (known === undefined) return { ok: false, summary: lastWords(output) };
      return { ok: output.exitCode === 0, summary: reason === undefined ? known : `${known} (${reason})` };
    },
  },
  {
    id: 'canary.decide',
    title: 'move the canary by its metrics',
    script: 'scripts/canary_rollout.py',
    does: 'promotes, holds or rolls back the stage of the canary and writes it to runs/canary_rollout.json',
    runs: 'canary_rollout.py --metrics-json=FILE',
    outcome: 'a decision: promote, hold or rollback',
    risk: 'costly',
    warnings: ['it writes the stage: others read 5, 20, 50 or 100 % from it; nothing else is switched by it'],
    params: [METRICS_FILE],
    args: (params) => [option('metrics-json', params['metrics'])],
    read: readDecision,
    expect: decided,
  },
  {
    id: 'gate.release',
    title: 'release gate: the whole check',
    script: 'scripts/release_gate_check.py',
    does: 'judges service levels and canary together; it moves the stage of the canary as well',
    runs: 'release_gate_check.py --metrics-json=FILE --fail-on-block',
    outcome: 'exit 0',
    risk: 'costly',
    warnings: ['it writes the stage of the canary, as canary.decide does'],
    params: [METRICS_FILE],
    args: (params) => [option('metrics-json', params['metrics']), '--fail-on-block'],
    expect: decided,
    read(said, output) {
      const pass = getBoolean(said, 'pass');
      return {
        ok: output.exitCode === 0 && pass !== false,
        summary:
          said === undefined
            ? lastWords(output)
            : pass === false || output.exitCode !== 0
              ? 'blocked'
              : 'pass',
      };
    },
  },
  {
    id: 'gate.scorecard',
    title: 'release gate: scorecard',
    script: 'scripts/scorecard_gate.py',
    does: 'judges a scorecard file against the limits of a release',
    runs: 'scorecard_gate.py FILE',
    outcome: 'exit 0',
    params: [
      {
        name: 'file',
        title: 'Scorecard file',
        form: 'text',
        required: true,
        maxLength: 1000,
        hint: 'relative to the skill directory',
      },
    ],
    args: (params) => ['--', (params['file'] ?? '').trim()],
    read: readExit,
  },
  {
    id: 'gate.merge',
    title: 'release gate: pull request',
    script: 'scripts/pr_merge_gate.py',
    does: 'asks GitHub through gh whether a pull request may be merged; needs gh with a login',
    runs: 'pr_merge_gate.py --repo=REPO --pr=N',
    outcome: 'exit 0',
    params: [
      { name: 'repo', title: 'Repository', form: 'text', required: true, maxLength: 140, hint: 'OWNER/NAME' },
      { name: 'pr', title: 'Number', form: 'text', required: true, maxLength: 10 },
    ],
    args: (params) => [option('repo', params['repo']), option('pr', params['pr'])],
    read: readExit,
  },
  {
    id: 'gate.latency',
    title: 'release gate: latency of terminal payloads',
    script: 'scripts/bench_terminal_latency.py',
    does: 'measures how long reading a payload takes, and writes the evidence; it measures JSON alone, no queue',
    runs: 'bench_terminal_latency.py --samples=1000 --seed=20260222 --raw-output=F --report=F',
    outcome: 'P95 and P99 within their limits',
    warnings: ['it writes two files below docs/release/ of the skill'],
    timeoutMs: 300_000,
    args: () => [
      '--samples=1000',
      '--seed=20260222',
      '--raw-output=docs/release/v1.2.3-benchmark-raw.jsonl',
      '--report=docs/release/v1.2.3-benchmark-evidence.md',
    ],
    read(said, output) {
      const [p95, p99] = [getNumber(said, 'p95_ms'), getNumber(said, 'p99_ms')];
      if (p95 === undefined || p99 === undefined) return { ok: false, summary: lastWords(output) };
      const ok =
        output.exitCode === 0 && getBoolean(said, 'p95_ok') === true && getBoolean(said, 'p99_ok') === true;
      return { ok, summary: `P95 ${p95} ms (80), P99 ${p99} ms (150): ${ok ? 'pass' : 'blocked'}` };
    },
  },
];

function isPassed(gate: Json): boolean {
  return gate === true || getBoolean(gate, 'pass') === true || getBoolean(gate, 'ok') === true;
}

function readExit(_said: Json | undefined, output: StepOutput): { ok: boolean; summary: string } {
  return { ok: output.exitCode === 0, summary: output.exitCode === 0 ? 'pass' : lastWords(output) };
}

/** `{action, target, reason}` of a canary decision, on its own or beside the state. */
function readDecision(said: Json | undefined, output: StepOutput): { ok: boolean; summary: string } {
  const decision = getObject(said, 'decision') ?? (isObject(said) ? said : undefined);
  const action = getString(decision, 'action');
  if (action === undefined) return { ok: false, summary: lastWords(output) };
  const target = getField(decision, 'target');
  return {
    ok: output.exitCode === 0,
    summary: [
      action,
      target === undefined || target === null ? '' : `to ${String(target)} %`,
      getString(decision, 'reason') === undefined ? '' : `(${getString(decision, 'reason')})`,
    ]
      .filter((word) => word !== '')
      .join(' '),
  };
}

/** The decision stands in `runs/canary_rollout.json`, where others read it. */
function decided(view: StateView, order: ActOrder): readonly StageState[] {
  const newest = view
    .entities('meter')
    .filter((meter) => meter.id === 'canary' || meter.id.startsWith('canary@'))
    .map((meter) => getNumber(meter.data, 'decidedAt'))
    .find((at) => at !== undefined && at >= order.startedAt - ROUNDING_MS);
  return [
    {
      stage: 'done',
      title: 'the decision stands in runs/canary_rollout.json',
      state: newest === undefined ? 'waiting' : 'seen',
      ...(newest === undefined ? {} : { seenAt: instant(newest) }),
      deadline: addMs(order.lastStepAt ?? order.startedAt, WRITTEN_MS),
      required: true,
    },
  ];
}

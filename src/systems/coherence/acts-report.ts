import type { Step, StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { getArray, getField, getObject, getString, isObject, readJson } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import type { ActSpec, StateView } from '../system.ts';
import { apiDirectory, apiRefusal, crewIn, lastWords, marksOf, pythonRefusal } from './act-common.ts';

/** A program that only looks and prints: its answer is all there is. */
interface Report {
  readonly id: string;
  readonly title: string;
  readonly does: string;
  readonly runs: string;
  readonly outcome: string;
  readonly on: (target: Entity) => boolean;
  readonly program: (view: StateView) => readonly string[];
  /** Started in the checkout instead of in its `api` directory. */
  readonly inRoot?: true;
  readonly timeoutMs: number;
  readonly refuse?: (view: StateView) => string | undefined;
  readonly warnings?: readonly string[];
  readonly secretEnv?: readonly string[];
  /** How it is undone, where it leaves something. */
  readonly undo?: string;
  readonly read: (output: StepOutput) => Pick<StepAnswer, 'ok' | 'summary'>;
}

const MINUTE_MS = 60_000;

const isPipeline = (target: Entity): boolean => target.type === 'service' && target.id === 'pipeline';
const isPart =
  (...ids: readonly string[]) =>
  (target: Entity): boolean =>
    (target.type === 'service' && ids.includes(target.id)) ||
    (target.type === 'layer' && ids.includes(target.id));
const python =
  (...words: readonly string[]) =>
  (view: StateView): readonly string[] => [view.located.python ?? '', ...words];

/**
 * Exit 0 passes; anything else is a finding, and what it printed last says which. Each of them prints what it looked at,
 * so one that prints nothing has looked at nothing.
 */
function gate(output: StepOutput): Pick<StepAnswer, 'ok' | 'summary'> {
  const isSilent = `${output.stdout}${output.stderr}`.trim() === '';
  const isPassed = output.exitCode === 0 && !isSilent;
  const end = isPassed ? 'passed' : `exit ${output.exitCode ?? '?'}`;
  return { ok: isPassed, summary: `${end}: ${lastWords(output)}` };
}

/** `check_pipeline.py --json`: exit 1 when the API is down or answers anything but 200. */
function readStatus(output: StepOutput): Pick<StepAnswer, 'ok' | 'summary'> {
  const json = readJson(output.stdout);
  const value = json.ok ? json.value : undefined;
  if (output.exitCode !== 0)
    return { ok: false, summary: `exit ${output.exitCode ?? '?'}: ${lastWords(output)}` };
  if (!isObject(value) || !Array.isArray(getField(value, 'running')))
    return { ok: false, summary: 'exit 0, and no pipeline status in it' };
  const goal = getString(getObject(getObject(value, 'hierarchical') ?? {}, 'layer_0_goal'), 'status');
  const counts = `${getArray(value, 'running').length} running, ${getArray(value, 'pending').length} pending`;
  return { ok: true, summary: `${counts}${goal === undefined ? '' : `, goal ${goal}`}` };
}

/** `ensure_effective_pipeline.sh`: exit 1 with a list of actions is an answer too. */
function readEffectiveness(output: StepOutput): Pick<StepAnswer, 'ok' | 'summary'> {
  const lines = output.stdout.split('\n');
  const actions = lines.filter((line) => line.includes('[ACTION]'));
  if (/=== All checks passed/.test(output.stdout)) return { ok: true, summary: 'all checks passed' };
  if (!output.stdout.includes('=== REQUIRED ACTIONS ==='))
    return { ok: false, summary: `exit ${output.exitCode ?? '?'}, and no verdict: ${lastWords(output)}` };
  const first = actions[0]?.replace(/^.*\[ACTION\]\s*/, '') ?? lastWords(output);
  const count = counted(Math.max(1, actions.length), 'required action');
  return { ok: true, summary: firstLine(`${count}: ${first}`, 160) };
}

/** `report_fatal.py`: exit 1 with what is fatal, exit 0 without. */
function readFatalReport(output: StepOutput): Pick<StepAnswer, 'ok' | 'summary'> {
  const fatal = /^FATAL: (.+)$/m.exec(output.stdout)?.[1];
  if (fatal !== undefined) {
    const detail = /^\s*Detail: (.+)$/m.exec(output.stdout)?.[1] ?? '';
    return { ok: true, summary: firstLine(`fatal: ${fatal} ${detail}`, 160) };
  }
  const isNone = output.exitCode === 0 && output.stdout.includes('No fatal issues.');
  return isNone
    ? { ok: true, summary: 'no fatal issues' }
    : { ok: false, summary: `no verdict: ${lastWords(output)}` };
}

/** `migrate_local_telemetry_to_db.py --json`: the local files may go only after `parity_ok`. */
function readMigration(output: StepOutput): Pick<StepAnswer, 'ok' | 'summary'> {
  const json = readJson(output.stdout.slice(Math.max(0, output.stdout.indexOf('{'))));
  const parity = json.ok ? getField(json.value, 'parity_ok') : undefined;
  if (output.exitCode !== 0)
    return { ok: false, summary: `exit ${output.exitCode ?? '?'}: ${lastWords(output)}` };
  if (parity === true) return { ok: true, summary: 'parity_ok: the database has what the files have' };
  return { ok: false, summary: 'not parity_ok: keep the local files' };
}

/** `project_manager.py --dry-run`: says where it would begin. */
function readDryRun(output: StepOutput): Pick<StepAnswer, 'ok' | 'summary'> {
  const said = /^DRY-RUN: (.+)$/m.exec(output.stdout)?.[1];
  return said === undefined || output.exitCode !== 0
    ? { ok: false, summary: `exit ${output.exitCode ?? '?'}: ${lastWords(output)}` }
    : { ok: true, summary: firstLine(said, 160) };
}

const REPORTS: readonly Report[] = [
  {
    id: 'pipeline.report',
    title: 'pipeline status',
    does: 'prints what runs, what is pending and the four layers',
    runs: 'scripts/check_pipeline.py --json',
    outcome: 'JSON with running and pending; exit 1 when the API is down',
    on: isPart('pipeline', 'orchestration'),
    program: python('scripts/check_pipeline.py', '--json'),
    timeoutMs: MINUTE_MS,
    read: readStatus,
  },
  {
    id: 'pipeline.check',
    title: 'effectiveness check',
    does: 'asks the API’s endpoints, the version and the processes, and lists required actions',
    runs: 'scripts/ensure_effective_pipeline.sh',
    outcome: '"All checks passed", or the required actions (exit 1)',
    on: isPart('pipeline', 'goal'),
    program: () => ['/bin/bash', 'scripts/ensure_effective_pipeline.sh'],
    timeoutMs: 2 * MINUTE_MS,
    warnings: ['It says "returns 404" for any answer but 200, and sees processes of other checkouts too.'],
    read: readEffectiveness,
  },
  {
    id: 'fatal.report',
    title: 'fatal report',
    does: 'prints fatal_issues.json, which is left over when the pipeline has been started since',
    runs: 'scripts/report_fatal.py',
    outcome: '"No fatal issues.", or reason, detail and time (exit 1)',
    on: (target) => isPipeline(target) || (target.type === 'issue' && target.key.startsWith('fatal.')),
    program: python('scripts/report_fatal.py'),
    timeoutMs: MINUTE_MS,
    read: readFatalReport,
  },
  {
    id: 'manager.preview',
    title: 'what the project manager would do',
    does: 'dry run: says at which item and phase it would begin, and makes no task',
    runs: 'scripts/project_manager.py --once --dry-run',
    outcome: 'a line "DRY-RUN: backlog index=N, phase=P"',
    on: isPart('project-manager'),
    program: python('scripts/project_manager.py', '--once', '--dry-run'),
    timeoutMs: MINUTE_MS,
    refuse: apiRefusal,
    read: readDryRun,
  },
  {
    id: 'failures.report',
    title: 'failure concentration',
    does: 'prints which task types and signals drag the success rate',
    runs: 'scripts/analyze_pipeline_failures.py',
    outcome: 'exit 0 and what it prints',
    on: isPart('pipeline', 'goal'),
    program: python('scripts/analyze_pipeline_failures.py'),
    timeoutMs: 2 * MINUTE_MS,
    read: gate,
  },
  {
    id: 'surface.report',
    title: 'runtime surface audit',
    does: 'compares mounted routes with what the web part expects',
    runs: 'scripts/audit_runtime_surface.py',
    outcome: 'exit 0 and what it prints',
    on: isPart('api'),
    program: python('scripts/audit_runtime_surface.py'),
    timeoutMs: 2 * MINUTE_MS,
    read: gate,
  },
  {
    id: 'tests.check',
    title: 'run the tests of the API',
    does: 'runs pytest in api',
    runs: 'python -m pytest -v',
    outcome: 'exit 0',
    on: isPart('api'),
    program: python('-m', 'pytest', '-v'),
    timeoutMs: 30 * MINUTE_MS,
    warnings: ['It takes the processor the pipeline uses.'],
    read: gate,
  },
  {
    id: 'specs.check',
    title: 'validate changed specs',
    does: 'checks the specs changed since origin/main for missing sections',
    runs: 'scripts/validate_spec_quality.py --base origin/main --head HEAD',
    outcome: 'exit 0',
    on: isPipeline,
    program: python('scripts/validate_spec_quality.py', '--base', 'origin/main', '--head', 'HEAD'),
    inRoot: true,
    timeoutMs: 2 * MINUTE_MS,
    read: gate,
  },
  {
    id: 'web.check',
    title: 'validate routes and pages of this worktree',
    does: 'asks the API routes and web pages that run now; starts no server',
    runs: 'scripts/verify_worktree_local_web.sh',
    outcome: 'exit 0',
    on: isPart('api', 'execution'),
    program: () => ['/bin/bash', 'scripts/verify_worktree_local_web.sh'],
    inRoot: true,
    timeoutMs: 5 * MINUTE_MS,
    read: gate,
  },
  {
    id: 'worktree.check',
    title: 'worktree guard',
    does: 'runs the checks of a pull request here and writes a report below docs/system_audit/pr_check_failures',
    runs: 'scripts/worktree_pr_guard.py --mode local --base-ref origin/main',
    outcome: 'exit 0',
    on: isPipeline,
    program: python('scripts/worktree_pr_guard.py', '--mode', 'local', '--base-ref', 'origin/main'),
    inRoot: true,
    timeoutMs: 30 * MINUTE_MS,
    warnings: ['It writes a report file into the checkout.'],
    read: gate,
  },
  {
    id: 'start.check',
    title: 'start gate',
    does: 'checks for a linked, clean worktree, a clean primary one, green main and green open codex branches',
    runs: 'make start-gate',
    outcome: 'exit 0',
    on: isPipeline,
    program: () => ['/usr/bin/make', 'start-gate'],
    inRoot: true,
    timeoutMs: 5 * MINUTE_MS,
    read: gate,
  },
  {
    id: 'prs.check',
    title: 'failing pull requests',
    does: 'looks for failed checks on open codex pull requests; reruns nothing',
    runs: 'scripts/pr_check_failure_triage.py --base main --head-prefix codex/ --fail-on-detected',
    outcome: 'exit 0 when none fails',
    on: (target) =>
      isPipeline(target) || (target.type === 'issue' && target.key === 'fatal.pr_followthrough_blocked'),
    program: python(
      'scripts/pr_check_failure_triage.py',
      ...[
        '--repo',
        'seeker71/Coherence-Network',
        '--base',
        'main',
        '--head-prefix',
        'codex/',
        '--fail-on-detected',
      ],
    ),
    inRoot: true,
    timeoutMs: 10 * MINUTE_MS,
    secretEnv: ['GITHUB_TOKEN'],
    read: gate,
  },
  {
    id: 'telemetry.migrate',
    title: 'migrate telemetry files to the database',
    does: 'copies local telemetry files into the database and compares; deletes nothing',
    runs: 'scripts/migrate_local_telemetry_to_db.py --json',
    outcome: 'parity_ok is true',
    on: isPart('api'),
    program: python('scripts/migrate_local_telemetry_to_db.py', '--json'),
    timeoutMs: 10 * MINUTE_MS,
    undo: 'nothing is lost: the files stay. Rows it copied stay in the database too, and are taken out there',
    read: readMigration,
  },
];

function actOf(report: Report): ActSpec {
  const { id, title, does, runs, outcome, on, warnings = [], secretEnv } = report;
  return {
    id,
    title,
    menu: 'other',
    risk: 'reversible',
    does,
    runs,
    outcome,
    params: [],
    appliesTo: on,
    precondition: (view) =>
      report.refuse?.(view) ?? (report.program(view)[0] === '' ? pythonRefusal(view) : undefined),
    warnings: () => warnings,
    revision: (view) => marksOf(crewIn(view).of.manager),
    plan: (view): readonly Step[] => [
      {
        type: 'process',
        title,
        argv: report.program(view),
        cwd: report.inRoot ? view.located.root : apiDirectory(view),
        timeoutMs: report.timeoutMs,
        ...(secretEnv ? { secretEnv } : {}),
      },
    ],
    read([output]): StepAnswer {
      if (!output || output.error !== undefined)
        return { ok: false, summary: output?.error ?? 'it did not run' };
      if (output.timedOut) return { ok: false, summary: 'it did not end in time' };
      const sections = [
        { title: 'output', text: output.stdout },
        ...(output.stderr === '' ? [] : [{ title: 'errors', text: output.stderr }]),
      ];
      return { ...report.read(output), sections };
    },
    answerIsProof: true,
    expect: () => [],
    undo: { text: report.undo ?? 'nothing to undo: it changes nothing of the pipeline' },
  };
}

/** Programs of the checkout that look and print. */
export const reportActs: readonly ActSpec[] = REPORTS.map(actOf);

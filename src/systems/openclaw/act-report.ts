import type { StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { getArray, getString, type Json, readJson } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActSpec } from '../system.ts';
import { idOf, jobOf, scriptStep, unreachable } from './act-common.ts';
import { lastWords, type Report, reports } from './reports.ts';
import { placeOf } from './schema.ts';
import { isWorkerService, queueStep, unreachableQueue } from './worker-queue.ts';

function answerOf(report: Pick<Report, 'read' | 'script'>, outputs: readonly StepOutput[]): StepAnswer {
  const [output] = outputs;
  if (output === undefined) return { ok: false, summary: 'nothing ran' };
  // Each of them prints something: an exit 0 without a word is a program that died on the way.
  if (output.stdout.trim() === '' && output.exitCode === 0) return { ok: false, summary: lastWords(output) };
  const sections = [
    { title: report.script, text: output.stdout },
    { title: 'stderr', text: output.stderr },
  ].filter((section) => section.text !== '');
  const cut = cutText(output);
  // Whatever it had printed by then: it was not at its end.
  if (cut !== undefined) return { ok: false, summary: cut, sections };
  return { ...report.read(jsonIn(output.stdout), output), sections };
}

/** Why a program never came to the end of what it had to say; undefined when it did. */
function cutText(output: StepOutput): string | undefined {
  if (output.timedOut) return 'no end within its time';
  return output.signal === undefined ? undefined : `ended by ${output.signal}: ${lastWords(output)}`;
}

/** The object a program printed, with or without lines around it. */
function jsonIn(text: string): Json | undefined {
  const from = text.indexOf('{');
  if (from < 0) return undefined;
  const read = readJson(text.slice(from, text.lastIndexOf('}') + 1));
  return read.ok ? read.value : undefined;
}

function reportAct(report: Report): ActSpec {
  return {
    id: report.id,
    title: report.title,
    menu: 'other',
    risk: report.risk ?? 'reversible',
    does: report.does,
    runs: report.runs,
    outcome: report.outcome,
    params: report.params ?? [],
    appliesTo: isWorkerService,
    precondition: (view, target) => unreachableQueue(view, target, report.script),
    ...(report.warnings === undefined ? {} : { warnings: () => report.warnings ?? [] }),
    revision: (_view, target) => target.id,
    plan(view, target, params) {
      const script = `${placeOf(view.located).skill ?? ''}/${report.script}`;
      const isTest = report.script.startsWith('utils/');
      return [
        {
          type: 'process',
          title: report.title,
          argv: [
            view.located.python ?? '',
            ...(isTest ? ['-m', 'pytest', '-q'] : []),
            script,
            ...report.args(params),
          ],
          ...queueStep(view, target),
          timeoutMs: report.timeoutMs ?? 60_000,
        },
      ];
    },
    read: (outputs) => answerOf(report, outputs),
    answerIsProof: true,
    expect: (view, order) => report.expect?.(view, order) ?? [],
    undo: {
      text:
        report.risk === 'costly'
          ? 'the state before is in the history of runs/canary_rollout.json; put the stage back by hand'
          : 'there is nothing to undo: it only reports',
    },
  };
}

/** What the program itself says about one job; our own rows rest on the database. */
const jobStatus: ActSpec = {
  id: 'job.status',
  title: "the program's own view of the job",
  menu: 'other',
  risk: 'reversible',
  does: 'runs status.py, which prints the job with its last 30 events and rewrites the snapshot file',
  runs: 'status.py JOB',
  outcome: 'the job as the program sees it',
  params: [],
  appliesTo: (target: Entity) => target.type === 'job' || target.type === 'approval',
  precondition(view, target) {
    const job = jobOf(view, target);
    return (
      unreachable(view, job) ??
      (placeOf(view.located).scripts.includes('scripts/status.py')
        ? undefined
        : 'this version of the skill has no scripts/status.py')
    );
  },
  revision: (_view, target) => target.id,
  plan(view, target) {
    const job = jobOf(view, target);
    return job ? [scriptStep(view, job, 'status.py', [idOf(job)], 'status')] : [];
  },
  read: (outputs) =>
    answerOf(
      {
        script: 'status.py',
        read(said, output) {
          const status = getString(said, 'status');
          if (status === undefined) return { ok: false, summary: lastWords(output) };
          if (status === 'not_found')
            return { ok: false, summary: 'the program does not know this job: it looked into another queue' };
          const view = getString(said, 'status_view') ?? status;
          const events = getArray(said, 'events').length;
          return { ok: true, summary: `${view}; ${counted(events, 'event')}` };
        },
      },
      outputs,
    ),
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'there is nothing to undo: it only reports' },
};

/** Acts that report: checks, gates, the program's own numbers. */
export const reportActs: readonly ActSpec[] = [jobStatus, ...reports.map(reportAct)];

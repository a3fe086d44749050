import type { StepAnswer, StepOutput } from '../../domain/act.ts';
import { toIso } from '../../domain/instant.ts';
import { getArray, getNumber, getString, isObject, readJson } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActOrder, ActSpec } from '../system.ts';
import { isJobTarget, jobOf } from './act-common.ts';
import { instantIn } from './parse-event.ts';
import { isSafeProject } from './schema.ts';

const LONGEST_LOG = 2 * 1024 * 1024;
const MOST_LINES = 200;

interface Entry {
  readonly at: number;
  readonly text: string;
}

/**
 * Who decided what on a job. The program's own audit_timeline.py reads a file no version on disk writes and always says
 * "no events"; the decisions stand in the table events, and in `audit_events.jsonl` of the branch that has one.
 */
export const timelineAct: ActSpec = {
  id: 'job.timeline',
  title: 'audit timeline',
  menu: 'other',
  risk: 'read',
  does: 'shows every decision on the job: from the events of the database, and from audit_events.jsonl where there is one',
  runs: 'reads the state and audit_events.jsonl',
  outcome: 'decisions by time',
  params: [],
  appliesTo: isJobTarget,
  precondition: (view, target) =>
    jobOf(view, target) === undefined ? 'the job is not in the database now' : undefined,
  revision: (_view, target) => target.id,
  baseline(view, target) {
    const job = jobOf(view, target);
    return { job: getString(job?.data, 'job') ?? '', decisions: getArray(job?.data, 'decisions') };
  },
  plan(view, target) {
    const project = getString(jobOf(view, target)?.data, 'project') ?? '';
    const own = isSafeProject(project)
      ? ['audit', 'queue/audit'].map((dir) => `${project}/.orchestrator/${dir}/audit_events.jsonl`)
      : [];
    return [
      {
        type: 'read',
        title: 'audit logs',
        paths: [...own, '_orchestrator_queue/audit/audit_events.jsonl'],
        maxBytes: LONGEST_LOG,
      },
    ];
  },
  read: timelineOf,
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'there is nothing to undo: it only reads' },
};

function timelineOf(outputs: readonly StepOutput[], order: ActOrder): StepAnswer {
  const job = getString(order.baseline, 'job') ?? '';
  const entries: Entry[] = getArray(order.baseline, 'decisions').map((one) => ({
    at: getNumber(one, 'at') ?? 0,
    text: getString(one, 'text') ?? '',
  }));
  let bad = 0;
  for (const file of outputs.flatMap((output) => output.files ?? [])) {
    for (const line of (file.text ?? '').split('\n')) {
      if (line.trim() === '') continue;
      const read = readJson(line);
      if (!read.ok || !isObject(read.value)) {
        bad += 1;
        continue;
      }
      if (getString(read.value, 'job_id') !== job) continue;
      entries.push({ at: instantIn(getString(read.value, 'ts')) ?? 0, text: auditText(read.value) });
    }
  }
  entries.sort((a, b) => a.at - b.at);
  const shown = entries.slice(-MOST_LINES);
  return {
    ok: true,
    summary: [
      entries.length === 0 ? 'nobody has decided anything on this job' : counted(entries.length, 'decision'),
      ...(bad > 0 ? [`${counted(bad, 'line')} could not be read`] : []),
    ].join('; '),
    sections:
      shown.length === 0
        ? []
        : [
            {
              title: 'decisions',
              text: shown
                .map(
                  ({ at, text }) =>
                    `${at === 0 ? 'no time' : toIso(at as Parameters<typeof toIso>[0])}  ${text}`,
                )
                .join('\n'),
            },
          ],
  };
}

function auditText(value: unknown): string {
  const word = (name: string): string => getString(value, name) ?? '';
  return [
    `${word('action') || '?'} by ${word('actor') || '?'}`,
    `${word('before_status') || '?'} -> ${word('after_status') || '?'}`,
    word('reason'),
  ]
    .filter((text) => text !== '')
    .join('  ');
}

/**
 * A made-up orchestrator for the tests of acts: its whole state is `state.json` in its root, its program is `act.sh`.
 * The file `mode` says how the program behaves; each time it runs it adds a line to `fired`.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Params, Step, StepOutput } from '../../../src/domain/act.ts';
import { type Approval, type Entity, type Job, refTo, type SystemId } from '../../../src/domain/entity.ts';
import { addMs, type Instant } from '../../../src/domain/instant.ts';
import { getString } from '../../../src/lib/json.ts';
import type { ActSpec, Located, StateView, SystemKind } from '../../../src/systems/system.ts';

export interface ToyState {
  readonly [job: string]: {
    readonly status: string;
    readonly revision?: string;
    readonly plan?: string;
    readonly stuck?: boolean;
  };
}

const PROGRAM = `#!/bin/sh
# $1 the job, $2 how to behave
echo "$1" >> fired
echo "approving $1"
echo "token \${TOY_KEY:-none}" >&2
case "$2" in
  honest) node_write done ;;
  lie | quiet) ;;
  exit1) echo "no API" >&2; exit 1 ;;
  leak) cat leak; cat leak >&2; exit 1 ;;
  exit1-done) node_write done; exit 3 ;;
  reject) node_write rejected ;;
  hang) trap '' TERM; sleep 30 & sleep 30 ;;
  escape) setsid sleep 20 >/dev/null 2>&1 & sleep 0.3; node_write done ;;
  slow) sleep 0.6; node_write done ;;
  long) sleep 30 ;;
  echo) printf '%s of %s' "$(($# - 2))" "$3" > given; node_write done ;;
  many) sleep 0.2; mkdir -p done; : > "done/$1" ;;
  late) (sleep 1; node_write done) >/dev/null 2>&1 & ;;
esac
exit 0
`
  .replaceAll(
    /node_write (\w+)/g,
    (_, status: string) =>
      `printf '{"%s":{"status":"${status}"}}' "$JOB" > state.tmp.$$ && mv state.tmp.$$ state.json`,
  )
  .replace('# $1', 'JOB="$1"\n# $1');

/** Lays out a system with these jobs and returns where it is. */
export function layToy(root: string, state: ToyState, mode = 'honest'): Located {
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'act.sh'), PROGRAM);
  chmodSync(join(root, 'act.sh'), 0o755);
  writeFileSync(join(root, 'state.json'), JSON.stringify(state));
  writeFileSync(join(root, 'mode'), mode);
  writeFileSync(join(root, 'fired'), '');
  return { system: 'toy' as SystemId, kind: 'toy', root, timezone: 'UTC', settings: {}, extra: {} };
}

/** How often the program ran, by job. */
export function firedIn(root: string): readonly string[] {
  return readFileSync(join(root, 'fired'), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** The state of the toy as of now. */
export function toyView(located: Located, now: Instant): StateView {
  const entities = new Map(entitiesOf(located, now).map((entity) => [`${entity.type}/${entity.id}`, entity]));
  return {
    located,
    now,
    data: {},
    processes: [],
    entity: (type, id) => entities.get(`${type}/${id}`) as never,
    entities: (type) => [...entities.values()].filter((entity) => entity.type === type) as never,
  };
}

function entitiesOf(located: Located, now: Instant): Entity[] {
  let state: ToyState;
  try {
    state = JSON.parse(readFileSync(join(located.root, 'state.json'), 'utf8')) as ToyState;
  } catch {
    return [];
  }
  return Object.entries(state).flatMap(([id, given]): Entity[] => {
    const job = existsSync(join(located.root, 'done', id)) ? { ...given, status: 'done' } : given;
    const base = {
      system: located.system,
      id,
      title: `job ${id}`,
      observedAt: now,
      evidence: { source: 'state' },
    };
    const one: Job = {
      ...base,
      type: 'job',
      status: 'waiting',
      nativeStatus: job.status,
      data: { revision: job.revision ?? 'r1' },
      ...(job.stuck
        ? { attention: { rank: 2, label: 'STUCK', why: 'it waits', playbook: 'not-ready' } as const }
        : {}),
    };
    if (job.plan === undefined) return [one];
    const approval: Approval = {
      ...base,
      type: 'approval',
      ask: 'review',
      status: job.status === 'ready' ? 'pending' : 'decided',
      answerable: true,
      decisions: ['job.approve', 'job.deny'],
      ...(job.plan === ''
        ? {}
        : { payload: { form: 'plan', text: job.plan }, payloadDigest: `digest of ${job.plan}` }),
    };
    return [one, approval];
  });
}

const revision: ActSpec['revision'] = (view, target) =>
  String(view.entity('job', target.id)?.data?.['revision'] ?? '');

function modeOf(view: StateView): string {
  return readFileSync(join(view.located.root, 'mode'), 'utf8').trim();
}

function programStep(
  view: StateView,
  target: Entity,
  more: Partial<Extract<Step, { type: 'process' }>> = {},
): Step {
  const argv = [join(view.located.root, 'act.sh'), target.id, modeOf(view)];
  return {
    type: 'process',
    title: 'approve',
    argv,
    cwd: view.located.root,
    timeoutMs: modeOf(view) === 'hang' ? 700 : 20_000,
    ...more,
  };
}

/** The program with the answer as its last argument. */
function echoed(view: StateView, target: Entity, params: Params): readonly string[] {
  return [join(view.located.root, 'act.sh'), target.id, 'echo', params['answer'] ?? ''];
}

/** Short where nothing will be seen, long where it will: a loaded machine must not decide. */
function deadlineMs(view: StateView): number {
  if (['lie', 'exit1', 'hang', 'leak'].includes(modeOf(view))) return 1_200;
  return Number(process.env['TOY_DEADLINE_MS'] ?? 10_000);
}

const becomesDone: ActSpec['expect'] = (view, order) => {
  const status = view.entity('job', order.target.id)?.nativeStatus;
  const deadline = addMs(order.startedAt, deadlineMs(view));
  const state = status === 'done' ? 'seen' : status === 'rejected' ? 'contradicted' : 'waiting';
  return [
    {
      stage: 'done',
      title: 'job is done',
      state,
      deadline,
      required: true,
      ...(status === undefined ? {} : { detail: `job is ${status}` }),
    },
  ];
};

function act(more: Partial<ActSpec> & Pick<ActSpec, 'id'>): ActSpec {
  return {
    title: more.id,
    menu: 'other',
    risk: 'reversible',
    does: 'runs act.sh',
    params: [],
    appliesTo: (target) => target.type === 'job' || target.type === 'approval',
    precondition: (view, target) =>
      view.entity('job', target.id)?.nativeStatus === 'ready' ? undefined : 'the job is not ready',
    revision,
    plan: (view, target) => [programStep(view, target)],
    expect: becomesDone,
    ...more,
  };
}

export const toyKind: SystemKind = {
  kind: 'toy',
  title: 'Toy',
  settings: z.object({}),
  recognise: () => undefined,
  locate: () => {
    throw new Error('not asked');
  },
  sources: () => [],
  parsers: {},
  derive: () => ({ entities: [] }),
  playbooks: [
    {
      id: 'not-ready',
      title: 'a job waits',
      steps: [
        {
          type: 'check',
          text: 'it is ready',
          holds: (view, target) => view.entity('job', target.id)?.nativeStatus === 'ready',
        },
        {
          type: 'check',
          text: 'a check of ours that fails',
          holds: () => {
            throw new Error('no such field');
          },
        },
        { type: 'act', text: 'run it', act: 'job.run' },
        { type: 'note', text: 'tell the team' },
      ],
    },
  ],
  acts: [
    act({ id: 'job.run' }),
    act({
      id: 'job.approve',
      menu: 'approve',
      risk: 'costly',
      appliesTo: (target) => target.type === 'approval',
      warnings: () => ['it plans again'],
      strands: () => ['the old plan'],
    }),
    act({
      id: 'job.deny',
      menu: 'approve',
      risk: 'reversible',
      appliesTo: (target) => target.type === 'approval',
    }),
    act({ id: 'job.wipe', risk: 'destructive' }),
    act({
      id: 'job.answer',
      params: [{ name: 'answer', title: 'the answer', form: 'lines', required: true, maxLength: 200 }],
      plan: (view, target, params) => [
        {
          type: 'file',
          title: 'write the answer',
          path: `answers/${target.id}.txt`,
          text: params['answer'] ?? '',
        },
        programStep(view, target, modeOf(view) === 'echo' ? { argv: echoed(view, target, params) } : {}),
      ],
    }),
    act({
      id: 'job.ask',
      answerIsProof: true,
      expect: () => [],
      plan: (view, target) => [programStep(view, target)],
      read: (outputs: readonly StepOutput[]) => ({
        ok: outputs[0]?.stdout.includes('approving') === true && outputs[0]?.exitCode === 0,
        summary: `it said: ${outputs[0]?.stdout.trim()}`,
      }),
    }),
    act({
      id: 'job.keyed',
      plan: (view, target) => [programStep(view, target, { secretEnv: ['TOY_KEY'], env: { TOY_MODE: 'x' } })],
    }),
    act({
      id: 'job.missing',
      plan: (view) => [
        {
          type: 'process',
          title: 'run',
          argv: ['/no/such/program'],
          cwd: view.located.root,
          timeoutMs: 1_000,
        },
      ],
    }),
    act({
      id: 'job.inspect',
      risk: 'read',
      precondition: () => undefined,
      expect: () => [],
      plan: (_view, target) => [
        {
          type: 'read',
          title: 'read',
          paths: ['state.json', `answers/${target.id}.txt`, '../outside'],
          maxBytes: 1_000,
        },
      ],
    }),
    act({ id: 'job.fakeread', risk: 'read' }),
    act({ id: 'job.begin', undo: { act: 'job.reset', text: 'job.reset makes it ready again' } }),
    act({
      id: 'job.reset',
      precondition: (view, target) =>
        view.entity('job', target.id)?.nativeStatus === 'done' ? undefined : 'the job is not done',
      plan: (view, target) => [
        {
          type: 'file',
          title: 'reset',
          path: 'state.json',
          text: JSON.stringify({ [target.id]: { status: 'ready', revision: 'r2' } }),
        },
        programStep(view, target, { argv: ['/bin/sh', '-c', 'exit 0'] }),
      ],
      expect: (view, order) => [
        {
          stage: 'done',
          title: 'job is ready',
          state: view.entity('job', order.target.id)?.nativeStatus === 'ready' ? 'seen' : 'waiting',
          deadline: addMs(order.startedAt, 10_000),
          required: true,
        },
      ],
    }),
    act({
      id: 'job.copy',
      plan: (view, target) => [
        {
          type: 'file',
          title: 'copy',
          path: 'state.json',
          text: JSON.stringify({
            [target.id]: { status: 'ready' },
            [`${target.id}-copy`]: { status: 'ready' },
          }),
        },
        programStep(view, target, { argv: ['/bin/sh', '-c', 'exit 0'] }),
      ],
      baseline: (_view, target) => ({ from: target.id }),
      expect: (view, order) => [
        {
          stage: 'done',
          title: 'the copy is there',
          state: view.entity('job', `${order.target.id}-copy`) ? 'seen' : 'waiting',
          deadline: addMs(order.startedAt, 10_000),
          required: true,
        },
      ],
      undo: {
        act: 'job.answer',
        text: 'job.answer ends the copy',
        on: (view, { target }) => refTo(view.entity('job', `${target.id}-copy`)),
        params: (_view, { baseline }) => ({ answer: `no copy of ${getString(baseline, 'from')}` }),
      },
    }),
    act({
      id: 'job.write',
      params: [{ name: 'text', title: 'text', form: 'text', required: true }],
      plan: (_view, target, params) => [
        { type: 'file', title: 'write', path: `notes/${target.id}.txt`, text: params['text'] ?? '' },
      ],
      expect: (view, order) => [
        {
          stage: 'done',
          title: 'the note is there',
          state: existsSync(join(view.located.root, 'notes', `${order.target.id}.txt`)) ? 'seen' : 'waiting',
          deadline: addMs(order.startedAt, 10_000),
          required: true,
        },
      ],
    }),
  ],
};

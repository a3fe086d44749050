import type { ParamSpec, Params, StepAnswer, StepOutput } from '../../domain/act.ts';
import { getArray } from '../../lib/json.ts';
import type { ActSpec, StateView } from '../system.ts';
import { isCheckout } from './act-epic.ts';
import { answerOf, complaintIn, listed, noScript, scriptStep } from './act-program.ts';
import { clip } from './facts.ts';
import { webhookUrlOf } from './sources.ts';

const MINUTE_MS = 60_000;

/** One command of the release gate. */
interface Gate {
  readonly id: string;
  readonly title: string;
  /** The first that is there is started. */
  readonly scripts: readonly string[];
  readonly does: string;
  readonly minutes: number;
  readonly warnings: readonly string[];
  readonly risk?: 'costly';
  readonly params?: readonly ParamSpec[];
  args?(params: Params): readonly string[];
}

const gates: readonly Gate[] = [
  {
    id: 'check.smoke',
    title: 'check: release smoke',
    scripts: ['scripts/release_smoke.py'],
    does: 'runs the local smoke test of the release gate',
    minutes: 15,
    warnings: ['It may build and start containers on this machine.'],
  },
  {
    id: 'check.security',
    title: 'check: security canary',
    scripts: ['scripts/security_canary.py'],
    does: 'runs the security canary of the release gate',
    minutes: 10,
    warnings: [],
  },
  {
    id: 'check.boundaries',
    title: 'check: volatility boundaries',
    scripts: ['scripts/check_volatility_boundaries.py'],
    does: 'looks whether parts of the code import what they may',
    minutes: 5,
    warnings: [],
  },
  {
    id: 'check.golden-flow',
    title: 'check: golden flow',
    // The runbook names the second place; the file lies at the first.
    scripts: ['tests/integration/test_golden_flow.py', 'tests/test_golden_flow.py'],
    does: 'runs the test of the golden flow',
    minutes: 15,
    warnings: ['pytest leaves .pytest_cache in the checkout.'],
  },
  {
    id: 'check.load',
    title: 'check: real load',
    scripts: ['scripts/real_service_stress.py'],
    does: 'puts real load on the running services, for minutes, and leaves its artifact in benchmarks/results',
    minutes: 60,
    risk: 'costly',
    warnings: [
      'It loads the services that run, with nothing faked: not while somebody needs them.',
      'aggressive is the heaviest profile there is.',
    ],
    params: [
      {
        name: 'profile',
        title: 'profile',
        form: 'choice',
        required: true,
        choices: ['heavy', 'aggressive'],
        hint: 'how much load',
      },
    ],
    args: (params) => [`--profile=${params['profile'] ?? 'heavy'}`],
  },
];

/** The commands of the release gate: each says by its exit code whether the gate holds. */
export const gateChecks: readonly ActSpec[] = gates.map(
  (gate): ActSpec => ({
    id: gate.id,
    title: gate.title,
    menu: 'other',
    risk: gate.risk ?? 'reversible',
    does: gate.does,
    runs:
      gate.id === 'check.golden-flow' ? `python -m pytest ${gate.scripts[0]} -v` : (gate.scripts[0] ?? ''),
    outcome: 'exit 0, and its last words',
    params: gate.params ?? [],
    appliesTo: isCheckout,
    precondition: (view) => noScript(view, scriptOf(view, gate)),
    warnings: () => gate.warnings,
    revision: () => 'the checkout as it is',
    plan(view, _target, params) {
      const script = scriptOf(view, gate);
      const isTest = script.startsWith('tests/');
      const argv = isTest ? ['-m', 'pytest', script, '-v'] : [script, ...(gate.args?.(params) ?? [])];
      const [first = '', ...rest] = argv;
      return [scriptStep(view, first, rest, { title: gate.title, timeoutMs: gate.minutes * MINUTE_MS })];
    },
    read: (outputs) => readGate(outputs[0]),
    answerIsProof: true,
    expect: () => [],
    undo: { text: 'nothing to undo: it checks' },
  }),
);

function scriptOf(view: StateView, gate: Gate): string {
  const here = getArray(view.located.extra, 'scripts');
  return gate.scripts.find((script) => here.includes(script)) ?? gate.scripts[0] ?? '';
}

/** A gate speaks by its exit code; its last line is shown. */
export function readGate(output: StepOutput | undefined): StepAnswer {
  if (!output) return answerOf(undefined, false, 'it was not started');
  const complaint = complaintIn(output);
  if (complaint !== undefined) return answerOf(output, false, `does not hold: ${complaint}`);
  const last = `${output.stdout}\n${output.stderr}`.trim().split('\n').at(-1)?.trim() ?? '';
  // A program that was not really run (an empty main part) ends with 0 and without a word too.
  if (last === '')
    return answerOf(output, false, 'exit 0 and not a word: nothing tells that anything was checked');
  return answerOf(output, true, `holds: ${clip(last, 160)}`);
}

/** Applies what scripts/run_migrations.py has to apply. */
export const migrateDatabase: ActSpec = {
  id: 'database.migrate',
  title: 'migrate databases',
  menu: 'other',
  risk: 'costly',
  does: 'applies the migrations that are missing to the two durable databases',
  runs: 'scripts/run_migrations.py with PYTHONPATH=., without which it finds no orket',
  outcome: 'what it applied and skipped, read',
  params: [],
  appliesTo: isCheckout,
  precondition(view) {
    const missing = noScript(view, MIGRATIONS);
    if (missing !== undefined) return missing;
    if (view.entities('job').length === 0)
      return 'no cards table was read: on a fresh database it ends in "no such table: main.issues"; run an epic once first';
    const live = view.entities('run').find((run) => run.status === 'running');
    return live ? `run ${live.id} is under way and writes to that database` : undefined;
  },
  warnings: () => [
    'Nothing takes a migration back: copy .orket/durable/db first, with the servers stopped.',
    'The way the runbook starts it, it finds no module orket; here PYTHONPATH is set to the root.',
  ],
  revision: (view) => `${view.entities('service').find(({ id }) => id === 'api')?.status ?? ''}`,
  plan: (view) => [
    scriptStep(view, MIGRATIONS, databasePaths(view), {
      title: 'apply missing migrations',
      env: { PYTHONPATH: view.located.root },
      timeoutMs: 5 * MINUTE_MS,
    }),
  ],
  read: (outputs) => readMigrations(outputs[0]),
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'no way back but a copy of the databases made before' },
};

const MIGRATIONS = 'scripts/run_migrations.py';

/** Its defaults are the usual places: told only where the durable root is another. */
function databasePaths({ located }: StateView): readonly string[] {
  const durable = String(located.extra['durable'] ?? '');
  if (durable === '.orket/durable' || durable === '') return [];
  return [`--runtime-db=${durable}/db/orket_persistence.db`, `--webhook-db=${durable}/db/webhook.db`];
}

/** `[MIGRATE] Applied FILE ...`, `[MIGRATE] Skipped FILE ...`. */
export function readMigrations(output: StepOutput | undefined): StepAnswer {
  if (!output) return answerOf(undefined, false, 'it was not started');
  const complaint = complaintIn(output);
  const words = [...output.stdout.matchAll(/^\[MIGRATE\] (Applied|Skipped) (\S{1,200})/gm)];
  const applied = words.filter(([, word]) => word === 'Applied').map(([, , file]) => file ?? '');
  // What it named before it ended stays applied.
  if (complaint !== undefined) {
    const half = applied.length === 0 ? '' : `; applied before that, and kept: ${listed(applied)}`;
    return answerOf(output, false, `${complaint}${half}`);
  }
  if (words.length === 0)
    return answerOf(output, false, 'exit 0, and no migration was named: nothing was run');
  const done = applied.length === 0 ? 'nothing was missing' : `applied ${applied.join(', ')}`;
  return answerOf(output, true, `${done}; ${words.length - applied.length} skipped`);
}

/** Sends one unsigned request, as a stranger would: whether it is refused, and whether the limit is in force. */
export const probeWebhook: ActSpec = {
  id: 'webhook.probe',
  title: 'send it an unsigned request',
  menu: 'other',
  risk: 'reversible',
  does: 'one POST /webhook/gitea without a signature: 401 is what it should say, 429 when its limit is in force',
  runs: 'POST /webhook/gitea',
  outcome: 'refused with 401 or 429',
  params: [],
  appliesTo: (target) => target.type === 'service' && target.id === 'webhook',
  precondition: (view) =>
    webhookUrlOf(view.located) === undefined
      ? 'its address is not known: set webhookUrl=http://HOST:8080'
      : undefined,
  warnings: () => ['It counts as one request against ORKET_RATE_LIMIT of this host.'],
  revision: () => 'the server as it is',
  plan: (view) => [
    {
      type: 'http',
      title: 'an unsigned event',
      method: 'POST',
      url: `${webhookUrlOf(view.located) ?? ''}/webhook/gitea`,
      headers: { 'content-type': 'application/json' },
      body: {},
      asksOnly: true,
      timeoutMs: 10_000,
    },
  ],
  read: (outputs) => readProbe(outputs[0]),
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: a request that is refused changes nothing' },
};

/** What the webhook made of a request that nobody signed. */
export function readProbe(output: StepOutput | undefined): StepAnswer {
  const status = output?.httpStatus;
  if (!output || status === undefined) return answerOf(output, false, output?.error ?? 'no answer');
  if (status === 401 || status === 403)
    return answerOf(output, true, `${status}: unsigned requests are refused`);
  if (status === 429) return answerOf(output, true, '429: its limit is in force now, for everybody');
  if (status < 300)
    return answerOf(
      output,
      false,
      `${status}: it takes unsigned requests: GITEA_WEBHOOK_SECRET is not in force`,
    );
  return answerOf(output, false, `${status}: it fails before it looks at the signature`);
}

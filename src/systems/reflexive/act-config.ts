import type { Step, StepAnswer } from '../../domain/act.ts';
import { type Entity, refTo } from '../../domain/entity.ts';
import { getObject, getString } from '../../lib/json.ts';
import type { ActSpec, StateView } from '../system.ts';
import { answerOf, daemonOf, failureOf, isDaemon, stage } from './act-common.ts';
import { type SettableKey, settableKeys } from './config.ts';
import { programPath } from './locate.ts';

const writtenMs = 15_000;
const sedTimeoutMs = 10_000;

/** What a value of each key must look like, and in words. */
const forms: { readonly [K in SettableKey]: readonly [RegExp, string] } = {
  'safety.max_api_cost_per_day': [/^\d{1,6}(\.\d{1,2})?$/, 'dollars, such as 80 or 80.50'],
  'issue_processing.max_complexity': [/^(10|\d)$/, 'a whole number from 0 to 10'],
  'issue_processing.enable_auto_implementation': [/^(true|false)$/, 'true or false'],
  'orchestrator.poll_interval': [/^[1-9]\d{0,4}$/, 'whole seconds'],
  'logging.level': [/^(DEBUG|INFO|WARNING|ERROR)$/, 'DEBUG, INFO, WARNING or ERROR'],
};

/** Issues that an edit of the configuration may end. */
const issues = ['cost-limit', 'cost-refused', 'not-processing', 'config-not-in-force'];

/**
 * What the runbook's `config set` and its `vim` are for. The keys it names end the next start; these exist. One line is
 * changed, comments and everything else stay as they are.
 */
export const setConfig: ActSpec = {
  id: 'config.set',
  title: 'set a value of the configuration',
  menu: 'other',
  risk: 'reversible',
  does: 'changes one line of the configuration file; the daemon takes it at its next start, not before',
  runs: 'sed --in-place on the line of the key',
  outcome: 'the file has the new value',
  params: [
    { name: 'key', title: 'key', form: 'choice', required: true, choices: settableKeys },
    {
      name: 'value',
      title: 'value',
      form: 'text',
      required: true,
      maxLength: 20,
      hint: 'a number, true, false or a level',
    },
  ],
  appliesTo: (target) => isDaemon(target) || isMoney(target) || isIssueOfIt(target),
  precondition(view) {
    if (fileOf(view) === undefined) return 'no configuration file was found';
    return Object.keys(writtenOf(view)).length === 0
      ? 'none of the keys stands on a line of its own in the file: edit it by hand'
      : undefined;
  },
  warnings(view) {
    const missing = settableKeys.filter((key) => writtenOf(view)[key] === undefined);
    return [
      'The running daemon does not read it again: restart it at a moment without an operation in flight.',
      ...(missing.length === 0
        ? []
        : [`Not written in the file, and so not to be changed: ${missing.join(', ')}`]),
    ];
  },
  revision: (view) =>
    Object.entries(writtenOf(view))
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  baseline: (view) => ({ written: { ...writtenOf(view) } }),
  plan(view, _target, params): readonly Step[] {
    const key = settableKeys.find((one) => one === params['key']);
    const value = (params['value'] ?? '').trim();
    if (key === undefined) throw new Error('not a key that can be set');
    const [form, words] = forms[key];
    if (!form.test(value)) throw new Error(`${key} takes ${words}`);
    const before = writtenOf(view)[key];
    if (before === undefined) throw new Error(`${key} is not written in the file: edit it by hand`);
    if (before === value) throw new Error(`${key} is ${value} already`);
    const [section = '', name = ''] = key.split('.');
    // From the section's line to the next one at the margin; only the value changes, a comment behind it stays.
    const script = `/^${section}:/,/^[^[:space:]#]/s/^([[:space:]]+${name}:[[:space:]]*)[^[:space:]#]+/\\1${value}/`;
    const file = fileOf(view) ?? '';
    return [
      {
        type: 'process',
        title: `${key}: ${before} -> ${value}`,
        argv: [
          programPath(view.located, 'sed'),
          '--in-place',
          '--follow-symlinks',
          '--regexp-extended',
          `--expression=${script}`,
          '--',
          file,
        ],
        cwd: view.located.root,
        timeoutMs: sedTimeoutMs,
      },
    ];
  },
  read([output]): StepAnswer {
    const failed = failureOf(output);
    return answerOf(
      failed === undefined,
      failed ?? 'sed ended well, which it does without a change too',
      output,
    );
  },
  expect(view, order) {
    const key = order.params['key'] ?? '';
    const wanted = (order.params['value'] ?? '').trim();
    const now = writtenOf(view)[key];
    const before = getString(getObject(order.baseline, 'written'), key);
    const invalid = view.entity('issue', 'config-invalid');
    return [
      stage(order, 'done', 'the file has the new value', writtenMs, {
        state: now === wanted ? 'seen' : now !== undefined && now !== before ? 'contradicted' : 'waiting',
        detail: now === undefined ? 'the key is not in the file' : `${key}: ${now}`,
      }),
      stage(
        order,
        'done',
        'a start would accept it',
        writtenMs,
        { state: invalid ? 'contradicted' : now === wanted ? 'seen' : 'waiting', detail: invalid?.title },
        false,
      ),
    ];
  },
  undo: {
    act: 'config.set',
    text: 'set it back to the value of before; the daemon takes that at its next start',
    // The condition it was done for may be over.
    on: (view) => refTo(daemonOf(view)),
    params: (_view, { baseline, params }) => {
      const key = params['key'] ?? '';
      return { key, value: getString(getObject(baseline, 'written'), key) ?? '' };
    },
  },
};

function isMoney(target: Entity): boolean {
  return target.type === 'meter' && target.id === 'cost';
}

function isIssueOfIt(target: Entity): boolean {
  return target.type === 'issue' && (issues.includes(target.id) || target.id.startsWith('guard-'));
}

/** The configuration file in force, absolute or below the root. */
function fileOf(view: StateView): string | undefined {
  const path = getString(view.data, 'configFile');
  if (path === undefined || path.includes('\0')) return undefined;
  return path.startsWith('/') ? path : `${view.located.root}/${path}`;
}

function writtenOf(view: StateView): { readonly [key: string]: string } {
  const written = getObject(view.data, 'written') ?? {};
  return Object.fromEntries(
    Object.entries(written).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])),
  );
}

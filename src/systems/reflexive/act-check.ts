import type { Step, StepAnswer, StepOutput } from '../../domain/act.ts';
import { getArray, getBoolean, getString, type Json } from '../../lib/json.ts';
import type { ActSpec, StateView } from '../system.ts';
import {
  answerOf,
  cliStep,
  daemonState,
  failureOf,
  isDaemon,
  plainOutput,
  printedObject,
  programRefusal,
} from './act-common.ts';
import { programPath } from './locate.ts';
import { healthWords } from './offered.ts';

export const nothingToUndo = { text: 'nothing to undo: it only looks' } as const;

/** `validate-config`: what a start would say, without one. */
export const validateConfig: ActSpec = {
  id: 'config.validate',
  title: 'validate the configuration',
  menu: 'other',
  risk: 'reversible',
  does: 'has the program read its configuration as a start would, and changes nothing',
  runs: 'src.cli validate-config',
  outcome: 'it says "Configuration is valid" and exits 0',
  params: [],
  appliesTo: (target) =>
    isDaemon(target) ||
    (target.type === 'issue' && ['config-invalid', 'config-not-in-force'].includes(target.id)),
  precondition: (view) => programRefusal(view, 'validate-config'),
  revision: (view) => view.entity('issue', 'config-invalid')?.title ?? 'valid',
  plan: (view): readonly Step[] => [cliStep(view, ['validate-config'], 'validate the configuration')],
  read([output]): StepAnswer {
    const failed = failureOf(output);
    if (failed !== undefined) return answerOf(false, failed, output);
    const isSaid = /configuration is valid/i.test(output?.stdout ?? '');
    return answerOf(isSaid, isSaid ? 'valid' : 'exit 0, but it does not say that it is valid', output);
  },
  answerIsProof: true,
  expect: () => [],
  undo: nothingToUndo,
};

type Part = { readonly name: string; readonly status: string; readonly message: string };

/** The check of GitHub calls a method that does not exist: it fails whenever GitHub could be asked. */
const isFaultOfCheck = (part: Part): boolean =>
  part.name === 'github_api' && part.message.includes('get_rate_limit');

/** `health --json-output`, judged anew: its own verdict is always unhealthy with GitHub, and fine without. */
export const checkHealth: ActSpec = {
  id: 'health.check',
  title: 'check health',
  menu: 'other',
  risk: 'reversible',
  does: "runs the program's health check and judges its parts anew, as its own verdict on GitHub is inverted",
  runs: 'src.cli health --json-output (or health-check)',
  outcome: 'every part healthy, the broken check of GitHub left out',
  params: [],
  appliesTo: isDaemon,
  precondition: (view) =>
    programRefusal(view) ??
    (healthWords(view) ? undefined : 'the program here has neither health nor health-check'),
  revision: (view) => daemonState(view),
  plan: (view): readonly Step[] => [cliStep(view, healthWords(view) ?? [], 'check health')],
  read: ([output]) => readHealth(output),
  answerIsProof: true,
  expect: () => [],
  undo: nothingToUndo,
};

/** What the report says of each part, and the verdict that follows from it. */
export function readHealth(output: StepOutput | undefined): StepAnswer {
  const failed = failureOf(output);
  const parts = output ? partsOf(output) : [];
  if (!output || output.timedOut || parts.length === 0)
    return answerOf(false, failed ?? 'exit 0, but no report in it', output);
  const counted = parts.filter((part) => !isFaultOfCheck(part));
  const bad = counted.filter((part) => part.status !== 'healthy');
  const hasGithub = parts.some((part) => /^github/i.test(part.name));
  const words = bad.map((part) => `${part.name} ${part.status}: ${part.message}`);
  if (!hasGithub) words.push('GitHub was not checked: its client could not be made');
  const isOk = words.length === 0;
  const own = /overall[_ ]status"?:\s*"?([a-z]+)/i.exec(output.stdout)?.[1]?.toLowerCase();
  const lines = [
    ...parts.map((part) => {
      const note = isFaultOfCheck(part) ? ' (a fault of the check: not counted)' : '';
      return `${part.status.padEnd(10)} ${part.name}: ${part.message}${note}`;
    }),
    `its own verdict: ${own ?? 'none'}, exit ${output.exitCode ?? '?'}`,
  ];
  return {
    ok: isOk,
    summary: isOk ? `${counted.length} parts healthy` : words.join('; ').slice(0, 300),
    sections: [{ title: 'parts', text: lines.join('\n') }],
  };
}

function partsOf(output: StepOutput): readonly Part[] {
  const report = printedObject(output.stdout);
  const part = (check: Json): Part => ({
    name: (getString(check, 'name') ?? '?').slice(0, 60),
    status: (getString(check, 'status') ?? 'unknown').toLowerCase().slice(0, 20),
    message: (getString(check, 'message') ?? '').slice(0, 300),
  });
  if (report !== undefined) return getArray(report, 'checks').slice(0, 50).map(part);
  // The form of the runbook: `✓ CPU Usage: 45% (HEALTHY)`.
  return output.stdout.split('\n').flatMap((line): Part[] => {
    const match =
      /^\s*\S{1,3}\s+([A-Za-z][\w /-]{1,40}):\s*(.{0,200}?)\s*\((HEALTHY|DEGRADED|UNHEALTHY|UNKNOWN)\)\s*$/.exec(
        line,
      );
    return match
      ? [{ name: match[1] ?? '', message: match[2] ?? '', status: (match[3] ?? '').toLowerCase() }]
      : [];
  });
}

/** `list-issues`: asks GitHub with the program's own token, and shows what a pass would find. */
export const listIssues: ActSpec = {
  id: 'github.check',
  title: 'ask GitHub for its open issues',
  menu: 'other',
  risk: 'reversible',
  does: "lists open issues with the program's own token: GitHub answers, or the reason why not",
  runs: 'src.cli list-issues --state=open',
  outcome: 'GitHub answered',
  params: [],
  appliesTo: (target) =>
    isDaemon(target) || (target.type === 'issue' && ['github-check', 'not-processing'].includes(target.id)),
  precondition: (view) => programRefusal(view, 'list-issues'),
  warnings: () => ['It appends orchestrator_started to both logs, and counts against the limit of GitHub.'],
  revision: (view) => daemonState(view),
  plan: (view): readonly Step[] => [cliStep(view, ['list-issues', '--state=open'], 'list open issues')],
  read([output]): StepAnswer {
    const failed = failureOf(output);
    if (failed !== undefined) return answerOf(false, failed, output);
    const shown = /Showing (\d+) of (\d+) issues/.exec(output?.stdout ?? '');
    const none = /no issues found/i.test(output?.stdout ?? '');
    if (!shown && !none) return answerOf(false, 'exit 0, but neither issues nor their absence in it', output);
    return answerOf(true, shown ? `${shown[2]} open issues` : 'GitHub answered: no open issue', output);
  },
  answerIsProof: true,
  expect: () => [],
  undo: nothingToUndo,
};

const fsckTimeoutMs = 15 * 60_000;

/** `git fsck`, which the runbook asks for before anything is cloned anew. */
export const checkRepository: ActSpec = {
  id: 'repository.check',
  title: 'check the git repository',
  menu: 'other',
  risk: 'reversible',
  does: 'has git verify every object of the checkout; repairs nothing',
  runs: 'git fsck --full --no-dangling',
  outcome: 'exit 0: no object broken or missing',
  params: [],
  appliesTo: isDaemon,
  precondition: (view) => gitRefusal(view),
  warnings: () => ['It reads every object: minutes of disk on a large repository.'],
  revision: () => 'repository',
  plan: (view): readonly Step[] => [
    {
      type: 'process',
      title: 'git fsck',
      argv: [programPath(view.located, 'git'), 'fsck', '--full', '--no-dangling', '--no-progress'],
      cwd: view.located.root,
      timeoutMs: fsckTimeoutMs,
    },
  ],
  read([output]): StepAnswer {
    const failed = failureOf(output);
    const found = output
      ? plainOutput(output)
          .split('\n')
          .filter((line) => line !== '')
      : [];
    if (failed !== undefined)
      return answerOf(false, `${failed}${found[0] ? `: ${found[0].slice(0, 160)}` : ''}`, output);
    return answerOf(true, 'no object is broken or missing', output);
  },
  answerIsProof: true,
  expect: () => [],
  undo: nothingToUndo,
};

/** Why git can't be asked in the checkout. */
export function gitRefusal(view: StateView): string | undefined {
  return getBoolean(view.located.extra, 'hasGit') === true ? undefined : 'the directory is no git checkout';
}
